"""The process that serves the load: some hundred live streams on one core or less.

``python -m pipelines.bench.server``: reads what to serve as a line of JSON, codes it, listens, and
tells where and since when; then answers each line ``stats``, ends the oldest connection at ``hang
up``, and ends with its input.
"""

import asyncio
import json
import socket
import sys
from collections import Counter, deque
from collections.abc import Callable

import msgspec

from pipelines.bench.client import Client
from pipelines.bench.clips import Loop, encode
from pipelines.bench.kinds import SIZES, Kind
from pipelines.bench.mounts import Schedule
from pipelines.bench.packets import Ready, describe, ready

BACKLOG = 512
"""Connections that wait to be accepted: a whole estate connects at once."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to serve."""

    height_px: int
    """A key of ``SIZES``."""
    kinds: tuple[Kind, ...]
    """Which loops."""


class LoadServer:
    """Serves loops to whoever connects."""

    def __init__(
        self,
        loops: dict[str, tuple[Kind, tuple[Ready, ...]]],
        descriptions: dict[str, bytes],
    ) -> None:
        """Both by the kind's name; ``descriptions`` are SDP."""
        self.schedule = Schedule(loops)
        self.counters: Counter[str] = Counter(clients=0, cut=0)
        self._descriptions = descriptions
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._listener.setblocking(False)
        self._timer: asyncio.TimerHandle | None = None
        self._clients: deque[Client] = deque()

    def start(self) -> int:
        """Listen and tick on the running event loop; return the port."""
        asyncio.get_running_loop().add_reader(self._listener, self._accept)
        self._tick()
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        """Listen and tick no more."""
        if self._timer is not None:
            self._timer.cancel()
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()

    def stats(self) -> dict[str, float]:
        """Return what happened since somebody last asked, and how late frames were sent."""
        late = sorted(self.schedule.late_ns) or [0]
        self.schedule.late_ns = []
        told = {name: float(count) for name, count in self.counters.items()}
        for name in self.counters:
            self.counters[name] = 0
        late_s = {"late_p95_s": late[len(late) * 95 // 100] / 1e9, "late_max_s": late[-1] / 1e9}
        return {**told, **late_s}

    def hang_up(self) -> None:
        """End the oldest connection, as cameras do that restart."""
        while self._clients:
            client = self._clients.popleft()
            if client.is_open:
                client.close()
                return

    def _accept(self) -> None:
        try:
            while True:
                connection, _ = self._listener.accept()
                self._clients.append(
                    Client(connection, self.schedule, self._descriptions, self.counters)
                )
        except BlockingIOError:
            pass

    def _tick(self) -> None:
        wait_s = self.schedule.tick()
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)


def prepared(order: Order, coded: Callable[[Loop], None]) -> LoadServer:
    """Code what is asked for and return the server of it; ``coded`` hears of each loop."""
    loops, descriptions = {}, {}
    for kind in order.kinds:
        loop = encode(kind, SIZES[order.height_px])
        loops[kind.name] = (kind, ready(loop))
        descriptions[kind.name] = describe(loop)
        coded(loop)
    return LoadServer(loops, descriptions)


async def serve(order: Order) -> None:
    """Serve until the input ends."""
    server = prepared(order, lambda loop: _say(event="coded", kind=loop.kind.name))
    port = server.start()
    _say(event="listening", port=port, start_ns=server.schedule.start_ns)
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "stats":
            _say(event="stats", **server.stats())
        elif line.strip() == "hang up":
            server.hang_up()
    server.stop()


def _say(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(msgspec.json.decode(sys.stdin.readline(), type=Order)))
