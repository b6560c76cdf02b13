"""The whole trail of one order, from the alerts to the last receipt, in one statement.

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
    """Return an order's trail by parts. Raises ``UnknownOrderError``."""
    found: Trail = {part: [] for part in _PARTS}
    for row in connection.execute(statement(connection, who, order_id)):
        table, _ = _PARTS[row.part]
        found[row.part].append(_decoded(table, json.loads(row.body)))
    if not found["order"]:
        raise UnknownOrderError(order_id)
    found["alerts"].sort(key=lambda row: (row["first_seen_at"], str(row["alert_id"])))
    found["receipts"].sort(key=lambda row: (row["received_at"], str(row["receipt_id"])))
    for part in ("steps", "attempts"):
        found[part].sort(key=lambda row: int(row["id"]))
    return found


def statement(connection: Connection, who: Principal, order_id: UUID) -> sa.CompoundSelect[Any]:
    """Return the statement; where the incident isn't the principal's, it finds nothing."""
    mine = (
        sa.select(orders.c.order_id, orders.c.incident_id)
        .join(incidents, incidents.c.incident_id == orders.c.incident_id)
        .where(orders.c.order_id == order_id, views.within(who))
        .cte("mine")
    )
    of_order = {"order", "attempts", "receipts"}
    selects = []
    for part, (table, hidden) in _PARTS.items():
        key = "order_id" if part in of_order else "incident_id"
        columns = [column for column in table.c if column.name not in hidden]
        selects.append(
            sa.select(
                sa.literal(part).label("part"), _object(connection, columns).label("body")
            ).join(mine, mine.c[key] == table.c[key])
        )
    return sa.union_all(*selects)


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
