"""From a network's raw output to boxes, scores and labels, vectorised over the batch."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float32, Int64

from vision.arrays import Boxes

YOLOX_STRIDES_PX = (8, 16, 32)
"""Ge et al. 2021 (arXiv 2107.08430): three levels of the feature pyramid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What a decoder found above the thresholds, before suppression."""

    frame_index: Int64[np.ndarray, "n"]
    """Which picture of the batch."""
    xyxy: Boxes
    """Where, as shares 0-1 of the model's input."""
    score: Float32[np.ndarray, "n"]
    """Objectness times class score."""
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


@cache
def _yolox_grid(height_px: int, width_px: int) -> Float32[np.ndarray, "a 3"]:
    """Return column, row and stride of every anchor: levels in turn, each row by row."""
    levels = []
    for stride in YOLOX_STRIDES_PX:
        rows, columns = np.mgrid[0 : height_px // stride, 0 : width_px // stride]
        levels.append(np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, stride)], axis=1))
    return np.concatenate(levels).astype(np.float32)


def yolox(
    output: Float32[np.ndarray, "b a columns"],
    thresholds: Float32[np.ndarray, "c"],
    height_px: int,
    width_px: int,
) -> Candidates:
    """Decode YOLOX: cx cy w h before grid and exponential, then objectness, then classes.

    Every anchor may answer for each class that reaches its own threshold, so that a person's
    score never hides a hazard's or the other way round. Only the few rows over a threshold are
    decoded.
    """
    scores = output[:, :, 4:5] * output[:, :, 5:]
    frame, anchor, label = np.nonzero(scores >= thresholds)
    grid = _yolox_grid(height_px, width_px)[anchor]
    raw = output[frame, anchor, :4]
    centre = (raw[:, :2] + grid[:, :2]) * grid[:, 2:]
    # e^10 strides is already wider than any input: clipped so that a wild weight can't overflow.
    half = np.exp(np.minimum(raw[:, 2:], 10.0)) * grid[:, 2:] / 2
    size_px = np.array([width_px, height_px], np.float32)
    return Candidates(
        frame_index=frame,
        xyxy=np.concatenate([(centre - half) / size_px, (centre + half) / size_px], axis=1),
        score=scores[frame, anchor, label],
        label=label,
    )
