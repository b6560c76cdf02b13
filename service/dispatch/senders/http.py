"""One POST: to the address that was checked, within time and size, and nowhere else."""

import http.client
import io
import re
import socket
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

from service.dispatch.senders.egress import Egress, Tls, faults_words, wrapped
from service.dispatch.sending import RefusedError, UnreachableError, said

READ_S: Final = 5.0
"""The longest silence within an answer."""

WORDS_S: Final = 1.0
"""How long an answer's text is waited for: what counts is its first line."""

LARGEST_HEAD_BYTES: Final = 32 * 1024

WORDS_BYTES: Final = 1024
"""What is read of the text; nobody needs more of it."""

SHORTEST_HIDDEN: Final = 4
"""A shorter part of an address would be taken out of everything that is said, and lets nobody in.
"""

LONGEST_RETRY_S: Final = 300.0
"""A target that asks for more is asked again all the same: an order is waiting."""

LATER: Final = frozenset({408, 425, 429})

CONTEXT_KEPT_S: Final = 60.0
"""Then certificates are read again: they are renewed in place."""

PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPlace:
    """Where to post, and how."""

    url: str = field(repr=False)
    """Without a login; what is in its path and query may let somebody in all the same."""
    egress: Egress
    """The networks it may be in."""
    tls: Tls
    """For https."""
    timeout_s: float
    """The longest that one attempt takes."""


class _TooLargeError(OSError):
    """More came than is read."""


class _CutOffError(OSError):
    """It ended where more was to come."""


class _Lines(io.BufferedReader):
    """What ``http.client`` reads an answer from: for it, an end would end a head like any other."""

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return a line. Raises ``_CutOffError`` where there is none."""
        line = super().readline(size)
        if not line:
            raise _CutOffError
        return line


class _Within(io.RawIOBase):
    """A socket that ends at a time and after so many bytes, and bears no long silence."""

    def __init__(self, sock: socket.socket, ends_s: float) -> None:
        self._sock = sock
        self.ends_s = ends_s
        self._left_bytes = LARGEST_HEAD_BYTES + WORDS_BYTES

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, or wait for it as long as there is time."""
        self._sock.settimeout(min(READ_S, self._left_s()))
        # One byte more than is let through tells that there was more.
        size = self._sock.recv_into(memoryview(buffer)[: self._left_bytes + 1])
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
        return _Lines(self)

    def _left_s(self) -> float:
        left_s = self.ends_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


class HttpPoster:
    """Posts to one place, one connection each time; any thread may."""

    def __init__(self, place: HttpPlace) -> None:
        parts = urlsplit(place.url)
        self._place = place
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or PORTS[parts.scheme]
        self._netloc = parts.netloc
        self._known: tuple[float, ssl.SSLContext] | None = None
        self._hidden = _hidden(parts.path, parts.query)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def post(self, body: bytes, headers: dict[str, str]) -> str:
        """Return what was answered. Raises ``SendError``; follows nobody elsewhere."""
        ends_s = time.monotonic() + self._place.timeout_s
        try:
            plain = self._place.egress.connect(self._host, self._port, ends_s)
            with self._safe(plain, ends_s) as sock:
                return self._asked(_Within(sock, ends_s), body, headers)
        except _TooLargeError:
            raise UnreachableError(
                f"the head of its answer passes {LARGEST_HEAD_BYTES} bytes"
            ) from None
        except _CutOffError:
            raise UnreachableError("it hung up before the head of its answer was whole") from None
        except OSError as error:
            raise UnreachableError(faults_words(error)) from None
        except (http.client.HTTPException, ValueError):
            raise UnreachableError("its answer is no HTTP") from None

    def _safe(self, plain: socket.socket, ends_s: float) -> socket.socket:
        if not self._secure:
            return plain
        plain.settimeout(max(0.001, ends_s - time.monotonic()))  # of the whole handshake
        return wrapped(plain, self._context(plain), self._host)

    def _context(self, plain: socket.socket) -> ssl.SSLContext:
        known, now_s = self._known, time.monotonic()
        if known is not None and now_s - known[0] < CONTEXT_KEPT_S:
            return known[1]
        try:
            context = self._place.tls.context()
        except (OSError, ValueError) as error:
            plain.close()
            raise UnreachableError(f"a certificate file can't be used: {error}") from None
        self._known = (now_s, context)
        return context

    def _asked(self, sock: _Within, body: bytes, headers: dict[str, str]) -> str:
        connection = http.client.HTTPConnection(self._netloc)
        connection.sock = sock
        connection.request("POST", self._path, body, {**headers, "Connection": "close"})
        response = connection.getresponse()
        sock.ends_s = min(sock.ends_s, time.monotonic() + WORDS_S)
        words = f"HTTP {response.status} {self._without_address(_text(response))}"
        if 200 <= response.status < 300:
            return said(words)
        if response.status in LATER or response.status >= 500 or response.status < 200:
            raise UnreachableError(words, _retry_after_s(response.getheader("Retry-After")))
        if response.status < 400:
            words = f"HTTP {response.status}: it sends elsewhere, where nobody is followed"
        raise RefusedError(words)

    def _without_address(self, text: str) -> str:
        """Return a target's words without what only this address says: it may let somebody in."""
        return self._hidden.sub("…", text)


def _hidden(path: str, query: str) -> re.Pattern[str]:
    """Return what finds a path and query in a text: whole, in parts, as they are or decoded."""
    values = [value for pair in query.split("&") for value in pair.split("=")[-1:]]
    parts = [path, query, *path.split("/"), *values]
    found = {one for part in parts for one in (part, unquote(part), unquote_plus(part))}
    known = sorted((one for one in found if len(one) >= SHORTEST_HIDDEN), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, known)) or r"(?!)", re.IGNORECASE)


def _text(response: http.client.HTTPResponse) -> str:
    try:
        return response.read(WORDS_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException, ValueError):
        return ""  # the status is known, and it is what counts


def _retry_after_s(text: str | None) -> float | None:
    """Return what a Retry-After asks for, in seconds or as a date, within limits."""
    if text is None:
        return None
    try:
        if text.strip().isdecimal():
            seconds = float(text)
        else:
            when = parsedate_to_datetime(text)
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
            seconds = (when - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return max(0.0, min(LONGEST_RETRY_S, seconds))
