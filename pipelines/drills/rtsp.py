"""A live RTSP/1.0 server (RFC 2326) for drills: H.264 over TCP interleaved, as cameras serve it.

It knows when a frame left the process, speaks Digest, and cuts a client that doesn't read, so that
none delays another.
"""

import asyncio
from collections.abc import Sequence

from pipelines.drills.clip import TICKS_PER_S
from pipelines.drills.connection import Connection
from pipelines.drills.rtsp_text import Login
from pipelines.drills.rtsp_types import Counters, Limits, Mount, Nobody, Watcher
from pipelines.drills.timeline import Timeline

__all__ = ["Counters", "Limits", "Login", "Mount", "RtspServer", "Watcher"]


class RtspServer:
    """Serves mounts to whoever connects."""

    def __init__(
        self,
        mounts: Sequence[Mount],
        *,
        login: Login | None = None,
        limits: Limits | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        self.mounts = {mount.name: mount for mount in mounts}
        self.login = login
        self.limits = limits or Limits()
        self.watcher = watcher or Nobody()
        self.counters = Counters()
        self.connections: set[Connection] = set()
        self._live = {
            mount.name: self._timeline(mount) for mount in mounts if not mount.restart_per_client
        }
        self._server: asyncio.Server | None = None
        self._private: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; return the port (0 picks a free one)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def begin(self) -> None:
        """Start the clocks of all live mounts that wait for their first client."""
        for timeline in self._live.values():
            timeline.begin()

    async def finished(self) -> None:
        """Wait until every live mount has played its turns."""
        for timeline in self._live.values():
            await timeline.finished()

    async def stop(self) -> None:
        """Close the port, every connection and every clock."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self.connections):
            connection.cut()
        for timeline in self._live.values():
            await timeline.stop()
        await asyncio.gather(*self._private)
        if self._server is not None:
            await self._server.wait_closed()

    def timeline_for(self, mount: Mount) -> Timeline:
        """Return the mount's one timeline, or a new one where each client has its own."""
        return self._timeline(mount) if mount.restart_per_client else self._live[mount.name]

    def retire(self, mount: Mount, timeline: Timeline) -> None:
        """Stop a timeline that belonged to one client."""
        if mount.restart_per_client:
            task = asyncio.get_running_loop().create_task(timeline.stop())
            self._private.add(task)
            task.add_done_callback(self._private.discard)

    def _timeline(self, mount: Mount) -> Timeline:
        def due(cycle: int, at_s: float) -> None:
            self.watcher.due(mount.name, cycle, at_s)

        start_ticks = round(mount.start_at_s * TICKS_PER_S)
        return Timeline(mount.clip, cycles=mount.cycles, due=due, start_ticks=start_ticks)
