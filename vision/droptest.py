"""The drop test: what is mostly a person is not a hazard, and no masker means no doubt allowed."""

from dataclasses import dataclass

import numpy as np

from vision.arrays import Detections
from vision.hazards import REPORTED_WITHOUT_MASKER, Hazard
from vision.masker import MaskRegions, mostly_covered
from vision.roles import Label

JUDGED_BY_TIME = frozenset({Hazard.FIRE, Hazard.SMOKE})
"""Flames and smoke may stand before a person; time decides about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """How many detections the test took out, by reason; per worker, never per camera."""

    mostly_person: int
    """Boxes that a person region covers."""
    no_masker: int
    """Boxes that may not be reported while the masker can't say where people are."""


class DropTest:
    """Runs before every rule, on every batch."""

    def __init__(self, labels: tuple[Label, ...]) -> None:
        self._without_masker = np.array(
            [label.hazard in REPORTED_WITHOUT_MASKER for label in labels]
        )
        self._judged_by_time = np.array([label.hazard in JUDGED_BY_TIME for label in labels])

    def __call__(
        self, detections: Detections, regions: MaskRegions | None
    ) -> tuple[Detections, Dropped]:
        """Return the detections that may reach the rules, and what was dropped."""
        if regions is None:
            keep = self._without_masker[detections.label]
            return detections.where(keep), Dropped(mostly_person=0, no_masker=int((~keep).sum()))
        drop = mostly_covered(detections, regions) & ~self._judged_by_time[detections.label]
        return detections.where(~drop), Dropped(mostly_person=int(drop.sum()), no_masker=0)
