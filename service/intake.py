"""One stream's messages into the database, for whoever reads it as a group.

Committed first, then acknowledged: a crash in between repeats what must change nothing. A batch is
stored at once, or else one by one, so that what can't be stored keeps nothing else out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines import streams
from pipelines.messages import Message, MessageError, decode
from pipelines.streams import Client, Stream
from service.database import Database
from service.incidents.reader import BATCH_ENTRIES, MAX_DELIVERIES, Entry, GroupReader
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings

REFUSALS: Final = (sa.exc.DataError, sa.exc.IntegrityError, OverflowError, UnicodeError)
"""What a database says of values that it can't take; that it is away is another matter."""

M = TypeVar("M", bound=Message)


class FutureError(MessageError):
    """The sender's clock is ahead: set it by NTP, then replay."""

    code = "future"


class TooManyDeliveriesError(MessageError):
    """Nobody has finished this entry."""

    code = "too_many_deliveries"


class UnprocessableError(MessageError):
    """Nobody expected that it can't be handled: a bug here, or it is beyond the database."""

    code = "unprocessable"


class Keeper(Protocol[M]):
    """What is done with one stream's messages."""

    part: str
    """Whose log lines tell of the stream."""
    when_lost: str
    """What to know, and to do, when Redis lost what nobody had read."""

    def checked(self, message: M, now: datetime) -> M:
        """Return what of a message can be stored. Raises ``MessageError``."""

    def store(self, connection: Connection, messages: Sequence[M], now: datetime) -> Sequence[str]:
        """Store messages; returns what became of each. Raises ``MessageError``, ``REFUSALS``."""

    def stored(self, outcomes: Sequence[str]) -> None:
        """Be told what became of those that are committed."""

    def refused(self, client: Client, entry: Entry, error: MessageError) -> str:
        """Do what is to be done with an entry that can't be taken; returns what to count it as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Good:
    entry: Entry
    message: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bad:
    entry: Entry
    error: MessageError


class Intake:
    """Reads a stream as one of its group; ``step`` handles one read. Not for several threads."""

    def __init__(
        self,
        stream: Stream,
        keeper: Keeper[Any],
        *,
        client: Client,
        database: Database,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        at_a_time: int = BATCH_ENTRIES,
    ) -> None:
        """``at_a_time`` is how many messages go into one transaction."""
        self._stream = stream
        self._keeper = keeper
        self._client = client
        self._database = database
        self._metrics = metrics
        self._at_a_time = at_a_time
        self._reader = GroupReader(
            client,
            (stream,),
            part=keeper.part,
            when_lost=keeper.when_lost,
            settings=settings,
            metrics=metrics,
        )
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
        checked = [self._checked(entry, now) for entry in there]
        bad = [one for one in checked if isinstance(one, _Bad)]
        good = [one for one in checked if isinstance(one, _Good)]
        for start in range(0, len(good), self._at_a_time):
            bad += self._store(good[start : start + self._at_a_time], now)
        for one in bad:
            self._count(self._keeper.refused(self._client, one.entry, one.error), 1)
        self._count("deleted", len(self._held) - len(there))
        ids = [entry.entry_id for entry in self._held]
        self._client.xack(self._stream.name, str(self._stream.group), *ids)
        self._held = []

    def _checked(self, entry: Entry, now: datetime) -> _Good | _Bad:
        try:
            require_deliverable(entry)
            message = decode(streams.body(entry.fields), self._stream.message)
            return _Good(entry=entry, message=self._keeper.checked(message, now))
        except MessageError as error:
            return _Bad(entry=entry, error=error)

    def _store(self, batch: Sequence[_Good], now: datetime) -> list[_Bad]:
        if not batch:
            return []
        try:
            with self._database.writing() as connection:
                messages = [one.message for one in batch]
                outcomes = self._keeper.store(connection, messages, now)
        except (*REFUSALS, MessageError) as error:
            if len(batch) > 1:
                return [bad for one in batch for bad in self._store([one], now)]
            return [_Bad(entry=batch[0].entry, error=_in_our_words(error))]
        for outcome in outcomes:
            self._count(outcome, 1)
        self._keeper.stored(outcomes)
        return []

    def _count(self, outcome: str, number: int) -> None:
        if number:
            self._metrics.messages.labels(self._stream.name, outcome).inc(number)


def require_deliverable(entry: Entry) -> None:
    """Raise ``TooManyDeliveriesError`` for an entry that has ended its readers before."""
    if entry.deliveries > MAX_DELIVERIES:
        raise TooManyDeliveriesError(
            f"delivered {entry.deliveries} times and never finished: look in the log for what "
            "ended the service, then replay"
        )


def _in_our_words(error: Exception) -> MessageError:
    if isinstance(error, MessageError):
        return error
    # Not in its own words: those of a database hold what it refuses.
    return UnprocessableError(f"the database refuses it: {type(error).__name__}")
