"""A stream that is read without a group, from where the database says that its news end."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import redis
import structlog

from pipelines import streams
from pipelines.streams import Client, Stream
from service.cameras.publisher import misused
from service.intake import REFUSALS
from service.logs import FaultLog
from service.metrics import ServiceMetrics

Entry = tuple[bytes, dict[bytes, bytes]]

_BEGINNING: Final = b"0-0"

_YEAR_3000_S: Final = 32_503_680_000

T = TypeVar("T")

log = structlog.get_logger()


class Cursor:
    """Reads on after what is stored. A restart goes on where it was, a loss of Redis anew.

    What is read twice has to change nothing. Not for more than one thread.
    """

    def __init__(
        self,
        client: Client,
        stream: Stream,
        *,
        part: str,
        metrics: ServiceMetrics,
        entries: int,
        block_s: float,
        stored_until: Callable[[], datetime | None],
    ) -> None:
        self.at: bytes | None = None
        self._part = part
        self._metrics = metrics
        self._faults = FaultLog(part)
        self._block_s = block_s
        self._client = client
        self._stream = stream
        self._entries = entries
        self._stored_until = stored_until
        self._read_until = _BEGINNING

    def read(self) -> list[Entry]:
        """Return the next entries; waits ``block_s`` if there are none.

        A key of that name that is no stream is told of, and has none.
        """
        try:
            found = self._read()
        except redis.ResponseError as error:
            what_to_do = misused(error, self._client, {self._stream.name: "stream"})
            if what_to_do is None:
                raise
            self._metrics.redis_errors.labels(self._part).inc()
            self._faults.failed(f"{self._stream.name} can't be read", what_to_do)
            time.sleep(self._block_s)
            return []
        self._faults.recovered()
        return found

    def store_what_can_be(
        self, told: Mapping[str, T], store: Callable[[Mapping[str, T]], None]
    ) -> None:
        """Store what was told of cameras at once, or else of one after the other.

        What the database refuses is counted and passed over.
        """
        try:
            store(told)
        except REFUSALS:
            for camera_id, one in told.items():
                try:
                    store({camera_id: one})
                except REFUSALS as error:
                    self._metrics.messages.labels(self._stream.name, "refused").inc()
                    kind = type(error).__name__
                    log.warning(f"{self._part}_refused", camera=camera_id, error=kind)

    def _read(self) -> list[Entry]:
        if self.at is None:
            self.at = self._start()
        block_ms = max(1, int(self._block_s * 1000))
        asked: Any = {self._stream.name: self.at}
        found: Any = self._client.xread(asked, count=self._entries, block=block_ms)
        if not found:
            self._begin_anew_after_a_loss()
            return []
        entries: list[Entry] = found[0][1]
        self._read_until = entries[-1][0]
        return entries

    def advance(self) -> None:
        """Go on after what was read last: it is stored."""
        self.at = self._read_until

    def _start(self) -> bytes:
        newest = self._stored_until()
        if newest is None:
            return _BEGINNING
        # A millisecond back: several entries can share one.
        return b"%d-0" % max(0, int(newest.timestamp() * 1000) - 1)

    def _begin_anew_after_a_loss(self) -> None:
        """Read from the beginning if the stream ends before the cursor: Redis lost its data."""
        newest: Any = self._client.xrevrange(self._stream.name, count=1)
        if newest and streams.ordinal(newest[0][0]) < streams.ordinal(self.at or _BEGINNING):
            self.at = _BEGINNING


def time_of(entry_id: bytes) -> datetime:
    """Return when Redis took an entry, by its own clock."""
    milliseconds, _ = streams.ordinal(entry_id)
    # An id can be set by hand, to a year that no datetime has.
    return datetime.fromtimestamp(min(milliseconds / 1000, _YEAR_3000_S), UTC)
