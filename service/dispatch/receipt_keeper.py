"""Answers of targets, out of the stream ``receipts`` into the database."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from pipelines import streams
from pipelines.messages import MessageError, Receipt
from pipelines.streams import RECEIPTS, Client
from service.dispatch import receipts
from service.errors import ProblemError
from service.incidents.lifecycle import actor_of
from service.incidents.reader import Entry
from service.metrics import ServiceMetrics
from service.refusals import RefusedError
from service.text import require_plain

AT_A_TIME = 20
"""Answers of one transaction: some 0.1 s of work, and it is the only writer meanwhile."""


class HostileTextError(MessageError):
    """Its text holds characters that only deceive whoever reads it."""

    code = "hostile_text"


class _UntakenError(MessageError):
    def __init__(self, error: ProblemError) -> None:
        super().__init__(str(error))
        self.code = error.code


class ReceiptKeeper:
    """Takes what targets say; what can't be taken goes to the dead letters.

    ``committed`` is called when something changed.
    """

    part = "receipts"
    when_lost = (
        "nobody sends answers again by himself: look which sent orders have none, and let their "
        "targets send theirs again (each counts once by its receipt_id)"
    )

    def __init__(self, metrics: ServiceMetrics, *, committed: Callable[[], None]) -> None:
        self._metrics = metrics
        self._committed = committed

    def checked(self, message: Receipt, now: datetime) -> Receipt:  # noqa: ARG002 - the protocol's
        """Return the answer. Raises ``HostileTextError``."""
        try:
            require_plain(message.text, lines=True)
        except RefusedError as error:
            raise HostileTextError(str(error)) from None
        return message

    def store(
        self, connection: Connection, messages: Sequence[Receipt], now: datetime
    ) -> list[str]:
        """Take answers; returns what became of each."""
        try:
            return [
                receipts.take(connection, one, actor_of(one.target), now).outcome.value
                for one in messages
            ]
        except ProblemError as error:
            raise _UntakenError(error) from None

    def stored(self, outcomes: Sequence[str]) -> None:
        """Count them, and let the feed and the outbox know."""
        for outcome in outcomes:
            self._metrics.receipts.labels("stream", outcome).inc()
        self._committed()

    def refused(self, client: Client, entry: Entry, error: MessageError) -> str:
        """Put it with the dead letters."""
        streams.bury(client, RECEIPTS, entry.entry_id, entry.fields, error)
        self._metrics.dead_letters.labels(RECEIPTS.name, error.code).inc()
        self._metrics.receipts_refused.labels("stream", error.code).inc()
        return "dead"
