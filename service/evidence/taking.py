"""Evidence that alerts name: noted once, moved with its alert, never brought back.

Everything happens in the transaction that stores the alert.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.messages import Alert, EvidenceAbsence
from service.evidence import holds
from service.evidence.errors import EvidenceTakenError
from service.evidence.retention import Rules, loaded
from service.evidence.rows import digest, there
from service.tables import alerts, evidence, evidence_gone, incidents

WITHOUT: Final = {"evidence_ref": None, "evidence_absent": EvidenceAbsence.EXPIRED.value}
"""What an alert says once its evidence is gone."""


def take(connection: Connection, alert: Alert, incident_id: UUID, now: datetime) -> None:
    """Note what an alert's revision names; the alert is stored already.

    A revision may come after its picture has gone: the alert then says so, and nothing comes back.
    Raises ``EvidenceTakenError``.
    """
    ref = alert.evidence_ref
    if ref is None:
        return
    query = sa.select(evidence.c.alert_id, evidence.c.removing_at).where(evidence.c.ref == ref)
    known = connection.execute(query).one_or_none()
    if known is not None:
        _require_own(alert, known.alert_id)
        if known.removing_at is not None:
            _without(connection, alert.alert_id)
        return
    query = sa.select(evidence_gone.c.alert_id).where(evidence_gone.c.ref_hash == digest(ref))
    gone = connection.execute(query).one_or_none()
    if gone is not None:
        _require_own(alert, gone.alert_id or alert.alert_id)
        _without(connection, alert.alert_id)
        return
    _insert(connection, alert, ref, incident_id, now)


def move(
    connection: Connection, alert_id: UUID, left: UUID, incident_id: UUID, now: datetime
) -> None:
    """Let evidence follow its alert into another incident, and a legal hold with it."""
    place_code = _place_of(connection, incident_id)
    moved = connection.execute(
        sa.update(evidence)
        .where(evidence.c.alert_id == alert_id)
        .values(incident_id=incident_id, place_code=place_code)
    )
    holds.take_along(connection, left, incident_id)
    if moved.rowcount:
        holds.renew_expiry(connection, incident_id, there(now))


def _require_own(alert: Alert, owner: UUID) -> None:
    if owner != alert.alert_id:
        raise EvidenceTakenError(
            f"alert {alert.alert_id} names evidence of alert {owner}: such a name can't be "
            "guessed, so look at who can write to Redis, and at the worker of camera "
            f"{alert.camera_id}"
        )


def _without(connection: Connection, alert_id: UUID) -> None:
    connection.execute(sa.update(alerts).where(alerts.c.alert_id == alert_id).values(**WITHOUT))


def _insert(
    connection: Connection, alert: Alert, ref: str, incident_id: UUID, now: datetime
) -> None:
    place_code = _place_of(connection, incident_id)
    # A spool may have kept it for days: its time runs from what it shows.
    made_at = min(alert.last_seen_at, now)
    rules = Rules(loaded(connection))
    connection.execute(
        sa.insert(evidence).values(
            ref=ref,
            alert_id=alert.alert_id,
            incident_id=incident_id,
            camera_id=alert.camera_id,
            place_code=place_code,
            hazard=alert.hazard.value,
            made_at=made_at,
            expires_at=rules.expiry(made_at, alert.hazard, place_code),
        )
    )


def _place_of(connection: Connection, incident_id: UUID) -> str | None:
    query = sa.select(incidents.c.place_code).where(incidents.c.incident_id == incident_id)
    return connection.execute(query).scalar_one_or_none()
