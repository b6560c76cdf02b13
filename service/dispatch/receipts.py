"""Answers of targets into the database, each once: they move their order and its incident.

What comes late, twice or out of order is kept and moves nothing back. Whatever can't be taken is
refused whole: by the stream as a dead letter, by the API in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from pipelines.messages import FUTURE_TOLERANCE_S, MessageError, OrderKind, Receipt, ReceiptKind
from service.dispatch import rounds
from service.dispatch.answering import UNDER_WAY, order_after, step_of
from service.dispatch.errors import UnknownOrderError
from service.dispatch.receipt_errors import (
    DrillMixedError,
    OrderNotSentError,
    ReceiptReusedError,
    ReceiptTimeError,
)
from service.incidents import changing
from service.incidents.history import Step
from service.incidents.joining import living
from service.incidents.lifecycle import IncidentState, StepKind, actor_of
from service.incidents.models import OrderState
from service.tables import incidents, orders, receipts

HANDLED: Final = "handled"
"""Why an incident is over when all its crews say so."""

_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)

_GOES_ON: Final = frozenset({ReceiptKind.ON_SITE, ReceiptKind.REPORT, ReceiptKind.CLOSED})
"""Said of an update, it is said of the order that the update follows."""


class ForeignReceiptError(MessageError):
    """Somebody answers an order that another was sent."""

    code = "foreign_receipt"


class Outcome(StrEnum):
    """What became of an answer."""

    MOVED = "moved"
    KEPT = "kept"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An answer that is in the database, and where things stand with it."""

    outcome: Outcome
    """Whether the order moved, or the answer is kept beside it, or was there before."""
    order_state: OrderState
    """Where the order stands."""
    incident_id: UUID
    """What it is about, or has become part of."""
    incident_state: IncidentState
    """Where that stands."""
    step: StepKind | None
    """What the answer was to the incident; nothing if it was there before."""


def take(connection: Connection, receipt: Receipt, actor: str, now: datetime) -> Taken:
    """Store an answer with all that follows from it.

    Raises ``UnknownOrderError``, ``ForeignReceiptError`` and the ``receipt_errors``, and has
    changed nothing then.
    """
    order = existing(connection, receipt)
    if order["target"] != receipt.target:
        raise ForeignReceiptError(
            f"{receipt.target} answers an order that another target was sent: see who writes into "
            "the stream"
        )
    _require_timely(receipt, now)
    incident = changing.existing(connection, living(connection, order["incident_id"]))
    if order["drill"] != incident["drill"]:
        raise DrillMixedError
    before = OrderState(order["state"])
    if _is_there(connection, receipt):
        return _taken(Outcome.REPEATED, before, incident, None)
    if order["sent_at"] is None and not order["attempts"] and order["leased_by"] is None:
        raise OrderNotSentError(order["target"])
    _insert(connection, receipt, actor, now)
    moved = _move(connection, order, receipt.kind, now)
    after = order_after(before, receipt.kind)
    counts = rounds.counts(connection, order["order_id"])
    kind = step_of(
        receipt.kind,
        to=OrderKind(order["kind"]),
        before=before,
        incident=IncidentState(incident["state"]),
        counts=counts,
        last=receipt.kind is ReceiptKind.CLOSED
        and not _under_way(connection, incident["incident_id"]),
    )
    if counts:
        _tell_sent(connection, order, incident, now)
    step = _step(kind, receipt, actor, now, late=not moved)
    row = changing.take(connection, incident["incident_id"], step)
    return _taken(Outcome.MOVED if moved else Outcome.KEPT, after, row, kind)


def existing(connection: Connection, receipt: Receipt) -> RowMapping:
    """Return the row of the order that is answered. Raises ``UnknownOrderError``."""
    query = sa.select(orders).where(orders.c.order_id == receipt.order_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownOrderError(receipt.order_id)
    return row


def _require_timely(receipt: Receipt, now: datetime) -> None:
    latest = now + timedelta(seconds=FUTURE_TOLERANCE_S)
    if not _EARLIEST <= receipt.at <= latest:
        raise ReceiptTimeError


def _is_there(connection: Connection, receipt: Receipt) -> bool:
    query = sa.select(receipts).where(receipts.c.receipt_id == receipt.receipt_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return False
    same = {name: row[name] for name in ("order_id", "target", "kind", "at", "text")}
    if same != _content(receipt):
        raise ReceiptReusedError(receipt.receipt_id)
    return True


def _content(receipt: Receipt) -> dict[str, Any]:
    return {
        "order_id": receipt.order_id,
        "target": receipt.target,
        "kind": receipt.kind.value,
        "at": receipt.at,
        "text": receipt.text,
    }


def _insert(connection: Connection, receipt: Receipt, actor: str, now: datetime) -> None:
    row = {"receipt_id": receipt.receipt_id, "received_at": now, "actor": actor}
    connection.execute(sa.insert(receipts).values(**row, **_content(receipt)))


def _move(connection: Connection, order: RowMapping, kind: ReceiptKind, now: datetime) -> bool:
    """Bring the order forward, and the one that it follows; tell whether it moved."""
    rows = [order]
    if order["kind"] != OrderKind.ORDER and kind in _GOES_ON:
        rows += _followed(connection, order)
    for row in rows:
        values: dict[str, Any] = {"state": order_after(OrderState(row["state"]), kind).value}
        if row["answered_at"] is None:
            values["answered_at"] = now
        if row["sent_at"] is None:
            # Faster than the word that it was sent, or instead of it: it proves the same.
            values |= {"sent_at": now, "leased_by": None, "leased_until": None}
        values["next_attempt_at"] = None
        connection.execute(
            sa.update(orders).where(orders.c.order_id == row["order_id"]).values(**values)
        )
    before = OrderState(order["state"])
    return order_after(before, kind) is not before


def _followed(connection: Connection, order: RowMapping) -> Sequence[RowMapping]:
    query = (
        sa.select(orders)
        .where(
            orders.c.target == order["target"],
            orders.c.incident_id == order["incident_id"],
            orders.c.kind == OrderKind.ORDER.value,
            orders.c.decided_at <= order["decided_at"],
            orders.c.sent_at.is_not(None),
        )
        .order_by(orders.c.decided_at.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().all()


def _under_way(connection: Connection, incident: UUID) -> bool:
    """Tell whether anybody else may still be about an incident, or about what is part of it."""
    family = sa.select(incidents.c.incident_id).where(
        sa.or_(incidents.c.incident_id == incident, incidents.c.merged_into == incident)
    )
    later = orders.alias()
    # Who was sent it twice says only once that it's done.
    is_done = sa.exists().where(
        later.c.target == orders.c.target,
        later.c.incident_id == orders.c.incident_id,
        later.c.kind == OrderKind.ORDER.value,
        later.c.decided_at > orders.c.decided_at,
        later.c.state == OrderState.CLOSED.value,
    )
    nobodys_word = sa.and_(
        orders.c.state == OrderState.SENT.value, sa.or_(sa.not_(orders.c.answers), is_done)
    )
    query, _ = rounds.counting(orders.c.order_id)
    query = query.where(
        orders.c.incident_id.in_(family),
        orders.c.kind == OrderKind.ORDER.value,
        orders.c.state.in_(sorted(UNDER_WAY)),
        sa.not_(nobodys_word),
    )
    return connection.execute(query.limit(1)).first() is not None


def _tell_sent(
    connection: Connection, order: RowMapping, incident: RowMapping, now: datetime
) -> None:
    if order["sent_at"] is not None or order["kind"] != OrderKind.ORDER:
        return
    detail = {"order_id": str(order["order_id"]), "target": order["target"]}
    actor = actor_of(order["target"])
    step = Step(kind=StepKind.ORDER_SENT, actor=actor, at=now, detail=detail)
    changing.take(connection, incident["incident_id"], step, tell=False)


def _step(kind: StepKind, receipt: Receipt, actor: str, now: datetime, *, late: bool) -> Step:
    return Step(
        kind=kind,
        actor=actor,
        at=now,
        reason=HANDLED if kind is StepKind.CLOSED else None,
        note=receipt.text or None,
        detail={
            "order_id": str(receipt.order_id),
            "target": receipt.target,
            "receipt_id": str(receipt.receipt_id),
            "receipt": receipt.kind.value,
            "said_at": receipt.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "late": late,
        },
    )


def _taken(
    outcome: Outcome, state: OrderState, incident: RowMapping, step: StepKind | None
) -> Taken:
    return Taken(
        outcome=outcome,
        order_state=state,
        incident_id=incident["incident_id"],
        incident_state=IncidentState(incident["state"]),
        step=step,
    )
