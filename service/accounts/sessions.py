"""Sessions: a secret in a cookie, its hash in the database, and two limits of age."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from service.tables import sessions

IDLE: Final = timedelta(hours=12)
"""A shift: whoever did nothing for so long has gone home."""

WHOLE: Final = timedelta(hours=24)
"""However busy: two shifts don't share one."""

BROWSER_COOKIE: Final = "fengsui_browser"

BROWSER_SECRET: Final = re.compile(r"[\w-]{43}", re.ASCII)

BROWSER_LASTS: Final = timedelta(days=30)
"""As long as a successful login counts for the next one."""

TOUCHED_EVERY: Final = timedelta(minutes=1)
"""How exactly the last use is known; a write for each request would hold up alerts."""


class Way(StrEnum):
    """How an account logs in."""

    PASSWORD = "password"  # noqa: S105
    OIDC = "oidc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session that is still good."""

    session_hash: str
    """What the database knows of the cookie."""
    account_id: UUID
    """Whose it is."""
    expires_at: datetime
    """When it ends if nothing more is done."""
    used_at: datetime
    """When it was used last, to a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookies:
    """What the service's cookies look like."""

    secure: bool
    """Whether browsers reach the service by TLS only."""

    @property
    def name(self) -> str:
        """The session cookie's name. No other host and no plain page can set a __Host- one."""
        return self.named("fengsui_session")

    def named(self, name: str) -> str:
        """Return a cookie's name here."""
        return f"__Host-{name}" if self.secure else name

    def set_session(self, response: Response, secret: str) -> None:
        """Give the browser its session; it forgets it with its last window."""
        response.set_cookie(
            self.name, secret, path="/", secure=self.secure, httponly=True, samesite="strict"
        )

    def browser_of(self, request: Request) -> str:
        """Return the browser's own secret, which says nothing but that it was here before."""
        brought = request.cookies.get(self.named(BROWSER_COOKIE), "")
        return brought if BROWSER_SECRET.fullmatch(brought) else secrets.token_urlsafe(32)

    def set_browser(self, response: Response, secret: str) -> None:
        """Let the browser keep its secret."""
        response.set_cookie(
            self.named(BROWSER_COOKIE),
            secret,
            max_age=int(BROWSER_LASTS.total_seconds()),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )

    def drop_session(self, response: Response) -> None:
        """Let the browser forget its session."""
        response.delete_cookie(
            self.name, path="/", secure=self.secure, httponly=True, samesite="strict"
        )


def begin(connection: Connection, account_id: UUID, way: Way) -> tuple[str, Session]:
    """Begin a session; its secret is never one that a browser brought along."""
    secret = secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    session_hash = hash_of(secret)
    connection.execute(
        sa.insert(sessions).values(
            session_hash=session_hash, account_id=account_id, way=way, began_at=now, used_at=now
        )
    )
    return secret, Session(
        session_hash=session_hash, account_id=account_id, expires_at=now + IDLE, used_at=now
    )


def find(connection: Connection, session_hash: str) -> Session | None:
    """Return the session if it is there and neither idle nor old."""
    row = connection.execute(
        sa.select(sessions).where(sessions.c.session_hash == session_hash)
    ).one_or_none()
    if row is None:
        return None
    expires_at = min(row.used_at + IDLE, row.began_at + WHOLE)
    if expires_at <= datetime.now(UTC):
        return None
    return Session(
        session_hash=row.session_hash,
        account_id=row.account_id,
        expires_at=expires_at,
        used_at=row.used_at,
    )


def touch(connection: Connection, session_hash: str) -> None:
    """Note that the session is in use."""
    connection.execute(
        sa.update(sessions)
        .where(sessions.c.session_hash == session_hash)
        .values(used_at=datetime.now(UTC))
    )


def end(connection: Connection, session_hash: str) -> None:
    """End one session."""
    connection.execute(sa.delete(sessions).where(sessions.c.session_hash == session_hash))


def end_all(connection: Connection, account_id: UUID) -> None:
    """End every session of an account."""
    connection.execute(sa.delete(sessions).where(sessions.c.account_id == account_id))


def forget_old(connection: Connection, now: datetime) -> None:
    """Remove what has run out."""
    connection.execute(
        sa.delete(sessions).where(
            sa.or_(sessions.c.used_at < now - IDLE, sessions.c.began_at < now - WHOLE)
        )
    )


def hash_of(secret: str) -> str:
    """Return what is kept of a secret; of 256 random bits nobody finds the secret again."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_token(secret: str) -> str:
    """Return the token that only a page which may read our answers can know."""
    return hmac.new(secret.encode("utf-8", "surrogatepass"), b"csrf", "sha256").hexdigest()


def csrf_matches(secret: str, sent: str | None) -> bool:
    """Tell whether the page's token belongs to the session."""
    return sent is not None and hmac.compare_digest(csrf_token(secret).encode(), sent.encode())
