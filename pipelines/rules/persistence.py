"""A hazard seen in k of the last m looks inside a zone: time is the cheapest classifier.

Of the k, some must be strong; the rest, and whatever keeps an alert going, may be weak signs.

Pyronear's wildfire towers reached a false-positive rate of .053 with little more than this.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

import numpy as np

from pipelines.frames import Look
from pipelines.messages import BoxShares
from vision.hazards import Hazard
from vision.polygons import Polygon, contains
from vision.roles import Label


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


PERSISTENCE: Final = Persistence()


SECOND: Final = timedelta(seconds=1)
"""The looks of a burst are judged together by the second, so that time still has to pass."""

FEWEST: Final = 3
"""Looks that a burst's second needs to say more than its last one."""

MAJORITY: Final = 0.6
"""The share of a second's looks that must show a hazard: flames flicker, reflections more so."""

LONGEST_GAP_S: Final = 60.0
"""Looks come every 1 to 4 s and a lost camera is back within 45 s. After a longer gap, or a
clock set by more, what is seen is seen anew."""


class Change(Enum):
    """What a look did to a hazard in a zone."""

    BEGAN = auto()
    GOES_ON = auto()
    ENDED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What the rule says of one hazard in one zone."""

    camera_id: str
    """Where."""
    hazard: Hazard
    """What."""
    zone_id: str
    """In which zone."""
    change: Change
    """Began, goes on or ended."""
    first_seen_at: datetime
    """The first of the looks that made it believed."""
    last_seen_at: datetime
    """The last look that showed it."""
    at: datetime
    """The look that made this event."""
    score: float
    """Of the best box in this look; for an end, of the last one seen."""
    box: BoxShares
    """Where on the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The best box of a hazard in a zone in one look."""

    at: datetime
    """When."""
    score: float
    """How sure."""
    box: BoxShares
    """Where on the picture."""
    strong: bool
    """Whether the score reaches the label's threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The state of one hazard in one zone."""

    recent: tuple[Sighting | None, ...] = ()
    """The last looks, oldest first; ``None`` where it was not seen."""
    first_seen_at: datetime | None = None
    """Set while the hazard is on."""
    last: Sighting | None = None
    """The last sighting while it is on."""
    misses: int = 0
    """Looks without it since the last sighting."""


def step(
    memory: Memory, sighting: Sighting | None, settings: Persistence = PERSISTENCE
) -> tuple[Memory, Change | None]:
    """Return the state after one more look, and what changed."""
    recent = (*memory.recent, sighting)[-settings.looks :]
    if memory.first_seen_at is not None:
        if sighting is not None:
            on = Memory(recent=recent, first_seen_at=memory.first_seen_at, last=sighting)
            return on, Change.GOES_ON
        if memory.misses + 1 >= settings.misses_to_end:
            return Memory(), Change.ENDED
        missed = Memory(
            recent=recent,
            first_seen_at=memory.first_seen_at,
            last=memory.last,
            misses=memory.misses + 1,
        )
        return missed, None
    seen = [one for one in recent if one is not None]
    strong = sum(one.strong for one in seen)
    if sighting is None or len(seen) < settings.hits or strong < settings.strong_hits:
        return Memory(recent=recent), None
    return Memory(recent=recent, first_seen_at=seen[0].at, last=sighting), Change.BEGAN


@dataclass(slots=True, kw_only=True)
class CameraRules:
    """The rule for every hazard and zone of one camera."""

    camera_id: str
    """Whose."""
    zones: dict[str, Polygon]
    """By zone id."""
    hazards: tuple[Hazard, ...]
    """Which are watched for."""
    labels: tuple[Label, ...]
    """The pack's, in the order of the detections' label column."""
    memories: dict[tuple[str, Hazard], Memory] = field(default_factory=dict)
    """The state, by zone and hazard."""
    last_look_at: datetime | None = None
    """When it was last fed; looks far apart say nothing together."""
    suspects: bool = False
    """Whether the last look of a sentry showed a sign of something that isn't believed yet."""
    second: list[Look] = field(default_factory=list)
    """The looks of a burst's present second."""

    def see(self, look: Look) -> list[Event]:
        """Take one look in; return what it changed."""
        events = self._forget_before_a_gap(look)
        self.last_look_at = at = look.ref.captured_at
        if self.second and (not look.ref.is_burst or at - self.second[0].ref.captured_at >= SECOND):
            events += self._judge_second()
        if look.ref.is_burst:
            self.second.append(look)
            self.suspects = False
            return events
        sightings = {key: self._sighting(look, *key) for key in self._keys()}
        events += self._take(sightings, at)
        self.suspects = any(
            sighting is not None and self.memories[key].first_seen_at is None
            for key, sighting in sightings.items()
        )
        return events

    @property
    def is_calm(self) -> bool:
        """Whether nothing is on and nothing was seen lately: a look without changes nothing."""
        return not self.second and not any(
            memory.first_seen_at is not None or any(memory.recent)
            for memory in self.memories.values()
        )

    def _judge_second(self) -> list[Event]:
        """Take the looks of a burst's second in as one."""
        looks, self.second = self.second, []
        if (
            len(looks) < FEWEST
        ):  # a slow camera's, or one for which there was no time: a look's worth
            last = looks[-1]
            return self._take(
                {key: self._sighting(last, *key) for key in self._keys()}, last.ref.captured_at
            )
        sightings = {}
        for key in self._keys():
            found = [self._sighting(look, *key) for look in looks]
            seen = sorted((one for one in found if one is not None), key=lambda one: one.score)
            is_there = len(seen) >= MAJORITY * len(looks)
            sightings[key] = seen[len(seen) // 2] if is_there else None
        return self._take(sightings, looks[-1].ref.captured_at)

    def _keys(self) -> list[tuple[str, Hazard]]:
        return [(zone_id, hazard) for zone_id in self.zones for hazard in self.hazards]

    def _take(
        self, sightings: dict[tuple[str, Hazard], Sighting | None], at: datetime
    ) -> list[Event]:
        events = []
        for key, sighting in sightings.items():
            before = self.memories.get(key, Memory())
            self.memories[key], change = step(before, sighting)
            if change is not None:
                after = before if change is Change.ENDED else self.memories[key]
                events.append(self._event(at, key, change, after))
        return events

    def _forget_before_a_gap(self, look: Look) -> list[Event]:
        """End what was on and forget all, if the last look is too long ago to count with."""
        last = self.last_look_at
        if last is None or abs(look.ref.captured_at - last) <= timedelta(seconds=LONGEST_GAP_S):
            return []
        self.second = []
        return self._end(tuple(self.memories), look.ref.captured_at)

    def revise(self, zones: dict[str, Polygon], hazards: tuple[Hazard, ...]) -> list[Event]:
        """Watch other zones or for other hazards; end what was on and is no longer watched for.

        What stays keeps its state: a zone is the same by its id, however it is drawn now.
        """
        self.zones, self.hazards = zones, hazards
        kept = {(zone_id, hazard) for zone_id in zones for hazard in hazards}
        gone = tuple(key for key in self.memories if key not in kept)
        return self._end(gone, self.last_look_at)

    def _end(self, keys: Iterable[tuple[str, Hazard]], at: datetime | None) -> list[Event]:
        """Forget keys; return the ends of those that were on."""
        forgotten = [(key, self.memories.pop(key)) for key in keys]
        return [
            self._event(at, key, Change.ENDED, memory)
            for key, memory in forgotten
            if at is not None and memory.first_seen_at is not None
        ]

    def _sighting(self, look: Look, zone_id: str, hazard: Hazard) -> Sighting | None:
        """Return the best box of a hazard whose centre lies in the zone."""
        found, polygon = look.detections, self.zones[zone_id]
        of_hazard = np.array([label.hazard is hazard for label in self.labels])[found.label]
        centres = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
        here = found.where(of_hazard & contains(polygon, centres))
        if len(here) == 0:
            return None
        best = int(here.score.argmax())
        x0, y0, x1, y1 = here.xyxy[best].tolist()
        return Sighting(
            at=look.ref.captured_at,
            score=float(here.score[best]),
            box=(x0, y0, x1, y1),
            strong=bool(here.score[best] >= self.labels[here.label[best]].threshold),
        )

    def _event(
        self, at: datetime, key: tuple[str, Hazard], change: Change, memory: Memory
    ) -> Event:
        if memory.first_seen_at is None or memory.last is None:
            raise AssertionError("an event comes from a hazard that is on")
        return Event(
            camera_id=self.camera_id,
            zone_id=key[0],
            hazard=key[1],
            change=change,
            first_seen_at=memory.first_seen_at,
            last_seen_at=memory.last.at,
            at=at,
            score=memory.last.score,
            box=memory.last.box,
        )
