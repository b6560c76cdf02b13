"""Accounts, and the places that they are for."""

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Table, Text, Uuid

from service.tables.kinds import CODE, DIGEST, NAME, PATH, WORD, UtcDateTime, metadata

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
