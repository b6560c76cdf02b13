"""Looks of many cameras become one batch; the newest look of a camera wins.

A queue that blocks upstream turns a slow detector into "flaky cameras". So a camera has one
place here: a newer look replaces one that was not analysed in time, and that is counted as
``overload``. Waiting for every camera collapses throughput, because cameras pause around
keyframes: the batch is what came within a short window.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from pipelines.frames import Frame, FrameBatch
from pipelines.gate import Gate
from pipelines.metrics import WorkerMetrics
from vision.letterbox import PAD_VALUE

WINDOW_S: Final = 0.02
"""How long a batch that isn't full waits: two inferences' time, unseen beside a look's 2 s."""

LONGEST_CLOSE: Final = 64
"""Close looks that may wait: some seconds of inference, and 30 MB; the oldest give way."""


class Batcher:
    """Between the readers' threads and the inference loop."""

    def __init__(
        self,
        input_size_px: tuple[int, int],
        batch_sizes: tuple[int, ...],
        metrics: WorkerMetrics,
        gate: Gate | None = None,
    ) -> None:
        """Without a ``gate`` every look goes to the detector."""
        self._metrics = metrics
        self._gate = gate
        self._sizes = batch_sizes
        self._arena = np.full((batch_sizes[-1], *input_size_px, 3), PAD_VALUE, np.uint8)
        self._changed = threading.Condition()
        self._waiting: dict[str, Frame] = {}
        self._close: deque[Frame] = deque()
        self._woken = False

    def offer(self, frame: Frame, dismissed: Callable[[], bool] = lambda: False) -> None:
        """Put a live look in its camera's place, over an older one; never waits.

        ``dismissed`` says whether the camera was taken from whoever brings the look: then it's
        too late.
        """
        with self._changed:
            if dismissed():
                self._metrics.drop("removed")
                return
            if not frame.ref.is_due:
                self._close.append(frame)
                if len(self._close) > LONGEST_CLOSE:
                    self._close.popleft()
                    self._metrics.drop("burst_budget")
                self._changed.notify_all()
                return
            # In the older one's place in the line: a camera that was not served must not start
            # at the end again, or some are never served. Dicts keep insertion order.
            if frame.ref.camera_id in self._waiting:
                self._metrics.drop("overload")
            self._waiting[frame.ref.camera_id] = frame
            self._changed.notify_all()

    def hand_over(self, frame: Frame, stopping: Callable[[], bool]) -> None:
        """Put a file's look in its place once the one before is taken: files lose nothing."""
        with self._changed:
            while frame.ref.camera_id in self._waiting:
                if stopping():
                    return
                self._changed.wait(timeout=0.5)
            self._waiting[frame.ref.camera_id] = frame
            self._changed.notify_all()

    def forget(self, camera_id: str) -> None:
        """Drop a removed camera's look that still waits."""
        with self._changed:
            if self._waiting.pop(camera_id, None) is not None:
                self._metrics.drop("removed")
            kept = [frame for frame in self._close if frame.ref.camera_id != camera_id]
            if len(kept) < len(self._close):
                self._metrics.drop("removed", len(self._close) - len(kept))
                self._close = deque(kept)
            if self._gate is not None:
                self._gate.forget(camera_id)
            self._changed.notify_all()

    def wake(self) -> None:
        """Let ``take`` return at once, with or without a look: there is other work."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    @property
    def empty(self) -> bool:
        """Whether no look waits."""
        with self._changed:
            return not self._waiting and not self._close

    def take(self, timeout_s: float) -> FrameBatch | None:
        """Return the next batch, or nothing if no look came within ``timeout_s``.

        It holds no pictures where none of the looks that waited shows anything new.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._has_looks() or self._woken, timeout_s)
            self._woken = False
            if not self._has_looks():
                return None
            closes_s = time.monotonic() + WINDOW_S
            while len(self._waiting) + len(self._close) < self._sizes[-1]:
                if not self._changed.wait(max(0.0, closes_s - time.monotonic())):
                    break
            unchanged = self._take_unchanged()
            frames = self._take_frames()
            self._changed.notify_all()
        return self._fill(frames, unchanged)

    def _has_looks(self) -> bool:
        return bool(self._waiting or self._close)

    def _take_frames(self) -> tuple[Frame, ...]:
        """Take sentries first: a storm of alarms slows the close looks, and nothing else."""
        oldest = list(self._waiting)[: self._sizes[-1]]
        if len(oldest) == len(self._waiting):  # nobody is kept from anything: each in its turn
            no_room = list(self._close)[max(0, self._sizes[-1] - len(oldest)) :]
            behind = {one.ref.camera_id for one in no_room if not self._follows_a_due(one)}
            oldest = [camera_id for camera_id in oldest if camera_id not in behind]
        frames = [self._waiting.pop(camera_id) for camera_id in oldest]
        while self._close and len(frames) < self._sizes[-1]:
            if self._follows_a_due(self._close[0]):
                break
            frames.append(self._close.popleft())
        self._drop_overtaken({one.ref.camera_id: one.ref.seq for one in frames if one.ref.is_due})
        # A camera's looks are judged as they came; the others' order is nobody's business.
        frames.sort(key=lambda one: (one.ref.camera_id, one.ref.seq))
        if self._gate is not None:
            for frame in frames:
                self._gate.saw(frame)
        return tuple(frames)

    def _follows_a_due(self, close: Frame) -> bool:
        """Say whether its camera's due look still waits, and came before it."""
        due = self._waiting.get(close.ref.camera_id)
        return due is not None and due.ref.seq < close.ref.seq

    def _take_unchanged(self) -> tuple[Frame, ...]:
        """Take the oldest look of each camera in which nothing has changed."""
        if self._gate is None or not self._has_looks():
            return ()
        oldest: dict[str, Frame] = {}
        for frame in (*self._close, *self._waiting.values()):
            first = oldest.setdefault(frame.ref.camera_id, frame)
            if frame.ref.seq < first.ref.seq:
                oldest[frame.ref.camera_id] = frame
        frames = list(oldest.values())
        still = zip(frames, self._gate.wants(frames), strict=True)
        unchanged = [frame for frame, is_wanted in still if not is_wanted]
        for frame in unchanged:
            if frame.ref.is_due:
                del self._waiting[frame.ref.camera_id]
        if any(not frame.ref.is_due for frame in unchanged):
            gone = {id(frame) for frame in unchanged}
            self._close = deque(frame for frame in self._close if id(frame) not in gone)
        return tuple(unchanged)

    def _drop_overtaken(self, judged: dict[str, int]) -> None:
        """Drop close looks that would be judged after their camera's later due one."""
        kept = [one for one in self._close if one.ref.seq > judged.get(one.ref.camera_id, 0)]
        if len(kept) < len(self._close):
            self._metrics.drop("burst_budget", len(self._close) - len(kept))
            self._close = deque(kept)

    def _fill(self, frames: tuple[Frame, ...], unchanged: tuple[Frame, ...]) -> FrameBatch:
        size = next(size for size in (0, *self._sizes) if size >= len(frames))
        for row, frame in zip(self._arena, frames, strict=False):
            height_px, width_px = frame.pixels.shape[:2]
            row[:height_px, :width_px] = frame.pixels
            row[height_px:] = PAD_VALUE
            row[:height_px, width_px:] = PAD_VALUE
        return FrameBatch(
            pixels=self._arena[:size],
            frames=tuple(frame.ref for frame in frames),
            evidence=tuple(frame.evidence for frame in frames),
            unchanged=unchanged,
        )
