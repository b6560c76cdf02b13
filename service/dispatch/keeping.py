"""What looks after the outbox: how much waits, and what has waited for too long."""

import time
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from service.database import Database
from service.dispatch.breaker import BreakerState
from service.dispatch.recording import bury_step
from service.incidents.models import OrderState
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings
from service.tables import orders, target_states

EXPIRE_EVERY_S: Final = 10.0
BURIED_AT_ONCE: Final = 20

_WAITS: Final = orders.c.state == OrderState.WAITING.value


class OutboxKeeper:
    """Counts, and buries what has waited for too long. Not for more than one thread."""

    def __init__(
        self, *, database: Database, settings: ServiceSettings, metrics: ServiceMetrics
    ) -> None:
        self._database = database
        self._settings = settings
        self._metrics = metrics
        self._expire_at_s = 0.0
        self._told: set[str] = set()

    def step(self, names: Collection[str]) -> None:
        """Count; from time to time, bury. ``names`` are the targets that there are."""
        self.count(names)
        is_time = time.monotonic() >= self._expire_at_s
        if is_time and not self.bury_old(names, datetime.now(UTC)):
            self._expire_at_s = time.monotonic() + EXPIRE_EVERY_S

    def count(self, names: Collection[str]) -> None:
        """Set the gauges. What waits for a target that is gone is told apart."""
        with self._database.reading() as connection:
            waiting = _counts(connection, OrderState.WAITING)
            dead = _counts(connection, OrderState.DEAD)
            left_alone = set(connection.execute(_left_alone()).scalars())
        self._metrics.outbox_entries.set(sum(waiting.values()))
        absent = sum(count for name, count in waiting.items() if name not in names)
        self._metrics.orders_without_target.set(absent)
        self._told |= {*names, *waiting, *dead}
        for name in self._told:
            self._metrics.orders_waiting.labels(name).set(waiting[name])
            self._metrics.orders_dead.labels(name).set(dead[name])
            self._metrics.breaker_open.labels(name).set(name in left_alone)

    def bury_old(self, names: Collection[str], now: datetime) -> bool:
        """Make dead letters of orders that can't be sent for too long; returns if there were any.

        What has not been tried since a pause of this service is tried first, and what waits for
        a target that the file lacks goes on waiting: somebody has to say what becomes of it.
        """
        oldest = now - timedelta(seconds=self._settings.order_dead_after_s)
        query = (
            sa.select(orders.c.order_id, orders.c.incident_id, orders.c.target)
            .where(
                _WAITS,
                sa.func.coalesce(orders.c.waiting_from, orders.c.decided_at) < oldest,
                orders.c.decided_at < oldest,
                sa.or_(orders.c.attempts > 0, orders.c.target.in_(_left_alone())),
                orders.c.target.in_(sorted(names)),
                sa.or_(orders.c.leased_until.is_(None), orders.c.leased_until <= now),
            )
            .limit(BURIED_AT_ONCE)
        )
        with self._database.reading() as connection:
            if connection.execute(query).first() is None:
                return False
        with self._database.writing() as connection:
            found = connection.execute(query).all()
            ids = [row.order_id for row in found]
            connection.execute(
                sa.update(orders)
                .where(orders.c.order_id.in_(ids))
                .values(
                    state=OrderState.DEAD.value,
                    last_error="given_up",
                    next_attempt_at=None,
                    leased_by=None,
                    leased_until=None,
                )
            )
            for row in found:
                bury_step(connection, row, "given_up", now)
        for row in found:
            self._metrics.orders_buried.labels(row.target).inc()
        return bool(found)


def _left_alone() -> sa.Select[Any]:
    closed = target_states.c.state == BreakerState.CLOSED.value
    return sa.select(target_states.c.target).where(sa.not_(closed))


def _counts(connection: Connection, state: OrderState) -> Counter[str]:
    query = (
        sa.select(orders.c.target, sa.func.count())
        .where(orders.c.state == state.value)
        .group_by(orders.c.target)
    )
    return Counter({row[0]: row[1] for row in connection.execute(query)})
