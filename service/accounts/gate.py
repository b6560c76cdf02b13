"""The gate: who a request comes from, and whether that account may do this."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from sqlalchemy import Connection

from service.accounts import sessions, store, tokens
from service.accounts.errors import (
    CsrfError,
    ForbiddenError,
    PasswordChangeRequiredError,
    SessionNeededError,
    UnauthenticatedError,
)
from service.accounts.principal import Credential, Principal
from service.accounts.roles import PERMISSIONS, Permission, Role
from service.accounts.sessions import Cookies, Session
from service.database import Database
from service.errors import ProblemError
from service.metrics import ServiceMetrics
from service.tables import accounts

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Change nothing, so need no token of the page."""


class Refusal(StrEnum):
    """Why somebody wasn't let in, as it's counted. Clients aren't told."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    DISABLED = "disabled"
    CSRF = "csrf"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A person's request: principal and session."""

    principal: Principal
    """Who."""
    session: Session
    """By which session."""
    csrf_token: str
    """What the page has to send with changes."""
    password_once: bool
    """Whether the password has to be replaced first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    principal: Principal
    password_once: bool
    session: Session | None
    stale: bool
    """Whether its last use should be noted anew."""


class _RefusedError(Exception):
    def __init__(self, why: Refusal) -> None:
        self.why = why


class Gate:
    """Stands before every route that isn't public. Thread-safe.

    Role and places are read anew for each request, so a change of them is in force at once.
    """

    def __init__(self, database: Database, metrics: ServiceMetrics, cookies: Cookies) -> None:
        self.cookies = cookies
        self._database = database
        self._metrics = metrics
        self._cookie = APIKeyCookie(name=cookies.name, scheme_name="session", auto_error=False)
        self._bearer = HTTPBearer(scheme_name="token", auto_error=False)

    def allows(self, permission: Permission | None) -> Callable[..., Principal]:
        """Return a dependency that gives the principal, if it has the permission.

        ``None`` lets every account in.
        """

        def who(
            request: Request,
            _cookie: Annotated[str | None, Security(self._cookie)],
            _bearer: Annotated[HTTPAuthorizationCredentials | None, Security(self._bearer)],
        ) -> Principal:
            found = self._found(request)
            _require(found, permission)
            return found.principal

        return who

    def person(self, permission: Permission) -> Callable[..., Principal]:
        """Return a dependency as ``allows`` does, for what a token may never do."""

        def who(
            request: Request,
            _cookie: Annotated[str | None, Security(self._cookie)],
        ) -> Principal:
            found = self._found(request)
            if found.session is None:
                raise SessionNeededError
            _require(found, permission)
            return found.principal

        return who

    def visit(self, *, password_once: bool = False) -> Callable[..., Visit]:
        """Return a dependency that gives a person's visit: a session, never a token.

        ``password_once`` also lets those in who have yet to choose a password.
        """

        def visiting(
            request: Request,
            _cookie: Annotated[str | None, Security(self._cookie)],
        ) -> Visit:
            found = self._found(request)
            if found.session is None:
                raise SessionNeededError
            if found.password_once and not password_once:
                raise PasswordChangeRequiredError
            return Visit(
                principal=found.principal,
                session=found.session,
                csrf_token=sessions.csrf_token(request.cookies[self.cookies.name]),
                password_once=found.password_once,
            )

        return visiting

    def recheck(self, request: Request, permission: Permission | None) -> Principal | None:
        """Return who the request comes from as of now; None once it would be refused.

        For answers that go on: a feed asks before each batch. It keeps no session alive.
        """
        try:
            with self._database.reading() as connection:
                found = self._look_up(connection, self._credential(request))
            _require(found, permission)
        except (_RefusedError, ProblemError):
            return None
        return found.principal

    @contextmanager
    def writing(
        self, who: Principal, permission: Permission | None, *, password_once: bool = False
    ) -> Iterator[tuple[Connection, Principal]]:
        """Give the writing transaction, and the principal as it is inside it.

        What let the request in can be old by now: it may have waited for another writer, or for
        a password to be hashed. Raises as ``allows`` does if it would no longer be let in.
        """
        with self._database.writing() as connection:
            found = self._still(connection, who)
            _require(found, permission, password_once=password_once)
            yield connection, found.principal

    def refused(self, why: Refusal) -> None:
        """Count a refusal."""
        self._metrics.refused_logins.labels(why).inc()

    def _still(self, connection: Connection, who: Principal) -> _Found:
        if who.credential is None:
            raise UnauthenticatedError
        try:
            return self._look_up(connection, who.credential)
        except _RefusedError as error:
            self.refused(error.why)
            raise UnauthenticatedError from None

    def _found(self, request: Request) -> _Found:
        try:
            credential = self._credential(request)
            with self._database.reading() as connection:
                found = self._look_up(connection, credential)
        except _RefusedError as error:
            self.refused(error.why)
            raise UnauthenticatedError from None
        if not credential.token and request.method not in SAFE_METHODS:
            self._require_csrf(request)
        if found.stale:
            self._touch(found, credential)
        return found

    def _credential(self, request: Request) -> Credential:
        """Read the header or the cookie; a token wins over a cookie, good or bad."""
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if not sent.startswith(tokens.PREFIX):
                raise _RefusedError(Refusal.MALFORMED)
            return Credential(token=True, digest=sessions.hash_of(sent))
        secret = request.cookies.get(self.cookies.name)
        if not secret:
            raise UnauthenticatedError  # nobody was refused: nobody asked yet
        return Credential(token=False, digest=sessions.hash_of(secret))

    def _require_csrf(self, request: Request) -> None:
        secret = request.cookies[self.cookies.name]
        if not sessions.csrf_matches(secret, request.headers.get("x-csrf-token")):
            self.refused(Refusal.CSRF)
            raise CsrfError

    def _look_up(self, connection: Connection, credential: Credential) -> _Found:
        by = _by_token if credential.token else _by_session
        found = by(connection, credential.digest)
        return replace(found, principal=replace(found.principal, credential=credential))

    def _touch(self, found: _Found, credential: Credential) -> None:
        # Not worth a failure: whoever writes for long now, the next request notes it.
        away = sa.exc.DBAPIError, sa.exc.TimeoutError
        with suppress(*away), self._database.writing() as connection:
            if found.principal.token_id is None:
                sessions.touch(connection, credential.digest)
            else:
                tokens.touch(connection, found.principal.token_id)


def _require(found: _Found, permission: Permission | None, *, password_once: bool = False) -> None:
    if found.password_once and not password_once:
        raise PasswordChangeRequiredError
    if permission is not None and permission not in found.principal.permissions:
        raise ForbiddenError(permission)


def _by_session(connection: Connection, digest: str) -> _Found:
    session = sessions.find(connection, digest)
    if session is None:
        raise _RefusedError(Refusal.UNKNOWN)
    principal, once = _principal(connection, session.account_id)
    stale = datetime.now(UTC) - session.used_at >= sessions.TOUCHED_EVERY
    return _Found(principal=principal, password_once=once, session=session, stale=stale)


def _by_token(connection: Connection, digest: str) -> _Found:
    row = tokens.find(connection, digest)
    if row is None:
        raise _RefusedError(Refusal.UNKNOWN)
    if row["revoked_at"] is not None:
        raise _RefusedError(Refusal.REVOKED)
    now = datetime.now(UTC)
    if row["expires_at"] <= now:
        raise _RefusedError(Refusal.EXPIRED)
    scopes = frozenset(row["scopes"])
    principal, once = _principal(connection, row["account_id"], row["token_id"], scopes)
    stale = row["used_at"] is None or now - row["used_at"] >= sessions.TOUCHED_EVERY
    return _Found(principal=principal, password_once=once, session=None, stale=stale)


def _principal(
    connection: Connection,
    account_id: UUID,
    token_id: UUID | None = None,
    scopes: frozenset[str] | None = None,
) -> tuple[Principal, bool]:
    """Return the account as it is now, and whether its password is a one-time one."""
    account = connection.execute(
        sa.select(
            accounts.c.login, accounts.c.role, accounts.c.disabled_at, accounts.c.password_once
        ).where(accounts.c.account_id == account_id)
    ).one()
    if account.disabled_at is not None:
        raise _RefusedError(Refusal.DISABLED)
    role = Role(account.role)
    may = PERMISSIONS[role]
    principal = Principal(
        account_id=account_id,
        login=account.login,
        role=role,
        permissions=may if scopes is None else frozenset(one for one in may if one in scopes),
        paths=store.paths_of(connection, account_id),
        token_id=token_id,
    )
    return principal, account.password_once
