"""What a plan rests on: files that ``fengsui bench --json`` printed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from pipelines.bench.kinds import HEADLINE
from pipelines.plan.faults import PlanError, shown
from pipelines.plan.ranges import Range

SHIPPED: Final = Path(__file__).with_name("measured.json")
"""Replaced by ``cat bench360.json bench1080.json > pipelines/plan/measured.json``."""

EVERY_FRAME_S: Final = 15
"""The bench's keyframe interval at which every frame has to be decoded."""

LARGEST_FILE_BYTES: Final = 1_000_000

Percent = Annotated[float, msgspec.Meta(gt=0, le=100_000)]
Megabytes = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Spread = Annotated[list[Percent], msgspec.Meta(min_length=2, max_length=2)]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The product on streams of one codec and keyframe interval, measured once."""

    codec: str
    """H.264 or H.265."""
    keyframe_s: Count
    """Between keyframes, in seconds."""
    core_percent: Percent
    """A stream."""
    streams: int | None = None
    """How many were read."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One object of ``fengsui bench --json``, as far as a plan needs it."""

    size: Count
    """Height of the streams in pixels."""
    core_percent_per_stream: dict[str, Percent | None]
    """Medians by subject; ``ours`` is the product, on H.264 with a keyframe each 2 s."""
    spread: dict[str, Spread | None] = {}
    """Lowest and highest by subject."""
    streams: dict[str, int | None] = {}
    """How many were read, by subject."""
    streams_at_capacity: int | None = None
    """Of one worker; none: not searched."""
    memory_mb_per_stream: Megabytes | None
    """On top of a worker without streams."""
    lag_s: dict[str, float | None] | None = None
    """p50, p95, max."""
    by_stream: list[Row]
    """By codec and keyframe interval."""
    machine: dict[str, Any] | None = None
    """On which."""
    notes: list[str] = []
    """What the bench says of its own figures."""
    date: str | None = None
    """When; older benches didn't say."""
    command: str | None = None
    """By which words."""

    @property
    def ours(self) -> float:
        """The product's median on the headline's streams."""
        percent = self.core_percent_per_stream.get("ours")
        if percent is None:
            raise PlanError(f"the {self.size} figures hold none of fengsui's own: {again(self)}")
        return percent

    @property
    def memory_mb(self) -> float:
        """A stream's."""
        if self.memory_mb_per_stream is None:
            raise PlanError(f"the {self.size} figures hold no memory a stream: {again(self)}")
        return self.memory_mb_per_stream

    @property
    def said_spread(self) -> tuple[float, float] | None:
        """Lowest and highest of the headline; none if it was measured once."""
        spread = self.spread.get("ours")
        if spread is None or spread[0] == spread[1]:
            return None
        return min(spread[0], self.ours), max(spread[1], self.ours)

    @property
    def worker_cores(self) -> float:
        """How much of a core one worker can fill: less than one where the bench found so."""
        if not self.streams_at_capacity:
            return 1.0
        return min(1.0, self.streams_at_capacity * self.ours / 100.0)

    def core_percent(self, codec: str, keyframe_s: int) -> Range:
        """Return a stream's cost. A row has the headline's spread, in proportion."""
        low, high = self.said_spread or (self.ours, self.ours)
        own = Range(low=low, median=self.ours, high=high)
        if (codec, keyframe_s) == (HEADLINE[0].codec, HEADLINE[0].keyframe_s):
            return own
        for row in self.by_stream:
            if (row.codec, row.keyframe_s) == (codec, keyframe_s):
                return own * (row.core_percent / self.ours)
        there = sorted({(row.codec, row.keyframe_s) for row in self.by_stream})
        listed = ", ".join(f"{shown(name)} {seconds} s" for name, seconds in there) or "none"
        raise PlanError(
            f"the {self.size} figures have no {shown(codec)} with keyframes {keyframe_s} s apart "
            f"(there: {listed}): choose --codec and --keyframes among them, or {again(self)}"
        )


def again(measured: Measured) -> str:
    """Return what to do about figures that don't suffice."""
    return f"measure with `{command_for(measured.size)}`, without --quick"


def command_for(size: int) -> str:
    """Return the command that measures a size."""
    return f"fengsui bench --size {size} --json > bench{size}.json"


def read(paths: Sequence[Path]) -> dict[int, Measured]:
    """Return the figures of some files by size; raises ``PlanError``."""
    found: dict[int, Measured] = {}
    for path in paths:
        for one in _read(path):
            if one.size in found:
                raise PlanError(
                    f"--figures {shown(path)}: figures of {one.size} were there already: give one "
                    "file a size"
                )
            found[one.size] = one
    return found


def of_size(measured: Mapping[int, Measured], size: int) -> Measured:
    """Return the figures of a size; raises ``PlanError``."""
    if size in measured:
        return measured[size]
    share = 1 if size == 1080 else 0
    raise PlanError(
        f"no figures of {size} streams: run `{command_for(size)}` and give --figures both files, "
        f"or plan without such streams (--substream-share {share})"
    )


def _read(path: Path) -> list[Measured]:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise PlanError(f"--figures {shown(path)}: {error.strerror}: give a file") from error
    fault = f"--figures {shown(path)}: not what `fengsui bench --json > FILE` writes"
    if len(data) > LARGEST_FILE_BYTES:
        raise PlanError(f"{fault} (too large): give such a file")
    try:
        found = msgspec.convert(_objects(data), list[Measured])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PlanError(f"{fault} ({shown(error)}): give such a file") from error
    if not found:
        raise PlanError(f"{fault} (it is empty): give such a file")
    return found


def _objects(data: bytes) -> list[Any]:
    """Return the objects of a file: one, a list, or one a line, as `cat` of two files gives."""
    decoder = msgspec.json.Decoder()
    try:
        whole = decoder.decode(data)
    except msgspec.DecodeError:
        if len(data.splitlines()) < 2:
            raise
        return decoder.decode_lines(data)
    return whole if isinstance(whole, list) else [whole]
