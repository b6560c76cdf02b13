"""A camera's zones, scale and privacy, validated: what the rules and the masks go by."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float32

from pipelines.messages import Camera, WaterScale, Zone, ZoneKind
from vision.hazards import Hazard
from vision.polygons import WHOLE_PICTURE, Polygon, PolygonError, polygon

WHOLE_PICTURE_ZONE: Final = "all"
"""The zone of a camera for which none was drawn."""

SHORTEST_ARROW: Final = 0.02
"""Of a direction or a scale, as a share of the picture: shorter is a slip of the hand."""


class ZoneError(ValueError):
    """A camera's zone or scale can't be used. The text names it and says what to do."""

    code = "bad_zone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """One zone as the rules see it."""

    zone_id: str
    """Its name."""
    kind: ZoneKind
    """What it shows."""
    polygon: Polygon
    """Its corners, shares 0-1 of the source picture."""
    direction: Float32[np.ndarray, "2"] | None = None
    """Where vehicles may drive on the picture: x y, shares of its width and height, any length."""
    permitted_s: float | None = None
    """How long a vehicle may stand; ``None``: the rule's own time."""


WHOLE: Final = Area(zone_id=WHOLE_PICTURE_ZONE, kind=ZoneKind.AREA, polygon=WHOLE_PICTURE)
"""The whole picture."""

KINDS: Final = {
    Hazard.FIRE: frozenset({ZoneKind.AREA}),
    Hazard.SMOKE: frozenset({ZoneKind.AREA}),
    Hazard.DEBRIS: frozenset({ZoneKind.AREA, ZoneKind.ROAD, ZoneKind.SLOPE}),
    Hazard.STOPPED_VEHICLE: frozenset({ZoneKind.ROAD}),
    Hazard.WRONG_WAY: frozenset({ZoneKind.ROAD}),
    Hazard.OBSTRUCTION: frozenset({ZoneKind.FIRE_LANE, ZoneKind.GATE}),
}
"""Vehicles are watched on roads, fire lanes and emergency gates only."""

ANYWHERE: Final = frozenset({Hazard.FIRE, Hazard.SMOKE, Hazard.DEBRIS})
"""Where no zone of its kinds is drawn, these count on the whole picture."""

ALL_OF_IT: Final = frozenset({Hazard.WATER_OVER_LINE, Hazard.CAMERA_FAULT})
"""These concern the picture, whatever is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zones:
    """All that is drawn on a camera's picture."""

    areas: tuple[Area, ...] = ()
    """Where hazards count, in the order they were drawn."""
    privacy: tuple[Polygon, ...] = ()
    """What is blanked before anything sees the pixels."""
    water: WaterScale | None = None
    """The marked scale."""

    def of(self, hazard: Hazard) -> tuple[Area, ...]:
        """Return where a hazard is watched for; nowhere, if it lacks what it needs."""
        if hazard in ALL_OF_IT:
            has_scale = hazard is not Hazard.WATER_OVER_LINE or self.water is not None
            return (WHOLE,) if has_scale else ()
        found = tuple(area for area in self.areas if area.kind in KINDS[hazard])
        if hazard is Hazard.WRONG_WAY:
            return tuple(area for area in found if area.direction is not None)
        return found or ((WHOLE,) if hazard in ANYWHERE else ())

    def need_steady_looks(self, hazards: Iterable[Hazard]) -> bool:
        """Say whether one of the hazards needs several looks a second, always."""
        return Hazard.WRONG_WAY in hazards and bool(self.of(Hazard.WRONG_WAY))


def zones_of(camera: Camera) -> Zones:
    """Return what is drawn on a camera's picture. Raises ``ZoneError``."""
    if len({zone.zone_id for zone in camera.zones}) < len(camera.zones):
        raise ZoneError(f"{camera.camera_id}: a zone_id is used twice: give each zone its own")
    drawn = [_area(camera, zone) for zone in camera.zones]
    return Zones(
        areas=tuple(area for area in drawn if area.kind is not ZoneKind.PRIVACY),
        privacy=tuple(area.polygon for area in drawn if area.kind is ZoneKind.PRIVACY),
        water=_water(camera),
    )


def _area(camera: Camera, zone: Zone) -> Area:
    where = f"{camera.camera_id}, zone {zone.zone_id}"
    try:
        corners = polygon(np.array(zone.polygon, np.float32))
    except PolygonError as error:
        raise ZoneError(f"{where}: {error}") from error
    direction = None
    if zone.direction is not None:
        if zone.kind is not ZoneKind.ROAD:
            raise ZoneError(f"{where}: a direction belongs to a zone of the kind road: drop it")
        start, end = np.array(zone.direction, np.float32)
        direction = end - start
        if np.hypot(*direction) < SHORTEST_ARROW:
            raise ZoneError(f"{where}: the direction's arrow has no length: draw it longer")
    if zone.permitted_s is not None and zone.kind not in _TIMED:
        raise ZoneError(f"{where}: a permitted time belongs to a road, fire lane or gate: drop it")
    return Area(
        zone_id=zone.zone_id,
        kind=zone.kind,
        polygon=corners,
        direction=direction,
        permitted_s=zone.permitted_s,
    )


_TIMED: Final = frozenset({ZoneKind.ROAD, ZoneKind.FIRE_LANE, ZoneKind.GATE})


def _water(camera: Camera) -> WaterScale | None:
    scale = camera.water
    if scale is None:
        return None
    length = float(np.hypot(scale.head[0] - scale.foot[0], scale.head[1] - scale.foot[1]))
    if length < SHORTEST_ARROW:
        raise ZoneError(f"{camera.camera_id}: the water scale has no length: mark foot and head")
    if scale.head[1] >= scale.foot[1]:
        raise ZoneError(
            f"{camera.camera_id}: the water scale's head lies above its foot: swap them"
        )
    return scale
