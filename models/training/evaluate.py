"""From raw predictions to boxes, and from boxes to figures: precision, recall, alarms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from models.training.classes import HAZARDS, INPUT_HEIGHT_PX, INPUT_WIDTH_PX, LABELS
from models.training.place import Sample
from models.training.records import Record
from vision.decoders import yolox
from vision.suppression import area, overlap, suppress

SUPPRESSION_IOU = 0.5
LEAST_SCORE = 0.02
MARGIN = 0.005
"""A threshold stands this far above the road score that it shuts out."""
Predict = Callable[[UInt8[np.ndarray, "b h w 3"]], Float32[np.ndarray, "b a c"]]
"""Pictures to predictions as ``model.onnx`` gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in one picture, strongest first."""

    boxes: Float32[np.ndarray, "n 4"]
    """Corners in canvas pixels."""
    labels: Int64[np.ndarray, "n"]
    """Classes."""
    scores: Float32[np.ndarray, "n"]
    """Objectness times class, 0-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How a class did over many pictures."""

    average_precision: float
    """Area under the precision envelope, all points."""
    best_f1: float
    """Over all thresholds."""
    best_threshold: float
    """Where the best F1 is."""
    boxes: int
    """Labelled boxes."""


def look(predict: Predict, pictures: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[Found]:
    """Run the network over pictures of the model's size, in fours."""
    found: list[Found] = []
    for start in range(0, len(pictures), 4):
        found += decoded(predict(np.stack(pictures[start : start + 4])))
    return found


def decoded(predictions: Float32[np.ndarray, "b a c"]) -> list[Found]:
    """Turn predictions into boxes after suppression within each class."""
    least = np.full(len(LABELS), LEAST_SCORE, np.float32)
    candidates = yolox(predictions, least, INPUT_HEIGHT_PX, INPUT_WIDTH_PX)
    candidates = candidates.strongest(300 * len(predictions))
    group = candidates.frame_index * len(LABELS) + candidates.label
    keep = suppress(candidates.xyxy, candidates.score, group, SUPPRESSION_IOU)
    size_px = np.array([INPUT_WIDTH_PX, INPUT_HEIGHT_PX] * 2, np.float32)
    results = []
    for index in range(len(predictions)):
        rows = np.nonzero(keep & (candidates.frame_index == index))[0]
        rows = rows[np.argsort(-candidates.score[rows], kind="stable")]
        results.append(
            Found(
                boxes=(candidates.xyxy[rows] * size_px).astype(np.float32),
                labels=candidates.label[rows],
                scores=candidates.score[rows],
            )
        )
    return results


def curve(found: Sequence[Found], truth: Sequence[Sample], label: int, iou: float) -> Curve | None:
    """Return a class's figures over pictures that label it in full; None without any box."""
    scores, hits, total = _judged(found, truth, label, iou)
    return _curve(scores, hits, total) if total else None


def f1_at(
    found: Sequence[Found], truth: Sequence[Sample], label: int, iou: float, threshold: float
) -> float:
    """Return a class's F1 at one threshold."""
    scores, hits, total = _judged(found, truth, label, iou)
    above = scores >= threshold
    return float(2 * hits[above].sum() / max(1, above.sum() + total))


def _judged(
    found: Sequence[Found], truth: Sequence[Sample], label: int, iou: float
) -> tuple[Float32[np.ndarray, "n"], Bool[np.ndarray, "n"], int]:
    """Return score and rightness of every box of a class, and how many were labelled."""
    scores, hits = [np.zeros(0, np.float32)], [np.zeros(0, bool)]
    total = 0
    for each, sample in zip(found, truth, strict=True):
        if not sample.known[:, label].all():
            continue
        mine = each.labels == label
        wanted = sample.boxes[sample.labels == label]
        ignored = sample.boxes[sample.labels == -1]
        good, counts = matched(each.boxes[mine], wanted, ignored, iou)
        scores.append(each.scores[mine][counts])
        hits.append(good[counts])
        total += len(wanted)
    return np.concatenate(scores), np.concatenate(hits), total


def matched(
    boxes: Float32[np.ndarray, "n 4"],
    wanted: Float32[np.ndarray, "m 4"],
    ignored: Float32[np.ndarray, "k 4"],
    iou: float,
) -> tuple[Bool[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """Match boxes, strongest first, each label once; return hits, and which boxes count at all."""
    hit, counts = np.zeros(len(boxes), bool), np.ones(len(boxes), bool)
    common = overlap(boxes, wanted)
    ratio = common / np.maximum(area(boxes)[:, None] + area(wanted)[None] - common, 1e-6)
    for row in range(len(boxes)):
        if len(wanted) and ratio[row].max() >= iou:
            hit[row] = True
            ratio[:, int(ratio[row].argmax())] = 0
        elif len(ignored):
            inside = overlap(boxes[row : row + 1], ignored).max()
            counts[row] = inside < 0.5 * area(boxes[row : row + 1])[0]
    return hit, counts


def _curve(scores: Float32[np.ndarray, "n"], hits: Bool[np.ndarray, "n"], total: int) -> Curve:
    if len(scores) == 0:
        return Curve(average_precision=0.0, best_f1=0.0, best_threshold=1.0, boxes=total)
    order = np.argsort(-scores, kind="stable")
    good = hits[order].cumsum()
    precision = good / np.arange(1, len(order) + 1)
    recall = good / total
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    best = int(f1.argmax())
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(recall, prepend=0.0)
    return Curve(
        average_precision=float((envelope * steps).sum()),
        best_f1=float(f1[best]),
        best_threshold=float(scores[order][best]),
        boxes=total,
    )


def peaks(found: Sequence[Found], held_out: Sequence[Record]) -> Float32[np.ndarray, "p 3"]:
    """Return each picture's highest score of each hazard; 0 where the hazard is not labelled."""
    rows = [[each.scores[each.labels == h].max(initial=0.0) for h in HAZARDS] for each in found]
    known = np.array([record.known[list(HAZARDS)] for record in held_out])
    return np.array(rows, np.float32).reshape(-1, len(HAZARDS)) * known.reshape(-1, len(HAZARDS))


def hazard_thresholds(
    roads: Float32[np.ndarray, "p 3"],
    hazards: Float32[np.ndarray, "q 3"],
    alarm_share: float,
    floors: tuple[float, ...],
) -> Float32[np.ndarray, "3"]:
    """Return the thresholds that find most at no more than ``alarm_share`` alarms on the roads.

    Rows are pictures' peaks, of hazard-free roads and of pictures with a hazard. All ways to
    share the few allowed alarms out between the hazards are tried.
    """
    allowed = int(alarm_share * len(roads))
    ordered = -np.sort(-roads, axis=0)
    best, most = np.maximum(ordered[0] + MARGIN, floors), -1
    for ranks in product(range(allowed + 1), repeat=len(HAZARDS)):
        cut = np.array([ordered[rank, column] for column, rank in enumerate(ranks)])
        thresholds = np.maximum(cut + MARGIN, floors)
        found = int((hazards >= thresholds).any(axis=1).sum())
        if (roads >= thresholds).any(axis=1).sum() <= allowed and found > most:
            best, most = thresholds, found
    return best.astype(np.float32)
