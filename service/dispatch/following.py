"""What targets are told of an incident after they got an order about it.

Targets that want updates get them as orders of their own, after the one they follow. What nobody
can have received yet of a real incident that turns out to be over is withdrawn instead.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from pipelines.messages import OrderKind
from service.dispatch.placing import Manner, next_decision, place
from service.incidents.history import Happened
from service.incidents.lifecycle import MERGED, OVER, IncidentState, StepKind
from service.incidents.models import OrderState
from service.tables import incidents, orders

_TOLD: Final = frozenset({StepKind.ARRIVED, StepKind.CLOSED, StepKind.DISMISSED})

_NOT_THERE: Final = frozenset({OrderState.WITHDRAWN.value, OrderState.REFUSED.value})
"""States of orders that their targets do nothing about. A dead one may have arrived."""


def follow(connection: Connection, incident: RowMapping, happened: Sequence[Happened]) -> None:
    """Tell targets what has happened. To be called with the incident's row after it."""
    last = happened[-1]
    if last.step.kind not in _TOLD or last.step.reason == MERGED:
        return  # merged: the crew's errand goes on
    rows = _family(connection, incident)
    if last.after in OVER and not incident["drill"]:
        _withdraw(connection, [row["incident_id"] for row in rows])
    # Whoever wrote it down: a person may have heard it on the telephone.
    said_by = last.step.detail.get("target")
    for row in rows:
        targets = list(_waiting_for_more(connection, row["incident_id"], said_by))
        if not targets:
            continue
        decision = next_decision(
            connection, row["incident_id"], last.step.actor, last.step.at, _kind(last)
        )
        now = {**row, "state": incident["state"], "state_reason": last.step.reason}
        place(connection, now, decision, dict.fromkeys(targets, Manner(wants_updates=True)))


def _kind(happened: Happened) -> OrderKind:
    """Return what it is for a crew: until it's there, the end takes the order back."""
    if happened.after not in OVER or happened.before is IncidentState.ON_SITE:
        return OrderKind.UPDATE
    return OrderKind.CANCEL


def _family(connection: Connection, incident: RowMapping) -> Sequence[RowMapping]:
    """Return the incident, and those that have become part of it: crews know these ids."""
    query = sa.select(incidents).where(
        sa.or_(
            incidents.c.incident_id == incident["incident_id"],
            incidents.c.merged_into == incident["incident_id"],
        )
    )
    return connection.execute(query).mappings().all()


def _withdraw(connection: Connection, ids: list[UUID]) -> None:
    """Let orders rest that can't have left, or that nothing could take back later."""
    unseen = sa.and_(orders.c.attempts == 0, orders.c.leased_by.is_(None))
    connection.execute(
        sa.update(orders)
        .where(
            orders.c.incident_id.in_(ids),
            orders.c.state == OrderState.WAITING.value,
            orders.c.kind == OrderKind.ORDER.value,
            sa.or_(unseen, sa.not_(orders.c.wants_updates)),
        )
        .values(state=OrderState.WITHDRAWN.value, next_attempt_at=None)
    )


def _waiting_for_more(
    connection: Connection, incident_id: UUID, said_by: str | None
) -> Iterator[str]:
    """Give the targets that have an order and no word of its end; not who said it themselves."""
    query = (
        sa.select(orders.c.target, orders.c.kind, orders.c.state)
        .where(orders.c.incident_id == incident_id, orders.c.wants_updates.is_(True))
        .order_by(orders.c.decided_at)
    )
    has_one: defaultdict[str, bool] = defaultdict(bool)
    for row in connection.execute(query):
        if row.kind == OrderKind.ORDER and row.state not in _NOT_THERE:
            has_one[row.target] = True
        elif row.kind == OrderKind.CANCEL:
            has_one[row.target] = False
    return (target for target, has in has_one.items() if has and target != said_by)
