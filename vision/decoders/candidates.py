"""What every decoder gives: one flat table of boxes, scores and labels of a batch."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from vision.arrays import Boxes

Shape = tuple[int | None, ...] | None
"""An output's shape; ``None`` where the file leaves a size, or even their number, open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What a decoder found above the thresholds, before suppression."""

    frame_index: Int64[np.ndarray, "n"]
    """Which picture of the batch."""
    xyxy: Boxes
    """Where, as shares 0-1 of the model's input."""
    score: Float32[np.ndarray, "n"]
    """How sure, 0-1."""
    label: Int64[np.ndarray, "n"]
    """Column of the class."""

    def where(self, keep: Bool[np.ndarray, "n"] | Int64[np.ndarray, "m"]) -> "Candidates":
        """Return the rows that ``keep`` marks or names."""
        return Candidates(
            frame_index=self.frame_index[keep],
            xyxy=self.xyxy[keep],
            score=self.score[keep],
            label=self.label[keep],
        )

    def strongest(self, limit: int) -> "Candidates":
        """Return each picture's ``limit`` rows with the highest scores."""
        order = np.lexsort((-self.score, self.frame_index))
        pictures = self.frame_index[order]
        rank = np.arange(len(order)) - np.searchsorted(pictures, pictures)
        return self.where(order[rank < limit])


def corners(
    centre: Float32[np.ndarray, "n 2"], size: Float32[np.ndarray, "n 2"]
) -> Float32[np.ndarray, "n 4"]:
    """Return x0 y0 x1 y1 of boxes given by centre and size, in their unit."""
    half = size / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def agree(shape: Shape, expected: Shape) -> bool:
    """Say whether a shape may be what is expected; an open size may be anything."""
    if shape is None or expected is None:
        return True
    return len(shape) == len(expected) and all(
        one is None or other is None or one == other
        for one, other in zip(shape, expected, strict=True)
    )


def written(shape: Shape) -> str:
    """Return a shape as people write it: ``[?, 84, 8400]``."""
    if shape is None:
        return "[...]"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"
