"""How a source picture lies in the model's input: shrunk whole, top left, the rest padded."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

PAD_VALUE = 114
"""YOLOX's grey around the picture; every pack's, so that one arena serves them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterbox:
    """The place of one source picture in an input of ``h`` x ``w``."""

    content_height_px: int
    """Rows of the input that the picture covers."""
    content_width_px: int
    """Columns of the input that the picture covers."""
    input_height_px: int
    """``h``."""
    input_width_px: int
    """``w``."""

    @property
    def share_wh(self) -> tuple[float, float]:
        """Width and height of the picture as shares of the input."""
        return (
            self.content_width_px / self.input_width_px,
            self.content_height_px / self.input_height_px,
        )


def fit(source_size_px: tuple[int, int], input_height_px: int, input_width_px: int) -> Letterbox:
    """Return the largest place of the source's proportions. ``source_size_px`` is (W, H)."""
    source_width_px, source_height_px = source_size_px
    scale = min(input_width_px / source_width_px, input_height_px / source_height_px)
    # At least 2: FFmpeg's scaler refuses less for chroma-subsampled pictures.
    return Letterbox(
        content_height_px=min(input_height_px, max(2, round(source_height_px * scale))),
        content_width_px=min(input_width_px, max(2, round(source_width_px * scale))),
        input_height_px=input_height_px,
        input_width_px=input_width_px,
    )


def shares(letterboxes: list[Letterbox]) -> Float32[np.ndarray, "b 4"]:
    """Return what input shares (x0 y0 x1 y1) must be divided by to be source shares."""
    return np.array([box.share_wh * 2 for box in letterboxes], np.float32).reshape(-1, 4)
