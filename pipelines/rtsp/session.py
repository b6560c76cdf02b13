"""One RTSP session: the handshake from the checked address on, logins, keepalives (RFC 2326).

Redirects are refused, and so is whatever a camera asks of us.
"""

import re
import socket
import ssl
import time
from contextlib import ExitStack, suppress
from select import POLLIN, poll
from typing import Final
from urllib.parse import unquote, urlsplit

from pipelines import faults
from pipelines.address import Address
from pipelines.rtsp import description, text
from pipelines.rtsp.login import Login
from pipelines.rtsp.networks import Networks
from pipelines.sealing import PORTS
from pipelines.secrets import Secret

CHUNK_BYTES: Final = 1 << 18

LARGEST_EARLY_BYTES: Final = 1 << 18
"""What is kept of packets that come before the stream was begun."""

KEEPALIVE_S: Final = 25.0
"""At the latest; cameras end sessions after 60 s of silence, some after less."""

_AGENT: Final = "fengsui"


class Session:
    """A camera's session at the address that was checked, and at no other."""

    def __init__(self, address: Address, networks: Networks, timeout_s: float) -> None:
        """Connect and ask what stream there is; ``play`` within ``timeout_s`` of now, if at all.

        Raises ``SourceError``.
        """
        self._shown = address.shown
        self._ends_s = time.monotonic() + timeout_s
        parts = urlsplit(address.url.reveal())
        self._url = _without_login(address.url)
        self._login = _login(parts.username, parts.password)
        self._sequence = 0
        self._name = ""
        self._data = self._early = b""
        self.date, self.dated_at_s = "", 0.0
        """The ``Date`` of its last answer, as it stands there, and when that came: Unix time."""
        self._socket = self._connected(parts.scheme, parts.hostname or "", parts.port, networks)
        with ExitStack() as undo:
            undo.callback(self.close)
            self._poll = poll()
            self._poll.register(self._socket, POLLIN)
            self.stream = self._described()
            """What there is."""
            undo.pop_all()
        self.channel = -1
        """On which its packets come."""

    @property
    def peer(self) -> str:
        """The address that the name was found at and that was allowed."""
        return str(self._target[0])

    def play(self) -> None:
        """Start the stream. Raises ``SourceError``, and is closed then."""
        with ExitStack() as undo:
            undo.callback(self.close)
            self.channel = self._set_up()
            self._ask("PLAY", self._base, {"Range": "npt=0.000-"})
            undo.pop_all()
        self._data, self._early = self._early + self._data, b""
        self._unanswered = 0
        self._keepalive_s = time.monotonic() + self._keepalive_every_s

    def close(self) -> None:
        """Say goodbye and close; waits for nothing."""
        with suppress(OSError, faults.SourceError):
            if self._name:
                self._send("TEARDOWN", self._base)
        with suppress(OSError):
            self._socket.close()

    def receive(self) -> bytes | None:
        """Return some of what is there, ``None`` if nothing is, nothing at the end.

        The first time, all that came with the handshake. Raises ``StreamLostError``.
        """
        if self._data:
            data, self._data = self._data, b""
            return data
        return self._arrived()

    def hear(self, said: text.Said) -> bool:
        """Take what the camera says between packets; say whether it was asked for.

        Raises ``RedirectedError``.
        """
        if said.method:
            self._refuse(said)
            return False
        if self._unanswered <= 0:
            return False
        self._unanswered -= 1
        challenges = said.headers.get("www-authenticate", ())
        if said.status == 401 and self._login is not None and self._login.hear(challenges):
            self._send("OPTIONS", self._base)
        return True

    def keep_alive(self, now_s: float) -> None:
        """Show that somebody is there, if it is time to."""
        if now_s <= self._keepalive_s:
            return
        self._keepalive_s = now_s + self._keepalive_every_s
        self._unanswered = 2
        for method in ("OPTIONS", "GET_PARAMETER"):  # each is the only one that some cameras know
            self._send(method, self._base)

    def _connected(
        self, scheme: str, host: str, port: int | None, networks: Networks
    ) -> socket.socket:
        target = networks.resolve(host, port or PORTS[scheme], self._shown, self._left_s())
        self._target = target
        try:
            raw = socket.create_connection((str(target[0]), target[1]), self._left_s())
        except TimeoutError:
            raise faults.UnreachableError(self._shown, "no answer in time") from None
        except OSError as error:
            what = type(error).__name__.removesuffix("Error")
            raise faults.UnreachableError(self._shown, f"no answer ({what})") from None
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme == "rtsps":
                raw.settimeout(self._left_s())
                raw = _encrypted(raw, host)
            raw.setblocking(False)
        except faults.SourceError:
            raw.close()
            raise
        except OSError:
            raw.close()
            raise faults.UnreachableError(self._shown, "no TLS there") from None
        return raw

    def _left_s(self) -> float:
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise faults.UnreachableError(self._shown, "no answer in time")
        return left_s

    def _described(self) -> description.VideoStream:
        answer = self._ask("DESCRIBE", self._url, {"Accept": "application/sdp"})
        self._base = answer.header("content-base") or answer.header("content-location") or self._url
        try:
            stream = description.read(answer.body)
        except description.NoVideoStreamError:
            raise faults.NoVideoError(self._shown, "the stream has no video") from None
        except description.UnknownCodecError as error:
            what = f"video is coded as {error}"
            raise faults.UnsupportedCodecError(self._shown, what) from None
        named = (stream.session_control, self._base, self._url)
        self._base = next(url for url in named if description.is_address(url))
        return stream

    def _set_up(self) -> int:
        url = description.control_url(self._base, self.stream.control)
        asked = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
        answer = self._ask("SETUP", url, asked)
        self._name, _, options = answer.header("session").partition(";")
        timeout = re.search(r"timeout=(\d{1,5})", options)
        self._keepalive_every_s = min(KEEPALIVE_S, max(1.0, int(timeout[1]) / 2 if timeout else 30))
        channel = re.search(r"interleaved=(\d{1,3})", answer.header("transport"))
        return int(channel[1]) if channel else 0

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> text.Said:
        """Return the answer to a request, asked again with a login if it wants one."""
        for attempt in range(3):
            self._send(method, url, headers)
            answer = self._answer()
            if answer.status != 401:
                return self._good(answer)
            challenges = answer.headers.get("www-authenticate", ())
            stale = any("stale=true" in one.lower().replace('"', "") for one in challenges)
            if self._login is None or not self._login.hear(challenges) or (attempt and not stale):
                break
        raise faults.UnauthorizedError(self._shown, "the camera refuses the credentials")

    def _good(self, answer: text.Said) -> text.Said:
        if 200 <= answer.status < 300:
            return answer
        if 300 <= answer.status < 400:
            raise faults.RedirectedError(self._shown, "the camera sends elsewhere")
        if answer.status == 403:
            raise faults.UnauthorizedError(self._shown, "the camera refuses the credentials")
        if answer.status == 404:
            raise faults.NotFoundError(self._shown, "the camera has no such stream")
        raise faults.UnreachableError(self._shown, f"the camera refuses ({answer.status})")

    def _send(self, method: str, url: str, headers: dict[str, str] | None = None) -> None:
        self._sequence += 1
        whole = {"CSeq": str(self._sequence), "User-Agent": _AGENT, **(headers or {})}
        if self._name:
            whole["Session"] = self._name
        if self._login is not None:
            whole |= self._login.header(method, url)
        try:
            self._socket.send(text.request(method, url, whole))
        except text.NoRtspError as error:
            raise faults.NoRtspError(self._shown, f"its answer has {error}") from None
        except OSError as error:
            raise self._lost(error) from None

    def _answer(self) -> text.Said:
        """Return the reply to the last request; packets of an eager camera before it are kept."""
        while True:
            said = self._said()
            if said is None:
                self._receive(self._left_s())
                continue
            self._data = self._data[said.size :]
            if said.method:
                self._refuse(said)
            else:  # whatever its number: one request is on its way at a time, and some can't count
                if date := said.header("date"):
                    self.date, self.dated_at_s = date, time.time()
                return said

    def _said(self) -> text.Said | None:
        at = 0
        while self._data[at : at + 1] == b"$" and len(self._data) - at >= 4:
            size = 4 + (self._data[at + 2] << 8 | self._data[at + 3])
            if len(self._data) - at < size:
                break
            at += size
        if at and len(self._early) < LARGEST_EARLY_BYTES:
            self._early += self._data[:at]
        self._data = self._data[at:]
        if self._data[:1] == b"$":
            return None
        try:
            return text.read(self._data) if self._data else None
        except text.NoRtspError as error:
            raise faults.NoRtspError(self._shown, f"it sends {error}") from None

    def _receive(self, timeout_s: float) -> None:
        if not self._pending() and not self._poll.poll(timeout_s * 1000):
            raise faults.UnreachableError(self._shown, "no answer in time")
        data = self._arrived()
        if data == b"":
            raise faults.UnreachableError(self._shown, "the camera hangs up")
        self._data += data or b""

    def _arrived(self) -> bytes | None:
        try:
            return self._socket.recv(CHUNK_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError as error:
            raise self._lost(error) from None

    def _pending(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _refuse(self, said: text.Said) -> None:
        """Answer a camera's own request: we do nothing that cameras ask for."""
        if said.method == "REDIRECT":
            raise faults.RedirectedError(self._shown, "the camera sends elsewhere")
        number = said.number("cseq") or 0
        with suppress(OSError):
            self._socket.send(f"RTSP/1.0 501 Not Implemented\r\nCSeq: {number}\r\n\r\n".encode())

    def _lost(self, error: OSError) -> faults.SourceError:
        what = type(error).__name__.removesuffix("Error")
        return faults.StreamLostError(self._shown, f"the stream broke off ({what})")


def _without_login(url: Secret) -> str:
    parts = urlsplit(url.reveal())
    host = parts.netloc.rpartition("@")[2]
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{host}{parts.path}{query}"


def _login(user: str | None, password: str | None) -> Login | None:
    if user is None:
        return None
    return Login(unquote(user), Secret(unquote(password or "")))


def _encrypted(raw: socket.socket, host: str) -> ssl.SSLSocket:
    """Return the connection through TLS. Cameras sign their certificates themselves: it keeps the
    stream from who listens, and says nothing of who sends it; the pinned address does.
    """  # noqa: D205
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(raw, server_hostname=host)
