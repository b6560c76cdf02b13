"""Orders that nobody answers are noticed: a crew that says nothing may not be on its way."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import RowMapping

from pipelines.messages import OrderKind
from service.database import Database
from service.dispatch import rounds
from service.incidents import changing
from service.incidents.history import Step
from service.incidents.joining import living
from service.incidents.lifecycle import CLOCK, OPEN, StepKind
from service.incidents.models import OrderState
from service.metrics import ServiceMetrics
from service.tables import orders

EVERY_S: Final = 2.0
"""How often silent orders are looked for."""

LOOKED_BACK: Final = timedelta(days=7)
"""An order sent longer ago is history."""

AT_A_TIME: Final = 20
"""Orders of one transaction: it is the only writer meanwhile."""


class SilenceWatch:
    """Marks orders that were sent and not answered. Not for more than one thread."""

    def __init__(
        self,
        *,
        database: Database,
        metrics: ServiceMetrics,
        stopping: threading.Event,
        silence_s: float,
        committed: Callable[[], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._stopping = stopping
        self._silence = timedelta(seconds=silence_s)
        self._committed = committed
        self._clock = clock

    def step(self) -> None:
        """Mark what is silent by now; then wait ``EVERY_S``."""
        while not self._stopping.is_set() and self.mark() == AT_A_TIME:
            pass
        self._stopping.wait(EVERY_S)

    def mark(self) -> int:
        """Mark some silent orders and tell of them; returns how many."""
        now = self._clock()
        query = self._silent(now)
        with self._database.reading() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return 0
        with self._database.writing() as connection:
            rows = connection.execute(query.limit(AT_A_TIME)).mappings().all()
            for row in rows:
                self._note(connection, row, now)
        for row in rows:
            self._metrics.orders_silent.labels(row["target"]).inc()
        if rows:
            self._committed()
        return len(rows)

    def _silent(self, now: datetime) -> sa.Select[Any]:
        query, lives = rounds.counting(
            orders.c.order_id, orders.c.incident_id, orders.c.target, orders.c.sent_at
        )
        return query.where(
            orders.c.sent_at > now - LOOKED_BACK,
            orders.c.sent_at <= now - self._silence,
            orders.c.state == OrderState.SENT.value,
            orders.c.silent_at.is_(None),
            orders.c.kind == OrderKind.ORDER.value,
            orders.c.drill.is_(False),  # nobody is sent anywhere
            orders.c.answers,
            lives.c.state.in_(sorted(OPEN)),
        ).order_by(orders.c.sent_at)

    def _note(self, connection: sa.Connection, row: RowMapping, now: datetime) -> None:
        mine = orders.c.order_id == row["order_id"]
        connection.execute(sa.update(orders).where(mine).values(silent_at=now))
        detail = {
            "order_id": str(row["order_id"]),
            "target": row["target"],
            "silence_s": round((now - row["sent_at"]).total_seconds()),
        }
        step = Step(kind=StepKind.ORDER_SILENT, actor=CLOCK, at=now, detail=detail)
        changing.take(connection, living(connection, row["incident_id"]), step)
