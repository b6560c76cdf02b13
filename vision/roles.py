"""What a detector's label may become: a hazard, a vehicle or a mask. There is no fourth role."""

from dataclasses import dataclass
from enum import StrEnum

from vision.hazards import Hazard


class Role(StrEnum):
    """The closed list of roles."""

    HAZARD = "hazard"
    VEHICLE = "vehicle"
    MASK = "mask"


WEAK_SHARE = 0.6
"""A hazard's weak sign, as a share of its threshold. Flames flicker and smoke thins, so scores
of the real thing dip between looks; with two thresholds (Canny's hysteresis, 1986) a dip costs
nothing, while what is only ever weak never begins an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One class column of a network."""

    name: str
    """The pack's own word for it."""
    role: Role
    """What the product may use it for."""
    hazard: Hazard | None
    """Which hazard, for the role ``hazard`` alone."""
    threshold: float
    """From this score on a look is a strong sign by itself."""

    @property
    def weak_threshold(self) -> float:
        """Scores below are not seen at all."""
        return self.threshold * WEAK_SHARE if self.role is Role.HAZARD else self.threshold
