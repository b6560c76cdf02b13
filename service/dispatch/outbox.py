"""Orders out of the database to their targets: each at least once, each by one id.

Every target has a thread of its own, so one that hangs or fails delays nobody else's orders.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict
from uuid import uuid4

from pipelines.messages import DispatchOrder, MessageError, OrderKind, decode
from service.database import Database
from service.dispatch import breaker, leasing, recording
from service.dispatch.keeping import OutboxKeeper
from service.dispatch.leasing import Leased
from service.dispatch.recording import Attempt, Outcome, Recorded
from service.dispatch.sending import Outgoing, RefusedError, TargetKind, UnreachableError
from service.dispatch.targets import TargetBook
from service.logs import FAULT_PERIOD_S, FaultLog
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings
from service.supervise import Supervised

POLL_S: Final = 1.0
"""How long a target's thread sleeps if nobody wakes it: orders of another replica are seen then,
and those whose wait is over."""

RECORD_EVERY_S: Final = 0.25
"""For how long what became of orders is gathered: a commit each would limit the throughput."""


class TargetSender:
    """Sends one target's orders. Not for more than one thread."""

    def __init__(
        self,
        target: str,
        *,
        replica: str,
        database: Database,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        book: TargetBook,
        committed: Callable[[], None],
    ) -> None:
        self._target = target
        self._replica = replica
        self._database = database
        self._settings = settings
        self._metrics = metrics
        self._book = book
        self._committed = committed
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._faults = FaultLog(f"target {target}")
        self._failed_s = 0.0

    def wake(self) -> None:
        """Tell that there may be an order. For any thread."""
        self._woken.set()

    def ask_to_stop(self) -> None:
        """Let the current order be the last. For any thread."""
        self._stopping.set()
        self._woken.set()

    def step(self) -> None:
        """Send everything that is due; then wait for a call or ``POLL_S``."""
        self._woken.clear()
        self.send_due()
        if not self._stopping.is_set():
            self._woken.wait(POLL_S)

    def send_due(self) -> None:
        """Send everything that is due now, once: what fails is due later."""
        now = datetime.now(UTC)
        while not self._stopping.is_set() and self._send_some(now):
            pass

    def _send_some(self, due: datetime) -> bool:
        with self._database.reading() as connection:
            if not leasing.is_due(connection, self._target, due):
                return False
        deadline_s = time.monotonic() + self._settings.order_lease_s
        with self._database.writing() as connection:
            until = datetime.now(UTC) + timedelta(seconds=self._settings.order_lease_s)
            leased = leasing.lease(
                connection, self._target, replica=self._replica, now=due, until=until
            )
        self._send_leased(list(leased), deadline_s)
        return bool(leased)

    def _send_leased(self, leased: list[Leased], deadline_s: float) -> None:
        gathered: list[Attempt] = []
        since_s = time.monotonic()
        while leased and not self._stopping.is_set():
            # Half a lease is more than an attempt may take: no order is sent by two at a time.
            if deadline_s - time.monotonic() < self._settings.order_lease_s / 2:
                break
            one = leased.pop(0)
            gathered.append(self._attempt(one))
            failed = gathered[-1].outcome is Outcome.UNREACHABLE
            if failed or time.monotonic() - since_s >= RECORD_EVERY_S:
                self._record(gathered)
                gathered, since_s = [], time.monotonic()
            if failed and self._is_left_alone():
                break
        self._record(gathered, untried=leased)

    def _is_left_alone(self) -> bool:
        with self._database.reading() as connection:
            return breaker.read(connection, self._target).admits(datetime.now(UTC)) == 0

    def _attempt(self, one: Leased) -> Attempt:
        at, started_s = datetime.now(UTC), time.monotonic()
        outcome, retry_after_s = Outcome.SENT, None
        try:
            said = self._send(one)
        except RefusedError as error:
            outcome, said = Outcome.REFUSED, str(error)
            self._faults.failed(
                f"{self._target} refuses order {one.order_id}: {said}",
                "it is a dead letter: mend what is refused, then fengsui orders replay",
            )
        except UnreachableError as error:
            outcome, said, retry_after_s = Outcome.UNREACHABLE, str(error), error.retry_after_s
            self._faults.failed(
                f"{self._target} can't be sent orders: {said}",
                "its orders wait and are tried again; look at the target",
            )
        except Exception as error:  # noqa: BLE001 - a bug about one order must not hold up others
            outcome, said = Outcome.UNREACHABLE, f"unexpected {type(error).__name__}"
            self._metrics.loop_errors.labels("outbox").inc()
            self._faults.failed(
                f"unexpected {type(error).__name__}: {error}",
                "this is a bug: please report it with this line",
                trace=True,
            )
        else:
            # One that fails now and then isn't a line each time.
            if started_s - self._failed_s >= FAULT_PERIOD_S:
                self._faults.recovered()
        if outcome is not Outcome.SENT:
            self._failed_s = started_s
        self._metrics.order_attempts.labels(self._target, outcome.value).inc()
        target = self._book.get(self._target)
        is_stream = target is not None and target.kind is TargetKind.STREAM
        return Attempt(
            leased=one,
            outcome=outcome,
            said=said,
            at=at,
            seconds=time.monotonic() - started_s,
            retry_after_s=retry_after_s,
            entry_id=said if is_stream and outcome is Outcome.SENT else None,
        )

    def _send(self, one: Leased) -> str:
        try:
            order = decode(one.body.encode(), DispatchOrder)
        except MessageError as error:
            raise RefusedError(f"it can't be read: {error}") from None
        target = self._book.get(self._target)
        if target is None:
            raise UnreachableError(f"there is no target {self._target} now")
        # Row and message must agree: neither a mistaken flag nor a mistaken target lets a real
        # order out as a drill, or a drill out as a real one.
        if not target.takes(drill=one.drill) or (order.drill, order.target) != (
            one.drill,
            one.target,
        ):
            raise RefusedError("a drill's order for a real target, or a real one for a drill's")
        return self._book.sender(self._target).send(
            Outgoing(
                order_id=one.order_id,
                order=order,
                body=one.body.encode(),
                attempt=one.attempts + 1,
                earlier=one.earlier,
            )
        )

    def _record(self, attempts: list[Attempt], untried: list[Leased] | None = None) -> None:
        if not attempts and not untried:
            return
        with self._database.writing() as connection:
            now = datetime.now(UTC)
            done = recording.record(connection, self._replica, attempts, now, self._settings)
            if untried:
                leasing.give_back(connection, self._replica, untried)
                breaker.gave_up(connection, self._target, now)
        self._count(done)
        if done.sent or done.dead:
            self._committed()

    def _count(self, done: Recorded) -> None:
        for one in done.sent:
            self._metrics.orders.labels(self._target).inc()
            if one.kind == OrderKind.ORDER:
                self._metrics.observe_since("decision_to_order", one.decided_at)
                order = decode(one.body.encode(), DispatchOrder)
                self._metrics.observe_since("onset_to_order", order.first_seen_at)
        if done.dead:
            self._metrics.orders_buried.labels(self._target).inc(len(done.dead))


class _Parts(TypedDict):
    replica: str
    database: Database
    settings: ServiceSettings
    metrics: ServiceMetrics
    book: TargetBook
    committed: Callable[[], None]


class Outbox:
    """All targets' senders, and a thread of each while ``tend`` is called."""

    def __init__(
        self,
        *,
        database: Database,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        book: TargetBook,
        committed: Callable[[], None],
    ) -> None:
        self._parts: _Parts = {
            # Another life of this process has other leases.
            "replica": f"{settings.consumer}#{uuid4().hex[:8]}",
            "database": database,
            "settings": settings,
            "metrics": metrics,
            "book": book,
            "committed": committed,
        }
        self._keeper = OutboxKeeper(database=database, settings=settings, metrics=metrics)
        self._lock = threading.Lock()
        self._senders: dict[str, TargetSender] = {}
        self._threads: dict[str, Supervised] = {}
        self._stopping = threading.Event()
        self._is_new = True

    def wake(self) -> None:
        """Tell every target's thread that there may be an order. For any thread."""
        with self._lock:
            senders = list(self._senders.values())
        for sender in senders:
            sender.wake()

    def tend(self) -> None:
        """Let each target that there is now have its thread, and look after what waits."""
        self._start()
        names = self._parts["book"].names()
        for name in names:
            if name not in self._threads or not self._threads[name].alive:
                self._begin(name)
        for name in set(self._threads) - set(names):
            self._end([name])
        self._keeper.step(names)
        self._stopping.wait(POLL_S)

    def ask_to_stop(self) -> None:
        """Let every target's current order be its last. For any thread."""
        self._stopping.set()
        with self._lock:
            senders = list(self._senders.values())
        # The threads too: who is to stop waits for nothing, and would be asked on and on.
        for thread in list(self._threads.values()):
            thread.ask_to_stop()
        for sender in senders:
            sender.ask_to_stop()

    def join(self) -> None:
        """Wait for every target's thread. ``tend`` must have ended."""
        self._end(list(self._threads))

    def _start(self) -> None:
        if not self._is_new:
            return
        with self._parts["database"].writing() as connection:
            consumer = self._parts["settings"].consumer
            leasing.end_own(connection, consumer, datetime.now(UTC))
        self._is_new = False

    def _sender(self, name: str) -> TargetSender:
        with self._lock:
            if name not in self._senders:
                self._senders[name] = TargetSender(name, **self._parts)
            return self._senders[name]

    def _begin(self, name: str) -> None:
        thread = Supervised(
            f"target {name}",
            self._sender(name).step,
            settings=self._parts["settings"],
            metrics=self._parts["metrics"],
        )
        self._threads[name] = thread
        thread.start()

    def _end(self, names: list[str]) -> None:
        for name in names:
            self._threads[name].ask_to_stop()
            self._sender(name).ask_to_stop()
        for name in names:
            self._threads.pop(name).join()
            with self._lock:
                del self._senders[name]
