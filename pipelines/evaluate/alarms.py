"""From cases to figures of whole pictures: is a hazard found, and what does that cost. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32

from models.scoring import cut_at_share, wilson
from pipelines.evaluate.cases import Case
from pipelines.evaluate.figures import Figures, rounded
from pipelines.evaluate.looker import Looker

ALARM_SHARE: Final = 0.01

FEW: Final = 100
"""With fewer negatives than this, 1 % allows no alarm at all."""

Peaks = Float32[np.ndarray, "p h"]
"""Each picture's highest score of each hazard label, 0 where that hazard isn't labelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """Pictures by what is labelled in them, with their peaks."""

    hazards: tuple[Case, ...]
    """Pictures with a hazard that the set labels in full."""
    labelled: tuple[Case, ...]
    """Pictures with any hazard label, in full or not."""
    free: tuple[Case, ...]
    """The set's pictures without any labelled hazard."""
    negatives: tuple[Case, ...]
    """Pictures that the user says are free of all hazards."""
    known: frozenset[int]
    """Hazards that count as labelled in full in the set."""
    all: frozenset[int]
    """Every hazard label."""
    thresholds: Float32[np.ndarray, "h"]
    """The pack's own."""

    def peaks(self, cases: Sequence[Case], known: frozenset[int]) -> Peaks:
        """Return the highest scores; a hazard that isn't labelled in full is no alarm."""
        rows = [
            [case.found.scores[case.found.labels == h].max(initial=0.0) * (h in known)
             for h in sorted(self.all)]
            for case in cases
        ]  # fmt: skip
        return np.array(rows, np.float32).reshape(-1, len(self.all))

    @property
    def found(self) -> Peaks:
        """Of pictures with a hazard."""
        return self.peaks(self.hazards, self.known)

    @property
    def false(self) -> Peaks:
        """Of all pictures without."""
        own, given = self.peaks(self.free, self.known), self.peaks(self.negatives, self.all)
        return np.concatenate([own, given])


def alarms(
    cases: Sequence[Case], negatives: Sequence[Case], known: frozenset[int], looker: Looker
) -> Alarms:
    """Sort pictures by what is labelled in them.

    A set in which no hazard is labelled at all counts as free of all of them.
    """
    every = frozenset(np.nonzero(looker.is_hazard)[0].tolist())
    labelled = [frozenset(case.meanings.tolist()) & every for case in cases]
    has_none = not any(labelled) and not known & every
    counted = every if has_none else known & every
    return Alarms(
        hazards=tuple(c for c, own in zip(cases, labelled, strict=True) if own & counted),
        labelled=tuple(c for c, own in zip(cases, labelled, strict=True) if own),
        free=tuple(c for c, own in zip(cases, labelled, strict=True) if not own),
        negatives=tuple(negatives),
        known=counted,
        all=every,
        thresholds=looker.thresholds[sorted(every)],
    )


def alarm_figures(alarms: Alarms) -> Figures:
    """Return what is told of whole pictures."""
    false, found = (reaches(peaks, alarms.thresholds) for peaks in (alarms.false, alarms.found))
    return {
        "false_positive_images": int(false.sum()),
        "hazard_free_images": len(false),
        "negatives": len(alarms.negatives),
        "hazard_images": len(found),
        **_at_share(alarms),
        "at_pack_thresholds": {
            **_share("recall", int(found.sum()), len(found)),
            **_share("alarm_share", int(false.sum()), len(false)),
        },
    }


def _at_share(alarms: Alarms) -> Figures:
    """Return the recall at the one score that at most 1 % of the negatives lie above.

    Any hazard counts on both sides, whichever the set labels: a picture with smoke over its
    labelled fire is found by either, as an alarm would be.
    """
    found, negatives = (
        alarms.peaks(cases, alarms.all).max(axis=1) for cases in (alarms.labelled, alarms.negatives)
    )
    if len(negatives) == 0 or len(found) == 0:
        return {"picture_recall_at_1pct": None, "picture_threshold_at_1pct": None}
    cut = cut_at_share(negatives, ALARM_SHARE)
    return {
        "picture_recall_at_1pct": rounded(float((found > cut).mean())),
        "picture_threshold_at_1pct": rounded(cut),
    }


def reaches(peaks: Peaks, thresholds: Float32[np.ndarray, "h"]) -> Bool[np.ndarray, "p"]:
    """Mark the pictures in which a hazard reaches its threshold."""
    above: Bool[np.ndarray, "p"] = np.any(peaks >= thresholds, axis=1)
    return above


def _share(name: str, hits: int, total: int) -> Figures:
    limits = wilson(hits, total)
    return {
        name: rounded(hits / total) if total else None,
        f"{name}_95": limits and [rounded(one) for one in limits],
    }
