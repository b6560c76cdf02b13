"""Sightings to events: a hazard seen in k of the last m moments is believed.

Of the k, some must be strong; the rest, and whatever keeps an alert going, may be weak signs.

Pyronear's wildfire towers reached a false-positive rate of .053 with little more than this.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from pipelines.believing import Persistence, believes
from pipelines.rules.boxes import near
from pipelines.rules.events import Change, Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The state of one hazard in one zone."""

    recent: tuple[Sighting | None, ...] = ()
    """The last moments, oldest first; ``None`` where it was not seen."""
    first_seen_at: datetime | None = None
    """Set while the hazard is on."""
    last: Sighting | None = None
    """The last sighting while it is on, with the box of the last one that isn't vague."""
    misses: int = 0
    """Moments without it since the last sighting."""

    @property
    def is_calm(self) -> bool:
        """Whether it isn't on and was not seen lately: a moment without it changes nothing."""
        return self.first_seen_at is None and not any(self.recent)


def step(
    memory: Memory, sighting: Sighting | None, persistence: Persistence
) -> tuple[Memory, Change | None]:
    """Return the state after one more moment, and what changed."""
    held = None if sighting is None else _held(memory.last, sighting)
    recent = (*memory.recent, held)[-persistence.looks :]
    if memory.first_seen_at is not None:
        if held is not None:
            on = Memory(recent=recent, first_seen_at=memory.first_seen_at, last=held)
            return on, Change.GOES_ON
        if memory.misses + 1 >= persistence.misses_to_end:
            return Memory(), Change.ENDED
        missed = Memory(
            recent=recent,
            first_seen_at=memory.first_seen_at,
            last=memory.last,
            misses=memory.misses + 1,
        )
        return missed, None
    if not believes([None if one is None else one.strong for one in recent], persistence):
        return Memory(recent=recent), None
    seen = [one for one in recent if one is not None]
    last = next((one for one in reversed(seen) if not _is_vague(one)), sighting)
    return Memory(recent=recent, first_seen_at=seen[0].at, last=last), Change.BEGAN


def _is_vague(sighting: Sighting) -> bool:
    """Say whether it may as well be somebody who passes."""
    return sighting.in_doubt and not sighting.strong


def _held(last: Sighting | None, sighting: Sighting) -> Sighting | None:
    """Return what a sighting says of a hazard that is on: where it is, no vague one does.

    Whoever walks about in an orange coat keeps no alert going and moves none.
    """
    if last is None or last.box is None or sighting.box is None or not _is_vague(sighting):
        return sighting
    return replace(sighting, box=last.box) if near(last.box, sighting.box) else None
