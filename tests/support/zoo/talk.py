"""One client of a camera of the zoo: its requests in, answers and media out."""

import secrets
import select
import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

from pipelines.drills.rtsp_text import (
    LARGEST_HEAD_BYTES,
    BadRequestError,
    Request,
    parse_request,
)
from tests.support.zoo import answers
from tests.support.zoo.script import Script

if TYPE_CHECKING:
    from tests.support.zoo.camera import ZooCamera

Headers = Sequence[tuple[str, str]]
"""In order; a name may come twice."""

REASONS = {
    453: "Not Enough Bandwidth",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
}
"""What RTSP has and HTTP has not (RFC 2326, 7.1.1)."""

LINGER_S = 2.0
"""After the last byte the client has so long to close, else what it sent makes a reset."""


class EndedError(Exception):
    """The conversation is over: the client, the script or the test ended it."""


class Talk:
    """A connection; what the scripts' functions get in hand."""

    def __init__(self, camera: "ZooCamera", sock: socket.socket, script: Script) -> None:
        self.camera = camera
        self.script = script
        self.channels: dict[int, tuple[int, int]] = {}
        """By track number: the interleaved channels of RTP and RTCP."""
        self.session = secrets.token_hex(8)
        self.nonce = secrets.token_hex(16)
        self.old_nonces: set[str] = set()
        self.alive = True
        self._granted_s = time.monotonic()
        self._over = threading.Event()
        self._closed_s: float | None = None
        self._sock = sock
        self._sending = threading.Lock()
        self._received = bytearray()
        self._streamer: threading.Thread | None = None

    def run(self) -> None:
        """Answer requests until either side ends."""
        try:
            while True:
                request = self._next_request()
                self.camera.note(request)
                if not self.script.gate(self, request):
                    answer = self.script.answers.get(request.method)
                    (answer or answers.DEFAULT.get(request.method, answers.refuse))(self, request)
        except (OSError, EndedError, BadRequestError):
            pass
        finally:
            self._over.set()
            if self._streamer is not None:
                with suppress(OSError):  # wakes a sender that is stuck, and resets nothing
                    self._sock.shutdown(socket.SHUT_RD)
                    if self._sending.locked():
                        self._sock.shutdown(socket.SHUT_RDWR)
                self._streamer.join()
            self._sock.close()
            self.alive = False

    def start_stream(self) -> None:
        """Start what PLAY starts; a second PLAY changes nothing."""
        if self._streamer is None:
            self._streamer = threading.Thread(target=self._stream, name="zoo-stream")
            self._streamer.start()

    def _stream(self) -> None:
        with suppress(OSError, EndedError):
            self.script.stream(self)

    def send(self, data: bytes) -> None:
        """Send bytes as they are; beyond the script's bound the connection is closed."""
        with self._sending:
            if self._over.is_set():
                raise EndedError
            if not self.camera.count(len(data)):
                self.close()
                raise EndedError
            self._sock.sendall(data)

    def reply(
        self, request: Request, status: int = 200, headers: Headers = (), body: bytes = b""
    ) -> None:
        """Answer a request as RFC 2326 wants it; granting one keeps the session alive."""
        if status == 200:
            self._granted_s = time.monotonic()
        lines = [*headers, ("Content-Length", str(len(body)))] if body else headers
        self.send(self.head(request, status, lines) + body)

    def head(self, request: Request, status: int = 200, headers: Headers = ()) -> bytes:
        """Return a reply's status line and headers with the empty line after them."""
        reason = REASONS.get(status) or HTTPStatus(status).phrase
        sequence = request.headers.get("cseq", "0")
        lines = [f"RTSP/1.0 {status} {reason}", f"CSeq: {sequence}"]
        lines += [f"{name}: {value}" for name, value in headers]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def pause(self, seconds: float) -> None:
        """Wait at the camera's speed; raises ``EndedError`` when it is over."""
        self.wait(seconds / self.camera.speed)

    def wait(self, seconds: float) -> None:
        """Wait; raises ``EndedError`` when the conversation or the session is over."""
        if self._over.wait(seconds) if seconds > 0 else self._over.is_set():
            raise EndedError
        if self.script.expires and time.monotonic() > self._granted_s + self.script.session_s:
            self.close()
            raise EndedError

    def drip(self, data: bytes, every_s: float = 0.5) -> None:
        """Send a byte at a time."""
        for number in range(len(data)):
            self.send(data[number : number + 1])
            self.pause(every_s)

    def close(self) -> None:
        """Send no more; the client sees the end after the last byte."""
        self._closed_s = time.monotonic()
        self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End with a TCP reset: what is not yet sent is lost."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._over.set()

    def abandon(self) -> None:
        """End now, from the test's thread."""
        self._over.set()
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _next_request(self) -> Request:
        """Return the next request; what comes on interleaved channels (RTCP) is skipped."""
        buffer = self._received
        while True:
            if buffer[:1] == b"$" and len(buffer) >= 4:
                whole = 4 + int.from_bytes(buffer[2:4])
                if len(buffer) >= whole:
                    del buffer[:whole]
                    continue
            elif (end := buffer.find(b"\r\n\r\n")) >= 0:
                if buffer.startswith(b"RTSP/"):  # an answer to a request of the camera's
                    self.camera.replies.append(bytes(buffer[:end]))
                    del buffer[: end + 4]
                    continue
                request = parse_request(bytes(buffer[:end]))
                if len(buffer) >= end + 4 + request.body_bytes:
                    del buffer[: end + 4 + request.body_bytes]
                    return request
            elif len(buffer) > LARGEST_HEAD_BYTES:
                raise BadRequestError
            self._receive()

    def _receive(self) -> None:
        while True:
            readable, _, _ = select.select([self._sock], [], [], 0.1)
            late = self._closed_s is not None and time.monotonic() > self._closed_s + LINGER_S
            if self._over.is_set() or late:
                raise EndedError
            if readable:
                break
        data = self._sock.recv(65536)
        if not data:
            raise EndedError
        self._received += data
