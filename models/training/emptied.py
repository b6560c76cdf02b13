"""The part of a picture in which nothing burns: the same place, without the hazard.

Every set of fires shows other places than the sets without any, so a network may learn which
places burn instead of what burning looks like.
"""

from dataclasses import replace

import numpy as np

from models.training.classes import HAZARDS
from models.training.place import cut
from models.training.records import Record, ignored

LEAST_SHARE = 0.25
"""Of the picture: less says nothing of the place."""
MARGIN_SHARE = 0.06
"""Of the picture's sides: glow and thin smoke reach beyond their boxes."""


def emptied(rng: np.random.Generator, record: Record) -> Record:
    """Return a part of the picture beside all its hazards; the whole where none is large enough."""
    height_px, width_px = record.pixels.shape[:2]
    hazards = np.array(HAZARDS)
    boxes = record.boxes[np.isin(record.labels, [*hazards, *ignored(hazards)])]
    margin_px = MARGIN_SHARE * np.array([width_px, height_px])
    x0, y0 = np.floor((boxes[:, :2].min(axis=0) - margin_px).clip(0)).astype(int).tolist()
    x1, y1 = np.ceil(boxes[:, 2:].max(axis=0) + margin_px).astype(int).tolist()
    parts = [
        (left, top, right, bottom)
        for left, top, right, bottom in (
            (0, 0, x0, height_px),
            (x1, 0, width_px, height_px),
            (0, 0, width_px, y0),
            (0, y1, width_px, height_px),
        )
        if max(0, right - left) * max(0, bottom - top) >= LEAST_SHARE * width_px * height_px
    ]
    if not parts:
        return record
    left, top, right, bottom = parts[int(rng.integers(len(parts)))]
    shift = np.array([left, top] * 2, np.float32)
    kept, labels = cut(record.boxes - shift, record.labels, (0, 0, right - left, bottom - top))
    pixels = np.ascontiguousarray(record.pixels[top:bottom, left:right])
    return replace(record, pixels=pixels, boxes=kept, labels=labels)
