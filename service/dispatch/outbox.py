"""Orders out of the database into their stream, each one once.

The entry and a mark of it are written by one script, so whether this process dies before, between
or after, the next attempt finds the mark and adds nothing.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import sqlalchemy as sa

from pipelines.messages import DispatchOrder
from pipelines.streams import BODY, DISPATCH_DRILL, Client
from service.database import Database
from service.feed import log
from service.incidents import views
from service.metrics import ServiceMetrics
from service.tables import orders

BATCH_ORDERS = 100

POLL_S = 1.0
"""How long the outbox sleeps if nobody wakes it; orders of another replica are seen then."""

SEND_ONCE: Final = """
local earlier = redis.call('GET', KEYS[1])
if earlier then return earlier end
local id = redis.call('XADD', KEYS[2], 'MINID', '~', ARGV[1], '*', ARGV[2], ARGV[3])
redis.call('SET', KEYS[1], id, 'EX', ARGV[4])
return id
"""
"""Entry first, mark second: a script stops at an error without undoing, and only a failing XADD
is likely (a wrong type, no memory). Nothing comes between the two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsentOrder:
    """One order that waits in the outbox."""

    order_id: UUID
    """Its identity; the mark in Redis is named by it."""
    incident_id: UUID
    """What it is about."""
    body: str
    """The message, as decided."""


class DrillOutbox:
    """Forwards drills' orders to ``dispatch.drill``. Not for more than one thread."""

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        metrics: ServiceMetrics,
        committed: Callable[[], None],
    ) -> None:
        self._client = client
        self._database = database
        self._metrics = metrics
        self._committed = committed
        self._woken = threading.Event()

    def wake(self) -> None:
        """Tell the outbox that there may be an order. For any thread."""
        self._woken.set()

    def step(self) -> None:
        """Forward everything that waits; then wait for a call or ``POLL_S``."""
        self._woken.clear()
        while waiting := self.unsent():
            for order in waiting:
                self.mark_sent(order, self.send(order))
        self._metrics.outbox_entries.set(self._count())
        self._woken.wait(POLL_S)

    def unsent(self) -> list[UnsentOrder]:
        """Return the oldest drill orders without ``sent_at``."""
        query = (
            sa.select(orders.c.order_id, orders.c.incident_id, orders.c.body)
            .where(_waiting())
            .order_by(orders.c.decided_at, orders.c.order_id)
            .limit(BATCH_ORDERS)
        )
        with self._database.reading() as connection:
            return [UnsentOrder(**row) for row in connection.execute(query).mappings()]

    def send(self, order: UnsentOrder) -> str:
        """Put an order into the stream unless it is there; returns the entry's id either way."""
        stream = DISPATCH_DRILL
        keep_s = int(stream.keep_s or 0)
        minid_ms = max(0, int((datetime.now(UTC).timestamp() - keep_s) * 1000))
        entry_id: Any = self._client.eval(
            SEND_ONCE,
            2,
            f"{{{stream.name}}}:sent:{order.order_id}",
            stream.name,
            minid_ms,
            BODY,
            order.body,
            keep_s,
        )
        return bytes(entry_id).decode()

    def mark_sent(self, order: UnsentOrder, entry_id: str) -> None:
        """Take an order off the outbox and tell the feed."""
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            done = connection.execute(
                sa.update(orders)
                .where(orders.c.order_id == order.order_id, orders.c.sent_at.is_(None))
                .values(sent_at=now, entry_id=entry_id)
            )
            if done.rowcount == 0:
                return  # another replica was faster
            for view in views.by_id(connection, [order.incident_id]):
                log.append(connection, log.FeedKind.ORDER_SENT, order.incident_id, view, now)
        self._metrics.orders.labels(DISPATCH_DRILL.name).inc()
        sent = msgspec.json.decode(order.body, type=DispatchOrder)
        self._metrics.observe_since("decision_to_order", sent.decided_at)
        self._metrics.observe_since("onset_to_order", sent.first_seen_at)
        self._committed()

    def _count(self) -> int:
        with self._database.reading() as connection:
            query = sa.select(sa.func.count()).select_from(orders).where(_waiting())
            return int(connection.execute(query).scalar_one())


def _waiting() -> sa.ColumnElement[bool]:
    # Both conditions: neither a mistaken target nor a mistaken flag lets a real order through.
    return sa.and_(
        orders.c.sent_at.is_(None),
        orders.c.drill.is_(True),
        orders.c.target == DISPATCH_DRILL.name,
    )
