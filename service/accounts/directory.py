"""Accounts as administrators manage them, and what has to stay true of them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts import passwords, sessions, store, throttle, tokens
from service.accounts.errors import (
    LastAdminError,
    LoginTakenError,
    NoIdentityError,
    UnknownAccountError,
)
from service.accounts.models import Account, AccountChange, NewAccount, PlaceBrief
from service.accounts.principal import Principal
from service.accounts.roles import Role
from service.accounts.sessions import Way
from service.audit.log import record
from service.database import Database
from service.places.errors import UnknownPlaceError
from service.places.store import visible as visible_place
from service.tables import account_places, accounts, places
from service.text import pattern_of

LIST_LIMIT: Final = 500

FIRST_LOGIN: Final = "admin"

RESERVED: Final = frozenset({"service", "host"})
"""Stand in the audit for what no account did."""


def search(connection: Connection, who: Principal, text: str) -> list[Account]:
    """Return accounts all of whose places are the principal's, by login."""
    pattern = pattern_of(text)
    query = (
        sa.select(accounts)
        .where(
            _manageable(who),
            sa.or_(
                sa.func.lower(accounts.c.login).like(pattern, escape="\\"),
                sa.func.lower(accounts.c.name).like(pattern, escape="\\"),
            ),
        )
        .order_by(accounts.c.login)
        .limit(LIST_LIMIT)
    )
    return _views(connection, connection.execute(query).mappings().all())


def visible(connection: Connection, who: Principal, account_id: UUID) -> Account:
    """Return an account. Raises ``UnknownAccountError`` also for one beyond one's places."""
    query = sa.select(accounts).where(accounts.c.account_id == account_id, _manageable(who))
    found = _views(connection, connection.execute(query).mappings().all())
    if not found:
        raise UnknownAccountError(account_id)
    return found[0]


def add(connection: Connection, who: Principal, new: NewAccount, password_hash: str | None) -> UUID:
    """Make an account in one's own places. Raises ``LoginTakenError``."""
    _require_own_places(connection, who, new.places)
    _require_free(connection, new.login)
    account_id = store.insert(
        connection,
        login=new.login,
        name=new.name,
        role=new.role,
        place_codes=new.places,
        password_hash=password_hash,
        created_by=who.login,
    )
    detail = {"login": new.login, "role": new.role, "way": new.way, "places": sorted(new.places)}
    _note(connection, who, "account.created", account_id, detail)
    if password_hash is not None:
        throttle.unlock(connection, new.login)
    return account_id


def change(
    connection: Connection,
    who: Principal,
    before: Account,
    wanted: AccountChange,
    issuer: str | None,
) -> None:
    """Change an account; nothing happens if nothing is to be another.

    Raises ``LastAdminError``; ``issuer`` is the identity provider in use.
    """
    changed = _changes(before, wanted)
    if not changed:
        return
    if wanted.places is not None:
        _require_own_places(connection, who, wanted.places)
    was_last = _is_last_admin(connection, before, issuer)
    home = store.home_of(connection, before.account_id)
    values: dict[str, Any] = {
        name: changed[name]["new"] for name in ("name", "role") if name in changed
    }
    if "disabled" in changed:
        values["disabled_at"] = datetime.now(UTC) if wanted.disabled else None
    connection.execute(
        sa.update(accounts)
        .where(accounts.c.account_id == before.account_id)
        .values(revision=accounts.c.revision + 1, **values)
    )
    if wanted.places is not None:
        store.set_places(connection, before.account_id, wanted.places)
    if wanted.disabled:
        sessions.end_all(connection, before.account_id)
        tokens.revoke_all(connection, before.account_id)
    if was_last and not _is_last_admin(connection, before, issuer):
        raise LastAdminError
    _note_change(connection, who, before.account_id, home, changed)


def give_password(
    connection: Connection, who: Principal, account_id: UUID, password_hash: str
) -> None:
    """Set a one-time password, end what others may hold, and let the owner in who mistyped."""
    account = visible(connection, who, account_id)
    detail = reset(connection, account_id, account.login, password_hash)
    _note(connection, who, "account.password_reset", account_id, detail)


def reset(
    connection: Connection, account_id: UUID, login: str, password_hash: str
) -> dict[str, Any]:
    """Set a one-time password; sessions and tokens end. Returns what the audit says of it."""
    store.set_one_time_password(connection, account_id, password_hash)
    throttle.unlock(connection, login)
    return {"tokens_revoked": tokens.revoke_all(connection, account_id)}


def unbind(connection: Connection, who: Principal, account_id: UUID, issuer: str | None) -> None:
    """Let another identity of the account's login in, and end what the present one holds.

    Raises ``NoIdentityError`` or ``LastAdminError``; ``issuer`` as in ``change``.
    """
    account = visible(connection, who, account_id)
    if account.way is not Way.OIDC:
        raise NoIdentityError
    if _is_last_admin(connection, account, issuer):
        raise LastAdminError
    detail = free(connection, account_id)
    _note(connection, who, "account.unbound", account_id, detail)


def free(connection: Connection, account_id: UUID) -> dict[str, Any]:
    """Undo the binding; sessions and tokens end. Returns what the audit says of it."""
    bound_to = store.existing(connection, account_id)["oidc_issuer"]
    connection.execute(
        sa.update(accounts)
        .where(accounts.c.account_id == account_id)
        .values(oidc_issuer=None, oidc_subject=None, revision=accounts.c.revision + 1)
    )
    sessions.end_all(connection, account_id)
    return {"issuer": bound_to, "tokens_revoked": tokens.revoke_all(connection, account_id)}


def first_admin(database: Database) -> str | None:
    """Make the first account if there is none; returns its one-time password.

    Of several services that start at once, one makes it.
    """
    if _any(database):
        return None
    password = passwords.one_time()
    password_hash = passwords.hashed(password)
    with database.writing() as connection:
        if connection.execute(sa.select(accounts.c.account_id).limit(1)).first():
            return None
        account_id = store.insert(
            connection,
            login=FIRST_LOGIN,
            name=FIRST_LOGIN,
            role=Role.ADMIN,
            place_codes=[store.ROOT_CODE],
            password_hash=password_hash,
            created_by="service",
        )
        throttle.unlock(connection, FIRST_LOGIN)
        record(
            connection,
            actor="service",
            action="account.created",
            object_kind="account",
            object_id=str(account_id),
            place_code=store.ROOT_CODE,
            detail={"login": FIRST_LOGIN, "role": Role.ADMIN, "places": [store.ROOT_CODE]},
        )
    return password


def _any(database: Database) -> bool:
    with database.reading() as connection:
        return connection.execute(sa.select(accounts.c.account_id).limit(1)).first() is not None


def _manageable(who: Principal) -> sa.ColumnElement[bool]:
    if who.everywhere:
        return sa.true()
    own = account_places.c.account_id == accounts.c.account_id
    given = sa.select(places.c.code).join(
        account_places, account_places.c.place_code == places.c.code
    )
    beyond = given.where(own, sa.not_(who.within(places.c.path)))
    return sa.and_(given.where(own).exists(), ~beyond.exists())


def _views(connection: Connection, rows: Iterable[RowMapping]) -> list[Account]:
    rows = list(rows)
    given = store.places_of_all(connection, [row["account_id"] for row in rows])
    return [_view(row, given[row["account_id"]]) for row in rows]


def _view(row: RowMapping, given: list[PlaceBrief]) -> Account:
    return Account(
        account_id=row["account_id"],
        login=row["login"],
        name=row["name"],
        role=Role(row["role"]),
        places=given,
        way=Way.OIDC if row["password_hash"] is None else Way.PASSWORD,
        disabled=row["disabled_at"] is not None,
        password_once=row["password_once"],
        revision=row["revision"],
        created_at=row["created_at"],
        created_by=row["created_by"],
    )


def _changes(before: Account, wanted: AccountChange) -> dict[str, dict[str, Any]]:
    """Return what will be another, by field, as the audit tells it."""
    old = before.model_dump(mode="json") | {"places": sorted(one.code for one in before.places)}
    new = wanted.model_dump(mode="json", exclude_none=True)
    if wanted.places is not None:
        new["places"] = sorted(set(wanted.places))
    return {
        name: {"old": old[name], "new": value} for name, value in new.items() if old[name] != value
    }


def _require_own_places(connection: Connection, who: Principal, codes: Iterable[str]) -> None:
    for code in codes:
        if visible_place(connection, who, code) is None:
            raise UnknownPlaceError(code, "places")


def _require_free(connection: Connection, login: str) -> None:
    same = sa.select(accounts.c.login).where(sa.func.lower(accounts.c.login) == login.lower())
    if login.lower() in RESERVED or connection.execute(same).first():
        raise LoginTakenError


def _usable_root_admins(issuer: str | None) -> sa.Select[tuple[UUID]]:
    """Return those who can log in: a login nobody has bound yet may be a typing error."""
    by_password = sa.and_(
        accounts.c.password_hash.is_not(None),
        sa.or_(
            accounts.c.password_expires_at.is_(None),
            accounts.c.password_expires_at > datetime.now(UTC),
        ),
    )
    return (
        sa.select(accounts.c.account_id)
        .join(account_places, account_places.c.account_id == accounts.c.account_id)
        .where(
            accounts.c.role == Role.ADMIN,
            accounts.c.disabled_at.is_(None),
            by_password if issuer is None else by_password | (accounts.c.oidc_issuer == issuer),
            account_places.c.place_code == store.ROOT_CODE,
        )
    )


def _is_last_admin(connection: Connection, account: Account, issuer: str | None) -> bool:
    found = list(connection.execute(_usable_root_admins(issuer)).scalars())
    return found == [account.account_id]


def _note_change(
    connection: Connection,
    who: Principal,
    account_id: UUID,
    home: str,
    changed: dict[str, dict[str, Any]],
) -> None:
    """Tell of a change; of a move each place of its own side: who sees one need not know the other.

    ``home`` is where the account's acts belonged before.
    """
    if store.home_of(connection, account_id) != home:
        moved = changed["places"]
        changed = {name: value for name, value in changed.items() if name != "places"}
        left = {"moved_out": moved["old"]}
        _note(connection, who, "account.moved_out", account_id, left, place_code=home)
        _note(connection, who, "account.moved_in", account_id, {"moved_in": moved["new"]})
    if not changed:
        return
    action = "account.changed"
    if "disabled" in changed:
        action = "account.disabled" if changed["disabled"]["new"] else "account.enabled"
    _note(connection, who, action, account_id, changed)


def _note(
    connection: Connection,
    who: Principal,
    action: str,
    account_id: UUID,
    detail: Mapping[str, Any],
    *,
    place_code: str | None = None,
) -> None:
    record(
        connection,
        actor=who.login,
        action=action,
        object_kind="account",
        object_id=str(account_id),
        place_code=place_code or store.home_of(connection, account_id),
        detail=detail,
    )
