"""One camera's thread: connect, hand looks on, reconnect with jittered backoff, for ever.

FFmpeg can hold the thread for seconds. So a reader whose camera was removed or replaced is
dismissed, not waited for: from then on nothing of it counts, whatever it still brings.
"""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from pipelines.batcher import Batcher
from pipelines.faults import FileEndedError, SourceError
from pipelines.figures import Spent
from pipelines.messages import WatchState
from pipelines.metrics import WorkerMetrics
from pipelines.source import CameraSource, Source
from vision.polygons import Polygon

FIRST_RETRY_S: Final = 0.5
LONGEST_RETRY_S: Final = 30.0
"""A camera that comes back is seen within half a minute; a dead estate is not hammered."""

STEADY_S: Final = 30.0
"""A connection that held so long was no part of a failing series: backoff starts anew."""

Notice = Callable[[WatchState, str | None], None]

log = structlog.get_logger()


class Reader:
    """Reads one camera until it is stopped."""

    def __init__(
        self,
        source: Source,
        batcher: Batcher,
        metrics: WorkerMetrics,
        gives_up: Callable[[SourceError], bool] = lambda _: False,
        notice: Notice = lambda _state, _fault: None,
    ) -> None:
        """``notice`` is told of each state; it must not wait."""
        self._source = source
        self._batcher = batcher
        self._metrics = metrics
        self._stopping = threading.Event()
        if isinstance(source, CameraSource):
            source.rest = self._stopping.wait
        self._counting = threading.Lock()
        self._dismissed = False
        self._connected = False
        self._notice = notice
        self._gives_up = gives_up
        self.ended: SourceError | None = None
        """Why it ended by itself: a file's end, or a fault that it gave up at."""
        self._cpu_clock: int | None = None
        self._cpu_s = 0.0
        self._thread = threading.Thread(
            target=self._run, name=f"read-{source.camera_id}", daemon=True
        )

    def blank(self, polygons: tuple[Polygon, ...]) -> None:
        """Show these zones as grey from the next picture on."""
        self._source.blank(polygons)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; a read that hangs keeps the thread a while, not the caller."""
        self._stopping.set()

    def dismiss(self) -> None:
        """Ask it to end, and count it out at once."""
        with self._counting:
            self._dismissed = True
            if self._connected:
                self._metrics.cameras_connected.dec()
                self._connected = False
        self.stop()

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """Whether looks may still come."""
        return self._thread.is_alive()

    @property
    def spent(self) -> Spent:
        """What it has had and used so far; any thread may ask."""
        cpu_s, clock = self._cpu_s, self._cpu_clock
        if clock is not None:
            with suppress(OSError):  # it has ended since
                cpu_s = time.clock_gettime(clock)
        return Spent(cpu_s=cpu_s, received_bytes=self._source.received_bytes)

    def _run(self) -> None:
        # Asked for by the thread itself: of one that has ended, the name is undefined behaviour.
        self._cpu_clock = time.pthread_getcpuclockid(threading.get_ident())
        try:
            self._keep_reading()
        finally:
            self._cpu_s, self._cpu_clock = time.thread_time(), None

    def _keep_reading(self) -> None:
        retry_s = FIRST_RETRY_S
        told: str | None = None
        self._say(WatchState.CONNECTING)
        while not self._stopping.is_set():
            began_s = time.monotonic()
            fault = self._attempt()
            if self.ended is not None or self._dismissed:
                return
            if fault is not None:
                code, text = fault
                if code != told:
                    self._tell(text)
                told = code
            if time.monotonic() - began_s > STEADY_S:
                retry_s, told = FIRST_RETRY_S, None
            self._stopping.wait(retry_s * random.uniform(0.5, 1.5))  # noqa: S311
            retry_s = min(LONGEST_RETRY_S, retry_s * 2)

    def _attempt(self) -> tuple[str, str] | None:
        """Read one connection to its end; return the fault's code and words, if it was one."""
        try:
            self._read()
        except SourceError as error:
            if self._source.address.is_file or self._gives_up(error):
                self.ended = error
            code, text = error.code, str(error)
            is_fault = not isinstance(error, FileEndedError)
        except Exception as error:  # noqa: BLE001 - the edge of a supervised loop
            code, is_fault = "unexpected", True
            text = f"unexpected {type(error).__name__}: a bug, please report it"
        else:
            return None
        if is_fault and not self._dismissed:
            self._metrics.source_error(code)
            self._say(WatchState.FAULT, code)
        return code, text

    def _say(self, state: WatchState, fault: str | None = None) -> None:
        with self._counting:
            if not self._dismissed:
                self._notice(state, fault)

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
                    self._batcher.offer(frame, lambda: self._dismissed)
        finally:
            self._mark(connected=False)

    def _mark(self, *, connected: bool) -> None:
        if connected == self._connected:
            return
        with self._counting:
            if self._dismissed:
                return
            self._metrics.cameras_connected.inc(1 if connected else -1)
            self._connected = connected
        if connected:
            self._say(WatchState.WATCHING)
