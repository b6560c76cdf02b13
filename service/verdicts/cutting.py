"""Cutting a rectangle out of a zone, where what is left is at most four rectangles. Pure.

Other zones aren't cut: what a person has drawn along a ridge keeps its corners.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pipelines.messages import BoxShares, ZoneKind
from service.cameras.drawn import MOST_ZONES
from service.cameras.zones import WHOLE_PICTURE_ZONE
from vision.hazards import Hazard

Item = TypeVar("Item")

Drawn = Mapping[str, Any]
"""A zone as the database keeps it; without a kind it is an area."""

GROWN_SHARE: Final = 0.05
"""Of the rectangle's sides, on each: what was seen at a place moves a little from day to day."""

MOST_CUT_SHARE: Final = 0.5
"""Of the zone. Whoever cuts more should draw it anew, and see what is lost."""

THINNEST: Final = 0.02
"""As a share of the picture: no box of the detector fits into a thinner strip, so it goes too."""

_SEEN_IN: Final = {
    Hazard.FIRE: frozenset({ZoneKind.AREA}),
    Hazard.SMOKE: frozenset({ZoneKind.AREA}),
    Hazard.DEBRIS: frozenset({ZoneKind.AREA, ZoneKind.ROAD, ZoneKind.SLOPE}),
}
"""Kinds of zones that a hazard counts in, as in ``pipelines.zones``: a test holds both together.
Where none is drawn, it counts on the whole picture."""

_GROUND: Final = frozenset({ZoneKind.ROAD, ZoneKind.SLOPE})
"""Where the background shows what has come to lie there, as in ``pipelines.rules.debris``: a test
holds both together."""

_NAME_LENGTH: Final = 120
"""Leaves room for a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A zone without a rectangle."""

    zone_id: str
    """Which."""
    box: BoxShares
    """What goes."""
    rest: tuple[BoxShares, ...]
    """What stays: above, below, left and right of it, where there is something."""
    names: tuple[str, ...]
    """What each rest is called."""
    share: float
    """How much of the zone goes."""


def cut_of(zone_id: str, boxes: Sequence[BoxShares], zones: Sequence[Drawn]) -> Cut | None:
    """Return the zone without a rectangle around these boxes; ``None`` if it isn't to be cut."""
    whole = _rectangle_of(zone_id, zones)
    # A zone that was drawn anew may have left behind what lay in it.
    inside = [box for box in boxes if whole is not None and holds(whole, box)]
    if whole is None or not inside:
        return None
    box = _around(inside, whole)
    share = _area(box) / _area(whole)
    rest = _beside(box, whole)
    others = [zone["zone_id"] for zone in zones if zone["zone_id"] != zone_id]
    if share >= MOST_CUT_SHARE or len(others) + len(rest) > MOST_ZONES:
        return None
    names = _names(zone_id, len(rest), others)
    return Cut(zone_id=zone_id, box=box, rest=rest, names=names, share=share)


def is_watched(hazard: Hazard, zone_id: str, zones: Sequence[Drawn]) -> bool:
    """Say whether a hazard counts in a zone as the camera is drawn now."""
    inside = [zone["zone_id"] for zone in zones if _kind(zone) in _SEEN_IN[hazard]]
    return zone_id in (inside or [WHOLE_PICTURE_ZONE])


def sees_ground(zone_id: str, zones: Sequence[Drawn]) -> bool:
    """Say whether things are seen in a zone that no detector gave a score."""
    return any(zone["zone_id"] == zone_id and _kind(zone) in _GROUND for zone in zones)


def parted(
    items: Sequence[Item], boxes: Sequence[BoxShares], parts: Sequence[BoxShares]
) -> list[list[Item]]:
    """Return the items whose boxes count in each part; parts don't overlap."""
    found: list[list[Item]] = [[] for _ in parts]
    for item, (x0, y0, x1, y1) in zip(items, boxes, strict=True):
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        for number, (left, top, right, bottom) in enumerate(parts):
            if left <= x < right and top <= y < bottom:
                found[number].append(item)
                break
    return found


def holds(part: BoxShares, box: BoxShares) -> bool:
    """Say whether a box counts in a part of the picture: by its centre, as the rules go."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return part[0] <= x < part[2] and part[1] <= y < part[3]


def zones_after(cut: Cut, zones: Sequence[Drawn]) -> list[dict[str, Any]]:
    """Return what is drawn once the cut is made, as the registry takes it."""
    kept = [dict(zone) for zone in zones if zone["zone_id"] != cut.zone_id]
    rest = [
        {"zone_id": name, "polygon": [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]}
        for name, (x0, y0, x1, y1) in zip(cut.names, cut.rest, strict=True)
    ]
    return [*kept, *rest]


def _rectangle_of(zone_id: str, zones: Sequence[Drawn]) -> BoxShares | None:
    """Return the zone's rectangle, if it is an area and has one."""
    if zone_id == WHOLE_PICTURE_ZONE:
        # Where it counts for some only, areas drawn now would widen what the others watch.
        counts = all(is_watched(hazard, zone_id, zones) for hazard in _SEEN_IN)
        return (0.0, 0.0, 1.0, 1.0) if counts else None
    zone = next((one for one in zones if one["zone_id"] == zone_id), None)
    if zone is None or _kind(zone) is not ZoneKind.AREA:
        return None
    corners = [(float(x), float(y)) for x, y in zone["polygon"]]
    xs, ys = sorted({x for x, _ in corners}), sorted({y for _, y in corners})
    if len(corners) != 4 or len(set(corners)) != 4 or (len(xs), len(ys)) != (2, 2):
        return None
    return xs[0], ys[0], xs[1], ys[1]


def _kind(zone: Drawn) -> ZoneKind:
    return ZoneKind(zone.get("kind") or ZoneKind.AREA)


def _around(boxes: Sequence[BoxShares], whole: BoxShares) -> BoxShares:
    x0, x1 = _span([one[0] for one in boxes], [one[2] for one in boxes], whole[0], whole[2])
    y0, y1 = _span([one[1] for one in boxes], [one[3] for one in boxes], whole[1], whole[3])
    return x0, y0, x1, y1


def _span(
    starts: Sequence[float], ends: Sequence[float], first: float, last: float
) -> tuple[float, float]:
    """Return the stretch that goes along one axis of a zone from ``first`` to ``last``."""
    start, end = min(starts), max(ends)
    margin = max(GROWN_SHARE * (end - start), (THINNEST - (end - start)) / 2)
    start, end = round(start - margin, 4), round(end + margin, 4)
    if start - first < THINNEST:
        start = first
    if last - end < THINNEST:
        end = last
    return start, end


def _beside(box: BoxShares, whole: BoxShares) -> tuple[BoxShares, ...]:
    x0, y0, x1, y1 = box
    left, top, right, bottom = whole
    around = (
        (left, top, right, y0),
        (left, y1, right, bottom),
        (left, y0, x0, y1),
        (x1, y0, right, y1),
    )
    return tuple(one for one in around if one[2] > one[0] and one[3] > one[1])


def _area(box: BoxShares) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _names(zone_id: str, count: int, taken: Sequence[str]) -> tuple[str, ...]:
    stem, number = zone_id[:_NAME_LENGTH].rstrip(), 0
    names: list[str] = []
    while len(names) < count:
        number += 1
        name = f"{stem}-{number}"
        if name not in taken:
            names.append(name)
    return tuple(names)
