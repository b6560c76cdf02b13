"""All rules of one camera: looks in, events out. Knows no clock; all times are those of the looks.

Looks become moments: one look of a sentry, or the looks of a second where there are several. Every
rule says of a moment whether it shows its hazard in a zone; k of m moments decide.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from pipelines.daily import Daily, Key
from pipelines.frames import FrameRef, Look
from pipelines.messages import Camera, Candidate
from pipelines.rules import (
    camera_fault,
    debris,
    fire,
    obstruction,
    smoke,
    stopped_vehicle,
    vehicles,
    water_over_line,
    wrong_way,
)
from pipelines.rules.events import Change, Event, Sighting
from pipelines.rules.moment import Columns, Moment, not_after, shifted
from pipelines.rules.persistence import Memory, step
from pipelines.rules.places import has_known, untold
from pipelines.rules.settings import SETTINGS, Settings
from pipelines.windows import held_back
from pipelines.zones import WHOLE, Area, Zones
from vision.hazards import DETECTABLE, OF_VEHICLES, Hazard

SECOND: Final = timedelta(seconds=1)
"""The looks of a burst are judged together by the second, so that time still has to pass."""

FEWEST: Final = 3
"""Looks that a burst's second needs to say more than its last one."""

LONGEST_GAP: Final = timedelta(seconds=60)
"""Looks come every 1 to 4 s and a lost camera is back within 45 s. After a longer gap, or a
clock set by more, what is seen is seen anew."""

FAULT: Final = (WHOLE.zone_id, Hazard.CAMERA_FAULT)
"""What the rule of the camera's own faults is kept under."""

MOMENTS_APART: Final = 100
"""Between the moments of a camera that is watched no more and its next: no replay joins them."""

DRAWN: Final = OF_VEHICLES | {Hazard.DEBRIS, Hazard.WATER_OVER_LINE}
"""They go by what was drawn on the picture: while the camera has a fault, that may lie anywhere."""


class Judge:
    """The rules of one camera and their state."""

    _last_moment: ClassVar[int] = 0
    """The highest of any judge of this process: a camera that is watched again goes on from there,
    since what is kept of it is known by the worker's start and the moment."""

    def __init__(
        self,
        camera: Camera,
        zones: Zones,
        columns: Columns,
        settings: Settings = SETTINGS,
    ) -> None:
        self._columns = columns
        self._is_hazard = columns.hazards
        self._settings = settings
        self._memories: dict[Key, Memory] = {}
        self._states: dict[Key, Any] = {}
        """Of each rule, by its own ``State``."""
        self._vehicles = vehicles.State()
        self.daily = Daily()
        """Which vehicle zones fire too often to be believed."""
        self._second: list[Look] = []
        self._last: Look | None = None
        self.moments = Judge._last_moment + MOMENTS_APART
        """The number of the last one that was judged."""
        self.suspects = False
        """Whether the last look of a sentry showed a sign of something that isn't believed yet."""
        self.candidates: tuple[Candidate, ...] = ()
        """What the last look made known of what a detector's hazards score."""
        self.held_back: frozenset[Hazard] = frozenset()
        """What the last look showed, and an open window keeps from being told."""
        self._take_over(camera, zones)

    def _take_over(self, camera: Camera, zones: Zones) -> None:
        self.camera, self.zones = camera, zones
        self._watched: dict[Key, Area] = {
            (area.zone_id, hazard): area for hazard in camera.hazards for area in zones.of(hazard)
        }
        self._has_vehicles = any(hazard in OF_VEHICLES for _, hazard in self._watched)

    def see(self, look: Look) -> list[Event]:
        """Take one look in; return what it changed."""
        self.candidates, self.held_back = (), frozenset()
        events = self._begin_anew_if_needed(look)
        self._last = look
        if self._second and not (look.ref.is_burst and _same_second(self._second[0], look)):
            events += self._judge_second()
        if look.ref.is_burst:
            self._second.append(look)
            self.suspects = False
            return events
        events += self._judge(Moment(looks=(look,), columns=self._columns))
        self.suspects = any(
            memory.first_seen_at is None and memory.recent and memory.recent[-1] is not None
            for (_, hazard), memory in self._memories.items()
            if hazard in DETECTABLE
        )
        return events

    def lost(self, at: datetime) -> list[Event]:
        """Say that the camera sends nothing any more; return what that changes."""
        if FAULT not in self._watched:
            return []
        state = self._states.get(FAULT) or camera_fault.State()
        self._states[FAULT], sighting = camera_fault.lost(state, at)
        if self._is_on(FAULT):
            return self._learn(FAULT, sighting, at)
        if Hazard.CAMERA_FAULT in held_back(self.camera.windows, at):
            return []  # whoever calls does so again while it is lost
        # Whoever calls has waited long enough: no further moments are needed.
        memory = Memory(recent=(sighting,), first_seen_at=sighting.at, last=sighting)
        self._memories[FAULT] = memory
        return self._told(FAULT, Change.BEGAN, memory, at)

    @property
    def states(self) -> Mapping[Key, Any]:
        """What the rules remember, by their own ``State``."""
        return self._states

    def recall(self, states: Mapping[Key, Any]) -> None:
        """Take over what the rules of an earlier process remembered."""
        self._states |= {key: one for key, one in states.items() if key in self._watched}

    @property
    def is_calm(self) -> bool:
        """Whether nothing is on and nothing was seen lately."""
        return self.is_quiet and all(one.is_calm for one in self._memories.values())

    @property
    def is_quiet(self) -> bool:
        """Whether a look in which the detector finds no hazard changes nothing.

        What is measured in every look, as a camera's sight, and what stands still don't count.
        """
        waits = any(self._is_hazard[look.detections.label].any() for look in self._second)
        return not waits and all(
            memory.is_calm for (_, hazard), memory in self._memories.items() if hazard in DETECTABLE
        )

    def revise(self, camera: Camera, zones: Zones) -> list[Event]:
        """Watch other zones or for other hazards; end what was on and is no longer watched for.

        What stays keeps its state: a zone is the same by its id, however it is drawn now. Of
        another stream all begins anew; what is on ends when it isn't seen there.
        """
        if _stream(camera.url) != _stream(self.camera.url):
            self._states, self._vehicles, self._second = {}, vehicles.State(), []
            self._memories = {key: one for key, one in self._memories.items() if self._is_on(key)}
        if watches_otherwise(self.camera, camera):
            self._states.pop(FAULT, None)  # somebody has looked at the picture: it is as it should
        self._take_over(camera, zones)
        gone = [key for key in self._memories if key not in self._watched]
        return self._end(gone, self._last_at)

    @property
    def _last_at(self) -> datetime | None:
        return None if self._last is None else self._last.ref.captured_at

    def close(self) -> list[Event]:
        """End all that is on: the camera is watched no more."""
        return self._end(list(self._memories), self._last_at)

    def _begin_anew_if_needed(self, look: Look) -> list[Event]:
        """Forget what doesn't fit any more: after a long gap all, after another size what is drawn.

        Where the clock was set back, what is remembered was as long ago as it was before.
        """
        if self._last is None:
            at = look.ref.captured_at
            self._states = {key: not_after(one, at) for key, one in self._states.items()}
            return []
        before, now = self._last.ref, look.ref
        passed, events = now.captured_at - before.captured_at, list[Event]()
        is_long = abs(passed) > LONGEST_GAP
        if is_long:
            self._second, self._states, self._vehicles = [], self._kept_states(), vehicles.State()
            events = self._end(list(self._memories), now.captured_at)
        if passed < timedelta(0):
            events += self._judge_second() if self._second else []
            moved = {key: shifted(one, passed) for key, one in self._kept_states().items()}
            self._states |= moved
        if now.source_size_px != before.source_size_px:
            self._states, self._vehicles = self._fitting(before, now), vehicles.State()
        return events

    def _kept_states(self) -> dict[Key, Any]:
        """Return the states that outlast a gap: how the camera saw when all was well, habits."""
        return {key: one for key, one in self._states.items() if key[1] not in OF_VEHICLES}

    def _fitting(self, before: FrameRef, now: FrameRef) -> dict[Key, Any]:
        """Return the states that hold for a picture of another size.

        Shares of the picture mean other places once its proportions differ. What is seen then is
        what was known before, but where nothing was: whatever comes now is new.
        """
        places = {key: one for key, one in self._states.items() if key[1] in DETECTABLE}
        if before.has_proportions_of(now):
            return places
        return {
            key: type(one)(began_at=one.began_at)
            for key, one in places.items()
            if not has_known(one.places, getattr(self._settings, key[1].value).habit)
        }

    def _judge_second(self) -> list[Event]:
        """Take the looks of a burst's second in as one moment."""
        looks, self._second = self._second, []
        # Fewer: a slow camera's, or there was no time for them: a look's worth.
        seen = looks if len(looks) >= FEWEST else looks[-1:]
        return self._judge(Moment(looks=tuple(seen), columns=self._columns))

    def _judge(self, moment: Moment) -> list[Event]:
        self.moments += 1
        Judge._last_moment = max(Judge._last_moment, self.moments)
        if self._has_vehicles:
            self._vehicles = vehicles.step(self._vehicles, moment)
        expected = held_back(self.camera.windows, moment.at)
        events: list[Event] = []
        shown = set[Hazard]()
        for key, area in self._watched.items():
            if self._is_suspended(key, moment):
                continue
            before = self._states.get(key)
            sighting = self._sighting(key, area, moment)
            if sighting is not None:
                self._note(key, sighting)
            # What is on stays on: a window expects what begins in it, and no end is told of a fire
            # that burns.
            if key[1] in expected and not self._is_on(key):
                self._take_back(key, before, moment.at)
                shown |= set() if sighting is None else {key[1]}
                sighting = None
            events += self._learn(key, sighting, moment.at)
        self.held_back = frozenset(shown)
        return events

    def _is_suspended(self, key: Key, moment: Moment) -> bool:
        """Say whether a rule keeps its state for now: nothing it goes by was measured."""
        _, hazard = key
        if hazard is Hazard.CAMERA_FAULT:
            return all(look.measures.sight is None for look in moment.looks)
        if hazard is Hazard.WATER_OVER_LINE and not any(look.ref.is_due for look in moment.looks):
            return True
        told, state = self._memories.get(FAULT), self._states.get(FAULT)
        # A fault that a window keeps from being told is one all the same.
        ails = (told is not None and not told.is_calm) or (state is not None and state.fault)
        return hazard in DRAWN and bool(ails)

    def _is_on(self, key: Key) -> bool:
        memory = self._memories.get(key)
        return memory is not None and memory.first_seen_at is not None

    def _take_back(self, key: Key, before: Any, at: datetime) -> None:
        """Let what nobody was told of make no habit: a planned burn's spot is nobody's hearth."""
        _, hazard = key
        state, known = self._states[key], () if before is None else getattr(before, "places", ())
        if hazard in DETECTABLE:
            self._states[key] = replace(state, places=untold(known, state.places))
        elif hazard is Hazard.STOPPED_VEHICLE:
            self._states[key] = replace(state, places=known)
        elif hazard is Hazard.CAMERA_FAULT:
            self._states[key] = camera_fault.untold(state, at, self._settings.camera_fault)

    def _sighting(self, key: Key, area: Area, moment: Moment) -> Sighting | None:
        """Let a hazard's rule say whether the moment shows it in a zone."""
        hazard, settings = key[1], self._settings
        state = self._states.get(key)
        floor = self.camera.thresholds.get(hazard, 0.0)
        new: Any
        if hazard is Hazard.FIRE:
            new, sighting = fire.step(state or fire.State(), moment, area, floor, settings.fire)
        elif hazard is Hazard.SMOKE:
            new, sighting = smoke.step(state or smoke.State(), moment, area, floor, settings.smoke)
        elif hazard is Hazard.DEBRIS:
            new, sighting = debris.step(
                state or debris.State(), moment, area, floor, settings.debris
            )
        elif hazard is Hazard.CAMERA_FAULT:
            new, sighting = self._fault(state or camera_fault.State(), moment)
        elif hazard is Hazard.WATER_OVER_LINE:
            new, sighting = self._water(state or water_over_line.State(), moment)
        else:
            rule, own = _VEHICLE_RULES[hazard], getattr(settings, hazard.value)
            new, sighting = rule.step(state or rule.State(), self._vehicles, moment, area, own)
        self._states[key] = new
        return sighting

    def _fault(self, state: camera_fault.State, moment: Moment) -> tuple[Any, Sighting | None]:
        sights = [look.measures.sight for look in moment.looks if look.measures.sight is not None]
        return camera_fault.step(state, sights[-1], moment.at, settings=self._settings.camera_fault)

    def _water(self, state: water_over_line.State, moment: Moment) -> tuple[Any, Sighting | None]:
        if self.zones.water is None:
            raise AssertionError("water is watched for where a scale is marked")
        readings = [one.measures.water for one in moment.looks if one.measures.water is not None]
        reading = readings[-1] if readings else None
        return water_over_line.step(
            state, reading, moment.at, self.zones.water, self._settings.water_over_line
        )

    def _note(self, key: Key, sighting: Sighting) -> None:
        """Keep what a candidate of a detector's hazard scores, believed or not."""
        zone_id, hazard = key
        if hazard in DETECTABLE and sighting.box is not None and not sighting.in_doubt:
            found = Candidate(
                hazard=hazard,
                zone_id=zone_id,
                at=sighting.at,
                moment=self.moments,
                score=min(1.0, max(0.0, sighting.score)),
                box=sighting.box,
            )
            self.candidates = (*self.candidates, found)

    def _learn(self, key: Key, sighting: Sighting | None, at: datetime) -> list[Event]:
        """Take a moment's sighting in; return the event that it makes."""
        before = self._memories.get(key, Memory())
        persistence = getattr(self._settings, key[1].value).persistence
        after, change = step(before, sighting, persistence)
        is_of_vehicles = key[1] in OF_VEHICLES
        if change is Change.BEGAN and is_of_vehicles and not self.daily.may_begin(key, at):
            self._memories[key] = before
            return []
        self._memories[key] = after
        if change is None:
            return []
        return self._told(key, change, before if change is Change.ENDED else after, at)

    def _end(self, keys: Iterable[Key], at: datetime | None) -> list[Event]:
        """Forget keys; return the ends of those that were on."""
        events: list[Event] = []
        for key in keys:
            memory = self._memories.pop(key)
            if key not in self._watched:
                self._states.pop(key, None)
            if at is not None and memory.first_seen_at is not None:
                events += self._told(key, Change.ENDED, memory, at)
        return events

    def _told(self, key: Key, change: Change, memory: Memory, at: datetime) -> list[Event]:
        if memory.first_seen_at is None or memory.last is None:
            raise AssertionError("an event comes from a hazard that is on")
        event = Event(
            camera_id=self.camera.camera_id,
            zone_id=key[0],
            hazard=key[1],
            change=change,
            first_seen_at=memory.first_seen_at,
            last_seen_at=memory.last.at,
            at=at,
            score=memory.last.score,
            box=memory.last.box,
            detail=memory.last.detail,
        )
        return [event]


_VEHICLE_RULES: Final[dict[Hazard, Any]] = {
    Hazard.STOPPED_VEHICLE: stopped_vehicle,
    Hazard.WRONG_WAY: wrong_way,
    Hazard.OBSTRUCTION: obstruction,
}


def _same_second(first: Look, look: Look) -> bool:
    return timedelta(0) <= look.ref.captured_at - first.ref.captured_at < SECOND


def watches_otherwise(before: Camera, now: Camera) -> bool:
    """Say whether what is measured begins anew: another stream, other zones or hazards.

    A window that is opened, a threshold or a name leaves all as it was.
    """
    drawn = [(one.zones, one.water, one.hazards, _stream(one.url)) for one in (before, now)]
    return drawn[0] != drawn[1]


def shows_another_place(before: Camera, now: Camera) -> bool:
    """Say whether two registrations have different streams."""
    return _stream(before.url) != _stream(now.url)


def _stream(url: str) -> str:
    """Return where a stream comes from; another password shows the same place."""
    scheme, mark, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + mark + host.rpartition("@")[2] + slash + path
