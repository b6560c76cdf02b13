"""Dead letters sent anew by hand: the same orders, by the same ids.

What would be wrong to send now stays dead: help for a real incident that is over, or that was
reopened since and waits for a new decision; what the target has a later order instead of; news that
are old, and whatever it has been told the end of.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from pipelines.messages import OrderKind
from service.accounts.principal import Principal
from service.audit.log import Entry, record_all
from service.incidents import changing, views
from service.incidents.lifecycle import OVER, IncidentState
from service.incidents.models import OrderState
from service.tables import incidents, orders

REPLAYED_AT_ONCE: Final = 50
"""In one transaction; whoever wants more asks again."""

_DONE: Final = sorted(
    {one.value for one in OrderState} - {OrderState.DEAD.value, OrderState.WITHDRAWN.value}
)
_THERE: Final = sorted(set(_DONE) - {OrderState.WAITING.value, OrderState.REFUSED.value})
"""States of an order that its target has and does something about."""


def replay(
    connection: Connection,
    who: Principal,
    *,
    order_ids: Sequence[UUID] | None,
    target: str | None,
    now: datetime,
) -> tuple[list[str], int]:
    """Let dead orders wait again; returns the targets of those that do, and how many stay dead.

    Of ``order_ids``, or of ``target``; those of foreign places are not there.
    """
    mine = sa.and_(views.within(who), orders.c.state == OrderState.DEAD.value)
    if order_ids is not None:
        mine = sa.and_(mine, orders.c.order_id.in_(order_ids))
    if target is not None:
        mine = sa.and_(mine, orders.c.target == target)
    joined = orders.join(incidents, incidents.c.incident_id == orders.c.incident_id)
    there = connection.execute(
        sa.select(sa.func.count()).select_from(joined).where(mine)
    ).scalar_one()
    columns = (
        orders.c.order_id, orders.c.incident_id, orders.c.target, orders.c.kind,
        orders.c.attempts, incidents.c.place_code, incidents.c.state,
    )  # fmt: skip
    query = (
        sa.select(*columns)
        .select_from(joined)
        .where(mine, sa.not_(_is_out_of_date()))
        .order_by(orders.c.decided_at)
        .limit(REPLAYED_AT_ONCE)
    )
    rows = connection.execute(query).mappings().all()
    _wait_again(connection, [row["order_id"] for row in rows], now)
    record_all(connection, [_entry(who, row) for row in rows])
    for incident_id, state in {row["incident_id"]: row["state"] for row in rows}.items():
        changing.tell_feed(connection, incident_id, IncidentState(state), now)
    return [row["target"] for row in rows], int(there) - len(rows)


def _wait_again(connection: Connection, ids: Sequence[UUID], now: datetime) -> None:
    values: dict[str, Any] = {
        "state": OrderState.WAITING.value,
        "waiting_from": now,
        "next_attempt_at": None,
        "last_error": None,
    }
    connection.execute(sa.update(orders).where(orders.c.order_id.in_(ids)).values(**values))


def _entry(who: Principal, row: RowMapping) -> Entry:
    return Entry(
        actor=who.login,
        action="order.replayed",
        object_kind="order",
        object_id=str(row["order_id"]),
        place_code=row["place_code"],
        detail={
            "incident_id": str(row["incident_id"]),
            "target": row["target"],
            "attempts": row["attempts"],
        },
    )


def _is_out_of_date() -> sa.ColumnElement[bool]:
    """Return the condition that an order must not go any more; the incident is joined."""
    later, living = orders.alias(), incidents.alias()  # what it is part of, or itself
    follows = sa.and_(
        later.c.incident_id == orders.c.incident_id,
        later.c.target == orders.c.target,
        later.c.decided_at > orders.c.decided_at,
    )
    order, cancel = OrderKind.ORDER.value, OrderKind.CANCEL.value
    return sa.or_(
        sa.exists().where(follows, later.c.kind == cancel),
        sa.and_(
            orders.c.kind != order,
            sa.exists().where(follows, later.c.state.in_(_DONE)),
        ),
        sa.and_(
            orders.c.kind == order,
            sa.exists().where(follows, later.c.kind == order, later.c.state.in_(_THERE)),
        ),
        sa.and_(
            orders.c.kind == order,
            sa.not_(incidents.c.drill),
            sa.exists().where(
                living.c.incident_id
                == sa.func.coalesce(incidents.c.merged_into, incidents.c.incident_id),
                sa.or_(
                    living.c.state.in_(sorted(one.value for one in OVER)),
                    orders.c.decided_at < living.c.waiting_from,
                ),
            ),
        ),
    )
