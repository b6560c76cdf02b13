"""Alerts, incidents, orders, the feed, and what people said of them."""

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid

from service.tables.kinds import CODE, NAME, SERIAL, WORD, HazardWord, UtcDateTime, metadata
from service.tables.people import accounts

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", Uuid, primary_key=True),
    Column("camera_id", NAME, nullable=False),
    Column("place_code", CODE, index=True),
    Column("hazard", HazardWord, nullable=False),
    Column("zone_id", NAME, nullable=False),
    Column("drill", sa.Boolean, nullable=False),
    Column("severity", WORD, nullable=False),
    Column("state", WORD, nullable=False),
    Column("state_by", NAME),
    Column("state_reason", WORD),
    Column("version", sa.BigInteger, nullable=False, server_default="0"),
    Column("assigned_to", Uuid, index=True),
    Column("merged_into", Uuid, index=True),
    Column("wgs84_longitude", sa.Float),
    Column("wgs84_latitude", sa.Float),
    Column("upstream", NAME),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("waiting_from", UtcDateTime),
    Column("seen_at", UtcDateTime),
    Column("confirmed_at", UtcDateTime),
    Column("dispatched_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("reported_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("due_at", UtcDateTime, index=True),
    Column("escalated_to", CODE),
    Column("escalations", sa.BigInteger, nullable=False, server_default="0"),
    Column("score", sa.Float, nullable=False),
    Index(None, "camera_id", "hazard", "drill", "last_seen_at"),
    Index(None, "upstream", "first_seen_at"),
    Index(None, "opened_at", "incident_id"),
    Index(None, "drill", "state"),
)
"""``version`` counts what people, receipts and policies changed: two people never both win.
``waiting_from`` is what the clocks count from, ``due_at`` when they have to be looked at next;
``sent_at`` is when the first order left, ``reported_at`` when somebody first told from there.
The position is that of the camera that opened it, as it was registered then; ``upstream`` is the
one above that camera, where its fault may be that one's."""

incident_cameras = Table(
    "incident_cameras",
    metadata,
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), primary_key=True),
    Column("camera_id", NAME, primary_key=True, index=True),
    Column("place_code", CODE),
    Column("wgs84_longitude", sa.Float),
    Column("wgs84_latitude", sa.Float),
)
"""Further cameras that see it, as they were registered when they joined: the first is in
``incidents``."""

incident_places = Table(
    "incident_places",
    metadata,
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), primary_key=True),
    Column("place_code", CODE, primary_key=True, index=True),
)
"""Where the cameras stand that see it: neighbours of two places may see one fire."""

incident_steps = Table(
    "incident_steps",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("actor", NAME, nullable=False),
    Column("action", WORD, nullable=False),
    Column("from_state", WORD),
    Column("to_state", WORD),
    Column("reason", WORD),
    Column("note", Text),
    Column("detail", sa.JSON, nullable=False, server_default="{}"),
    sqlite_autoincrement=True,
)
"""What became of an incident, by whom and when. Rows are added, never changed."""

incident_breaches = Table(
    "incident_breaches",
    metadata,
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), primary_key=True),
    Column("clock", WORD, primary_key=True),
    Column("due_at", UtcDateTime, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("place_code", CODE),
    Column("hazard", HazardWord, nullable=False),
)
"""Deadlines that passed."""

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", Uuid, primary_key=True),
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), nullable=False),
    Column("revision", sa.BigInteger, nullable=False),
    Column("camera_id", NAME, nullable=False),
    Column("hazard", HazardWord, nullable=False),
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
    Index(None, "model", "received_at"),
    Index(
        "ix_alerts_summary",
        *("incident_id", "camera_id", "first_seen_at", "last_seen_at"),
        *("ended_at", "severity", "score"),
    ),
    Index("ix_alerts_latest", "incident_id", "last_seen_at", "alert_id"),
    Index(
        "ix_alerts_pictured",
        *("incident_id", "last_seen_at", "alert_id"),
        sqlite_where=sa.text("evidence_ref IS NOT NULL"),
        postgresql_where=sa.text("evidence_ref IS NOT NULL"),
    ),
)
"""A platform that comes and goes makes one incident of ten thousand alerts: what each batch asks
of it is answered by an index alone, or by one row."""

feed = Table(
    "feed",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("kind", WORD, nullable=False),
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), nullable=False),
    Column("payload", sa.JSON, nullable=False),
    Column("places_left", sa.JSON(none_as_null=True)),
    Index(None, "incident_id"),
    sqlite_autoincrement=True,
)
"""What clients are told, in order. An id is never used twice, so it serves as their cursor.
``places_left`` are where an incident isn't any more: only whoever sees it no longer is told."""

candidates = Table(
    "candidates",
    metadata,
    Column("camera_id", NAME, primary_key=True),
    Column("hazard", HazardWord, primary_key=True),
    Column("zone_id", NAME, primary_key=True),
    Column("worker_id", NAME, primary_key=True),
    Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("moment", sa.BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("score", sa.Float, nullable=False),
    Column("x0", sa.Float, nullable=False),
    Column("y0", sa.Float, nullable=False),
    Column("x1", sa.Float, nullable=False),
    Column("y1", sa.Float, nullable=False),
    Index(None, "camera_id", "at"),
)
"""What moments showed of a hazard, believed or not: for days, so that a proposal can be replayed.
The box is in shares of the picture; there is no picture."""

verdicts = Table(
    "verdicts",
    metadata,
    Column("incident_id", Uuid, ForeignKey(incidents.c.incident_id), primary_key=True),
    Column("account_id", Uuid, ForeignKey(accounts.c.account_id), primary_key=True),
    Column("verdict", WORD, nullable=False),
    Column("reason", WORD),
    Column("note", Text),
    Column("given_at", UtcDateTime, nullable=False),
    Column("given_by", NAME, nullable=False),
)
"""What an account says an incident was: one word each, the latest."""
