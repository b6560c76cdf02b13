"""What a detector's label may become: a hazard, a vehicle or a mask. There is no fourth role."""

from dataclasses import dataclass
from enum import StrEnum

from vision.hazards import Hazard


class Role(StrEnum):
    """The closed list of roles."""

    HAZARD = "hazard"
    VEHICLE = "vehicle"
    MASK = "mask"


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
    """Scores below are not seen."""
