"""CSV as spreadsheets in China write it: UTF-8 or GB18030, and not always with commas."""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import Final

from service.refusals import Refusal, RefusedError

_ENCODINGS: Final = ("utf-8-sig", "gb18030")
_PIECE_BYTES: Final = 1 << 20


def encoding_of(body: bytes) -> str:
    """Return the encoding that all of a text can be read in. Raises ``RefusedError``."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise RefusedError(Refusal.FILE_UTF16, "the file is UTF-16: save it as CSV UTF-8")
    for encoding in _ENCODINGS:
        if _decodes(body, encoding):
            return encoding
    raise RefusedError(
        Refusal.FILE_ENCODING, "the file is neither UTF-8 nor GB18030: save it as CSV UTF-8"
    )


def table(body: bytes, encoding: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield the first line and the stripped cells of each row that says anything.

    Decodes as it goes, so that a large file is not held twice. Raises ``RefusedError``.
    """
    text = io.TextIOWrapper(io.BytesIO(body), encoding, newline="")
    reader = csv.reader(text, strict=True, delimiter=delimiter)
    line = 1
    try:
        for cells in reader:
            if any(row := [cell.strip() for cell in cells]):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise RefusedError(
            Refusal.FILE_CSV, f"line {reader.line_num}: {error}", line=reader.line_num
        ) from None


def _decodes(body: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(body), _PIECE_BYTES):
            decoder.decode(body[start : start + _PIECE_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
