"""Zones and scales on a camera's picture, checked without arrays.

The same rules and words as ``vision.polygons`` and ``pipelines.zones``, which the workers apply:
a test holds both against each other. The service may not import numpy, and has one polygon at a
time.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import hypot, isfinite
from typing import Final, TypeVar

from pipelines.messages import ZoneKind
from service.refusals import Refusal, RefusedError

Corner = tuple[float, float]
"""x and y as shares of the picture, origin top left."""

Mark = tuple[int, int]
"""A corner in steps of the grid."""

Point = TypeVar("Point")

SMALLEST_AREA_SHARE: Final = 1e-4
MOST_CORNERS: Final = 64

GRID: Final = 2**20
"""Steps to a side of the picture on which workers hold a zone's sides against each other."""

SHORTEST_ARROW: Final = 0.02
"""Of a direction or a scale, as a share of the picture: shorter is a slip of the hand."""

WHOLE_PICTURE_ZONE: Final = "all"
"""What workers call the whole picture; no zone may be called so."""


_TIMED: Final = frozenset({ZoneKind.ROAD, ZoneKind.FIRE_LANE, ZoneKind.GATE})
"""Where it matters how long a vehicle stands."""


class ZoneError(RefusedError):
    """What was drawn makes no zone or scale. The text says what to do."""


def require_zone(corners: Sequence[Corner]) -> None:
    """Raise ``ZoneError`` unless the corners make a zone."""
    if len(corners) < 3:
        raise ZoneError(
            Refusal.ZONE_FEW_CORNERS,
            f"a zone has at least 3 corners, not {len(corners)}",
            corners=len(corners),
        )
    if len(corners) > MOST_CORNERS:
        raise ZoneError(
            Refusal.ZONE_MANY_CORNERS,
            f"a zone has at most {MOST_CORNERS} corners, not {len(corners)}",
            most=MOST_CORNERS,
            corners=len(corners),
        )
    if not all(isfinite(one) and 0 <= one <= 1 for corner in corners for one in corner):
        raise ZoneError(
            Refusal.ZONE_OFF_PICTURE, "a zone's corners lie on the picture: x and y between 0 and 1"
        )
    points = [_as_worker_sees(corner) for corner in corners]
    if _meets_itself(points):
        raise ZoneError(
            Refusal.ZONE_CROSSES,
            "the zone's sides cross, touch or lie on each other: give the corners in order, once "
            "around it",
        )
    area = _area(points)
    if area < SMALLEST_AREA_SHARE:
        raise ZoneError(
            Refusal.ZONE_SMALL,
            f"the zone covers {area:.5f} of the picture: draw it larger",
            share=round(area, 5),
        )


def require_direction(kind: ZoneKind, start: Corner, end: Corner) -> None:
    """Raise ``ZoneError`` unless a zone of this kind may have this arrow."""
    if kind is not ZoneKind.ROAD:
        raise ZoneError(
            Refusal.DIRECTION_ELSEWHERE,
            "a direction belongs to a zone of the kind road: drop it",
        )
    (x0, y0), (x1, y1) = _as_worker_sees(start), _as_worker_sees(end)
    if _as_worker_sees((hypot(*_as_worker_sees((x1 - x0, y1 - y0))), 0))[0] < _SHORTEST_32:
        raise ZoneError(
            Refusal.DIRECTION_SHORT, "the direction's arrow has no length: draw it longer"
        )


def require_permitted(kind: ZoneKind) -> None:
    """Raise ``ZoneError`` unless a time to stand means something in a zone of this kind."""
    if kind not in _TIMED:
        raise ZoneError(
            Refusal.PERMITTED_ELSEWHERE,
            "a permitted time belongs to a road, fire lane or gate: drop it",
        )


def require_scale(foot: Corner, head: Corner) -> None:
    """Raise ``ZoneError`` unless foot and head make a scale that water rises along."""
    if hypot(head[0] - foot[0], head[1] - foot[1]) < SHORTEST_ARROW:
        raise ZoneError(Refusal.SCALE_SHORT, "the water scale has no length: mark foot and head")
    if head[1] >= foot[1]:
        raise ZoneError(
            Refusal.SCALE_TURNED, "the water scale's head lies above its foot: swap them"
        )


def _as_worker_sees(corner: Corner) -> Corner:
    # Workers compute with 32-bit shares: a side that crosses there must cross here.
    x, y = struct.unpack("<2f", struct.pack("<2f", *corner))
    return x, y


def _area(points: Sequence[Corner]) -> float:
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in _around(points))) / 2


def _around(points: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    return pairwise((*points, *points[:1]))


def _meets_itself(corners: Sequence[Corner]) -> bool:
    """Say whether two sides meet elsewhere than neighbours do: at the corner between them."""
    marks = [(round(x * GRID), round(y * GRID)) for x, y in corners]
    sides = [side for side in _around(marks) if side[0] != side[1]]  # one clicked twice is one
    last = len(sides) - 1
    return any(_turns_back(*side, after) for side, (_, after) in _around(sides)) or any(
        _meet(*sides[first], *sides[second])
        for first in range(len(sides))
        for second in range(first + 2, len(sides))
        if (first, second) != (0, last)  # neighbours around the end
    )


def _turns_back(a: Mark, b: Mark, c: Mark) -> bool:
    ahead = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
    return _side(a, b, c) == 0 and ahead < 0


def _meet(a: Mark, b: Mark, c: Mark, d: Mark) -> bool:
    """Say whether the sides a-b and c-d have a point in common, their ends included."""
    is_near = all(
        min(a[axis], b[axis]) <= max(c[axis], d[axis])
        and min(c[axis], d[axis]) <= max(a[axis], b[axis])
        for axis in (0, 1)
    )
    return is_near and _side(a, b, c) * _side(a, b, d) <= 0 and _side(c, d, a) * _side(c, d, b) <= 0


def _side(p: Mark, q: Mark, r: Mark) -> int:
    return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])


_SHORTEST_32: Final = _as_worker_sees((SHORTEST_ARROW, 0))[0]
