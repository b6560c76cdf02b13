"""From verdicts and kept scores to proposals for one camera. Pure: nothing here changes anything.

A proposal is drawn from incidents that were wrongly raised, and then replayed on everything that
is kept of the camera, so that it says what it would have missed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from pipelines.believing import THING_SCORE
from service.verdicts.cutting import Cut, Drawn, cut_of, is_watched, parted, sees_ground
from service.verdicts.replay import (
    SLACK,
    UNSCORED,
    Onset,
    Onsets,
    Shown,
    Spell,
    Timed,
    onsets,
    spells,
)
from vision.hazards import Hazard

DEFAULT_THRESHOLD: Final = 0.60
"""Of a camera that has none of its own: the pack's, whose scores are calibrated to it for each
hazard. Another pack may differ; a replay of it would then be off by as much."""

HIGHEST_PERCENT: Final = 95
"""Above it nearly nothing is strong any more: that would be a hazard switched off unseen."""

REPLAYED: Final = (Hazard.FIRE, Hazard.SMOKE, Hazard.DEBRIS)
"""Whose score tells them from what only looks like them; the others go by time and place."""

Place = tuple[Hazard, str]
"""A hazard and the zone where it was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An incident that somebody has judged."""

    incident_id: UUID
    """Which."""
    hazard: Hazard
    """What it was taken for."""
    zone_id: str
    """Where."""
    first_seen_at: datetime
    """From its first sign on."""
    last_seen_at: datetime
    """Until its last."""
    is_right: bool
    """Whether what was seen was there; else it only looked like it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of one camera."""

    shown: Mapping[Place, Sequence[Shown]]
    """What was kept, by hazard and zone."""
    judged: Sequence[Judged] = ()
    """What was judged."""
    thresholds: Mapping[Hazard, float] = field(default_factory=dict)
    """The camera's own."""
    zones: Sequence[Drawn] = ()
    """What is drawn on its picture."""

    def threshold(self, hazard: Hazard) -> float:
        """Return from which score on a sign is strong; a camera's own only ever raises it."""
        return max(DEFAULT_THRESHOLD, self.thresholds.get(hazard, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a proposal would have done to what is kept."""

    onsets_now: int = 0
    """How often something would have been believed as the camera is set now."""
    onsets_then: int = 0
    """How often with the proposal."""
    silenced: tuple[UUID, ...] = ()
    """Incidents judged false that it would have kept away."""
    doubtful: tuple[UUID, ...] = ()
    """Incidents judged false whose scores it would have kept away, where the background may show
    them all the same."""
    missed: tuple[UUID, ...] = ()
    """Incidents judged real that it would have missed."""
    later_s: Mapping[UUID, float] = field(default_factory=dict)
    """Of the other real ones, how much later each would have come."""
    unjudged: int = 0
    """Onsets that it would have taken away and that nobody has judged."""
    untested: tuple[UUID, ...] = ()
    """Incidents judged real whose kept scores don't lead to them: nothing is said of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedThreshold:
    """Ask for a higher score."""

    hazard: Hazard
    """Of which hazard."""
    now: float
    """What holds today."""
    value: float
    """The smallest with which no false incident would have been believed."""
    effect: Effect
    """What it would have done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutZone:
    """Take the part of a zone away where the false candidates lie."""

    cut: Cut
    """What goes and what stays."""
    effect: Effect
    """What it would have done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """All that follows for one camera."""

    raised: tuple[RaisedThreshold, ...]
    """At most one a hazard."""
    cuts: tuple[CutZone, ...]
    """At most one a zone: a zone is the same for every hazard."""
    unscored: tuple[UUID, ...]
    """Incidents judged false that no threshold keeps away: the background showed them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _False:
    """What was shown during a false incident that would come again today."""

    incident_id: UUID
    shown: Sequence[Shown]
    spells: Sequence[Spell]

    @property
    def is_unscored(self) -> bool:
        return bool(onsets(self.spells, UNSCORED))


@dataclass(frozen=True, slots=True, kw_only=True)
class _There:
    """One hazard in one zone, sorted once for all that is asked of it."""

    shown: Sequence[Shown]
    spells: Sequence[Spell]
    judged: Sequence[Judged]
    false: Sequence[_False]
    sees_ground: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replayed:
    """One hazard in one zone, as it is and as it would be."""

    now: Onsets
    then: Onsets
    judged: Sequence[Judged]
    sees_ground: bool


def proposed(known: Evidence) -> Proposed:
    """Return what follows from all that is known."""
    # Where something was judged and nothing is kept, that is to be said.
    judged = {(one.hazard, one.zone_id) for one in known.judged} - set(known.shown)
    shown: dict[Place, Sequence[Shown]] = {**known.shown, **dict.fromkeys(sorted(judged), ())}
    there = {place: _sorted(known, place, found) for place, found in shown.items()}
    unscored = [one for each in there.values() for one in each.false if one.is_unscored]
    return Proposed(
        raised=tuple(_raised(known, there)),
        cuts=tuple(_cuts(known, there)),
        unscored=tuple(one.incident_id for one in unscored),
    )


def _sorted(known: Evidence, place: Place, shown: Sequence[Shown]) -> _There:
    hazard, zone_id = place
    if hazard is Hazard.DEBRIS:
        # A detector's are of 32 bits: none of theirs is just this.
        shown = [one._replace(score=UNSCORED) if one.score == THING_SCORE else one for one in shown]
    judged = [one for one in known.judged if (one.hazard, one.zone_id) == place]
    is_drawn = is_watched(hazard, zone_id, known.zones)
    return _There(
        shown=shown,
        spells=spells(shown),
        judged=judged,
        false=list(_false(shown, judged, known.threshold(hazard))) if is_drawn else (),
        sees_ground=hazard is Hazard.DEBRIS and sees_ground(zone_id, known.zones),
    )


def _false(shown: Sequence[Shown], judged: Sequence[Judged], threshold: float) -> Iterator[_False]:
    timed = Timed(shown)
    for one in judged:
        if not one.is_right:
            then = timed.between(one.first_seen_at, one.last_seen_at)
            found = spells(then)
            if onsets(found, threshold):
                yield _False(incident_id=one.incident_id, shown=then, spells=found)


def _raised(known: Evidence, there: Mapping[Place, _There]) -> Iterator[RaisedThreshold]:
    for hazard in REPLAYED:
        now = known.threshold(hazard)
        places = [one for (its, _), one in there.items() if its is hazard]
        false = [one for place in places for one in place.false if not one.is_unscored]
        value = _quiet_from([spell for one in false for spell in one.spells], now)
        if value is None:
            continue
        replayed = [
            _Replayed(
                now=onsets(one.spells, now),
                then=onsets(one.spells, value),
                judged=one.judged,
                sees_ground=one.sees_ground,
            )
            for one in places
        ]
        yield RaisedThreshold(hazard=hazard, now=now, value=value, effect=_effect(replayed))


def _cuts(known: Evidence, there: Mapping[Place, _There]) -> Iterator[CutZone]:
    for zone_id in sorted({zone_id for _, zone_id in there}):
        places = [
            (hazard, there[hazard, zone_id]) for hazard in REPLAYED if (hazard, zone_id) in there
        ]
        boxes = [one.box for _, place in places for false in place.false for one in false.shown]
        cut = cut_of(zone_id, boxes, known.zones)
        if cut is None:
            continue
        effect = _effect([_with_cut(place, cut, known.threshold(its)) for its, place in places])
        yield CutZone(cut=cut, effect=effect)


def _quiet_from(false: Sequence[Spell], now: float) -> float | None:
    """Return the smallest threshold with which none of these is believed, if there is one."""
    highest = max((one.levels[-1] for one in false if one.levels), default=None)
    if highest is None:
        return None
    percents = range(int(round(now * 100, 6)) + 1, HIGHEST_PERCENT + 1)
    return next((percent / 100 for percent in percents if percent / 100 > highest), None)


def _with_cut(place: _There, cut: Cut, threshold: float) -> _Replayed:
    parts = parted(place.shown, [one.box for one in place.shown], cut.rest)
    return _Replayed(
        now=onsets(place.spells, threshold),
        then=Onsets(onset for part in parts for onset in onsets(spells(part), threshold)),
        judged=place.judged,
        sees_ground=False,
    )


def _effect(there: Sequence[_Replayed]) -> Effect:
    silenced: list[UUID] = []
    doubtful: list[UUID] = []
    missed: list[UUID] = []
    untested: list[UUID] = []
    later_s: dict[UUID, float] = {}
    for place in there:
        for one in place.judged:
            now, then = _came(place.now, one), _came(place.then, one)
            if not one.is_right:
                gone = [one.incident_id] if now and not then else []
                (doubtful if place.sees_ground else silenced).extend(gone)
            elif now is None:
                untested.append(one.incident_id)
            elif then is None:
                missed.append(one.incident_id)
            else:
                later_s[one.incident_id] = max(0.0, (then - now).total_seconds())
    return Effect(
        onsets_now=sum(len(place.now) for place in there),
        onsets_then=sum(len(place.then) for place in there),
        silenced=tuple(silenced),
        doubtful=tuple(doubtful),
        missed=tuple(missed),
        later_s=later_s,
        unjudged=sum(_unjudged(place) for place in there),
        untested=tuple(untested),
    )


def _came(found: Onsets, one: Judged) -> datetime | None:
    onset = found.first_in(one.first_seen_at - SLACK, one.last_seen_at + SLACK)
    return None if onset is None else onset.at


def _unjudged(place: _Replayed) -> int:
    """Count the onsets that go and that belong to no judged incident."""
    judged = Onsets(
        Onset(at=one.first_seen_at - SLACK, last_at=one.last_seen_at + SLACK)
        for one in place.judged
    )
    return sum(
        judged.first_in(*onset) is None and place.then.first_in(*onset) is None
        for onset in place.now
    )
