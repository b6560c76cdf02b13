"""What changed between two looks of one place: thumbnails, and which of them differ."""

import numpy as np
from jaxtyping import Bool, UInt8

from vision.arrays import Pixels

CELL_PX = 16
"""Side of a thumbnail's cell in the model's input: the smallest thing the detector finds there."""

CHANGED_LEVELS = 4
"""A cell whose mean differs by more has changed. Noise of 5 levels a pixel, which coding leaves of
a cheap sensor's, moves the mean of 64 pixels by 0.6; a fire of 6 px in a dark cell by 20."""

Thumbnail = UInt8[np.ndarray, "rows columns"]
"""Mean of each cell, 0-255; 0 where the picture doesn't reach at all."""


def grid(input_size_px: tuple[int, int]) -> tuple[int, int]:
    """Return how many rows and columns the thumbnails of an input (height, width) have."""
    return -(-input_size_px[0] // CELL_PX), -(-input_size_px[1] // CELL_PX)


def thumbnail(pixels: Pixels, size: tuple[int, int]) -> Thumbnail:
    """Return the means of red and green: a deep red flame on grey leaves green as it was."""
    missing = [(0, -side % CELL_PX) for side in pixels.shape[:2]]
    if any(after for _, after in missing):
        pixels = np.pad(pixels, (*missing, (0, 0)), mode="edge")
    rows, columns = pixels.shape[0] // CELL_PX, pixels.shape[1] // CELL_PX
    # Every second pixel of every second row: a quarter of the time, and noise stays small.
    warm = pixels[::2, ::2, 1].astype(np.uint16) + pixels[::2, ::2, 2]
    half = CELL_PX // 2
    across = warm.reshape(rows * half, columns, half).sum(axis=2, dtype=np.uint32)
    whole = np.zeros(size, np.uint8)
    cells = across.reshape(rows, half, columns).sum(axis=1) // (2 * half * half)
    whole[:rows, :columns] = cells
    return whole


def changed(
    one: UInt8[np.ndarray, "n rows columns"], other: UInt8[np.ndarray, "n rows columns"]
) -> Bool[np.ndarray, "n"]:
    """Say of each pair whether a cell differs by more than ``CHANGED_LEVELS``."""
    apart = np.maximum(one, other) - np.minimum(one, other)
    return np.asarray(apart.max(axis=(1, 2), initial=0) > CHANGED_LEVELS)
