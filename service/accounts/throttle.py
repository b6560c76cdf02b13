"""Guessing passwords is slow: waits that grow with the failures, the same on every replica.

Failures are counted by login and address together, by address, and, looser and never for long, by
login. Where a login has succeeded before, only the first of these counts: whoever guesses it from
elsewhere, or others from here, can't keep its owner out. The same goes for a login with a new
one-time password, wherever it is typed. A browser where the login has succeeded has a count of its
own instead of the first: others at the same address can't keep that one out either. Every try
counts before its password is looked at, so a hundred tries at the same moment are a hundred.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from math import ceil
from typing import Final

import sqlalchemy as sa
from fastapi import Request
from sqlalchemy import Connection

from service.accounts.errors import BusyError, TooManyAttemptsError
from service.accounts.store import ONCE_LASTS, by_login, home_of
from service.audit.log import record
from service.database import Database
from service.metrics import ServiceMetrics
from service.tables import login_failures

FORGOTTEN: Final = timedelta(hours=1)
"""Failures this long ago count no more."""

KNOWN: Final = timedelta(days=30)
"""How long an address or browser stays one where a login has succeeded."""

IPV6_SITE: Final = 64
"""Bits of an IPv6 address that one subscriber has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many failures are free, and how waits grow after them."""

    free: int
    """Failures without a wait: people mistype."""
    longest_s: float
    """The longest wait."""

    def wait_s(self, failures: int) -> float:
        """Return the wait after so many failures: 1 s, then twice as long each time."""
        over = failures - self.free
        return 0.0 if over < 0 else min(2.0 ** min(over, 30), self.longest_s)


PAIR: Final = Limit(free=5, longest_s=15 * 60.0)
ADDRESS: Final = Limit(free=30, longest_s=15 * 60.0)
"""A whole centre may come from one address."""
LOGIN: Final = Limit(free=50, longest_s=30.0)
"""From anywhere. Short: it would otherwise be a way to lock people out."""

SEATS: Final = 8
"""Tries under way at a time: each may wait for the database's one writer, and must not hold all of
the service's threads meanwhile. The rest is sent away."""

_LIMITS: Final = {"pair": PAIR, "address": ADDRESS, "login": LOGIN}

_EXEMPT: Final = {"known": KNOWN, "browser": KNOWN, "unlocked": ONCE_LASTS}
"""What frees a try of all limits but the pair's, and for how long."""

_KEPT: Final = ("known", "browser")
"""What a success leaves behind."""


class Throttle:
    """The counts in the database."""

    def __init__(self, database: Database, metrics: ServiceMetrics) -> None:
        self._database = database
        self._metrics = metrics
        self._seats = threading.BoundedSemaphore(SEATS)

    @contextmanager
    def attempt(self, login: str, address: str, browser: str = "") -> Iterator["Attempt"]:
        """Count a try; raises ``TooManyAttemptsError`` for one that comes too early.

        ``browser`` is the secret of the browser's own cookie. Raises ``BusyError``.
        """
        keys = _keys(login, address, browser)
        with self._database.reading() as connection:
            if browser and _is_known(connection, keys["browser"]):
                keys["pair"] = keys["own"]
            self._require_patience(connection, keys)  # so that a flood writes nothing
        if not self._seats.acquire(blocking=False):
            raise BusyError
        try:
            with self._counted(login, keys) as attempt:
                yield attempt
        finally:
            self._seats.release()

    @contextmanager
    def _counted(self, login: str, keys: dict[str, str]) -> Iterator["Attempt"]:
        with self._database.writing() as connection:
            self._require_patience(connection, keys)
            for kind in _LIMITS:
                _count(connection, keys[kind])
            if _failures(connection, keys["pair"]) == PAIR.free:
                _note_lockout(connection, login)
        attempt = Attempt(self._database, keys)
        try:
            yield attempt
        except BusyError:
            attempt.take_back()  # the password was not even looked at
            raise

    def _require_patience(self, connection: Connection, keys: dict[str, str]) -> None:
        now = datetime.now(UTC)
        rows = {
            row.key: row
            for row in connection.execute(
                sa.select(login_failures).where(login_failures.c.key.in_(keys.values()))
            )
        }
        at_home = any(
            keys[kind] in rows and rows[keys[kind]].failed_at > now - lasts
            for kind, lasts in _EXEMPT.items()
            if kind in keys
        )
        waits_s = [0.0]
        for kind, limit in ({"pair": PAIR} if at_home else _LIMITS).items():
            row = rows.get(keys[kind])
            if row is None or row.failed_at <= now - FORGOTTEN:
                continue
            passed_s = max(0.0, (now - row.failed_at).total_seconds())
            waits_s.append(limit.wait_s(row.failures) - passed_s)
        if (wait_s := max(waits_s)) > 0:
            self._metrics.refused_logins.labels("throttled").inc()
            raise TooManyAttemptsError(ceil(wait_s))


class Attempt:
    """One try at a password, counted as a failure until it has succeeded."""

    def __init__(self, database: Database, keys: dict[str, str]) -> None:
        self._database = database
        self._keys = keys

    def succeeded(self) -> None:
        """Take the failure back; address and browser are the login's own from now on."""
        table = login_failures
        own = (self._keys["pair"], *(self._keys[kind] for kind in _EXEMPT if kind in self._keys))
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            # Others' failures stay: a guesser's own login must not wipe out his guesses.
            _take_back(connection, self._keys["address"], self._keys["login"])
            connection.execute(sa.delete(table).where(table.c.key.in_(own)))
            known = [self._keys[kind] for kind in _KEPT if kind in self._keys]
            rows = [{"key": key, "failures": 0, "failed_at": now} for key in known]
            connection.execute(sa.insert(table), rows)

    def take_back(self) -> None:
        """Count this try no more."""
        with self._database.writing() as connection:
            _take_back(connection, *(self._keys[kind] for kind in _LIMITS))


def forget_old(connection: Connection, now: datetime) -> None:
    """Remove what counts no more."""
    table = login_failures
    connection.execute(
        sa.delete(table).where(
            sa.or_(
                sa.and_(table.c.failures > 0, table.c.failed_at <= now - FORGOTTEN),
                table.c.failed_at <= now - KNOWN,
            )
        )
    )


def client_address(request: Request) -> str:
    """Return where a request comes from, an IPv6 address as its subscriber's network."""
    text = request.client.host if request.client else ""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if address.version == 6 and address.ipv4_mapped is None:
        return str(int(address) >> (128 - IPV6_SITE))
    return str(address.ipv4_mapped or address) if address.version == 6 else str(address)


def unlock(connection: Connection, login: str) -> None:
    """Forget a login's failures, and let it in from addresses that others' failures closed."""
    table, now = login_failures, datetime.now(UTC)
    unlocked = _digest("unlocked", login)
    of_login = table.c.key.like(f"{_digest('login', login)}%")
    connection.execute(sa.delete(table).where(sa.or_(of_login, table.c.key == unlocked)))
    connection.execute(sa.insert(table).values(key=unlocked, failures=0, failed_at=now))


def _is_known(connection: Connection, key: str) -> bool:
    table = login_failures
    found = sa.select(table.c.key).where(
        table.c.key == key, table.c.failed_at > datetime.now(UTC) - KNOWN
    )
    return connection.execute(found).first() is not None


def _keys(login: str, address: str, browser: str = "") -> dict[str, str]:
    by_login, by_address = _digest("login", login), _digest("address", address)
    browsers = {
        "browser": _digest("browser", login, browser),
        "own": by_login + _digest("own", browser),
    }
    return (browsers if browser else {}) | {
        "pair": by_login + by_address,
        "known": _digest("known", login, address),
        "unlocked": _digest("unlocked", login),
        "address": by_address,
        "login": by_login,
    }


def _digest(*parts: str) -> str:
    # What was typed as a login may be a password: neither is kept.
    text = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()


def _count(connection: Connection, key: str) -> None:
    now = datetime.now(UTC)
    table = login_failures
    before = connection.execute(sa.select(table).where(table.c.key == key)).one_or_none()
    if before is None:
        connection.execute(sa.insert(table).values(key=key, failures=1, failed_at=now))
        return
    failures = 1 if before.failed_at <= now - FORGOTTEN else before.failures + 1
    connection.execute(
        sa.update(table).where(table.c.key == key).values(failures=failures, failed_at=now)
    )


def _take_back(connection: Connection, *keys: str) -> None:
    table = login_failures
    ours = table.c.key.in_(keys)
    connection.execute(sa.delete(table).where(ours, table.c.failures <= 1))
    connection.execute(sa.update(table).where(ours).values(failures=table.c.failures - 1))


def _failures(connection: Connection, key: str) -> int:
    table = login_failures
    return int(
        connection.execute(sa.select(table.c.failures).where(table.c.key == key)).scalar_one()
    )


def _note_lockout(connection: Connection, login: str) -> None:
    account = by_login(connection, login)
    if account is None:
        return  # what was typed could be anything
    record(
        connection,
        actor="service",
        action="account.login_slowed",
        object_kind="account",
        object_id=str(account["account_id"]),
        place_code=home_of(connection, account["account_id"]),
        detail={"failures": PAIR.free},
    )
