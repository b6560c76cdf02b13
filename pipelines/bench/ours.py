"""The product as a subject: the stages of a worker, without Redis, on the bench's streams.

What a worker has beside these (spool, publisher, heartbeat, metrics' port) costs per alert or per
second, not per camera.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, Pack, load_pack
from pipelines import streams
from pipelines.address import camera_address
from pipelines.bench.kinds import Stream
from pipelines.bench.spec import Result
from pipelines.estate import Estate
from pipelines.flow import Flow
from pipelines.frames import FrameBatch, FrameRef
from pipelines.messages import Camera
from pipelines.metrics import STAGES, WorkerMetrics
from pipelines.rtsp.networks import LOOPBACK
from pipelines.states import States

IDLE_S: Final = 0.25
"""As a worker's."""

NO_REDIS: Final = "redis://127.0.0.1:1/0"
"""Of a client that never sends: states are noted, and their sender isn't started."""


class Ours:
    """Readers, batcher, detector and rules of so many cameras."""

    def __init__(self, given: tuple[Stream, ...], *, gate: bool) -> None:
        self._streams = {stream.camera_id: stream for stream in given}
        self._metrics = WorkerMetrics(CollectorRegistry())
        self._flow = _flow(load_pack(DEFAULT_PACK), self._metrics, gate=gate)
        self._tap = Tap(self._flow)
        self._estate = _estate(self._flow, self._metrics)
        self._lags_s: list[float] = []
        self._seen: set[str] = set()
        self._before = self._counts()
        self._stopping = threading.Event()

    def connect(self) -> None:
        """Start every reader and the loop."""
        self._estate.give(
            Camera(camera_id=camera_id, url=stream.url)
            for camera_id, stream in self._streams.items()
        )
        self._estate.start()
        threading.Thread(target=self._run, name="loop", daemon=True).start()

    def ready(self) -> bool:
        """Say whether a look of every camera has been judged."""
        return len(self._seen) == len(self._streams)

    def begin(self) -> None:
        """Begin the window."""
        self._lags_s.clear()
        self._before = self._counts()

    def end(self) -> Result:
        """End the window."""
        now, before = self._counts(), self._before
        drops = {reason: count - before.drops.get(reason, 0) for reason, count in now.drops.items()}
        return Result(
            frames=now.frames - before.frames,
            looks=now.detected + now.unchanged - before.detected - before.unchanged,
            unchanged=now.unchanged - before.unchanged,
            drops=drops,
            lags_s=tuple(self._lags_s),
            stages_s=now.stages_since(before),
        )

    def stop(self) -> None:
        """End the loop."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._estate.start_waiting()
            for _ in self._flow.step(IDLE_S):
                pass
            self._note(self._tap.take(), time.monotonic_ns())

    def _note(self, judged: tuple[FrameRef, ...], now_ns: int) -> None:
        for ref in judged:
            lag_s = self._streams[ref.camera_id].lag_s(ref.received_ns, now_ns)
            self._seen.add(ref.camera_id)
            if lag_s is not None:
                self._lags_s.append(lag_s)

    def _counts(self) -> "_Counts":
        metrics = self._metrics
        return _Counts(
            frames=metrics.total("fengsui_frames_received_total"),
            detected=metrics.total("fengsui_frames_analysed_total"),
            unchanged=metrics.total("fengsui_looks_unchanged_total"),
            drops=metrics.drops,
            stages_s={stage: _stage_s(metrics, stage) for stage in STAGES},
            process_s=time.process_time(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    frames: int = 0
    detected: int = 0
    unchanged: int = 0
    drops: dict[str, int] = field(default_factory=dict)
    stages_s: dict[str, float] = field(default_factory=dict)
    process_s: float = 0.0

    def stages_since(self, before: "_Counts") -> dict[str, float]:
        """Return the CPU of each stage and, as ``other``, what none of them counts."""
        stages_s = {stage: used - before.stages_s[stage] for stage, used in self.stages_s.items()}
        other_s = self.process_s - before.process_s - sum(stages_s.values())
        return {**stages_s, "other": max(0.0, other_s)}


def _stage_s(metrics: WorkerMetrics, stage: str) -> float:
    name = "fengsui_worker_cpu_seconds_total"
    return metrics.registry.get_sample_value(name, {"stage": stage}) or 0.0


class Tap:
    """Hears which looks the flow takes: the one place that reaches into it."""

    def __init__(self, flow: Flow) -> None:
        self._taken: tuple[FrameRef, ...] = ()
        take: Callable[[float], FrameBatch | None] = flow.batcher.take

        def tapped(timeout_s: float) -> FrameBatch | None:
            batch = take(timeout_s)
            self._taken = () if batch is None else batch.refs
            return batch

        flow.batcher.take = tapped  # type: ignore[method-assign]

    def take(self) -> tuple[FrameRef, ...]:
        """Return the looks of the step that just ended, once."""
        taken, self._taken = self._taken, ()
        return taken


def _flow(pack: Pack, metrics: WorkerMetrics, *, gate: bool) -> Flow:
    """Return the flow with or without its change gate."""
    return Flow(pack=pack, drills=frozenset(), epoch=0, metrics=metrics, gated=gate)


def _estate(flow: Flow, metrics: WorkerMetrics) -> Estate:
    """Return the estate as a worker has it."""
    states = States(streams.connect(NO_REDIS), "bench", 0, metrics)
    return Estate(
        flow=flow,
        states=states,
        networks=LOOPBACK,  # the guard checks as it does for a worker
        address=lambda camera: camera_address(camera.url),
        metrics=metrics,
    )
