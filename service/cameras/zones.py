"""Zones on a camera's picture, checked without arrays.

The same rules and words as ``vision.polygons``, which the workers apply: a test holds both
against each other. The service may not import numpy, and has one polygon at a time.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isfinite
from typing import Final

from service.refusals import Refusal, RefusedError

Corner = tuple[float, float]
"""x and y as shares of the picture, origin top left."""

SMALLEST_AREA_SHARE: Final = 1e-4
MOST_CORNERS: Final = 64

WHOLE_PICTURE_ZONE: Final = "all"
"""What workers call the whole picture; no zone may be called so."""


class ZoneError(RefusedError):
    """The corners do not make a zone. The text says what to do."""


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
    if _crosses_itself(points):
        raise ZoneError(
            Refusal.ZONE_CROSSES, "the zone's sides cross: give the corners in order around it"
        )
    area = _area(points)
    if area < SMALLEST_AREA_SHARE:
        raise ZoneError(
            Refusal.ZONE_SMALL,
            f"the zone covers {area:.5f} of the picture: draw it larger",
            share=round(area, 5),
        )


def _as_worker_sees(corner: Corner) -> Corner:
    # Workers compute with 32-bit shares: a side that crosses there must cross here.
    x, y = struct.unpack("<2f", struct.pack("<2f", *corner))
    return x, y


def _area(points: Sequence[Corner]) -> float:
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in _sides(points))) / 2


def _crosses_itself(points: Sequence[Corner]) -> bool:
    sides = list(_sides(points))
    last = len(sides) - 1
    return any(
        _cross(*sides[first], *sides[second])
        for first in range(len(sides))
        for second in range(first + 2, len(sides))
        if (first, second) != (0, last)  # neighbours around the end
    )


def _sides(points: Sequence[Corner]) -> Iterator[tuple[Corner, Corner]]:
    return pairwise((*points, points[0]))


def _cross(a: Corner, b: Corner, c: Corner, d: Corner) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(p: Corner, q: Corner, r: Corner) -> float:
    return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
