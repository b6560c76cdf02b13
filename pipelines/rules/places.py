"""Places where signs were seen: what is usual there, what is a habit, what moves in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Final

from pipelines.messages import BoxShares
from pipelines.rules.boxes import covered, near, seconds, size
from pipelines.rules.events import Sighting
from pipelines.rules.settings import HabitSettings
from pipelines.rules.signs import FEWEST, MAX_SIGNS, Sign, Verdict
from vision.flicker import Patch, restlessness

MAX_PLACES: Final = MAX_SIGNS
"""Of one hazard in one zone: a village has not more chimneys in one picture."""

LONGEST_STEP_S: Final = 10.0
"""What the time between two moments adds to a habit at most: looks come every 4 s or sooner."""

ALARM_HOLDS_S: Final = 600.0
"""So long after it last counted fully a sign's time makes no habit: its alert may still be on."""

UNBROKEN_S: Final = 10.0
"""Unseen for longer, five looks of a sentry, it is another puff."""

OUTLINES: Final = 8
"""Boxes of one spell that are compared: the last quarter of a minute of sentry looks."""

HELD_SHARE: Final = 0.6
"""Of its sides, by which boxes of what stays in its place may lie apart: those of drawn flames and
plumes lie 0.46 apart at most through a burst. Who walks goes by one to three widths a second."""

HELD_BOXES: Final = 4
"""A burst's three seconds, and the look that asked for it."""

HELD_S: Final = 1.5
"""So long it stays before it counts: two seconds of a burst are judged after the look that asked
for it."""

SETTLING: Final = 5
"""Sightings from which the usual size is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where signs were seen, and how they usually are."""

    box: BoxShares
    """The last one; where one was sure, the last of those."""
    first_at: datetime
    """When it was first seen."""
    last_at: datetime
    """When it was last seen."""
    from_start: bool
    """Whether it was there when the camera was new, and ever since."""
    usual_area: float
    """The larger of its usual ones."""
    usual_score: float
    """The mean."""
    areas: tuple[float, ...]
    """The last three."""
    count: int = 1
    """Sightings."""
    in_spell: int = 1
    """Sightings since it came anew."""
    quiet_s: float = 0.0
    """For how long it was seen without counting fully."""
    spells: int = 0
    """How often it counted fully and went again."""
    counted_at: datetime | None = None
    """When it last counted fully."""
    still_at: datetime | None = None
    """Since when nothing has moved in it; ``None``: it did at the last sighting."""
    told: int = 0
    """Pictures in which nothing had moved, since then, though they differed."""
    stirred: float = field(default=0.0, compare=False)
    """How much its pictures differed at the last sighting: the strongest change."""
    restless_at: datetime | None = None
    """When something last did."""
    patch: Patch | None = field(default=None, compare=False)
    """Its last picture."""
    since_at: datetime | None = field(default=None, compare=False)
    """Since when it has been seen without a break; ``None``: since it was first seen."""
    boxes: tuple[BoxShares, ...] = field(default=(), compare=False)
    """The last ones since it came anew."""
    widest: BoxShares | None = field(default=None, compare=False)
    """The largest one since it came anew."""
    in_doubt: bool = False
    """Whether all its signs were, so that it is kept nowhere."""


def remember(
    places: tuple[Place, ...],
    found: Sequence[Sign],
    at: datetime,
    *,
    began_at: datetime,
    habit: HabitSettings,
    still_share: float,
) -> tuple[tuple[Place, ...], list[tuple[Sign, Place]]]:
    """Return the places after a moment, and each sign with its own.

    Of two signs in one place the weaker says nothing more.
    """
    kept = [place for place in places if seconds(place.last_at, at) <= habit.forget_s]
    pairs: list[tuple[Sign, Place]] = []
    for sign in found:
        if any(near(place.box, sign.box) for _, place in pairs):
            continue
        before = _nearest(kept, sign.box)
        if before is None:
            place = _new(sign, at, from_start=seconds(began_at, at) <= habit.start_s)
        else:
            kept.remove(before)
            place = _again(before, sign, at, habit)
        pairs.append((sign, _watched(place, before, sign, at, still_share)))
    kept.sort(key=lambda place: (is_habit(place, habit), place.last_at), reverse=True)
    now = [place for _, place in pairs]
    return (*now, *kept[: MAX_PLACES - len(now)]), pairs


def _nearest(places: Sequence[Place], box: BoxShares) -> Place | None:
    here = [
        place
        for place in places
        # A puff dies down to a wisp, so its last box alone doesn't say where the next one rises.
        if near(place.box, box) or (place.widest is not None and near(place.widest, box))
    ]
    return max(here, key=lambda place: covered(box, place.box), default=None)


def _new(sign: Sign, at: datetime, *, from_start: bool) -> Place:
    return Place(
        box=sign.box,
        first_at=at,
        last_at=at,
        from_start=from_start,
        usual_area=size(sign.box),
        usual_score=sign.score,
        areas=(size(sign.box),),
        since_at=at,
        boxes=(sign.box,),
        widest=sign.box,
        in_doubt=sign.in_doubt,
    )


def _again(place: Place, sign: Sign, at: datetime, habit: HabitSettings) -> Place:
    """Return a place in which a sign is seen once more."""
    area, gap_s = size(sign.box), seconds(place.last_at, at)
    is_new_spell = gap_s > habit.gap_s
    counted_s = None if place.counted_at is None else seconds(place.counted_at, at)
    is_quiet = counted_s is None or counted_s > ALARM_HOLDS_S
    has_alarmed = counted_s is not None and counted_s <= gap_s + ALARM_HOLDS_S
    in_doubt = place.in_doubt and sign.in_doubt
    # Whoever walks past a place takes it nowhere; what it says of him must not reach a disk.
    box = place.box if sign.in_doubt and not place.in_doubt else sign.box
    return replace(
        place,
        box=box,
        last_at=at,
        from_start=place.from_start and gap_s <= max(habit.habit_s, habit.gap_s),
        usual_area=_usual(place, area),
        usual_score=place.usual_score + (sign.score - place.usual_score) / min(place.count + 1, 50),
        areas=(*place.areas, area)[-3:],
        count=place.count + 1,
        in_spell=1 if is_new_spell else place.in_spell + 1,
        quiet_s=place.quiet_s + (min(gap_s, LONGEST_STEP_S) if is_quiet else 0.0),
        spells=place.spells + (is_new_spell and has_alarmed),
        still_at=None if is_new_spell else place.still_at,
        told=0 if is_new_spell else place.told,
        patch=None if is_new_spell else place.patch,
        since_at=at if gap_s > UNBROKEN_S else place.since_at,
        boxes=(sign.box,) if is_new_spell else (*place.boxes, sign.box)[-OUTLINES:],
        widest=box if is_new_spell else _larger(place.widest, box),
        in_doubt=in_doubt,
    )


def _larger(one: BoxShares | None, other: BoxShares) -> BoxShares:
    return other if one is None or size(other) > size(one) else one


def _usual(place: Place, area: float) -> float:
    """Follow the larger of the usual areas, but nothing that grows out of them."""
    if place.count < SETTLING:
        return max(place.usual_area, area)
    if area > 1.5 * place.usual_area:
        return place.usual_area
    weight = 0.1 if area > place.usual_area else 0.01
    return place.usual_area + weight * (area - place.usual_area)


def _watched(
    place: Place, before: Place | None, sign: Sign, at: datetime, still_share: float
) -> Place:
    """Return a place with what its pictures say of movement since the last ones."""
    if not sign.patches:
        return place
    last = sign.patches[-1]
    earlier = () if place.patch is None else (place.patch,)
    pictures = (*earlier, *sign.patches)
    pairs = pairwise(pictures)
    changes = [change for pair in pairs if (change := restlessness(pair)) is not None]
    # The strongest change: of pictures that a codec holds for a second, one pair of five tells.
    stirred = max(changes, default=0.0)
    if stirred >= still_share:
        return replace(place, patch=last, stirred=stirred, restless_at=at, still_at=None, told=0)
    since = place.still_at or (at if before is None else before.last_at)
    told = place.told + len(changes)
    return replace(place, patch=last, stirred=stirred, still_at=since, told=told)


def is_still(place: Place, at: datetime, still_s: float) -> bool:
    """Say whether nothing moved in a place for long, in pictures that differed."""
    if place.still_at is None or place.told < FEWEST:
        return False
    return seconds(place.still_at, at) >= still_s


def lasted_s(place: Place) -> float:
    """Return for how long it has been seen without a break."""
    return seconds(place.since_at or place.first_at, place.last_at)


def wanders(place: Place) -> float:
    """Return how far a place's boxes lie apart, in their sides: what two edges usually differ by.

    One edge wanders of anything that is half hidden.
    """
    if not place.boxes:
        return 0.0
    middle = [median(edge) for edge in zip(*place.boxes, strict=True)]
    sides = [max(middle[n + 2] - middle[n], 1e-6) for n in (0, 1)]
    apart = [
        sorted(abs(edge - middle[n]) / sides[n % 2] for n, edge in enumerate(box))
        for box in place.boxes
    ]
    return float(median(one[-2] for one in apart))


def is_passing(
    sign: Sign, place: Place, moving: Sequence[BoxShares], over_vehicle_share: float
) -> bool:
    """Say whether it may go by: it is new in its place, or lies over a vehicle that moves.

    What is in doubt may as long as it hasn't shown that it stays.
    """
    if any(covered(sign.box, one) >= over_vehicle_share for one in moving):
        return True
    if sign.in_doubt and not stays(place):
        return True
    return place.in_spell == 1 and not sign.proven


def stays(place: Place) -> bool:
    """Say whether it has been seen for a while, and in one place."""
    boxes = place.boxes[-HELD_BOXES:]
    if lasted_s(place) < HELD_S or not boxes:
        return False
    for low in (0, 1):
        middles = [(box[low] + box[low + 2]) / 2 for box in boxes]
        side = median(box[low + 2] - box[low] for box in boxes)
        if max(middles) - min(middles) > HELD_SHARE * side:
            return False
    return True


def has_known(places: Sequence[Place], habit: HabitSettings) -> bool:
    """Say whether any of them was there from the start, or is a habit."""
    return any(place.from_start or is_habit(place, habit) for place in places)


def untold(before: Sequence[Place], after: Sequence[Place]) -> tuple[Place, ...]:
    """Return the places after a moment that nobody is told of: it brings none nearer to a habit."""
    return tuple(_untold(place, before) for place in after)


def _untold(place: Place, before: Sequence[Place]) -> Place:
    same = [one for one in before if one.first_at == place.first_at]
    if not same:
        return replace(place, quiet_s=0.0, spells=0, counted_at=None)
    old = max(same, key=lambda one: covered(place.box, one.box))
    return replace(place, quiet_s=old.quiet_s, spells=old.spells, counted_at=old.counted_at)


def is_habit(place: Place, habit: HabitSettings) -> bool:
    """Say whether signs belong to a place: seen for long without alarming, or on many days."""
    span_s = seconds(place.first_at, place.last_at)
    is_daily = place.spells >= habit.spells and span_s >= habit.spells_span_s
    return place.quiet_s >= habit.habit_s or is_daily


def has_grown(place: Place, habit: HabitSettings) -> bool:
    """Say whether the last sightings are much larger than usual, not one box alone."""
    return median(place.areas) >= habit.growth * place.usual_area


def is_more(sign: Sign, place: Place, habit: HabitSettings) -> bool:
    """Say whether a sign is surer than it usually is there."""
    return sign.score >= place.usual_score + habit.margin


def counted(
    places: tuple[Place, ...], judged: Sequence[tuple[Sign, Place, Verdict]], at: datetime
) -> tuple[Place, ...]:
    """Return the places with those marked that counted fully."""
    full = {id(place) for _, place, verdict in judged if verdict is Verdict.STRONG}
    return tuple(replace(place, counted_at=at) if id(place) in full else place for place in places)


def best(judged: Sequence[tuple[Sign, Place, Verdict]], at: datetime) -> Sighting | None:
    """Return the sighting of the sign that is worth most."""
    worth = [
        # Weak signs in doubt score alike: a fire that counted before goes before who passes it.
        (
            verdict,
            not sign.in_doubt,
            sign.in_doubt and place.counted_at is not None,
            sign.score,
            sign.box,
        )
        for sign, place, verdict in judged
        if verdict
    ]
    if not worth:
        return None
    verdict, is_sure, _, score, box = max(worth)
    is_strong = verdict is Verdict.STRONG
    return Sighting(at=at, score=score, box=box, strong=is_strong, in_doubt=not is_sure)
