"""Which orders still count: an incident that is opened again begins anew.

An order of before, or one that was taken back, sends nobody any more: what its crew still says is
written down, and neither moves the incident nor is waited for.
"""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.messages import OrderKind
from service.tables import incidents, orders


def counting(*columns: Any) -> tuple[sa.Select[Any], sa.FromClause]:
    """Return a query of orders that count, and what it calls the incident that they are about.

    That is the living one, where theirs has become part of another.
    """
    own, lives, later = incidents.alias(), incidents.alias("lives"), orders.alias()
    taken_back = sa.exists().where(
        later.c.target == orders.c.target,
        later.c.incident_id == orders.c.incident_id,
        later.c.kind == OrderKind.CANCEL.value,
        later.c.decided_at > orders.c.decided_at,
    )
    query = (
        sa.select(*columns)
        .join(own, own.c.incident_id == orders.c.incident_id)
        .join(lives, lives.c.incident_id == sa.func.coalesce(own.c.merged_into, own.c.incident_id))
        .where(
            *(
                sa.or_(one.c.waiting_from.is_(None), orders.c.decided_at >= one.c.waiting_from)
                for one in (own, lives)
            ),
            sa.not_(taken_back),
        )
    )
    return query, lives


def counts(connection: Connection, order_id: UUID) -> bool:
    """Tell whether an order still counts."""
    query, _ = counting(orders.c.order_id)
    return connection.execute(query.where(orders.c.order_id == order_id)).first() is not None
