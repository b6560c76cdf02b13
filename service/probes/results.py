"""What workers found, out of Redis into the database.

Committed first, then acknowledged: a crash in between repeats what changes nothing. What can't be
taken goes to the dead letters; what fits no probe of ours is counted and passed over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines import streams
from pipelines.messages import FUTURE_TOLERANCE_S, MessageError, ProbeResult, decode
from pipelines.streams import PROBE_RESULTS, Client
from service.cameras.states import REFUSALS
from service.database import Database
from service.incidents.consumer import FutureError, TooManyDeliveriesError, UnprocessableError
from service.incidents.reader import MAX_DELIVERIES, Entry, GroupReader
from service.metrics import ServiceMetrics
from service.probes.taking import Taker
from service.settings import ServiceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Good:
    entry: Entry
    result: ProbeResult


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bad:
    entry: Entry
    error: MessageError


class ProbeResultConsumer:
    """Takes results; ``step`` handles what one read gives. Not for more than one thread."""

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
    ) -> None:
        self._client = client
        self._database = database
        self._metrics = metrics
        self._reader = GroupReader(client, (PROBE_RESULTS,), settings=settings, metrics=metrics)
        self._held: list[Entry] = []

    def step(self) -> None:
        """Store at most one batch; waits ``block_s`` if there is none.

        Raises what Redis or the database raises; the entries at hand are then handled again.
        """
        if not self._held:
            self._held = self._reader.read()
        if not self._held:
            return
        now = datetime.now(UTC)
        there = [entry for entry in self._held if entry.fields]
        self._count("deleted", len(self._held) - len(there))
        checked = [_checked(entry, now) for entry in there]
        bad = [one for one in checked if isinstance(one, _Bad)]
        bad += self._store([one for one in checked if isinstance(one, _Good)], now)
        self._bury(bad)
        ids = [entry.entry_id for entry in self._held]
        self._client.xack(PROBE_RESULTS.name, str(PROBE_RESULTS.group), *ids)
        self._held = []

    def _store(self, batch: Sequence[_Good], now: datetime) -> list[_Bad]:
        """Store all at once, or else one by one; returns what can't be."""
        if not batch:
            return []
        try:
            with self._database.writing() as connection:
                taker = Taker(connection, [one.result for one in batch], now)
                outcomes = [taker.take(one.result) for one in batch]
        except (*REFUSALS, MessageError) as error:
            if len(batch) > 1:
                return [bad for one in batch for bad in self._store([one], now)]
            if not isinstance(error, MessageError):
                # Not in its own words: those of a database hold what it refuses.
                text = f"the database refuses it: {type(error).__name__}"
                error = UnprocessableError(text)
            return [_Bad(entry=batch[0].entry, error=error)]
        for outcome in outcomes:
            self._count(outcome, 1)
        self._metrics.probe_states.labels("done").inc(outcomes.count("stored"))
        return []

    def _bury(self, letters: Sequence[_Bad]) -> None:
        with self._client.pipeline(transaction=False) as pipe:
            for one in letters:
                streams.bury(pipe, PROBE_RESULTS, one.entry.entry_id, one.entry.fields, one.error)
            pipe.execute()
        for one in letters:
            self._metrics.dead_letters.labels(PROBE_RESULTS.name, one.error.code).inc()
        self._count("dead", len(letters))

    def _count(self, outcome: str, number: int) -> None:
        if number:
            self._metrics.messages.labels(PROBE_RESULTS.name, outcome).inc(number)


def _checked(entry: Entry, now: datetime) -> _Good | _Bad:
    try:
        return _Good(entry=entry, result=_result(entry, now))
    except MessageError as error:
        return _Bad(entry=entry, error=error)


def _result(entry: Entry, now: datetime) -> ProbeResult:
    if entry.deliveries > MAX_DELIVERIES:
        raise TooManyDeliveriesError(
            f"delivered {entry.deliveries} times and never finished: look in the log for what "
            "ended the service, then replay"
        )
    result = decode(streams.body(entry.fields), ProbeResult)
    if result.finished_at > now + timedelta(seconds=FUTURE_TOLERANCE_S):
        raise FutureError(
            f"finished at {result.finished_at.isoformat()}, which is ahead of now: set the "
            "worker's clock by NTP, then replay"
        )
    return result
