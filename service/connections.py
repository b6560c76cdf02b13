"""Open connections: as many as there are files for; the newest gets in, whoever dawdles makes room.

uvicorn's own limit counts requests, and a connection that never sends one is none.
"""

import asyncio
import resource
from collections import deque
from typing import ClassVar, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from service.logs import FaultLog
from service.problems import answer

BACKLOG: Final = 32
"""asyncio accepts so many at once, and again some rounds before those it drops are closed."""

OTHER_FILES: Final = 128 + 4 * BACKLOG
"""Files that the service holds besides: the database's pool (15, three files each), Redis, logs;
and what has just been accepted."""

FEWEST: Final = 32

MOST: Final = 4096
"""Whatever the limit on files is: each connection takes memory as well."""


def open_at_most() -> int:
    """Return how many connections there are files for."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST
    return min(max(files - OTHER_FILES, FEWEST), MOST)


def connection_type(most: int) -> type[asyncio.Protocol]:
    """Return what uvicorn makes for each connection, of which ``most`` may be open."""

    class _Limited(_Connection):
        limit = most
        faults = FaultLog("connections")
        refused: ClassVar[deque[asyncio.Transport]] = deque()

    return _Limited


class _Connection(H11Protocol):
    limit: int
    faults: FaultLog
    refused: ClassVar[deque[asyncio.Transport]]
    """The newest of those that were sent away: TLS waits until the client has said goodbye too."""
    aborted = False
    """Whether it is gone but for its last rites, or was never let in: it doesn't count."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection; at the limit in another one's place, or send the client away."""
        # One that is closing counts: until its client has read all there is, it is open.
        others = [
            one for one in self.connections if isinstance(one, _Connection) and not one.aborted
        ]
        super().connection_made(transport)
        self.opened_s = self.loop.time()
        if len(others) < self.limit:
            if len(others) < self.limit // 2:
                self.faults.recovered()
            return
        self.faults.failed(
            f"{self.limit} connections are open: of those that dawdle the oldest is closed",
            "look for who holds them; ulimit -n sets how many there may be",
        )
        dawdling = [one for one in others if one.dawdles]
        if dawdling:
            victim = min(dawdling, key=lambda one: one.opened_s)
            victim.aborted = True
            victim.transport.abort()
        else:
            self._send_away(transport)

    def _send_away(self, transport: asyncio.Transport) -> None:
        self.aborted = True
        transport.write(_full())
        transport.close()
        self.refused.append(transport)
        if len(self.refused) > BACKLOG:
            self.refused.popleft().abort()

    @property
    def dawdles(self) -> bool:
        """Whether the service waits for the client: to ask, to send its body, or to read."""
        cycle = self.cycle
        idle = cycle is None or cycle.response_complete or self.transport.is_closing()
        return idle or cycle.more_body or self.flow.write_paused


def _full() -> bytes:
    said = answer(
        503,
        "too_many_connections",
        "Too many connections",
        "try again in a moment",
        headers={"Retry-After": "2", "Connection": "close"},
    )
    head = b"".join(b"%s: %s\r\n" % header for header in said.raw_headers)
    return b"HTTP/1.1 503 Service Unavailable\r\n" + head + b"\r\n" + bytes(said.body)
