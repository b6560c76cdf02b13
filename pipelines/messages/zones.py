"""What is drawn on a camera's picture."""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import msgspec

from pipelines.messages.wire import Name, Share

PointShares = tuple[Share, Share]

MIN_DWELL_S = 10.0
"""A vehicle that stands for less has not stopped: it waits for another to turn."""


class ZoneKind(StrEnum):
    """What a part of a picture shows, and with that which rules hold in it."""

    AREA = "area"
    """Anything: fire, smoke and what the detector calls rock count here."""
    ROAD = "road"
    """A carriageway: besides, stopped and wrong-way vehicles, and what lies on it."""
    SLOPE = "slope"
    """A slope that may come down: besides, what has come to lie on it."""
    FIRE_LANE = "fire_lane"
    """消防通道: besides, what blocks it."""
    GATE = "gate"
    """An emergency gate: as a fire lane."""
    PRIVACY = "privacy"
    """Blanked before anything sees the pixels; nothing counts in it."""


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A polygon on a camera's picture."""

    zone_id: Name
    polygon: Annotated[tuple[PointShares, ...], msgspec.Meta(min_length=3, max_length=64)]
    kind: ZoneKind = ZoneKind.AREA
    direction: tuple[PointShares, PointShares] | None = None
    """Of a road: an arrow on the picture, from and to, along which vehicles may drive."""
    permitted_s: Annotated[float, msgspec.Meta(ge=MIN_DWELL_S, le=86_400.0)] | None = None
    """How long a vehicle may stand in it; ``None``: the rule's own time."""


def private_parts(zones: Iterable[Zone]) -> str:
    """Return a name for all that is private in a picture: another if a corner of it moves.

    Empty where nothing is.
    """
    polygons = sorted(zone.polygon for zone in zones if zone.kind is ZoneKind.PRIVACY)
    return hashlib.sha256(msgspec.json.encode(polygons)).hexdigest() if polygons else ""


class WaterScale(msgspec.Struct, frozen=True, kw_only=True):
    """A staff gauge, or a line up a dry structure, from where water is usual to its top."""

    foot: PointShares
    head: PointShares
    alarm_level: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
    """The reference line: the share of the way from foot to head that water must not pass."""
