"""One question to a platform over HTTP: to the address that was checked, within time and size."""

import http.client
import io
import json
import socket
import ssl
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from pipelines.faults import (
    NetworkRefusedError,
    PlatformAnswerError,
    PlatformUnreachableError,
    UnreachableError,
)
from pipelines.rtsp.networks import LOOPBACK, Networks
from pipelines.secrets import Secret

LARGEST_ANSWER_BYTES: Final = 256 * 1024
"""Head included. A channel's address has some 4 kB, a page of ten channels 30."""

PORTS: Final = {"http": 80, "https": 443}

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class _TooLargeError(OSError):
    """More came than is read."""


class _Within(io.RawIOBase):
    """A socket that ends at a time and after so many bytes."""

    def __init__(self, sock: socket.socket, ends_s: float, limit_bytes: int) -> None:
        self._sock = sock
        self._ends_s = ends_s
        self._left_bytes = limit_bytes

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, or wait for it as long as there is time."""
        self._sock.settimeout(self._left_s())
        size = self._sock.recv_into(buffer)
        self._left_bytes -= size
        if self._left_bytes < 0:
            raise _TooLargeError("too large")
        return size

    def sendall(self, data: Any) -> None:
        """Send all of it in time."""
        self._sock.settimeout(self._left_s())
        self._sock.sendall(data)

    def makefile(self, *_: object) -> io.BufferedReader:
        """Return what ``http.client`` reads an answer from."""
        return io.BufferedReader(self)

    def _left_s(self) -> float:
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a platform said."""

    status: int
    """Of HTTP."""
    body: Any
    """The JSON of it; ``None`` if it is none."""


class PlatformHttp:
    """Asks one platform; any thread may."""

    def __init__(self, name: str, url: str, headers: dict[str, Secret], networks: Networks) -> None:
        """``url`` is what its paths are put behind; ``networks`` are where it may be.

        Loopback is allowed where the url names it.
        """
        parts = urlsplit(url)
        self._name = name
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        self._port = parts.port or PORTS[parts.scheme]
        self._netloc, self._prefix = parts.netloc, parts.path.rstrip("/")
        self._headers = headers
        is_here = self._host in _LOOPBACK_NAMES
        self._networks = LOOPBACK if is_here else networks

    def get(self, path: str, query: dict[str, str], timeout_s: float) -> Answer:
        """Return the answer. Raises ``PlatformError``; follows nobody elsewhere."""
        ends_s = time.monotonic() + timeout_s
        try:
            with self._connected(ends_s) as sock:
                return self._asked(_Within(sock, ends_s, LARGEST_ANSWER_BYTES), path, query)
        except _TooLargeError:
            what = f"its answer has more than {LARGEST_ANSWER_BYTES} bytes"
            raise PlatformAnswerError(self._where, what) from None
        except NetworkRefusedError as refusal:
            raise PlatformUnreachableError(self._where, refusal.what) from None
        except (OSError, UnreachableError) as error:
            raise PlatformUnreachableError(self._where, _words(error)) from None
        except (http.client.HTTPException, ValueError):
            raise PlatformAnswerError(self._where, "its answer is no HTTP") from None

    @property
    def _where(self) -> str:
        return f"platform {self._name}"

    def _connected(self, ends_s: float) -> socket.socket:
        timeout_s = max(0.001, ends_s - time.monotonic())
        address, port = self._networks.resolve(self._host, self._port, self._where, timeout_s)
        sock = socket.create_connection((str(address), port), timeout_s)
        if self._scheme == "http":
            return sock
        with ExitStack() as undo:
            undo.callback(sock.close)
            safe = ssl.create_default_context().wrap_socket(sock, server_hostname=self._host)
            undo.pop_all()
        return safe

    def _asked(self, sock: _Within, path: str, query: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self._netloc)
        connection.sock = sock
        headers = {name: value.reveal() for name, value in self._headers.items()}
        target = f"{self._prefix}{path}?{urlencode(query)}"
        connection.request("GET", target, headers={**headers, "Connection": "close"})
        response = connection.getresponse()
        if 300 <= response.status < 400:
            raise PlatformAnswerError(self._where, "it sends elsewhere, where nobody is followed")
        body = response.read()
        try:
            return Answer(status=response.status, body=json.loads(body))
        except (ValueError, RecursionError):
            return Answer(status=response.status, body=None)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted here (SSL_CERT_FILE names who is)"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"no answer ({type(error).__name__.removesuffix('Error')})"
