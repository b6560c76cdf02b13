"""Accounts over HTTP, for administrators: those whose places all lie inside their own."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from service.accounts import directory, passwords
from service.accounts.errors import NoPasswordError, OwnPasswordError
from service.accounts.gate import Gate
from service.accounts.models import (
    Account,
    AccountChange,
    AccountList,
    MadeAccount,
    NewAccount,
    OneTimePassword,
)
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.accounts.sessions import Way
from service.database import Database
from service.problems import responses
from service.revisions import IfMatch, etag, require_newest
from service.routers import take
from service.text import Query as SearchText


def account_router(database: Database, gate: Gate, issuer: str | None) -> APIRouter:
    """Return the accounts' routes; ``issuer`` is the identity provider in use."""
    router = APIRouter()
    take(router, _to_read(database, gate))
    take(router, _to_manage(gate, issuer))
    take(router, _to_give_passwords(database, gate))
    take(router, _to_unbind(gate, issuer))
    return router


def _to_read(database: Database, gate: Gate) -> APIRouter:
    router = _router()
    Reader = Annotated[Principal, Depends(gate.allows(Permission.ACCOUNT_READ))]  # noqa: N806

    @router.get("", responses=responses(401, 403, 422))
    def account_list(who: Reader, q: Annotated[SearchText, Query()] = "") -> AccountList:
        """List accounts, or those whose login or name holds ``q``; at most 500."""
        with database.reading() as connection:
            return AccountList(accounts=directory.search(connection, who, q.strip()))

    @router.get("/{account_id}", responses=responses(401, 403, 404, 422))
    def account(who: Reader, account_id: UUID, response: Response) -> Account:
        """Show an account."""
        with database.reading() as connection:
            found = directory.visible(connection, who, account_id)
        response.headers["ETag"] = etag(found.revision)
        return found

    return router


def _to_manage(gate: Gate, issuer: str | None) -> APIRouter:
    router = _router()
    Person = Annotated[Principal, Depends(gate.person(Permission.ACCOUNT_WRITE))]  # noqa: N806

    @router.post("", status_code=201, responses=responses(401, 403, 409, 413, 422, 503))
    def make_account(who: Person, new: NewAccount, response: Response) -> MadeAccount:
        """Make an account; its one-time password is shown this once."""
        password = passwords.one_time() if new.way is Way.PASSWORD else None
        password_hash = None if password is None else passwords.hashed(password)
        with gate.writing(who, Permission.ACCOUNT_WRITE) as (connection, now):
            account_id = directory.add(connection, now, new, password_hash)
            made = directory.visible(connection, now, account_id)
        response.headers["ETag"] = etag(made.revision)
        return MadeAccount(**made.model_dump(), one_time_password=password)

    @router.patch("/{account_id}", responses=responses(401, 403, 404, 409, 412, 413, 422, 428))
    def change_account(
        who: Person, account_id: UUID, change: AccountChange, if_match: IfMatch, response: Response
    ) -> Account:
        """Change an account. Role and places count from its next request on."""
        with gate.writing(who, Permission.ACCOUNT_WRITE) as (connection, now):
            before = directory.visible(connection, now, account_id)
            require_newest(if_match, before.revision)
            directory.change(connection, now, before, change, issuer)
            after = directory.visible(connection, now, account_id)
        response.headers["ETag"] = etag(after.revision)
        return after

    @router.delete(
        "/{account_id}", status_code=204, responses=responses(401, 403, 404, 409, 412, 422, 428)
    )
    def disable_account(who: Person, account_id: UUID, if_match: IfMatch) -> None:
        """Disable an account: its sessions and tokens end at once. The audit keeps its name."""
        with gate.writing(who, Permission.ACCOUNT_WRITE) as (connection, now):
            before = directory.visible(connection, now, account_id)
            require_newest(if_match, before.revision)
            directory.change(connection, now, before, AccountChange(disabled=True), issuer)

    return router


def _to_give_passwords(database: Database, gate: Gate) -> APIRouter:
    router = _router()
    Person = Annotated[Principal, Depends(gate.person(Permission.ACCOUNT_WRITE))]  # noqa: N806

    @router.post(
        "/{account_id}/one-time-password", responses=responses(401, 403, 404, 409, 422, 503)
    )
    def give_one_time_password(who: Person, account_id: UUID) -> OneTimePassword:
        """Replace another's forgotten password; the account's sessions and tokens end at once."""
        if account_id == who.account_id:
            raise OwnPasswordError
        with database.reading() as connection:
            if directory.visible(connection, who, account_id).way is Way.OIDC:
                raise NoPasswordError
        password = passwords.one_time()
        password_hash = passwords.hashed(password)
        with gate.writing(who, Permission.ACCOUNT_WRITE) as (connection, now):
            directory.give_password(connection, now, account_id, password_hash)
        return OneTimePassword(one_time_password=password)

    return router


def _to_unbind(gate: Gate, issuer: str | None) -> APIRouter:
    router = _router()
    Person = Annotated[Principal, Depends(gate.person(Permission.ACCOUNT_WRITE))]  # noqa: N806

    @router.delete(
        "/{account_id}/identity", status_code=204, responses=responses(401, 403, 404, 409, 422)
    )
    def unbind_account(who: Person, account_id: UUID) -> None:
        """Undo an account's binding to an identity; its sessions and tokens end at once.

        Who comes next from the identity provider with this login is bound to it.
        """
        with gate.writing(who, Permission.ACCOUNT_WRITE) as (connection, now):
            directory.unbind(connection, now, account_id, issuer)

    return router


def _router() -> APIRouter:
    return APIRouter(prefix="/api/accounts", tags=["accounts"])
