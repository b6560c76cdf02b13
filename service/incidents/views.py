"""Incidents as clients see them: plain JSON values, times in RFC 3339 UTC."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.places.store import inside
from service.tables import alerts, incidents, orders

View = dict[str, Any]

_EVIDENCE = ("evidence_ref", "evidence_absent")

_LATEST = ("detail", *_EVIDENCE, "model")
"""What an incident shows of its latest alert; but evidence of the latest that has any: an older
picture says more than the word that the next is still being made."""

_INSIDE = frozenset({"upstream", "due_at"})
_OF_THE_OUTBOX = frozenset({"body", "entry_id", "leased_by", "leased_until", "wants_updates"})
"""What is no client's business."""

_NO_ALERT: View = dict.fromkeys(_LATEST)
"""An incident has none if it was a drill and its alerts turned out to be real."""


def within(principal: Principal) -> sa.ColumnElement[bool]:
    """Return the condition that an incident lies in the principal's places.

    One without a place, of a camera that isn't registered, is for whoever sees everything. One
    whose place is gone stays with those above.
    """
    return inside(principal, incidents.c.place_code)


def by_id(
    connection: Connection, ids: Sequence[UUID], principal: Principal | None = None
) -> list[View]:
    """Return the incidents of these ids that exist, in the order of ``ids``.

    For a principal only those in its places; without one, which is for the service itself, all.
    """
    query = sa.select(incidents).where(incidents.c.incident_id.in_(ids))
    if principal is not None:
        query = query.where(within(principal))
    found = {row["incident_id"]: row for row in connection.execute(query).mappings()}
    return _complete(connection, [found[one] for one in ids if one in found])


def chosen(
    drill: bool | None, states: Collection[str], camera_id: str | None = None
) -> sa.ColumnElement[bool]:
    """Return the condition for drills or real ones, in one of these states, of one camera.

    What isn't said lets all in.
    """
    tests: list[sa.ColumnElement[bool]] = []
    if drill is not None:
        tests.append(incidents.c.drill.is_(drill))
    if states:
        tests.append(incidents.c.state.in_(sorted({str(one) for one in states})))
    if camera_id is not None:
        # PostgreSQL takes no NUL, and no camera is called so.
        known = incidents.c.camera_id == camera_id
        tests.append(sa.false() if "\0" in camera_id else known)
    return sa.and_(sa.true(), *tests)


def page(
    connection: Connection,
    principal: Principal,
    limit: int,
    before: UUID | None,
    condition: sa.ColumnElement[bool],
) -> list[View]:
    """Return the principal's incidents, newest first; ``before`` ends the page before."""
    query = sa.select(incidents).where(within(principal), condition)
    if before is not None:
        last = sa.select(incidents).where(incidents.c.incident_id == before).subquery()
        query = query.where(
            sa.tuple_(incidents.c.opened_at, incidents.c.incident_id)
            < sa.select(last.c.opened_at, last.c.incident_id).scalar_subquery()
        )
    order = (incidents.c.opened_at.desc(), incidents.c.incident_id.desc())
    rows = connection.execute(query.order_by(*order).limit(limit)).mappings().all()
    return _complete(connection, rows)


def alerts_of(connection: Connection, incident: UUID) -> list[View]:
    """Return the latest revision of each alert of an incident, earliest onset first."""
    query = (
        sa.select(alerts)
        .where(alerts.c.incident_id == incident)
        .order_by(alerts.c.first_seen_at, alerts.c.alert_id)
    )
    return [_plain(row) for row in connection.execute(query).mappings()]


def latest_absence(connection: Connection, incident: UUID) -> str | None:
    """Return why an incident's latest alert has no evidence; ``None`` if it has."""
    query = (
        sa.select(alerts.c.evidence_absent)
        .where(alerts.c.incident_id == incident)
        .order_by(*_latest_last(descending=True))
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def _latest_last(*, descending: bool = False) -> list[sa.ColumnElement[Any]]:
    columns = (alerts.c.last_seen_at, alerts.c.alert_id)
    return [column.desc() if descending else column.asc() for column in columns]


def _complete(connection: Connection, rows: Sequence[RowMapping]) -> list[View]:
    ids = [row["incident_id"] for row in rows]
    sent = _orders_of(connection, ids)
    latest, counts = _alert_facts(connection, ids)
    return [
        {
            **{name: value for name, value in _plain(row).items() if name not in _INSIDE},
            "alerts": counts[row["incident_id"]],
            **latest.get(row["incident_id"], _NO_ALERT),
            "orders": sent[row["incident_id"]],
        }
        for row in rows
    ]


def _orders_of(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[View]]:
    columns = [column for column in orders.c if column.name not in _OF_THE_OUTBOX]
    query = sa.select(*columns).where(orders.c.incident_id.in_(ids)).order_by(orders.c.decided_at)
    found: defaultdict[UUID, list[View]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["incident_id"]].append(_plain(row))
    return found


def _alert_facts(
    connection: Connection, ids: Sequence[UUID]
) -> tuple[dict[UUID, View], dict[UUID, int]]:
    query = (
        sa.select(alerts.c.incident_id, *(alerts.c[name] for name in _LATEST))
        .where(alerts.c.incident_id.in_(ids))
        .order_by(*_latest_last())
    )
    latest: dict[UUID, View] = {}
    counts: defaultdict[UUID, int] = defaultdict(int)
    for row in connection.execute(query).mappings():
        incident_id = row["incident_id"]
        counts[incident_id] += 1
        facts = {name: row[name] for name in _LATEST}
        before = latest.get(incident_id, _NO_ALERT)
        if facts["evidence_ref"] is None and before["evidence_ref"] is not None:
            facts |= {name: before[name] for name in _EVIDENCE}
        latest[incident_id] = facts
    return latest, counts


def _plain(row: RowMapping) -> View:
    return {name: _plain_value(value) for name, value in row.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value
