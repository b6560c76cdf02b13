"""The consumer group's loop: alerts into the database, confirmed, then off the stream.

The order of a batch is the whole point: commit, confirm, acknowledge. A crash after any of them
leads to a repetition, which the database recognises.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import FUTURE_TOLERANCE_S, Alert, Confirmation, MessageError, decode
from pipelines.streams import ALERTS, ALERTS_CONFIRMED, ALERTS_PRIORITY, Client, Stream
from service.database import Database
from service.incidents import store
from service.incidents.reader import Entry, GroupReader
from service.intake import FutureError, UnprocessableError, require_deliverable
from service.logs import FaultLog
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings

ALERT_STREAMS = (ALERTS_PRIORITY, ALERTS)
"""Read together, handled in this order."""


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
        committed: Callable[[], None],
    ) -> None:
        self._client = client
        self._database = database
        self._settings = settings
        self._metrics = metrics
        self._committed = committed
        self._reader = GroupReader(client, ALERT_STREAMS, settings=settings, metrics=metrics)
        self._held: list[Entry] = []
        self._faults = FaultLog("evidence")

    def step(self) -> None:
        """Read and handle at most one batch a stream; waits ``block_s`` if there is none.

        Raises what Redis or the database raises; the entries at hand are then handled again.
        """
        if not self._held:
            self._held = self._reader.read()
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
            self._commit(batch, now)
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError):
            raise  # the database is away, not the alert wrong
        except Exception as error:  # noqa: BLE001 - what one alert causes must not stop the rest
            if len(batch) > 1:
                return self._store_singly(batch, now)
            if isinstance(error, MessageError):
                return [], [_Bad(entry=batch[0].entry, error=error)]
            return [], [
                _Bad(entry=batch[0].entry, error=_unexpected("the database refuses it", error))
            ]
        return batch, []

    def _store_singly(self, batch: list[_Good], now: datetime) -> tuple[list[_Good], list[_Bad]]:
        # One alert that can't be stored must not keep the others out.
        results = [self._store([one], now) for one in batch]
        return (
            [good for stored, _ in results for good in stored],
            [bad for _, refused in results for bad in refused],
        )

    def _commit(self, batch: list[_Good], now: datetime) -> None:
        with self._database.writing() as connection:
            taken = store.take(connection, self._settings, [one.alert for one in batch], now)
        for one, result in zip(batch, taken, strict=True):
            self._metrics.messages.labels(one.entry.stream.name, result.outcome).inc()
            if result.outcome is store.Outcome.OPENED:
                drill = str(one.alert.drill).lower()
                self._metrics.incidents.labels(one.alert.hazard, drill).inc()
            if result.untaken is not None:
                self._metrics.evidence_untaken.labels(result.untaken.code).inc()
                fault = f"alert {one.alert.alert_id} without its picture: {result.untaken}"
                self._faults.failed(fault, "the alert is taken; look at what the worker sends")
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
