"""``POST /api/orders/{order_id}/receipts``: what a target, or who spoke to it, says of an order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, StringConstraints
from sqlalchemy import Connection, RowMapping

from pipelines.messages import Receipt, ReceiptKind
from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.audit.log import record
from service.cameras.bodies import Body, in_words
from service.dispatch import receipts
from service.dispatch.errors import UnknownOrderError
from service.dispatch.receipt_errors import NotYourOrderError
from service.dispatch.receipts import Outcome, Taken
from service.dispatch.targets import TargetBook
from service.errors import ProblemError
from service.incidents.lifecycle import IncidentState
from service.incidents.models import OrderState
from service.incidents.views import within
from service.metrics import ServiceMetrics
from service.problems import responses
from service.tables import incidents, orders
from service.text import TEXT_LENGTH, require_plain


def _plain(text: str) -> str:
    text = text.replace("\r\n", "\n")
    require_plain(text, lines=True)
    return text


class ReceiptIn(Body):
    """What is said of an order."""

    receipt_id: Annotated[
        UUID, Field(description="Made by the sender, one an answer: sent again, it is taken once")
    ]
    kind: ReceiptKind
    at: Annotated[AwareDatetime, Field(description="When it was said, by the sender's clock")]
    text: Annotated[
        str,
        Field(description="In their own words; of the place, never of people"),
        StringConstraints(strip_whitespace=True, max_length=TEXT_LENGTH),
        AfterValidator(in_words(_plain)),
    ] = ""


class ReceiptOut(BaseModel):
    """What became of an answer, and where things stand now."""

    receipt_id: UUID
    outcome: Annotated[
        Outcome,
        Field(
            description="moved: the order came further; kept: late or out of order, so it is "
            "written down and moves nothing back; repeated: it was there before"
        ),
    ]
    order_state: OrderState
    incident_id: Annotated[
        UUID, Field(description="What the order is about, or what that has become part of")
    ]
    incident_state: Annotated[
        IncidentState, Field(description="One that is over stays so: its history has the answer")
    ]


def receipt_router(
    *,
    gate: Gate,
    metrics: ServiceMetrics,
    clock: Callable[[], datetime],
    book: TargetBook,
    committed: Callable[[], None],
) -> APIRouter:
    """Return the route; ``committed`` is called after each answer that is in the database."""
    router = APIRouter(prefix="/api/orders/{order_id}/receipts")
    Answering = Annotated[Principal, Depends(gate.allows(Permission.ORDER_RECEIPT))]  # noqa: N806

    @router.post("", responses=responses(401, 403, 404, 409, 422))
    def answer_order(who: Answering, order_id: UUID, said: ReceiptIn) -> ReceiptOut:
        """Say that an order is accepted, a crew on site, or what it reports.

        ``closed`` ends the order, and the incident when no other order of it is under way;
        ``refused`` asks for help from elsewhere. An order only ever goes forward.
        """
        with (
            _counting(metrics),
            gate.writing(who, Permission.ORDER_RECEIPT) as (connection, actor),
        ):
            order = _visible(connection, actor, order_id)
            _require_theirs(book, order["target"], actor)
            receipt = Receipt(order_id=order_id, target=order["target"], **said.model_dump())
            taken = receipts.take(connection, receipt, actor.login, clock())
            if taken.outcome is not Outcome.REPEATED:
                _audit(connection, actor, receipt, order, taken)
        metrics.receipts.labels("api", taken.outcome.value).inc()
        committed()
        return ReceiptOut(
            receipt_id=said.receipt_id,
            outcome=taken.outcome,
            order_state=taken.order_state,
            incident_id=taken.incident_id,
            incident_state=taken.incident_state,
        )

    return router


@contextmanager
def _counting(metrics: ServiceMetrics) -> Iterator[None]:
    try:
        yield
    except ProblemError as error:
        metrics.receipts_refused.labels("api", error.code).inc()
        raise


def _require_theirs(book: TargetBook, name: str, who: Principal) -> None:
    target = book.get(name)
    if target is not None and target.receipts_from and who.login not in target.receipts_from:
        raise NotYourOrderError(name, who.login)


def _visible(connection: Connection, who: Principal, order_id: UUID) -> RowMapping:
    # Whoever sees what its incident has become part of; that sees all places of both.
    own = incidents.alias()
    going_on = sa.func.coalesce(own.c.merged_into, own.c.incident_id)
    query = (
        sa.select(orders.c.target, incidents.c.place_code)
        .join(own, own.c.incident_id == orders.c.incident_id)
        .join(incidents, incidents.c.incident_id == going_on)
        .where(orders.c.order_id == order_id, within(who))
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownOrderError(order_id)
    return row


def _audit(
    connection: Connection, who: Principal, receipt: Receipt, order: RowMapping, taken: Taken
) -> None:
    record(
        connection,
        actor=who.login,
        action="order.answered",
        object_kind="order",
        object_id=str(receipt.order_id),
        place_code=order["place_code"],
        detail={
            "receipt_id": str(receipt.receipt_id),
            "receipt": receipt.kind.value,
            "target": receipt.target,
            "incident_id": str(taken.incident_id),
            "text": "given" if receipt.text else None,
        },
    )
