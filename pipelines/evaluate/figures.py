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
    """Return the figures of every class, by the pack's name for it.

    Hazards are always there, so that a script finds them; those that the set doesn't label in full
    have no figures.
    """
    every = known | frozenset(np.nonzero(looker.is_hazard)[0].tolist())
    return {
        looker.pack.settings.labels[label].name: _one_class(
            cases if label in known else (), label, float(looker.thresholds[label])
        )
        for label in sorted(every)
    }


def _one_class(cases: Sequence[Case], label: int, threshold: float) -> Figures:
    strict, loose = of_class(cases, label, IOU), of_class(cases, label, LOOSE_IOU)
    wide = scoring.curve(loose)
    return {
        **_at_threshold(strict, threshold),
        "threshold": rounded(threshold),
        "f1_iou30": rounded(scoring.at_threshold(loose, threshold).f1) if wide else None,
        "best_f1_iou30": rounded(wide.best_f1 if wide else None),
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
    every = any_vehicle(cases, looker, np.zeros(len(looker.thresholds), np.float32))
    usual = any_vehicle(cases, looker, looker.thresholds)
    curve, point = scoring.curve(every), scoring.at_threshold(usual, 0.0)
    if curve is None:
        return None
    return {
        "boxes": curve.boxes,
        "precision": rounded(point.precision),
        "recall": rounded(point.recall),
        "ap50": rounded(curve.average_precision),
        "precision_at_recall_70": rounded(scoring.precision_at_recall(every, VEHICLE_RECALL)),
        "masked": masked_vehicles(cases, looker),
    }


def any_vehicle(
    cases: Sequence[Case], looker: Looker, thresholds: Float32[np.ndarray, "c"]
) -> Judged:
    """Judge vehicles whatever their kind.

    Two boxes on one vehicle, as car and as truck, are one: the weaker goes, as within a label.
    """
    labels = _vehicle_labels(looker)
    limit = looker.pack.settings.iou_limit

    def alone(found: Found) -> Found:
        found = found.where(_vehicles(found, looker) & (found.scores >= thresholds[found.labels]))
        group = np.zeros(len(found.labels), np.int64)
        return found.where(suppress(found.boxes, found.scores, group, limit))

    return scoring.judged((_pair(alone(case.found), case, labels) for case in cases), IOU)


def _vehicle_labels(looker: Looker) -> list[int]:
    return [VEHICLE, *np.nonzero(looker.is_vehicle)[0].tolist()]


def _vehicles(found: Found, looker: Looker) -> Bool[np.ndarray, "n"]:
    mine: Bool[np.ndarray, "n"] = looker.is_vehicle[found.labels]
    return mine


MASKING_SCORE: Final = 0.05
"""From this score on a box is filled as a vehicle: 95 % of the labelled ones are, on every set."""

LEAST_MASKED_PX: Final = 32.0
"""Smaller ones show no face and no plate."""


def masked_vehicles(cases: Sequence[Case], looker: Looker) -> Figures:
    """Return which share of the labelled vehicles would be filled, by more than half."""
    sides, covered = [np.zeros(0, np.float32)], list[bool]()
    for case in cases:
        wanted = case.boxes[np.isin(case.meanings, _vehicle_labels(looker))]
        found = case.found
        boxes = found.boxes[_vehicles(found, looker) & (found.scores >= MASKING_SCORE)]
        sides.append(scoring.longer_side(wanted))
        covered.extend(_is_mostly_in(box, boxes) for box in wanted)
    return _covered_shares(np.concatenate(sides), np.array(covered, bool))


def _covered_shares(sides: Float32[np.ndarray, "n"], covered: Bool[np.ndarray, "n"]) -> Figures:
    """Return how many of 32 px and more there are, and the share that is covered, by size."""

    def share(least_px: float, below_px: float) -> Figures:
        mine = (sides >= least_px) & (sides < below_px)
        labelled = int(mine.sum())
        part = float(covered[mine].mean()) if labelled else None
        return {"labelled": labelled, "covered": rounded(part)}

    return {
        **share(LEAST_MASKED_PX, np.inf),
        "sizes": {name: share(*SIZES_PX[name]) for name in ("medium", "large")},
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
    return _covered_shares(sides, covered) if (sides >= LEAST_MASKED_PX).any() else None
