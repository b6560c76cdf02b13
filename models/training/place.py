"""Geometry: a picture scaled into a rectangle of the model's canvas, its boxes with it."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from models.training.classes import HAZARDS, INPUT_SIZE_PX, LABELS, PAD_VALUE, STRIDES_PX
from models.training.records import Record, ignored

KEPT_SHARE = 0.35
"""A box cut to less than this share of its area is no example any more, and no negative."""
SMALLEST_SIDE_PX = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One canvas at the model's size, with its boxes in canvas pixels."""

    pixels: UInt8[np.ndarray, "h w 3"]
    """BGR."""
    boxes: Float32[np.ndarray, "n 4"]
    """Corners in pixels."""
    labels: Int64[np.ndarray, "n"]
    """Class, or ``ignored`` of it for regions that count neither way."""
    known: Bool[np.ndarray, "a c"]
    """For each anchor, the classes whose absence is known there."""


def presence(sample: Sample) -> tuple[Bool[np.ndarray, "p"], Bool[np.ndarray, "p"]]:
    """Return which hazards the sample holds, and for which of them that is known.

    A labelled hazard is there. That one is not there is known where every part of the canvas
    knows the class, and no region is left that may hold it, such as the rim of a cropped flame.
    """
    hazards = np.array(HAZARDS)
    there = np.isin(hazards, sample.labels)
    doubtful = np.isin(ignored(hazards), sample.labels)
    return there, there | (sample.known[:, hazards].all(axis=0) & ~doubtful)


def blank(size_px: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """Return an empty canvas; ``size_px`` is (h, w)."""
    return np.full((*size_px, 3), PAD_VALUE, dtype=np.uint8)


def letterboxed(record: Record, size_px: tuple[int, int] = INPUT_SIZE_PX) -> Sample:
    """Return the whole picture, top left on the canvas: how the product sees a frame."""
    canvas = blank(size_px)
    scale = min(side / own for side, own in zip(size_px, record.pixels.shape[:2], strict=True))
    boxes, labels = paste(canvas, record, scale=scale, left_px=0, top_px=0)
    known = known_everywhere(record.known, size_px)
    return Sample(pixels=canvas, boxes=boxes, labels=labels, known=known)


def paste(
    canvas: UInt8[np.ndarray, "h w 3"], record: Record, *, scale: float, left_px: int, top_px: int
) -> tuple[Float32[np.ndarray, "n 4"], Int64[np.ndarray, "n"]]:
    """Draw the scaled picture into ``canvas`` in place; return its boxes there, cut at the edge."""
    height_px, width_px = canvas.shape[:2]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    size = (
        max(1, round(record.pixels.shape[1] * scale)),
        max(1, round(record.pixels.shape[0] * scale)),
    )
    scaled = cv2.resize(record.pixels, size, interpolation=way)
    x0, y0 = max(0, left_px), max(0, top_px)
    x1, y1 = min(width_px, left_px + size[0]), min(height_px, top_px + size[1])
    if x1 <= x0 or y1 <= y0:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    canvas[y0:y1, x0:x1] = scaled[y0 - top_px : y1 - top_px, x0 - left_px : x1 - left_px]
    shift = np.array([left_px, top_px] * 2, dtype=np.float32)
    return cut(record.boxes * np.float32(scale) + shift, record.labels, (x0, y0, x1, y1))


def cut(
    boxes: Float32[np.ndarray, "n 4"],
    labels: Int64[np.ndarray, "n"],
    window: tuple[int, int, int, int],
) -> tuple[Float32[np.ndarray, "m 4"], Int64[np.ndarray, "m"]]:
    """Cut boxes at ``window`` (x0 y0 x1 y1 px); what is mostly lost or tiny becomes ignored."""
    limits = np.array([window[:2] * 2, window[2:] * 2], dtype=np.float32)
    inside = boxes.clip(limits[0], limits[1])
    sides = inside[:, 2:] - inside[:, :2]
    full = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-6)
    poor = (sides.prod(axis=1) < KEPT_SHARE * full) | (sides.min(axis=1) < SMALLEST_SIDE_PX)
    kept = sides.min(axis=1) > 0.5
    return inside[kept], np.where(poor & (labels >= 0), ignored(labels), labels)[kept]


@cache
def anchor_centres(size_px: tuple[int, int] = INPUT_SIZE_PX) -> Float32[np.ndarray, "a 2"]:
    """Return the centre x y in pixels of every anchor, strides 8, 16, 32, row-major."""
    centres = []
    for stride in STRIDES_PX:
        y, x = np.mgrid[: size_px[0] // stride, : size_px[1] // stride]
        centres.append((np.stack((x.ravel(), y.ravel()), axis=1) + 0.5) * stride)
    return np.concatenate(centres).astype(np.float32)


def known_everywhere(
    known: Bool[np.ndarray, "c"], size_px: tuple[int, int] = INPUT_SIZE_PX
) -> Bool[np.ndarray, "a c"]:
    """Give every anchor the same knowledge."""
    return np.broadcast_to(known, (len(anchor_centres(size_px)), len(LABELS))).copy()


def known_by_window(
    windows: list[tuple[int, int, int, int]],
    known: list[Bool[np.ndarray, "c"]],
    size_px: tuple[int, int] = INPUT_SIZE_PX,
) -> Bool[np.ndarray, "a c"]:
    """Give each anchor the knowledge of the window its centre lies in; nothing outside of all."""
    centres = anchor_centres(size_px)
    result = np.zeros((len(centres), len(LABELS)), dtype=bool)
    for (x0, y0, x1, y1), each in zip(windows, known, strict=True):
        inside = (centres >= (x0, y0)).all(axis=1) & (centres < (x1, y1)).all(axis=1)
        result[inside] = each
    return result
