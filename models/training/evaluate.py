"""From raw predictions to boxes, and from boxes to figures: precision, recall, alarms."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float32, UInt8

from models import scoring
from models.scoring import Curve, Found
from models.training.classes import HAZARDS, LABELS
from models.training.place import Sample
from models.training.records import Record
from vision.decoders import yolox
from vision.detector import MAX_CANDIDATES
from vision.suppression import suppress

SUPPRESSION_IOU = 0.5
LEAST_SCORE = 0.02
Predict = Callable[[UInt8[np.ndarray, "b h w 3"]], Float32[np.ndarray, "b a c"]]
"""Pictures to predictions as ``model.onnx`` gives them."""


def look(predict: Predict, pictures: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[Found]:
    """Run the network over pictures of one size, in fours."""
    found: list[Found] = []
    for start in range(0, len(pictures), 4):
        some = np.stack(pictures[start : start + 4])
        found += decoded(predict(some), (some.shape[1], some.shape[2]))
    return found


def decoded(predictions: Float32[np.ndarray, "b a c"], size_px: tuple[int, int]) -> list[Found]:
    """Turn predictions into boxes, in canvas pixels, after suppression within each class."""
    least = np.full(len(LABELS), LEAST_SCORE, np.float32)
    candidates = yolox(predictions, least, *size_px)
    candidates = candidates.strongest(MAX_CANDIDATES)
    group = candidates.frame_index * len(LABELS) + candidates.label
    in_parts = np.isin(candidates.label, HAZARDS)
    keep = suppress(candidates.xyxy, candidates.score, group, SUPPRESSION_IOU, in_parts)
    corners_px = np.array(size_px[::-1] * 2, np.float32)
    results = []
    for index in range(len(predictions)):
        rows = np.nonzero(keep & (candidates.frame_index == index))[0]
        rows = rows[np.argsort(-candidates.score[rows], kind="stable")]
        results.append(
            Found(
                boxes=(candidates.xyxy[rows] * corners_px).astype(np.float32),
                labels=candidates.label[rows],
                scores=candidates.score[rows],
            )
        )
    return results


def curve(found: Sequence[Found], truth: Sequence[Sample], label: int, iou: float) -> Curve | None:
    """Return a class's figures over pictures that label it in full; None without any box."""
    return scoring.curve(_judged(found, truth, label, iou))


def f1_at(
    found: Sequence[Found], truth: Sequence[Sample], label: int, iou: float, threshold: float
) -> float:
    """Return a class's F1 at one threshold."""
    return scoring.at_threshold(_judged(found, truth, label, iou), threshold).f1


def _judged(
    found: Sequence[Found], truth: Sequence[Sample], label: int, iou: float
) -> scoring.Judged:
    """Judge every box of a class, in the pictures that label it in full."""
    return scoring.judged(
        (
            scoring.Pair(
                boxes=each.boxes[each.labels == label],
                scores=each.scores[each.labels == label],
                wanted=sample.boxes[sample.labels == label],
                ignored=sample.boxes[sample.labels < 0],
            )
            for each, sample in zip(found, truth, strict=True)
            if sample.known[:, label].all()
        ),
        iou,
    )


def peaks(found: Sequence[Found], held_out: Sequence[Record]) -> Float32[np.ndarray, "p 3"]:
    """Return each picture's highest score of each hazard; 0 where the hazard is not labelled."""
    rows = [[each.scores[each.labels == h].max(initial=0.0) for h in HAZARDS] for each in found]
    known = np.array([record.known[list(HAZARDS)] for record in held_out])
    return np.array(rows, np.float32).reshape(-1, len(HAZARDS)) * known.reshape(-1, len(HAZARDS))
