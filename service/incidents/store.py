"""Alerts into the database: the latest revision of each, its incident, its history, its events.

Everything of a batch happens in the caller's one transaction, by few statements however many
alerts it has: that is what a flood's speed comes from.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping, bindparam

from pipelines.messages import Alert, MessageError
from service.dispatch import deciding, policies
from service.dispatch.targets import TargetBook
from service.evidence import taking
from service.feed import log
from service.incidents import changing, history, seers, views
from service.incidents.batch import Batch, DrillChangedError, Outcome, Put, Taken, rounds
from service.incidents.gathering import gather
from service.incidents.history import Happened, Step
from service.incidents.lifecycle import (
    OPEN,
    OVER,
    POLICY_PREFIX,
    IncidentState,
    StepKind,
)
from service.incidents.merge import DRILL_POLICY, URGENCY, Incident, Spot, Summary
from service.settings import ServiceSettings
from service.tables import alerts, dispatch_policies, incidents

__all__ = ["DrillChangedError", "Outcome", "Taken", "close_silent_drills", "renew", "take"]

INTAKE: Final = f"{POLICY_PREFIX}intake"
"""Opens incidents."""

_SUMMARY: Final = tuple(one.name for one in fields(Summary))

Results = list[Taken | MessageError]


def take(
    connection: Connection,
    settings: ServiceSettings,
    batch: Iterable[Alert],
    now: datetime,
    book: TargetBook,
) -> Results:
    """Store a batch, one result an alert, and tell the feed once for each incident changed.

    An alert that can't be taken leads to an error in its place, and to nothing else.
    """
    results: Results = []
    for part in rounds(batch):
        results += _take_round(connection, settings, part, now, book)
    return results


def renew(connection: Connection, incident_id: UUID) -> None:
    """Let an incident say again what its alerts say, after some came or went by hand.

    Nobody is told; its state stays, but a drill ends and goes on with its alerts.
    """
    _renew(connection, [incident_id], datetime.now(UTC))


def close_silent_drills(connection: Connection, last_seen_before: datetime, now: datetime) -> int:
    """Close drills whose worker went away before it could say that they ended.

    A later sign opens such a drill again, without a second order. One that a person has opened
    again is left alone for as long. Returns how many were closed.
    """
    since = sa.func.coalesce(incidents.c.waiting_from, incidents.c.opened_at)
    silent = sa.and_(
        incidents.c.drill.is_(True),
        incidents.c.state.in_(sorted(one.value for one in OPEN)),
        incidents.c.last_seen_at < last_seen_before,
        sa.or_(incidents.c.state == IncidentState.DISPATCHED.value, since < last_seen_before),
    )
    ids = connection.execute(sa.select(incidents.c.incident_id).where(silent)).scalars().all()
    for incident_id in ids:
        changing.take(
            connection, incident_id, Step(kind=StepKind.CLOSED, actor=DRILL_POLICY, at=now)
        )
    return len(ids)


def _take_round(
    connection: Connection,
    settings: ServiceSettings,
    part: Sequence[Alert],
    now: datetime,
    book: TargetBook,
) -> Results:
    work = Batch(gather(connection, settings, part), settings, now, partial(_exists, connection))
    results = [work.take(alert) for alert in part]
    if not work.changed:
        return results
    _write(connection, work, now)
    untaken = _take_evidence(connection, work, now)
    _renew(connection, list(work.changed), now)
    _tell(connection, list(work.changed), now, opened=work.opened)
    undecided = _decide(connection, work.opened, now, book)
    return [
        _completed(one, untaken.get(alert.alert_id), undecided)
        for alert, one in zip(part, results, strict=True)
    ]


def _completed(
    one: Taken | MessageError,
    untaken: MessageError | None,
    undecided: Mapping[UUID, Exception],
) -> Taken | MessageError:
    if isinstance(one, MessageError):
        return one
    opened = one.outcome is Outcome.OPENED
    return replace(
        one, untaken=untaken, undecided=undecided.get(one.incident_id) if opened else None
    )


def _exists(connection: Connection, incident_id: UUID) -> bool:
    query = sa.select(incidents.c.incident_id).where(incidents.c.incident_id == incident_id)
    return connection.execute(query).first() is not None


def _write(connection: Connection, work: Batch, now: datetime) -> None:
    if work.opened:
        rows = [_opened_row(incident, spot) for incident, spot in work.opened.values()]
        connection.execute(sa.insert(incidents), rows)
        history.append(connection, [_opened_step(one) for one, _ in work.opened.values()])
    seers.note(connection, work.opened, work.joined)
    if work.inserted:
        rows = [{**_put_columns(one), "received_at": now} for one in work.inserted.values()]
        connection.execute(sa.insert(alerts), rows)
    still = [one for one in work.updated.values() if one.moved_from is None]
    moved = [one for one in work.updated.values() if one.moved_from is not None]
    if still:
        connection.execute(_REVISION, [_bound(_put_columns(one)) for one in still])
    if moved:
        rows = [_bound({**_put_columns(one), "received_at": now}) for one in moved]
        connection.execute(_REVISION.values(received_at=bindparam("b_received_at")), rows)


def _take_evidence(
    connection: Connection, work: Batch, now: datetime
) -> Mapping[UUID, MessageError]:
    """Return why alerts go without their picture, of those where that is a fault."""
    unmoved: dict[UUID, MessageError] = {}
    puts = [*work.inserted.values(), *work.updated.values()]
    for one in puts:
        if one.moved_from is not None:
            alert_id = one.alert.alert_id
            fault = taking.move(connection, alert_id, one.moved_from, one.incident_id, now)
            if fault is not None:
                unmoved[alert_id] = fault
    pairs = [(one.alert, one.incident_id) for one in puts]
    return {**unmoved, **taking.take_all(connection, pairs, now)}


def _renew(connection: Connection, ids: Sequence[UUID], now: datetime) -> None:
    summaries = _summaries(connection, ids)
    query = sa.select(incidents).where(incidents.c.incident_id.in_(ids))
    rows = connection.execute(query).mappings().all()
    changes = []
    for row in rows:
        summary = summaries.get(row["incident_id"])
        # Without any alert it was a drill whose alerts have all turned out to be real.
        values = {"ended_at": row["last_seen_at"]} if summary is None else _plain_words(summary)
        if any(row[name] != value for name, value in values.items()):
            known = {name: row[name] for name in _SUMMARY}
            changes.append(_bound({"incident_id": row["incident_id"], **known, **values}))
    if changes:
        connection.execute(_RENEWAL, changes)
    for row in rows:
        if row["drill"]:
            _follow_drill(connection, row, summaries.get(row["incident_id"]), now)


def _follow_drill(
    connection: Connection, row: RowMapping, summary: Summary | None, now: datetime
) -> None:
    """Close a drill once every alert has ended; it goes on when one of them does."""
    state = IncidentState(row["state"])
    is_over = summary is None or summary.ended_at is not None
    by_policy = (row["state_by"] or "").startswith(POLICY_PREFIX)
    kind = None
    if is_over and state in OPEN - {IncidentState.NEW}:
        kind = StepKind.CLOSED
    elif not is_over and state is IncidentState.CLOSED and by_policy:
        kind = StepKind.RESUMED
    if kind is not None and row["merged_into"] is None:
        step = Step(kind=kind, actor=DRILL_POLICY, at=now)
        changing.take(connection, row["incident_id"], step, tell=False)


def _tell(
    connection: Connection, ids: Sequence[UUID], now: datetime, opened: Collection[UUID] = ()
) -> None:
    events = []
    for view in views.by_id(connection, ids):
        incident_id = UUID(view["incident_id"])
        kind = log.FeedKind.UPDATED
        if incident_id in opened:
            kind = log.FeedKind.OPENED
        elif view["state"] in OVER:
            kind = log.FeedKind.CLOSED
        events.append((kind, incident_id, view))
    log.append_all(connection, events, now)


def _decide(
    connection: Connection,
    opened: Mapping[UUID, tuple[Incident, Spot]],
    now: datetime,
    book: TargetBook,
) -> dict[UUID, Exception]:
    """Let policies decide about new incidents: of drills they do, of real ones they may.

    Returns where one could not: that incident waits for a person, and no alert is lost for it.
    """
    drills = [one.incident_id for one, _ in opened.values() if one.drill]
    real = [one for one, _ in opened.values() if not one.drill]
    hazards = _unconfirmed_hazards(connection) if real else frozenset()
    free = [one.incident_id for one in real if one.hazard in hazards]
    undecided: dict[UUID, Exception] = {}
    rows = _rows(connection, [*drills, *free])
    if not rows:
        return undecided
    rules, decided = deciding.Rules.read(connection), []
    for incident_id, row in rows.items():
        try:
            with connection.begin_nested():
                if _decide_one(connection, book, rules, row, now):
                    decided.append(incident_id)
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError):
            raise  # the database is away: all is done again
        except Exception as error:  # noqa: BLE001 - whatever it is, the alert comes first
            undecided[incident_id] = error
    _tell(connection, decided, now)
    return undecided


def _decide_one(
    connection: Connection,
    book: TargetBook,
    rules: deciding.Rules,
    row: RowMapping,
    now: datetime,
) -> bool:
    """Let a policy decide; tell whether it sent anything."""
    if not row["drill"]:
        return bool(deciding.decide_unconfirmed(connection, book, rules, row, now))
    deciding.decide_drill(connection, book, rules, row, now)
    if row["ended_at"] is not None:  # before anybody heard of it
        step = Step(kind=StepKind.CLOSED, actor=DRILL_POLICY, at=now)
        changing.take(connection, row["incident_id"], step, tell=False)
    return True


def _rows(connection: Connection, ids: Collection[UUID]) -> dict[UUID, RowMapping]:
    if not ids:
        return {}
    query = sa.select(incidents).where(incidents.c.incident_id.in_(ids))
    return {row["incident_id"]: row for row in connection.execute(query).mappings()}


def _unconfirmed_hazards(connection: Connection) -> frozenset[str]:
    query = sa.select(dispatch_policies.c.hazard).where(dispatch_policies.c.unconfirmed)
    return policies.FREE | frozenset(connection.execute(query.distinct()).scalars())


def _summaries(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Summary]:
    urgency = sa.case(
        {word.value: number for number, word in enumerate(URGENCY)}, value=alerts.c.severity
    )
    query = (
        sa.select(
            alerts.c.incident_id,
            sa.func.min(urgency).label("urgency"),
            sa.func.min(alerts.c.first_seen_at).label("first_seen_at"),
            sa.func.max(alerts.c.last_seen_at).label("last_seen_at"),
            sa.func.max(alerts.c.ended_at).label("ended_at"),
            sa.func.max(alerts.c.score).label("score"),
            (sa.func.count() - sa.func.count(alerts.c.ended_at)).label("going_on"),
        )
        .where(alerts.c.incident_id.in_(ids))
        .group_by(alerts.c.incident_id)
    )
    return {
        row.incident_id: Summary(
            severity=URGENCY[row.urgency],
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            ended_at=None if row.going_on else row.ended_at,
            score=row.score,
        )
        for row in connection.execute(query)
    }


_REVISED_COLUMNS: Final = tuple(
    column.name
    for column in alerts.c
    if column.name not in {"alert_id", "received_at"}
)  # fmt: skip

_REVISION: Final = (
    sa.update(alerts)
    .where(alerts.c.alert_id == bindparam("b_alert_id"))
    .values({name: bindparam(f"b_{name}") for name in _REVISED_COLUMNS})
)

_RENEWAL: Final = (
    sa.update(incidents)
    .where(incidents.c.incident_id == bindparam("b_incident_id"))
    .values({name: bindparam(f"b_{name}") for name in _SUMMARY})
)


def _bound(values: Mapping[str, Any]) -> dict[str, Any]:
    # A parameter may not be called as a column is.
    return {f"b_{name}": value for name, value in values.items()}


def _opened_row(incident: Incident, spot: Spot) -> dict[str, Any]:
    # Where the camera stood when it happened: who may see the incident stays the same if it moves.
    return {
        **_plain_words(incident),
        "place_code": spot.place_code,
        "wgs84_longitude": spot.wgs84_longitude,
        "wgs84_latitude": spot.wgs84_latitude,
        "waiting_from": incident.opened_at,
        "due_at": None if incident.drill else incident.opened_at,
    }


def _opened_step(incident: Incident) -> Happened:
    step = Step(kind=StepKind.OPENED, actor=INTAKE, at=incident.opened_at)
    state = IncidentState.NEW
    return Happened(incident_id=incident.incident_id, step=step, before=None, after=state)


def _put_columns(one: Put) -> dict[str, Any]:
    return {**_alert_columns(one.alert), "incident_id": one.incident_id}


def _alert_columns(alert: Alert) -> dict[str, Any]:
    values = msgspec.structs.asdict(alert)
    del values["schema_version"]
    values["box"] = None if alert.box is None else list(alert.box)
    values["detail"] = None if alert.detail is None else msgspec.to_builtins(alert.detail)
    return {name: _plain_word(value) for name, value in values.items()}


def _plain_words(one: Incident | Summary) -> dict[str, Any]:
    return {field.name: _plain_word(getattr(one, field.name)) for field in fields(one)}


def _plain_word(value: object) -> object:
    # Drivers differ in what they make of an enum: some write its name.
    return value.value if isinstance(value, StrEnum) else value
