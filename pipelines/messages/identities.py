"""What names an alert, an incident, a decision and an order: the same at every telling."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from vision.hazards import Hazard

NAMESPACE = UUID("3d0c9f5e-6f3b-5d0e-9a53-0f8e2f6a9c11")
"""The namespace of every name-based identity of this product."""


def alert_id(camera_id: str, hazard: Hazard, zone_id: str, onset: datetime) -> UUID:
    """Return the identity of the alert that began at ``onset`` (aware, any offset)."""
    return _identity("alert", camera_id, hazard, zone_id, onset.astimezone(UTC).isoformat())


def incident_id(first_alert: UUID) -> UUID:
    """Return the identity of the incident that an alert opens."""
    return _identity("incident", str(first_alert))


def order_id(incident: UUID, target: str, decision: UUID) -> UUID:
    """Return the identity of the order that a decision sends to a target."""
    return _identity("order", str(incident), target, str(decision))


def decision_id(incident: UUID, decided_by: str, ordinal: int) -> UUID:
    """Return the identity of the ``ordinal``-th dispatch of an incident."""
    return _identity("decision", str(incident), decided_by, str(ordinal))


def _identity(*parts: str) -> UUID:
    # No name holds a control character, so no two lists of parts give one string.
    return uuid5(NAMESPACE, "\x1f".join(parts))
