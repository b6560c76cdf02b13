"""Which hazards can't be seen without something drawn: a zone of a kind, a direction, a scale."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pipelines.messages import ZoneKind
from service.errors import ProblemError
from service.refusals import Refusal
from vision.hazards import Hazard

Zone = Mapping[str, Any]
"""As the database keeps it."""


class HazardNeedsError(ProblemError):
    """A hazard is chosen that nothing on the picture lets anybody see."""

    code = "hazard_needs"
    status = 422
    title = "A hazard lacks what it is seen by"
    field = "hazards"


def require_needs(hazards: Iterable[Hazard], zones: Sequence[Zone], water: object | None) -> None:
    """Raise ``HazardNeedsError`` for a hazard that would never be found with these."""
    chosen = {Hazard(one) for one in hazards}  # the database keeps words
    for hazard, is_met, refuse in _ZONE_NEEDS:
        if hazard in chosen and not any(is_met(zone) for zone in zones):
            raise refuse()
    if Hazard.WATER_OVER_LINE in chosen and water is None:
        raise HazardNeedsError(
            "water over a line is seen on a marked scale: give water, with foot, head and "
            "alarm_level, or take water_over_line off the hazards",
            Refusal.NEEDS_SCALE,
        )


def _kind(zone: Zone) -> ZoneKind:
    return ZoneKind(zone.get("kind", ZoneKind.AREA))


def _is_road(zone: Zone) -> bool:
    return _kind(zone) is ZoneKind.ROAD


def _is_directed(zone: Zone) -> bool:
    return _is_road(zone) and zone.get("direction") is not None


def _is_kept_free(zone: Zone) -> bool:
    return _kind(zone) in {ZoneKind.FIRE_LANE, ZoneKind.GATE}


def _lacks_road() -> HazardNeedsError:
    return HazardNeedsError(
        "stopped vehicles are looked for on roads only: draw a zone of the kind road, or take "
        "stopped_vehicle off the hazards",
        Refusal.NEEDS_ROAD,
    )


def _lacks_direction() -> HazardNeedsError:
    return HazardNeedsError(
        "the wrong way is told by a road's direction: give a zone of the kind road its "
        "direction, or take wrong_way off the hazards",
        Refusal.NEEDS_DIRECTION,
    )


def _lacks_lane() -> HazardNeedsError:
    return HazardNeedsError(
        "what blocks a way is looked for on fire lanes and at gates only: draw a zone of the "
        "kind fire_lane or gate, or take obstruction off the hazards",
        Refusal.NEEDS_LANE,
    )


_ZONE_NEEDS: Final[
    tuple[tuple[Hazard, Callable[[Zone], bool], Callable[[], HazardNeedsError]], ...]
] = (
    (Hazard.STOPPED_VEHICLE, _is_road, _lacks_road),
    (Hazard.WRONG_WAY, _is_directed, _lacks_direction),
    (Hazard.OBSTRUCTION, _is_kept_free, _lacks_lane),
)
