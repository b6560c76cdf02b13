"""The cameras of one worker: each one's reader and rules, changed while the others run on.

Used by the worker's loop alone, so that no look is on its way through the rules while they are
changed. Nothing here waits: a reader that is replaced may hang in FFmpeg as long as it likes, and
the next one starts beside it. Not so a third: however often a camera is changed, two connections
of it are alive at most, and of the changes that have to wait the newest counts.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import structlog
from msgspec.structs import replace

from pipelines.address import Address
from pipelines.faults import SourceError
from pipelines.flow import Flow, ZoneError
from pipelines.messages import Alert, Camera, WatchState
from pipelines.metrics import WorkerMetrics
from pipelines.reader import Reader
from pipelines.registry import Change
from pipelines.rtsp.networks import Networks
from pipelines.sealing import SealError
from pipelines.source import CameraSource
from pipelines.states import States

STOP_PATIENCE_S: Final = 1.0
"""Readers that hang in FFmpeg do not hold the stop up: they die with the process."""

LEAVING: Final = 1
"""Dismissed readers of a camera beside which its next one may start."""

AGAIN_S: Final = 30.0
"""How soon a camera is tried again for which the machine had no thread."""

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class _Watched:
    camera: Camera
    """As the worker was told."""
    revision: int
    """Of which registration."""
    reader: Reader | None
    """Its connection; none while it can't be used."""


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
    ) -> None:
        """``networks`` are where cameras may be.

        ``address`` gives a camera's, and raises ``SourceError`` or ``SealError``.
        """
        self._flow = flow
        self._states = states
        self._address = address
        self._metrics = metrics
        self._networks = networks
        self._watched: dict[str, _Watched] = {}
        self._running = False
        self._waiting: set[str] = set()
        self._leaving: dict[str, list[Reader]] = {}
        self._behind: set[str] = set()
        self._tried_s = 0.0

    def give(self, cameras: Iterable[Camera]) -> None:
        """Take cameras of a file in, before the start.

        Raises ``SourceError`` or ``ZoneError`` for the first that can't be watched: whoever wrote
        the file is there to mend it.
        """
        for camera in cameras:
            self._flow.watch(camera)
            self._keep(camera, 0, self._reader(camera))

    def start(self) -> None:
        """Connect to every camera; those that come later are connected to as they come."""
        self._running = True
        for one in self._watched.values():
            self._begin(one)

    def start_waiting(self) -> None:
        """Start those whose older readers have ended; at times, those without a thread."""
        for camera_id in tuple(self._leaving):
            alive = [reader for reader in self._leaving[camera_id] if reader.alive]
            if alive:
                self._leaving[camera_id] = alive
            else:
                del self._leaving[camera_id]
        for camera_id in tuple(self._behind):
            if not self._is_crowded(camera_id):
                self._behind.discard(camera_id)
                self._begin(self._watched[camera_id])
        self._start_without_thread()

    def _start_without_thread(self) -> None:
        if not self._waiting or time.monotonic() - self._tried_s < AGAIN_S:
            return
        for camera_id in sorted(self._waiting):
            self._waiting.discard(camera_id)
            known = self._watched.get(camera_id)
            if known is not None and not self._begin(known):
                return

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

    def stop(self) -> None:
        """End every reader."""
        readers = [one.reader for one in self._watched.values() if one.reader is not None]
        for reader in readers:
            reader.stop()
        ends_s = time.monotonic() + STOP_PATIENCE_S
        for reader in filter(lambda one: one.alive, readers):
            reader.join(max(0.0, ends_s - time.monotonic()))

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
        same_stream = known is not None and known.reader and _same_stream(camera, known.camera)
        # Whatever can fail comes before whatever changes something.
        reader = None if same_stream else self._reader(camera)
        ends = self._flow.watch(camera)
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
        if self._running:
            self._begin(self._watched[camera.camera_id])
        return ends

    def _begin(self, one: _Watched) -> bool:
        """Connect to a camera; without a thread for it, it waits and costs no other."""
        if one.reader is None:
            return True
        if self._is_crowded(one.camera.camera_id):
            self._behind.add(one.camera.camera_id)
            return True
        try:
            one.reader.start()
        except RuntimeError as error:
            name = one.camera.camera_id
            self._waiting.add(name)
            self._tried_s = time.monotonic()
            self._metrics.source_error("too_many_cameras")
            self._states.note(name, WatchState.FAULT, "too_many_cameras")
            log.warning(
                "camera",
                camera=name,
                fault=str(error),
                next="fewer cameras: give this one a --part",
            )
            return False
        return True

    def _is_crowded(self, camera_id: str) -> bool:
        alive = sum(reader.alive for reader in self._leaving.get(camera_id, ()))
        return alive > LEAVING

    def _remove(self, camera_id: str, known: _Watched | None) -> list[Alert]:
        if known is None:
            self._states.forget(camera_id)
            return []
        self._dismiss(known)
        del self._watched[camera_id]
        self._metrics.cameras.set(len(self._watched))
        self._metrics.registry_change("removed")
        self._states.forget(camera_id)
        return self._flow.forget(camera_id)

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
        self._waiting.discard(camera_id)
        self._behind.discard(camera_id)
        if known.reader is not None:
            known.reader.dismiss()
            self._flow.batcher.forget(camera_id)
            if known.reader.alive:
                self._leaving.setdefault(camera_id, []).append(known.reader)

    def _reader(self, camera: Camera) -> Reader:
        name = camera.camera_id
        source = CameraSource(
            name, self._address(camera), self._flow.input_size_px, self._metrics, self._networks
        )

        def notice(state: WatchState, fault: str | None) -> None:
            self._states.note(name, state, fault)

        return Reader(source, self._flow.batcher, self._metrics, notice=notice)


def _same_stream(one: Camera, other: Camera) -> bool:
    """Say whether two registrations differ in their hazards and zones at most."""
    return replace(one, hazards=other.hazards, zones=other.zones) == other
