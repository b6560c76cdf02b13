"""Coded pictures as RTP payloads: H.264 (RFC 6184), H.265 (RFC 7798), JPEG (RFC 2435), MPEG-4."""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from pipelines.drills.clip import nal_units
from pipelines.drills.rtp import LARGEST_PAYLOAD_BYTES, payloads
from tests.support.zoo.films import Film

SOURCE_ID: Final = 0x5EED5EED
"""SSRC: names the stream."""

PAYLOAD_TYPES: Final = {"libx264": 96, "libx265": 96, "mpeg4": 96, "mjpeg": 26}
"""JPEG has had a number of its own since RFC 3551."""

_STAP_A, _AP, _FU = 24, 48, 49


def rtp_packet(
    payload: bytes, *, number: int, stamp: int, marker: bool, payload_type: int = 96
) -> bytes:
    """Return a packet with the plainest header there is (RFC 3550, 5.1)."""
    second = (0x80 if marker else 0) | payload_type
    head = (0x80, second, number & 0xFFFF, stamp & 0xFFFFFFFF, SOURCE_ID)
    return struct.pack("!BBHII", *head) + payload


def annex_b_to_rtp(
    annex_b: bytes,
    codec: str = "libx264",
    *,
    largest: int = LARGEST_PAYLOAD_BYTES,
    aggregate: bool = False,
) -> tuple[bytes, ...]:
    """Return the payloads of an access unit of H.264 or H.265.

    Single NAL units, fragments where they are too large (FU-A; FU), and with ``aggregate`` the
    parameter sets together in one packet (STAP-A: RFC 6184, 5.7.1; AP: RFC 7798, 4.4.2).
    """
    hevc = codec == "libx265"
    if not hevc and not aggregate:
        return payloads(annex_b, largest)
    parts: list[bytes] = []
    sets: list[bytes] = []
    for unit in nal_units(annex_b):
        if aggregate and _is_set(unit, hevc=hevc):
            sets.append(unit)
            continue
        if sets:
            parts.append(_aggregated(sets, hevc=hevc))
            sets = []
        if hevc:
            parts += [unit] if len(unit) <= largest else _h265_fragments(unit, largest)
        else:
            parts += payloads(b"\0\0\1" + unit, largest)
    return (*parts, _aggregated(sets, hevc=hevc)) if sets else tuple(parts)


def _is_set(unit: bytes, *, hevc: bool) -> bool:
    """Return whether a NAL unit is a VPS, SPS or PPS."""
    return unit[0] >> 1 & 0x3F in {32, 33, 34} if hevc else unit[0] & 0x1F in {7, 8}


def _aggregated(units: Sequence[bytes], *, hevc: bool) -> bytes:
    # H.264: the highest of the units' importances; H.265: the lowest layer, the lowest temporal id.
    importance = max(unit[0] & 0x60 for unit in units)
    head = bytes((_AP << 1, 1)) if hevc else bytes((importance | _STAP_A,))
    return head + b"".join(struct.pack("!H", len(unit)) + unit for unit in units)


def _h265_fragments(unit: bytes, largest: int) -> Iterator[bytes]:
    """Yield fragments: the unit's header with type 49, then start, end, type (RFC 7798, 4.4.3)."""
    kind = unit[0] >> 1 & 0x3F
    head = bytes(((unit[0] & 0x81) | _FU << 1, unit[1]))
    size = largest - 3
    for start in range(2, len(unit), size):
        begins = 0x80 if start == 2 else 0
        ends = 0x40 if start + size >= len(unit) else 0
        yield head + bytes((begins | ends | kind,)) + unit[start : start + size]


def jpeg_to_rtp(jpeg: bytes, largest: int = LARGEST_PAYLOAD_BYTES) -> tuple[bytes, ...]:
    """Return the payloads of a baseline 4:2:0 JPEG with the usual Huffman tables.

    Type 1 and Q 255: the quantisation tables travel with the first fragment (RFC 2435, 3.1).
    """
    tables: dict[int, bytes] = {}
    size, scan = b"", b""
    at = 2
    while not scan:
        mark, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4])
        body = jpeg[at + 4 : at + 2 + length]
        if mark == 0xDB:
            for start in range(0, len(body), 65):
                tables[body[start] & 0x0F] = body[start + 1 : start + 65]
        elif mark == 0xC0:
            height, width = struct.unpack("!HH", body[1:5])
            size = bytes((width // 8, height // 8))
        elif mark == 0xDA:
            scan = jpeg[at + 2 + length :].removesuffix(b"\xff\xd9")
        at += 2 + length
    both = tables[0] + tables.get(1, tables[0])
    quantisation = struct.pack("!BBH", 0, 0, len(both)) + both
    parts, offset = [], 0
    while offset < len(scan):
        head = bytes((0,)) + offset.to_bytes(3) + bytes((1, 255)) + size
        extra = b"" if offset else quantisation
        room = largest - len(head) - len(extra)
        parts.append(head + extra + scan[offset : offset + room])
        offset += room
    return tuple(parts)


def film_payloads(film: Film, data: bytes) -> tuple[bytes, ...]:
    """Return the payloads of one unit of a film as most cameras would send them."""
    if film.codec == "mjpeg":
        return jpeg_to_rtp(data)
    if film.codec == "mpeg4":  # RFC 6416, 5.2: the VOP cut anywhere
        size = LARGEST_PAYLOAD_BYTES
        return tuple(data[start : start + size] for start in range(0, len(data), size))
    return annex_b_to_rtp(data, film.codec)
