"""Debris: rocks that the detector sees, and whatever has come to lie on a road or a slope.

What held a person in the last minutes was taken out before anything comes here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import cv2
import numpy as np

from pipelines.frames import Things
from pipelines.messages import BoxShares, ZoneKind
from pipelines.rules.boxes import covered, near, overlap, seconds, shared, size
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
    remember,
)
from pipelines.rules.settings import DebrisSettings
from pipelines.rules.signs import Sign, Verdict, moving_vehicles, signs, vehicles
from pipelines.rules.vehicles import feet
from pipelines.zones import Area
from vision.hazards import Hazard
from vision.polygons import contains

WHERE_THINGS_COUNT: Final = frozenset({ZoneKind.ROAD, ZoneKind.SLOPE})
"""Elsewhere things are put down all day: stalls, bins, bicycles."""

STANDS_OVERLAP: Final = 0.5
"""Overlap (IoU) of two looks' boxes from which a vehicle stands where one stood."""

MAX_STOOD: Final = 64
"""Places of vehicles that are remembered: a minute of a busy road."""

MAX_VOID: Final = 32
"""Things that are known to be vehicles, or what vehicles left."""

LONGEST_S: Final = 60.0
"""What was dropped is told of within a minute, or lies under what passes."""

LATE_S: Final = 4.0
"""What a lorry loses comes to rest before the look in which the lorry is seen again."""

MAX_PASSED: Final = 64
"""Looks with vehicles that are remembered: two minutes of a busy road."""

NOT_BY_FLICKER: Final = 0.0
"""Rocks have no restlessness to tell: any change counts as one, and nobody asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What is new and still in the zone."""

    box: BoxShares
    """Where."""
    still_s: float
    """For how long it has lain there."""
    longest: float
    """Its longer side, a share of the picture's width."""
    is_odd: bool
    """Whether it is larger than anything that falls, or stands upright."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """Where a vehicle was seen."""

    box: BoxShares
    """The first box: what rolls on doesn't take its place along."""
    reach: BoxShares
    """What all of its boxes cover."""
    first_at: datetime
    """When it was first seen there."""
    last_at: datetime
    """When it was last seen there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """A thing that is no debris for as long as it lies there."""

    box: BoxShares
    """Where."""
    last_at: datetime
    """When it was last seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is remembered of debris in one zone."""

    began_at: datetime | None = None
    """The camera's first moment."""
    places: tuple[Place, ...] = ()
    """Where rocks were seen."""
    vehicles: tuple[BoxShares, ...] = ()
    """Of the last moment."""
    stood: tuple[Stood, ...] = ()
    """Where vehicles were seen lately."""
    voids: tuple[Void, ...] = ()
    """Things that are none."""
    passed: tuple[datetime, ...] = ()
    """When vehicles were seen in the zone, lately."""
    shown: int = 0
    """In how many moments the detector was sure of a vehicle here, while they are few."""
    burns_at: datetime | None = None
    """When fire or smoke was last seen anywhere in the picture."""


def step(
    state: State, moment: Moment, area: Area, floor: float, settings: DebrisSettings
) -> tuple[State, Sighting | None]:
    """Take a moment in; return what it shows of debris."""
    if area.kind is ZoneKind.PRIVACY:
        return state, None
    began_at, at = state.began_at or moment.at, moment.at
    moving = moving_vehicles(moment, state.vehicles)
    found = [_capped(one, settings) for one in signs(moment, Hazard.DEBRIS, area, floor)]
    places, pairs = remember(
        state.places,
        found,
        at,
        began_at=began_at,
        habit=settings.habit,
        still_share=NOT_BY_FLICKER,
    )
    now = vehicles(moment.last, moment.columns)
    judged = [
        (sign, place, _verdict(sign, place, (now, moving), settings))
        if _has_come(sign, moment, area, settings)
        else (sign, place, Verdict.WEAK)
        for sign, place in pairs
    ]
    stood = _stood(state.stood, now, at, settings)
    burns_at = at if _burns(moment) else state.burns_at
    shown = _shown(state.shown, moment, area, settings)
    things = _things(moment, area, settings)
    if burns_at is not None and seconds(burns_at, at) <= settings.burn_memory_s:
        # Smoke and its shadow lie on all, and fire leaves scorched ground.
        voids, lying = _voided(state.voids, things, at, settings), list[Thing]()
    else:
        voids, lying = _sorted_out(state.voids, things, stood, at, settings)
    passed = _passed(state.passed, now, moment, area, settings)
    lying = [one for one in lying if _counts(one, at, (shown, passed), area, settings)]
    after = State(
        began_at=began_at,
        places=counted(places, judged, at),
        vehicles=now,
        stood=stood,
        voids=voids,
        passed=passed,
        shown=shown,
        burns_at=burns_at,
    )
    return after, _better(best(judged, at), _as_sighting(lying, at, settings))


def _capped(sign: Sign, settings: DebrisSettings) -> Sign:
    """Return a small rock as one of which nobody is very sure: it may be somebody who sits."""
    if _sides(sign.box)[0] >= settings.smallest_sure:
        return sign
    return replace(sign, score=min(sign.score, settings.sure_score - 0.01))


def _verdict(
    sign: Sign,
    place: Place,
    around: tuple[Sequence[BoxShares], Sequence[BoxShares]],
    settings: DebrisSettings,
) -> Verdict:
    """Judge a rock; ``around`` are all vehicles and those that move."""
    standing, moving = around
    is_vehicle = any(overlap(sign.box, one) >= settings.over_vehicle_share for one in standing)
    is_old = place.from_start or is_habit(place, settings.habit)
    is_new = has_grown(place, settings.habit) or is_more(sign, place, settings.habit)
    is_doubtful = (
        not sign.strong
        or is_vehicle
        or _may_pass(sign, place, moving, settings)
        or (is_old and not is_new)
    )
    return Verdict.WEAK if is_doubtful else Verdict.STRONG


def _may_pass(
    sign: Sign, place: Place, moving: Sequence[BoxShares], settings: DebrisSettings
) -> bool:
    """Say whether it may go by: on a moving vehicle, or new in its place and not very sure."""
    if sign.score >= settings.sure_score:
        return any(covered(sign.box, one) >= settings.over_vehicle_share for one in moving)
    return is_passing(sign, place, moving, settings.over_vehicle_share)


def _has_come(sign: Sign, moment: Moment, area: Area, settings: DebrisSettings) -> bool:
    """Say whether the ground has changed where a rock is seen, as far as that is known.

    A puddle looks like a rock and changes the light alone; a bag is blown on before it counts.
    """
    if sign.score >= settings.sure_score:
        return True
    if area.kind not in WHERE_THINGS_COUNT:
        return False
    things = moment.last.measures.things
    if things is None:
        return True
    return any(shared(sign.box, _box(corners)) for corners in things.xyxy.tolist())


def _stood(
    before: tuple[Stood, ...], now: Sequence[BoxShares], at: datetime, settings: DebrisSettings
) -> tuple[Stood, ...]:
    """Return where vehicles were seen within the memory, with those of this moment."""
    kept = [one for one in before if seconds(one.last_at, at) <= settings.vehicle_memory_s]
    seen = []
    for box in now:
        same = [
            one
            for one in kept
            if overlap(one.box, box) >= STANDS_OVERLAP
            and seconds(one.last_at, at) <= settings.vehicle_unseen_s
        ]
        for one in same:
            kept.remove(one)
        seen += [replace(one, reach=_around(one.reach, box), last_at=at) for one in same]
        if not same:
            seen.append(Stood(box=box, reach=box, first_at=at, last_at=at))
    return (*seen, *sorted(kept, key=lambda one: one.last_at, reverse=True))[:MAX_STOOD]


def _around(one: BoxShares, other: BoxShares) -> BoxShares:
    low = min(one[0], other[0]), min(one[1], other[1])
    high = max(one[2], other[2]), max(one[3], other[3])
    return *low, *high


def _things(moment: Moment, area: Area, settings: DebrisSettings) -> list[Thing]:
    """Return the things in the zone, and how long they lie there."""
    things: Things | None = moment.last.measures.things
    if things is None or area.kind not in WHERE_THINGS_COUNT:
        return []
    centres = (things.xyxy[:, :2] + things.xyxy[:, 2:]) / 2
    largest = settings.largest_share * float(cv2.contourArea(area.polygon))
    rows = np.flatnonzero(contains(area.polygon, centres)).tolist()
    wide_px, tall_px = moment.last.ref.source_size_px
    sides = (things.xyxy[:, 2:] - things.xyxy[:, :2]) * np.array([1.0, tall_px / wide_px])
    return [
        Thing(
            box=_box(things.xyxy[row].tolist()),
            still_s=float(things.still_s[row]),
            longest=float(sides[row].max()),
            is_odd=size(_box(things.xyxy[row].tolist())) > largest
            or bool(sides[row, 1] > settings.tallest * sides[row, 0]),
        )
        for row in rows
    ]


def _sides(box: BoxShares) -> tuple[float, float]:
    return box[2] - box[0], box[3] - box[1]


def _is_part(thing: Thing, things: Sequence[Thing]) -> bool:
    """Say whether a thing touches a larger one that is no debris: a vehicle's wheel or shade."""
    wide, tall = _sides(thing.box)
    x0, y0, x1, y1 = thing.box
    grown = (x0 - wide / 2, y0 - tall / 2, x1 + wide / 2, y1 + tall / 2)
    return any(
        one.is_odd and size(one.box) > size(thing.box) and shared(grown, one.box) > 0
        for one in things
    )


def _box(corners: list[float]) -> BoxShares:
    x0, y0, x1, y1 = corners
    return x0, y0, x1, y1


def _voided(
    before: tuple[Void, ...],
    things: Sequence[Thing],
    at: datetime,
    settings: DebrisSettings,
) -> tuple[Void, ...]:
    """Return what is void, with these things: for as long as each lies there."""
    kept = [
        one
        for one in before
        if seconds(one.last_at, at) <= settings.vehicle_memory_s
        and not any(near(one.box, thing.box) for thing in things)
    ]
    return (*kept, *(Void(box=thing.box, last_at=at) for thing in things))[-MAX_VOID:]


def _sorted_out(
    before: tuple[Void, ...],
    things: Sequence[Thing],
    stood: Sequence[Stood],
    at: datetime,
    settings: DebrisSettings,
) -> tuple[tuple[Void, ...], list[Thing]]:
    """Return what is a vehicle or what one left, and what lies there by itself.

    A vehicle that was there when the camera began uncovers road that is new and still; so what
    once was void stays so until it is gone.
    """
    void, lying = [], []
    for thing in things:
        verdicts = [_of_vehicle(thing.box, one, at, settings) for one in stood]
        is_none = thing.is_odd or _is_part(thing, things) or Verdict.STRONG in verdicts
        if is_none or any(near(one.box, thing.box) for one in before):
            void.append(thing)
        elif not any(verdicts):
            lying.append(thing)
    return _voided(before, void, at, settings), lying


def _burns(moment: Moment) -> bool:
    """Say whether fire or smoke scores as a strong sign, anywhere in the picture."""
    columns, found = moment.columns, moment.last.detections
    is_burning = columns.of(Hazard.FIRE) | columns.of(Hazard.SMOKE)
    is_strong = (found.score >= columns.thresholds[found.label]) & ~found.doubts
    return bool(np.any(is_burning[found.label] & is_strong))


def _passed(
    before: tuple[datetime, ...],
    now: Sequence[BoxShares],
    moment: Moment,
    area: Area,
    settings: DebrisSettings,
) -> tuple[datetime, ...]:
    """Return when vehicles were seen in the zone, as far back as it matters."""
    feet_now = feet(np.array(now, np.float32).reshape(-1, 4))
    is_here = bool(contains(area.polygon, feet_now).any())
    at, oldest_s = moment.at, settings.still_s + settings.drops_s + LONGEST_S
    kept = tuple(one for one in before if 0 <= seconds(one, at) <= oldest_s)
    return (*kept, at)[-MAX_PASSED:] if is_here else kept


def _counts(
    thing: Thing,
    at: datetime,
    traffic: tuple[int, Sequence[datetime]],
    area: Area,
    settings: DebrisSettings,
) -> bool:
    """Say whether it is no person who was missed: a slide, or what a vehicle lost just then.

    ``traffic`` is in how many moments the detector was sure of a vehicle, and when it saw any.
    """
    shown, passed = traffic
    is_blind = area.kind is not ZoneKind.SLOPE and shown < settings.shown_looks
    if is_blind or thing.longest < settings.smallest_share:
        return False
    ages_s = [seconds(one, at) - thing.still_s for one in passed]
    was_lost = any(-LATE_S <= age_s <= settings.drops_s for age_s in ages_s)
    return was_lost or _sides(thing.box)[0] >= settings.heap_share


def _shown(before: int, moment: Moment, area: Area, settings: DebrisSettings) -> int:
    """Count the moments in which the detector was sure of a vehicle in the zone."""
    if before >= settings.shown_looks:
        return before
    found = moment.last.detections
    is_sure = moment.columns.vehicles[found.label] & (found.score >= settings.shown_score)
    return before + int((is_sure & contains(area.polygon, feet(found.xyxy))).any())


def _of_vehicle(box: BoxShares, vehicle: Stood, at: datetime, settings: DebrisSettings) -> Verdict:
    """Say whether a thing is a vehicle for good, hidden by one for now, or neither."""
    if not shared(box, vehicle.reach):
        return Verdict.NOTHING
    alike = overlap(box, vehicle.reach)
    if seconds(vehicle.first_at, vehicle.last_at) >= settings.vehicle_stands_s:
        is_it = alike >= settings.vehicle_overlap or covered(box, vehicle.reach) >= STANDS_OVERLAP
    else:
        # A vehicle that passes before a thing hides it: both show at once only if they are one.
        is_it = vehicle.last_at == at and alike >= STANDS_OVERLAP
    if is_it:
        return Verdict.STRONG
    has_just_passed = seconds(vehicle.last_at, at) <= settings.vehicle_passes_s
    return Verdict.WEAK if has_just_passed else Verdict.NOTHING


def _as_sighting(lying: Sequence[Thing], at: datetime, settings: DebrisSettings) -> Sighting | None:
    """Return the largest thing that lies for long enough."""
    long = [thing.box for thing in lying if thing.still_s >= settings.still_s]
    if not long:
        return None
    return Sighting(at=at, score=settings.thing_score, box=max(long, key=size))


def _better(rock: Sighting | None, thing: Sighting | None) -> Sighting | None:
    """Return the one that counts more; of two that count alike, the detector's."""
    if rock is None or (thing is not None and not rock.strong):
        return thing
    return rock
