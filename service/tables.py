"""The database's tables, in types that SQLite and PostgreSQL both have.

Changing one means a new file in ``migrations/versions``: a test compares the two.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, MetaData, String, Table, Text, Uuid
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, in UTC on both sides. SQLite keeps no offset, so none but UTC goes in."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse a naive time: it could mean any zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime can't be stored: give it its zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the time with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NAME = String(128)
WORD = String(32)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite counts up by itself in INTEGER columns only."""

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", Uuid, primary_key=True),
    Column("camera_id", NAME, nullable=False),
    Column("hazard", WORD, nullable=False),
    Column("zone_id", NAME, nullable=False),
    Column("drill", sa.Boolean, nullable=False),
    Column("severity", WORD, nullable=False),
    Column("state", WORD, nullable=False),
    Column("state_by", NAME),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("score", sa.Float, nullable=False),
    Index(None, "camera_id", "hazard", "zone_id", "drill", "last_seen_at"),
    Index(None, "opened_at", "incident_id"),
    Index(None, "drill", "state"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", Uuid, primary_key=True),
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), nullable=False, index=True),
    Column("revision", sa.BigInteger, nullable=False),
    Column("camera_id", NAME, nullable=False),
    Column("hazard", WORD, nullable=False),
    Column("zone_id", NAME, nullable=False),
    Column("severity", WORD, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("score", sa.Float, nullable=False),
    Column("box", sa.JSON(none_as_null=True)),
    Column("detail", sa.JSON(none_as_null=True)),
    Column("model", NAME, nullable=False),
    Column("evidence_ref", NAME),
    Column("evidence_absent", WORD),
    Column("drill", sa.Boolean, nullable=False),
    Column("epoch", sa.BigInteger, nullable=False),
    Column("trace_id", WORD, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), nullable=False, index=True),
    Column("decision_id", Uuid, nullable=False),
    Column("target", NAME, nullable=False),
    Column("drill", sa.Boolean, nullable=False),
    Column("decided_by", NAME, nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("body", Text, nullable=False),
    Column("sent_at", UtcDateTime, index=True),
    Column("entry_id", WORD),
    sa.UniqueConstraint("incident_id", "target", "decision_id"),
)
"""The outbox: an order without ``sent_at`` has still to be forwarded. ``body`` is the message."""

feed = Table(
    "feed",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("kind", WORD, nullable=False),
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), nullable=False),
    Column("payload", sa.JSON, nullable=False),
    sqlite_autoincrement=True,
)
"""What clients are told, in order. An id is never used twice, so it serves as their cursor."""
