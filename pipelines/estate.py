"""The cameras of one worker: each one's reader and rules, changed while the others run on.

Used by the worker's loop alone, so that no look is on its way through the rules while they are
changed. Nothing here waits: a reader that is replaced may hang in FFmpeg as long as it likes, and
the next one starts beside it. Not so a third (``starts.py``): however often a camera is changed,
two connections of it are alive at most, and of the changes that have to wait the newest counts.

What the worker can't bear is kept with its rules but not connected to, and says so. The newest go
first and come back last. Newest is what came here last: after a restart the registry comes in no
particular order. A camera with an open alert, or the sign of a hazard in its last looks, is never
put to rest: nobody would watch what is on.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from pipelines.address import Address
from pipelines.admission import OVER_CAPACITY, SETTLE_S, Admission, Load, Standing
from pipelines.faults import SourceError
from pipelines.flow import Flow
from pipelines.jurisdictions import NO_JURISDICTIONS, Jurisdictions
from pipelines.messages import Alert, Camera, WatchState
from pipelines.metrics import WorkerMetrics
from pipelines.reader import Reader
from pipelines.registry import Change
from pipelines.rtsp.networks import Networks
from pipelines.rules.settings import SETTINGS
from pipelines.sealing import SealError
from pipelines.source import CameraSource
from pipelines.starts import Starts
from pipelines.states import States
from pipelines.zones import ZoneError, zones_of

STOP_PATIENCE_S: Final = 1.0
"""Readers that hang in FFmpeg do not hold the stop up: they die with the process."""

STILL_LOST_S: Final = 60.0
"""How often a lost camera is said to be lost still: a switch that fails takes thousands along."""

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class _Watched:
    camera: Camera
    """As the worker was told."""
    revision: int
    """Of which registration."""
    reader: Reader | None
    """Its connection; none while it can't be used."""
    begun_s: float | None = None
    """When it was let in; none while it waits for room."""
    silent_s: float | None = None
    """Since when it hasn't sent pictures; none while it does."""
    told_lost_s: float | None = None
    """When it was last said to be lost."""


class Estate:
    """Applies what is wanted to what runs."""

    def __init__(
        self,
        *,
        flow: Flow,
        states: States,
        address: Callable[[Camera], Address],
        metrics: WorkerMetrics,
        networks: Networks,
        jurisdictions: Jurisdictions = NO_JURISDICTIONS,
        admission: Admission | None = None,
        renewed: Callable[[Camera], Address | None] = lambda _: None,
    ) -> None:
        """``networks`` are where cameras may be, ``jurisdictions`` where those of a place may.

        Without an ``admission`` every camera is connected to at once. ``address`` gives a camera's,
        and raises ``SourceError`` or ``SealError``. ``renewed`` gives another of a camera whose own
        has expired, if there is one, and raises ``SourceError``; readers' threads call it.
        """
        self._flow = flow
        self._states = states
        self._address, self._renewed = address, renewed
        self._metrics = metrics
        self._networks = networks
        self._jurisdictions = jurisdictions
        self._admission = admission
        self._watched: dict[str, _Watched] = {}
        self._running = False
        self._starts = Starts(states, metrics)
        self._looked_s = 0.0
        self._held: set[str] = set()
        self._rested: set[str] = set()
        self._said: dict[str, WatchState] = {}

    def give(self, cameras: Iterable[Camera]) -> None:
        """Take cameras of a file in, before the start.

        Raises ``SourceError`` or ``ZoneError`` for the first that can't be watched: whoever wrote
        the file is there to mend it.
        """
        for camera in cameras:
            self._flow.watch(camera)
            self._keep(camera, 0, self._reader(camera))

    def start(self) -> None:
        """Connect to the cameras there is room for; those that come later as they come."""
        self._running = True
        for one in self._watched.values():
            self._enter(one)

    def start_waiting(self) -> None:
        """Start those there is room for, and those that had to wait for something else."""
        self._let_in()
        self._starts.start_waiting()

    def apply(self, change: Change) -> list[Alert]:
        """Do what a registration's change asks; return the ends of alerts that it brings."""
        known = self._watched.get(change.camera_id)
        if change.fault is not None:
            return self._leave(change, change.fault)
        if change.camera is None:
            return self._remove(change.camera_id, known)
        if known is not None and change.camera == known.camera:
            return self._confirm(known, change.revision)
        try:
            return self._change(change.camera, change.revision, known)
        except (SourceError, SealError, ZoneError) as error:
            return self._refuse(change.camera, change.revision, known, error)

    def admit(self, load: Load) -> None:
        """Go by what the cameras were measured to cost, about once a second."""
        if self._admission is None:
            return
        now_s = time.monotonic()
        excess = self._admission.measure(load, self._standing(now_s), now_s)
        if excess:
            self._admission.rested(self._rest(excess), now_s)
        if self._admission.is_full(now_s):
            for camera_id in self._held:
                self._states.note(camera_id, WatchState.FAULT, OVER_CAPACITY)
        self._metrics.cameras_waiting.set(len(self._held))
        self._metrics.busy.set(self._admission.busy)
        self._metrics.capacity.set(self._admission.capacity or 0.0)

    def find_lost(self) -> list[Alert]:
        """Return the alerts of cameras that should send pictures and haven't for long."""
        now_s = time.monotonic()
        if now_s - self._looked_s < 1.0:
            return []
        self._looked_s = now_s
        alerts: list[Alert] = []
        for name, one in self._watched.items():
            if one.reader is None or name in self._held or self._is_seen(one):
                one.silent_s = one.told_lost_s = None
                continue
            one.silent_s = now_s if one.silent_s is None else one.silent_s
            is_lost = now_s - one.silent_s >= SETTINGS.camera_fault.lost_after_s
            if is_lost and (one.told_lost_s is None or now_s - one.told_lost_s >= STILL_LOST_S):
                one.told_lost_s = now_s
                alerts += self._flow.lost(name)
        return alerts

    def stop(self) -> None:
        """End every reader."""
        readers = [one.reader for one in self._watched.values() if one.reader is not None]
        for reader in readers:
            reader.stop()
        ends_s = time.monotonic() + STOP_PATIENCE_S
        for reader in filter(lambda one: one.alive, readers):
            reader.join(max(0.0, ends_s - time.monotonic()))

    def readers(self) -> Iterator[tuple[str, Reader | None]]:
        """Yield each camera and its reader, if it can be used; one that rests has used nothing."""
        for name, one in self._watched.items():
            yield name, one.reader

    def __len__(self) -> int:
        return len(self._watched)

    def _leave(self, change: Change, fault: str) -> list[Alert]:
        """Let a camera run on of which nobody here can say what is wanted; or say why none does."""
        if change.camera_id not in self._watched:
            self._states.note(change.camera_id, WatchState.FAULT, fault, change.revision)
        return []

    def _confirm(self, known: _Watched, revision: int) -> list[Alert]:
        """Note that a registration's change was none to the worker."""
        known.revision = revision
        self._states.revised(known.camera.camera_id, revision)
        self._metrics.registry_change("nothing")
        return []

    def _change(self, camera: Camera, revision: int, known: _Watched | None) -> list[Alert]:
        same_stream = known is not None and known.reader and self._same(camera, known.camera)
        # Whatever can fail comes before whatever changes something.
        reader = None if same_stream else self._reader(camera)
        ends = self._flow.watch(camera)
        if known is not None and known.reader is not None and reader is None:
            known.reader.blank(zones_of(camera).privacy)
            # What waits may still show what nobody is to see any more.
            self._flow.batcher.forget(camera.camera_id)
        if known is not None and reader is None:
            known.camera, known.revision = camera, revision
            self._states.revised(camera.camera_id, revision)
            self._metrics.registry_change("rules")
            return ends
        if known is not None:
            self._dismiss(known)
        self._keep(camera, revision, reader)
        self._metrics.registry_change("added" if known is None else "connected_anew")
        self._states.note(camera.camera_id, WatchState.CONNECTING, None, revision)
        one = self._watched[camera.camera_id]
        if known is not None and known.begun_s is not None:  # it has its place already
            one.begun_s = known.begun_s
            self._begin(one)
        elif self._running:
            self._enter(one)
        return ends

    def _enter(self, one: _Watched) -> None:
        """Connect to a camera if there is room; if not, let it wait behind those that do."""
        if self._admission is None or one.reader is None:
            self._begin(one)
            return
        name = one.camera.camera_id
        self._held.add(name)
        if len(self._held) == 1:
            self._let_in()
        if name in self._held and self._admission.is_full(time.monotonic()):
            self._states.note(name, WatchState.FAULT, OVER_CAPACITY)

    def _let_in(self) -> None:
        """Connect to those that wait, the oldest first, as far as there is room."""
        now_s = time.monotonic()
        while self._held and self._admission is not None and self._admission.may_start(now_s):
            name = next(name for name in self._watched if name in self._held)
            self._held.discard(name)
            if name in self._rested:
                self._rested.discard(name)
                self._metrics.admissions.labels("returned").inc()
                log.info("camera", camera=name, next="there is room for it again")
            self._admission.started(now_s)
            one = self._watched[name]
            one.begun_s = now_s
            self._begin(one)

    def _standing(self, now_s: float) -> Standing:
        begun = [one for one in self._watched.values() if one.begun_s is not None]
        starting = [one for one in begun if now_s - (one.begun_s or 0.0) < SETTLE_S]
        return Standing(
            watching=sum(map(self._is_seen, begun)),
            settled=len(begun) - len(starting),
            starting=len(starting),
            starting_unseen=sum(not self._is_seen(one) for one in starting),
            waiting=len(self._held),
        )

    def _is_seen(self, one: _Watched) -> bool:
        return self._said.get(one.camera.camera_id) is WatchState.WATCHING

    def _rest(self, count: int) -> int:
        """Put the newest that send pictures to rest, those under suspicion excepted."""
        newest = [
            one
            for name, one in reversed(self._watched.items())
            if self._is_seen(one) and self._flow.is_calm(name)
        ][:count]
        for one in newest:
            name = one.camera.camera_id
            self._dismiss(one)
            one.reader, one.begun_s = self._reader(one.camera), None
            self._held.add(name)
            self._rested.add(name)
            self._metrics.admissions.labels("rested").inc()
        if newest:
            log.warning(
                "over_capacity",
                rested=len(newest),
                do="start another worker or process, or watch the cameras' substreams",
            )
        return len(newest)

    def _begin(self, one: _Watched) -> None:
        if one.reader is not None:
            self._starts.start(one.camera.camera_id, one.reader)

    def _remove(self, camera_id: str, known: _Watched | None) -> list[Alert]:
        if known is not None:
            self._dismiss(known)
            del self._watched[camera_id]
            self._metrics.cameras.set(len(self._watched))
            self._metrics.registry_change("removed")
        self._states.forget(camera_id)
        return self._flow.remove(camera_id)

    def _refuse(
        self, camera: Camera, revision: int, known: _Watched | None, error: Exception
    ) -> list[Alert]:
        """Watch a camera no more that can't be used as it is registered now; say why."""
        code = getattr(error, "code", "unusable")
        if known is not None:
            self._dismiss(known)
        self._keep(camera, revision, None)
        self._metrics.registry_change("unusable")
        self._states.note(camera.camera_id, WatchState.FAULT, code, revision)
        log.warning(
            "camera", camera=camera.camera_id, fault=str(error), next="correct its registration"
        )
        return self._flow.forget(camera.camera_id)

    def _keep(self, camera: Camera, revision: int, reader: Reader | None) -> None:
        self._watched[camera.camera_id] = _Watched(camera=camera, revision=revision, reader=reader)
        self._metrics.cameras.set(len(self._watched))

    def _dismiss(self, known: _Watched) -> None:
        camera_id = known.camera.camera_id
        self._held.discard(camera_id)
        self._rested.discard(camera_id)
        if known.reader is not None:
            self._starts.dismiss(camera_id, known.reader)
            self._said.pop(camera_id, None)
            self._flow.batcher.forget(camera_id)

    def _reader(self, camera: Camera) -> Reader:
        name = camera.camera_id
        source = CameraSource(
            name,
            self._address(camera),
            self._flow.input_size_px,
            self._metrics,
            self._networks_of(camera),
            bursts=self._flow.bursts,
            steady=_needs_steady_looks(camera),
        )
        source.blank(zones_of(camera).privacy)
        source.renewal.ask = partial(self._fresh, name)

        def notice(state: WatchState, fault: str | None) -> None:
            self._said[name] = state
            self._states.note(name, state, fault)

        return Reader(source, self._flow.batcher, self._metrics, notice=notice)

    def _fresh(self, name: str) -> Address | None:
        """Return another address by what the camera's registration says now."""
        one = self._watched.get(name)
        return None if one is None else self._renewed(one.camera)

    def _networks_of(self, camera: Camera) -> Networks:
        return self._jurisdictions.narrow(self._networks, camera)

    def _same(self, camera: Camera, known: Camera) -> bool:
        """Say whether a registration leaves the stream as it is, and the right to connect to it."""
        alike = _same_stream(camera, known)
        return alike and self._networks_of(camera) == self._networks_of(known)


def _needs_steady_looks(camera: Camera) -> bool:
    return zones_of(camera).need_steady_looks(camera.hazards)


def _same_stream(one: Camera, other: Camera) -> bool:
    """Say whether two registrations have one stream, read in one way."""
    is_one = (one.url, one.sealed_credentials) == (other.url, other.sealed_credentials)
    return is_one and _needs_steady_looks(one) == _needs_steady_looks(other)
