"""Fire: the detector's flames, unless time says lamp, flag, sunset, habit or passing lights."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.messages import BoxShares
from pipelines.rules.boxes import seconds
from pipelines.rules.events import Sighting
from pipelines.rules.moment import Moment
from pipelines.rules.places import (
    Place,
    best,
    counted,
    has_grown,
    is_habit,
    is_more,
    is_passing,
    is_still,
    remember,
)
from pipelines.rules.settings import FireSettings
from pipelines.rules.signs import Sign, Verdict, moving_vehicles, signs, vehicles
from pipelines.zones import Area
from vision.flicker import is_cloth, is_glow, restlessness
from vision.hazards import Hazard


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is remembered of fire in one zone."""

    began_at: datetime | None = None
    """The camera's first moment."""
    places: tuple[Place, ...] = ()
    """Where signs were seen."""
    vehicles: tuple[BoxShares, ...] = ()
    """Of the last moment."""


def step(
    state: State, moment: Moment, area: Area, floor: float, settings: FireSettings
) -> tuple[State, Sighting | None]:
    """Take a moment in; return what it shows of fire."""
    began_at = state.began_at or moment.at
    moving = moving_vehicles(moment, state.vehicles)
    found = signs(moment, Hazard.FIRE, area, floor)
    places, pairs = remember(
        state.places,
        found,
        moment.at,
        began_at=began_at,
        habit=settings.habit,
        still_share=settings.still_share,
    )
    judged = [
        (sign, place, _verdict(sign, place, moving, moment.at, settings)) for sign, place in pairs
    ]
    after = State(
        began_at=began_at,
        places=counted(places, judged, moment.at),
        vehicles=vehicles(moment.last, moment.columns),
    )
    return after, best(judged, moment.at)


def _verdict(
    sign: Sign,
    place: Place,
    moving: Sequence[BoxShares],
    at: datetime,
    settings: FireSettings,
) -> Verdict:
    grows = has_grown(place, settings.habit)
    if not grows and _is_light(sign, place, at, settings):
        return Verdict.NOTHING
    if not sign.strong or is_passing(sign, place, moving, settings.over_vehicle_share):
        return Verdict.WEAK
    if sign.in_doubt and _is_calm(sign, settings):
        return Verdict.WEAK
    if grows:
        return Verdict.STRONG
    is_doubtful = (
        _is_still_so_far(place, at, settings)
        or is_cloth(sign.patches)
        or (is_habit(place, settings.habit) and not is_more(sign, place, settings.habit))
    )
    return Verdict.WEAK if is_doubtful else Verdict.STRONG


def _is_calm(sign: Sign, settings: FireSettings) -> bool:
    """Say whether most of its pictures differ and what is in it doesn't move.

    Flames do all the time, also behind somebody; whoever stands in a yellow shirt doesn't, though
    what passes him may, once.
    """
    moved = restlessness(sign.patches)
    return moved is not None and moved < settings.still_share


def _is_light(sign: Sign, place: Place, at: datetime, settings: FireSettings) -> bool:
    """Say whether it is a lamp or a glow: nothing in it moves, or it has no edge."""
    if _moved_lately(place, at, settings):
        return False
    return is_still(place, at, settings.still_s) or is_glow(sign.patches)


def _is_still_so_far(place: Place, at: datetime, settings: FireSettings) -> bool:
    """Say whether pictures differed and the light didn't.

    Those that a codec holds say nothing, but not for long.
    """
    if place.still_at is None or _moved_lately(place, at, settings):
        return False
    return place.told > 0 or seconds(place.still_at, at) >= settings.still_s


def _moved_lately(place: Place, at: datetime, settings: FireSettings) -> bool:
    return place.restless_at is not None and seconds(place.restless_at, at) < settings.still_s
