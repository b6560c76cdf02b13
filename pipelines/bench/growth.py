"""How the product's cost grows: with the number of streams, and with time.

``--growth``: the same window at 10, 50, 100 and 200 streams. ``--soak``: minutes at a number of
streams of which the server hangs up on one every few seconds; memory, threads and descriptors are
read each minute and must not rise.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean
from typing import Any, Final

from pipelines.bench import kernel
from pipelines.bench.capacity import missed
from pipelines.bench.kinds import Size
from pipelines.bench.measure import Load, Measurement, Reading, measure

COUNTS: Final = (10, 50, 100, 200)
HANG_UP_S: Final = 2.0
SAMPLE_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A process at a moment of a soak."""

    at_s: float
    """Since the soak began."""
    memory_mb: float
    """Resident."""
    threads: int
    """Of all kinds."""
    descriptors: int
    """Open files and sockets."""


def grow(load: Load, size: Size, seconds: float, tell: Callable[[str], None]) -> list[Reading]:
    """Measure the product at each of ``COUNTS``."""
    readings = []
    for count in COUNTS:
        (reading,) = measure(load, ["ours"], lambda _: count, seconds, size)  # noqa: B023
        late = ", ".join(missed(reading)) or "kept up"
        tell(f"{count} streams: {reading.core_percent:.2f} % of a core a stream, {late}")
        readings.append(reading)
        load.stats()
    return readings


def described(readings: list[Reading]) -> list[dict[str, Any]]:
    """Return the figures for JSON."""
    return [
        {
            "streams": one.streams,
            "core_percent": round(one.core_percent, 3),
            "memory_mb_per_stream": round(one.memory_mb, 2),
            "lag_s": one.lag_s,
            "drops": one.result.drops,
            "missed": missed(one),
        }
        for one in readings
    ]


def soak(
    load: Load, size: Size, count: int, minutes: float, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Run the product for minutes, hanging up on a stream every ``HANG_UP_S``."""
    one = Measurement("ours", load, count)
    samples: list[Sample] = []
    try:
        one.load()
        one.ready()
        time.sleep(one.warm_s)
        one.begin()
        began_s = told_s = time.monotonic()
        while (at_s := time.monotonic() - began_s) < minutes * 60:
            if not samples or at_s - samples[-1].at_s >= SAMPLE_S:
                samples.append(_sample(one.child.pid, at_s))
            if time.monotonic() - told_s >= 60:
                told_s = time.monotonic()
                tell(f"{at_s / 60:.0f} min: {_said(samples[-1])}")
            load.hang_up()
            time.sleep(HANG_UP_S)
        samples.append(_sample(one.child.pid, minutes * 60))
        reading = one.end(size)
    finally:
        one.child.close()
    third = max(1, len(samples) // 3)
    # The first minutes fill caches and pools: the second third is held against the last.
    before, after = samples[third : 2 * third] or samples, samples[-third:]
    return {
        "streams": count,
        "minutes": minutes,
        "hang_ups": round(minutes * 60 / HANG_UP_S),
        "memory_mb": [round(mean(s.memory_mb for s in part), 1) for part in (before, after)],
        "threads": [max(s.threads for s in part) for part in (before, after)],
        "descriptors": [max(s.descriptors for s in part) for part in (before, after)],
        "core_percent": round(reading.core_percent, 3),
        "lag_s": reading.lag_s,
        "drops": reading.result.drops,
    }


def _sample(pid: int, at_s: float) -> Sample:
    return Sample(
        at_s=at_s,
        memory_mb=kernel.resident_mb(pid),
        threads=kernel.threads(pid),
        descriptors=kernel.descriptors(pid),
    )


def _said(sample: Sample) -> str:
    return f"{sample.memory_mb:.0f} MB, {sample.threads} threads, {sample.descriptors} descriptors"
