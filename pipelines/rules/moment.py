"""What a rule is given: the looks of one moment, what their columns mean, and its state in time.

Rules go by the looks' times. Where those went back, so do the times that a rule remembers.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float32

from pipelines.frames import Look
from vision.hazards import Hazard
from vision.roles import Label, Role

RIDDEN: Final = frozenset({"motorcycle"})
"""Vehicles of a person's size and shape: at night somebody who sits is taken for one, look after
look. They never count, so that nobody who sits in a fire lane blocks it."""

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


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


def shifted(state: Any, by: timedelta) -> Any:
    """Return a rule's state with all of its times moved back: ``by`` is less than nothing."""
    first = EARLIEST - by
    return _retimed(state, lambda then: max(then, first) + by)


def not_after(state: Any, now: datetime) -> Any:
    """Return a rule's state with no time later than now."""
    return _retimed(state, lambda then: min(then, now))


def _retimed(one: Any, new: Callable[[datetime], datetime]) -> Any:
    """Return the same object where there is no time in it: most of a state are pictures, boxes."""
    if isinstance(one, datetime):
        return new(one)
    if isinstance(one, tuple):
        parts = tuple(_retimed(part, new) for part in one)
        return parts if any(map(operator.is_not, parts, one)) else one
    if isinstance(one, Mapping):
        return {key: _retimed(part, new) for key, part in one.items()}
    if not is_dataclass(one) or isinstance(one, type):
        return one
    before = {field.name: getattr(one, field.name) for field in fields(one)}
    after = {name: _retimed(part, new) for name, part in before.items()}
    changed = {name: part for name, part in after.items() if part is not before[name]}
    return replace(one, **changed) if changed else one
