"""Tables from CSV files, whatever separates their cells."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from service.csv_text import encoding_of, table
from service.imports.columns import columns_of, is_wvp
from service.imports.errors import FileRefusedError
from service.imports.rows import TITLE_ROWS, Sheet, SheetRow, Source
from service.imports.tables import (
    Titles,
    counted,
    fitted,
    notes_on,
    require_titles,
    titles_among,
)
from service.refusals import RefusedError

_DELIMITERS: Final = (",", ";", "\t", "，", "；")

_Rows = Iterator[tuple[int, list[str]]]


def read_csv(body: bytes, *, wvp: bool) -> Sheet:
    """Return the table of a CSV file. Raises ``FileRefusedError``, and never while it is read."""
    try:
        encoding = encoding_of(body)
        delimiter, titles = _titles(body, encoding)
        wvp = wvp or is_wvp(titles.cells)
        columns = columns_of(titles.cells, wvp=wvp)
        count = counted(islice(table(body, encoding, delimiter), titles.at + 1, None))
    except FileRefusedError:
        raise
    except RefusedError as error:
        raise FileRefusedError(error.code, str(error), **error.params) from None
    return Sheet(
        source=Source.WVP if wvp else Source.CSV,
        titles=titles.cells,
        columns=columns,
        rows=_rows(islice(table(body, encoding, delimiter), titles.at + 1, None), titles),
        count=count,
        notes=notes_on(titles, columns),
    )


def _titles(body: bytes, encoding: str) -> tuple[str, Titles]:
    """Return what separates the cells, judged by where the most titles are known, and these."""
    found: list[tuple[str, Titles]] = []
    refused: RefusedError | None = None
    for delimiter in _DELIMITERS:
        try:
            titles = titles_among(islice(table(body, encoding, delimiter), TITLE_ROWS))
        except RefusedError as error:
            refused = refused or error
            continue
        if titles is not None:
            found.append((delimiter, titles))
    if not found and refused is not None:
        raise refused
    best = max(found, key=lambda one: one[1].known, default=(",", None))
    return best[0], require_titles(best[1])


def _rows(lines: _Rows, titles: Titles) -> Iterator[SheetRow]:
    for number, cells in lines:
        fitting, faults = fitted(cells, len(titles.cells))
        yield SheetRow(number=number, cells=fitting, faults=tuple(faults))
