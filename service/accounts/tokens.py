"""API tokens: 256 random bits, shown once, of which the hash is kept."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.errors import TooManyTokensError
from service.accounts.roles import Permission
from service.accounts.sessions import hash_of
from service.tables import tokens

MOST: Final = 50
"""Tokens of one account that are good at the same time."""

PREFIX: Final = "fs_"
"""By this, secret scanners and people know one when they see it."""


def create(
    connection: Connection,
    *,
    account_id: UUID,
    name: str,
    scopes: Iterable[Permission],
    lasts: timedelta,
) -> tuple[UUID, str]:
    """Make a token; returns its id and its secret. Raises ``TooManyTokensError``."""
    secret = PREFIX + secrets.token_urlsafe(32)
    token_id = uuid4()
    now = datetime.now(UTC)
    if _good(connection, account_id, now) >= MOST:
        raise TooManyTokensError(MOST)
    connection.execute(
        sa.insert(tokens).values(
            token_id=token_id,
            account_id=account_id,
            name=name,
            secret_hash=hash_of(secret),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=now + lasts,
        )
    )
    return token_id, secret


def find(connection: Connection, secret_hash: str) -> RowMapping | None:
    """Return a token's row, good or not."""
    query = sa.select(tokens).where(tokens.c.secret_hash == secret_hash)
    return connection.execute(query).mappings().one_or_none()


def existing(connection: Connection, token_id: UUID) -> RowMapping:
    """Return the row of a token that is there."""
    query = sa.select(tokens).where(tokens.c.token_id == token_id)
    return connection.execute(query).mappings().one()


def of(connection: Connection, account_id: UUID) -> Sequence[RowMapping]:
    """Return an account's tokens, newest first, those of the past included."""
    query = (
        sa.select(tokens)
        .where(tokens.c.account_id == account_id)
        .order_by(tokens.c.created_at.desc(), tokens.c.token_id)
    )
    return connection.execute(query).mappings().all()


def touch(connection: Connection, token_id: UUID) -> None:
    """Note that the token is in use."""
    connection.execute(
        sa.update(tokens).where(tokens.c.token_id == token_id).values(used_at=datetime.now(UTC))
    )


def revoke(connection: Connection, account_id: UUID, token_id: UUID) -> bool:
    """Revoke one of an account's tokens; tells whether it has such a token."""
    found = connection.execute(
        sa.update(tokens)
        .where(tokens.c.token_id == token_id, tokens.c.account_id == account_id)
        .values(revoked_at=sa.func.coalesce(tokens.c.revoked_at, datetime.now(UTC)))
    )
    return found.rowcount == 1


def revoke_all(connection: Connection, account_id: UUID) -> int:
    """Revoke every token of an account; returns how many that were."""
    found = connection.execute(
        sa.update(tokens)
        .where(tokens.c.account_id == account_id, tokens.c.revoked_at.is_(None))
        .values(revoked_at=datetime.now(UTC))
    )
    return found.rowcount


def _good(connection: Connection, account_id: UUID, now: datetime) -> int:
    query = sa.select(sa.func.count()).where(
        tokens.c.account_id == account_id, tokens.c.revoked_at.is_(None), tokens.c.expires_at > now
    )
    return connection.execute(query).scalar_one()
