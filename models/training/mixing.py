"""The stream of training samples: single pictures, 2x2 mosaics, pasted hazards, drawn scenes."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from models.training import composite
from models.training.classes import INPUT_SIZE_PX, LABELS, SETS, STRIDES_PX
from models.training.emptied import emptied
from models.training.lookalikes import with_lookalikes
from models.training.looks import weathered
from models.training.mattes import has_clear_hazards
from models.training.place import (
    Sample,
    blank,
    known_by_window,
    known_everywhere,
    letterboxed,
    paste,
)
from models.training.records import ROADS, Record
from models.training.variety import FULL, Variety

ROCKY_WEIGHT = 4.0
"""Of drawn stills; without it rocks scored too low to be told from the road."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How an epoch's samples are made."""

    mosaic_share: float
    """Share of samples that join four pictures."""
    plain_share: float
    """Share of the single pictures that keep their scale, as the product will see them."""
    size_px: tuple[int, int] = INPUT_SIZE_PX
    """Height and width of the samples."""


MIXED = Recipe(mosaic_share=0.4, plain_share=0.3)
CLOSING = Recipe(mosaic_share=0.0, plain_share=0.6)


def weights_of(records: list[Record]) -> Float64[np.ndarray, "r"]:
    """Return the chance of each record, after the weights of the sets."""
    by_set = {each.name: each.weight for each in SETS}
    weights = np.array([by_set.get(record.source, 1.0) for record in records], dtype=np.float64)
    return weights / weights.sum()


def drawn_weights(records: list[Record]) -> Float64[np.ndarray, "r"]:
    """Return the chance of each drawn still: those with rocks more often, for want of real ones."""
    rocky = np.array([(record.labels == composite.ROCK).any() for record in records], dtype=bool)
    weights = np.where(rocky, ROCKY_WEIGHT, 1.0)
    return weights / max(1.0, weights.sum())


class Mixer:
    """Makes sample number ``index`` of an epoch; the same numbers give the same sample."""

    def __init__(
        self,
        records: list[Record],
        seed: int,
        drawn: list[Record],
        variety: Variety = FULL,
    ):
        self._records = records
        self._chances = weights_of(records).cumsum()
        self._cutouts = composite.collect(records)
        self._seed = seed
        self._drawn = drawn
        self._drawn_chances = drawn_weights(drawn).cumsum()
        self._drawn_share = variety.drawn if drawn else 0.0
        self._variety = variety

    def sample(self, epoch: int, index: int, recipe: Recipe) -> Sample:
        """Return one augmented sample."""
        rng = np.random.default_rng((self._seed, epoch, index))
        if rng.random() < recipe.mosaic_share:
            mixed = self._mosaic(rng, recipe.size_px)
        else:
            mixed = self._single(rng, recipe)
        if rng.random() < 0.5:
            mixed = _flipped(mixed)
        return replace(mixed, pixels=weathered(rng, mixed.pixels, self._variety.camera_look))

    def _pick(self, rng: np.random.Generator) -> Record:
        if rng.random() < self._drawn_share:
            return self._drawn[int(np.searchsorted(self._drawn_chances, rng.random()))]
        record = self._records[int(np.searchsorted(self._chances, rng.random()))]
        return self._varied(rng, record)

    def _varied(self, rng: np.random.Generator, record: Record) -> Record:
        """Return the record with hazards pasted in, with look-alikes, with both, or as it is."""
        variety = self._variety
        if rng.random() < variety.emptied and has_clear_hazards(record):
            record = emptied(rng, record)
        calm = composite.is_background(record)
        pasted = variety.pasted if record.source in ROADS else variety.pasted_elsewhere
        if calm and rng.random() < pasted:
            record = composite.with_hazards(rng, record, self._cutouts, variety)
            calm = False
        if rng.random() < (variety.lookalikes if calm else variety.lookalikes_elsewhere):
            return with_lookalikes(rng, record)
        return record

    def _single(self, rng: np.random.Generator, recipe: Recipe) -> Sample:
        record = self._pick(rng)
        if rng.random() < recipe.plain_share:
            return letterboxed(record, recipe.size_px)
        return _jittered(rng, record, recipe.size_px)

    def _mosaic(self, rng: np.random.Generator, size_px: tuple[int, int]) -> Sample:
        """Join four pictures at a random point, each covering its quarter by its own scale."""
        canvas = blank(size_px)
        height_px, width_px = size_px
        x = int(width_px * rng.uniform(0.3, 0.7))
        y = int(height_px * rng.uniform(0.3, 0.7))
        windows = [
            (0, 0, x, y),
            (x, 0, width_px, y),
            (0, y, x, height_px),
            (x, y, width_px, height_px),
        ]
        boxes, labels, known = [], [], []
        for x0, y0, x1, y1 in windows:
            record = self._pick(rng)
            view = canvas[y0:y1, x0:x1]
            some, their = _scattered(rng, view, record, (0.8, 1.2))
            boxes.append(some + np.array([x0, y0, x0, y0], np.float32))
            labels.append(their)
            known.append(record.known)
        return Sample(
            pixels=canvas,
            boxes=np.concatenate(boxes),
            labels=np.concatenate(labels),
            known=known_by_window(windows, known, size_px),
        )


def _jittered(rng: np.random.Generator, record: Record, size_px: tuple[int, int]) -> Sample:
    """Place the picture at another scale: small and far, or cropped."""
    canvas = blank(size_px)
    boxes, labels = _scattered(rng, canvas, record, (0.6, 1.1))
    known = known_everywhere(record.known, size_px)
    return Sample(pixels=canvas, boxes=boxes, labels=labels, known=known)


def _scattered(
    rng: np.random.Generator,
    canvas: UInt8[np.ndarray, "h w 3"],
    record: Record,
    scales: tuple[float, float],
) -> tuple[Float32[np.ndarray, "n 4"], Int64[np.ndarray, "n"]]:
    """Draw the record into ``canvas`` at a random place and scale.

    ``scales`` go from a share of where it fits whole to a multiple of where it fills the canvas.
    The width is stretched by up to 1.14 either way, as badly set cameras do.
    """
    height_px, width_px = record.pixels.shape[:2]
    ratios = canvas.shape[0] / height_px, canvas.shape[1] / width_px
    limits = np.log((min(ratios) * scales[0], max(ratios) * scales[1]))
    scale = float(np.exp(rng.uniform(*limits)))
    stretch = float(np.exp(rng.uniform(-0.13, 0.13)))
    wide = cv2.resize(record.pixels, None, fx=stretch, fy=1.0) if rng.random() < 0.4 else None
    if wide is not None:
        factor = np.array([wide.shape[1] / width_px, 1.0] * 2, np.float32)
        record = replace(record, pixels=wide, boxes=record.boxes * factor)
    room_x = canvas.shape[1] - record.pixels.shape[1] * scale
    room_y = canvas.shape[0] - record.pixels.shape[0] * scale
    left, top = int(room_x * rng.random()), int(room_y * rng.random())
    return paste(canvas, record, scale=scale, left_px=left, top_px=top)


def _flipped(sample: Sample) -> Sample:
    boxes = sample.boxes.copy()
    boxes[:, [0, 2]] = sample.pixels.shape[1] - sample.boxes[:, [2, 0]]
    return replace(
        sample,
        pixels=np.ascontiguousarray(sample.pixels[:, ::-1]),
        boxes=boxes,
        known=mirrored(sample.known, sample.pixels.shape[:2]),
    )


def mirrored(
    known: Bool[np.ndarray, "a c"], size_px: tuple[int, int] = INPUT_SIZE_PX
) -> Bool[np.ndarray, "a c"]:
    """Mirror the knowledge of the anchors left to right, level by level."""
    parts, start = [], 0
    for stride in STRIDES_PX:
        rows, columns = size_px[0] // stride, size_px[1] // stride
        level = known[start : start + rows * columns].reshape(rows, columns, len(LABELS))
        parts.append(level[:, ::-1].reshape(-1, len(LABELS)))
        start += rows * columns
    return np.concatenate(parts)
