"""The feed's events in the database."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.incidents.views import within
from service.places.store import lies_inside
from service.tables import feed, incidents


class FeedKind(StrEnum):
    """What an event tells."""

    OPENED = "incident.opened"
    UPDATED = "incident.updated"
    CLOSED = "incident.closed"
    LEFT = "incident.left"
    ORDER_SENT = "order.sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """One row of the feed."""

    event_id: int
    """The client's cursor; it counts the whole installation's events."""
    kind: str
    """One of ``FeedKind``."""
    at: datetime
    """When it happened."""
    payload: dict[str, Any]
    """The incident as it stood then, whole: a client replaces what it had."""


def append(
    connection: Connection, kind: FeedKind, incident: UUID, payload: dict[str, Any], at: datetime
) -> None:
    """Add an event; clients see it once the transaction has committed."""
    append_all(connection, [(kind, incident, payload)], at)


def append_all(
    connection: Connection, events: Sequence[tuple[FeedKind, UUID, dict[str, Any]]], at: datetime
) -> None:
    """Add events in their order."""
    rows = [
        {"at": at, "kind": kind.value, "incident_id": incident, "payload": payload}
        for kind, incident, payload in events
    ]
    if rows:
        connection.execute(sa.insert(feed), rows)


def append_left(
    connection: Connection,
    incident: UUID,
    payload: dict[str, Any],
    places: Collection[str],
    at: datetime,
) -> None:
    """Add the last event for whoever saw an incident from these places alone: as it was then."""
    row = {"at": at, "kind": FeedKind.LEFT.value, "incident_id": incident, "payload": payload}
    connection.execute(sa.insert(feed).values(**row, places_left=sorted(places)))


def is_for(principal: Principal, *, sees: bool, places_left: Collection[str] | None) -> bool:
    """Tell whether an event is for somebody who sees its incident now, or doesn't."""
    if places_left is None:
        return sees
    return not sees and any(lies_inside(principal, one) for one in places_left)


def read_after(
    connection: Connection, principal: Principal, cursor: int, limit: int
) -> tuple[list[FeedEvent], int]:
    """Return a principal's events among the next ``limit``, oldest first, and the cursor after all.

    The cursor also passes what isn't for the principal, so that nobody's read starts ever
    further back.
    """
    rows = connection.execute(
        sa.select(feed.c.id, feed.c.kind, feed.c.at, feed.c.payload, feed.c.places_left)
        .add_columns(within(principal).label("own"))
        .join(incidents, incidents.c.incident_id == feed.c.incident_id)
        .where(feed.c.id > cursor)
        .order_by(feed.c.id)
        .limit(limit)
    ).all()
    events = [
        FeedEvent(event_id=row.id, kind=row.kind, at=row.at, payload=row.payload)
        for row in rows
        if is_for(principal, sees=row.own, places_left=row.places_left)
    ]
    return events, rows[-1].id if rows else cursor


def newest(connection: Connection) -> int:
    """Return the cursor behind which nothing has happened yet; 0 in an empty feed."""
    return connection.execute(sa.select(sa.func.max(feed.c.id))).scalar() or 0


def can_resume(connection: Connection, cursor: int) -> bool:
    """Tell whether every event after ``cursor`` is still there.

    It isn't when older events were forgotten, or when the cursor is another database's.
    """
    low, high = connection.execute(sa.select(sa.func.min(feed.c.id), sa.func.max(feed.c.id))).one()
    if high is None:
        return cursor == 0
    return bool(low - 1 <= cursor <= high)


def forget_before(connection: Connection, moment: datetime) -> int:
    """Remove events older than ``moment``, never the newest; returns how many went."""
    last = sa.select(sa.func.max(feed.c.id)).scalar_subquery()
    done = connection.execute(sa.delete(feed).where(feed.c.at < moment, feed.c.id < last))
    return done.rowcount
