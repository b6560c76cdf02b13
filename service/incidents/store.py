"""Alerts into the database: the latest revision of each, its incident, its order, its events.

Everything of a batch happens in the caller's one transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.messages import Alert, DispatchOrder, MessageError, encode
from service.cameras.store import place_of
from service.dispatch.drills import drill_order
from service.evidence import taking
from service.feed import log
from service.incidents import changing, views
from service.incidents.history import Step
from service.incidents.lifecycle import IncidentState, StepKind
from service.incidents.merge import (
    DRILL_MERGE_GAP_S,
    DRILL_POLICY,
    Incident,
    home,
    opened_by,
    overruling,
    summarised,
)
from service.settings import ServiceSettings
from service.tables import alerts, incidents, orders
from vision.hazards import Hazard, Severity


class DrillChangedError(MessageError):
    """An alert known as the real thing came as a drill: real it stays."""

    code = "drill_changed"


class Outcome(StrEnum):
    """What an alert's revision did."""

    OPENED = "opened"
    MERGED = "merged"
    REVISED = "revised"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One revision that the database now has."""

    outcome: Outcome
    """What it did."""
    incident_id: UUID
    """Where it went."""
    order: DispatchOrder | None = None
    """The order it led to."""
    left: UUID | None = None
    """The drill that it was taken for until now."""
    untaken: MessageError | None = None
    """Why its evidence could not be taken with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sighting:
    severity: Severity
    first_seen_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    score: float


def take(
    connection: Connection, settings: ServiceSettings, batch: Iterable[Alert], now: datetime
) -> list[Taken]:
    """Store a batch, one result an alert, and tell the feed once for each incident changed.

    Raises ``DrillChangedError``.
    """
    results = [_take_one(connection, settings, alert, now) for alert in batch]
    opened = {taken.incident_id for taken in results if taken.outcome is Outcome.OPENED}
    changed = {taken.incident_id: None for taken in results if taken.outcome is not Outcome.STALE}
    changed |= {taken.left: None for taken in results if taken.left is not None}
    for view in views.by_id(connection, list(changed)):
        incident_id = UUID(view["incident_id"])
        kind = log.FeedKind.OPENED if incident_id in opened else log.FeedKind.UPDATED
        if view["state"] == IncidentState.CLOSED:
            kind = log.FeedKind.CLOSED
        log.append(connection, kind, incident_id, view, now)
    return results


def close_silent_drills(connection: Connection, last_seen_before: datetime, now: datetime) -> int:
    """Close drills whose worker went away before it could say that they ended.

    A later sign opens such a drill again, without a second order. Returns how many were closed.
    """
    silent = sa.and_(
        incidents.c.drill.is_(True),
        incidents.c.state == IncidentState.DISPATCHED.value,
        incidents.c.last_seen_at < last_seen_before,
    )
    ids = connection.execute(sa.select(incidents.c.incident_id).where(silent)).scalars().all()
    for incident_id in ids:
        changing.take(
            connection, incident_id, Step(kind=StepKind.CLOSED, actor=DRILL_POLICY, at=now)
        )
    return len(ids)


def _take_one(
    connection: Connection, settings: ServiceSettings, alert: Alert, now: datetime
) -> Taken:
    known = connection.execute(
        sa.select(alerts.c.incident_id, alerts.c.revision, alerts.c.drill).where(
            alerts.c.alert_id == alert.alert_id
        )
    ).one_or_none()
    if known is not None:
        if known.drill and not alert.drill:
            return _overrule(connection, settings, alert, known.incident_id, now)
        if alert.drill and not known.drill:
            raise DrillChangedError(
                f"alert {alert.alert_id} came as the real thing before: find the worker that "
                "sends both"
            )
        if alert.revision <= known.revision:
            return Taken(outcome=Outcome.STALE, incident_id=known.incident_id)
        _revise_alert(connection, alert)
        untaken = taking.take(connection, alert, known.incident_id, now)
        _renew(connection, known.incident_id)
        return Taken(outcome=Outcome.REVISED, incident_id=known.incident_id, untaken=untaken)
    gap_s = DRILL_MERGE_GAP_S if alert.drill else settings.merge_gap_of(alert.hazard)
    incident = home(alert, _candidates(connection, alert, gap_s), gap_s)
    if incident is None:
        return _open(connection, alert, now)
    untaken = _insert_alert(connection, alert, incident.incident_id, now)
    _renew(connection, incident.incident_id)
    return Taken(outcome=Outcome.MERGED, incident_id=incident.incident_id, untaken=untaken)


def _overrule(
    connection: Connection, settings: ServiceSettings, alert: Alert, drill: UUID, now: datetime
) -> Taken:
    """Take an alert that is known as a drill for the real thing, whatever its revision.

    A mistaken drill must never keep a real alarm from people. An order that the drill has led to
    stays what it is.
    """
    gap_s = settings.merge_gap_of(alert.hazard)
    incident = home(alert, _candidates(connection, alert, gap_s), gap_s)
    outcome = Outcome.MERGED
    if incident is None:
        outcome, incident = Outcome.OPENED, overruling(alert, drill, now)
        while _exists(connection, incident.incident_id):
            incident = overruling(alert, incident.incident_id, now)
        _insert_incident(connection, incident)
    _revise_alert(connection, alert, incident_id=incident.incident_id, received_at=now)
    unmoved = taking.move(connection, alert.alert_id, drill, incident.incident_id, now)
    untaken = taking.take(connection, alert, incident.incident_id, now) or unmoved
    _renew(connection, incident.incident_id)
    _renew(connection, drill)
    return Taken(outcome=outcome, incident_id=incident.incident_id, left=drill, untaken=untaken)


def _open(connection: Connection, alert: Alert, now: datetime) -> Taken:
    incident = opened_by(alert, now)
    _insert_incident(connection, incident)
    untaken = _insert_alert(connection, alert, incident.incident_id, now)
    order = drill_order(incident, alert, now) if incident.drill else None
    if order is not None:
        _insert_order(connection, order)
    _renew(connection, incident.incident_id)
    return Taken(
        outcome=Outcome.OPENED, incident_id=incident.incident_id, order=order, untaken=untaken
    )


def _candidates(connection: Connection, alert: Alert, gap_s: float) -> list[Incident]:
    gap = timedelta(seconds=gap_s)
    query = sa.select(incidents).where(
        incidents.c.camera_id == alert.camera_id,
        incidents.c.hazard == alert.hazard,
        incidents.c.zone_id == alert.zone_id,
        incidents.c.drill == alert.drill,
        incidents.c.last_seen_at >= alert.first_seen_at - gap,
        incidents.c.first_seen_at <= alert.last_seen_at + gap,
        # A camera that was moved opens a new one: the old place's people keep theirs.
        incidents.c.place_code.is_not_distinct_from(place_of(connection, alert.camera_id)),
    )
    return [_incident(row) for row in connection.execute(query).mappings()]


def _exists(connection: Connection, incident_id: UUID) -> bool:
    query = sa.select(incidents.c.incident_id).where(incidents.c.incident_id == incident_id)
    return connection.execute(query).first() is not None


def _renew(connection: Connection, incident_id: UUID) -> None:
    row = (
        connection.execute(sa.select(incidents).where(incidents.c.incident_id == incident_id))
        .mappings()
        .one()
    )
    columns = [alerts.c[field.name] for field in fields(_Sighting)]
    sightings = [
        _Sighting(**{**seen, "severity": Severity(seen["severity"])})
        for seen in connection.execute(
            sa.select(*columns).where(alerts.c.incident_id == incident_id)
        ).mappings()
    ]
    if sightings:
        values = _columns(summarised(_incident(row), sightings))
    else:  # a drill whose alerts have all turned out to be real
        values = {"state": IncidentState.CLOSED.value, "ended_at": row["last_seen_at"]}
    connection.execute(
        sa.update(incidents).where(incidents.c.incident_id == incident_id).values(**values)
    )


def _insert_incident(connection: Connection, incident: Incident) -> None:
    # Where the camera stood when it happened: who may see the incident stays the same if it moves.
    place_code = place_of(connection, incident.camera_id)
    connection.execute(sa.insert(incidents).values(**_columns(incident), place_code=place_code))


def _insert_alert(
    connection: Connection, alert: Alert, incident_id: UUID, now: datetime
) -> MessageError | None:
    values = _alert_columns(alert) | {"incident_id": incident_id, "received_at": now}
    connection.execute(sa.insert(alerts).values(**values))
    return taking.take(connection, alert, incident_id, now)


def _revise_alert(connection: Connection, alert: Alert, **changes: Any) -> None:
    values = _alert_columns(alert) | changes
    connection.execute(
        sa.update(alerts).where(alerts.c.alert_id == alert.alert_id).values(**values)
    )


def _insert_order(connection: Connection, order: DispatchOrder) -> None:
    connection.execute(
        sa.insert(orders).values(
            order_id=order.order_id,
            incident_id=order.incident_id,
            decision_id=order.decision_id,
            target=order.target,
            drill=order.drill,
            decided_by=order.decided_by,
            decided_at=order.decided_at,
            body=encode(order).decode(),
        )
    )


def _alert_columns(alert: Alert) -> dict[str, Any]:
    values = msgspec.structs.asdict(alert)
    del values["schema_version"]
    values["box"] = None if alert.box is None else list(alert.box)
    values["detail"] = None if alert.detail is None else msgspec.to_builtins(alert.detail)
    return _with_plain_words(values)


def _columns(incident: Incident) -> dict[str, Any]:
    return _with_plain_words(
        {field.name: getattr(incident, field.name) for field in fields(incident)}
    )


def _with_plain_words(values: dict[str, Any]) -> dict[str, Any]:
    # Drivers differ in what they make of an enum: some write its name.
    return {
        name: value.value if isinstance(value, StrEnum) else value for name, value in values.items()
    }


def _incident(row: sa.RowMapping) -> Incident:
    values = {field.name: row[field.name] for field in fields(Incident)}
    values["hazard"] = Hazard(row["hazard"])
    values["severity"] = Severity(row["severity"])
    values["state"] = IncidentState(row["state"])
    return Incident(**values)
