"""Scores and verdicts for tests, on an onset that the rules would believe."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from pipelines.messages import BoxShares, Candidate
from service.verdicts.proposing import Evidence, Judged
from service.verdicts.replay import Shown
from tests.service.helpers import at
from vision.hazards import Hazard

NAMESPACE = UUID(int=6)
LAMP: BoxShares = (0.80, 0.10, 0.90, 0.20)
FIELD: BoxShares = (0.10, 0.60, 0.30, 0.80)
EVERY_S = 2.0
"""Between two moments."""


def burst(
    start: int, scores: Sequence[float], box: BoxShares = LAMP, epoch: int = 1
) -> list[Shown]:
    """One moment after the other; a score of 0 is a moment that shows nothing."""
    return [
        Shown(run=("w1", epoch), moment=moment, at=when(moment), score=score, box=box)
        for moment, score in enumerate(scores, start)
        if score
    ]


def when(moment: int) -> datetime:
    return at(EVERY_S * moment)


def judged(
    name: str, first: int, last: int, *, right: bool, zone_id: str = "all",
    hazard: Hazard = Hazard.FIRE,
) -> Judged:  # fmt: skip
    return Judged(
        incident_id=incident(name),
        hazard=hazard,
        zone_id=zone_id,
        first_seen_at=when(first),
        last_seen_at=when(last),
        is_right=right,
    )


def incident(name: str) -> UUID:
    return uuid5(NAMESPACE, name)


def fire(shown: Sequence[Shown], *found: Judged, zone_id: str = "all") -> Evidence:
    """What is known of a camera that has seen but fire."""
    return Evidence(shown={(Hazard.FIRE, zone_id): shown}, judged=found)


def candidates(
    moments: Sequence[tuple[int, float]], box: BoxShares = LAMP, *, start: datetime
) -> list[Candidate]:
    """What a worker sends of these moments and scores, two seconds apart from ``start`` on."""
    return [
        Candidate(
            hazard=Hazard.FIRE,
            zone_id="all",
            at=start + timedelta(seconds=EVERY_S * moment),
            moment=moment,
            score=score,
            box=box,
        )
        for moment, score in moments
    ]
