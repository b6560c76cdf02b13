"""Readings become figures: medians, their spread, ratios; as an object and as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, get_args

from pipelines.bench.kinds import Codec, Size
from pipelines.bench.measure import Reading
from pipelines.bench.spec import BASELINES, Name

NAMES: Final[tuple[Name, ...]] = get_args(Name)

WORDS: Final[dict[Name, str]] = {
    "ours": "fengsui",
    "ours_gate_off": "fengsui, change gate off",
    "opencv": "OpenCV loop a thread, with the detector",
    "ffmpeg": "ffmpeg a camera to a pipe, no detector",
    "ffmpeg_detect": "ffmpeg a camera, with the detector",
    "demux": "demux alone (the floor)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The product on streams of one codec and keyframe interval."""

    codec: Codec
    """H.264 or H.265."""
    keyframe_s: int
    """Between keyframes, in seconds."""
    reading: Reading
    """One."""

    def described(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "codec": self.codec,
            "keyframe_s": self.keyframe_s,
            "streams": self.reading.streams,
            "core_percent": _shown(self.reading.core_percent),
            "looks_a_stream_s": _shown(self.reading.looks_a_stream_s),
        }


@dataclass(slots=True, kw_only=True)
class Bench:
    """Everything that was measured."""

    size: Size
    """Of the streams."""
    machine: dict[str, Any]
    """On which."""
    date: str | None = None
    """When, as 2026-11-22."""
    command: str | None = None
    """By which words."""
    readings: list[Reading] = field(default_factory=list)
    """Of the headline's streams, in the order of measuring."""
    rows: list[Row] = field(default_factory=list)
    """By codec and interval."""
    capacity: int | None = None
    """Streams at capacity; none: not searched."""
    server: list[dict[str, float]] = field(default_factory=list)
    """What the server said after each measurement."""
    notes: list[str] = field(default_factory=list)
    """What a reader must know."""

    def of(self, *names: Name) -> list[Reading]:
        """Return the readings of some subjects."""
        return [reading for reading in self.readings if reading.name in names]

    def core_percent(self, name: Name) -> float | None:
        """Return the median of a subject, a stream; none if it wasn't measured."""
        found = [reading.core_percent for reading in self.of(name)]
        return median(found) if found else None

    def described(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        ours = self.of("ours")
        percent = {name: self.core_percent(name) for name in NAMES}
        return {
            "size": self.size.height_px,
            "date": self.date,
            "command": self.command,
            "core_percent_per_stream": {name: _shown(value) for name, value in percent.items()},
            "spread": {name: self._spread(name) for name in NAMES},
            "ratios": {name: _shown(self.ratio(name)) for name in BASELINES},
            "streams": {name: self._streams(name) for name in NAMES},
            "streams_at_capacity": self.capacity,
            "memory_mb_per_stream": _shown(_median(r.memory_mb for r in ours)),
            "stages": {name: _shown(share) for name, share in self.stages().items()},
            "lag_s": self._lag_s(ours),
            "looks_a_stream_s": _shown(_median(r.looks_a_stream_s for r in ours)),
            "looks_unchanged": _shown(_median(r.unchanged_share for r in ours)),
            "drops": _summed([reading.result.drops for reading in ours]),
            "behind_s": {
                name: _shown(max((r.behind_s for r in self.of(name)), default=None))
                for name in NAMES
            },
            "by_stream": [row.described() for row in self.rows],
            "server": {
                "late_p95_s": _shown(max((s["late_p95_s"] for s in self.server), default=None)),
                "cut": round(sum(s["cut"] for s in self.server)),
            },
            "machine": self.machine,
            "notes": self.notes,
        }

    def ratio(self, name: Name) -> float | None:
        """Return how many times as much as the product a subject costs."""
        ours, other = self.core_percent("ours"), self.core_percent(name)
        return other / ours if ours and other is not None else None

    def stages(self) -> dict[str, float]:
        """Return each stage's share of what the product costs."""
        used = _summed([reading.result.stages_s for reading in self.of("ours")])
        whole = sum(used.values())
        return {stage: value / whole for stage, value in used.items()} if whole else {}

    def table(self) -> str:
        """Return the figures as text."""
        machine = self.machine
        head = (
            f"{self.size.width_px}x{self.size.height_px}, {self.size.bit_rate / 1e6:g} Mb/s, "
            f"on {machine['cores']} cores of {machine['cpu']}"
        )
        lines = [head, "", f"{'':42}{'% of a core':>12}{'spread':>16}{'streams':>9}{'x ours':>8}"]
        lines += [self._line(name) for name in NAMES]
        lines += ["", self._shares(), *self._growth()]
        if self.rows:
            lines += ["", "by codec and keyframe interval, % of a core (looks a second)"]
            lines += [
                f"  {row.codec}, {row.keyframe_s:>2} s  {row.reading.core_percent:>6.2f}"
                f"  ({row.reading.looks_a_stream_s:.2f})"
                for row in self.rows
            ]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _line(self, name: Name) -> str:
        value, spread, ratio = self.core_percent(name), self._spread(name), self.ratio(name)
        if value is None or spread is None:
            return f"{WORDS[name]:<42}{'not measured':>12}"
        shown = f"{spread[0]:.2f} to {spread[1]:.2f}"
        times = "" if ratio is None else f"{ratio:.1f}"
        return f"{WORDS[name]:<42}{value:>12.2f}{shown:>16}{self._streams(name):>9}{times:>8}"

    def _shares(self) -> str:
        shares = (f"{stage} {share:.0%}" for stage, share in self.stages().items())
        return "stages: " + ", ".join(shares)

    def _growth(self) -> list[str]:
        ours = self.of("ours")
        lag_s = self._lag_s(ours)
        memory_mb = _median(reading.memory_mb for reading in ours)
        lines = [] if memory_mb is None else [f"memory: {memory_mb:.1f} MB a stream"]
        if lag_s is not None:
            lines.append("lag: " + ", ".join(f"{name} {value} s" for name, value in lag_s.items()))
        if self.capacity is not None:
            lines.append(f"at capacity: {self.capacity} streams a worker")
        return lines

    def _spread(self, name: Name) -> list[float] | None:
        found = [_shown(reading.core_percent) for reading in self.of(name)]
        values = [value for value in found if value is not None]
        return [min(values), max(values)] if values else None

    def _streams(self, name: Name) -> int:
        return max((reading.streams for reading in self.of(name)), default=0)

    def _lag_s(self, readings: Sequence[Reading]) -> dict[str, float] | None:
        known = [lag_s for reading in readings if (lag_s := reading.lag_s) is not None]
        if not known:
            return None
        return {
            "p50": round(median(one["p50"] for one in known), 3),
            "p95": round(median(one["p95"] for one in known), 3),
            "max": round(max(one["max"] for one in known), 3),
        }


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None


def _shown(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _summed(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total
