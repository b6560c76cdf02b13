"""The arithmetic of judging a detector: matches, curves, thresholds, intervals. Pure NumPy.

One class at a time. Boxes of one call share a unit, pixels as a rule; every figure that takes a
threshold counts a score that reaches it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float32, Int64

from vision.suppression import area, overlap

MARGIN = 0.005
"""A threshold stands this far above the road score that it shuts out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found in one picture, strongest first."""

    boxes: Float32[np.ndarray, "n 4"]
    """Corners in pixels."""
    labels: Int64[np.ndarray, "n"]
    """Classes."""
    scores: Float32[np.ndarray, "n"]
    """How sure, 0-1."""

    def where(self, keep: Bool[np.ndarray, "n"]) -> "Found":
        """Return the rows that ``keep`` marks."""
        return Found(boxes=self.boxes[keep], labels=self.labels[keep], scores=self.scores[keep])


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """How a class did at one threshold; 0 where nothing was found."""

    precision: float
    """Right boxes among those found."""
    recall: float
    """Labelled boxes that were found."""
    f1: float
    """Their harmonic mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Every box that was found of one class, right or wrong, over many pictures."""

    scores: Float32[np.ndarray, "n"]
    """How sure."""
    hits: Bool[np.ndarray, "n"]
    """Whether it is one of the labelled boxes."""
    sides_px: Float32[np.ndarray, "n"]
    """Longer side, of the labelled box for a hit, else of its own."""
    wanted_px: Float32[np.ndarray, "m"]
    """Longer side of every labelled box."""

    def between(self, least_px: float, below_px: float) -> "Judged":
        """Return what concerns boxes of these sizes alone.

        A box found on a labelled one of another size counts neither way, as in COCO.
        """
        mine = (self.sides_px >= least_px) & (self.sides_px < below_px)
        wanted = (self.wanted_px >= least_px) & (self.wanted_px < below_px)
        return Judged(
            scores=self.scores[mine],
            hits=self.hits[mine],
            sides_px=self.sides_px[mine],
            wanted_px=self.wanted_px[wanted],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One picture's boxes of one class, found and labelled."""

    boxes: Float32[np.ndarray, "n 4"]
    """Found, strongest first."""
    scores: Float32[np.ndarray, "n"]
    """How sure."""
    wanted: Float32[np.ndarray, "m 4"]
    """Labelled."""
    ignored: Float32[np.ndarray, "k 4"]
    """Regions in which a box that is no hit counts neither way."""


def judged(pairs: Iterable[Pair], iou: float) -> Judged:
    """Judge the boxes of a class over all pictures."""
    empty = np.zeros(0, np.float32)
    scores, hits, sides, wanted = [empty], [np.zeros(0, bool)], [empty], [empty]
    for pair in pairs:
        match, counts = matched(pair.boxes, pair.wanted, pair.ignored, iou)
        hit = match >= 0
        own_px, wanted_px = longer_side(pair.boxes), longer_side(pair.wanted)
        own_px[hit] = wanted_px[match[hit]]
        scores.append(pair.scores[counts])
        hits.append(hit[counts])
        sides.append(own_px[counts])
        wanted.append(wanted_px)
    return Judged(
        scores=np.concatenate(scores),
        hits=np.concatenate(hits),
        sides_px=np.concatenate(sides),
        wanted_px=np.concatenate(wanted),
    )


def matched(
    boxes: Float32[np.ndarray, "n 4"],
    wanted: Float32[np.ndarray, "m 4"],
    ignored: Float32[np.ndarray, "k 4"],
    iou: float,
) -> tuple[Int64[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """Match boxes, strongest first, each label once.

    Returns each box's row in ``wanted``, or -1, and which boxes count at all.
    """
    match, counts = np.full(len(boxes), -1), np.ones(len(boxes), bool)
    ratio = ious(boxes, wanted)
    for row in range(len(boxes)):
        if len(wanted) and ratio[row].max() >= iou:
            match[row] = ratio[row].argmax()
            ratio[:, match[row]] = 0
        elif len(ignored):
            inside = overlap(boxes[row : row + 1], ignored).max()
            counts[row] = inside < 0.5 * area(boxes[row : row + 1])[0]
    return match, counts


def ious(
    boxes: Float32[np.ndarray, "n 4"], wanted: Float32[np.ndarray, "m 4"]
) -> Float32[np.ndarray, "n m"]:
    """Return the intersection over union of every pair."""
    common = overlap(boxes, wanted)
    union = np.maximum(area(boxes)[:, None] + area(wanted)[None] - common, np.float32(1e-6))
    ratio: Float32[np.ndarray, "n m"] = common / union
    return ratio


def longer_side(boxes: Float32[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n"]:
    """Return each box's longer side, in its unit."""
    sides: Float32[np.ndarray, "n"] = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    return sides


def precision_recall(
    judged: Judged,
) -> tuple[Float32[np.ndarray, "n"], Float32[np.ndarray, "n"]]:
    """Return precision and recall as the threshold falls past each score; needs labelled boxes."""
    good = judged.hits[_falling(judged.scores)].cumsum()
    precision = good / np.arange(1, len(good) + 1)
    recall = good / len(judged.wanted_px)
    return precision.astype(np.float32), recall.astype(np.float32)


def curve(judged: Judged) -> Curve | None:
    """Return a class's figures over all thresholds; None without any labelled box."""
    total = len(judged.wanted_px)
    if total == 0:
        return None
    if len(judged.scores) == 0:
        return Curve(average_precision=0.0, best_f1=0.0, best_threshold=1.0, boxes=total)
    order = _falling(judged.scores)
    good = judged.hits[order].cumsum()
    precision = good / np.arange(1, len(order) + 1)
    recall = good / total
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    best = int(f1.argmax())
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return Curve(
        average_precision=float((envelope * np.diff(recall, prepend=0.0)).sum()),
        best_f1=float(f1[best]),
        best_threshold=float(judged.scores[order][best]),
        boxes=total,
    )


def at_threshold(judged: Judged, threshold: float) -> Point:
    """Return a class's figures at one threshold."""
    above = judged.scores >= threshold
    good, found, total = int(judged.hits[above].sum()), int(above.sum()), len(judged.wanted_px)
    return Point(
        precision=good / max(1, found),
        recall=good / max(1, total),
        f1=2 * good / max(1, found + total),
    )


def precision_at_recall(judged: Judged, recall: float) -> float | None:
    """Return the best precision at this recall or more; None where it is never reached."""
    if len(judged.wanted_px) == 0:
        return None
    precision, reached = precision_recall(judged)
    enough = reached >= recall - 1e-6
    return float(precision[enough].max()) if enough.any() else None


def cut_at_share(free: Float32[np.ndarray, "p"], share: float) -> float:
    """Return the score that at most ``share`` of the hazard-free pictures' peaks lie above.

    What is found must lie above it, not reach it. Needs at least one picture.
    """
    allowed = int(share * len(free) + 1e-9)
    return float(-np.sort(-free)[allowed])


def wilson(hits: int, total: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share (Wilson 1927); None of nothing."""
    if total == 0:
        return None
    z, share = 1.959964, hits / total
    middle = share + z * z / (2 * total)
    half = z * (share * (1 - share) / total + z * z / (4 * total * total)) ** 0.5
    scale = 1 + z * z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def hazard_thresholds(
    roads: Float32[np.ndarray, "p h"],
    hazards: Float32[np.ndarray, "q h"],
    alarm_share: float,
    floors: tuple[float, ...],
) -> Float32[np.ndarray, "h"]:
    """Return the thresholds that find most at no more than ``alarm_share`` alarms on the roads.

    Rows are pictures' peaks, of hazard-free roads and of pictures with a hazard. All ways to
    share the few allowed alarms out between the hazards are tried.
    """
    allowed = int(alarm_share * len(roads))
    ordered = -np.sort(-roads, axis=0)
    best: Float32[np.ndarray, "h"] = np.maximum(ordered[0] + MARGIN, floors).astype(np.float32)
    most = -1
    for ranks in product(range(allowed + 1), repeat=len(floors)):
        cut = np.array([ordered[rank, column] for column, rank in enumerate(ranks)])
        thresholds = np.maximum(cut + MARGIN, floors).astype(np.float32)
        found = int((hazards >= thresholds).any(axis=1).sum())
        if (roads >= thresholds).any(axis=1).sum() <= allowed and found > most:
            best, most = thresholds, found
    return best


def _falling(scores: Float32[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    order: Int64[np.ndarray, "n"] = np.argsort(-scores, kind="stable")
    return order
