"""Orders, the ways they take, and what comes back."""

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid

from service.tables.happenings import incidents
from service.tables.kinds import CODE, NAME, SERIAL, WORD, HazardWord, UtcDateTime, metadata

orders = Table(
    "orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), nullable=False, index=True),
    Column("decision_id", Uuid, nullable=False),
    Column("target", NAME, nullable=False),
    Column("drill", sa.Boolean, nullable=False),
    Column("kind", WORD, nullable=False, server_default="order"),
    Column("state", WORD, nullable=False, server_default="waiting"),
    Column("decided_by", NAME, nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("body", Text, nullable=False),
    Column("wants_updates", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("answers", sa.Boolean, nullable=False, server_default=sa.true()),
    Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
    Column("next_attempt_at", UtcDateTime),
    Column("waiting_from", UtcDateTime),
    Column("leased_by", NAME),
    Column("leased_until", UtcDateTime),
    Column("last_error", WORD),
    Column("sent_at", UtcDateTime, index=True),
    Column("entry_id", WORD),
    Column("answered_at", UtcDateTime),
    Column("silent_at", UtcDateTime),
    sa.UniqueConstraint("incident_id", "target", "decision_id"),
    Index(None, "state", "target", "decided_at"),
    Index(None, "target", "incident_id", "decided_at"),
    Index(None, "decided_at", "order_id"),
    Index(None, "target", "sent_at"),
)
"""The outbox. ``body`` is the message; of one incident and target, one order is under way at a
time, which its lease says. ``next_attempt_at`` is set once an attempt has failed, ``waiting_from``
once it was a dead letter and is sent anew. With
``wants_updates`` the target is also told what becomes of the incident; without ``answers`` nobody
waits for its word."""

order_attempts = Table(
    "order_attempts",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("order_id", Uuid, ForeignKey(orders.c.order_id), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("seconds", sa.Float, nullable=False),
    Column("outcome", WORD, nullable=False),
    Column("detail", Text, nullable=False),
    sqlite_autoincrement=True,
)

receipts = Table(
    "receipts",
    metadata,
    Column("receipt_id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey(orders.c.order_id), nullable=False, index=True),
    Column("target", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("text", Text, nullable=False),
    Column("actor", NAME, nullable=False),
)
"""What targets answered, each once."""

dispatch_routes = Table(
    "dispatch_routes",
    metadata,
    Column("route_id", Uuid, primary_key=True),
    Column("position", sa.BigInteger, nullable=False),
    Column("name", NAME, nullable=False),
    Column("place_code", CODE),
    Column("hazards", sa.JSON, nullable=False),
    Column("severities", sa.JSON, nullable=False),
    Column("from_minute", sa.BigInteger),
    Column("to_minute", sa.BigInteger),
    Column("weekdays", sa.JSON, nullable=False),
    Column("targets", sa.JSON, nullable=False),
    Column("stop", sa.Boolean, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", NAME, nullable=False),
)
"""Which orders go where; minutes are of the day as the installation's clocks show it."""

dispatch_policies = Table(
    "dispatch_policies",
    metadata,
    Column("hazard", HazardWord, primary_key=True),
    Column("place_code", CODE, primary_key=True),
    Column("unconfirmed", sa.Boolean, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", NAME, nullable=False),
)
"""Whether a hazard is sent at a place without a person; of several rows the nearest holds."""

target_states = Table(
    "target_states",
    metadata,
    Column("target", NAME, primary_key=True),
    Column("state", WORD, nullable=False),
    Column("failures", sa.BigInteger, nullable=False),
    Column("open_until", UtcDateTime),
    Column("last_error", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
"""The circuit breaker of each target, the same for all replicas."""
