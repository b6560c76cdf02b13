"""Logging in and out with a password, and choosing another."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import Connection, RowMapping

from pipelines.secrets import Secret
from service.accounts import passwords, sessions, store, tokens
from service.accounts.errors import NoPasswordError, WrongLoginError
from service.accounts.gate import Gate, Refusal, Visit
from service.accounts.models import Credentials, PasswordChange, SessionAccount, SessionView
from service.accounts.roles import PERMISSIONS, Role
from service.accounts.sessions import Session, Way
from service.accounts.throttle import Throttle, client_address
from service.audit.log import record
from service.database import Database
from service.problems import responses


def session_router(database: Database, gate: Gate, throttle: Throttle) -> APIRouter:
    """Return the routes of a person's session."""
    router = APIRouter(prefix="/api/session", tags=["session"])
    doors = _Doors(database, gate, throttle)
    # Those as well who have yet to choose a password.
    Person = Annotated[Visit, Depends(gate.visit(password_once=True))]  # noqa: N806

    @router.post("", responses=responses(401, 403, 413, 422, 429, 503))
    def log_in(given: Credentials, request: Request, response: Response) -> SessionView:
        """Log in with a password; the session is in a cookie."""
        browser = gate.cookies.browser_of(request)
        secret, view = doors.log_in(given, request, browser)
        gate.cookies.set_session(response, secret)
        gate.cookies.set_browser(response, browser)
        return view

    @router.get("", responses=responses(401, 403))
    def who_is_logged_in(visit: Person) -> SessionView:
        """Tell who is logged in, and what that account may do."""
        with database.reading() as connection:
            return view_of(connection, visit.session, visit.csrf_token)

    @router.delete("", status_code=204, responses=responses(401, 403))
    def log_out(visit: Person, response: Response) -> None:
        """End the session."""
        doors.log_out(visit)
        gate.cookies.drop_session(response)

    @router.post("/password", responses=responses(401, 403, 409, 413, 422, 429, 503))
    def change_password(
        given: PasswordChange, request: Request, response: Response, visit: Person
    ) -> SessionView:
        """Choose another password; every session of the account ends, and a new one begins.

        Tokens stay, but for those beside a one-time password: that was others' as well.
        """
        browser = gate.cookies.browser_of(request)
        secret, view = doors.change_password(given, visit, request, browser)
        gate.cookies.set_session(response, secret)
        gate.cookies.set_browser(response, browser)
        return view

    return router


class _Doors:
    """What logging in and out and changing a password do."""

    def __init__(self, database: Database, gate: Gate, throttle: Throttle) -> None:
        self._database = database
        self._gate = gate
        self._throttle = throttle

    def log_in(self, given: Credentials, request: Request, browser: str) -> tuple[str, SessionView]:
        """Begin a session; the one that the browser came with ends."""
        where = client_address(request), browser
        account = self._verified(given.login, given.password, where)
        with self._database.writing() as connection:
            _require_unchanged(connection, account)
            end_brought(connection, request.cookies.get(self._gate.cookies.name))
            note(connection, account, "session.began", way=Way.PASSWORD)
            return _begun(connection, account["account_id"], Way.PASSWORD)

    def log_out(self, visit: Visit) -> None:
        """End the visit's session."""
        with self._gate.writing(visit.principal, None, password_once=True) as (connection, _):
            sessions.end(connection, visit.session.session_hash)
            account = store.existing(connection, visit.session.account_id)
            note(connection, account, "session.ended")

    def change_password(
        self, given: PasswordChange, visit: Visit, request: Request, browser: str
    ) -> tuple[str, SessionView]:
        """Set the password and renew the session."""
        with self._database.reading() as connection:
            account = store.existing(connection, visit.principal.account_id)
        if account["password_hash"] is None:
            raise NoPasswordError
        where = client_address(request), browser
        account = self._verified(account["login"], given.current_password, where)
        new = given.new_password.reveal()
        passwords.require_strong(new, account["login"], given.current_password.reveal())
        password_hash = passwords.hashed(new)
        with self._gate.writing(visit.principal, None, password_once=True) as (connection, who):
            _require_unchanged(connection, account)
            store.set_password(connection, who.account_id, password_hash)
            once = account["password_once"]
            revoked = tokens.revoke_all(connection, who.account_id) if once else 0
            note(connection, account, "account.password_changed", tokens_revoked=revoked)
            return _begun(connection, account["account_id"], Way.PASSWORD)

    def _verified(self, login: str, password: Secret, where: tuple[str, str]) -> RowMapping:
        """Return the account whose password this is; every try counts until it was right."""
        with self._throttle.attempt(login, *where) as attempt:
            with self._database.reading() as connection:
                account = store.by_login(connection, login)
            right = passwords.matches(_hash_of(account), password.reveal())
            if account is None or not right or not _is_open(account):
                self._gate.refused(Refusal.WRONG_PASSWORD)
                raise WrongLoginError
            attempt.succeeded()
        return account


def view_of(connection: Connection, session: Session, csrf_token: str) -> SessionView:
    """Return the session as its page sees it."""
    account = store.existing(connection, session.account_id)
    role = Role(account["role"])
    return SessionView(
        account=SessionAccount(
            account_id=account["account_id"],
            login=account["login"],
            name=account["name"],
            role=role,
            places=store.places_of(connection, session.account_id),
        ),
        permissions=sorted(PERMISSIONS[role]),
        password_once=account["password_once"],
        csrf_token=csrf_token,
        expires_at=session.expires_at,
    )


def note(connection: Connection, account: RowMapping, action: str, **detail: object) -> None:
    """Put what an account did to itself into the audit."""
    record(
        connection,
        actor=account["login"],
        action=action,
        object_kind="account",
        object_id=str(account["account_id"]),
        place_code=store.home_of(connection, account["account_id"]),
        detail=detail,
    )


def end_brought(connection: Connection, secret: str | None) -> None:
    """End the session that a browser brought to a login, whoever's it was."""
    found = sessions.find(connection, sessions.hash_of(secret)) if secret else None
    if found is not None:
        sessions.end(connection, found.session_hash)
        note(connection, store.existing(connection, found.account_id), "session.ended")


def _begun(connection: Connection, account_id: UUID, way: Way) -> tuple[str, SessionView]:
    secret, session = sessions.begin(connection, account_id, way)
    return secret, view_of(connection, session, sessions.csrf_token(secret))


def _require_unchanged(connection: Connection, seen: RowMapping) -> None:
    """Raise ``WrongLoginError`` if the account was closed, or its password replaced, meanwhile."""
    now = store.existing(connection, seen["account_id"])
    if not _is_open(now) or now["password_hash"] != seen["password_hash"]:
        raise WrongLoginError


def _hash_of(account: RowMapping | None) -> str | None:
    return None if account is None else account["password_hash"]


def _is_open(account: RowMapping) -> bool:
    expires_at = account["password_expires_at"]
    late = expires_at is not None and expires_at <= datetime.now(UTC)
    return account["disabled_at"] is None and not late
