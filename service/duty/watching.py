"""The clock thread: each second, whatever is due; when the rules change, whatever waits."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam

from service.database import Database
from service.duty import looking, rules
from service.duty.looking import Tally
from service.incidents.lifecycle import OPEN
from service.logs import FaultLog
from service.metrics import ServiceMetrics
from service.tables import incidents

EVERY_S: Final = 1.0
"""A clock of a minute may be told a second late."""

BATCH: Final = 50
"""Incidents in a transaction: under 0.2 s, so that alerts never wait longer."""

PAGE: Final = 500
"""Incidents read at once after the rules changed."""

PUT_OFF: Final = timedelta(minutes=1)
"""An incident that can't be looked at is tried again after this."""


_COLUMNS: Final = [
    incidents.c[name]
    for name in (
        "incident_id",
        "place_code",
        "hazard",
        "due_at",
        "waiting_from",
        "seen_at",
        "confirmed_at",
        "sent_at",
        "reported_at",
    )
]

_OPEN_STATES: Final = sorted(one.value for one in OPEN)


class ClockWatcher:
    """Looks at clocks that are due. Not for more than one thread; any number of replicas."""

    def __init__(
        self,
        *,
        database: Database,
        metrics: ServiceMetrics,
        stopping: threading.Event,
        clock: Callable[[], datetime],
        zone: ZoneInfo,
        committed: Callable[[], None],
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._stopping = stopping
        self._clock = clock
        self._zone = zone
        self._committed = committed
        self._faults = FaultLog("clocks")
        self._rules_known: str | None = None

    def step(self) -> None:
        """Look at everything that is due, then wait a second.

        After hours of silence that is a lot: between two batches as long is waited as the first
        took, so that others write as well.
        """
        self.follow_rules()
        while not self._stopping.is_set():
            began_s = time.monotonic()
            if not self.look_once():
                break
            self._stopping.wait(time.monotonic() - began_s)
        self._stopping.wait(EVERY_S)

    def look_once(self) -> int:
        """Look at one batch; returns how many incidents that was. Nothing due is one query."""
        now = self._clock()
        with self._database.reading() as connection:
            earliest = looking.earliest_due(connection, now)
        late_s = 0.0 if earliest is None else (now - earliest).total_seconds()
        self._metrics.clock_lag.set(late_s)
        return 0 if earliest is None else self._look(now)

    def follow_rules(self) -> None:
        """See to it that whatever waits is looked at in time if the rules are others than before.

        Also at the start: the service may have ended between a change and this.
        """
        with self._database.reading() as connection:
            now_known = rules.fingerprint(connection)
        if now_known == self._rules_known:
            return
        sooner = self._sooner()
        for start in range(0, len(sooner), PAGE):
            if self._stopping.is_set():
                return
            self._date(sooner[start : start + PAGE])
        self._rules_known = now_known

    def _look(self, now: datetime) -> int:
        try:
            with self._database.writing() as connection:
                ids = looking.due(connection, now, BATCH)
                tally = looking.look_at(connection, ids, now, self._zone)
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError):
            raise  # the database is away, no incident wrong
        except Exception:  # noqa: BLE001 - one incident must not stop the others' clocks
            return self._look_singly(now)
        self._count(tally)
        return tally.looked

    def _look_singly(self, now: datetime) -> int:
        with self._database.reading() as connection:
            ids = looking.due(connection, now, BATCH)
        for incident_id in ids:
            try:
                with self._database.writing() as connection:
                    still = looking.still_due(connection, incident_id, now)
                    tally = looking.look_at(connection, still, now, self._zone)
            except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                self._put_off(incident_id, now, error)
            else:
                self._count(tally)
        return len(ids)

    def _put_off(self, incident_id: UUID, now: datetime, error: Exception) -> None:
        with self._database.writing() as connection:
            looking.put_off(connection, incident_id, now + PUT_OFF)
        self._metrics.loop_errors.labels("clocks").inc()
        self._faults.failed(
            f"the clocks of incident {incident_id} can't be looked at: "
            f"{type(error).__name__}: {error}",
            "this is a bug: please report it with this line; it is tried again in a minute",
            trace=True,
        )

    def _count(self, tally: Tally) -> None:
        for clock, count in tally.breaches.items():
            self._metrics.clock_breaches.labels(clock).inc(count)
        for level, count in tally.escalations.items():
            self._metrics.escalations.labels(level).inc(count)
        if tally.breaches or tally.escalations:
            self._committed()

    def _sooner(self) -> list[dict[str, object]]:
        """Return the incidents of which a clock runs out before they would be looked at."""
        found: list[dict[str, object]] = []
        query = sa.select(*_COLUMNS).where(
            incidents.c.drill.is_(False), incidents.c.state.in_(_OPEN_STATES)
        )
        with self._database.reading() as connection:
            held = rules.loaded(connection)
            pages = connection.execution_options(yield_per=PAGE).execute(query).mappings()
            for rows in pages.partitions():
                written = looking.recorded(connection, rows)
                for row in rows:
                    first = looking.first_unwritten(row, written[row["incident_id"]], held)
                    if first is not None and (row["due_at"] is None or first < row["due_at"]):
                        found.append({"this": row["incident_id"], "then": first})
        return found

    def _date(self, sooner: Sequence[dict[str, object]]) -> None:
        if not sooner:
            return
        then = bindparam("then", type_=incidents.c.due_at.type)
        statement = (
            sa.update(incidents)
            .where(
                incidents.c.incident_id == bindparam("this"),
                # It may have been closed, or changed and be due at once, since it was read. Not
                # IN, which can't be asked of many rows at once.
                sa.or_(*(incidents.c.state == one for one in _OPEN_STATES)),
                sa.or_(incidents.c.due_at.is_(None), incidents.c.due_at > then),
            )
            .values(due_at=then)
        )
        with self._database.writing() as connection:
            connection.execute(statement, list(sooner))
