"""How many cameras a worker bears, by what it measures: pure, fed once a second.

Cameras are started a few at a time, since each is decoded whole until its keyframes are known. They
are started as long as the busiest part has room (``TARGET``); nothing measured yet is no reason
to refuse one. When looks come late or are lost although cores or loop are busy, cameras are put to
rest; between room and that lies a band in which nothing happens, so that nothing flaps.
"""

import math
from dataclasses import dataclass
from typing import Final

OVER_CAPACITY: Final = "over_capacity"
"""The fault of a camera that is kept out."""

TARGET: Final = 0.8
"""So busy may a worker be. At 80 % a look waits two batches' time on average (M/D/1), a tenth of
a second; a storm of reconnects or bursts still finds room."""

BACK_TARGET: Final = 0.7
"""So busy may a worker be with one more camera, once some were put to rest: between it and
``TARGET`` nobody goes and nobody comes, or noise alone would bring back one too many."""

STARTING_AT_ONCE: Final = 10
"""Cameras that may be new at a time: 10 of 1080p decoded whole take 1.7 cores for 2 s. A larger
estate may have half of what it has settled: 500 cameras start in a minute, not in one second."""

FEWEST: Final = 10
"""What fewer cameras cost says little of one more: a single one's start can fill a second. So many
are let in, and put to rest again if looks come late."""

SETTLE_S: Final = 5.0
"""A camera connects in a second; its keyframes are known, and it costs what it will, after two of
them."""

LATE_S: Final = 1.0
"""A look judged later than this is late: the bound that `bench` searches capacity by."""

MISSED: Final = 0.1
"""A worker that is behind has nearly all looks late or lost; one hiccup has a few."""

BEHIND: Final = 3
"""So many more seconds with too many looks missed than without: a camera that sends a jam's
pictures at once, or a machine that stops for a moment, passes sooner; a worker at the brink, late
in two seconds of three, does not."""

BUSY_ENOUGH: Final = 0.5
"""If cores and loop are idle half of the time, looks are late for another reason (a disk), which
fewer cameras would not mend."""

DRAIN_S: Final = 2.0
"""After cameras were put to rest, what waited before is still judged late."""

RESTED_AT_ONCE: Final = 4
"""At most a quarter is put to rest at a time: what is lost overstates what must go while a line
is worked off."""

BACK_AT_ONCE: Final = 10
"""Of those that run, a tenth may be new while cameras come back, and one at least."""

CALM_S: Final = 10.0
"""So long after a rest nobody comes back."""

PROBATION_S: Final = 60.0
"""A rest this soon after a camera came back was caused by it: the next return waits twice as
long."""

LONGEST_CALM_S: Final = 600.0
"""However unsteady the load, its end is noticed in ten minutes."""

FULL_AFTER_S: Final = 10.0
"""A worker that has had no room for so long is full; a start's own load passes in half of it."""

SMOOTHING_S: Final = 5.0
"""How long a second's load goes on counting: some looks of every camera."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What was measured in a period."""

    elapsed_s: float
    """How long it was."""
    looks: int
    """That were judged."""
    late: int
    """Of these, after ``LATE_S``."""
    lost: int
    """Looks that a newer one replaced (``overload``)."""
    loop: float
    """Share of the time in which the inference loop worked."""
    cores: float
    """Share that the process had of the cores it may use."""

    @property
    def missed(self) -> float:
        """Share of the looks due that came late or not at all."""
        due = self.looks + self.lost
        return (self.late + self.lost) / due if due else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the cameras of a worker stand."""

    watching: int
    """Send pictures."""
    settled: int
    """Were started ``SETTLE_S`` ago or before, whether or not they send pictures."""
    starting: int
    """Were started since."""
    starting_unseen: int
    """Of these, those that send no pictures yet: their load is still to come."""
    waiting: int
    """Are kept out."""


NOBODY: Final = Standing(watching=0, settled=0, starting=0, starting_unseen=0, waiting=0)


class Admission:
    """The decisions of one worker. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._standing = NOBODY
        self._begun = 0
        self._busy: float | None = None
        self._watching = 0.0
        self._behind = 0
        self._deaf_until_s = -math.inf
        self._calm_s = CALM_S
        self._none_before_s = -math.inf
        self._last_return_s = -math.inf
        self._recovering = False
        self._no_room_since_s: float | None = None

    def measure(self, load: Load, standing: Standing, now_s: float) -> int:
        """Take a period in; return how many cameras must be put to rest, the newest first."""
        self._standing, self._begun = standing, 0
        if standing.settled + standing.starting == 0:
            self._forget_rests()
        busy = max(load.loop, load.cores)
        weight = 1.0 if self._busy is None else 1.0 - math.exp(-load.elapsed_s / SMOOTHING_S)
        self._busy = busy * weight + (self._busy or 0.0) * (1.0 - weight)
        # Smoothed alike: while cameras are being started, load and number must be of one time.
        self._watching += (standing.watching - self._watching) * weight
        if standing.waiting == 0:
            self._recovering = False
        self._note_room(now_s)
        self._count_missed(load, busy, now_s)
        return self._excess(load, busy) if self._behind >= BEHIND else 0

    def may_start(self, now_s: float) -> bool:
        """Say whether one more camera may be started now; whoever does so calls ``started``."""
        return self._has_room(now_s) and self._starting < self._most_starting

    def started(self, now_s: float) -> None:
        """Note that a camera was started."""
        self._begun += 1
        if self._recovering:
            self._last_return_s = now_s

    def rested(self, count: int, now_s: float) -> None:
        """Note that so many cameras were put to rest, none included (all have reason to run on)."""
        self._behind = 0
        self._deaf_until_s = now_s + DRAIN_S
        if count == 0:
            return
        returned_lately = now_s - self._last_return_s < PROBATION_S
        self._calm_s = min(LONGEST_CALM_S, self._calm_s * 2) if returned_lately else CALM_S
        self._none_before_s = now_s + self._calm_s
        self._recovering = True

    def is_full(self, now_s: float) -> bool:
        """Say whether a camera that waits is kept out, not just one of many that are starting."""
        if self._recovering:
            return True
        since_s = self._no_room_since_s
        return since_s is not None and now_s - since_s >= FULL_AFTER_S

    @property
    def busy(self) -> float:
        """Smoothed share of its time in which the busiest part works; 0 before it is known."""
        return self._busy or 0.0

    @property
    def capacity(self) -> float | None:
        """How many cameras such as those that run keep it as busy as it may be, if known."""
        if not self._busy or not self._watching:
            return None
        return self._watching * TARGET / self._busy

    @property
    def _starting(self) -> int:
        return self._standing.starting + self._begun

    @property
    def _most_starting(self) -> int:
        if self._recovering:
            return max(1, self._standing.settled // BACK_AT_ONCE)
        return max(STARTING_AT_ONCE, self._standing.settled // 2)

    def _has_room(self, now_s: float) -> bool:
        if now_s < self._none_before_s or self._behind:
            return False
        known = self._standing.watching + self._standing.starting_unseen + self._begun
        if known < FEWEST and not self._recovering:
            return True
        capacity = self.capacity
        share = BACK_TARGET / TARGET if self._recovering else 1.0
        return capacity is None or known + 1 <= capacity * share

    def _forget_rests(self) -> None:
        """Forget what cameras did that run no more: it says nothing of those that come."""
        self._behind, self._calm_s, self._none_before_s = 0, CALM_S, -math.inf

    def _note_room(self, now_s: float) -> None:
        if self._has_room(now_s):
            self._no_room_since_s = None
        elif self._no_room_since_s is None:
            self._no_room_since_s = now_s

    def _count_missed(self, load: Load, busy: float, now_s: float) -> None:
        if now_s < self._deaf_until_s or (load.looks + load.lost == 0 and busy >= BUSY_ENOUGH):
            return
        is_behind = load.missed > MISSED and busy >= BUSY_ENOUGH
        self._behind = self._behind + 1 if is_behind else max(0, self._behind - 1)

    def _excess(self, load: Load, busy: float) -> int:
        """Return how many are too many by what was served; never so many that none is left."""
        watching = self._standing.watching
        served = load.looks / max(1, load.looks + load.lost)
        bearable = int(watching * served * TARGET / max(busy, TARGET))
        most = min(max(1, watching // RESTED_AT_ONCE), watching - 1)
        return max(0, min(most, max(1, watching - bearable)))
