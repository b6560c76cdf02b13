"""Verdicts in the database: one an incident and account, audited, changed while it can matter."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.audit.log import record
from service.errors import UnknownIncidentError
from service.incidents.views import within
from service.tables import incidents, verdicts
from service.verdicts.errors import DrillIncidentError, VerdictTooLateError
from service.verdicts.kept import KEPT
from service.verdicts.models import VerdictIn, VerdictOut, VerdictsOut

_SAID = ("verdict", "reason", "note")


def give(connection: Connection, who: Principal, incident_id: UUID, given: VerdictIn) -> None:
    """Store what an account says of an incident, in place of what it said before."""
    incident = _existing(connection, who, incident_id)
    now = datetime.now(UTC)
    if incident["drill"]:
        raise DrillIncidentError
    if incident["last_seen_at"] < now - KEPT:
        raise VerdictTooLateError(KEPT.days)
    said = {
        "verdict": given.verdict.value,
        "reason": None if given.reason is None else given.reason.value,
        "note": given.note or None,
    }
    own = (verdicts.c.incident_id == incident_id, verdicts.c.account_id == who.account_id)
    before = connection.execute(sa.select(verdicts).where(*own)).mappings().one_or_none()
    if before is not None and all(before[name] == said[name] for name in _SAID):
        return
    connection.execute(sa.delete(verdicts).where(*own))
    connection.execute(
        sa.insert(verdicts).values(
            incident_id=incident_id,
            account_id=who.account_id,
            given_at=now,
            given_by=who.login,
            **said,
        )
    )
    record(
        connection,
        actor=who.login,
        action="verdict.given",
        object_kind="incident",
        object_id=str(incident_id),
        place_code=incident["place_code"],
        detail=_detail(incident["camera_id"], said, before),
    )


def given(connection: Connection, who: Principal, incident_id: UUID) -> VerdictsOut:
    """Return what is said of an incident."""
    _existing(connection, who, incident_id)
    query = (
        sa.select(verdicts)
        .where(verdicts.c.incident_id == incident_id)
        .order_by(verdicts.c.given_at, verdicts.c.account_id)
    )
    found = connection.execute(query).mappings()
    return VerdictsOut(
        incident_id=incident_id,
        verdicts=[VerdictOut.model_validate(dict(row)) for row in found],
    )


def _existing(connection: Connection, who: Principal, incident_id: UUID) -> RowMapping:
    query = sa.select(incidents).where(incidents.c.incident_id == incident_id, within(who))
    found = connection.execute(query).mappings().one_or_none()
    if found is None:
        raise UnknownIncidentError(incident_id)
    return found


def _detail(camera_id: str, said: dict[str, Any], before: RowMapping | None) -> dict[str, Any]:
    # The audit outlives the note, and can't be mended: it tells only that there is one.
    detail = {**said, "note": "given" if said["note"] else None, "camera_id": camera_id}
    if before is not None:
        detail["before"] = {name: before[name] for name in ("verdict", "reason")}
    return detail
