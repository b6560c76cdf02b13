"""Pictures that a new pack is tried on: JPEG and PNG, their size known before they are decoded."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from models.files import FileError, read_file
from models.packs import PackMissingError
from vision.arrays import Pixels

MOST_PICTURES: Final = 200
"""Given pictures that are tried: faults show early."""

MAX_PIXELS: Final = 8192 * 4608
"""As of a camera: 8K with a little to spare. 16000x8000 takes 366 MiB."""

MAX_BYTES: Final = 128 * 1024 * 1024
"""Such a picture uncompressed, and a little."""

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})

_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's start-of-frame markers; the three others are tables."""

PNG: Final = b"\x89PNG\r\n\x1a\n"


def pictures(given: Sequence[Path]) -> Iterator[Pixels]:
    """Yield the pictures of files and directories. Raises ``PackMissingError``."""
    files = [
        file for path in given for file in (sorted(_inside(path)) if path.is_dir() else [path])
    ]
    for file in files[:MOST_PICTURES]:
        yield _read(file)


def _inside(directory: Path) -> Iterator[Path]:
    return (
        file
        for file in directory.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.is_dir()
    )


def _read(path: Path) -> Pixels:
    try:
        content = read_file(path, MAX_BYTES)
    except FileError as error:
        raise PackMissingError(f"{path}: {error}: give JPEG or PNG files") from error
    size_px = _size_px(content)
    if size_px is not None and size_px[0] * size_px[1] > MAX_PIXELS:
        raise PackMissingError(
            f"{path}: {size_px[0]}x{size_px[1]} px is more than 8K: scale it down"
        )
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if size_px is None or picture is None:
        raise PackMissingError(f"{path}: this can't be read as a picture: give JPEG or PNG files")
    pixels: Pixels = np.asarray(picture, np.uint8)
    return pixels


def _size_px(content: bytes) -> tuple[int, int] | None:
    """Return width and height as the header says; ``None`` for what is neither JPEG nor PNG."""
    if content.startswith(PNG) and content[12:16] == b"IHDR":
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if not content.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _FRAME_HEADERS:
            height_px, width_px = content[at + 5 : at + 7], content[at + 7 : at + 9]
            return int.from_bytes(width_px, "big"), int.from_bytes(height_px, "big")
        has_length = marker not in {0x01, 0xFF} and not 0xD0 <= marker <= 0xD8
        length = int.from_bytes(content[at + 2 : at + 4], "big") if has_length else 0
        at += 1 if marker == 0xFF else 2 + length
    return None
