"""Orders, targets and their health as the API describes them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from pipelines.messages import ReceiptKind
from service.cameras.bodies import Body, in_words
from service.dispatch.breaker import BreakerState
from service.dispatch.recording import Outcome
from service.dispatch.routes_store import RouteBody
from service.dispatch.routing import Why, WhyTarget
from service.dispatch.sending import TargetKind
from service.incidents.lifecycle import IncidentState, StepKind
from service.incidents.models import Detail, OrderSent
from service.refusals import Refusal, RefusedError
from service.text import NAME_LENGTH
from vision.hazards import Hazard, Severity

MOST_REPLAYED: int = 500
"""Orders named in one request."""


class OrderRow(OrderSent):
    """An order in a list, and what it is about."""

    hazard: Hazard
    severity: Severity
    camera_id: str
    place_code: str | None
    incident_state: IncidentState


class OrderPage(BaseModel):
    """Orders, newest first."""

    orders: list[OrderRow]
    more: Annotated[bool, Field(description="Whether older ones of the kind asked for are left")]


class OrderWhole(OrderSent):
    """An order with its message, as it was or will be sent."""

    wants_updates: bool
    entry_id: str | None
    waiting_from: Annotated[
        datetime | None, Field(description="When it was sent anew, having been a dead letter")
    ]
    message: Annotated[dict[str, Any], Field(description="The message, as decided")]


class TrailIncident(BaseModel):
    """The incident of an order, or what that has become part of."""

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
    opened_at: datetime
    first_seen_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    seen_at: datetime | None
    confirmed_at: datetime | None
    dispatched_at: datetime | None
    sent_at: datetime | None
    reported_at: datetime | None
    closed_at: datetime | None


class TrailAlert(BaseModel):
    """An alert of an order's incident; its picture is the incident's."""

    alert_id: UUID
    revision: int
    camera_id: str
    hazard: Hazard
    zone_id: str
    severity: Severity
    first_seen_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    score: float
    detail: Detail | None
    model: str
    trace_id: str
    received_at: datetime


class TrailStep(BaseModel):
    """What happened to an order's incident, and to what that has become part of."""

    id: int
    incident_id: Annotated[UUID, Field(description="Which of them")]
    at: datetime
    actor: str
    action: StepKind
    from_state: IncidentState | None
    to_state: IncidentState | None
    reason: str | None
    note: Annotated[str | None, Field(description="Null to who may not read incidents")]
    detail: dict[str, Any]


class TrailAttempt(BaseModel):
    """One attempt to send an order."""

    id: int
    at: datetime
    seconds: float
    outcome: Outcome
    detail: Annotated[str, Field(description="What the target said, or what was in the way")]


class TrailReceipt(BaseModel):
    """What a target answered."""

    receipt_id: UUID
    kind: ReceiptKind
    at: datetime
    received_at: datetime
    text: str
    actor: str


class OrderTrail(BaseModel):
    """Everything about one order, as of one moment."""

    order: OrderWhole
    incident: TrailIncident
    alerts: list[TrailAlert]
    steps: list[TrailStep]
    attempts: list[TrailAttempt]
    receipts: list[TrailReceipt]


class ReplayIn(Body):
    """Dead letters to be sent anew: some, or all of a target."""

    order_ids: Annotated[list[UUID] | None, Field(min_length=1, max_length=MOST_REPLAYED)] = None
    target: Annotated[str | None, Field(min_length=1, max_length=NAME_LENGTH)] = None

    @model_validator(mode="after")
    def _one_way(self) -> "ReplayIn":
        in_words(_require_one_way)(self)
        return self


class Replayed(BaseModel):
    """What came of it."""

    replayed: int
    left: Annotated[
        int,
        Field(
            description="How many of those asked for stay dead: ask again until replayed is 0; "
            "what is left then is out of date"
        ),
    ]


class BreakerOut(BaseModel):
    """Whether a target gets orders at the moment."""

    state: BreakerState
    failures: Annotated[int, Field(description="In a row")]
    open_until: datetime | None
    last_error: str
    at: datetime | None


class TargetOut(BaseModel):
    """A target and how it is; one that the file lacks has orders left."""

    name: str
    present: Annotated[bool, Field(description="Whether it is built in or in the file now")]
    kind: TargetKind | None
    label: str
    where: Annotated[str | None, Field(description="Its address, without credentials")]
    wants_updates: bool
    drills: Annotated[bool, Field(description="Whether it takes drills' orders")]
    real: Annotated[bool, Field(description="Whether it takes orders of real incidents")]
    breaker: BreakerOut
    waiting: int
    dead: int
    oldest_waiting_at: datetime | None
    last_sent_at: datetime | None


class TargetsOut(BaseModel):
    """The targets."""

    targets: list[TargetOut]
    problem: Annotated[
        str | None, Field(description="Why the file can't be used as it is; the last good one is")
    ]


class TryIn(Body):
    """What an order would be about."""

    hazard: Hazard
    severity: Severity
    place_code: Annotated[str | None, Field(max_length=32)] = None
    at: Annotated[AwareDatetime | None, Field(description="Now if it's not said")] = None
    drill: bool = False


class TriedRoute(RouteBody):
    """A route, and what became of it."""

    route_id: UUID
    why: Why


class TriedTarget(BaseModel):
    """A target, and why it would get an order or not."""

    target: str
    ordered: bool
    why: WhyTarget
    route: Annotated[str | None, Field(description="The name of the route that says so")]


class TryOut(BaseModel):
    """Where an order would go, and why."""

    at: datetime
    targets: list[TriedTarget]
    routes: Annotated[list[TriedRoute], Field(description="In the order they are looked at")]
    unconfirmed: Annotated[
        bool, Field(description="Whether it would go without a person; drills always do")
    ]


def _require_one_way(given: ReplayIn) -> None:
    if (given.order_ids is None) == (given.target is None):
        raise RefusedError(Refusal.SELECTION_ONE_WAY, "give either order_ids or target")
