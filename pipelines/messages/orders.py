"""What is sent to those who help, and what they answer."""

from enum import StrEnum
from uuid import UUID

from pipelines.messages.alerts import AlertDetail
from pipelines.messages.wire import BoxShares, Instant, Message, Name, Text, TraceId
from vision.hazards import Hazard, Severity


class OrderKind(StrEnum):
    """Whether an order sends help, tells more of what it sent it to, or takes it back."""

    ORDER = "order"
    UPDATE = "update"
    CANCEL = "cancel"


class DispatchOrder(Message, frozen=True, kw_only=True):
    """Send help: one decision of a person or a policy about one incident, for one target."""

    order_id: UUID
    incident_id: UUID
    decision_id: UUID
    decided_by: Name
    decided_at: Instant
    target: Name
    hazard: Hazard
    severity: Severity
    camera_id: Name
    zone_id: Name
    first_seen_at: Instant
    box: BoxShares | None = None
    drill: bool
    trace_id: TraceId
    kind: OrderKind = OrderKind.ORDER
    state: Name | None = None
    """Where the incident stands with this decision."""
    reason: Name | None = None
    """Why, where it is over."""
    place_code: Name | None = None
    place_names: tuple[Name, ...] = ()
    """The place's and those above it, the outermost first; not the installation."""
    camera_name: Name | None = None
    gb_id: Name | None = None
    contact_number: Name | None = None
    """Whom to call about the camera: the number on its sign."""
    wgs84_longitude: float | None = None
    wgs84_latitude: float | None = None
    """Where the camera stands."""
    detail: AlertDetail | None = None


class ReceiptKind(StrEnum):
    """What a target says of an order."""

    ACCEPTED = "accepted"
    ON_SITE = "on_site"
    REPORT = "report"
    CLOSED = "closed"
    REFUSED = "refused"


class Receipt(Message, frozen=True, kw_only=True):
    """A target's answer to an order."""

    receipt_id: UUID
    order_id: UUID
    target: Name
    kind: ReceiptKind
    at: Instant
    text: Text = ""
