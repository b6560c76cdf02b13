"""What is drawn on a camera's picture, and the thresholds that hold on it, as requests."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, model_validator

from pipelines.messages import MIN_DWELL_S, ZoneKind
from service.cameras.bodies import Body, in_words
from service.cameras.zones import (
    MOST_CORNERS,
    WHOLE_PICTURE_ZONE,
    require_direction,
    require_permitted,
    require_scale,
    require_zone,
)
from service.refusals import Refusal, RefusedError
from service.text import Name

MOST_ZONES: Final = 16

LONGEST_DWELL_S: Final = 86_400.0
"""A day, as on the wire: where vehicles may stand for longer, no time has to be watched."""

HIGHEST_THRESHOLD: Final = 0.99
"""No score reaches 1: a threshold there would switch a hazard off unseen. Not choosing the hazard
says so openly."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Corner = tuple[Share, Share]
Threshold = Annotated[float, Field(ge=0, le=HIGHEST_THRESHOLD, allow_inf_nan=False)]


class ZoneIn(Body):
    """A part of the picture where hazards count, or, of the kind ``privacy``, nothing does."""

    zone_id: Name
    polygon: Annotated[list[Corner], Field(max_length=MOST_CORNERS)]
    kind: ZoneKind = ZoneKind.AREA
    direction: Annotated[
        tuple[Corner, Corner] | None,
        Field(description="Of a road: an arrow, from and to, along which vehicles may drive"),
    ] = None
    permitted_s: Annotated[
        float | None,
        Field(
            ge=MIN_DWELL_S,
            le=LONGEST_DWELL_S,
            allow_inf_nan=False,
            description="How long a vehicle may stand on a road or fire lane or at a gate",
        ),
    ] = None

    @model_validator(mode="after")
    def _checked(self) -> "ZoneIn":
        in_words(_require_zone)(self)
        return self


def _require_zone(zone: ZoneIn) -> None:
    if zone.zone_id == WHOLE_PICTURE_ZONE:
        raise RefusedError(
            Refusal.ZONE_NAME_RESERVED,
            f"{WHOLE_PICTURE_ZONE} is the whole picture's name: choose another",
            zone_id=WHOLE_PICTURE_ZONE,
        )
    require_zone(zone.polygon)
    if zone.direction is not None:
        require_direction(zone.kind, *zone.direction)
    if zone.permitted_s is not None:
        require_permitted(zone.kind)


def _differing(zones: list[ZoneIn]) -> list[ZoneIn]:
    if len({zone.zone_id for zone in zones}) < len(zones):
        raise RefusedError(
            Refusal.ZONE_NAME_TWICE, "two zones have one zone_id: name each differently"
        )
    return zones


class WaterScaleIn(Body):
    """A staff gauge, or a line up a dry structure, from where water is usual to its top."""

    foot: Corner
    head: Corner
    alarm_level: Annotated[
        float,
        Field(
            gt=0,
            lt=1,
            allow_inf_nan=False,
            description="The share of the way from foot to head that water must not pass",
        ),
    ]

    @model_validator(mode="after")
    def _checked(self) -> "WaterScaleIn":
        in_words(_require_scale)(self)
        return self


def _require_scale(scale: WaterScaleIn) -> None:
    require_scale(scale.foot, scale.head)


class ThresholdsIn(Body):
    """Scores below which a hazard's sign isn't strong here; they only ever raise a label's own."""

    fire: Threshold | None = None
    smoke: Threshold | None = None
    debris: Threshold | None = None


Zones = Annotated[list[ZoneIn], Field(max_length=MOST_ZONES), AfterValidator(in_words(_differing))]


def stored_zones(zones: list[ZoneIn]) -> list[dict[str, Any]]:
    """Return zones as the database keeps them: without what is the same for most.

    A zone of before there were kinds is then the same as an area of today, and saving it again
    is no change.
    """
    return [zone.model_dump(mode="json", exclude_defaults=True) for zone in zones]
