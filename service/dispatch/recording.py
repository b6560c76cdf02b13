"""What became of attempts, into the database: one transaction for some of them.

A lease that is no longer ours means that another replica sends the order: then the attempt is
written down and nothing else.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.messages import OrderKind
from service.dispatch import breaker, rounds
from service.dispatch.leasing import Leased, ours
from service.feed import log
from service.incidents import changing, views
from service.incidents.history import Step
from service.incidents.joining import living
from service.incidents.lifecycle import StepKind, actor_of
from service.incidents.models import OrderState
from service.settings import ServiceSettings
from service.tables import order_attempts, orders

_NOT_SENT: Final = (OrderState.WAITING.value, OrderState.WITHDRAWN.value)
"""An answer may be faster than the word that the order was sent: it isn't taken back."""


class Outcome(StrEnum):
    """What became of an attempt."""

    SENT = "sent"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One order sent, or not."""

    leased: Leased
    """Which."""
    outcome: Outcome
    """What became of it."""
    said: str
    """What the target said, or what was in the way."""
    at: datetime
    """When it began."""
    seconds: float
    """How long it took."""
    retry_after_s: float | None = None
    """What the target asks for."""
    entry_id: str | None = None
    """Where the order is in its stream, if that is where it went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the database made of some attempts."""

    sent: tuple[Leased, ...] = ()
    """Orders that are now known to be sent."""
    dead: tuple[Leased, ...] = ()
    """Orders that won't be tried again by themselves."""


def record(
    connection: Connection,
    replica: str,
    attempts: Sequence[Attempt],
    now: datetime,
    settings: ServiceSettings,
) -> Recorded:
    """Write attempts of one target down, with all that follows from them."""
    if not attempts:
        return Recorded()
    _append(connection, attempts)
    sent, dead = [], []
    for one in attempts:
        if one.outcome is Outcome.UNREACHABLE:
            breaker.failed(connection, one.leased.target, one.said, now, settings)
        else:
            breaker.answered(connection, one.leased.target, now)
        if one.outcome is Outcome.SENT:
            if _is_sent(connection, replica, one, now):
                sent.append(one)
        elif _has_failed(connection, replica, one, now, settings):
            dead.append(one)
    _tell_sent(connection, sent, now)
    for one in dead:
        bury_step(connection, one.leased, _code(one), now)
    return Recorded(sent=tuple(one.leased for one in sent), dead=tuple(one.leased for one in dead))


class _Order(Protocol):
    @property
    def order_id(self) -> UUID: ...
    @property
    def incident_id(self) -> UUID: ...
    @property
    def target(self) -> str: ...


def bury_step(connection: Connection, order: _Order, why: str, now: datetime) -> None:
    """Let an incident's people know that an order about it is a dead letter."""
    detail = {"order_id": str(order.order_id), "target": order.target, "why": why}
    actor = actor_of(order.target)
    step = Step(kind=StepKind.ORDER_DEAD, actor=actor, at=now, detail=detail)
    changing.take(connection, living(connection, order.incident_id), step)


def _append(connection: Connection, attempts: Iterable[Attempt]) -> None:
    rows = [
        {
            "order_id": one.leased.order_id,
            "at": one.at,
            "seconds": one.seconds,
            "outcome": one.outcome.value,
            "detail": one.said,
        }
        for one in attempts
    ]
    connection.execute(sa.insert(order_attempts), rows)


def _is_sent(connection: Connection, replica: str, one: Attempt, now: datetime) -> bool:
    sent = sa.case((orders.c.state.in_(_NOT_SENT), OrderState.SENT.value), else_=orders.c.state)
    return _update(
        connection,
        replica,
        one,
        state=sent,
        sent_at=now,
        entry_id=one.entry_id,
        next_attempt_at=None,
        last_error=None,
    )


def _has_failed(
    connection: Connection,
    replica: str,
    one: Attempt,
    now: datetime,
    settings: ServiceSettings,
) -> bool:
    """Note a failure; returns whether the order is dead now."""
    if one.outcome is Outcome.UNREACHABLE and not _is_hopeless(connection, one, now, settings):
        wait = timedelta(seconds=wait_s(one.leased.attempts, one.retry_after_s, settings))
        _update(connection, replica, one, last_error=one.outcome.value, next_attempt_at=now + wait)
        return False
    dead = sa.case(
        (orders.c.state == OrderState.WAITING.value, OrderState.DEAD.value), else_=orders.c.state
    )
    is_ours = _update(
        connection, replica, one, state=dead, last_error=_code(one), next_attempt_at=None
    )
    state = sa.select(orders.c.state).where(orders.c.order_id == one.leased.order_id)
    return is_ours and connection.execute(state).scalar_one() == OrderState.DEAD.value


def _update(connection: Connection, replica: str, one: Attempt, **values: Any) -> bool:
    """Change an order if the lease is still ours; returns whether it is."""
    done = connection.execute(
        sa.update(orders)
        .where(orders.c.order_id == one.leased.order_id, ours(replica, one.leased))
        .values(attempts=orders.c.attempts + 1, leased_by=None, leased_until=None, **values)
    )
    return done.rowcount == 1


def _is_hopeless(
    connection: Connection, one: Attempt, now: datetime, settings: ServiceSettings
) -> bool:
    since = one.leased.waiting_from or one.leased.decided_at
    if (now - since).total_seconds() >= settings.order_dead_after_s:
        return True
    if one.leased.attempts + 1 < settings.order_most_attempts:
        return False
    tried = sa.select(sa.func.count()).where(
        order_attempts.c.order_id == one.leased.order_id, order_attempts.c.at >= since
    )
    return int(connection.execute(tried).scalar_one()) >= settings.order_most_attempts


def wait_s(attempts: int, asked_s: float | None, settings: ServiceSettings) -> float:
    """Return how long an order waits after so many failures before this one."""
    grown_s = settings.order_retry_floor_s * 2.0 ** min(attempts, 30)
    # Half of it is chance, so that what failed together doesn't come back as one.
    own_s: float = min(grown_s, settings.order_retry_ceiling_s) * random.uniform(0.5, 1.0)  # noqa: S311
    return max(own_s, min(max(asked_s or 0.0, 0.0), settings.order_retry_after_s))


def _code(one: Attempt) -> str:
    return "refused" if one.outcome is Outcome.REFUSED else "given_up"


def _tell_sent(connection: Connection, sent: Sequence[Attempt], now: datetime) -> None:
    told: dict[UUID, None] = {}
    for one in sent:
        incident_id = living(connection, one.leased.incident_id)
        told[incident_id] = None
        if one.leased.kind != OrderKind.ORDER or not rounds.counts(connection, one.leased.order_id):
            continue  # nobody is on the way because of it
        step = Step(
            kind=StepKind.ORDER_SENT,
            actor=actor_of(one.leased.target),
            at=now,
            detail={"order_id": str(one.leased.order_id), "target": one.leased.target},
        )
        changing.take(connection, incident_id, step, tell=False)
    for view in views.by_id(connection, list(told)):
        log.append(connection, log.FeedKind.ORDER_SENT, UUID(view["incident_id"]), view, now)
