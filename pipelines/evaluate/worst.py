"""In which order the report shows pictures: the worst miss or false alarm first. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from models.scoring import ious, longer_side
from pipelines.evaluate.alarms import Alarms
from pipelines.evaluate.cases import Case
from pipelines.evaluate.figures import LOOSE_IOU
from pipelines.evaluate.looker import Looker


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One box of one picture."""

    case: Case
    """The picture."""
    label: int
    """The hazard's label."""
    box: Float32[np.ndarray, "4"]
    """In source pixels: labelled for a miss, found for a false alarm."""
    score: float
    """Of the best box found there."""
    alone: bool
    """For a miss: nothing else was found in the picture. For an alarm: nothing is labelled."""
    rank: float
    """How bad, among those that are alike in ``alone``."""


def misses(alarms: Alarms, looker: Looker) -> list[Example]:
    """Return missed boxes: pictures with no alarm at all first, then the largest box first."""
    return _worst(
        max(missed, key=lambda one: one.rank)
        for case in alarms.hazards
        if (missed := list(_missed(case, alarms, looker)))
    )


def _missed(case: Case, alarms: Alarms, looker: Looker) -> Iterable[Example]:
    found = case.found
    reached = found.scores >= looker.thresholds[found.labels]
    silent = not (reached & np.isin(found.labels, list(alarms.known))).any()
    for box, label in zip(case.boxes, case.meanings.tolist(), strict=True):
        if label not in alarms.known:
            continue
        near = (ious(found.boxes, box[None])[:, 0] >= LOOSE_IOU) & (found.labels == label)
        if not (near & reached).any():
            yield Example(
                case=case,
                label=label,
                box=box,
                score=float(found.scores[near].max(initial=0.0)),
                alone=silent,
                rank=float(longer_side(box[None])[0]),
            )


def false_alarms(alarms: Alarms, looker: Looker) -> list[Example]:
    """Return wrong boxes: pictures without a hazard first, then the surest box first."""
    of_set = [(case, alarms.known) for case in (*alarms.free, *alarms.hazards)]
    given = [(case, alarms.all) for case in alarms.negatives]
    return _worst(
        max(wrong, key=lambda one: one.rank)
        for case, known in (*of_set, *given)
        if (wrong := list(_wrong(case, known, looker)))
    )


def _wrong(case: Case, known: frozenset[int], looker: Looker) -> Iterable[Example]:
    found = case.found
    nothing = not looker.is_hazard[case.meanings[case.meanings >= 0]].any()
    for box, label, score in zip(found.boxes, found.labels.tolist(), found.scores, strict=True):
        threshold = looker.thresholds[label]
        if label not in known or score < threshold:
            continue
        own = case.boxes[case.meanings == label]
        if ious(box[None], own).max(initial=0.0) < LOOSE_IOU:
            yield Example(
                case=case,
                label=label,
                box=box,
                score=float(score),
                alone=nothing,
                rank=float(score / threshold),
            )


def _worst(examples: Iterable[Example]) -> list[Example]:
    return sorted(examples, key=lambda one: (not one.alone, -one.rank))
