"""A camera that sends what a test says, packet by packet, once it is told to play."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipelines.drills.clip import nal_units

Slow = Callable[[str, str], None]
"""Waits before an answer to a method and address."""

SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
)


class Sending:
    """One client's packets."""

    def __init__(self, client: socket.socket) -> None:
        self._client, self._number = client, 0

    def packet(self, payload: bytes, ticks: int, *, ends: bool) -> bytes:
        """Return a packet as it is sent."""
        kind = 96 | (0x80 if ends else 0)
        head = struct.pack("!BBHII", 0x80, kind, self._number & 0xFFFF, ticks & 0xFFFFFFFF, 7)
        self._number += 1
        return b"$\0" + struct.pack("!H", len(head + payload)) + head + payload

    def unit(self, data: bytes, ticks: int) -> bytes:
        """Return a picture's packets (RFC 6184, 5.8)."""
        sent, nals = b"", list(nal_units(data))
        for nal in nals:
            is_last = nal is nals[-1]
            parts = [nal[at : at + 1400] for at in range(1, len(nal), 1400)]
            if len(nal) <= 1400:
                sent += self.packet(nal, ticks, ends=is_last)
                continue
            for at, part in enumerate(parts):
                ends = at == len(parts) - 1
                flags = (0x80 if at == 0 else 0) | (0x40 if ends else 0)
                head = bytes([(nal[0] & 0xE0) | 28, flags | (nal[0] & 0x1F)])
                sent += self.packet(head + part, ticks, ends=is_last and ends)
        return sent

    def send(self, data: bytes) -> None:
        self._client.sendall(data)


def _requests(client: socket.socket) -> Iterator[tuple[str, str, str]]:
    """Yield each one's method, address and line with its number."""
    data = b""
    while chunk := client.recv(65536):
        data += chunk
        while b"\r\n\r\n" in data:
            head, _, data = data.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            method, uri = first.split()[:2]
            yield method, uri, next(one for one in lines if one.lower().startswith("cseq"))


def _answer(method: str, number: str) -> bytes:
    more = {
        "DESCRIBE": f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n",
        "SETUP": "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
    }.get(method, "")
    body = SDP if method == "DESCRIBE" else ""
    return f"RTSP/1.0 200 OK\r\n{number}\r\nSession: 1;timeout=60\r\n{more}\r\n{body}".encode()


@dataclass
class Asked:
    """What came to the camera."""

    port: int
    uris: list[tuple[str, str]] = field(default_factory=list)
    """Methods and addresses."""


def _quietly(target: Callable[..., None], *given: object) -> None:
    with contextlib.suppress(OSError):
        target(*given)


@contextlib.contextmanager
def fake_camera(
    plays: Callable[[Sending, threading.Event], None], slow: Slow = lambda _method, _uri: None
) -> Iterator[Asked]:
    """Serve; ``plays`` sends to a client, in a thread, until the event or an ``OSError``."""
    ended = threading.Event()
    threads: list[threading.Thread] = []
    clients: list[socket.socket] = []

    def begin(target: Callable[..., None], *given: object) -> None:
        threads.append(threading.Thread(target=_quietly, args=(target, *given)))
        threads[-1].start()

    def serve(client: socket.socket) -> None:
        for method, uri, number in _requests(client):
            asked.uris.append((method, uri))
            slow(method, uri)
            client.sendall(_answer(method, number))
            if method == "PLAY":
                begin(plays, Sending(client), ended)

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            clients.append(client)
            begin(serve, client)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked = Asked(port=listener.getsockname()[1])
        begin(accept)
        try:
            yield asked
        finally:
            ended.set()
            for one in (listener, *clients):
                _quietly(one.shutdown, socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)
            for client in clients:
                client.close()
