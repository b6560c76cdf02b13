"""The whole trail of one order, from the alerts to the last receipt, in one statement.

Where the order's incident became part of another, the trail goes on there: that has the alerts now,
and what crews say is told to it.

Rows of different tables come back as ``(part, body)``: each row as one JSON object, built by the
database itself, so that all of it is of one moment.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.dispatch.errors import UnknownOrderError
from service.incidents import views
from service.tables import (
    UtcDateTime,
    alerts,
    incident_steps,
    incidents,
    order_attempts,
    orders,
    receipts,
)

Trail = dict[str, list[dict[str, Any]]]

_PARTS: Final[dict[str, tuple[sa.Table, frozenset[str]]]] = {
    "incident": (incidents, frozenset({"due_at", "upstream"})),
    "alerts": (alerts, frozenset({"evidence_ref", "evidence_absent", "box"})),
    "steps": (incident_steps, frozenset()),
    "order": (orders, frozenset({"leased_by", "leased_until"})),
    "attempts": (order_attempts, frozenset()),
    "receipts": (receipts, frozenset()),
}
"""The parts and their tables, and what isn't told: pictures belong to the incident's page."""


def trail(connection: Connection, who: Principal, order_id: UUID) -> Trail:
    """Return an order's trail by parts; the incident is the one that goes on.

    Raises ``UnknownOrderError``.
    """
    found: Trail = {part: [] for part in _PARTS}
    for row in connection.execute(statement(connection, who, order_id)):
        table, _ = _PARTS[row.part]
        found[row.part].append(_decoded(table, json.loads(row.body)))
    if not found["order"]:
        raise UnknownOrderError(order_id)
    # Of two, the order's own has become part of the other.
    found["incident"].sort(key=lambda row: row["merged_into"] is not None)
    del found["incident"][1:]
    found["alerts"].sort(key=lambda row: (row["first_seen_at"], str(row["alert_id"])))
    found["receipts"].sort(key=lambda row: (row["received_at"], str(row["receipt_id"])))
    for part in ("steps", "attempts"):
        found[part].sort(key=lambda row: int(row["id"]))
    return found


def statement(connection: Connection, who: Principal, order_id: UUID) -> sa.CompoundSelect[Any]:
    """Return the statement; where no incident of it is the principal's, it finds nothing."""
    about, further = _abouts(who, order_id)
    is_seen = sa.select(about.c.incident_id).exists()
    selects = []
    for part, (table, hidden) in _PARTS.items():
        columns = [column for column in table.c if column.name not in hidden]
        said = _object(connection, columns).label("body")
        select = sa.select(sa.literal(part).label("part"), said).select_from(table)
        if part in {"order", "attempts", "receipts"}:
            select = select.where(table.c.order_id == order_id, is_seen)
        else:
            these = about if part == "incident" else further
            select = select.join(these, these.c.incident_id == table.c.incident_id)
        selects.append(select)
    return sa.union_all(*selects)


def _abouts(who: Principal, order_id: UUID) -> tuple[sa.CTE, sa.CTE]:
    """Return the order's incident and what that is part of, and these with all that is part of it.

    Each as far as it is the principal's; whoever sees an incident sees what has become part of it.
    """
    own = (
        sa.select(incidents.c.incident_id, incidents.c.merged_into)
        .join(orders, orders.c.incident_id == incidents.c.incident_id)
        .where(orders.c.order_id == order_id)
        .cte("own")
    )
    named = sa.union(
        sa.select(own.c.incident_id),
        sa.select(own.c.merged_into).where(own.c.merged_into.is_not(None)),
    )
    about = (
        sa.select(incidents.c.incident_id)
        .where(incidents.c.incident_id.in_(named), views.within(who))
        .cte("about")
    )
    parts = sa.select(incidents.c.incident_id).join(
        about, incidents.c.merged_into == about.c.incident_id
    )
    return about, sa.union(sa.select(about.c.incident_id), parts).cte("further")


def _object(connection: Connection, columns: Iterable[sa.Column[Any]]) -> sa.ColumnElement[str]:
    is_sqlite = connection.dialect.name == "sqlite"
    arguments: list[Any] = []
    for column in columns:
        value: Any = column
        if is_sqlite and isinstance(column.type, sa.JSON):
            value = sa.func.json(column)  # else it would be a text that looks like JSON
        elif not is_sqlite and isinstance(column.type, UtcDateTime):
            # Whatever the server's time zone is.
            value = sa.func.to_char(sa.func.timezone("UTC", column), _POSTGRES_TIME)
        arguments += [sa.literal_column(f"'{column.name}'"), value]
    function = sa.func.json_object if is_sqlite else sa.func.json_build_object
    return sa.cast(function(*arguments), sa.Text)


_POSTGRES_TIME: Final = "YYYY-MM-DD HH24:MI:SS.US"
"""As SQLite keeps it."""


def _decoded(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(table.c[name].type, value) for name, value in row.items()}


def _value(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    for one, read in _READERS:
        if isinstance(kind, one):
            return read(value)
    return value


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_READERS: Final[tuple[tuple[Any, Callable[[Any], Any]], ...]] = (
    (UtcDateTime, _time),
    (sa.Uuid, UUID),
    (sa.Boolean, bool),
)
