"""Smoke: the detector's plumes, unless they were always there, don't move, or are fog."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from pipelines.messages import BoxShares
from pipelines.rules.boxes import seconds, size
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
    lasted_s,
    remember,
    wanders,
)
from pipelines.rules.settings import SmokeSettings
from pipelines.rules.signs import Sign, Verdict, moving_vehicles, signs, vehicles
from pipelines.zones import Area
from vision.hazards import Hazard

SMALLER: Final = 0.5
"""Of the present width: a plume that was so much narrower a minute ago has spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is remembered of smoke in one zone."""

    began_at: datetime | None = None
    """The camera's first moment."""
    places: tuple[Place, ...] = ()
    """Where signs were seen."""
    vehicles: tuple[BoxShares, ...] = ()
    """Of the last moment."""
    fire_at: datetime | None = None
    """When a fire was last seen anywhere in the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """What else a moment shows."""

    at: datetime
    """When."""
    moving: Sequence[BoxShares]
    """Vehicles."""
    has_source: bool
    """Whether a fire was seen lately."""
    before: Sequence[Place]
    """The places as they were."""


def step(
    state: State, moment: Moment, area: Area, floor: float, settings: SmokeSettings
) -> tuple[State, Sighting | None]:
    """Take a moment in; return what it shows of smoke."""
    began_at = state.began_at or moment.at
    fire_at = moment.at if _shows_fire(moment) else state.fire_at
    around = _Around(
        at=moment.at,
        moving=moving_vehicles(moment, state.vehicles),
        has_source=fire_at is not None and seconds(fire_at, moment.at) <= settings.source_s,
        before=state.places,
    )
    found = signs(moment, Hazard.SMOKE, area, floor)
    places, pairs = remember(
        state.places,
        found,
        moment.at,
        began_at=began_at,
        habit=settings.habit,
        still_share=settings.still_share,
    )
    judged = [(sign, place, _verdict(sign, place, around, settings)) for sign, place in pairs]
    after = State(
        began_at=began_at,
        places=counted(places, judged, moment.at),
        vehicles=vehicles(moment.last, moment.columns),
        fire_at=fire_at,
    )
    return after, best(judged, moment.at)


def _verdict(sign: Sign, place: Place, around: _Around, settings: SmokeSettings) -> Verdict:
    grows = has_grown(place, settings.habit)
    if not grows and is_still(place, around.at, settings.still_s):
        return Verdict.NOTHING
    more = is_more(sign, place, settings.habit)
    is_doubtful = (
        not sign.strong
        or is_passing(sign, place, around.moving, settings.over_vehicle_share)
        or not _may_be_smoke(sign, place, around, settings)
        or (_is_of_the_place(place, around, settings) and not grows and not more)
    )
    return Verdict.WEAK if is_doubtful else Verdict.STRONG


def _may_be_smoke(sign: Sign, place: Place, around: _Around, settings: SmokeSettings) -> bool:
    """Say whether it comes of something or is a plume: no puff, no bank of fog."""
    if _is_large(sign, settings):
        return _has_beginnings(sign, around, settings)
    return around.has_source or _is_plume(place, settings)


def _is_plume(place: Place, settings: SmokeSettings) -> bool:
    """Say whether it lasts and moves: what is in it, or its outline."""
    is_calm = place.still_at is not None and place.told > 0
    least = settings.calm_wanders_share if is_calm else settings.wanders_share
    stirs = place.stirred >= settings.stirs_share
    moves = stirs or wanders(place) >= least or has_grown(place, settings.habit)
    return moves and lasted_s(place) >= settings.lasts_s


def _is_of_the_place(place: Place, around: _Around, settings: SmokeSettings) -> bool:
    """Say whether it smokes there always; from the start on, unless something burns."""
    if place.from_start and not around.has_source:
        return True
    return is_habit(place, settings.habit)


def _is_large(sign: Sign, settings: SmokeSettings) -> bool:
    wide = sign.box[2] - sign.box[0]
    return wide > settings.fog_width and size(sign.box) > settings.fog_area


def _has_beginnings(sign: Sign, around: _Around, settings: SmokeSettings) -> bool:
    """Say whether large smoke comes of something: a fire, or a plume that was believed."""
    narrow = SMALLER * (sign.box[2] - sign.box[0])
    return around.has_source or any(
        place.box[2] - place.box[0] <= narrow
        and place.counted_at is not None
        and seconds(place.counted_at, around.at) <= settings.source_s
        for place in around.before
    )


def _shows_fire(moment: Moment) -> bool:
    """Say whether a fire scores as a strong sign, in this zone or another: smoke drifts."""
    columns, found = moment.columns, moment.last.detections
    is_strong = (found.score >= columns.thresholds[found.label]) & ~found.doubts
    return bool(np.any(columns.of(Hazard.FIRE)[found.label] & is_strong))
