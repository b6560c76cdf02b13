"""What a worker's cameras cost it, measured once a second at the flow's one inlet."""

import time
from collections.abc import Callable
from typing import Final

from pipelines.admission import LATE_S, Load
from pipelines.batcher import Batcher
from pipelines.frames import FrameBatch, FrameRef
from pipelines.metrics import WorkerMetrics

PERIOD_S: Final = 1.0
"""Some looks of a dozen cameras, and soon enough for a line that grows."""


class LoadMeter:
    """Hears what the inference loop takes and how long it waits for it; in the loop's thread."""

    def __init__(
        self,
        batcher: Batcher,
        metrics: WorkerMetrics,
        cores: float,
        clock: Callable[[], float] = time.monotonic,
        process_clock: Callable[[], float] = time.process_time,
    ) -> None:
        """``cores`` are those that the process may use."""
        self._metrics = metrics
        self._cores = cores
        self._clock = clock
        self._process_clock = process_clock
        self._take: Callable[[float], FrameBatch | None] = batcher.take
        batcher.take = self._heard_take  # type: ignore[method-assign]
        self._judging: tuple[FrameRef, ...] = ()
        self._begin_period()

    def read(self) -> Load | None:
        """Return what happened since the last time, if that is ``PERIOD_S`` ago."""
        elapsed_s = self._clock() - self._began_s
        if elapsed_s < PERIOD_S:
            return None
        load = Load(
            elapsed_s=elapsed_s,
            looks=self._looks,
            late=self._late,
            lost=self._metrics.drops["overload"] - self._lost,
            # By the clock: a loop that waits for a core is busy.
            loop=_share(elapsed_s - self._idle_s, elapsed_s),
            cores=_share(self._process_clock() - self._process_s, elapsed_s * self._cores),
        )
        self._begin_period()
        return load

    def _begin_period(self) -> None:
        self._began_s, self._process_s = self._clock(), self._process_clock()
        self._lost = self._metrics.drops["overload"]
        self._looks, self._late, self._idle_s = 0, 0, 0.0

    def _heard_take(self, timeout_s: float) -> FrameBatch | None:
        began_s = self._clock()
        for ref in self._judging:  # the loop asks for more: these are judged
            self._looks += 1
            self._late += began_s - ref.received_ns / 1e9 > LATE_S
        batch = self._take(timeout_s)
        self._idle_s += self._clock() - began_s
        # Close looks stand behind the sentries' by design: that they are late is no overload.
        refs = () if batch is None else batch.refs
        self._judging = tuple(ref for ref in refs if not ref.is_burst)
        return batch


def _share(part_s: float, whole_s: float) -> float:
    """Return a share from 0 to 1."""
    return min(1.0, max(0.0, part_s / whole_s))
