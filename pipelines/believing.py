"""A hazard seen in k of the last m moments: the one arithmetic of belief. Import-light.

Rules judge by it as it happens; the service replays what was kept by the same function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

THING_SCORE: Final = 0.6
"""Of debris that only the background shows, which no threshold holds back. Detectors' scores have
32 bits and are never just this, so a replay tells by it. A test holds the rules' setting to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence:
    """How often of how many."""

    hits: int = 3
    """Two may be a pair of headlights passing; three looks are 2 s and more."""
    strong_hits: int = 2
    """So many of them reach the label's threshold; the rest may be weak signs."""
    looks: int = 5
    """Two misses are borne: flames flicker and smoke hides them."""
    misses_to_end: int = 5
    """As long again as it took to believe it."""


def believes(recent: Sequence[bool | None], persistence: Persistence) -> bool:
    """Say whether the last moments make a hazard believed: strong, weak or not seen, each."""
    last = recent[-persistence.looks :]
    seen = [one for one in last if one is not None]
    is_there_now = bool(last) and last[-1] is not None
    return is_there_now and len(seen) >= persistence.hits and sum(seen) >= persistence.strong_hits


def level(scores: Sequence[float], persistence: Persistence) -> float | None:
    """Return the highest threshold with which a hazard is believed, ``None`` with none at all.

    ``scores`` are those of the last ``looks`` moments that showed it, this one's among them.
    """
    if len(scores) < persistence.hits:
        return None
    return sorted(scores)[-persistence.strong_hits]
