"""Privacy zones made one colour, before anything but the scaler has seen the pixels."""

from typing import Final

import numpy as np
from jaxtyping import Bool

from pipelines.frames import PROPORTIONS_ALIKE
from vision.arrays import Pixels
from vision.letterbox import PAD_VALUE
from vision.polygons import Polygon, mask

BLACK: Final = 0
"""In evidence: a person can tell that something is hidden; a network is least disturbed by grey."""

Masks = dict[tuple[int, int], Bool[np.ndarray, "h w"]]

SIZES: Final = 4
"""Sizes whose masks are kept: the model's and evidence's, and a stream's that changes its own."""


class Blanker:
    """Hides the privacy zones of one camera in pictures of several sizes."""

    def __init__(self) -> None:
        self.polygons: tuple[Polygon, ...] = ()
        """Swapped whole, so no lock is needed: a picture has the old ones or the new ones."""
        self._drawn: tuple[Polygon, ...] = ()
        self._proportions = 0.0
        self._masks: Masks = {}

    def __call__(
        self, pixels: Pixels, proportions: float, colour: int = PAD_VALUE
    ) -> tuple[Pixels, tuple[Polygon, ...]]:
        """Return a blanked copy, or the pixels themselves where nothing is private; and the zones.

        ``proportions`` are the source's width for its height. A picture of others than the zones
        first met may be cut otherwise, and what is private lie elsewhere: all of it is hidden until
        the zones are drawn anew.
        """
        polygons = self.polygons  # once: another thread may swap them meanwhile
        if not polygons:
            return pixels, polygons
        if self._drawn is not polygons:
            if not are_alike(self._drawn, polygons):
                self._proportions = proportions
            self._drawn, self._masks = polygons, {}
        if abs(proportions / self._proportions - 1) > PROPORTIONS_ALIKE:
            return np.full_like(pixels, colour), polygons
        blanked = pixels.copy()  # FFmpeg's memory may still be the decoder's own picture
        blanked[self._mask(*pixels.shape[:2])] = colour
        return blanked, polygons

    def _mask(self, height_px: int, width_px: int) -> Bool[np.ndarray, "{height_px} {width_px}"]:
        size_px = (height_px, width_px)
        if size_px not in self._masks:
            if len(self._masks) >= SIZES:
                self._masks.clear()
            self._masks[size_px] = mask(self._drawn, height_px, width_px)
        return self._masks[size_px]


def are_alike(one: tuple[Polygon, ...], other: tuple[Polygon, ...]) -> bool:
    """Say whether both hide the same."""
    return len(one) == len(other) and all(map(np.array_equal, one, other))
