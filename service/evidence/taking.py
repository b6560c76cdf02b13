"""Evidence that alerts name: noted once, moved with its alert, never brought back.

Everything happens in the transaction that stores the alert.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.messages import Alert, EvidenceAbsence, MessageError
from service.evidence import holds
from service.evidence.errors import EvidenceTakenError, EvidenceUntakenError
from service.evidence.retention import Rules, loaded
from service.evidence.rows import digest, there
from service.tables import alerts, evidence, evidence_gone, feed, incident_cameras, incidents

WITHOUT: Final = {"evidence_ref": None, "evidence_absent": EvidenceAbsence.EXPIRED.value}
"""What an alert says once its evidence is gone."""

_FAULTS: Final = (sa.exc.SQLAlchemyError, ValueError, TypeError, LookupError, ArithmeticError)
"""What one alert's names or a row of rules can lead to."""


def take(
    connection: Connection, alert: Alert, incident_id: UUID, now: datetime
) -> MessageError | None:
    """Note what an alert's revision names; the alert is stored already, and stays whatever fails.

    A revision may come after its picture has gone: the alert then says so, and nothing comes back.
    Returns why the alert goes without its picture, where that is a fault.
    """
    ref = alert.evidence_ref
    if ref is None:
        return None
    fault = _tried(connection, partial(_take, connection, alert, ref, incident_id, now))
    if fault is not None:
        _without(connection, alert.alert_id, EvidenceAbsence.STORE_FAILED)
    return fault


def take_all(
    connection: Connection, batch: Sequence[tuple[Alert, UUID]], now: datetime
) -> dict[UUID, MessageError]:
    """Take each alert's evidence, by its incident; returns why some go without, by alert.

    Most revisions name what is noted already: that is found out for all of them at once.
    """
    named = {alert.evidence_ref for alert, _ in batch} - {None}
    if not named:
        return {}
    query = sa.select(evidence.c.ref, evidence.c.alert_id).where(
        evidence.c.ref.in_(named), evidence.c.removing_at.is_(None)
    )
    noted = {row.ref: row.alert_id for row in connection.execute(query)}
    faults: dict[UUID, MessageError] = {}
    for alert, incident_id in batch:
        if noted.get(alert.evidence_ref) != alert.alert_id:
            fault = take(connection, alert, incident_id, now)
            if fault is not None:
                faults[alert.alert_id] = fault
    return faults


def move(
    connection: Connection, alert_id: UUID, left: UUID, incident_id: UUID, now: datetime
) -> MessageError | None:
    """Let evidence follow its alert into another incident, and a legal hold with it.

    Returns why it stays where it was, with the hold there, where that is so.
    """
    return move_all(connection, [alert_id], left, incident_id, now)


def move_all(
    connection: Connection,
    alert_ids: Sequence[UUID],
    left: UUID,
    incident_id: UUID,
    now: datetime,
) -> MessageError | None:
    """Let the evidence of several alerts of one incident follow them, as ``move`` does."""
    return _tried(connection, partial(_move, connection, alert_ids, left, incident_id, now))


def _tried(connection: Connection, work: Callable[[], None]) -> MessageError | None:
    """Do ``work`` wholly or not at all: no alert is lost for its picture."""
    try:
        with connection.begin_nested():
            work()
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError):
        raise  # the database is away: the alert is taken again
    except EvidenceTakenError as error:
        return error
    except _FAULTS as error:
        # Not in its own words: those of a database hold the ref.
        return EvidenceUntakenError(f"its evidence can't be noted: {type(error).__name__}")
    return None


def _take(connection: Connection, alert: Alert, ref: str, incident_id: UUID, now: datetime) -> None:
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


def _move(
    connection: Connection,
    alert_ids: Sequence[UUID],
    left: UUID,
    incident_id: UUID,
    now: datetime,
) -> None:
    theirs = evidence.c.alert_id.in_(alert_ids)
    found = connection.execute(sa.select(evidence.c.ref, evidence.c.camera_id).where(theirs)).all()
    # Expiry cleans the events of the incident that has the evidence then, which this is not.
    refs = frozenset(row.ref for row in found)
    clean_feed(connection, [left], refs, dict.fromkeys(WITHOUT))
    moved = connection.execute(sa.update(evidence).where(theirs).values(incident_id=incident_id))
    for camera_id, code in _places_of(connection, incident_id, {row.camera_id for row in found}):
        own = sa.and_(theirs, evidence.c.camera_id == camera_id)
        connection.execute(sa.update(evidence).where(own).values(place_code=code))
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


def _without(
    connection: Connection, alert_id: UUID, why: EvidenceAbsence = EvidenceAbsence.EXPIRED
) -> None:
    values = {"evidence_ref": None, "evidence_absent": why.value}
    connection.execute(sa.update(alerts).where(alerts.c.alert_id == alert_id).values(**values))


def _insert(
    connection: Connection, alert: Alert, ref: str, incident_id: UUID, now: datetime
) -> None:
    place_code = dict(_places_of(connection, incident_id, {alert.camera_id})).get(alert.camera_id)
    # A spool may have kept it for days, and an alert goes on: its time runs from the first sight.
    made_at = min(alert.first_seen_at, now)
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


def _places_of(
    connection: Connection, incident_id: UUID, names: Collection[str]
) -> list[tuple[str, str | None]]:
    """Return where cameras of an incident stood as they joined it: who sees their pictures."""
    queries = (
        sa.select(table.c.camera_id, table.c.place_code).where(
            table.c.incident_id == incident_id, table.c.camera_id.in_(names)
        )
        for table in (incidents, incident_cameras)
    )
    return [(row.camera_id, row.place_code) for one in queries for row in connection.execute(one)]


def clean_feed(
    connection: Connection,
    incident_ids: Sequence[UUID],
    refs: frozenset[str],
    instead: Mapping[str, str | None],
) -> None:
    """Take refs out of events that a client may still be sent."""
    query = sa.select(feed.c.id, feed.c.payload).where(feed.c.incident_id.in_(incident_ids))
    for row in connection.execute(query).all():
        if row.payload.get("evidence_ref") in refs:
            payload = {**row.payload, **instead}
            connection.execute(sa.update(feed).where(feed.c.id == row.id).values(payload=payload))
