"""Evidence whose time is over, in the database: marked first, forgotten once the store has let go.

A marked row is shown to nobody. Whatever else names its ref is cleaned as it is marked: the alert,
the feed's payloads. The row itself stays until the store has deleted the pictures, so that a crash
or a refusal at any point leaves something to go on from. After that only a hash is left, by which
an alert that comes late is told that its evidence is gone.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from service.evidence import place_pictures
from service.evidence.retention import ROWS_AT_ONCE
from service.evidence.rows import digest, held
from service.evidence.taking import WITHOUT, clean_feed
from service.feed import log
from service.incidents import views
from service.incidents.lifecycle import IncidentState
from service.tables import alerts, evidence, evidence_gone

REMEMBERED: Final = timedelta(days=400)
"""No alert goes on for longer: then nothing asks for the hash any more."""

_ONCE: Final = {
    "sqlite": sqlite.insert(evidence_gone).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(evidence_gone).on_conflict_do_nothing(),
}


def mark(
    connection: Connection, now: datetime, limit: int, *conditions: sa.ColumnElement[bool]
) -> int:
    """Mark up to ``limit`` rows that are due and not held; returns how many.

    From the commit on nothing but the rows themselves names their refs, and the feed tells clients.
    """
    query = (
        sa.select(evidence.c.ref, evidence.c.alert_id, evidence.c.incident_id)
        .where(evidence.c.removing_at.is_(None), evidence.c.expires_at <= now, sa.not_(held()))
        .where(*conditions)
        .order_by(evidence.c.expires_at, evidence.c.ref)
        .limit(limit)
    )
    due = connection.execute(query).all()
    if not due:
        return 0
    refs = [row.ref for row in due]
    connection.execute(sa.update(evidence).where(evidence.c.ref.in_(refs)).values(removing_at=now))
    own = (alerts.c.alert_id.in_([row.alert_id for row in due]), alerts.c.evidence_ref.in_(refs))
    connection.execute(sa.update(alerts).where(*own).values(**WITHOUT))
    remember(connection, {row.ref: row.alert_id for row in due})
    ids = list({row.incident_id: None for row in due})
    clean_feed(connection, ids, frozenset(refs), WITHOUT)
    for view in views.by_id(connection, ids):
        closed = view["state"] == IncidentState.CLOSED
        kind = log.FeedKind.CLOSED if closed else log.FeedKind.UPDATED
        log.append(connection, kind, UUID(view["incident_id"]), view, now)
    return len(due)


def mark_all_of(connection: Connection, incident_id: UUID, now: datetime) -> None:
    """Mark what is due of one incident, also where the keeper has not been round yet."""
    mine = evidence.c.incident_id == incident_id
    while mark(connection, now, ROWS_AT_ONCE, mine) == ROWS_AT_ONCE:
        pass


def marked(connection: Connection, limit: int) -> list[str]:
    """Return the refs whose pictures the store has to delete, longest due first."""
    query = (
        sa.select(evidence.c.ref)
        .where(evidence.c.removing_at.is_not(None))
        .order_by(evidence.c.removing_at, evidence.c.ref)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def waiting(connection: Connection) -> int:
    """Return how many marked rows there are."""
    query = sa.select(sa.func.count()).where(evidence.c.removing_at.is_not(None))
    return connection.execute(query).scalar_one()


def forget(connection: Connection, refs: Sequence[str], now: datetime) -> int:
    """Remove the rows of pictures that the store has deleted; returns how many were there."""
    done = connection.execute(
        sa.delete(evidence).where(evidence.c.ref.in_(refs), evidence.c.removing_at.is_not(None))
    )
    settle(connection, refs, now)
    return done.rowcount


def knows_any(connection: Connection) -> bool:
    """Tell whether a worker ever brought this database a picture: else it's no judge of a store."""
    from_alerts = sa.select(evidence_gone.c.alert_id).where(evidence_gone.c.alert_id.is_not(None))
    return any(
        connection.execute(query.limit(1)).first() is not None
        for query in (sa.select(evidence.c.ref), from_alerts, place_pictures.ANY)
    )


def put_off(connection: Connection, refs: Collection[str], now: datetime) -> None:
    """Let others be deleted before these, which the store would not let go."""
    connection.execute(
        sa.update(evidence)
        .where(evidence.c.ref.in_(refs), evidence.c.removing_at.is_not(None))
        .values(removing_at=now)
    )


def without_row(connection: Connection, refs: Sequence[str]) -> list[str]:
    """Return which of the store's refs have no row."""
    query = sa.select(evidence.c.ref).where(evidence.c.ref.in_(refs))
    known = set(connection.execute(query).scalars()) | place_pictures.known(connection, refs)
    return [ref for ref in refs if ref not in known]


def orphans(connection: Connection, refs: Sequence[str]) -> list[str]:
    """Return which of the store's refs have no row, and remember that they go.

    An alert that brings one later learns that it's gone: a worker's spool may be that slow.
    """
    found = without_row(connection, refs)
    remember(connection, dict.fromkeys(found))
    return found


def remember(connection: Connection, refs: dict[str, UUID] | dict[str, None]) -> None:
    """Keep hashes of refs that are going; what is remembered already stays as it is."""
    rows = [{"ref_hash": digest(ref), "alert_id": alert_id} for ref, alert_id in refs.items()]
    if rows:
        connection.execute(_ONCE[connection.dialect.name], rows)


def settle(connection: Connection, refs: Sequence[str], now: datetime) -> int:
    """Note that the store has deleted these; returns for how many nobody had noted it."""
    hashes = [digest(ref) for ref in refs]
    done = connection.execute(
        sa.update(evidence_gone)
        .where(evidence_gone.c.ref_hash.in_(hashes), evidence_gone.c.gone_at.is_(None))
        .values(gone_at=now)
    )
    return done.rowcount


def forget_old(connection: Connection, now: datetime) -> None:
    """Remove hashes that nothing can ask for any more."""
    connection.execute(sa.delete(evidence_gone).where(evidence_gone.c.gone_at < now - REMEMBERED))
