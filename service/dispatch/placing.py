"""Orders into the outbox: one row a target, in the transaction of their decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.messages import OrderKind, decision_id, encode
from service.dispatch import composing
from service.dispatch.composing import Incident
from service.tables import orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What orders are made by."""

    decision_id: UUID
    """Its identity; each order's follows from it."""
    by: str
    """Who decided."""
    at: datetime
    """When."""
    kind: OrderKind = OrderKind.ORDER
    """Whether it sends help, tells more, or takes it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What a target's file said of it as the order was decided: it may be taken out later."""

    wants_updates: bool = False
    """Whether it is also told what becomes of the incident."""
    answers: bool = True
    """Whether its word is waited for."""


def next_decision(
    connection: Connection,
    incident_id: UUID,
    by: str,
    at: datetime,
    kind: OrderKind = OrderKind.ORDER,
) -> Decision:
    """Return an incident's next decision; it is made once orders are placed by it."""
    made = sa.select(sa.func.count(orders.c.decision_id.distinct())).where(
        orders.c.incident_id == incident_id
    )
    ordinal = int(connection.execute(made).scalar_one()) + 1
    return Decision(decision_id=decision_id(incident_id, by, ordinal), by=by, at=at, kind=kind)


def place(
    connection: Connection,
    incident: Incident,
    decision: Decision,
    targets: Mapping[str, Manner],
) -> list[UUID]:
    """Put a decision's orders into the outbox; returns their ids.

    No step is taken and nobody is told.
    """
    said = composing.facts(connection, incident)
    newest = _newest(connection, incident["incident_id"])
    rows: list[dict[str, Any]] = []
    for target, manner in targets.items():
        # Of one incident and target, each is younger than the one before: that is their order.
        before = newest.get(target)
        at = decision.at if before is None else max(decision.at, before + timedelta(microseconds=1))
        order = composing.composed(
            incident["incident_id"],
            said,
            target=target,
            decision=decision.decision_id,
            by=decision.by,
            at=at,
            kind=decision.kind,
        )
        rows.append(
            {
                "order_id": order.order_id,
                "incident_id": order.incident_id,
                "decision_id": order.decision_id,
                "target": target,
                "drill": order.drill,
                "kind": order.kind.value,
                "decided_by": order.decided_by,
                "decided_at": at,
                "body": encode(order).decode(),
                "wants_updates": manner.wants_updates,
                "answers": manner.answers,
            }
        )
    if rows:
        connection.execute(sa.insert(orders), rows)
    return [row["order_id"] for row in rows]


def _newest(connection: Connection, incident_id: UUID) -> dict[str, datetime]:
    query = (
        sa.select(orders.c.target, sa.func.max(orders.c.decided_at).label("at"))
        .where(orders.c.incident_id == incident_id)
        .group_by(orders.c.target)
    )
    return {row.target: row.at for row in connection.execute(query)}
