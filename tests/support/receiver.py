"""An HTTP server that takes orders and answers as it is told: well, badly, slowly, for ever."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Request:
    """What came."""

    method: str
    path: str
    headers: dict[str, str]
    """By lower-case names."""
    body: bytes


Answer = Callable[[socket.socket], None]


def saying(status: int, body: bytes = b"", **headers: str) -> Answer:
    """A whole answer; underscores in headers' names are hyphens."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return lambda sock: sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def dripping(text: bytes, every_s: float = 0.05) -> Answer:
    """A byte at a time, again and again."""

    def drip(sock: socket.socket) -> None:
        while True:
            for byte in text:
                sock.sendall(bytes([byte]))
                time.sleep(every_s)

    return drip


class Receiver:
    """``with Receiver() as receiver``: on loopback; with ``tls`` (certificate, key) under TLS."""

    def __init__(self, tls: tuple[Path, Path] | None = None, host: str = "127.0.0.1") -> None:
        self.requests: list[Request] = []
        self.answer: Answer = saying(204)
        self.hasty = False
        """Answers without having listened: for other protocols than HTTP."""
        self.connections = 0
        self._context: ssl.SSLContext | None = None
        if tls is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*tls)
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://{host}:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), sock:
            if self._context is not None:
                with self._context.wrap_socket(sock, server_side=True) as safe:
                    self._talk(safe)
                return
            self._talk(sock)

    def _talk(self, sock: socket.socket) -> None:
        if self.hasty:
            self.answer(sock)
            return
        with sock.makefile("rb") as file:
            method, path, _ = file.readline().decode().split(" ", 2)
            headers: dict[str, str] = {}
            while (line := file.readline().decode().strip()) != "":
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = file.read(int(headers.get("content-length", 0)))
        self.requests.append(Request(method=method, path=path, headers=headers, body=body))
        self.answer(sock)
