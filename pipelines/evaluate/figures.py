"""From cases to figures of classes: precision, recall, F1, AP50, by size. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float32

from models import scoring
from models.scoring import Found, Judged, Pair
from pipelines.evaluate.cases import Case
from pipelines.evaluate.looker import Looker
from pipelines.evaluate.names import VEHICLE
from vision.suppression import suppress

Figures = dict[str, Any]
"""What becomes one JSON object."""

IOU: Final = 0.5
LOOSE_IOU: Final = 0.3
"""Flames and smoke have no edge: people's boxes of one plume overlap by little more."""

SIZES_PX: Final = {"small": (0.0, 32.0), "medium": (32.0, 96.0), "large": (96.0, np.inf)}
"""By the longer side of the labelled box in source pixels, COCO's limits."""

VEHICLE_RECALL: Final = 0.7

_NONE: Final = np.zeros((0, 4), np.float32)


def rounded(value: float | None) -> float | None:
    """Return a figure as it is told: four places."""
    return None if value is None else round(float(value), 4)


def known_labels(cases: Sequence[Case]) -> frozenset[int]:
    """Return the pack's labels that have at least one box: the set labels them, so we assume."""
    return frozenset(int(one) for case in cases for one in case.meanings if one >= 0)


def of_class(cases: Sequence[Case], label: int, iou: float) -> Judged:
    """Judge the boxes of one label."""
    return scoring.judged(
        (_pair(case.found.where(case.found.labels == label), case, [label]) for case in cases), iou
    )


def _pair(found: Found, case: Case, labels: Iterable[int]) -> Pair:
    wanted = case.boxes[np.isin(case.meanings, list(labels))]
    return Pair(boxes=found.boxes, scores=found.scores, wanted=wanted, ignored=_NONE)


def class_figures(cases: Sequence[Case], known: frozenset[int], looker: Looker) -> Figures:
    """Return the figures of every known class, by the pack's name for it."""
    return {
        looker.pack.settings.labels[label].name: _one_class(
            of_class(cases, label, IOU),
            of_class(cases, label, LOOSE_IOU),
            float(looker.thresholds[label]),
        )
        for label in sorted(known)
    }


def _one_class(strict: Judged, loose: Judged, threshold: float) -> Figures:
    curve, wide = scoring.curve(strict), scoring.curve(loose)
    return {
        **_at_threshold(strict, threshold),
        "threshold": rounded(threshold),
        "best_f1": rounded(curve.best_f1 if curve else None),
        "f1_iou30": rounded(scoring.at_threshold(loose, threshold).f1) if wide else None,
        "best_f1_iou30": rounded(wide.best_f1 if wide else None),
        "best_f1_iou30_threshold": rounded(wide.best_threshold if wide else None),
        "sizes": {
            name: _at_threshold(strict.between(*limits), threshold)
            for name, limits in SIZES_PX.items()
        },
    }


def _at_threshold(judged: Judged, threshold: float) -> Figures:
    """Return the four figures; there are none without a labelled box."""
    point, curve = scoring.at_threshold(judged, threshold), scoring.curve(judged)
    return {
        "boxes": len(judged.wanted_px),
        "precision": rounded(point.precision) if curve else None,
        "recall": rounded(point.recall) if curve else None,
        "f1": rounded(point.f1) if curve else None,
        "ap50": rounded(curve.average_precision if curve else None),
    }


def vehicle_figures(cases: Sequence[Case], looker: Looker) -> Figures | None:
    """Return the figures of any vehicle against any vehicle; None where none is labelled."""
    labels = [VEHICLE, *np.nonzero(looker.is_vehicle)[0].tolist()]
    every = any_vehicle(cases, looker, np.zeros(len(looker.thresholds), np.float32))
    usual = any_vehicle(cases, looker, looker.thresholds)
    curve = scoring.curve(every)
    if curve is None:
        return None
    return {
        "ap50": rounded(curve.average_precision),
        "precision_at_recall_70": rounded(scoring.precision_at_recall(every, VEHICLE_RECALL)),
        **_found_at(usual),
        "sizes": {name: _found_at(usual.between(*limits)) for name, limits in SIZES_PX.items()},
        "masked": masked_vehicles(cases, looker, labels),
    }


def _found_at(judged: Judged) -> Figures:
    point, boxes = scoring.at_threshold(judged, 0.0), len(judged.wanted_px)
    return {
        "boxes": boxes,
        "precision": rounded(point.precision) if boxes else None,
        "recall": rounded(point.recall) if boxes else None,
    }


def any_vehicle(
    cases: Sequence[Case], looker: Looker, thresholds: Float32[np.ndarray, "c"]
) -> Judged:
    """Judge vehicles whatever their kind.

    Two boxes on one vehicle, as car and as truck, are one: the weaker goes, as within a label.
    """
    labels = [VEHICLE, *np.nonzero(looker.is_vehicle)[0].tolist()]
    limit = looker.pack.settings.iou_limit

    def alone(found: Found) -> Found:
        found = found.where(_vehicles(found, looker) & (found.scores >= thresholds[found.labels]))
        group = np.zeros(len(found.labels), np.int64)
        return found.where(suppress(found.boxes, found.scores, group, limit))

    return scoring.judged((_pair(alone(case.found), case, labels) for case in cases), IOU)


def _vehicles(found: Found, looker: Looker) -> Bool[np.ndarray, "n"]:
    mine: Bool[np.ndarray, "n"] = looker.is_vehicle[found.labels]
    return mine


MASKING_SCORE: Final = 0.1
"""From this score on a box is filled as a vehicle: as low as the masker's for people."""

LEAST_MASKED_PX: Final = 32.0
"""Smaller ones show no face and no plate."""


def masked_vehicles(cases: Sequence[Case], looker: Looker, labels: Sequence[int]) -> Figures:
    """Return how many labelled vehicles of 32 px and more would be filled."""
    hit, covered, total = 0, 0, 0
    for case in cases:
        wanted = case.boxes[np.isin(case.meanings, list(labels))]
        wanted = wanted[scoring.longer_side(wanted) >= LEAST_MASKED_PX]
        found = case.found
        boxes = found.boxes[_vehicles(found, looker) & (found.scores >= MASKING_SCORE)]
        ratio = scoring.ious(wanted, boxes)
        total += len(wanted)
        hit += int((ratio.max(axis=1, initial=0.0) >= IOU).sum())
        covered += sum(_is_mostly_in(box, boxes) for box in wanted)
    return {
        "boxes": total,
        "threshold": MASKING_SCORE,
        "found": rounded(hit / total) if total else None,
        "mostly_covered": rounded(covered / total) if total else None,
    }


def _is_mostly_in(box: Float32[np.ndarray, "4"], boxes: Float32[np.ndarray, "n 4"]) -> bool:
    """Say whether more than half of a box lies in the union of others, on a grid of points."""
    steps = (np.arange(16) + 0.5) / 16
    x, y = np.meshgrid(box[0] + steps * (box[2] - box[0]), box[1] + steps * (box[3] - box[1]))
    inside = [(x >= x0) & (x <= x1) & (y >= y0) & (y <= y1) for x0, y0, x1, y1 in boxes]
    return bool(inside) and float(np.any(inside, axis=0).mean()) > 0.5


def people_figures(cases: Sequence[Case]) -> Figures | None:
    """Return which share of the labelled people is covered; None where none can be told.

    Nothing else: how many people were detected, and where, stays in the masker.
    """
    told = [(case.people_px, case.covered) for case in cases if case.covered is not None]
    sides = np.concatenate([np.zeros(0, np.float32), *(side for side, _ in told)])
    covered = np.concatenate([np.zeros(0, bool), *(each for _, each in told)])
    if not (sides >= LEAST_MASKED_PX).any():
        return None

    def share(least_px: float, below_px: float) -> Figures:
        mine = (sides >= least_px) & (sides < below_px)
        labelled = int(mine.sum())
        part = float(covered[mine].mean()) if labelled else None
        return {"labelled": labelled, "covered": rounded(part)}

    return {
        **share(LEAST_MASKED_PX, np.inf),
        "sizes": {name: share(*SIZES_PX[name]) for name in ("medium", "large")},
    }
