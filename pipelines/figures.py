"""What each camera had and cost, told once a minute.

Nothing of this is measured on a packet's way: a reader's thread has a clock of its own, which is
read when figures are told, its bytes are counted a burst at a time, and a look adds one to a count.
What the loop's thread worked (inference, rules) is shared out by looks that the detector saw.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol, runtime_checkable

from pipelines import streams
from pipelines.messages import MAX_FIGURES, CameraFigure, CameraFigures
from pipelines.metrics import WorkerMetrics
from pipelines.supervised import Supervised

FIRST_S: Final = 20.0
"""Who has just registered a camera wants to see what it costs."""

EVERY_S: Final = 60.0

BODY_BYTES: Final = streams.MAX_BODY_BYTES - 1024
"""What the figures of one message may take."""

FIGURE_BYTES: Final = 100
"""What one takes besides its camera's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one reader has had and used since it was made."""

    cpu_s: float = 0.0
    """Of its thread."""
    received_bytes: int = 0
    """Of the stream."""


NOTHING: Final = Spent()


@runtime_checkable
class Spending(Protocol):
    """Whoever reads a camera."""

    @property
    def spent(self) -> Spent:
        """What it has had and used so far."""


class LookCount:
    """Looks of each camera; in the loop's thread alone."""

    def __init__(self) -> None:
        self.looks: Counter[str] = Counter()
        """Judged, unchanged ones included."""
        self.detected: Counter[str] = Counter()
        """Of these, what the detector saw."""

    def take(self) -> tuple[Counter[str], Counter[str]]:
        """Return both and begin anew."""
        taken = self.looks, self.detected
        self.looks, self.detected = Counter(), Counter()
        return taken


class Figures:
    """Takes figures in the loop's thread, sends them in its own.

    While Redis is away none are taken: the next then tell of a longer time, and nothing is lost.
    """

    def __init__(
        self,
        client: streams.Client,
        worker_id: str,
        epoch: int,
        *,
        count: LookCount,
        metrics: WorkerMetrics,
        clock: Callable[[], float] = time.monotonic,
        loop_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        """``loop_clock`` gives the CPU time of the thread that calls ``take``."""
        self._client = client
        self._worker_id = worker_id
        self._epoch = epoch
        self._count = count
        self._clock, self._loop_clock = clock, loop_clock
        self._began_s: float | None = None
        self._due_s = 0.0
        self._loop_s = 0.0
        self._known: dict[str, tuple[Spending, Spent]] = {}
        self._unsent: tuple[CameraFigures, ...] = ()
        self._arrived = threading.Event()
        self._sender = Supervised(
            "figures",
            self._send,
            meanwhile="the next figures tell of a longer time",
            metrics=metrics,
            keys=(streams.CAMERA_FIGURES.name,),
        )

    def start(self) -> None:
        """Begin to send."""
        self._sender.start()

    def stop(self) -> None:
        """End; what was not sent is not."""
        self._sender.ask_to_stop()
        self._arrived.set()
        self._sender.join()

    def take(self, readers: Callable[[], Iterable[tuple[str, Spending | None]]]) -> None:
        """Take figures if it is time to; called at every turn of the loop.

        ``readers`` gives each camera there is now, with who reads it, if anybody does.
        """
        now_s = self._clock()
        if now_s < self._due_s:
            return
        if self._began_s is None:
            self._began_s, self._due_s = now_s, now_s + FIRST_S
            self._loop_s = self._loop_clock()
            self._count.take()
            return
        if self._unsent or now_s <= self._began_s:
            return
        over_s, self._began_s, self._due_s = now_s - self._began_s, now_s, now_s + EVERY_S
        self._unsent = self._messages(self._taken(readers()), over_s)
        self._arrived.set()

    def _taken(self, readers: Iterable[tuple[str, Spending | None]]) -> list[CameraFigure]:
        loop_s = self._loop_clock()
        looks, detected = self._count.take()
        shared = detected or looks  # with nothing detected, the rules alone worked
        each_s = (loop_s - self._loop_s) / max(1, shared.total())
        self._loop_s = loop_s
        before, self._known = self._known, {}
        figures = []
        for camera_id, reader in readers:
            since = had = NOTHING
            if reader is not None:
                same, known = before.get(camera_id, (reader, NOTHING))
                since, had = (known if same is reader else NOTHING), reader.spent
                self._known[camera_id] = reader, had
            cpu_s = had.cpu_s - since.cpu_s + each_s * shared[camera_id]
            figures.append(
                CameraFigure(
                    camera_id=camera_id,
                    looks=looks[camera_id],
                    core_ms=round(1000 * max(0.0, cpu_s)),
                    received_bytes=had.received_bytes - since.received_bytes,
                )
            )
        return figures

    def _messages(self, figures: list[CameraFigure], over_s: float) -> tuple[CameraFigures, ...]:
        at = datetime.now(UTC)
        # A character that JSON escapes takes up to twice its bytes; names hold no control ones.
        longest = max((2 * len(one.camera_id.encode()) for one in figures), default=0)
        most = min(MAX_FIGURES, BODY_BYTES // (longest + FIGURE_BYTES))
        return tuple(
            CameraFigures(
                worker_id=self._worker_id,
                epoch=self._epoch,
                at=at,
                over_s=over_s,
                cameras=tuple(figures[first : first + most]),
            )
            for first in range(0, len(figures), most)
        )

    def _send(self) -> None:
        self._arrived.wait()
        if not self._unsent:
            self._arrived.clear()
            return
        pipeline = self._client.pipeline(transaction=False)
        for message in self._unsent:
            streams.add_later(pipeline, streams.CAMERA_FIGURES, message)
        pipeline.execute()
        self._arrived.clear()
        self._unsent = ()
