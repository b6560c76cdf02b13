"""Logging in at the identity provider: the way there, and the way back.

The session's cookie is SameSite=Strict, so no request that another site caused carries it. The
way back is such a request, and so is its redirect to the console; both need no session: the
console's files are public, and what the console then asks for by itself carries the cookie. The
login on its way is in a cookie of its own, Lax, since it has to come back from another site; the
hash of the session that is to end with it is in there as well.
"""

from typing import Annotated, Final

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection, RowMapping

from service.accounts import oidc_flows, sessions, store
from service.accounts.errors import NoProviderError, OidcUnavailableError
from service.accounts.gate import Gate, Refusal
from service.accounts.models import OidcWay, WaysToSignIn
from service.accounts.oidc import Identity, NotBelievedError, Provider, ProviderError
from service.accounts.oidc_flows import Flow
from service.accounts.session_routes import end_brought, note
from service.accounts.sessions import Way
from service.database import Database
from service.logs import FaultLog
from service.problems import responses
from service.settings import ServiceSettings
from service.tables import accounts

CALLBACK: Final = "/api/session/oidc/callback"
FLOW_COOKIE: Final = "fengsui_login"

Sent = Annotated[str | None, Query(max_length=2048)]


def oidc_router(database: Database, gate: Gate, settings: ServiceSettings) -> APIRouter:
    """Return the routes that have to do with the identity provider; all of them are public."""
    router = APIRouter(tags=["session"])
    way = _Way(database, gate, settings)

    @router.get("/api/ways-to-sign-in")
    def ways_to_sign_in() -> WaysToSignIn:
        """Tell how people may log in here."""
        oidc = None if settings.oidc is None else OidcWay(name=settings.oidc.name)
        return WaysToSignIn(password=True, oidc=oidc)

    @router.get(
        "/api/session/oidc",
        status_code=302,
        response_class=RedirectResponse,
        responses=responses(404, 503),
    )
    def log_in_elsewhere(request: Request) -> RedirectResponse:
        """Send the browser to the identity provider."""
        return way.there(request)

    @router.get("/api/session/oidc/callback", status_code=303, response_class=RedirectResponse)
    def come_back(
        request: Request, code: Sent = None, state: Sent = None, iss: Sent = None
    ) -> RedirectResponse:
        """Take the browser back from the identity provider, and to the console.

        Without success to the login page, as ``/login?sign_in=`` with what happened: ``expired``,
        ``refused`` or ``unavailable``.
        """
        return way.back(request, code or "", state or "", iss)

    return router


class _Way:
    """The way to the provider and back."""

    def __init__(self, database: Database, gate: Gate, settings: ServiceSettings) -> None:
        self._database = database
        self._gate = gate
        self._settings = settings
        self._provider = None if settings.oidc is None else Provider(settings.oidc)
        self._flow_cookie = gate.cookies.named(FLOW_COOKIE)
        self._log = structlog.get_logger("service").bind(part="oidc")
        # Each recovers by its own success: the way there works long after the way back broke.
        self._faults_there = FaultLog("oidc.there")
        self._faults_back = FaultLog("oidc.back")

    def there(self, request: Request) -> RedirectResponse:
        """Begin a login."""
        if self._provider is None:
            raise NoProviderError
        brought = request.cookies.get(self._gate.cookies.name)
        flow = oidc_flows.begin(sessions.hash_of(brought) if brought else "")
        try:
            address = self._provider.address(flow, self._own(request))
        except ProviderError as error:
            self._tell_away(error, self._faults_there)
            raise OidcUnavailableError(
                "the identity provider doesn't answer as it should: try later, or log in with a "
                "password; the service's log says more"
            ) from error
        self._faults_there.recovered()
        response = RedirectResponse(address, status_code=302)
        response.set_cookie(
            self._flow_cookie,
            flow.cookie,
            max_age=int(oidc_flows.LASTS.total_seconds()),
            path="/",
            secure=self._settings.secure,
            httponly=True,
            samesite="lax",
        )
        return response

    def back(self, request: Request, code: str, state: str, iss: str | None) -> RedirectResponse:
        """Finish a login, or say why it can't be."""
        flow = oidc_flows.returned(state, request.cookies.get(self._flow_cookie, ""))
        if self._provider is None or flow is None:
            return self._expired()
        if not code or iss not in {None, self._provider.issuer}:
            return self._refused("the provider gave no code")
        try:
            identity = self._provider.redeem(code, flow, self._own(request))
        except ProviderError as error:
            self._tell_away(error, self._faults_back)
            return self._home("unavailable")
        except NotBelievedError as error:
            return self._refused(str(error))
        self._faults_back.recovered()
        return self._let_in(request, flow, identity)

    def _let_in(self, request: Request, flow: Flow, identity: Identity) -> RedirectResponse:
        with self._database.writing() as connection:
            account = _account_of(connection, identity)
            if account is None:
                return self._refused("no enabled account belongs to this identity")
            if not oidc_flows.finish(connection, flow):
                return self._expired()
            end_brought(connection, request.cookies.get(self._gate.cookies.name))
            _end_left(connection, flow)
            secret, _ = sessions.begin(connection, account["account_id"], Way.OIDC)
            note(connection, account, "session.began", way=Way.OIDC)
        response = self._home(None)
        self._gate.cookies.set_session(response, secret)
        return response

    def _expired(self) -> RedirectResponse:
        """Send away who came back late, twice, or never went; the cookie stays, for who did go."""
        self._gate.refused(Refusal.OIDC)
        return RedirectResponse("/login?sign_in=expired", status_code=303)

    def _tell_away(self, error: ProviderError, faults: FaultLog) -> None:
        self._gate.refused(Refusal.OIDC)
        what = "look at the provider, and at FENGSUI_OIDC_ISSUER"
        faults.failed(f"the identity provider can't be used: {error}", what)

    def _refused(self, why: str) -> RedirectResponse:
        self._gate.refused(Refusal.OIDC)
        self._log.warning("a login by OIDC was refused", why=why)
        return self._home("refused")

    def _home(self, what: str | None) -> RedirectResponse:
        response = RedirectResponse(f"/login?sign_in={what}" if what else "/", status_code=303)
        response.delete_cookie(
            self._flow_cookie,
            path="/",
            secure=self._settings.secure,
            httponly=True,
            samesite="lax",
        )
        return response

    def _own(self, request: Request) -> str:
        """Return the address that the provider sends the browser back to."""
        origin = self._settings.public_url
        if origin is None:
            scheme = "https" if self._settings.secure else "http"
            origin = f"{scheme}://{request.headers['host']}"  # one of ours: the guard saw to it
        return origin + CALLBACK


def _end_left(connection: Connection, flow: Flow) -> None:
    """End the session that the browser had when it set out, if it still runs."""
    found = sessions.find(connection, flow.session_hash) if flow.session_hash else None
    if found is not None:
        sessions.end(connection, found.session_hash)
        note(connection, store.existing(connection, found.account_id), "session.ended")


def _account_of(connection: Connection, identity: Identity) -> RowMapping | None:
    """Return the enabled account of this login and subject; the first login binds the subject."""
    account = store.by_login(connection, identity.login)
    if account is None or account["password_hash"] is not None or account["disabled_at"]:
        return None
    bound = (account["oidc_issuer"], account["oidc_subject"])
    if bound == (identity.issuer, identity.subject):
        return account
    taken = sa.select(accounts.c.account_id).where(
        accounts.c.oidc_issuer == identity.issuer, accounts.c.oidc_subject == identity.subject
    )
    if bound != (None, None) or connection.execute(taken).first():
        return None  # somebody else has got this name meanwhile, or this person another
    connection.execute(
        sa.update(accounts)
        .where(accounts.c.account_id == account["account_id"])
        .values(oidc_issuer=identity.issuer, oidc_subject=identity.subject)
    )
    note(connection, account, "account.bound", issuer=identity.issuer)
    return account
