"""Reading one picture file that may be anything: its size is known before it is decoded."""

import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from pipelines.evaluate.faults import LeftOutError
from vision.arrays import Pixels

MAX_PIXELS: Final = 8192 * 4608
"""As of a camera: 8K with a little to spare. Checked in the header: 16000x8000 takes 366 MiB."""

MAX_BYTES: Final = 128 * 1024 * 1024
"""Such a picture uncompressed, and a little."""

_DAMAGE: Final = re.compile(
    r"Premature end of JPEG|libpng error|"
    r"Corrupt JPEG data: (?!\d\d? extraneous bytes before marker 0xd9)"
)
"""A few bytes too many before the end harm nothing: some cameras pad; more were a picture once."""

_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's start-of-frame markers; the three others are tables."""


def read_picture(path: Path) -> Pixels:
    """Return a picture, BGR, turned as its EXIF says. Raises ``LeftOutError``."""
    content = _read(path)
    size_px = picture_size(content)
    if size_px is None:
        raise LeftOutError(path, "not_a_picture", "no JPEG, PNG, BMP or WebP: convert or remove it")
    width_px, height_px = size_px
    if width_px * height_px > MAX_PIXELS:
        what = f"{width_px}x{height_px} px is more than 8K: scale it down"
        raise LeftOutError(path, "too_large", what)
    if min(size_px) < 2:
        what = f"{width_px}x{height_px} px: a picture has at least 2 px a side"
        raise LeftOutError(path, "not_a_picture", what)
    if not _has_an_end(content):
        raise LeftOutError(path, "truncated", "it has no end: it was cut off, copy it again")
    pixels, said = _decoded(content)
    # Another size than the header's (turned or not) would mean that the wrong header was read.
    if pixels is None or sorted(pixels.shape[:2]) != sorted(size_px) or _DAMAGE.search(said):
        raise LeftOutError(path, "undecodable", "it can't be decoded: it is damaged, copy it again")
    return pixels


def _decoded(content: bytes) -> tuple[Pixels | None, str]:
    """Decode a picture; returns what libjpeg and libpng said of it, besides.

    They write to the process's stderr and fill in grey for what is missing, so that is where
    damage shows. Whatever another thread wrote there meanwhile would be lost: `eval` has one.
    """
    with tempfile.TemporaryFile() as said:  # a pipe could fill up
        stderr = os.dup(2)
        try:
            os.dup2(said.fileno(), 2)
            try:
                pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
            except cv2.error:
                pixels = None
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        said.seek(0)
        return pixels, said.read().decode("utf-8", "replace")


def _read(path: Path) -> bytes:
    try:
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            raise LeftOutError(path, "directory", "a directory with a picture's name: rename it")
        if not stat.S_ISREG(kind.st_mode):
            raise LeftOutError(path, "unreadable", "no plain file: remove it")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        what = f"it can't be read ({error.strerror}): check the file and who may read it"
        raise LeftOutError(path, "unreadable", what) from error
    if not content:
        raise LeftOutError(path, "empty_file", "the file is empty: copy it again")
    if len(content) > MAX_BYTES:
        what = f"more than {MAX_BYTES >> 20} MiB: scale it down"
        raise LeftOutError(path, "too_large", what)
    return content


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Return (width, height) as the file's header says; None if it is no picture we read."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return _number(content, 16, 4, "big"), _number(content, 20, 4, "big")
    if content.startswith(b"\xff\xd8"):
        return _jpeg_size(content)
    if content.startswith(b"BM") and len(content) > 26:
        return _bmp_size(content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _webp_size(content)
    return None


def _number(content: bytes, at: int, length: int, order: str) -> int:
    return int.from_bytes(content[at : at + length], "big" if order == "big" else "little")


def _bmp_size(content: bytes) -> tuple[int, int]:
    if _number(content, 14, 4, "little") == 12:  # OS/2's header
        return _number(content, 18, 2, "little"), _number(content, 20, 2, "little")
    height = int.from_bytes(content[22:26], "little", signed=True)  # negative: top row first
    return abs(int.from_bytes(content[18:22], "little", signed=True)), abs(height)


def _webp_size(content: bytes) -> tuple[int, int] | None:
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + _number(content, 24, 3, "little"), 1 + _number(content, 27, 3, "little")
    if kind == b"VP8L":
        bits = _number(content, 21, 4, "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return _number(content, 26, 2, "little") & 0x3FFF, _number(
            content, 28, 2, "little"
        ) & 0x3FFF
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _FRAME_HEADERS:
            return _number(content, at + 7, 2, "big"), _number(content, at + 5, 2, "big")
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # these have no length
            at += 2
        else:
            at += 2 + _number(content, at + 2, 2, "big")
    return None


def _has_an_end(content: bytes) -> bool:
    """Say whether a JPEG's or PNG's end is there: decoders fill in grey for what is missing.

    A JPEG's end marker counts after the picture's data begins; a preview's comes before.
    """
    if not content.startswith(b"\xff\xd8"):
        return not content.startswith(b"\x89PNG") or b"IEND" in content
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xDA:  # the data begins; a marker's bytes can't occur in it
            return content.find(b"\xff\xd9", at) >= 0
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + _number(content, at + 2, 2, "big")
    return False
