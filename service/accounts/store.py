"""Accounts in the database, and what has to stay true of them."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts import sessions
from service.accounts.models import LOGIN_PATTERN, PlaceBrief
from service.accounts.roles import Role
from service.tables import account_places, accounts, places

ONCE_LASTS: Final = timedelta(days=3)
"""How long a one-time password can be replaced by one's own."""

LOGIN: Final = re.compile(LOGIN_PATTERN)

ROOT_CODE: Final = "0"


def by_login(connection: Connection, login: str) -> RowMapping | None:
    """Return the account of exactly this login."""
    if not LOGIN.fullmatch(login):
        return None  # also what no database can hold
    return (
        connection.execute(sa.select(accounts).where(accounts.c.login == login))
        .mappings()
        .one_or_none()
    )


def existing(connection: Connection, account_id: UUID) -> RowMapping:
    """Return an account that must be there: they are disabled, never removed."""
    return (
        connection.execute(sa.select(accounts).where(accounts.c.account_id == account_id))
        .mappings()
        .one()
    )


def places_of(connection: Connection, account_id: UUID) -> list[PlaceBrief]:
    """Return an account's places, in the tree's order."""
    return places_of_all(connection, [account_id])[account_id]


def places_of_all(
    connection: Connection, account_ids: Sequence[UUID]
) -> dict[UUID, list[PlaceBrief]]:
    """Return the places of some accounts."""
    found: dict[UUID, list[PlaceBrief]] = {one: [] for one in account_ids}
    rows = connection.execute(
        sa.select(account_places.c.account_id, places.c.code, places.c.name, places.c.level)
        .join(places, account_places.c.place_code == places.c.code)
        .where(account_places.c.account_id.in_(account_ids))
        .order_by(places.c.path)
    )
    for row in rows:
        brief = PlaceBrief(code=row.code, name=row.name, level=row.level)
        found[row.account_id].append(brief)
    return found


def paths_of(connection: Connection, account_id: UUID) -> tuple[str, ...]:
    """Return the paths of an account's places."""
    query = (
        sa.select(places.c.path)
        .join(account_places, account_places.c.place_code == places.c.code)
        .where(account_places.c.account_id == account_id)
        .order_by(places.c.path)
    )
    return tuple(connection.execute(query).scalars())


def common_place(paths: Iterable[str]) -> str:
    """Return the code of the smallest place that holds these: where an account's acts belong."""
    parts = [path.strip("/").split("/") for path in paths]
    together = [codes[0] for codes in zip(*parts, strict=False) if len(set(codes)) == 1]
    return together[-1] if together else ROOT_CODE


def home_of(connection: Connection, account_id: UUID) -> str:
    """Return the code of the smallest place that holds all of an account's."""
    return common_place(paths_of(connection, account_id))


def insert(
    connection: Connection,
    *,
    login: str,
    name: str,
    role: Role,
    place_codes: Iterable[str],
    password_hash: str | None,
    created_by: str,
) -> UUID:
    """Make an account; with a hash its password is a one-time one, without it comes by OIDC."""
    account_id = uuid4()
    now = datetime.now(UTC)
    connection.execute(
        sa.insert(accounts).values(
            account_id=account_id,
            login=login,
            name=name,
            role=role,
            password_hash=password_hash,
            password_once=password_hash is not None,
            password_expires_at=now + ONCE_LASTS if password_hash else None,
            revision=1,
            created_at=now,
            created_by=created_by,
        )
    )
    set_places(connection, account_id, place_codes)
    return account_id


def set_places(connection: Connection, account_id: UUID, place_codes: Iterable[str]) -> None:
    """Give an account these places and no others."""
    connection.execute(sa.delete(account_places).where(account_places.c.account_id == account_id))
    rows = [{"account_id": account_id, "place_code": code} for code in sorted(set(place_codes))]
    connection.execute(sa.insert(account_places), rows)


def set_password(connection: Connection, account_id: UUID, password_hash: str) -> None:
    """Set a password that its owner chose; every session of the account ends."""
    connection.execute(
        sa.update(accounts)
        .where(accounts.c.account_id == account_id)
        .values(password_hash=password_hash, password_once=False, password_expires_at=None)
    )
    sessions.end_all(connection, account_id)


def enable(connection: Connection, account_id: UUID) -> None:
    """Let a disabled account log in again."""
    connection.execute(
        sa.update(accounts)
        .where(accounts.c.account_id == account_id)
        .values(disabled_at=None, revision=accounts.c.revision + 1)
    )


def set_one_time_password(connection: Connection, account_id: UUID, password_hash: str) -> None:
    """Set a password that is good for choosing another; every session of the account ends."""
    connection.execute(
        sa.update(accounts)
        .where(accounts.c.account_id == account_id)
        .values(
            password_hash=password_hash,
            password_once=True,
            password_expires_at=datetime.now(UTC) + ONCE_LASTS,
            revision=accounts.c.revision + 1,
        )
    )
    sessions.end_all(connection, account_id)
