"""How far a run is, looked at twice a second by a thread of its own."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import sqlalchemy as sa

from service.database import Database
from service.incidents.models import OrderState
from service.tables import alerts, orders
from tests.chaos.killing import Killer
from tests.chaos.operators import Operator
from tests.chaos.planned import Plan
from tests.chaos.processes import WorkerProcess
from tests.chaos.saying import say

SAID_EVERY_S = 10.0
NOTHING_MOVES_S = 120.0
"""A run in which nothing has moved for so long is at an end: what is missing then is lost."""


class Watch:
    """Counts what is there and what is still on its way."""

    def __init__(
        self,
        database: Database,
        plan: Plan,
        workers: Sequence[WorkerProcess],
        operators: Sequence[Operator],
        wanted: int,
    ) -> None:
        """``wanted`` dispatches are to be made."""
        self._database, self._plan, self._wanted = database, plan, wanted
        self._workers, self._operators = workers, operators
        self._stored = self._ordered = 0
        self._left = self._unconfirmed = self._unsent = 1
        self._moved_s = time.monotonic()
        self.stopping = threading.Event()

    def progress(self) -> float:
        """From 0 to 1, half of it by the alerts in the database, half by what is decided."""
        decided = min(1.0, self.decided / self._wanted)
        return (self._stored / self._plan.alerts + decided) / 2

    @property
    def stored(self) -> bool:
        """Whether the workers have nothing left to raise or to be confirmed."""
        return self._left == 0 and self._unconfirmed == 0

    @property
    def sent(self) -> bool:
        """Whether no order waits."""
        return self._unsent == 0

    @property
    def decided(self) -> int:
        """How many dispatches the operators were told of."""
        return sum(
            times
            for operator in self._operators
            for (_, action), times in [*operator.told.done.items()]
            if action == "dispatch"
        )

    def until(self, done: Callable[[], bool], killer: Killer, limit_s: float) -> bool:
        """Wait for it; tells whether it came, within the limit and while something moved."""
        ends_s = time.monotonic() + limit_s
        said_s = 0.0
        self.look()
        self._moved_s = time.monotonic()
        while not done():
            killer.check()
            now_s = time.monotonic()
            if now_s - said_s > SAID_EVERY_S:
                said_s = now_s
                say(self._words(killer))
            if now_s > ends_s or now_s - self._moved_s > NOTHING_MOVES_S:
                return False
            time.sleep(0.05)
        return True

    def look(self) -> None:
        """Look once."""
        with self._database.reading() as connection:
            stored, ordered = (
                connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for table in (alerts, orders)
            )
            waiting = orders.c.state == OrderState.WAITING.value
            unsent = connection.execute(
                sa.select(sa.func.count()).select_from(orders).where(waiting)
            ).scalar_one()
        unconfirmed = sum(worker.unconfirmed for worker in self._workers)
        left = sum(worker.left for worker in self._workers)
        before = (self._stored, self._ordered, self._unsent, self._unconfirmed, self._left)
        if (stored, ordered, unsent, unconfirmed, left) != before:
            self._moved_s = time.monotonic()
        self._stored, self._ordered, self._unsent = stored, ordered, unsent
        self._unconfirmed, self._left = unconfirmed, left

    def _words(self, killer: Killer) -> str:
        return (
            f"{self._stored} alerts stored, {self._unconfirmed} revisions unconfirmed; "
            f"{self.decided} dispatched, {self._ordered} orders, {self._unsent} of them wait; "
            f"{killer.kills} kills"
        )


@contextlib.contextmanager
def looking(watch: Watch) -> Iterator[Watch]:
    """Let a watch look for as long as this lasts."""

    def run() -> None:
        while not watch.stopping.wait(0.5):
            watch.look()

    thread = threading.Thread(target=run, name="watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stopping.set()
        thread.join(10)
