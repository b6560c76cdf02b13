"""CSV as spreadsheets in China write it: UTF-8 or GB18030, and not always with commas."""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import Final

from service.refusals import Refusal, RefusedError

_ENCODINGS: Final = ("utf-8-sig", "gb18030")
_PIECE_BYTES: Final = 1 << 20

LONGEST_LINE: Final = 1 << 20
"""In characters."""

MOST_DELIMITERS: Final = 1000
"""In a line: each makes a cell."""

MOST_LINES_OF_A_ROW: Final = 1000
"""A cell between quotes may go over several."""

MOST_LINES: Final = 200_000
"""Of a file, empty ones too; no import takes as many rows."""


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

    Decodes as it goes, so that a large file is not held twice. Raises ``RefusedError``, also for
    lines that are no table's, before all of them are cells.
    """
    return ((line, cells) for line, _, cells in _records(body, encoding, delimiter))


def rows(body: bytes, encoding: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield as ``table`` does, with the row instead of the line, as a spreadsheet numbers it.

    A row that goes over several lines is one, an empty one counts.
    """
    return ((row, cells) for _, row, cells in _records(body, encoding, delimiter))


def _records(body: bytes, encoding: str, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    lines = _Lines(io.TextIOWrapper(io.BytesIO(body), encoding, newline=""), delimiter)
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    line = 1
    try:
        for number, cells in enumerate(reader, 1):
            if any(row := [cell.strip() for cell in cells]):
                yield line, number, row
            line = reader.line_num + 1
            lines.begin_row()
    except csv.Error as error:
        raise RefusedError(
            Refusal.FILE_CSV, f"line {reader.line_num}: {error}", line=reader.line_num
        ) from None


def head_of(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """Return the whole lines among the first bytes of a text; one that is cut, if it's alone."""
    if len(body) <= most_bytes:
        return body
    text = codecs.getincrementaldecoder(encoding)().decode(body[:most_bytes])
    end = max(text.rfind("\n"), text.rfind("\r")) + 1
    return (text[:end] or text).encode(encoding)


class _Lines:
    """The lines of a text, none of which is more than a table has."""

    def __init__(self, text: io.TextIOWrapper, delimiter: str) -> None:
        self._text = text
        self._delimiter = delimiter
        self._number = self._first = 0

    def begin_row(self) -> None:
        """Note that a row has ended."""
        self._first = self._number

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(LONGEST_LINE + 1):
            self._number += 1
            why = self._too_much(line)
            if why is not None:
                raise RefusedError(
                    Refusal.FILE_CSV, f"line {self._number}: {why}", line=self._number
                )
            yield line

    def _too_much(self, line: str) -> str | None:
        if len(line) > LONGEST_LINE:
            return f"it has more than {LONGEST_LINE} characters"
        if line.count(self._delimiter) > MOST_DELIMITERS:
            return f"it has more than {MOST_DELIMITERS} cells"
        if self._number - self._first > MOST_LINES_OF_A_ROW:
            return f"a row goes over more than {MOST_LINES_OF_A_ROW} lines: check its quotes"
        if self._number > MOST_LINES:
            return f"a file has at most {MOST_LINES} lines, with the empty ones: remove those"
        return None


def _decodes(body: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(body), _PIECE_BYTES):
            decoder.decode(body[start : start + _PIECE_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
