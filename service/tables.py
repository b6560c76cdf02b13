"""The database's tables, in types that SQLite and PostgreSQL both have.

Changing one means a new file in ``migrations/versions``: a test compares the two.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, MetaData, String, Table, Text, Uuid
from sqlalchemy.types import TypeDecorator

from vision.hazards import Hazard


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


class HazardWord(TypeDecorator[str]):
    """A hazard of the closed list; nothing else is stored."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(
        self,
        value: str | None,
        dialect: sa.Dialect,  # noqa: ARG002 - SQLAlchemy's signature
    ) -> str | None:
        """Refuse what is none with ``ValueError``."""
        return None if value is None else Hazard(value).value


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
CODE = String(32)
"""A place's: digits."""
PATH = String(256)
"""A place and its ancestors, as ``/0/330100/330106/``: one comparison tells what lies inside."""
DIGEST = String(64)
"""SHA-256 in hexadecimal."""
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite counts up by itself in INTEGER columns only."""

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
    Index(None, "incident_id"),
    sqlite_autoincrement=True,
)
"""What clients are told, in order. An id is never used twice, so it serves as their cursor."""

places = Table(
    "places",
    metadata,
    Column("code", CODE, primary_key=True),
    Column("parent_code", CODE, ForeignKey("places.code"), index=True),
    Column("level", WORD, nullable=False),
    Column("name", NAME, nullable=False),
    Column("path", PATH, nullable=False, unique=True),
)
"""The jurisdiction tree. Its root, code 0, is the whole installation."""

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("login", NAME, nullable=False, unique=True),
    Column("name", NAME, nullable=False),
    Column("role", WORD, nullable=False),
    Column("password_hash", Text),
    Column("password_once", sa.Boolean, nullable=False),
    Column("password_expires_at", UtcDateTime),
    Column("oidc_issuer", Text),
    Column("oidc_subject", Text),
    Column("disabled_at", UtcDateTime),
    Column("revision", sa.BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", NAME, nullable=False),
    sa.UniqueConstraint("oidc_issuer", "oidc_subject"),
)
"""``password_once``: good for nothing but choosing another."""

account_places = Table(
    "account_places",
    metadata,
    Column("account_id", Uuid, ForeignKey(accounts.c.account_id), primary_key=True),
    Column("place_code", CODE, ForeignKey(places.c.code), primary_key=True, index=True),
)
"""Where an account may do what its role allows: in these places and all below them."""

sessions = Table(
    "sessions",
    metadata,
    Column("session_hash", DIGEST, primary_key=True),
    Column("account_id", Uuid, ForeignKey(accounts.c.account_id), nullable=False, index=True),
    Column("way", WORD, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
)
"""Browsers that are logged in; of the cookie only the hash is kept."""

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", Uuid, primary_key=True),
    Column("account_id", Uuid, ForeignKey(accounts.c.account_id), nullable=False, index=True),
    Column("name", NAME, nullable=False),
    Column("secret_hash", DIGEST, nullable=False, unique=True),
    Column("scopes", sa.JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)
"""API tokens; of the secret only the hash is kept."""

login_failures = Table(
    "login_failures",
    metadata,
    Column("key", NAME, primary_key=True),
    Column("failures", sa.BigInteger, nullable=False),
    Column("failed_at", UtcDateTime, nullable=False, index=True),
)
"""Wrong passwords, by login and by address, so that guessing is slow on every replica."""

oidc_flows = Table(
    "oidc_flows",
    metadata,
    Column("state_hash", DIGEST, primary_key=True),
    Column("finished_at", UtcDateTime, nullable=False, index=True),
)
"""Logins at the identity provider that ended in a session here: none does twice."""

cameras = Table(
    "cameras",
    metadata,
    Column("camera_id", NAME, primary_key=True),
    Column("gb_id", String(20)),
    Column("name", NAME, nullable=False),
    Column("programme", WORD, nullable=False),
    Column("place_type", WORD, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("owner", NAME, nullable=False),
    Column("sign_confirmed_by", NAME, nullable=False),
    Column("sign_confirmed_at", UtcDateTime, nullable=False),
    Column("contact_number", WORD, nullable=False),
    Column("upstream", NAME),
    Column("place_code", CODE, ForeignKey(places.c.code), nullable=False),
    Column("longitude", sa.Float, nullable=False),
    Column("latitude", sa.Float, nullable=False),
    Column("coordinate_system", WORD, nullable=False),
    Column("wgs84_longitude", sa.Float, nullable=False),
    Column("wgs84_latitude", sa.Float, nullable=False),
    Column("main_url", Text, nullable=False),
    Column("sub_url", Text),
    Column("sealed_credentials", Text),
    Column("hazards", sa.JSON, nullable=False),
    Column("zones", sa.JSON, nullable=False),
    Column("water", sa.JSON(none_as_null=True)),
    Column("thresholds", sa.JSON, nullable=False, server_default="{}"),
    Column("enabled", sa.Boolean, nullable=False),
    Column("drill", sa.Boolean, nullable=False),
    Column("revision", sa.BigInteger, nullable=False),
    Column("published_revision", sa.BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("updated_by", NAME, nullable=False),
    Index(None, "name", "camera_id"),
    Index(None, "gb_id", "camera_id"),
    Index(None, "place_code", "name", "camera_id"),
    Index(None, "updated_at", "camera_id"),
)
"""The registry. A position is kept as it was given and as WGS-84. Credentials are sealed for the
workers: the service can't open them. ``published_revision`` lags while Redis is away."""

camera_removals = Table(
    "camera_removals",
    metadata,
    Column("camera_id", NAME, primary_key=True),
    Column("revision", sa.BigInteger, nullable=False),
    Column("removed_at", UtcDateTime, nullable=False),
)
"""Cameras that are gone here and whose workers have still to be told."""

camera_windows = Table(
    "camera_windows",
    metadata,
    Column("window_id", Uuid, primary_key=True),
    Column("camera_id", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("author", NAME, nullable=False),
    Column("note", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_by", NAME),
    Column("ended_at", UtcDateTime),
    Index(None, "camera_id", "ends_at"),
)
"""When something is expected at a camera. ``ended_at`` is set where a person ended it early."""

camera_states = Table(
    "camera_states",
    metadata,
    Column("camera_id", NAME, primary_key=True),
    Column("worker_id", NAME, nullable=False),
    Column("epoch", sa.BigInteger, nullable=False),
    Column("state", WORD, nullable=False),
    Column("fault", WORD),
    Column("revision", sa.BigInteger, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)
"""What a camera's worker said of it last, and at which of its starts."""

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
