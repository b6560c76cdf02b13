"""Legal holds: an incident's evidence stays, what is there and what comes, until it's released."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.audit.log import record
from service.errors import UnknownIncidentError
from service.evidence.models import HoldOut
from service.evidence.retention import Rules, loaded
from service.evidence.rows import hold_of
from service.incidents.lifecycle import POLICY_PREFIX
from service.incidents.views import within
from service.tables import evidence, evidence_holds, incidents
from vision.hazards import Hazard

OVERRULED = f"{POLICY_PREFIX}overruled"
"""Takes a hold along when alerts of a drill turn out to be real."""


def hold(
    connection: Connection, who: Principal, incident_id: UUID, reason: str, now: datetime
) -> HoldOut:
    """Hold an incident's evidence; again gives the hold the new reason."""
    incident = existing(connection, who, incident_id)
    before = hold_of(connection, incident_id)
    if before is not None and (before.by, before.reason) == (who.login, reason):
        return before
    _put(connection, incident_id, HoldOut(by=who.login, reason=reason, at=now))
    detail = {"reason": reason}
    if before is not None:
        detail |= {"reason_before": before.reason, "by_before": before.by}
    _note(connection, incident, who.login, "evidence.held", detail)
    return HoldOut(by=who.login, reason=reason, at=now)


def release(connection: Connection, who: Principal, incident_id: UUID, reason: str) -> None:
    """End a hold: each picture goes when today's rules say, which may be at once."""
    incident = existing(connection, who, incident_id)
    before = hold_of(connection, incident_id)
    if before is None:
        return
    connection.execute(sa.delete(evidence_holds).where(evidence_holds.c.incident_id == incident_id))
    renew_expiry(connection, incident_id)
    detail = {"reason": reason, "held_by": before.by, "held_at": before.at.isoformat()}
    _note(connection, incident, who.login, "evidence.released", detail)


def take_along(connection: Connection, left: UUID, incident_id: UUID) -> None:
    """Hold an incident that takes over alerts of a held one: moving must not end a hold."""
    found = hold_of(connection, left)
    if found is None or hold_of(connection, incident_id) is not None:
        return
    _put(connection, incident_id, found)
    incident = _incident(connection, incidents.c.incident_id == incident_id)
    if incident is not None:
        detail = {"reason": found.reason, "held_by": found.by, "from": str(left)}
        _note(connection, incident, OVERRULED, "evidence.held", detail)


def renew_expiry(
    connection: Connection, incident_id: UUID, *conditions: sa.ColumnElement[bool]
) -> None:
    """Compute anew when an incident's pictures go; of what is being deleted nothing changes."""
    rules = Rules(loaded(connection))
    mine = (evidence.c.incident_id == incident_id, evidence.c.removing_at.is_(None))
    for row in connection.execute(sa.select(evidence).where(*mine, *conditions)).all():
        expires_at = rules.expiry(row.made_at, Hazard(row.hazard), row.place_code)
        connection.execute(
            sa.update(evidence).where(evidence.c.ref == row.ref).values(expires_at=expires_at)
        )


def existing(connection: Connection, who: Principal, incident_id: UUID) -> RowMapping:
    """Return an incident of the principal's places. Raises ``UnknownIncidentError``."""
    found = _incident(connection, incidents.c.incident_id == incident_id, within(who))
    if found is None:
        raise UnknownIncidentError(incident_id)
    return found


def _incident(connection: Connection, *conditions: sa.ColumnElement[bool]) -> RowMapping | None:
    return connection.execute(sa.select(incidents).where(*conditions)).mappings().one_or_none()


def _put(connection: Connection, incident_id: UUID, one: HoldOut) -> None:
    connection.execute(sa.delete(evidence_holds).where(evidence_holds.c.incident_id == incident_id))
    connection.execute(
        sa.insert(evidence_holds).values(
            incident_id=incident_id, held_by=one.by, reason=one.reason, held_at=one.at
        )
    )


def _note(
    connection: Connection,
    incident: RowMapping,
    actor: str,
    action: str,
    detail: dict[str, str],
) -> None:
    record(
        connection,
        actor=actor,
        action=action,
        object_kind="incident",
        object_id=str(incident["incident_id"]),
        place_code=incident["place_code"],
        detail={"camera_id": incident["camera_id"], "hazard": incident["hazard"], **detail},
    )
