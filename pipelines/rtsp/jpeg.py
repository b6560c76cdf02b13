"""Motion JPEG over RTP leaves a picture's head out (RFC 2435); this makes it anew.

Huffman tables stay out: FFmpeg's decoder takes the usual ones where a picture brings none.
"""

import struct
from functools import lru_cache
from typing import Final

_LUMA: Final = (
    *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
    *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
    *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
    *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
)
_CHROMA: Final = (*(17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66), *[99] * 50)
"""Tables K.1 and K.2 of ITU-T T.81, in zigzag order."""

_HEAD: Final = struct.Struct("!IBBBB")
_SAMPLINGS: Final = {0: 0x21, 1: 0x22}
"""Of luma, by the packet's type."""


class JpegError(Exception):
    """A packet that is no part of a JPEG picture that we read."""


def picture_head(data: bytes, start: int, stop: int) -> tuple[bytes, int, int]:
    """Return a packet's picture head (a picture's first packet only), where its data begin,
    and where in the picture they belong.

    Raises ``JpegError``.
    """  # noqa: D205
    if stop - start < _HEAD.size:
        raise JpegError
    word, kind, quality, width_8, height_8 = _HEAD.unpack_from(data, start)
    offset, at, interval = word & 0xFFFFFF, start + _HEAD.size, 0
    if kind & 0x40 and stop - at >= 4:
        interval = data[at] << 8 | data[at + 1]
        at += 4
    if offset:
        return b"", at, offset
    tables = b""
    if quality >= 128:
        if stop - at < 4:
            raise JpegError
        size = data[at + 2] << 8 | data[at + 3]
        tables = data[at + 4 : at + 4 + size]
        at += 4 + size
        if size not in {64, 128} or at > stop:
            raise JpegError
    elif 1 <= quality <= 99:
        tables = _scaled(quality)
    if not tables or kind & 0x3F not in _SAMPLINGS or not width_8 or not height_8:
        raise JpegError
    return _head(_SAMPLINGS[kind & 0x3F], width_8 * 8, height_8 * 8, interval, tables), at, 0


@lru_cache(maxsize=99)
def _scaled(quality: int) -> bytes:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return bytes(min(255, max(1, (one * scale + 50) // 100)) for one in (*_LUMA, *_CHROMA))


def _head(sampling: int, width_px: int, height_px: int, interval: int, tables: bytes) -> bytes:
    parts = [b"\xff\xd8"]
    for index in range(len(tables) // 64):
        table = tables[64 * index : 64 * index + 64]
        parts.append(_segment(0xDB, bytes((index,)) + table))
    if interval:
        parts.append(_segment(0xDD, struct.pack("!H", interval)))
    chroma = min(1, len(tables) // 64 - 1)
    components = ((1, sampling, 0), (2, 0x11, chroma), (3, 0x11, chroma))
    frame = struct.pack("!BHHB", 8, height_px, width_px, 3)
    parts.append(_segment(0xC0, frame + b"".join(map(bytes, components))))
    parts.append(_segment(0xDA, bytes((3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0))))
    return b"".join(parts)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0xFF, marker, len(body) + 2) + body
