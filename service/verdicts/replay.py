"""Kept candidates judged once more, as the rules judged them: what would have been believed, when.

What is kept of a moment is the best candidate of a hazard in a zone. So a replay can't know what
else was there: where a cut takes the best away, a weaker one beside it may have been believed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from pipelines.believing import Persistence, believes
from pipelines.messages import BoxShares

PERSISTENCE: Final = Persistence()
"""The rules' own for fire, smoke and debris: 3 of the last 5 moments, 2 of them strong."""

SLACK: Final = timedelta(seconds=30)
"""An incident begins with the first sign, which is up to 5 looks of 4 s before it is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one moment showed of one hazard in one zone."""

    run: tuple[str, int]
    """The worker and its epoch: what came before a start was forgotten there."""
    moment: int
    """Counts what was judged in this run: gaps are misses."""
    at: datetime
    """When."""
    score: float
    """How sure, 0-1."""
    box: BoxShares
    """Where on the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """A time for which a hazard would have been on."""

    at: datetime
    """When it would have been believed."""
    last_at: datetime
    """The last moment that showed it."""

    def touches(self, first: datetime, last: datetime) -> bool:
        """Say whether it falls into a time, give or take ``SLACK``."""
        return self.at <= last + SLACK and self.last_at >= first - SLACK


def onsets(shown: Sequence[Shown], threshold: float) -> list[Onset]:
    """Return when one hazard in one zone would have been believed with this threshold."""
    in_order = sorted(shown, key=lambda one: (one.run, one.moment))
    runs = (list(one) for _, one in groupby(in_order, key=lambda one: one.run))
    found = [onset for run in runs for onset in _of_run(run, threshold)]
    return sorted(found, key=lambda onset: onset.at)


def between(shown: Sequence[Shown], first: datetime, last: datetime) -> list[Shown]:
    """Return what was shown in a time, give or take ``SLACK``."""
    return [one for one in shown if first - SLACK <= one.at <= last + SLACK]


def _of_run(run: Sequence[Shown], threshold: float) -> Iterator[Onset]:
    recent: list[bool | None] = []
    began: datetime | None = None
    before = run[0]
    for one in run:
        missed = max(0, one.moment - before.moment - 1)
        if began is not None and missed >= PERSISTENCE.misses_to_end:
            yield Onset(at=began, last_at=before.at)
            began = None
        recent += [None] * min(missed, PERSISTENCE.looks)
        recent = [*recent, one.score >= threshold][-PERSISTENCE.looks :]
        if began is None and believes(recent, PERSISTENCE):
            began = one.at
        before = one
    if began is not None:
        yield Onset(at=began, last_at=before.at)
