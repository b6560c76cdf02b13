"""From verdicts and kept scores to proposals for one camera. Pure: nothing here changes anything.

A proposal is drawn from incidents that were wrongly raised, and then replayed on everything that
is kept of the camera, so that it says what it would have missed.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from service.verdicts.cutting import Cut, Drawn, cut_of, holds, is_watched
from service.verdicts.replay import Onset, Shown, between, onsets
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
class _Replayed:
    """One hazard in one zone, as it is and as it would be."""

    now: Sequence[Onset]
    then: Sequence[Onset]
    judged: Sequence[Judged]


def raised_thresholds(known: Evidence) -> Iterator[RaisedThreshold]:
    """Yield at most one proposal a hazard."""
    for hazard in REPLAYED:
        now = known.threshold(hazard)
        places = [place for place in known.shown if place[0] is hazard]
        value = _quiet_from([one for place in places for one in _false_times(known, place)], now)
        if value is None:
            continue
        there = [
            _Replayed(
                now=onsets(known.shown[place], now),
                then=onsets(known.shown[place], value),
                judged=_judged_at(known, place),
            )
            for place in places
        ]
        yield RaisedThreshold(hazard=hazard, now=now, value=value, effect=_effect(there))


def cut_zones(known: Evidence) -> Iterator[CutZone]:
    """Yield at most one proposal a zone: a zone is the same for every hazard."""
    for zone_id in sorted({zone_id for _, zone_id in known.shown}):
        places = [(hazard, zone_id) for hazard in REPLAYED]
        times = [one for place in places for one in _false_times(known, place)]
        cut = cut_of(zone_id, [one.box for shown in times for one in shown], known.zones)
        if cut is None:
            continue
        there = [_with_cut(known, place, cut) for place in places]
        yield CutZone(cut=cut, effect=_effect(there))


def _false_times(known: Evidence, place: Place) -> list[list[Shown]]:
    """Return what was shown during each false incident that would come again today."""
    hazard, zone_id = place
    if not is_watched(hazard, zone_id, known.zones):
        return []
    times = [
        between(known.shown.get(place, ()), one.first_seen_at, one.last_seen_at)
        for one in _judged_at(known, place)
        if not one.is_right
    ]
    return [shown for shown in times if onsets(shown, known.threshold(hazard))]


def _quiet_from(times: Sequence[Sequence[Shown]], now: float) -> float | None:
    """Return the smallest threshold that none of these times is believed with, if there is one."""
    percents = range(int(round(now * 100, 6)) + 1, HIGHEST_PERCENT + 1)

    def is_quiet(percent: int) -> bool:
        return not any(onsets(shown, percent / 100) for shown in times)

    found = bisect_left(percents, True, key=is_quiet)
    return percents[found] / 100 if times and found < len(percents) else None


def _judged_at(known: Evidence, place: Place) -> list[Judged]:
    return [one for one in known.judged if (one.hazard, one.zone_id) == place]


def _with_cut(known: Evidence, place: Place, cut: Cut) -> _Replayed:
    shown, threshold = known.shown.get(place, ()), known.threshold(place[0])
    parts = [[one for one in shown if holds(box, one.box)] for box in cut.rest]
    return _Replayed(
        now=onsets(shown, threshold),
        then=[onset for part in parts for onset in onsets(part, threshold)],
        judged=_judged_at(known, place),
    )


def _effect(there: Sequence[_Replayed]) -> Effect:
    silenced: list[UUID] = []
    missed: list[UUID] = []
    untested: list[UUID] = []
    later_s: dict[UUID, float] = {}
    for place in there:
        for one in place.judged:
            now, then = _came(place.now, one), _came(place.then, one)
            if not one.is_right:
                silenced += [one.incident_id] if now and not then else []
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
        missed=tuple(missed),
        later_s=later_s,
        unjudged=sum(_unjudged(place) for place in there),
        untested=tuple(untested),
    )


def _came(found: Sequence[Onset], one: Judged) -> datetime | None:
    first, last = one.first_seen_at, one.last_seen_at
    return next((onset.at for onset in found if onset.touches(first, last)), None)


def _unjudged(place: _Replayed) -> int:
    """Count the onsets that go and that belong to no judged incident."""
    return sum(
        not any(onset.touches(one.first_seen_at, one.last_seen_at) for one in place.judged)
        and not any(onset.at <= then.last_at and then.at <= onset.last_at for then in place.then)
        for onset in place.now
    )
