"""What workers found, out of Redis into the database.

What can't be taken goes to the dead letters; what fits no probe of ours is counted and passed over.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from pipelines import streams
from pipelines.messages import FUTURE_TOLERANCE_S, MessageError, ProbeResult
from pipelines.streams import PROBE_RESULTS, Client
from service.incidents.reader import Entry
from service.intake import FutureError
from service.metrics import ServiceMetrics
from service.probes.taking import Taker


class ResultKeeper:
    """Keeps probes' results."""

    part = "probe_results"
    when_lost = "looks whose results were not read yet count as expired in time: ask for them again"

    def __init__(self, metrics: ServiceMetrics) -> None:
        self._metrics = metrics

    def checked(self, message: ProbeResult, now: datetime) -> ProbeResult:
        """Return the result. Raises ``FutureError``."""
        if message.finished_at > now + timedelta(seconds=FUTURE_TOLERANCE_S):
            raise FutureError(
                f"finished at {message.finished_at.isoformat()}, which is ahead of now: set the "
                "worker's clock by NTP, then replay"
            )
        return message

    def store(
        self, connection: Connection, messages: Sequence[ProbeResult], now: datetime
    ) -> list[str]:
        """Store results; returns what became of each."""
        taker = Taker(connection, messages, now)
        return [taker.take(one) for one in messages]

    def stored(self, outcomes: Sequence[str]) -> None:
        """Count the probes that are done."""
        self._metrics.probe_states.labels("done").inc(outcomes.count("stored"))

    def refused(self, client: Client, entry: Entry, error: MessageError) -> str:
        """Put it with the dead letters."""
        streams.bury(client, PROBE_RESULTS, entry.entry_id, entry.fields, error)
        self._metrics.dead_letters.labels(PROBE_RESULTS.name, error.code).inc()
        return "dead"
