"""Evidence in the database: what is there to be shown, and what is held."""

import hashlib
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.evidence.models import HoldOut
from service.places.store import inside
from service.tables import evidence, evidence_holds


def digest(ref: str) -> str:
    """Return what the audit and the memory of what is gone keep of a ref: it opens nothing."""
    return hashlib.sha256(ref.encode()).hexdigest()


def held() -> sa.ColumnElement[bool]:
    """Return the condition that a row of ``evidence`` is under a legal hold."""
    return (
        sa.select(evidence_holds.c.incident_id)
        .where(evidence_holds.c.incident_id == evidence.c.incident_id)
        .exists()
    )


def there(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a row may be shown: its time is not over, or it's held."""
    return sa.and_(evidence.c.removing_at.is_(None), sa.or_(evidence.c.expires_at > now, held()))


def visible(connection: Connection, who: Principal, ref: str, now: datetime) -> RowMapping | None:
    """Return a row that may be shown to a principal.

    An incident may be seen from several places: a picture belongs to its own camera's.
    """
    own = inside(who, evidence.c.place_code)
    query = sa.select(evidence).where(evidence.c.ref == ref, there(now), own)
    return connection.execute(query).mappings().one_or_none()


def of_incident(
    connection: Connection, who: Principal, incident_id: UUID, now: datetime, limit: int
) -> list[RowMapping]:
    """Return the newest rows of an incident that may be shown to a principal, newest first."""
    own = inside(who, evidence.c.place_code)
    query = (
        sa.select(evidence)
        .where(evidence.c.incident_id == incident_id, there(now), own)
        .order_by(evidence.c.made_at.desc(), evidence.c.ref)
        .limit(limit)
    )
    return list(connection.execute(query).mappings())


def hold_of(connection: Connection, incident_id: UUID) -> HoldOut | None:
    """Return an incident's legal hold."""
    query = sa.select(evidence_holds).where(evidence_holds.c.incident_id == incident_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else HoldOut(by=row.held_by, reason=row.reason, at=row.held_at)
