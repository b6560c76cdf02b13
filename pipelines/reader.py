"""One camera's thread: connect, hand looks on, reconnect with jittered backoff, for ever."""

import random
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from pipelines.batcher import Batcher
from pipelines.faults import FileEndedError, SourceError
from pipelines.metrics import WorkerMetrics
from pipelines.source import Source

FIRST_RETRY_S: Final = 0.5
LONGEST_RETRY_S: Final = 30.0
"""A camera that comes back is seen within half a minute; a dead estate is not hammered."""

STEADY_S: Final = 30.0
"""A connection that held so long was no part of a failing series: backoff starts anew."""

log = structlog.get_logger()


class Reader:
    """Reads one camera until it is stopped."""

    def __init__(
        self,
        source: Source,
        batcher: Batcher,
        metrics: WorkerMetrics,
        gives_up: Callable[[SourceError], bool] = lambda _: False,
    ) -> None:
        self._source = source
        self._batcher = batcher
        self._metrics = metrics
        self._stopping = threading.Event()
        self._connected = False
        self._gives_up = gives_up
        self.ended: SourceError | None = None
        """Why it ended by itself: a file's end, or a fault that it gave up at."""
        self._thread = threading.Thread(
            target=self._run, name=f"read-{source.camera_id}", daemon=True
        )

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; a read that hangs keeps the thread a while, not the caller."""
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """Whether looks may still come."""
        return self._thread.is_alive()

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        told: str | None = None
        while not self._stopping.is_set():
            began_s = time.monotonic()
            try:
                self._read()
            except SourceError as error:
                if not isinstance(error, FileEndedError):
                    self._metrics.source_error(error.code)
                if self._source.address.is_file or self._gives_up(error):
                    self.ended = error
                    return
                if error.code != told:
                    self._tell(str(error))
                told = error.code
            except Exception as error:  # noqa: BLE001 - the edge of a supervised loop
                self._metrics.source_error("unexpected")
                if told != "unexpected":
                    self._tell(f"unexpected {type(error).__name__}: a bug, please report it")
                told = "unexpected"
            if time.monotonic() - began_s > STEADY_S:
                retry_s, told = FIRST_RETRY_S, None
            self._stopping.wait(retry_s * random.uniform(0.5, 1.5))  # noqa: S311
            retry_s = min(LONGEST_RETRY_S, retry_s * 2)

    def _tell(self, fault: str) -> None:
        log.warning(
            "camera", camera=self._source.camera_id, fault=fault, next="it is tried again by itself"
        )

    def _read(self) -> None:
        try:
            for frame in self._source.looks(self._stopping.is_set):
                self._mark(connected=True)
                if self._source.address.is_file:
                    self._batcher.hand_over(frame, self._stopping.is_set)
                else:
                    self._batcher.offer(frame)
        finally:
            self._mark(connected=False)

    def _mark(self, *, connected: bool) -> None:
        if connected != self._connected:
            self._metrics.cameras_connected.inc(1 if connected else -1)
            self._connected = connected
