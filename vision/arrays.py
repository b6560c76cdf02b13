"""The array types that pass between the stages: structure of arrays, one flat table a batch.

``H W`` are source pixels, ``h w`` the model's input, ``b`` the batch, ``n`` the detections.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

Pixels = UInt8[np.ndarray, "h w 3"]
"""One picture, BGR, 0-255."""

BatchPixels = UInt8[np.ndarray, "b h w 3"]
"""Pictures of one size, BGR, 0-255."""

Boxes = Float32[np.ndarray, "n 4"]
"""Corners x0 y0 x1 y1, as shares 0-1 of the source picture, origin top left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """Hazards and vehicles found in a batch; people are never among them."""

    frame_index: Int64[np.ndarray, "n"]
    """Which picture of the batch."""
    xyxy: Boxes
    """Where, 0-1 of the source."""
    score: Float32[np.ndarray, "n"]
    """How sure, 0-1."""
    label: Int64[np.ndarray, "n"]
    """Index into the pack's labels."""
    in_doubt: Bool[np.ndarray, "n"] | None = None
    """Which count only if they stay in their place, and are kept nowhere; ``None``: none of them.

    It says neither why nor of whom."""

    def where(self, keep: Bool[np.ndarray, "n"]) -> "Detections":
        """Return the rows that ``keep`` marks."""
        return Detections(
            frame_index=self.frame_index[keep],
            xyxy=self.xyxy[keep],
            score=self.score[keep],
            label=self.label[keep],
            in_doubt=None if self.in_doubt is None else self.in_doubt[keep],
        )

    @property
    def doubts(self) -> Bool[np.ndarray, "n"]:
        """Mark the rows that are in doubt."""
        return np.zeros(len(self), np.bool_) if self.in_doubt is None else self.in_doubt

    def __len__(self) -> int:
        return len(self.score)
