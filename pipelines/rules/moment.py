"""What a rule is given: the looks of one moment, and what their columns mean."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32

from pipelines.frames import Look
from vision.hazards import Hazard
from vision.roles import Label, Role

RIDDEN: Final = frozenset({"motorcycle"})
"""Vehicles of a person's size and shape: at night somebody who sits is taken for one, look after
look. They never count, so that nobody who sits in a fire lane blocks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What a pack's labels say, as arrays over the label column."""

    labels: tuple[Label, ...]
    """In the order of the detections' label column."""

    def of(self, hazard: Hazard) -> Bool[np.ndarray, "c"]:
        """Mark the labels of a hazard."""
        return np.array([label.hazard is hazard for label in self.labels])

    @property
    def vehicles(self) -> Bool[np.ndarray, "c"]:
        """Mark the labels of vehicles that may be in the way; what is ridden is none of them."""
        return np.array(
            [label.role is Role.VEHICLE and label.name not in RIDDEN for label in self.labels]
        )

    @property
    def hazards(self) -> Bool[np.ndarray, "c"]:
        """Mark the labels of hazards."""
        return np.array([label.role is Role.HAZARD for label in self.labels])

    @property
    def thresholds(self) -> Float32[np.ndarray, "c"]:
        """Return from which score on each is a strong sign."""
        return np.array([label.threshold for label in self.labels], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One look of a sentry, or the looks of one second of a burst."""

    looks: tuple[Look, ...]
    """Oldest first, at least one."""
    columns: Columns
    """What their label column means."""

    @property
    def last(self) -> Look:
        """Return the newest."""
        return self.looks[-1]

    @property
    def at(self) -> datetime:
        """Return when the newest was taken."""
        return self.last.ref.captured_at
