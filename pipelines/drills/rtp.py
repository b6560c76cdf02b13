"""H.264 over RTP (RFC 6184), framed for RTSP's own TCP connection (RFC 2326, 10.12)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.drills.clip import nal_units

PAYLOAD_TYPE = 96
"""First dynamic payload type (RFC 3551, 6)."""

LARGEST_PAYLOAD_BYTES = 1400
"""A packet with its headers then fits an Ethernet frame of 1500 bytes, as cameras keep it."""

_VERSION = 0x80
"""RTP version 2, no padding, no extension, no sources (RFC 3550, 5.1)."""

_MARKER = 0x80
"""Set on the last packet of an access unit (RFC 6184, 5.1)."""

_FU_A = 28
"""Fragmentation unit without decoding order number (RFC 6184, 5.8)."""

_ACCESS_UNIT_DELIMITER = 9
"""Not needed over RTP, where timestamp and marker say where a frame ends."""


def payloads(annex_b: bytes, largest: int = LARGEST_PAYLOAD_BYTES) -> tuple[bytes, ...]:
    """Return the RTP payloads of an access unit: single NAL units, or FU-A where too large."""
    found: list[bytes] = []
    for unit in nal_units(annex_b):
        if unit[0] & 0x1F == _ACCESS_UNIT_DELIMITER:
            continue
        if len(unit) <= largest:
            found.append(unit)
        else:
            found.extend(_fragments(unit, largest))
    return tuple(found)


def _fragments(unit: bytes, largest: int) -> Iterator[bytes]:
    """Yield FU-A fragments: indicator, header with start and end bit, then a part of the unit."""
    indicator = (unit[0] & 0xE0) | _FU_A
    kind = unit[0] & 0x1F
    size = largest - 2
    for start in range(1, len(unit), size):
        begins = 0x80 if start == 1 else 0
        ends = 0x40 if start + size >= len(unit) else 0
        yield bytes((indicator, begins | ends | kind)) + unit[start : start + size]


def interleaved(channel: int, packet: bytes) -> bytes:
    """Return a packet as RTSP embeds it: a dollar sign, the channel, the length."""
    return struct.pack("!cBH", b"$", channel, len(packet)) + packet


@dataclass(slots=True, kw_only=True)
class RtpStream:
    """Numbers the packets of one stream; sequence numbers and timestamps wrap (RFC 3550, 5.1)."""

    source_id: int
    """SSRC: names the stream."""
    base_ticks: int
    """Timestamp of the loop's first frame in its first turn."""
    next_number: int
    """Sequence number of the next packet."""

    def stamp(self, ticks: int) -> int:
        """Return the RTP timestamp of a time since the start."""
        return (self.base_ticks + ticks) & 0xFFFFFFFF

    def packets(self, parts: tuple[bytes, ...], ticks: int) -> tuple[bytes, ...]:
        """Return the packets of one access unit."""
        stamp = self.stamp(ticks)
        out = []
        for index, part in enumerate(parts):
            marker = _MARKER if index == len(parts) - 1 else 0
            head = struct.pack(
                "!BBHII", _VERSION, marker | PAYLOAD_TYPE, self.next_number, stamp, self.source_id
            )
            out.append(head + part)
            self.next_number = (self.next_number + 1) & 0xFFFF
        return tuple(out)
