"""The circuit breaker of each target, in the database: all replicas leave a failing one alone.

closed ─► open after so many failures in a row ─► half_open: one order tries ─► closed, or open
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import Connection

from service.settings import ServiceSettings
from service.tables import target_states


class BreakerState(StrEnum):
    """Whether a target gets orders."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """How it stands with a target."""

    state: BreakerState = BreakerState.CLOSED
    """Whether it gets orders."""
    failures: int = 0
    """Failures in a row."""
    open_until: datetime | None = None
    """When the next order may try."""
    last_error: str = ""
    """What the target said last when it failed."""
    at: datetime | None = None
    """When the state last changed."""

    def admits(self, now: datetime) -> int | None:
        """Return how many orders may be sent now; ``None`` is any number."""
        if self.state is BreakerState.CLOSED:
            return None
        return 0 if self.open_until is not None and self.open_until > now else 1


def read(connection: Connection, target: str) -> Breaker:
    """Return a target's breaker."""
    query = sa.select(target_states).where(target_states.c.target == target)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return Breaker()
    values = {**row, "state": BreakerState(row["state"])}
    del values["target"]
    return Breaker(**values)


def trying(connection: Connection, target: str, until: datetime, now: datetime) -> None:
    """Note that one order tries; should it never be heard of, another may after ``until``."""
    before = read(connection, target)
    if before.state is not BreakerState.CLOSED:
        _write(
            connection,
            target,
            Breaker(
                state=BreakerState.HALF_OPEN,
                failures=before.failures,
                open_until=until,
                last_error=before.last_error,
                at=now,
            ),
        )


def gave_up(connection: Connection, target: str, now: datetime) -> None:
    """Note that what was to try has not been tried: another may at once."""
    before = read(connection, target)
    if before.state is BreakerState.HALF_OPEN:
        trying(connection, target, now, now)


def answered(connection: Connection, target: str, now: datetime) -> None:
    """Note that a target took an order, or refused it: it is there."""
    if read(connection, target).failures:
        _write(connection, target, Breaker(at=now))


def failed(
    connection: Connection, target: str, said: str, now: datetime, settings: ServiceSettings
) -> Breaker:
    """Note a failure; returns the breaker after it."""
    before = read(connection, target)
    failures = before.failures + 1
    is_open = before.state is not BreakerState.CLOSED or failures >= settings.breaker_failures
    after = Breaker(
        state=BreakerState.OPEN if is_open else BreakerState.CLOSED,
        failures=failures,
        open_until=now + timedelta(seconds=settings.breaker_open_s) if is_open else None,
        last_error=said,
        at=now,
    )
    _write(connection, target, after)
    return after


def _write(connection: Connection, target: str, breaker: Breaker) -> None:
    values = {
        "state": breaker.state.value,
        "failures": breaker.failures,
        "open_until": breaker.open_until,
        "last_error": breaker.last_error,
        "at": breaker.at,
    }
    mine = target_states.c.target == target
    if not connection.execute(sa.update(target_states).where(mine).values(**values)).rowcount:
        connection.execute(sa.insert(target_states).values(target=target, **values))
