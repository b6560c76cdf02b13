"""One RTSP connection: the handshake, then pictures in bursts (RFC 2326, interleaved over TCP)."""

import re
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from select import POLLIN, poll
from typing import Final
from urllib.parse import unquote, urlsplit

from pipelines import faults
from pipelines.address import Address
from pipelines.rtsp import description, text
from pipelines.rtsp.login import Login
from pipelines.rtsp.networks import Networks
from pipelines.rtsp.units import ASSEMBLERS, Assembler, Unit
from pipelines.sealing import PORTS
from pipelines.secrets import Secret

NAP_S: Final = 0.3
"""How long a reader sleeps once it has read all there is. Woken for every packet it would spend
most of its time waking; a nap adds at most its length to a look's age."""

SHORT_NAP_S: Final = 0.05
"""The nap before the first keyframe, and where one has begun to arrive."""

LARGEST_READ_BYTES: Final = 4 << 20
"""What is read between two naps: 100 Mb/s. A camera that sends more waits."""

CHUNK_BYTES: Final = 1 << 18

GARBAGE_BYTES: Final = 1 << 16
"""What may stand between packets before a stream is given up."""

LARGEST_ROW_BYTES: Final = 8 << 20
"""What is kept of a stream since its last keyframe: 4 Mb/s for 16 s."""

LARGEST_EARLY_BYTES: Final = 1 << 18
"""What is kept of packets that come before the stream was begun."""

KEEPALIVE_S: Final = 25.0
"""At the latest; cameras end sessions after 60 s of silence, some after less."""

_FRAME: Final = struct.Struct("!xBH")
_RTP: Final = struct.Struct("!BBHII")
_AGENT: Final = "fengsui"


class Connection:
    """A camera's stream from the address that was checked, and from no other."""

    def __init__(self, address: Address, networks: Networks, timeout_s: float) -> None:
        """Connect and start the stream, all of it within ``timeout_s``.

        Raises ``SourceError``.
        """
        self._shown = address.shown
        self._ends_s = time.monotonic() + timeout_s
        parts = urlsplit(address.url.reveal())
        self._url = _without_login(address.url)
        self._login = _login(parts.username, parts.password)
        self._sequence = 0
        self._session = ""
        self._data = self._early = b""
        self.wasted = 0
        """How often something stood where a packet belongs."""
        self._wasted_bytes = 0
        self._socket = self._connected(parts.scheme, parts.hostname or "", parts.port, networks)
        with ExitStack() as undo:
            undo.callback(self.close)
            self._poll = poll()
            self._poll.register(self._socket, POLLIN)
            self.stream = self._described()
            self._channel = self._set_up()
            self._play()
            undo.pop_all()
        self.assembler: Assembler = ASSEMBLERS[self.stream.codec](self.stream)
        """Says what is wanted of the stream."""
        self._keyframe: Unit | None = None
        self._row: list[tuple[bytes, int, int]] = []
        self._row_bytes = 0
        self._rewinds = False
        self._unanswered = 0
        self._keepalive_s = time.monotonic() + self._keepalive_every_s

    def close(self) -> None:
        """Say goodbye and close; waits for nothing."""
        with suppress(OSError, faults.SourceError):
            if self._session:
                self._send("TEARDOWN", self._base)
        with suppress(OSError):
            self._socket.close()

    def units(
        self,
        silence_s: float,
        stopping: Callable[[], bool],
        rest: Callable[[float], object] = time.sleep,
    ) -> Iterator[list[Unit]]:
        """Yield what each burst completes until ``stopping`` says so or the stream ends.

        ``rest`` waits for seconds, or less where it is told to stop. Raises ``SourceError``;
        ``StreamLostError`` after ``silence_s`` without a picture.
        """
        heard_s, begins = time.monotonic(), False
        while not stopping():
            ended = self._burst()
            found = self._parse()
            now_s = time.monotonic()
            if found:
                heard_s = now_s
                yield found
            if ended:
                return
            if now_s - heard_s > silence_s:
                raise faults.StreamLostError(self._shown, f"no picture for {silence_s:g} s")
            if now_s > self._keepalive_s:
                self._keep_alive(now_s)
            begins |= any(unit.is_keyframe for unit in found)
            rest(NAP_S if begins and not self.assembler.in_keyframe else SHORT_NAP_S)

    # ---- before the stream

    def _connected(
        self, scheme: str, host: str, port: int | None, networks: Networks
    ) -> socket.socket:
        target = networks.resolve(host, port or PORTS[scheme], self._shown)
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
                raw = _encrypted(raw, host)
            raw.setblocking(False)
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
        self._session, _, options = answer.header("session").partition(";")
        timeout = re.search(r"timeout=(\d{1,5})", options)
        self._keepalive_every_s = min(KEEPALIVE_S, max(1.0, int(timeout[1]) / 2 if timeout else 30))
        channel = re.search(r"interleaved=(\d{1,3})", answer.header("transport"))
        return int(channel[1]) if channel else 0

    def _play(self) -> None:
        self._ask("PLAY", self._base, {"Range": "npt=0.000-"})
        self._data, self._early = self._early + self._data, b""

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
        if self._session:
            whole["Session"] = self._session
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
        try:
            data = self._socket.recv(CHUNK_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError as error:
            raise self._lost(error) from None
        if not data:
            raise faults.UnreachableError(self._shown, "the camera hangs up")
        self._data += data

    # ---- the stream

    def _burst(self) -> bool:
        """Read all that is there; say whether it was the end."""
        chunks, size, ended = [self._data], 0, False
        while size < LARGEST_READ_BYTES and not ended:
            try:
                data = self._socket.recv(CHUNK_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            except OSError as error:
                raise self._lost(error) from None
            ended = not data
            size += len(data)
            chunks.append(data)
        if size:
            self._data = b"".join(chunks)
        return ended

    def _pending(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def rewind(self) -> list[Unit]:
        """Return the last keyframe and all that came since, and leave nothing out from now on.

        Nothing where there is no keyframe, or too much has come since.
        """
        if self._keyframe is None:
            return []
        self.assembler.go_back(self._keyframe.ticks)
        units, self._rewinds = [self._keyframe], True
        for data, start, stop in self._row:
            self._walk(data, start, stop, units)
        self._rewinds = False
        return units

    @property
    def can_go_back(self) -> bool:
        """Whether ``rewind`` has something to return."""
        return self._keyframe is not None

    def _parse(self) -> list[Unit]:
        """Return the units that what was read completes."""
        units: list[Unit] = []
        data = self._data
        stop, keyframe_stop = self._walk(data, 0, len(data), units)
        self._data = data[stop:]
        if keyframe_stop:
            self._row, self._row_bytes, self._wasted_bytes = [], 0, 0
            whole = (one for one in reversed(units) if one.is_keyframe and one.is_whole)
            self._keyframe = next(whole)
        if self._keyframe is not None and stop > keyframe_stop:
            self._row.append((data, keyframe_stop, stop))
            self._row_bytes += stop - keyframe_stop
            if self._row_bytes > LARGEST_ROW_BYTES:
                self._row, self._row_bytes, self._keyframe = [], 0, None
        return units

    def _walk(self, data: bytes, at: int, end: int, units: list[Unit]) -> tuple[int, int]:
        """Add the units that packets complete; return where the last whole packet ends.

        And where the last whole keyframe ends, or 0.
        """
        take, channel = self.assembler.packet, self._channel
        payload_type = self.stream.payload_type
        keyframe_stop = 0
        while end - at >= 4:
            if data[at] != 0x24:
                after = self._between(data, at)
                if after < 0:
                    break
                at = after
                continue
            which, size = _FRAME.unpack_from(data, at)
            stop = at + 4 + size
            if stop > end:
                break
            if which == channel and size >= 12:
                head = _RTP.unpack_from(data, at + 4)
                if head[0] >> 6 == 2 and head[1] & 0x7F == payload_type:
                    done = take(data, *_payload(data, at + 4, stop), head)
                    for unit in done:
                        units.append(unit)
                        if unit.is_keyframe and unit.is_whole:
                            is_last = unit is done[-1] and self.assembler.is_between
                            keyframe_stop = stop if is_last else at
                elif not 192 <= head[1] < 224:  # RTCP, which says nothing we need
                    self._waste(size)
            at = stop
        return at, keyframe_stop

    def _between(self, data: bytes, at: int) -> int:
        """Read what stands between packets; return where it ends, or -1 while it isn't whole."""
        try:
            said = text.read(data, at)
        except text.NoRtspError:
            found = data.find(b"$" + bytes((self._channel & 0xFF,)), at + 1)
            after = found if found >= 0 else len(data) - 1
            self._waste(after - at)
            return after
        if said is None:
            return -1
        if not self._rewinds:
            self._hear(said)
        return at + said.size

    def _hear(self, said: text.Said) -> None:
        if said.method:
            self._refuse(said)
            self._waste(said.size)
        elif self._unanswered <= 0:
            self._waste(said.size)
        else:
            self._unanswered -= 1
            challenges = said.headers.get("www-authenticate", ())
            if said.status == 401 and self._login is not None and self._login.hear(challenges):
                self._send("OPTIONS", self._base)

    def _refuse(self, said: text.Said) -> None:
        """Answer a camera's own request: we do nothing that cameras ask for."""
        if said.method == "REDIRECT":
            raise faults.RedirectedError(self._shown, "the camera sends elsewhere")
        number = said.number("cseq") or 0
        with suppress(OSError):
            self._socket.send(f"RTSP/1.0 501 Not Implemented\r\nCSeq: {number}\r\n\r\n".encode())

    def _waste(self, size: int) -> None:
        self.wasted += 1
        self._wasted_bytes += size
        if self._wasted_bytes > GARBAGE_BYTES:
            raise faults.CorruptStreamError(self._shown, "what arrives is no stream of pictures")

    def _keep_alive(self, now_s: float) -> None:
        self._keepalive_s = now_s + self._keepalive_every_s
        self._unanswered = 2
        for method in ("OPTIONS", "GET_PARAMETER"):  # each is the only one that some cameras know
            self._send(method, self._base)

    def _lost(self, error: OSError) -> faults.SourceError:
        what = type(error).__name__.removesuffix("Error")
        return faults.StreamLostError(self._shown, f"the stream broke off ({what})")


def _payload(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Return where an RTP packet's payload begins and ends (RFC 3550, 5.1)."""
    flags, at = data[start], start + 12 + 4 * (data[start] & 0x0F)
    if flags & 0x10:  # an extension of the header
        at += 4 + 4 * (data[at + 2] << 8 | data[at + 3]) if at + 4 <= stop else stop
    return at, stop - data[stop - 1] if flags & 0x20 else stop


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
