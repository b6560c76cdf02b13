"""One RTSP connection: coded pictures in bursts (RFC 2326, 10.12: interleaved over TCP)."""

import struct
import time
from collections.abc import Callable, Iterator
from typing import Final

from pipelines import faults
from pipelines.address import Address
from pipelines.rtsp import text
from pipelines.rtsp.networks import Networks
from pipelines.rtsp.session import Session
from pipelines.rtsp.units import ASSEMBLERS, Assembler, Unit

NAP_S: Final = 0.3
"""How long a reader sleeps once it has read all there is. Woken for every packet it would spend
most of its time waking; a nap adds at most its length to a look's age."""

SHORT_NAP_S: Final = 0.05
"""The nap before the first keyframe, and where one has begun to arrive."""

LARGEST_READ_BYTES: Final = 4 << 20
"""What is read between two naps: 100 Mb/s. A camera that sends more waits."""

GARBAGE_BYTES: Final = 1 << 16
"""What may stand between packets before a stream is given up."""

LARGEST_ROW_BYTES: Final = 8 << 20
"""What is kept of a stream since its last keyframe: 4 Mb/s for 16 s."""

_SENDER_REPORT: Final = 200
"""RFC 3550, 12.1."""

_FRAME: Final = struct.Struct("!xBH")
_RTP: Final = struct.Struct("!BBHII")


class Connection:
    """A camera's stream from the address that was checked, and from no other."""

    def __init__(
        self,
        address: Address,
        networks: Networks,
        timeout_s: float,
        may_keep: Callable[[int], bool] = lambda _size: True,
    ) -> None:
        """Connect and start the stream, all of it within ``timeout_s``.

        ``may_keep`` says whether so many bytes may be kept to go back to. Raises ``SourceError``.
        """
        self._may_keep = may_keep
        self._shown = address.shown
        self._session = Session(address, networks, timeout_s)
        self._session.play()
        self.stream = self._session.stream
        """What is read."""
        self.assembler: Assembler = ASSEMBLERS[self.stream.codec](self.stream)
        """Says what is wanted of the stream."""
        self.clock: tuple[int, float] | None = None
        """NTP's time in the camera's last report, and when that came: Unix time (RFC 3550, 6.4)."""
        self.received_bytes = 0
        """Of the stream, so far."""
        self.wasted = 0
        """How often something stood where a packet belongs."""
        self._wasted_bytes = 0
        self._data = b""
        self._keyframe: Unit | None = None
        self._row: list[tuple[bytes, int, int]] = []
        self._row_bytes = 0
        self._rewinds = False

    @property
    def session(self) -> Session:
        """What it comes from."""
        return self._session

    def close(self) -> None:
        """Say goodbye and close; waits for nothing."""
        self._session.close()

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
            self._session.keep_alive(now_s)
            begins |= any(unit.is_keyframe for unit in found)
            rest(NAP_S if begins and not self.assembler.in_keyframe else SHORT_NAP_S)

    def _burst(self) -> bool:
        """Read all that is there; say whether it was the end."""
        chunks, size, ended = [self._data], 0, False
        while size < LARGEST_READ_BYTES and not ended:
            data = self._session.receive()
            if data is None:
                break
            ended = not data
            size += len(data)
            chunks.append(data)
        if size:
            self._data = b"".join(chunks)
            self.received_bytes += size
        return ended

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
            data, stop = data[keyframe_stop:stop], stop - keyframe_stop
        elif not self.assembler.keyframes_only:
            self._forget()  # all is decoded: there is nothing to go back for
        if self._keyframe is not None and stop:
            self._row.append((data, 0, stop))
            self._row_bytes += len(data)
            size = self._row_bytes + len(self._keyframe.data)
            if self._row_bytes > LARGEST_ROW_BYTES or not self._may_keep(size):
                self._forget()
        return units

    def _forget(self) -> None:
        if self._keyframe is not None:
            self._row, self._row_bytes, self._keyframe = [], 0, None
            self._may_keep(0)

    def _walk(self, data: bytes, at: int, end: int, units: list[Unit]) -> tuple[int, int]:
        """Add the units that packets complete; return where the last whole packet ends.

        And where the last whole keyframe ends, or 0.
        """
        take, channel = self.assembler.packet, self._session.channel
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
                elif not 192 <= head[1] < 224:  # RTCP, of which a report alone says what we need
                    self._waste(size)
            else:
                self._overhear(which, data, at + 4, size)
            at = stop
        return at, keyframe_stop

    def _overhear(self, which: int, data: bytes, start: int, size: int) -> None:
        """Note what time it is at the camera, if a packet that is no picture's says so."""
        is_report = which == self._session.channel + 1 and size >= 28
        if is_report and data[start + 1] == _SENDER_REPORT and not self._rewinds:
            self.clock = int.from_bytes(data[start + 8 : start + 16]), time.time()

    def _between(self, data: bytes, at: int) -> int:
        """Read what stands between packets; return where it ends, or -1 while it isn't whole."""
        try:
            said = text.read(data, at)
        except text.NoRtspError:
            found = data.find(b"$" + bytes((self._session.channel & 0xFF,)), at + 1)
            after = found if found >= 0 else len(data) - 1
            self._waste(after - at)
            return after
        if said is None:
            return -1
        if not self._rewinds and not self._session.hear(said):
            self._waste(said.size)
        return at + said.size

    def _waste(self, size: int) -> None:
        if self._rewinds:  # counted when it came
            return
        self.wasted += 1
        self._wasted_bytes += size
        if self._wasted_bytes > GARBAGE_BYTES:
            raise faults.CorruptStreamError(self._shown, "what arrives is no stream of pictures")


def _payload(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Return where an RTP packet's payload begins and ends (RFC 3550, 5.1)."""
    flags, at = data[start], start + 12 + 4 * (data[start] & 0x0F)
    if flags & 0x10:  # an extension of the header
        at += 4 + 4 * (data[at + 2] << 8 | data[at + 3]) if at + 4 <= stop else stop
    return at, stop - data[stop - 1] if flags & 0x20 else stop
