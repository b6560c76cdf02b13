"""Logins that have gone to the identity provider: good for ten minutes, once, in one browser."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from service.tables import oidc_flows

LASTS: Final = timedelta(minutes=10)

MOST: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One login on its way."""

    state: str
    """Comes back in the address."""
    browser: str
    """Stays in the browser's cookie: nobody else's login can be finished there."""
    nonce: str
    """Comes back in the signed ID token."""
    verifier: str
    """Proves to the provider that who redeems the code is who asked (PKCE, RFC 7636)."""

    @property
    def challenge(self) -> str:
        """Return what the provider is told of the verifier."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


def begin(connection: Connection) -> Flow | None:
    """Begin a login; None while too many are on their way, since anybody may begin one."""
    on_their_way = sa.select(sa.func.count()).select_from(oidc_flows)
    if connection.execute(on_their_way).scalar_one() >= MOST:
        return None
    state, browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
    connection.execute(
        sa.insert(oidc_flows).values(
            state_hash=_hash(state, browser),
            nonce=nonce,
            verifier=verifier,
            began_at=datetime.now(UTC),
        )
    )
    return Flow(state=state, browser=browser, nonce=nonce, verifier=verifier)


def take(connection: Connection, state: str, browser: str) -> Flow | None:
    """Return a login that came back to its browser in time, and forget it."""
    key = _hash(state, browser)
    row = connection.execute(
        sa.select(oidc_flows).where(oidc_flows.c.state_hash == key)
    ).one_or_none()
    connection.execute(sa.delete(oidc_flows).where(oidc_flows.c.state_hash == key))
    if row is None or row.began_at <= datetime.now(UTC) - LASTS:
        return None
    return Flow(state=state, browser=browser, nonce=row.nonce, verifier=row.verifier)


def forget_old(connection: Connection, now: datetime) -> None:
    """Remove logins that never came back."""
    connection.execute(sa.delete(oidc_flows).where(oidc_flows.c.began_at <= now - LASTS))


def _hash(state: str, browser: str) -> str:
    return hashlib.sha256(f"{state} {browser}".encode("utf-8", "surrogatepass")).hexdigest()
