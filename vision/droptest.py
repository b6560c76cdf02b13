"""The drop test: what is mostly a person is not a hazard, and no masker means no doubt allowed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from vision.arrays import Detections
from vision.hazards import REPORTED_WITHOUT_MASKER, Hazard
from vision.masker import MaskRegions, mostly_covered
from vision.roles import Label

JUDGED_BY_TIME = frozenset({Hazard.FIRE, Hazard.SMOKE})
"""Flames and smoke may stand before a person; time decides about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """In how many looks the test took something out, by reason.

    Looks, not boxes: a number of boxes would be a number of people.
    """

    mostly_person: int
    """Looks in which a person region covered a hazard's box."""
    no_masker: int
    """Looks in which the masker could not say where people are."""


class DropTest:
    """Runs before every rule, on every batch."""

    def __init__(self, labels: tuple[Label, ...]) -> None:
        self._without_masker = np.array(
            [label.hazard in REPORTED_WITHOUT_MASKER for label in labels]
        )
        self._is_hazard = np.array([label.hazard is not None for label in labels])
        self._judged_by_time = np.array([label.hazard in JUDGED_BY_TIME for label in labels])

    def __call__(
        self, detections: Detections, regions: MaskRegions | None
    ) -> tuple[Detections, Dropped]:
        """Return the detections that may reach the rules, and what was dropped."""
        if regions is None:
            drop = ~self._without_masker[detections.label]
            return detections.where(~drop), Dropped(
                mostly_person=0, no_masker=_looks(detections, drop)
            )
        drop = mostly_covered(detections, regions) & ~self._judged_by_time[detections.label]
        # Vehicles go too, but no rule asked for them: counting them would tell of people only.
        of_hazards = drop & self._is_hazard[detections.label]
        return detections.where(~drop), Dropped(
            mostly_person=_looks(detections, of_hazards), no_masker=0
        )


def _looks(detections: Detections, drop: Bool[np.ndarray, "n"]) -> int:
    return len(np.unique(detections.frame_index[drop]))
