"""The COCO network as a teacher: vehicles and people in sets that don't label them.

What it is sure of becomes a box; what it suspects becomes a region that counts neither way, so
that no unlabelled car or person is taught to be background. Where it suspects nothing, nothing
is there: left untold, the network saw people in every cloud of smoke.
"""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64

from models.training.classes import COCO_ROWS, PAD_VALUE, PERSON, STRIDES_PX, VEHICLES
from models.training.network import coco_network
from models.training.records import Record, ignored, known_mask
from vision.suppression import area, overlap, suppress

SURE = 0.45
SUSPECTED = 0.12
SIDE_PX = 416
ANSWERABLE = (*VEHICLES, PERSON)


class Teacher:
    """Adds boxes to records, of classes that the record's set does not label in full."""

    def __init__(self, weights: Path):
        self._network = coco_network(weights).eval()

    def completed(self, record: Record) -> Record:
        """Return the record with the teacher's boxes for the classes it does not know."""
        wanted = [c for c in ANSWERABLE if not record.known[c]]
        if not wanted:
            return record
        boxes, labels, scores = self._look(record)
        labelled = record.boxes[record.labels >= min(ANSWERABLE)]
        keep = np.isin(labels, wanted) & ~_covered(boxes, labelled)
        boxes, labels, scores = boxes[keep], labels[keep], scores[keep]
        return replace(
            record,
            boxes=np.concatenate((record.boxes, boxes)),
            labels=np.concatenate(
                (record.labels, np.where(scores >= SURE, labels, ignored(labels)))
            ),
        )

    def _look(
        self, record: Record
    ) -> tuple[Float32[np.ndarray, "n 4"], Int64[np.ndarray, "n"], Float32[np.ndarray, "n"]]:
        """Return boxes in the record's pixels, classes of ours and scores."""
        height_px, width_px = record.pixels.shape[:2]
        scale = SIDE_PX / max(height_px, width_px)
        canvas = np.full((SIDE_PX, SIDE_PX, 3), PAD_VALUE, np.uint8)
        small = cv2.resize(record.pixels, (round(width_px * scale), round(height_px * scale)))
        canvas[: small.shape[0], : small.shape[1]] = small
        with torch.inference_mode():
            pixels = torch.from_numpy(canvas).permute(2, 0, 1)[None].float()
            raw = self._network(pixels)[0].numpy()
        boxes, labels, scores = _decoded(raw)
        return boxes / np.float32(scale), labels, scores


def _decoded(
    raw: Float32[np.ndarray, "a c"],
) -> tuple[Float32[np.ndarray, "n 4"], Int64[np.ndarray, "n"], Float32[np.ndarray, "n"]]:
    grid = np.concatenate([_cells(stride) for stride in STRIDES_PX])
    columns = [5 + int(COCO_ROWS[c]) for c in ANSWERABLE]
    probability = 1 / (1 + np.exp(-raw[:, 4:5])) / (1 + np.exp(-raw[:, columns]))
    best, score = probability.argmax(axis=1), probability.max(axis=1)
    keep = score > SUSPECTED
    raw, grid, best, score = raw[keep], grid[keep], best[keep], score[keep]
    centre = (raw[:, :2] + grid[:, :2]) * grid[:, 2:]
    half = np.exp(raw[:, 2:4]) * grid[:, 2:] / 2
    boxes = np.concatenate((centre - half, centre + half), axis=1).astype(np.float32)
    kept = suppress(boxes, score, np.zeros_like(best), 0.6)
    labels = np.array(ANSWERABLE, np.int64)[best]
    return boxes[kept], labels[kept], score[kept].astype(np.float32)


def _covered(
    boxes: Float32[np.ndarray, "n 4"], labelled: Float32[np.ndarray, "m 4"]
) -> Bool[np.ndarray, "n"]:
    """Say which boxes a labelled one already stands for (IoU above 0.4)."""
    common = overlap(boxes, labelled)
    union = area(boxes)[:, None] + area(labelled)[None] - common
    return (common > 0.4 * union).any(axis=1)


def _cells(stride: int) -> Float32[np.ndarray, "a 3"]:
    y, x = np.mgrid[: SIDE_PX // stride, : SIDE_PX // stride]
    return np.stack((x.ravel(), y.ravel(), np.full(x.size, stride)), axis=1).astype(np.float32)


def completed_records(records: list[Record], weights: Path, cache: Path) -> list[Record]:
    """Return the records with the teacher's boxes, kept in ``cache`` for the next run."""
    stored = dict(np.load(cache)) if cache.exists() else {}
    teacher, results = Teacher(weights), []
    for record in records:
        labelled = sha256(record.boxes.tobytes() + record.labels.tobytes()).hexdigest()
        key = f"{record.source}/{record.stem}/{labelled[:16]}"
        if key not in stored:
            done = teacher.completed(record)
            stored[key] = np.column_stack((done.boxes, done.labels)).astype(np.float32)
        rows = stored[key]
        results.append(
            replace(
                record,
                boxes=rows[:, :4].copy(),
                labels=rows[:, 4].astype(np.int64),
                known=record.known | known_mask(ANSWERABLE),
            )
        )
    part = cache.with_suffix(".part.npz")
    np.savez(part, **stored)
    part.replace(cache)
    return results
