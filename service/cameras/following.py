"""A stream that is read without a group, from where the database says that its news end."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from pipelines import streams
from pipelines.streams import Client, Stream

Entry = tuple[bytes, dict[bytes, bytes]]

_BEGINNING: Final = b"0-0"

_YEAR_3000_S: Final = 32_503_680_000


class Cursor:
    """Reads on after what is stored. A restart goes on where it was, a loss of Redis anew.

    What is read twice has to change nothing. Not for more than one thread.
    """

    def __init__(
        self,
        client: Client,
        stream: Stream,
        *,
        entries: int,
        block_s: float,
        stored_until: Callable[[], datetime | None],
    ) -> None:
        self.at: bytes | None = None
        self._client = client
        self._stream = stream
        self._entries = entries
        self._block_ms = max(1, int(block_s * 1000))
        self._stored_until = stored_until
        self._read_until = _BEGINNING

    def read(self) -> list[Entry]:
        """Return the next entries; waits ``block_s`` if there are none."""
        if self.at is None:
            self.at = self._start()
        found: Any = self._client.xread(
            {self._stream.name: self.at}, count=self._entries, block=self._block_ms
        )
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
