"""Kept candidates judged once more, as the rules judged them: what would have been believed, when.

What is kept of a moment is the best candidate of a hazard in a zone. So a replay can't know what
else was there: where a cut takes the best away, a weaker one beside it may have been believed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from math import inf
from typing import Final, NamedTuple

from pipelines.believing import Persistence, level
from pipelines.messages import BoxShares

PERSISTENCE: Final = Persistence()
"""The rules' own for fire, smoke and debris: 3 of the last 5 moments, 2 of them strong."""

SLACK: Final = timedelta(seconds=30)
"""An incident begins with the first sign, which is up to 5 looks of 4 s before it is believed."""

UNSCORED: Final = inf
"""The score of what no threshold makes weak."""


class Shown(NamedTuple):
    """What one moment showed of one hazard in one zone. A tuple: there may be 100,000."""

    run: tuple[str, int]
    """The worker and its epoch: what came before a start was forgotten there."""
    moment: int
    """Counts what was judged in this run: gaps are misses."""
    at: datetime
    """When."""
    score: float
    """How sure, 0-1; ``UNSCORED`` counts with any threshold."""
    box: BoxShares
    """Where on the picture."""


class Onset(NamedTuple):
    """A time for which a hazard would have been on."""

    at: datetime
    """When it would have been believed."""
    last_at: datetime
    """The last moment that showed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Moments without a gap that ends an alert: at most one onset, whatever the threshold.

    What came before the gap is forgotten by then.
    """

    levels: tuple[float, ...]
    """Thresholds up to which it is believed, each higher than the one before."""
    since: tuple[datetime, ...]
    """From when on, for each."""
    last_at: datetime
    """The last moment."""


class Onsets:
    """Onsets by their time; each question takes some steps, however many there are."""

    def __init__(self, found: Iterable[Onset]) -> None:
        self._found = sorted(found)
        self._starts = [one.at for one in self._found]
        # Of different workers, one may begin later and end earlier.
        self._ends = list(accumulate((one.last_at for one in self._found), max))

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Onset]:
        return iter(self._found)

    def first_in(self, first: datetime, last: datetime) -> Onset | None:
        """Return the earliest one that falls into a time."""
        number = bisect_left(self._ends, first)
        is_there = number < len(self._found) and self._starts[number] <= last
        return self._found[number] if is_there else None


def spells(shown: Sequence[Shown]) -> list[Spell]:
    """Return what was shown of one hazard in one zone, ready for any threshold."""
    found: list[Spell] = []
    part: list[Shown] = []
    # By run and moment: no two have both the same.
    for one in sorted(shown):
        if part and (
            one.run != part[-1].run or one.moment - part[-1].moment > PERSISTENCE.misses_to_end
        ):
            found.append(_spell(part))
            part = []
        part.append(one)
    return [*found, _spell(part)] if part else found


def onsets(found: Iterable[Spell], threshold: float) -> Onsets:
    """Return when a hazard would have been believed with this threshold."""
    return Onsets(
        Onset(at=one.since[number], last_at=one.last_at)
        for one in found
        if (number := bisect_left(one.levels, threshold)) < len(one.levels)
    )


class Timed:
    """What was shown, by its time."""

    def __init__(self, shown: Iterable[Shown]) -> None:
        self._shown = sorted(shown, key=lambda one: one.at)
        self._times = [one.at for one in self._shown]

    def between(self, first: datetime, last: datetime) -> list[Shown]:
        """Return what was shown in a time, give or take ``SLACK``."""
        begin = bisect_left(self._times, first - SLACK)
        return self._shown[begin : bisect_right(self._times, last + SLACK)]


def _spell(part: Sequence[Shown]) -> Spell:
    """Judge moments once for every threshold: only those count that a higher one believes."""
    levels: list[float] = []
    since: list[datetime] = []
    highest = -1.0
    for number, one in enumerate(part):
        oldest = one.moment - PERSISTENCE.looks
        begin = max(0, number - PERSISTENCE.looks + 1)
        recent = [each.score for each in part[begin : number + 1] if each.moment > oldest]
        believed = level(recent, PERSISTENCE)
        if believed is not None and believed > highest:
            highest = believed
            levels.append(believed)
            since.append(one.at)
    return Spell(levels=tuple(levels), since=tuple(since), last_at=part[-1].at)
