"""Starts a worker's readers; those that can't be started yet wait here and cost no other camera.

A reader waits for one of two things: a thread, which the machine may refuse, or the end of its
camera's older readers, which may hang in FFmpeg as long as they like.
"""

import time
from typing import Final

import structlog

from pipelines.messages import WatchState
from pipelines.metrics import WorkerMetrics
from pipelines.reader import Reader
from pipelines.states import States

LEAVING: Final = 1
"""Dismissed readers of a camera beside which its next one may start."""

AGAIN_S: Final = 30.0
"""How soon a camera is tried again for which the machine had no thread."""

log = structlog.get_logger()


class Starts:
    """The readers of a worker that are to start, and the dismissed ones that haven't ended."""

    def __init__(self, states: States, metrics: WorkerMetrics) -> None:
        self._states = states
        self._metrics = metrics
        self._behind: dict[str, Reader] = {}
        """Of cameras whose older readers have to end first."""
        self._threadless: dict[str, Reader] = {}
        """Of cameras for which the machine had no thread."""
        self._leaving: dict[str, list[Reader]] = {}
        """Dismissed, and perhaps alive."""
        self._tried_s = 0.0

    def start(self, camera_id: str, reader: Reader) -> bool:
        """Start a reader or let it wait; say whether the machine would start another."""
        if self._is_crowded(camera_id):
            self._behind[camera_id] = reader
            return True
        try:
            reader.start()
        except RuntimeError as error:
            self._threadless[camera_id] = reader
            self._tried_s = time.monotonic()
            self._metrics.source_error("too_many_cameras")
            self._states.note(camera_id, WatchState.FAULT, "too_many_cameras")
            log.warning(
                "camera",
                camera=camera_id,
                fault=str(error),
                next="fewer cameras: give this one a --part",
            )
            return False
        return True

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
                self.start(camera_id, self._behind.pop(camera_id))
        self._start_without_thread()

    def dismiss(self, camera_id: str, reader: Reader) -> None:
        """Count a reader out at once; it ends when it can."""
        self._behind.pop(camera_id, None)
        self._threadless.pop(camera_id, None)
        reader.dismiss()
        if reader.alive:
            self._leaving.setdefault(camera_id, []).append(reader)

    def _start_without_thread(self) -> None:
        if not self._threadless or time.monotonic() - self._tried_s < AGAIN_S:
            return
        for camera_id in sorted(self._threadless):
            if not self.start(camera_id, self._threadless.pop(camera_id)):
                return

    def _is_crowded(self, camera_id: str) -> bool:
        alive = sum(reader.alive for reader in self._leaving.get(camera_id, ()))
        return alive > LEAVING
