"""Incidents as clients see them: plain JSON values, times in RFC 3339 UTC."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.places.store import inside
from service.tables import alerts, incident_places, incidents, orders

View = dict[str, Any]

CAMERAS_SHOWN: Final = 20
"""Of those that see an incident."""

_EVIDENCE = ("evidence_ref", "evidence_absent")

_LATEST = ("detail", *_EVIDENCE, "model")
"""What an incident shows of its latest alert; but evidence of the latest that has any: an older
picture says more than the word that the next is still being made."""

_INSIDE = frozenset({"upstream", "due_at"})
_OF_THE_OUTBOX = frozenset(
    {"body", "entry_id", "waiting_from", "leased_by", "leased_until", "wants_updates", "answers"}
)
"""What is no client's business."""

_NO_ALERT: View = dict.fromkeys(_LATEST)
"""An incident has none if it was a drill and its alerts turned out to be real."""


def within(principal: Principal) -> sa.ColumnElement[bool]:
    """Return the condition that one of an incident's cameras stands in the principal's places.

    One without a place, of a camera that isn't registered, is for whoever sees everything. One
    whose place is gone stays with those above.
    """
    if principal.everywhere:
        return sa.true()
    further = sa.select(incident_places.c.incident_id).where(
        incident_places.c.incident_id == incidents.c.incident_id,
        inside(principal, incident_places.c.place_code),
    )
    # Almost every incident is of one place, which its own row tells.
    return sa.or_(inside(principal, incidents.c.place_code), further.correlate(incidents).exists())


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
    seen = _cameras_of(connection, ids)
    latest = _latest_of(connection, ids)
    return [
        {
            **{name: value for name, value in _plain(row).items() if name not in _INSIDE},
            "alerts": sum(seen[row["incident_id"]].values()),
            "cameras": _first_cameras(row["camera_id"], seen[row["incident_id"]]),
            "camera_count": len(seen[row["incident_id"]]),
            **latest.get(row["incident_id"], _NO_ALERT),
            "orders": sent[row["incident_id"]],
        }
        for row in rows
    ]


def _cameras_of(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Return how many alerts of each camera there are."""
    query = (
        sa.select(alerts.c.incident_id, alerts.c.camera_id, sa.func.count().label("count"))
        .where(alerts.c.incident_id.in_(ids))
        .group_by(alerts.c.incident_id, alerts.c.camera_id)
        .order_by(sa.func.min(alerts.c.first_seen_at), alerts.c.camera_id)
    )
    found: defaultdict[UUID, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(query):
        found[row.incident_id][row.camera_id] = row[2]
    return found


def _first_cameras(first: str, seen: Mapping[str, int]) -> list[View]:
    names = sorted(seen, key=lambda name: name != first)
    return [{"camera_id": name, "alerts": seen[name]} for name in names[:CAMERAS_SHOWN]]


def _orders_of(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[View]]:
    """Return incidents' orders, with those of what has become part of them: crews are under way."""
    columns = [column for column in orders.c if column.name not in _OF_THE_OUTBOX]
    own = sa.select(orders.c.incident_id.label("of"), *columns).where(orders.c.incident_id.in_(ids))
    joined = (
        sa.select(incidents.c.merged_into.label("of"), *columns)
        .join(incidents, incidents.c.incident_id == orders.c.incident_id)
        .where(incidents.c.merged_into.in_(ids))
    )
    both = sa.union_all(own, joined)
    query = both.order_by(both.selected_columns.decided_at, both.selected_columns.order_id)
    found: defaultdict[UUID, list[View]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        order = _plain(row)
        found[row["of"]].append({name: value for name, value in order.items() if name != "of"})
    return found


def _latest_of(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, View]:
    """Return what the latest alerts say, with the latest picture that there is."""
    latest = _of_latest(connection, ids, _LATEST, sa.true())
    pictured = _of_latest(connection, ids, _EVIDENCE, alerts.c.evidence_ref.is_not(None))
    return {one: {**facts, **pictured.get(one, {})} for one, facts in latest.items()}


def _of_latest(
    connection: Connection,
    ids: Sequence[UUID],
    names: Sequence[str],
    condition: sa.ColumnElement[bool],
) -> dict[UUID, View]:
    # One row of an index for each incident, however many alerts it has.
    latest = (
        sa.select(alerts.c.alert_id)
        .where(alerts.c.incident_id == incidents.c.incident_id, condition)
        .order_by(*_latest_last(descending=True))
        .limit(1)
        .correlate(incidents)
        .scalar_subquery()
    )
    chosen = (
        sa.select(incidents.c.incident_id, latest.label("alert_id"))
        .where(incidents.c.incident_id.in_(ids))
        .subquery()
    )
    columns = [chosen.c.incident_id, *(alerts.c[name] for name in names)]
    query = sa.select(*columns).join_from(chosen, alerts, alerts.c.alert_id == chosen.c.alert_id)
    return {
        row["incident_id"]: {name: row[name] for name in names}
        for row in connection.execute(query).mappings()
    }


def _plain(row: RowMapping) -> View:
    return {name: _plain_value(value) for name, value in row.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value
