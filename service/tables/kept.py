"""What is kept: the audit, and evidence."""

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, Uuid

from service.tables.happenings import alerts, incidents
from service.tables.kinds import CODE, DIGEST, NAME, WORD, HazardWord, UtcDateTime, metadata

audit = Table(
    "audit",
    metadata,
    Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("actor", NAME, nullable=False),
    Column("action", String(64), nullable=False),
    Column("object_kind", WORD, nullable=False),
    Column("object_id", NAME, nullable=False),
    Column("place_code", CODE, index=True),
    Column("body", Text, nullable=False),
    Column("hash", DIGEST, nullable=False),
    Index(None, "object_kind", "object_id"),
)
"""Who did what. ``body`` is what is hashed; the columns beside it repeat it for searching, and
verification compares them. Triggers refuse to change or delete a row."""

evidence = Table(
    "evidence",
    metadata,
    Column("ref", WORD, primary_key=True),
    Column("alert_id", Uuid, ForeignKey(alerts.c.alert_id), nullable=False, index=True),
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), nullable=False, index=True),
    Column("camera_id", NAME, nullable=False),
    Column("place_code", CODE),
    Column("hazard", HazardWord, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("removing_at", UtcDateTime, index=True),
)
"""Pictures that the evidence store holds. With ``removing_at`` they are being deleted, and shown to
nobody; the row goes last."""

evidence_holds = Table(
    "evidence_holds",
    metadata,
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), primary_key=True),
    Column("held_by", NAME, nullable=False),
    Column("reason", Text, nullable=False),
    Column("held_at", UtcDateTime, nullable=False),
)
"""Incidents whose evidence stays for a case, whatever the rules say."""

evidence_rules = Table(
    "evidence_rules",
    metadata,
    Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("hazard", HazardWord),
    Column("place_code", CODE),
    Column("days", sa.BigInteger, nullable=False),
)
"""How long evidence is kept, by hazard and place; null is any. All are replaced at once."""

evidence_gone = Table(
    "evidence_gone",
    metadata,
    Column("ref_hash", DIGEST, primary_key=True),
    Column("alert_id", Uuid),
    Column("gone_at", UtcDateTime, index=True),
)
"""What must not come back with an alert that is late. The hash opens nothing. Without ``gone_at``
the store has still to delete it; one without an alert never had a row."""
