"""Scores of candidates, out of Redis into the database.

Read as one of a group, so that replicas share the work. What can't be taken is counted and let
go: a lost score makes a proposal a little less sure, and no alarm depends on one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from pipelines import streams
from pipelines.messages import FUTURE_TOLERANCE_S, Candidates, MessageError, decode
from pipelines.streams import CANDIDATES, Client
from service.cameras.states import REFUSALS
from service.database import Database
from service.incidents.reader import MAX_DELIVERIES, Entry, GroupReader
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings
from service.verdicts import kept


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A message, or why there is none."""

    outcome: str = "stored"
    """What becomes of it, as far as can be said without the database."""
    message: Candidates | None = None
    """What is to be stored."""


class CandidateConsumer:
    """Takes scores; ``step`` handles what one read gives. Not for more than one thread."""

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
        self._reader = GroupReader(client, (CANDIDATES,), settings=settings, metrics=metrics)
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
        found = [_read(entry, now) for entry in self._held]
        self._store_what_can_be([one.message for one in found if one.message is not None])
        for one in found:
            if one.message is None:
                self._count(one.outcome)
        ids = [entry.entry_id for entry in self._held]
        self._client.xack(CANDIDATES.name, str(CANDIDATES.group), *ids)
        self._held = []

    def _store_what_can_be(self, messages: Sequence[Candidates]) -> None:
        """Store all at once, or else one by one, and pass over what the database refuses."""
        if not messages:
            return
        try:
            self._store(messages)
        except REFUSALS:
            for one in messages:
                try:
                    self._store([one])
                except REFUSALS:
                    self._count("refused")

    def _store(self, messages: Sequence[Candidates]) -> None:
        with self._database.writing() as connection:
            real = kept.watched_for_real(connection, [one.camera_id for one in messages])
            kept.insert(connection, [one for one in messages if real.get(one.camera_id)])
        for one in messages:
            is_real = real.get(one.camera_id)
            self._count("unknown" if is_real is None else "stored" if is_real else "drill")

    def _count(self, outcome: str) -> None:
        self._metrics.messages.labels(CANDIDATES.name, outcome).inc()


def _read(entry: Entry, now: datetime) -> _Read:
    if not entry.fields:
        return _Read(outcome="deleted")
    if entry.deliveries > MAX_DELIVERIES:
        return _Read(outcome="too_many_deliveries")
    try:
        message = decode(streams.body(entry.fields), Candidates)
    except MessageError as error:
        return _Read(outcome=error.code)
    # One from a wrong clock would stay for years, or stand in a week that it's not of.
    first, last = now - kept.KEPT, now + timedelta(seconds=FUTURE_TOLERANCE_S)
    timely = tuple(one for one in message.candidates if first <= one.at <= last)
    if not timely:
        return _Read(outcome="out_of_time")
    return _Read(message=msgspec.structs.replace(message, candidates=timely))
