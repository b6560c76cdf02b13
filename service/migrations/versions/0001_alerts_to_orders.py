"""Alerts, incidents, orders and the feed.

Revision 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Types are spelled out rather than imported: a step must not change when the code does.
INSTANT = sa.DateTime(timezone=True)
NAME = sa.String(128)
WORD = sa.String(32)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _create_incidents()
    _create_alerts()
    _create_orders()
    _create_feed()


def downgrade() -> None:
    """Drop the tables, and what they hold with them."""
    for table in ("feed", "orders", "alerts", "incidents"):
        op.drop_table(table)


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("camera_id", NAME, nullable=False),
        sa.Column("hazard", WORD, nullable=False),
        sa.Column("zone_id", NAME, nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("severity", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("state_by", NAME),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("score", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_incidents"),
    )
    place = ["camera_id", "hazard", "zone_id", "drill", "last_seen_at"]
    op.create_index("ix_incidents_" + "_".join(place), "incidents", place)
    op.create_index("ix_incidents_opened_at_incident_id", "incidents", ["opened_at", "incident_id"])
    op.create_index("ix_incidents_drill_state", "incidents", ["drill", "state"])


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("camera_id", NAME, nullable=False),
        sa.Column("hazard", WORD, nullable=False),
        sa.Column("zone_id", NAME, nullable=False),
        sa.Column("severity", WORD, nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("box", sa.JSON()),
        sa.Column("detail", sa.JSON()),
        sa.Column("model", NAME, nullable=False),
        sa.Column("evidence_ref", NAME),
        sa.Column("evidence_absent", WORD),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("trace_id", WORD, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name="pk_alerts"),
        _of_incident("alerts"),
    )
    op.create_index("ix_alerts_incident_id", "alerts", ["incident_id"])


def _create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("target", NAME, nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("decided_by", NAME, nullable=False),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.Column("entry_id", WORD),
        sa.PrimaryKeyConstraint("order_id", name="pk_orders"),
        sa.UniqueConstraint(
            "incident_id", "target", "decision_id", name="uq_orders_incident_id_target_decision_id"
        ),
        _of_incident("orders"),
    )
    op.create_index("ix_orders_incident_id", "orders", ["incident_id"])
    op.create_index("ix_orders_sent_at", "orders", ["sent_at"])


def _create_feed() -> None:
    op.create_table(
        "feed",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feed"),
        _of_incident("feed"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_feed_at", "feed", ["at"])


def _of_incident(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["incident_id"], ["incidents.incident_id"], name=f"fk_{table}_incident_id_incidents"
    )
