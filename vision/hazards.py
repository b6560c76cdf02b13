"""The closed list of what the service may report, and nothing else.

Every place where a hazard can enter (packs, wire messages, database, console) takes it from
here. There is no hazard that is a person, and none can be added by configuration.
"""

from enum import StrEnum


class Hazard(StrEnum):
    """What an alert may be about."""

    FIRE = "fire"
    SMOKE = "smoke"
    WATER_OVER_LINE = "water_over_line"
    DEBRIS = "debris"
    OBSTRUCTION = "obstruction"
    STOPPED_VEHICLE = "stopped_vehicle"
    WRONG_WAY = "wrong_way"
    CAMERA_FAULT = "camera_fault"


class Severity(StrEnum):
    """How fast people must act, in CAP 1.2's words."""

    EXTREME = "extreme"
    SEVERE = "severe"
    MODERATE = "moderate"
    MINOR = "minor"


SEVERITY = {
    Hazard.FIRE: Severity.EXTREME,
    Hazard.SMOKE: Severity.SEVERE,
    Hazard.WATER_OVER_LINE: Severity.SEVERE,
    Hazard.DEBRIS: Severity.SEVERE,
    Hazard.OBSTRUCTION: Severity.MODERATE,
    Hazard.STOPPED_VEHICLE: Severity.MODERATE,
    Hazard.WRONG_WAY: Severity.MODERATE,
    Hazard.CAMERA_FAULT: Severity.MINOR,
}
"""The severity each hazard starts with; the order of the members is the order of urgency."""

PRIORITY = frozenset({Hazard.FIRE, Hazard.SMOKE, Hazard.WATER_OVER_LINE, Hazard.DEBRIS})
"""Hazards that travel on ``alerts.priority``, so that a flood of the rest can't delay them."""

DETECTABLE = frozenset({Hazard.FIRE, Hazard.SMOKE, Hazard.DEBRIS})
"""The only hazards that a detector's label may name; rules find the others."""

OF_VEHICLES = frozenset({Hazard.STOPPED_VEHICLE, Hazard.WRONG_WAY, Hazard.OBSTRUCTION})
"""They go by vehicles' tracks; what their pictures show is a vehicle, or may be."""

REPORTED_WITHOUT_MASKER = frozenset(
    {Hazard.FIRE, Hazard.SMOKE, Hazard.WATER_OVER_LINE, Hazard.CAMERA_FAULT}
)
"""The only hazards that may be reported while the masker can't say where people are."""
