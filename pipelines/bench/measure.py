"""One measurement: a subject in a process of its own, on so many live streams, for so long."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from statistics import quantiles
from types import TracebackType
from typing import Final

import msgspec

from pipelines.bench import kernel
from pipelines.bench.child import ChildProcess
from pipelines.bench.kinds import LONGEST_WAIT_S, Kind, Size, Stream
from pipelines.bench.mounts import keyframe_due_ns
from pipelines.bench.pictures import frames_of
from pipelines.bench.server import Order
from pipelines.bench.spec import Name, Result, Spec

CODE_PATIENCE_S: Final = 300.0
"""For one loop of 1080p on a slow machine."""

LOAD_PATIENCE_S: Final = 60.0
READY_PATIENCE_S: Final = 60.0
WARM_S: Final = 1.0
WARM_A_STREAM_S: Final = 0.05
"""After every stream has given something, and a keyframe interval more: what piled up while a whole
estate connected at once is worked off."""

SAMPLE_S: Final = 0.5
"""How often memory is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was measured."""

    name: Name
    """Of the subject."""
    streams: int
    """How many it read."""
    window_s: float
    """For how long."""
    core_percent: float
    """CPU of the process and its children, a stream."""
    memory_mb: float
    """Resident memory at its highest, less what it was without streams, a stream."""
    behind_s: float
    """Of the stream that was read least at the window's end: what the kernel held of it."""
    result: Result
    """What the subject says."""

    @property
    def lag_s(self) -> dict[str, float] | None:
        """p50, p95 and max of the looks' lags; none without looks."""
        lags_s = sorted(self.result.lags_s)
        if len(lags_s) < 2:
            return None
        cuts = quantiles(lags_s, n=20, method="inclusive")
        return {"p50": cuts[9], "p95": cuts[18], "max": lags_s[-1]}

    @property
    def looks_a_stream_s(self) -> float:
        """Looks a second and stream."""
        return self.result.looks / self.window_s / self.streams

    @property
    def unchanged_share(self) -> float:
        """Share of the looks that the gate kept from the detector."""
        return self.result.unchanged / max(1, self.result.looks)


class Load(AbstractContextManager["Load"]):
    """A server with the loops of some kinds."""

    def __init__(self, size: Size, kinds: Sequence[Kind], tell: Callable[[str], None]) -> None:
        self._size = size
        self._kinds = tuple(kinds)
        self._given = 0
        order = Order(height_px=size.height_px, kinds=self._kinds)
        self._child = ChildProcess("pipelines.bench.server", msgspec.json.encode(order))
        with ExitStack() as undo:
            undo.callback(self._child.close)
            for kind in self._kinds:
                tell(f"drawing and coding {kind.name} at {size.width_px}x{size.height_px} …")
                self._child.hear("coded", CODE_PATIENCE_S)
            listening = self._child.hear("listening", LOAD_PATIENCE_S)
            undo.pop_all()
        self.port = int(listening["port"])
        self._start_ns = int(listening["start_ns"])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the server."""
        self._child.close()

    def streams(self, count: int) -> tuple[Stream, ...]:
        """Return streams that nobody had before, the kinds in turn, their phases spread."""
        first, self._given = self._given, self._given + count
        return tuple(self._stream(number) for number in range(first, first + count))

    def stats(self) -> dict[str, float]:
        """Return what the server counted since it was last asked."""
        self._child.tell("stats")
        told = self._child.hear("stats", LOAD_PATIENCE_S)
        return {name: float(value) for name, value in told.items() if name != "event"}

    def hang_up(self) -> None:
        """Let the server end its oldest connection."""
        self._child.tell("hang up")

    def _stream(self, number: int) -> Stream:
        kind = self._kinds[number % len(self._kinds)]
        frames = frames_of(kind, self._size)
        return Stream(
            camera_id=f"bench-{number}",
            url=f"rtsp://127.0.0.1:{self.port}/{kind.name}-{number}",
            keyframe_s=kind.keyframe_s,
            keyframe_due_ns=keyframe_due_ns(kind, number, frames, self._start_ns),
        )


class Measurement:
    """A subject on its way from its start to its reading, a step at a time.

    In steps, so that several can be measured at once.
    """

    def __init__(self, name: Name, load: Load, count: int) -> None:
        self._name = name
        self._count = count
        self._port = load.port
        streams = load.streams(count)
        longest_s = max(stream.keyframe_s for stream in streams)
        self.warm_s = WARM_S + WARM_A_STREAM_S * count + min(longest_s, LONGEST_WAIT_S)
        self._idle_mb = self._most_mb = self._cpu_s = self._began_s = 0.0
        self.child = ChildProcess(
            "pipelines.bench.subject", msgspec.json.encode(Spec(name=name, streams=streams))
        )

    def load(self) -> None:
        """Wait until it is loaded, then let it connect."""
        self.child.hear("loaded", LOAD_PATIENCE_S)
        self._idle_mb = kernel.resident_mb(self.child.pid)
        self.child.tell("connect")

    def ready(self) -> None:
        """Wait until every stream runs."""
        self.child.hear("ready", READY_PATIENCE_S)

    def begin(self) -> None:
        """Begin the window."""
        self.child.tell("begin")
        self._cpu_s = kernel.cpu_s(self.child.pid)
        self._began_s = time.monotonic()

    def sample(self) -> None:
        """Note its memory."""
        self._most_mb = max(self._most_mb, kernel.resident_mb(self.child.pid))

    def end(self, size: Size) -> Reading:
        """End the window and return what was measured."""
        used_s = kernel.cpu_s(self.child.pid) - self._cpu_s
        window_s = time.monotonic() - self._began_s
        held = kernel.backlogs_bytes(self._port)
        self.child.tell("end")
        told = self.child.hear("result", LOAD_PATIENCE_S)
        return Reading(
            name=self._name,
            streams=self._count,
            window_s=window_s,
            core_percent=100.0 * used_s / window_s / self._count,
            memory_mb=(self._most_mb - self._idle_mb) / self._count,
            behind_s=max(held, default=0) * 8 / size.bit_rate,
            result=msgspec.convert(told["result"], Result),
        )


def measure(
    load: Load, names: Sequence[Name], count: Callable[[Name], int], seconds: float, size: Size
) -> list[Reading]:
    """Measure subjects, all of them at once; raises ``BenchError``."""
    going = [Measurement(name, load, count(name)) for name in names]
    try:
        for one in going:
            one.load()
        for one in going:
            one.ready()
        time.sleep(max(one.warm_s for one in going))
        for one in going:
            one.begin()
        ends_s = time.monotonic() + seconds
        while (left_s := ends_s - time.monotonic()) > 0:
            for one in going:
                one.sample()
            time.sleep(min(SAMPLE_S, left_s))
        return [one.end(size) for one in going]
    finally:
        for one in going:
            one.child.close()
