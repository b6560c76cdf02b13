"""Orders into Redis streams, each one once.

The entry and a mark of it are written by one script, so whether this process dies before, between
or after, the next attempt finds the mark and adds nothing.
"""

from datetime import UTC, datetime
from typing import Any, Final

import redis

from pipelines.streams import BODY, STREAMS, Client
from service.dispatch.sending import Outgoing, UnreachableError

MARK_KEEP_S: Final = 7 * 24 * 3600
"""How long a mark is remembered; no order is attempted for as long as that by itself."""

SEND_ONCE: Final = """
local earlier = redis.call('GET', KEYS[1])
if earlier then return earlier end
local id
if ARGV[1] == '' then
  id = redis.call('XADD', KEYS[2], '*', ARGV[2], ARGV[3])
else
  id = redis.call('XADD', KEYS[2], 'MINID', '~', ARGV[1], '*', ARGV[2], ARGV[3])
end
redis.call('SET', KEYS[1], id, 'EX', ARGV[4])
return id
"""
"""Entry first, mark second: a script stops at an error without undoing, and only a failing XADD
is likely (a wrong type, no memory). Nothing comes between the two."""


class StreamSender:
    """Adds orders to one stream of the installation's own Redis."""

    def __init__(self, client: Client, stream: str) -> None:
        known = STREAMS.get(stream)
        self._client = client
        self._stream = stream
        self._keep_s = None if known is None else known.keep_s

    def send(self, outgoing: Outgoing) -> str:
        """Put an order into the stream unless it is there; returns the entry's id either way."""
        try:
            entry_id: Any = self._client.eval(
                SEND_ONCE,
                2,
                f"{{{self._stream}}}:sent:{outgoing.order_id}",
                self._stream,
                self._minid_ms(),
                BODY,
                outgoing.body,
                MARK_KEEP_S,
            )
        except redis.RedisError as error:
            raise UnreachableError(f"Redis: {error}") from None
        return bytes(entry_id).decode()

    def close(self) -> None:
        """Do nothing: the client is the installation's."""

    def _minid_ms(self) -> str:
        # Nothing that a centre has still to read may go by its age.
        if self._keep_s is None:
            return ""
        return str(max(0, int((datetime.now(UTC).timestamp() - self._keep_s) * 1000)))
