"""The consumer group's loop: alerts into the database, confirmed, then off the stream.

The order of a batch is the whole point: commit, confirm, acknowledge. A crash after any of them
leads to a repetition, which the database recognises.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import FUTURE_TOLERANCE_S, Alert, Confirmation, MessageError, decode
from pipelines.streams import ALERTS, ALERTS_CONFIRMED, ALERTS_PRIORITY, Client, Stream
from service.database import Database
from service.dispatch.targets import TargetBook
from service.incidents import store
from service.incidents.reader import BATCH_ENTRIES, Entry, GroupReader
from service.intake import FutureError, UnprocessableError, require_deliverable
from service.logs import FaultLog
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings

ALERT_STREAMS = (ALERTS_PRIORITY, ALERTS)
"""Read together, handled in this order."""

BATCH_S: Final = 0.2
"""How long a transaction should last: others write too, and priority must not wait for the rest."""

FEWEST_ENTRIES, MOST_ENTRIES = 50, 500
"""Of a batch. Its own cost is that of 70 alerts, so smaller ones would only take longer in all."""

DEAR_S: Final = 0.002
FEWEST_DEAR_ENTRIES: Final = 10
"""Of alerts that cost this much each, because policies decide about them."""

TRIM_EVERY_ENTRIES: Final = 5000
"""How many finished entries a stream may hold in a flood, besides what it is trimmed by time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Good:
    entry: Entry
    alert: Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bad:
    entry: Entry
    error: MessageError


class AlertConsumer:
    """Takes alerts; ``step`` handles what one read gives. Not for more than one thread."""

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        book: TargetBook,
        committed: Callable[[], None],
    ) -> None:
        self._client = client
        self._book = book
        self._database = database
        self._settings = settings
        self._metrics = metrics
        self._committed = committed
        self._reader = GroupReader(
            client,
            ALERT_STREAMS,
            part="consumer",
            when_lost="the workers' spools send again, nothing is to be done",
            settings=settings,
            metrics=metrics,
        )
        self._held: list[Entry] = []
        self._size = BATCH_ENTRIES
        self._untrimmed = Counter[str]()
        self._faults = FaultLog("evidence")
        self._undecided = FaultLog("consumer")

    def step(self) -> None:
        """Read and handle at most one batch a stream; waits ``block_s`` if there is none.

        Raises what Redis or the database raises; the entries at hand are then handled again.
        """
        if not self._held:
            self._held = self._reader.read(self._size)
        for stream in ALERT_STREAMS:
            self._handle(stream, [entry for entry in self._held if entry.stream is stream])
        self._held = []

    def _handle(self, stream: Stream, entries: list[Entry]) -> None:
        if not entries:
            return
        now = datetime.now(UTC)
        there = [entry for entry in entries if entry.fields]
        checked = [_check(entry, now) for entry in there]
        good = [one for one in checked if isinstance(one, _Good)]
        bad = [one for one in checked if isinstance(one, _Bad)]
        stored, refused = self._store(good, now)
        if stored:
            self._committed()
        self._confirm([one.alert for one in stored])
        self._bury(stream, [*bad, *refused])
        for one in (*bad, *refused):
            self._metrics.dead_letters.labels(stream.name, one.error.code).inc()
            self._metrics.messages.labels(stream.name, "dead").inc()
        self._metrics.messages.labels(stream.name, "deleted").inc(len(entries) - len(there))
        self._acknowledge(stream, entries)

    def _store(self, batch: list[_Good], now: datetime) -> tuple[list[_Good], list[_Bad]]:
        if not batch:
            return [], []
        try:
            return self._commit(batch, now)
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError):
            raise  # the database is away, not the alert wrong
        except Exception as error:  # noqa: BLE001 - what one alert causes must not stop the rest
            if len(batch) > 1:
                return self._store_halves(batch, now)
            return [], [
                _Bad(entry=batch[0].entry, error=_unexpected("the database refuses it", error))
            ]

    def _store_halves(self, batch: list[_Good], now: datetime) -> tuple[list[_Good], list[_Bad]]:
        # One alert that can't be stored must not keep the others out.
        middle = len(batch) // 2
        first, second = (self._store(half, now) for half in (batch[:middle], batch[middle:]))
        return first[0] + second[0], first[1] + second[1]

    def _commit(self, batch: list[_Good], now: datetime) -> tuple[list[_Good], list[_Bad]]:
        with self._database.writing() as connection:
            began_s, busy_s = time.monotonic(), time.thread_time()
            alerts = [one.alert for one in batch]
            results = store.take(connection, self._settings, alerts, now, self._book)
        is_dear = time.thread_time() - busy_s > DEAR_S * len(batch)
        fewest = FEWEST_DEAR_ENTRIES if is_dear else FEWEST_ENTRIES
        self._pace(len(batch), time.monotonic() - began_s, fewest)
        stored: list[_Good] = []
        refused: list[_Bad] = []
        for one, result in zip(batch, results, strict=True):
            if isinstance(result, MessageError):
                refused.append(_Bad(entry=one.entry, error=result))
            else:
                stored.append(one)
                self._count(one, result)
        return stored, refused

    def _pace(self, entries: int, took_s: float, fewest: int) -> None:
        """Let batches last ``BATCH_S``, whatever an alert costs here and now."""
        if took_s > BATCH_S:
            self._size = max(fewest, int(entries * BATCH_S / took_s))
        elif took_s < BATCH_S / 2 and entries >= self._size:
            self._size = min(MOST_ENTRIES, 2 * self._size)

    def _count(self, one: _Good, taken: store.Taken) -> None:
        self._metrics.messages.labels(one.entry.stream.name, taken.outcome).inc()
        if taken.outcome is store.Outcome.OPENED:
            drill = str(one.alert.drill).lower()
            self._metrics.incidents.labels(one.alert.hazard, drill).inc()
        if taken.untaken is not None:
            self._metrics.evidence_untaken.labels(taken.untaken.code).inc()
            fault = f"alert {one.alert.alert_id} without its picture: {taken.untaken}"
            self._faults.failed(fault, "the alert is taken; look at what the worker sends")
        if taken.undecided is not None:
            self._metrics.incidents_undecided.inc()
            error = taken.undecided
            fault = f"no policy could decide about {taken.incident_id}: {type(error).__name__}"
            self._undecided.failed(f"{fault}: {error}", "decide it by hand, and report this")
        self._metrics.observe_since("alert_to_incident", one.entry.arrived_at)

    def _confirm(self, alerts: list[Alert]) -> None:
        with self._client.pipeline(transaction=False) as pipe:
            for alert in alerts:
                note = Confirmation(alert_id=alert.alert_id, revision=alert.revision)
                pipe.xadd(ALERTS_CONFIRMED.name, streams.fields(note))
            pipe.execute()

    def _bury(self, stream: Stream, letters: list[_Bad]) -> None:
        with self._client.pipeline(transaction=False) as pipe:
            for one in letters:
                streams.bury(pipe, stream, one.entry.entry_id, one.entry.fields, one.error)
            pipe.execute()

    def _acknowledge(self, stream: Stream, entries: list[Entry]) -> None:
        self._client.xack(stream.name, str(stream.group), *(one.entry_id for one in entries))
        self._untrimmed[stream.name] += len(entries)
        if self._untrimmed[stream.name] >= TRIM_EVERY_ENTRIES:
            self._untrimmed[stream.name] = 0
            streams.trim(self._client, stream)


def _check(entry: Entry, now: datetime) -> _Good | _Bad:
    try:
        return _Good(entry=entry, alert=_alert(entry, now))
    except MessageError as error:
        return _Bad(entry=entry, error=error)
    except Exception as error:  # noqa: BLE001 - one poisonous entry must not hold up the rest
        return _Bad(entry=entry, error=_unexpected("it can't be read", error))


def _alert(entry: Entry, now: datetime) -> Alert:
    require_deliverable(entry)
    alert = decode(streams.body(entry.fields), Alert)
    latest = max(alert.last_seen_at, alert.first_seen_at, alert.ended_at or alert.last_seen_at)
    if latest > now + timedelta(seconds=FUTURE_TOLERANCE_S):
        raise FutureError(
            f"seen at {latest.isoformat()}, which is {(latest - now).total_seconds():.0f} s "
            "from now: set the worker's clock by NTP, then replay"
        )
    return alert


def _unexpected(what: str, error: Exception) -> UnprocessableError:
    # A text of the sender may hold half a surrogate pair, which no dead letter could carry.
    text = str(error).encode(errors="replace").decode()
    return UnprocessableError(f"{what}: {type(error).__name__}: {text}")
