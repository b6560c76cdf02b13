"""How many streams one worker process can read here: doubled until it can't, then halved."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pipelines.bench.faults import BenchError
from pipelines.bench.kinds import HEADLINE, Size
from pipelines.bench.measure import Load, Reading, measure

LONGEST_LAG_S: Final = 1.0
"""Of 95 in 100 looks, from the server's sending to the end of the judging."""

FEWEST_LOOKS: Final = 0.9
"""Of those that are due: a window's edges cut some off."""

MOST_STREAMS: Final = 1024
EXACTNESS: Final = 12
"""The answer is known to a twelfth: closer, the machine's noise decides."""

BUDGET_S: Final = 400.0
"""For the whole search; then the largest number that worked is the answer."""


@dataclass(slots=True, kw_only=True)
class Search:
    """A search on its way."""

    load: Load
    """Who sends."""
    size: Size
    """What."""
    seconds: float
    """Of each window."""
    tell: Callable[[str], None]
    """Hears how it goes."""

    def run(self) -> int:
        """Return the largest number of streams that was kept up with."""
        ends_s = time.monotonic() + BUDGET_S
        works, fails = 0, MOST_STREAMS + 1
        count = self.size.first_try
        while time.monotonic() < ends_s and fails - works > max(1, works // EXACTNESS):
            if self._keeps_up(count):
                works = count
            else:
                fails = count
            count = works * 2 if fails > MOST_STREAMS else (works + fails) // 2
            count = min(count, MOST_STREAMS)
        return works

    def _keeps_up(self, count: int) -> bool:
        try:
            (reading,) = measure(self.load, ["ours"], lambda _: count, self.seconds, self.size)
        except BenchError as error:
            self.tell(f"capacity: {count} streams: {error}")
            return False
        faults = missed(reading)
        if (cut := self.load.stats()["cut"]) > 0:
            faults.append(f"{cut:.0f} streams cut: they were not read")
        self.tell(f"capacity: {count} streams: {', '.join(faults) or 'kept up with'}")
        return not faults


def missed(reading: Reading) -> list[str]:
    """Return in which ways a reading of the headline's streams fell short."""
    keyframe_s = HEADLINE[0].keyframe_s
    faults = []
    lag_s = reading.lag_s
    if lag_s is None or lag_s["p95"] >= LONGEST_LAG_S:
        faults.append("no looks" if lag_s is None else f"lag {lag_s['p95']:.1f} s")
    if overload := reading.result.drops.get("overload", 0):
        faults.append(f"{overload} looks dropped")
    if reading.behind_s >= keyframe_s:
        faults.append(f"read {reading.behind_s:.0f} s late")
    if reading.looks_a_stream_s * keyframe_s < FEWEST_LOOKS:
        faults.append(f"{reading.looks_a_stream_s:.2f} looks a second and stream")
    return faults
