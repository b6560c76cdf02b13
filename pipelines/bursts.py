"""Which cameras are looked at closely, for how long, and how many at a time.

A look that shows a sign of a hazard asks for a burst: some seconds of every frame, so that time
decides. Bursts share a budget of pixels to decode, so an alarm storm slows bursts and no sentry,
and one of bytes, for what cameras have sent since their last keyframes.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from pipelines.metrics import WorkerMetrics

BURST_S: Final = 3.0
"""Long enough for three seconds' verdicts, which is what it takes to believe a fire."""

EVIDENCE_S: Final = 4.0
"""Of an alert's burst, for its pictures: half of a clip, the other half was before."""

PIXELS_A_SECOND: Final = 60_000_000
"""One main stream of 1080p at 25 fps, or ten substreams, together a fifth to a third of a core."""

FRAMES_A_SECOND: Final = 25
"""What a stream is reckoned with until it is known."""

KEPT_BYTES: Final = 256 << 20
"""A hundred main streams of 4 Mb/s with a keyframe every 4 s keep 100 MB on average."""

REST_S: Final = 30.0
"""A chimney that always looks like smoke doesn't have all of the budget."""

PATIENCE_S: Final = 3.0
"""A burst that can't begin so soon comes too late to help: the next sentry look is there."""


class Bursts:
    """The budget of one worker. The rules ask; readers begin and end. Safe in any thread."""

    def __init__(self, metrics: WorkerMetrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_s: dict[str, float] = {}
        self._running: dict[str, int] = {}
        self._rested_s: dict[str, float] = {}
        self._kept: dict[object, int] = {}
        self._all_kept = 0
        self._for_evidence: set[str] = set()
        self._more: set[str] = set()
        self.for_evidence = False
        """Whether the looks of bursts bring pictures for evidence: somebody makes it."""

    def ask(self, camera_id: str) -> None:
        """Ask for a burst of a camera, unless it has one, or had one just now."""
        now_s = self._clock()
        with self._lock:
            if camera_id in self._running or now_s < self._rested_s.get(camera_id, 0.0):
                return
            self._asked_s.setdefault(camera_id, now_s)

    def ask_evidence(self, camera_id: str) -> None:
        """Ask for a burst for an alert's pictures, rested or not; one that runs goes on for longer.

        Until ``have_evidence`` each of the camera's looks brings one, whether a burst comes or not.
        """
        with self._lock:
            self._for_evidence.add(camera_id)
            if camera_id in self._running:
                self._more.add(camera_id)
            else:
                self._asked_s.setdefault(camera_id, self._clock())

    def have_evidence(self, camera_id: str) -> None:
        """Say that nobody waits for a camera's pictures any more."""
        with self._lock:
            self._for_evidence.discard(camera_id)
            self._more.discard(camera_id)

    def wants_evidence(self, camera_id: str) -> bool:
        """Say whether an alert waits for a camera's pictures; asked at each look, without lock."""
        return camera_id in self._for_evidence

    def prolonged(self, camera_id: str) -> float:
        """Return for how long a running burst goes on from now, once for each time it was asked."""
        if camera_id not in self._more:  # without the lock, as below
            return 0.0
        with self._lock:
            self._more.discard(camera_id)
        self._metrics.bursts.labels("prolonged").inc()
        return EVIDENCE_S

    def begin(self, camera_id: str, pixels: int, *, ready: bool = True) -> float:
        """Return for how long a camera's burst goes that begins now, or 0.

        ``pixels`` are those of one picture. It waits a little for whoever isn't ``ready``.
        """
        if camera_id not in self._asked_s:  # what nearly every reader finds, without the lock
            return 0.0
        cost = pixels * FRAMES_A_SECOND
        with self._lock:
            asked_s = self._asked_s.get(camera_id)
            if asked_s is None:
                return 0.0
            if self._clock() - asked_s > PATIENCE_S:
                del self._asked_s[camera_id]
                self._metrics.bursts.labels("no_budget").inc()
                return 0.0
            is_storm = self._running and sum(self._running.values()) + cost > PIXELS_A_SECOND
            if is_storm or not ready:
                return 0.0
            del self._asked_s[camera_id]
            self._running[camera_id] = cost
            seconds = EVIDENCE_S if camera_id in self._for_evidence else BURST_S
        self._metrics.bursts.labels("begun").inc()
        return seconds

    def keep(self, who: object, size: int) -> bool:
        """Say whether somebody may keep so many bytes to go back to; if not, it must keep none."""
        with self._lock:
            others = self._all_kept - self._kept.pop(who, 0)
            may_keep = others + size <= KEPT_BYTES
            if size and may_keep:
                self._kept[who] = size
            self._all_kept = others + (size if may_keep else 0)
        return may_keep

    def end(self, camera_id: str) -> None:
        """Give a burst's share back, if the camera has one."""
        if camera_id not in self._running:  # without the lock: its own reader alone puts it there
            return
        with self._lock:
            if self._running.pop(camera_id, None) is not None:
                self._rested_s[camera_id] = self._clock() + REST_S
                if camera_id in self._more:  # asked for in the moment in which it ended
                    self._more.discard(camera_id)
                    self._asked_s[camera_id] = self._clock()

    def forget(self, camera_id: str) -> None:
        """Forget a camera that is watched no more."""
        with self._lock:
            self._asked_s.pop(camera_id, None)
            self._rested_s.pop(camera_id, None)
            self._for_evidence.discard(camera_id)
            self._more.discard(camera_id)
