"""Frames as ready bytes: RTP (RFC 6184, RFC 7798) embedded in RTSP's own connection (RFC 2326).

Each frame is cut into packets once. What differs from one turn of the loop to the next, sequence
numbers and the timestamp, is written into the ready bytes before they are sent.
"""

import base64
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipelines.bench.clips import Loop
from pipelines.bench.kinds import FPS, Codec
from pipelines.drills.clip import TICKS_PER_S, nal_units
from pipelines.drills.rtp import LARGEST_PAYLOAD_BYTES, PAYLOAD_TYPE, payloads

CHANNEL: Final = 0
"""The interleaved channel that every client asks for."""

SSRC: Final = 0x0BE7C4
"""One for all: no two streams share a connection."""

TICKS_A_FRAME: Final = TICKS_PER_S // FPS

FU: Final = 49
"""Fragmentation unit (RFC 7798, 4.4.3)."""

VPS, SPS, PPS, DELIMITER = 32, 33, 34, 35
"""NAL unit types of H.265 (ITU-T H.265, table 7-1)."""

_HEAD: Final = struct.Struct("!cBHBBHII")
_CHANGING: Final = struct.Struct("!HI")
_CHANGING_AT: Final = 6
"""Sequence number and timestamp follow four bytes of RTSP's framing and two of RTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """One frame, ready but for its numbers."""

    data: bytearray
    """Packets, each with its framing."""
    starts: tuple[int, ...]
    """Where in ``data`` each packet's sequence number and timestamp stand."""

    def number(self, first: int, ticks: int) -> None:
        """Write the sequence number of the first packet and up, and the timestamp, modulo."""
        ticks &= 0xFFFFFFFF
        for index, start in enumerate(self.starts):
            _CHANGING.pack_into(self.data, start, (first + index) & 0xFFFF, ticks)


def ready(loop: Loop) -> tuple[Ready, ...]:
    """Return a loop's frames, cut into packets."""
    return tuple(_ready(frame, loop.kind.codec) for frame in loop.frames)


def _ready(annex_b: bytes, codec: Codec) -> Ready:
    parts = payloads(annex_b) if codec == "h264" else tuple(_hevc_payloads(annex_b))
    data, starts = bytearray(), []
    for part in parts:
        marker = 0x80 if part is parts[-1] else 0
        starts.append(len(data) + _CHANGING_AT)
        length = len(part) + 12
        data += _HEAD.pack(b"$", CHANNEL, length, 0x80, marker | PAYLOAD_TYPE, 0, 0, SSRC)
        data += part
    return Ready(data=data, starts=tuple(starts))


def _hevc_payloads(annex_b: bytes, largest: int = LARGEST_PAYLOAD_BYTES) -> Iterator[bytes]:
    """Yield single NAL units, or fragments where they are too large."""
    for unit in nal_units(annex_b):
        kind = _hevc_type(unit)
        if kind == DELIMITER:
            continue
        if len(unit) <= largest:
            yield unit
            continue
        head = bytes(((unit[0] & 0x81) | FU << 1, unit[1]))
        size = largest - 3
        for start in range(2, len(unit), size):
            begins = 0x80 if start == 2 else 0
            ends = 0x40 if start + size >= len(unit) else 0
            yield head + bytes((begins | ends | kind,)) + unit[start : start + size]


def _hevc_type(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def describe(loop: Loop) -> bytes:
    """Return the SDP of a loop (RFC 4566) with its parameter sets."""
    units = tuple(nal_units(loop.frames[0]))
    if loop.kind.codec == "h264":
        found = {unit[0] & 0x1F: unit for unit in reversed(units)}
        sets = f"{_base64(found[7])},{_base64(found[8])}"
        profile = found[7][1:4].hex().upper()
        name = "H264"
        wanted = f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sets}"
    else:
        found = {_hevc_type(unit): unit for unit in reversed(units)}
        named = (("vps", VPS), ("sps", SPS), ("pps", PPS))
        name = "H265"
        wanted = ";".join(f"sprop-{short}={_base64(found[kind])}" for short, kind in named)
    lines = (
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        f"s={loop.kind.name}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {name}/{TICKS_PER_S}",
        f"a=fmtp:{PAYLOAD_TYPE} {wanted}",
        f"a=framerate:{FPS}",
        "a=control:trackID=0",
    )
    return "\r\n".join(lines).encode() + b"\r\n"


def _base64(unit: bytes) -> str:
    return base64.b64encode(unit).decode()
