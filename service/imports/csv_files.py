"""Tables from CSV files, whatever separates their cells."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from service.csv_text import encoding_of, head_of, rows
from service.imports.columns import columns_of, is_wvp
from service.imports.errors import FileRefusedError
from service.imports.rows import TITLE_ROWS, Sheet, SheetRow, Source
from service.imports.tables import (
    Titles,
    counted,
    fitted,
    notes_on,
    require_titles,
    slipped,
    titles_among,
)
from service.refusals import RefusedError

_HEAD_BYTES: Final = 64 * 1024
"""In which the titles stand, and what separates them."""

_DELIMITERS: Final = (",", ";", "\t", "，", "；")

_Rows = Iterator[tuple[int, list[str]]]


def read_csv(body: bytes, *, wvp: bool) -> Sheet:
    """Return the table of a CSV file. Raises ``FileRefusedError``, and never while it is read."""
    try:
        encoding = encoding_of(body)
        delimiter, titles = _titles(body, encoding)
        wvp = wvp or is_wvp(titles.cells)
        columns = columns_of(titles.cells, wvp=wvp)
        count = counted(islice(rows(body, encoding, delimiter), titles.at + 1, None))
    except FileRefusedError:
        raise
    except RefusedError as error:
        raise FileRefusedError(error.code, str(error), **error.params) from None
    return Sheet(
        source=Source.WVP if wvp else Source.CSV,
        titles=titles.cells,
        columns=columns,
        rows=_rows(islice(rows(body, encoding, delimiter), titles.at + 1, None), titles, columns),
        count=count,
        notes=notes_on(titles, columns),
        titles_at_row=titles.number,
    )


def _titles(body: bytes, encoding: str) -> tuple[str, Titles]:
    """Return what separates the cells, judged by where the most titles are known, and these."""
    found: list[tuple[str, Titles]] = []
    refused: RefusedError | None = None
    head = head_of(body, encoding, _HEAD_BYTES)
    for delimiter in _DELIMITERS:
        try:
            titles = titles_among(
                _first_rows(head, encoding, delimiter, is_cut=len(head) < len(body))
            )
        except RefusedError as error:
            refused = refused or error
            continue
        if titles is not None:
            found.append((delimiter, titles))
    if not found and refused is not None:
        raise refused
    best = max(found, key=lambda one: one[1].known, default=(",", None))
    return best[0], require_titles(best[1])


def _first_rows(head: bytes, encoding: str, delimiter: str, *, is_cut: bool) -> _Rows:
    number = 0
    try:
        for number, cells in islice(rows(head, encoding, delimiter), TITLE_ROWS):
            yield number, cells
    except RefusedError:
        if not (is_cut and number):  # the cut may have parted quotes
            raise


def _rows(lines: _Rows, titles: Titles, columns: Mapping[str, int]) -> Iterator[SheetRow]:
    logins = [columns[name] for name in ("user", "password") if name in columns]
    for number, cells in lines:
        fitting, faults = fitted(cells, len(titles.cells))
        # A comma in a password makes one cell more; the last may be empty.
        if len(cells) > titles.width and not faults and any(fitting[at] for at in logins):
            faults.append(slipped(len(cells), len(titles.cells)))
        yield SheetRow(number=number, cells=fitting, faults=tuple(faults))
