"""Drawn drill scenes as training records: exact labels, every class known."""

import numpy as np

from models.training.classes import LABELS
from models.training.records import Record, known_mask
from vision.drawing import draw_still

HEIGHT_PX = 360
WIDTH_PX = 640


def drawn_records(count: int, seed: int) -> list[Record]:
    """Draw ``count`` stills; the same seed gives the same stills."""
    return [_drawn(np.random.default_rng((seed, index)), index) for index in range(count)]


def _drawn(rng: np.random.Generator, index: int) -> Record:
    pixels, xyxy, names = draw_still(rng, HEIGHT_PX, WIDTH_PX)
    size_px = np.array([WIDTH_PX, HEIGHT_PX] * 2, np.float32)
    return Record(
        source="drawn",
        stem=f"{index:05d}",
        pixels=pixels,
        boxes=(xyxy.reshape(-1, 4) * size_px).astype(np.float32),
        labels=np.array([LABELS.index(name) for name in names], np.int64),
        known=known_mask(tuple(range(len(LABELS)))),
    )
