"""Incidents as the API describes them; ``views`` makes them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from pipelines.messages import CameraFault, EvidenceAbsence, OrderKind
from service.incidents.lifecycle import IncidentState
from vision.hazards import Hazard, Severity


class Detail(BaseModel):
    """What a box can't say."""

    fault: CameraFault | None = None
    water_level: float | None = None


class OrderState(StrEnum):
    """Where an order is."""

    WAITING = "waiting"
    SENT = "sent"
    ACCEPTED = "accepted"
    ON_SITE = "on_site"
    REPORTED = "reported"
    CLOSED = "closed"
    REFUSED = "refused"
    DEAD = "dead"
    WITHDRAWN = "withdrawn"


class OrderSent(BaseModel):
    """An order about an incident; without ``sent_at`` it waits."""

    order_id: UUID
    incident_id: UUID
    decision_id: UUID
    target: str
    drill: bool
    kind: OrderKind
    state: OrderState
    decided_by: str
    decided_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None
    sent_at: datetime | None
    answered_at: datetime | None
    silent_at: datetime | None


class AlertSeen(BaseModel):
    """The latest revision of an alert."""

    alert_id: UUID
    incident_id: UUID
    revision: int
    camera_id: str
    hazard: Hazard
    zone_id: str
    severity: Severity
    first_seen_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    score: float
    box: tuple[float, float, float, float] | None
    detail: Detail | None
    model: str
    evidence_ref: str | None
    evidence_absent: EvidenceAbsence | None
    drill: bool
    epoch: int
    trace_id: str
    received_at: datetime


class CameraSeeing(BaseModel):
    """A camera that sees an incident."""

    camera_id: str
    alerts: Annotated[int, Field(description="How many of the incident's alerts are its")]


class _Incident(BaseModel):
    incident_id: UUID
    camera_id: str
    place_code: str | None
    hazard: Hazard
    zone_id: str
    drill: bool
    severity: Severity
    state: IncidentState
    state_by: str | None
    state_reason: str | None
    version: int
    assigned_to: UUID | None
    merged_into: UUID | None
    wgs84_longitude: float | None
    wgs84_latitude: float | None
    opened_at: datetime
    first_seen_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    waiting_from: datetime | None
    seen_at: datetime | None
    confirmed_at: datetime | None
    dispatched_at: datetime | None
    sent_at: datetime | None
    reported_at: datetime | None
    closed_at: datetime | None
    escalated_to: str | None
    escalations: int
    score: float
    detail: Detail | None
    evidence_ref: str | None
    evidence_absent: EvidenceAbsence | None
    model: str | None
    cameras: Annotated[
        list[CameraSeeing], Field(description="Those that see it, the first one first; 20 at most")
    ]
    camera_count: Annotated[int, Field(description="How many see it")]
    orders: list[OrderSent]


class IncidentSummary(_Incident):
    """An incident in a list and in the feed."""

    alerts: int


class IncidentWhole(_Incident):
    """An incident with its alerts."""

    alerts: list[AlertSeen]


class IncidentPage(BaseModel):
    """Incidents, newest first, and where the feed goes on from them."""

    incidents: list[IncidentSummary]
    more: Annotated[bool, Field(description="Whether older ones of the kind asked for are left")]
    feed_cursor: int
