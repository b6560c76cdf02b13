"""Which looks the detector needn't see: nothing has changed since one in which it found nothing.

Every camera's thumbnail is compared with that of the last look that the detector saw, all cameras
at once, so what changes slowly adds up. A look is forced every few seconds, and a camera that
shows a hazard, however weakly, is always looked at.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Bool

from pipelines.frames import Frame, FrameRef
from vision.motion import changed, grid

FORCED_S: Final = 8.0
"""The longest time between two looks that the detector sees. What grows so slowly that no cell
changes in it (a plume on the horizon) is found that much later."""


class Gate:
    """The last look of each camera that the detector saw. Used by one thread."""

    def __init__(self, input_size_px: tuple[int, int]) -> None:
        """``input_size_px`` is the model's (height, width)."""
        self._rows: dict[str, int] = {}
        self._free: list[int] = []
        self._thumbnails = np.zeros((16, *grid(input_size_px)), np.uint8)
        self._quiet = np.zeros(16, np.bool_)
        self._seen_s = np.zeros(16)

    def wants(self, frames: Sequence[Frame]) -> Bool[np.ndarray, "n"]:
        """Say which of the looks, each of another camera, the detector must see."""
        rows = np.array([self._rows.get(one.ref.camera_id, -1) for one in frames])
        known = rows >= 0
        now_s = np.array([one.ref.captured_at.timestamp() for one in frames])
        thumbnails = np.stack([one.thumbnail for one in frames])
        away_s = np.abs(now_s - self._seen_s[rows])  # abs: the clock may be set back
        still = known & self._quiet[rows] & (away_s < FORCED_S)
        still &= [one.evidence is None or not one.evidence.is_asked for one in frames]
        still[still] = ~changed(thumbnails[still], self._thumbnails[rows[still]])
        return np.asarray(~still)

    def saw(self, frame: Frame) -> None:
        """Remember a look that goes to the detector; until it is judged, it isn't quiet."""
        row = self._rows.get(frame.ref.camera_id)
        if row is None:
            row = self._rows[frame.ref.camera_id] = self._free.pop() if self._free else self._new()
        self._thumbnails[row] = frame.thumbnail
        self._seen_s[row] = frame.ref.captured_at.timestamp()
        self._quiet[row] = False

    def judged(self, ref: FrameRef, *, quiet: bool) -> None:
        """Remember whether a camera's last look, and those before it, gave no sign of a hazard.

        So what the gate skips is a miss that changes nothing.
        """
        row = self._rows.get(ref.camera_id)
        if row is not None:
            self._quiet[row] = quiet

    def forget(self, camera_id: str) -> None:
        """Free the place of a camera that is watched no more."""
        row = self._rows.pop(camera_id, None)
        if row is not None:
            self._thumbnails[row] = 0
            self._free.append(row)

    def _new(self) -> int:
        row = len(self._rows)
        if row == len(self._quiet):
            self._thumbnails = np.concatenate([self._thumbnails, np.zeros_like(self._thumbnails)])
            self._quiet = np.concatenate([self._quiet, np.zeros_like(self._quiet)])
            self._seen_s = np.concatenate([self._seen_s, np.zeros_like(self._seen_s)])
        return row
