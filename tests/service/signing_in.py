"""Accounts for tests, logged in over HTTP or with a token."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa

from service.accounts import passwords, store, tokens
from service.accounts.roles import PERMISSIONS, Permission, Role
from service.database import Database
from service.tables import accounts

PASSWORD = "beacon-tower-2718"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account whose password is its own."""

    account_id: UUID
    login: str
    role: Role
    password: str = PASSWORD


@cache
def _hashed(password: str) -> str:
    return passwords.hashed(password)


def make_account(
    database: Database,
    role: Role | str,
    places: Iterable[str] = ("0",),
    *,
    login: str | None = None,
    password_once: bool = False,
) -> Account:
    """Make an account with ``PASSWORD``; the places must be there."""
    login = login or f"{role}-{uuid4().hex[:8]}"
    with database.writing() as connection:
        account_id = store.insert(
            connection,
            login=login,
            name=f"{login} 某",
            role=Role(role),
            place_codes=places,
            password_hash=_hashed(PASSWORD),
            created_by="test",
        )
        if not password_once:
            connection.execute(
                sa.update(accounts)
                .where(accounts.c.account_id == account_id)
                .values(password_once=False, password_expires_at=None)
            )
    return Account(account_id=account_id, login=login, role=Role(role))


def log_in(client: httpx.Client, account: Account) -> httpx.Client:
    """Log in over HTTP; the client keeps the cookie and sends the page's token with changes."""
    answer = client.post(
        "/api/session", json={"login": account.login, "password": account.password}
    )
    assert answer.status_code == 200, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client


@contextmanager
def signed_in(url: str, account: Account) -> Iterator[httpx.Client]:
    """Give a client of its own that is logged in."""
    with httpx.Client(base_url=url, timeout=10) as client:
        yield log_in(client, account)


def token(
    database: Database,
    account: Account,
    scopes: Iterable[Permission] | None = None,
    *,
    lasts: timedelta = timedelta(days=1),
) -> str:
    """Return a new token's secret; without scopes it may do all that the role may."""
    with database.writing() as connection:
        _, secret = tokens.create(
            connection,
            account_id=account.account_id,
            name="test",
            scopes=PERMISSIONS[account.role] if scopes is None else scopes,
            lasts=lasts,
        )
    return secret


def bearer(
    database: Database, role: Role | str = Role.ADMIN, places: Iterable[str] = ("0",)
) -> dict[str, str]:
    """Return the headers of a new account's token, for requests that aren't about logging in."""
    return {"Authorization": f"Bearer {token(database, make_account(database, role, places))}"}
