"""Logins that have gone to the identity provider: good for ten minutes, once, in one browser.

Anybody may begin one, so nothing is kept of it here: all of it follows from the browser's cookie.
Only those that ended in a session are kept, so that none does twice.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from service.tables import oidc_flows

LASTS: Final = timedelta(minutes=10)

LEEWAY: Final = timedelta(seconds=60)
"""How far the clocks of the replicas, and the provider's, may be apart."""

_SECRET_BYTES: Final = 32

_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One login on its way.

    What goes to the provider is made of the secret and all the rest: whoever changes the time in
    the cookie has another nonce than the one that the provider signed.
    """

    began_s: int
    """When, in seconds since 1970."""
    secret: str
    """Stays in the browser's cookie: nobody else's login can be finished there."""
    session_hash: str = ""
    """The session that the browser had, if any: on the way back its cookie doesn't come along."""

    @property
    def cookie(self) -> str:
        """What the browser keeps."""
        known = f"{self.began_s}.{self.secret}"
        return f"{known}.{self.session_hash}" if self.session_hash else known

    @property
    def state(self) -> str:
        """Comes back in the address."""
        return self._made("state")

    @property
    def nonce(self) -> str:
        """Comes back in the signed ID token."""
        return self._made("nonce")

    @property
    def verifier(self) -> str:
        """Proves to the provider that who redeems the code is who asked (PKCE, RFC 7636)."""
        return self._made("verifier")

    @property
    def challenge(self) -> str:
        """Return what the provider is told of the verifier."""
        return _encoded(hashlib.sha256(self.verifier.encode()).digest())

    def _made(self, what: str) -> str:
        text = f"{what} {self.began_s} {self.session_hash}".encode()
        return _encoded(hmac.digest(self.secret.encode(), text, "sha256"))


def begin(session_hash: str = "") -> Flow:
    """Begin a login, in a browser that has this session."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return Flow(began_s=_now_s(), secret=secret, session_hash=session_hash)


def returned(state: str, cookie: str) -> Flow | None:
    """Return a login that came back to its browser in time."""
    began, _, rest = cookie.partition(".")
    secret, _, session_hash = rest.partition(".")
    if not (began.isascii() and began.isdigit() and len(began) <= 12):
        return None
    if not (secret.isascii() and len(secret) >= _SECRET_BYTES):
        return None
    if session_hash and not _DIGEST.fullmatch(session_hash):
        return None
    flow = Flow(began_s=int(began), secret=secret, session_hash=session_hash)
    in_time = -LEEWAY.total_seconds() <= _now_s() - flow.began_s < LASTS.total_seconds()
    same = hmac.compare_digest(flow.state.encode(), state.encode("utf-8", "surrogatepass"))
    return flow if in_time and same else None


def finish(connection: Connection, flow: Flow) -> bool:
    """Note that a login ends in a session; False if it already has."""
    key = hashlib.sha256(flow.state.encode()).hexdigest()
    if connection.execute(sa.select(oidc_flows).where(oidc_flows.c.state_hash == key)).first():
        return False
    connection.execute(sa.insert(oidc_flows).values(state_hash=key, finished_at=datetime.now(UTC)))
    return True


def forget_old(connection: Connection, now: datetime) -> None:
    """Remove logins that could not come back any more.

    One that began where the clock is fast comes back so much later; and it may be fast here.
    """
    before = now - LASTS - 2 * LEEWAY
    connection.execute(sa.delete(oidc_flows).where(oidc_flows.c.finished_at <= before))


def _now_s() -> int:
    return int(datetime.now(UTC).timestamp())


def _encoded(digest: bytes) -> str:
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
