"""One camera of the zoo: a listener on loopback, a thread a client, a record of what was asked."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from pipelines.drills.rtsp_text import Request
from tests.support.zoo.script import Script
from tests.support.zoo.talk import Talk

USER, PASSWORD = "zoo-keeper", "zoo-pa55word"
"""Whom the cameras with a login let in."""

LARGEST_CONNECTIONS = 500
"""Later ones are counted and closed at once: a client in a redirect loop made 11,279 in 5 s."""

JOIN_LIMIT_S = 5.0


class ZooCamera:
    """``with habit() as camera:`` serves its script at ``camera.url`` until the block ends."""

    def __init__(
        self, script: Script, *, speed: float = 1.0, other: "ZooCamera | None" = None
    ) -> None:
        """``speed`` divides every waiting time; ``other`` runs as long as this one does."""
        self.script = script
        self.speed = speed
        self.other = other
        self.connections = 0
        self.bytes_sent = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.uris: list[str] = []
        self.replies: list[bytes] = []
        self._listener: socket.socket | None = None
        self._port = 0
        self._acceptor: threading.Thread | None = None
        self._threads: list[threading.Thread] = []
        self._talks: list[Talk] = []
        self._lock = threading.Lock()
        self._stopping = False

    def __enter__(self) -> Self:
        if self.other is not None:
            self.other.__enter__()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="zoo-accept")
        self._acceptor.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._stop()
        finally:
            if self.other is not None:
                self.other.__exit__(kind, error, trace)

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port; they stay known when the camera has ended."""
        if self._port == 0:
            raise RuntimeError("the camera is not running: use it in a with block")
        return "127.0.0.1", self._port

    @property
    def authority(self) -> str:
        """Return ``host:port``."""
        return "{}:{}".format(*self.address)

    @property
    def url(self) -> str:
        """Return its address, without any credentials."""
        return f"rtsp://{self.authority}/live"

    @property
    def url_with_login(self) -> str:
        """Return its address with the user and password that it lets in."""
        return self.url_as(USER, PASSWORD)

    def url_as(self, user: str, password: str) -> str:
        """Return its address with these credentials."""
        return f"rtsp://{user}:{password}@{self.authority}/live"

    @property
    def methods(self) -> list[str]:
        """Return the methods asked for so far, in order."""
        return [method for method, _ in self.requests]

    @property
    def authorizations(self) -> list[str]:
        """Return every Authorization header that came: a camera that nobody trusts got none."""
        return [h["authorization"] for _, h in self.requests if "authorization" in h]

    @property
    def open_connections(self) -> int:
        """Return how many clients are connected now."""
        with self._lock:
            return sum(talk.alive for talk in self._talks)

    def note(self, request: Request) -> None:
        """Record a request."""
        with self._lock:
            self.requests.append((request.method, dict(request.headers)))
            self.uris.append(request.uri)

    def count(self, size: int) -> bool:
        """Count bytes before they are sent; return whether they are still within the bound."""
        with self._lock:
            if self.bytes_sent + size > self.script.largest_bytes:
                return False
            self.bytes_sent += size
            return True

    def _accept(self) -> None:
        listener = self._listener
        assert listener is not None
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # stopped
                return
            with self._lock:
                self.connections += 1
                if self._stopping or self.connections > LARGEST_CONNECTIONS:
                    client.close()
                    continue
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                talk = Talk(self, client, self.script)
                self._talks = [one for one in self._talks if one.alive] + [talk]
                self._threads = [one for one in self._threads if one.is_alive()]
                self._threads.append(threading.Thread(target=talk.run, name="zoo-talk"))
                self._threads[-1].start()

    def _stop(self) -> None:
        self._stopping = True
        listener, acceptor = self._listener, self._acceptor
        assert listener is not None
        assert acceptor is not None
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept on Linux
        acceptor.join(JOIN_LIMIT_S)
        listener.close()
        for talk in self._talks:
            talk.abandon()
        for thread in (acceptor, *self._threads):
            thread.join(JOIN_LIMIT_S)
            assert not thread.is_alive(), "a thread of the zoo did not end"
