"""Which replica sends which orders: by lease, and one order of an incident and target at a time.

A lease is taken and given back in short transactions; between them nothing is held but time. When
a replica dies, its leases run out and another sends the same orders again, by the same ids.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from service.dispatch import breaker
from service.incidents.models import OrderState
from service.tables import orders

BATCH_ORDERS: Final = 20
"""Orders leased, or recorded, in one transaction: some 0.1 s of work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """An order that this replica has to itself."""

    order_id: UUID
    """Its identity."""
    incident_id: UUID
    """What it is about."""
    target: str
    """Where to."""
    drill: bool
    """Whether it is an exercise."""
    kind: str
    """Whether it sends help, tells more, or takes it back."""
    decided_at: datetime
    """When it was decided."""
    waiting_from: datetime | None
    """When it was sent anew, having been a dead letter."""
    attempts: int
    """How often it was tried."""
    body: str
    """The message."""
    leased_by: str | None
    """Who had it before, and may have sent it and died."""
    leased_until: datetime
    """Until when: with the replica's name, this lease and no other."""
    earlier: tuple[tuple[UUID, datetime], ...]
    """What this target was sent about the incident before."""


def is_due(connection: Connection, target: str, now: datetime) -> bool:
    """Tell whether a target could be sent something now."""
    if breaker.read(connection, target).admits(now) == 0:
        return False
    return connection.execute(_due(target, now).limit(1)).first() is not None


def lease(
    connection: Connection,
    target: str,
    *,
    replica: str,
    now: datetime,
    until: datetime,
    limit: int = BATCH_ORDERS,
) -> list[Leased]:
    """Take the oldest due orders of a target, each of another incident."""
    admitted = breaker.read(connection, target).admits(now)
    if admitted is not None:
        limit = min(limit, admitted)
    found = connection.execute(_due(target, now).limit(limit)).mappings().all() if limit else []
    if not found:
        return []
    if admitted is not None:
        breaker.trying(connection, target, until, now)
    connection.execute(
        sa.update(orders)
        .where(orders.c.order_id.in_([row["order_id"] for row in found]))
        .values(leased_by=replica, leased_until=until)
    )
    earlier = _earlier(connection, target, [row["incident_id"] for row in found])
    return [
        Leased(**row, leased_until=until, earlier=tuple(earlier[row["incident_id"]]))
        for row in found
    ]


def give_back(connection: Connection, replica: str, leased: Iterable[Leased]) -> None:
    """Let orders go that were not tried."""
    for one in leased:
        connection.execute(
            sa.update(orders)
            .where(orders.c.order_id == one.order_id, ours(replica, one))
            .values(leased_by=one.leased_by, leased_until=None)
        )


def ours(replica: str, one: Leased) -> sa.ColumnElement[bool]:
    """Return the condition that an order is still under this lease."""
    return sa.and_(orders.c.leased_by == replica, orders.c.leased_until == one.leased_until)


def end_own(connection: Connection, consumer: str, now: datetime) -> int:
    """End the leases of this replica's life before; returns how many there were."""
    done = connection.execute(
        sa.update(orders)
        .where(
            orders.c.state == OrderState.WAITING.value,
            orders.c.leased_until > now,
            orders.c.leased_by.startswith(f"{consumer}#", autoescape=True),
        )
        .values(leased_until=now)
    )
    return done.rowcount


def _due(target: str, now: datetime) -> sa.Select[tuple[object, ...]]:
    before = orders.alias()
    waits_for_another = sa.exists().where(
        before.c.target == orders.c.target,
        before.c.incident_id == orders.c.incident_id,
        before.c.decided_at < orders.c.decided_at,
        before.c.state == OrderState.WAITING.value,
    )
    return (
        sa.select(
            orders.c.order_id, orders.c.incident_id, orders.c.target, orders.c.drill,
            orders.c.kind, orders.c.decided_at, orders.c.waiting_from, orders.c.attempts,
            orders.c.body, orders.c.leased_by,
        )
        .where(
            orders.c.state == OrderState.WAITING.value,
            orders.c.target == target,
            sa.or_(orders.c.next_attempt_at.is_(None), orders.c.next_attempt_at <= now),
            sa.or_(orders.c.leased_until.is_(None), orders.c.leased_until <= now),
            sa.not_(waits_for_another),
        )
        .order_by(orders.c.decided_at)
    )  # fmt: skip


def _earlier(
    connection: Connection, target: str, incidents: Sequence[UUID]
) -> dict[UUID, list[tuple[UUID, datetime]]]:
    query = (
        sa.select(orders.c.incident_id, orders.c.order_id, orders.c.decided_at)
        .where(
            orders.c.target == target,
            orders.c.incident_id.in_(incidents),
            orders.c.sent_at.is_not(None),
        )
        .order_by(orders.c.decided_at)
    )
    found: defaultdict[UUID, list[tuple[UUID, datetime]]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.incident_id].append((row.order_id, row.decided_at))
    return found
