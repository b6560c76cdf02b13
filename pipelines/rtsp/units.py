"""From RTP packets to access units: one coded picture each (RFC 6184, 7798, 2435, 6416).

What isn't wanted is never copied: at keyframe speed nine of ten packets cost a look at their
header.
"""

from dataclasses import dataclass
from typing import Final

from pipelines.rtsp.description import VideoStream
from pipelines.rtsp.jpeg import JpegError, picture_head

LARGEST_UNIT_BYTES: Final = 8 << 20
"""A keyframe of 8K has two or three million bytes."""

LARGEST_SETS_BYTES: Final = 16384
"""Parameter sets have a hundred."""

PART_BYTES: Final = 64
"""What a part costs besides its bytes, so that a flood of tiny ones has an end."""

_START: Final = b"\0\0\0\1"


@dataclass(slots=True)
class Unit:
    """One coded picture, or what is known of one that wasn't wanted."""

    ticks: int
    """When it is shown, in the stream's clock, counted on where RTP's 32 bits wrap."""
    is_keyframe: bool
    """It can be decoded without another."""
    is_whole: bool
    """None of its packets is missing, as far as their numbers say."""
    data: bytes
    """For the decoder: Annex B; empty where it wasn't wanted."""


class Assembler:
    """Puts one stream's access units together. Packets come in order: it is TCP."""

    def __init__(self, stream: VideoStream) -> None:
        self.keyframes_only = False
        """Leave out what is no part of a keyframe."""
        self.sets = stream.parameter_sets
        """For a keyframe that doesn't bring its own."""
        self._parts: list[bytes] = []
        self._size = 0
        self._key = False
        self._seen = False
        self._damaged = False
        self._stamp = -1
        self._ended = -1
        self._by_stamp = False
        self._ticks = 0
        self._number = -1
        self._source = -1

    def go_back(self, ticks: int) -> None:
        """Stand as after the unit shown at ``ticks``, and want everything."""
        self.keyframes_only = False
        self._stamp = (self._stamp - (self._ticks - ticks)) & 0xFFFFFFFF
        self._ticks, self._number, self._ended = ticks, -1, -1
        self._parts.clear()
        self._size = 0
        self._key = self._seen = self._damaged = False

    @property
    def in_keyframe(self) -> bool:
        """Whether a keyframe has begun to arrive."""
        return self._key

    def packet(
        self, data: bytes, start: int, stop: int, head: tuple[int, int, int, int, int]
    ) -> tuple[Unit, ...]:
        """Take a packet's payload, ``data[start:stop]``; return the units that it completes.

        ``head`` is its RTP header's first twelve bytes: flags, marker and type, number, stamp,
        source.
        """
        _, kind, number, stamp, source = head
        is_lost = self._number not in {number, -1} and source == self._source
        done: tuple[Unit, ...] = ()
        if stamp != self._stamp or source != self._source:
            if self._seen:
                self._damaged |= is_lost  # its end, perhaps
                done = (self._finish(),)
            self._begin(stamp, source)
        elif stamp == self._ended and not self._seen and not self._opens(data, start, stop):
            # A camera that marks every slice: its pictures end where the next begins.
            self._by_stamp = self._damaged = True
        if is_lost and (self._seen or not self._opens(data, start, stop)):
            self._damaged = True
        self._number = (number + 1) & 0xFFFF
        self._seen = True
        if start < stop:
            self._take(data, start, stop)
        if kind & 0x80 and not self._by_stamp:
            self._ended = stamp
            done += (self._finish(),)
        return done

    @property
    def is_between(self) -> bool:
        """Whether the last packet ended a picture."""
        return not self._seen

    def _begin(self, stamp: int, source: int) -> None:
        if source != self._source:  # the camera began anew
            self._source, self._number, self._stamp = source, -1, stamp
        ahead = (stamp - self._stamp) & 0xFFFFFFFF
        self._ticks += ahead - (1 << 32) if ahead >> 31 else ahead
        self._stamp = stamp

    def _finish(self) -> Unit:
        data = b"".join(self._parts)
        if self._key and data:
            data = self._complete(data)
        unit = Unit(self._ticks, self._key, not self._damaged, data)
        self._parts.clear()
        self._size = 0
        self._key = self._seen = self._damaged = False
        return unit

    def _keep(self, *parts: bytes) -> None:
        self._size += sum(map(len, parts)) + PART_BYTES * len(parts)
        if self._size > LARGEST_UNIT_BYTES:
            self._damaged = True
            self._parts.clear()
        else:
            self._parts += parts

    def _complete(self, data: bytes) -> bytes:
        """Return a keyframe with what the decoder needs before it."""
        return data

    def _take(self, data: bytes, start: int, stop: int) -> None:
        raise NotImplementedError

    def _opens(self, data: bytes, start: int, stop: int) -> bool:
        return start < stop and self._is_first(data, start, stop)

    def _is_first(self, data: bytes, start: int, stop: int) -> bool:
        """Say whether a picture begins with this packet, whatever was lost before it."""
        raise NotImplementedError


class _NalUnits(Assembler):
    """What H.264 and H.265 have in common: units behind start codes, sent whole or in parts."""

    def __init__(self, stream: VideoStream) -> None:
        super().__init__(stream)
        self._own_sets: list[bytes] = []

    def _nal(self, unit: bytes) -> None:
        """Take a whole unit."""
        if not unit:
            self._damaged = True
            return
        kind = self._kind(unit[0])
        if self._is_set(kind):
            self._own_sets.append(unit)
            if sum(map(len, self._own_sets)) > LARGEST_SETS_BYTES:
                self._own_sets.clear()
                self._damaged = True
        elif self._wants(kind, unit):
            self._keep(_START, unit)

    def _wants(self, kind: int, unit: bytes) -> bool:
        """Note what a unit says of its picture; say whether it is wanted."""
        self._key |= self._begins_keyframe(kind, unit)
        return self._key or not self.keyframes_only

    def _complete(self, data: bytes) -> bytes:
        if self._own_sets:
            self.sets = b"".join(_START + one for one in self._own_sets)
            self._own_sets = []
        return self.sets + data

    def _kind(self, first: int) -> int:
        raise NotImplementedError

    def _is_set(self, kind: int) -> bool:
        raise NotImplementedError

    def _begins_keyframe(self, kind: int, unit: bytes) -> bool:
        raise NotImplementedError

    def _aggregate(self, data: bytes, at: int, stop: int, between: int) -> None:
        """Take the units of one packet, each behind its length, with bytes ``between`` them."""
        while at + 2 <= stop:
            size = data[at] << 8 | data[at + 1]
            at += 2
            if at + size > stop:
                self._damaged = True
                return
            self._nal(data[at : at + size])
            at += size + between


class H264(_NalUnits):
    """RFC 6184, packetisation modes 0 and 1."""

    def _kind(self, first: int) -> int:
        return first & 0x1F

    def _is_set(self, kind: int) -> bool:
        return kind in {7, 8}

    def _is_first(self, data: bytes, start: int, stop: int) -> bool:
        kind, at = data[start] & 0x1F, start + 1
        if kind == 28 and stop - start > 2:
            if not data[start + 1] & 0x80:
                return False
            kind, at = data[start + 1] & 0x1F, start + 2
        # Of slices, that of the first macroblock: its number is 0, which is coded as one set bit.
        return kind > 5 or (at < stop and data[at] >= 0x80)

    def _begins_keyframe(self, kind: int, unit: bytes) -> bool:
        # An IDR picture, or a recovery point at once: cameras without IDR pictures send those.
        return kind == 5 or (kind == 6 and len(unit) > 3 and unit[1] == 6 and unit[3] >= 0x80)

    def _take(self, data: bytes, start: int, stop: int) -> None:
        kind = data[start] & 0x1F
        if kind == 28:  # a part of a unit
            if stop - start < 2:
                self._damaged = True
                return
            inner = data[start + 1]
            kind = inner & 0x1F
            if kind == 5:
                self._key = True
            elif self.keyframes_only and not self._key and kind < 5:
                return
            if inner & 0x80:
                first = bytes(((data[start] & 0xE0) | kind,))
                self._keep(_START, first, data[start + 2 : stop])
            else:
                self._keep(data[start + 2 : stop])
        elif kind == 24:
            self._aggregate(data, start + 1, stop, 0)
        elif 0 < kind < 24:
            if kind < 5 and self.keyframes_only and not self._key:
                return
            self._nal(data[start:stop])
        else:
            self._damaged = True


class H265(_NalUnits):
    """RFC 7798, over one transport."""

    def __init__(self, stream: VideoStream) -> None:
        super().__init__(stream)
        self._skip = 2 if stream.has_order_numbers else 0

    def _kind(self, first: int) -> int:
        return (first >> 1) & 0x3F

    def _is_set(self, kind: int) -> bool:
        return 32 <= kind <= 34

    def _is_first(self, data: bytes, start: int, stop: int) -> bool:
        kind, at = (data[start] >> 1) & 0x3F, start + 2 + self._skip
        if kind == 49 and stop - start > 3:
            if not data[start + 2] & 0x80:
                return False
            kind, at = data[start + 2] & 0x3F, start + 3 + self._skip
        return kind > 31 or (at < stop and data[at] >= 0x80)

    def _begins_keyframe(self, kind: int, unit: bytes) -> bool:  # noqa: ARG002
        return 16 <= kind <= 21

    def _take(self, data: bytes, start: int, stop: int) -> None:
        kind = (data[start] >> 1) & 0x3F
        if stop - start < (3 if kind in {48, 49} else 2):
            self._damaged = True
        elif kind == 49:
            inner = data[start + 2]
            kind = inner & 0x3F
            if 16 <= kind <= 21:
                self._key = True
            elif self.keyframes_only and not self._key and kind < 16:
                return
            at = start + 3
            if inner & 0x80:
                at += self._skip  # only where a unit begins (RFC 7798, 4.4.3)
                first = bytes(((data[start] & 0x81) | kind << 1, data[start + 1]))
                self._keep(_START, first, data[at:stop])
            else:
                self._keep(data[at:stop])
        elif kind == 48:
            self._aggregate(data, start + 2 + self._skip, stop, self._skip and 1)
        elif kind < 48:
            if kind < 16 and self.keyframes_only and not self._key:
                return
            self._nal(data[start : start + 2] + data[start + 2 + self._skip : stop])
        else:
            self._damaged = True


class Mpeg4(Assembler):
    """MPEG-4 part 2 (RFC 6416): a picture's bytes, cut anywhere."""

    def _take(self, data: bytes, start: int, stop: int) -> None:
        if not self._parts and not self._key:
            at = data.find(b"\0\0\1\xb6", start, stop - 1)
            self._key = at >= 0 and data[at + 4] >> 6 == 0
        if self._key or not self.keyframes_only:
            self._keep(data[start:stop])

    def _is_first(self, data: bytes, start: int, stop: int) -> bool:
        return data.startswith(b"\0\0\1", start, stop)

    def _complete(self, data: bytes) -> bytes:
        return data if data.startswith(b"\0\0\1\xb0") else self.sets + data


class Jpeg(Assembler):
    """Motion JPEG (RFC 2435): every picture is a keyframe."""

    def _take(self, data: bytes, start: int, stop: int) -> None:
        self._key = True
        try:
            head, at, offset = picture_head(data, start, stop)
        except JpegError:
            self._damaged = True
            return
        if offset == 0 and self._parts:
            self._parts.clear()
            self._size = 0
        if head:
            self._keep(head)
        elif not self._parts:
            self._damaged = True
        self._keep(data[at:stop])

    def _is_first(self, data: bytes, start: int, stop: int) -> bool:
        return not any(data[start + 1 : min(start + 4, stop)])

    def _complete(self, data: bytes) -> bytes:
        return data if data.endswith(b"\xff\xd9") else data + b"\xff\xd9"


ASSEMBLERS: Final[dict[str, type[Assembler]]] = {
    "h264": H264,
    "hevc": H265,
    "mpeg4": Mpeg4,
    "mjpeg": Jpeg,
}
"""By FFmpeg's name of the codec."""
