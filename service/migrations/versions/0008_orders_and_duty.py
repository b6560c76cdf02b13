"""Incidents that people handle, orders that are sent anywhere, clocks and duty.

Revision 0008, after 0007.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Types are spelled out rather than imported: a step must not change when the code does.
INSTANT = sa.DateTime(timezone=True)
NAME = sa.String(128)
WORD = sa.String(32)
NUMBER = sa.BigInteger()
FLAG = sa.Boolean()
TEXT = sa.Text()
JSON = sa.JSON()
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

OF_INCIDENTS: dict[str, Any] = {
    "state_reason": WORD,
    "assigned_to": sa.Uuid(),
    "merged_into": sa.Uuid(),
    "wgs84_longitude": sa.Float(),
    "wgs84_latitude": sa.Float(),
    "upstream": NAME,
    "waiting_from": INSTANT,
    "seen_at": INSTANT,
    "confirmed_at": INSTANT,
    "dispatched_at": INSTANT,
    "sent_at": INSTANT,
    "reported_at": INSTANT,
    "closed_at": INSTANT,
    "due_at": INSTANT,
    "escalated_to": WORD,
}
COUNTS_OF_INCIDENTS = ("version", "escalations")
INDEXED_OF_INCIDENTS = (
    ["assigned_to"],
    ["merged_into"],
    ["due_at"],
    ["upstream", "first_seen_at"],
    ["camera_id", "hazard", "drill", "last_seen_at"],
)
BY_ZONE = ["camera_id", "hazard", "zone_id", "drill", "last_seen_at"]
BY_POSITION = ["wgs84_latitude", "wgs84_longitude"]
BY_MODEL = ["model", "received_at"]
SUMMARY = ["camera_id", "first_seen_at", "last_seen_at", "ended_at", "severity", "score"]
LATEST = ["incident_id", "last_seen_at", "alert_id"]
OF_ORDERS: dict[str, Any] = {
    "next_attempt_at": INSTANT,
    "waiting_from": INSTANT,
    "leased_by": NAME,
    "leased_until": INSTANT,
    "last_error": WORD,
    "answered_at": INSTANT,
    "silent_at": INSTANT,
}
MARKED_OF_ORDERS = ("kind", "state", "wants_updates", "answers", "attempts")
INDEXED_OF_ORDERS = (
    ["state", "target", "decided_at"],
    ["target", "incident_id", "decided_at"],
    ["decided_at", "order_id"],
    ["target", "sent_at"],
)
NEW_TABLES = (
    "handovers",
    "duty_shifts",
    "clock_rules",
    "target_states",
    "dispatch_policies",
    "dispatch_routes",
    "receipts",
    "order_attempts",
    "incident_breaches",
    "incident_steps",
    "incident_cameras",
    "incident_places",
)


def upgrade() -> None:
    """Add what is new; incidents and orders that are there keep what they say."""
    for name, kind in OF_INCIDENTS.items():
        op.add_column("incidents", sa.Column(name, kind))
    for name in COUNTS_OF_INCIDENTS:
        op.add_column("incidents", _must(name, NUMBER, "0"))
    for columns in INDEXED_OF_INCIDENTS:
        op.create_index(_index("incidents", columns), "incidents", columns)
    op.drop_index(_index("incidents", BY_ZONE), "incidents")
    op.create_index(_index("cameras", BY_POSITION), "cameras", BY_POSITION)
    op.create_index(_index("alerts", BY_MODEL), "alerts", BY_MODEL)
    op.create_index("ix_alerts_summary", "alerts", ["incident_id", *SUMMARY])
    op.create_index("ix_alerts_latest", "alerts", LATEST)
    pictured = sa.text("evidence_ref IS NOT NULL")
    op.create_index(
        "ix_alerts_pictured", "alerts", LATEST, sqlite_where=pictured, postgresql_where=pictured
    )
    op.drop_index("ix_alerts_incident_id", "alerts")
    op.add_column("feed", sa.Column("places_left", JSON))
    for name, kind in OF_ORDERS.items():
        op.add_column("orders", sa.Column(name, kind))
    op.add_column("orders", _must("kind", WORD, "order"))
    op.add_column("orders", _must("state", WORD, "waiting"))
    op.add_column("orders", _must("wants_updates", FLAG, sa.false()))
    op.add_column("orders", _must("answers", FLAG, sa.true()))
    op.add_column("orders", _must("attempts", NUMBER, "0"))
    for columns in INDEXED_OF_ORDERS:
        op.create_index(_index("orders", columns), "orders", columns)
    _of_incidents()
    _of_orders()
    _of_duty()
    op.execute("UPDATE orders SET state = 'sent' WHERE sent_at IS NOT NULL")
    op.execute(
        "INSERT INTO incident_places (incident_id, place_code) "
        "SELECT incident_id, place_code FROM incidents WHERE place_code IS NOT NULL"
    )


def downgrade() -> None:
    """Drop it. An older service knows three states: what is over is closed, the rest waits."""
    op.execute("UPDATE incidents SET state = 'closed' WHERE state = 'false'")
    op.execute("UPDATE incidents SET state = 'new' WHERE state IN ('seen', 'confirmed')")
    op.execute("UPDATE incidents SET state = 'dispatched' WHERE state = 'on_site'")
    op.execute("DELETE FROM feed WHERE kind = 'incident.left'")
    op.drop_column("feed", "places_left")
    for table in NEW_TABLES:
        op.drop_table(table)
    for columns in INDEXED_OF_ORDERS:
        op.drop_index(_index("orders", columns), "orders")
    for name in (*OF_ORDERS, *MARKED_OF_ORDERS):
        op.drop_column("orders", name)
    op.create_index("ix_alerts_incident_id", "alerts", ["incident_id"])
    for name in (_index("alerts", BY_MODEL), "ix_alerts_summary", "ix_alerts_latest"):
        op.drop_index(name, "alerts")
    op.drop_index("ix_alerts_pictured", "alerts")
    op.drop_index(_index("cameras", BY_POSITION), "cameras")
    op.create_index(_index("incidents", BY_ZONE), "incidents", BY_ZONE)
    for columns in INDEXED_OF_INCIDENTS:
        op.drop_index(_index("incidents", columns), "incidents")
    for name in (*OF_INCIDENTS, *COUNTS_OF_INCIDENTS):
        op.drop_column("incidents", name)


def _of_incidents() -> None:
    op.create_table(
        "incident_places",
        _must("incident_id", sa.Uuid()),
        _must("place_code", WORD),
        _to("incident_places", "incident_id", "incidents"),
        sa.PrimaryKeyConstraint("incident_id", "place_code", name="pk_incident_places"),
    )
    _indexed("incident_places", "place_code")
    op.create_table(
        "incident_cameras",
        _must("incident_id", sa.Uuid()),
        _must("camera_id", NAME),
        sa.Column("place_code", WORD),
        sa.Column("wgs84_longitude", sa.Float()),
        sa.Column("wgs84_latitude", sa.Float()),
        _to("incident_cameras", "incident_id", "incidents"),
        sa.PrimaryKeyConstraint("incident_id", "camera_id", name="pk_incident_cameras"),
    )
    _indexed("incident_cameras", "camera_id")
    op.create_table(
        "incident_steps",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        _must("incident_id", sa.Uuid()),
        _must("at", INSTANT),
        _must("actor", NAME),
        _must("action", WORD),
        sa.Column("from_state", WORD),
        sa.Column("to_state", WORD),
        sa.Column("reason", WORD),
        sa.Column("note", TEXT),
        _must("detail", JSON, "{}"),
        _to("incident_steps", "incident_id", "incidents"),
        sa.PrimaryKeyConstraint("id", name="pk_incident_steps"),
        sqlite_autoincrement=True,
    )
    _indexed("incident_steps", "incident_id")
    _indexed("incident_steps", "at")
    op.create_table(
        "incident_breaches",
        _must("incident_id", sa.Uuid()),
        _must("clock", WORD),
        _must("due_at", INSTANT),
        _must("at", INSTANT),
        sa.Column("place_code", WORD),
        _must("hazard", WORD),
        _to("incident_breaches", "incident_id", "incidents"),
        sa.PrimaryKeyConstraint("incident_id", "clock", "due_at", name="pk_incident_breaches"),
    )
    _indexed("incident_breaches", "at")


def _of_orders() -> None:
    op.create_table(
        "order_attempts",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        _must("order_id", sa.Uuid()),
        _must("at", INSTANT),
        _must("seconds", sa.Float()),
        _must("outcome", WORD),
        _must("detail", TEXT),
        _to("order_attempts", "order_id", "orders"),
        sa.PrimaryKeyConstraint("id", name="pk_order_attempts"),
        sqlite_autoincrement=True,
    )
    _indexed("order_attempts", "order_id")
    _indexed("order_attempts", "at")
    op.create_table(
        "receipts",
        _must("receipt_id", sa.Uuid()),
        _must("order_id", sa.Uuid()),
        _must("target", NAME),
        _must("kind", WORD),
        _must("at", INSTANT),
        _must("received_at", INSTANT),
        _must("text", TEXT),
        _must("actor", NAME),
        _to("receipts", "order_id", "orders"),
        sa.PrimaryKeyConstraint("receipt_id", name="pk_receipts"),
    )
    _indexed("receipts", "order_id")
    op.create_table(
        "dispatch_routes",
        _must("route_id", sa.Uuid()),
        _must("position", NUMBER),
        _must("name", NAME),
        sa.Column("place_code", WORD),
        _must("hazards", JSON),
        _must("severities", JSON),
        sa.Column("from_minute", NUMBER),
        sa.Column("to_minute", NUMBER),
        _must("weekdays", JSON),
        _must("targets", JSON),
        _must("stop", FLAG),
        *_said(),
        sa.PrimaryKeyConstraint("route_id", name="pk_dispatch_routes"),
    )
    op.create_table(
        "dispatch_policies",
        _must("hazard", WORD),
        _must("place_code", WORD),
        _must("unconfirmed", FLAG),
        *_said(),
        sa.PrimaryKeyConstraint("hazard", "place_code", name="pk_dispatch_policies"),
    )
    op.create_table(
        "target_states",
        _must("target", NAME),
        _must("state", WORD),
        _must("failures", NUMBER),
        sa.Column("open_until", INSTANT),
        _must("last_error", TEXT),
        _must("at", INSTANT),
        sa.PrimaryKeyConstraint("target", name="pk_target_states"),
    )


def _of_duty() -> None:
    op.create_table(
        "clock_rules",
        _must("rule_id", sa.Uuid()),
        sa.Column("hazard", WORD),
        sa.Column("place_code", WORD),
        sa.Column("seen_s", NUMBER),
        sa.Column("sent_s", NUMBER),
        sa.Column("report_s", NUMBER),
        *_said(),
        sa.PrimaryKeyConstraint("rule_id", name="pk_clock_rules"),
        sa.UniqueConstraint("hazard", "place_code", name="uq_clock_rules_hazard_place_code"),
    )
    op.create_table(
        "duty_shifts",
        _must("shift_id", sa.Uuid()),
        _must("place_code", WORD),
        sa.Column("account_id", sa.Uuid()),
        _must("name", NAME),
        sa.Column("number", WORD),
        _must("weekdays", JSON),
        _must("from_minute", NUMBER),
        _must("to_minute", NUMBER),
        sa.Column("first_day", sa.Date()),
        sa.Column("last_day", sa.Date()),
        *_said(),
        _to("duty_shifts", "account_id", "accounts"),
        sa.PrimaryKeyConstraint("shift_id", name="pk_duty_shifts"),
    )
    _indexed("duty_shifts", "place_code")
    op.create_table(
        "handovers",
        _must("handover_id", sa.Uuid()),
        _must("place_code", WORD),
        _must("from_account", sa.Uuid()),
        _must("from_login", NAME),
        _must("to_account", sa.Uuid()),
        _must("to_login", NAME),
        _must("note", TEXT),
        _must("listed", JSON),
        _must("given_at", INSTANT),
        sa.Column("signing_at", INSTANT),
        sa.Column("taken_at", INSTANT),
        sa.Column("declined_at", INSTANT),
        sa.Column("withdrawn_at", INSTANT),
        _to("handovers", "from_account", "accounts", "account_id"),
        _to("handovers", "to_account", "accounts", "account_id"),
        sa.PrimaryKeyConstraint("handover_id", name="pk_handovers"),
    )
    _indexed("handovers", "place_code")


def _must(name: str, kind: Any, default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)


def _said() -> tuple[sa.Column[Any], sa.Column[Any]]:
    return _must("updated_at", INSTANT), _must("updated_by", NAME)


def _to(table: str, column: str, other: str, key: str | None = None) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{other}"
    return sa.ForeignKeyConstraint([column], [f"{other}.{key or column}"], name=name)


def _indexed(table: str, column: str) -> None:
    op.create_index(_index(table, [column]), table, [column])


def _index(table: str, columns: list[str]) -> str:
    return f"ix_{table}_{'_'.join(columns)}"
