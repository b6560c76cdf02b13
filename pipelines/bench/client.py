"""One client of the load server: its requests in, its stream out, on a plain socket.

The least of RTSP/1.0 (RFC 2326) that a player asks for. A client that doesn't read is cut.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Mapping
from typing import Final

from pipelines.bench.mounts import Schedule
from pipelines.bench.packets import CHANNEL
from pipelines.drills.rtsp_text import (
    METHODS,
    BadRequestError,
    Reply,
    Request,
    take_request,
    tcp_channels,
)

LARGEST_BACKLOG_BYTES: Final = 2_000_000
"""Unsent bytes for which a client is cut: seconds behind, on top of what the kernel holds."""

KERNEL_BUFFER_BYTES: Final = 1 << 19
"""What the kernel may hold unsent, a second of 1080p; it would let it grow to many."""

SESSION: Final = {"Session": "bench;timeout=60"}


class Client:
    """A connection."""

    def __init__(
        self,
        sock: socket.socket,
        schedule: Schedule,
        descriptions: Mapping[str, bytes],
        counters: Counter[str],
    ) -> None:
        """``descriptions`` are the loops' SDP by the kind's name."""
        self._sock = sock
        self._schedule = schedule
        self._descriptions = descriptions
        self._counters = counters
        self._received = bytearray()
        self._unsent = bytearray()
        self._name: str | None = None
        self._plays = False
        self._open = True
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        counters["clients"] += 1
        self._loop.add_reader(sock, self._read)

    def take(self, data: bytes | bytearray) -> None:
        """Send now what the kernel takes, keep the rest; cut the client if that is too much."""
        if not self._open:
            return
        sent = 0
        if not self._unsent:
            try:
                sent = self._sock.send(data)
            except BlockingIOError:
                pass
            except OSError:
                self.close()
                return
            if sent == len(data):
                return
            self._loop.add_writer(self._sock, self._write)
        self._unsent += memoryview(data)[sent:]
        if len(self._unsent) > LARGEST_BACKLOG_BYTES:
            self._counters["cut"] += 1
            self.close()

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self._open

    def close(self) -> None:
        """End the connection at once."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        if self._plays and self._name is not None:
            self._schedule.leave(self._name, self)

    def _write(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._sock)

    def _read(self) -> None:
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._received += data
        try:
            while self._open and (request := take_request(self._received)):
                self._answer(request)
        except BadRequestError:
            self.close()

    def _answer(self, request: Request) -> None:
        reply = self._reply(request)
        self.take(reply.encode(request.headers.get("cseq", "0")))
        if request.method == "TEARDOWN":
            self.close()
        elif request.method == "PLAY" and reply.status == 200 and not self._plays:
            self._plays = True
            self._schedule.join(str(self._name), self)

    def _reply(self, request: Request) -> Reply:
        if request.method not in METHODS or request.method == "OPTIONS":
            known = request.method in METHODS
            return Reply(status=200 if known else 405, headers={"Public": ", ".join(METHODS)})
        loop = self._schedule.loop_of(request.mount)
        if loop is None:
            return Reply(status=404)
        if request.method == "DESCRIBE":
            base = request.uri.rstrip("/") + "/"
            headers = {"Content-Base": base, "Content-Type": "application/sdp"}
            return Reply(status=200, headers=headers, body=self._descriptions[loop])
        if request.method == "SETUP":
            return self._setup(request)
        if request.method == "PLAY" and self._name is None:
            return Reply(status=455)
        return Reply(status=200, headers=SESSION)

    def _setup(self, request: Request) -> Reply:
        channels = tcp_channels(request.headers.get("transport", ""))
        if channels is None or channels[0] != CHANNEL:
            return Reply(status=461)
        self._name = request.mount
        transport = f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]}"
        return Reply(status=200, headers={"Transport": transport, **SESSION})
