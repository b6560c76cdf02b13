"""Tables from xlsx workbooks, read row by row by openpyxl once ``archive`` has looked at them."""

import heapq
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import islice
from typing import Any, Final, Protocol

import openpyxl

from service.imports.archive import Merged, Scanned, broken, scanned
from service.imports.columns import EXPLAINED, columns_of, is_wvp
from service.imports.errors import FileRefusedError, UnwantedError
from service.imports.rows import MOST_COLUMNS, TITLE_ROWS, CellFault, Note, Sheet, SheetRow, Source
from service.imports.tables import (
    Titles,
    fitted,
    notes_on,
    require_any,
    require_few,
    require_titles,
    titles_among,
)
from service.refusals import Param, Refusal, RefusedError

_SURE_DIGITS: Final = 15
"""Of a number: a spreadsheet forgets further ones."""


_MOST_SHEETS: Final = 50
"""In which titles are looked for."""

_TITLES_ABOVE_ROW: Final = 200


class _Cell(Protocol):
    """A cell as openpyxl gives it."""

    value: Any
    data_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The sheet that the cameras are in."""

    sheet: Any
    """openpyxl's."""
    scan: Scanned
    titles: Titles
    others: int
    """Sheets that hold something else."""


class _Watched(io.BytesIO):
    """A file whose reader hears, piece by piece, whether it is still wanted."""

    def __init__(self, body: bytes, require_wanted: Callable[[], None]) -> None:
        super().__init__(body)
        self._require_wanted = require_wanted

    def read(self, size: int | None = -1, /) -> bytes:
        """As any file's. Raises ``UnwantedError``."""
        self._require_wanted()
        return super().read(size)


def read_xlsx(body: bytes, require_wanted: Callable[[], None], *, wvp: bool) -> Sheet:
    """Return the table of a workbook. Raises ``FileRefusedError``."""
    source = _Watched(body, require_wanted)
    scans = scanned(source)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")
    try:
        # Nothing is evaluated: a formula is its text, a link isn't followed.
        workbook = openpyxl.load_workbook(source, read_only=True, data_only=False, keep_links=False)
        chosen = _chosen(workbook, scans)
    except (FileRefusedError, UnwantedError):
        raise
    except Exception:  # noqa: BLE001 - openpyxl raises anything at all
        raise broken() from None
    titles = chosen.titles
    wvp = wvp or is_wvp(titles.cells)
    columns = columns_of(titles.cells, wvp=wvp)
    count = chosen.scan.count - titles.at - 1
    require_few(count)
    require_any(count)
    return Sheet(
        source=Source.WVP if wvp else Source.XLSX,
        titles=titles.cells,
        columns=columns,
        rows=_rows(chosen, columns.get("gb_id")),
        count=count,
        notes=[*_sheet_note(chosen), *notes_on(titles, columns)],
        titles_at_row=titles.number,
    )


def _chosen(workbook: Any, scans: Mapping[str, Scanned]) -> _Chosen:
    """Return the first sheet that has our titles. Raises ``FileRefusedError``."""
    if not workbook.worksheets:  # openpyxl leaves out those that aren't there
        raise broken()
    filled = 0
    best: tuple[Any, Scanned, Titles] | None = None
    for sheet in workbook.worksheets:
        path = sheet._worksheet_path  # noqa: SLF001 - nothing else tells which XML is read
        if path not in scans:
            raise broken()
        scan = scans[path]
        if not scan.count:
            continue
        filled += sheet.title not in EXPLAINED
        if best is not None or filled > _MOST_SHEETS:
            continue
        titles = titles_among(_first_rows(sheet, scan))
        if titles is not None:
            best = (sheet, scan, titles)
    if not filled:
        raise FileRefusedError(Refusal.FILE_EMPTY, "the file is empty")
    if best is None:
        require_titles(None)
        raise AssertionError("unreachable")
    return _Chosen(sheet=best[0], scan=best[1], titles=require_titles(best[2]), others=filled - 1)


def _sheet_note(chosen: _Chosen) -> list[Note]:
    if not chosen.others:
        return []
    params: dict[str, Param] = {"sheet": str(chosen.sheet.title)[:64], "others": chosen.others}
    return [Note(code="sheet_chosen", params=params)]


def _first_rows(sheet: Any, scan: Scanned) -> Iterator[tuple[int, list[str]]]:
    last_row = min(scan.last_row, _TITLES_ABOVE_ROW)
    lines = _lines(sheet, MOST_COLUMNS + 1, last_row, None)
    return ((number, texts) for number, texts, _ in islice(lines, TITLE_ROWS))


def _lines(
    sheet: Any, width: int, last_row: int, gb_id_at: int | None
) -> Iterator[tuple[int, list[str], list[CellFault]]]:
    """Yield number, texts and faults of each row that says anything, in so many columns.

    What follows the last row is of no use, and could be long.
    """
    sheet.reset_dimensions()  # what a sheet claims of its size binds nobody
    cells: Sequence[_Cell]
    for number, cells in enumerate(sheet.iter_rows(max_col=width, max_row=last_row), 1):
        texts: list[str] = []
        faults: list[CellFault] = []
        for at, cell in enumerate(cells):
            value = cell.value
            if value is None:
                texts.append("")
            elif type(value) is str and cell.data_type == "s":
                texts.append(value)
            else:
                text, error = _told(value, cell.data_type, is_gb_id=at == gb_id_at)
                texts.append(text)
                if error is not None:
                    faults.append(CellFault(at=at, error=error))
        if any(texts) and any(text.strip() for text in texts):
            yield number, texts, faults


def _told(value: Any, kind: str, *, is_gb_id: bool) -> tuple[str, RefusedError | None]:
    """Return a cell's text, and why it can't be taken."""
    if kind == "f":
        text = value if isinstance(value, str) else str(getattr(value, "text", None) or "=")
        return text, RefusedError(
            Refusal.CELL_FORMULA, "the cell is a formula: copy it and paste its value"
        )
    if kind == "e":
        said = str(value)[:16]
        return str(value), RefusedError(
            Refusal.CELL_ERROR, f"the cell holds the error {said}: fill it in anew", said=said
        )
    text = text_of(value)
    return text, rounded(value) if is_gb_id else None


def rounded(value: object) -> RefusedError | None:
    """Return why an identity that was stored as a number can't be taken."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if abs(value) < 10**_SURE_DIGITS:
        return None
    return RefusedError(
        Refusal.GB_ID_ROUNDED,
        "the id was stored as a number, which forgets its last digits: format that column as "
        "text and copy the id anew from the video platform",
    )


def text_of(value: object) -> str:
    """Return what a cell shows: numbers without a needless fraction, dates as in ISO 8601."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 10**_SURE_DIGITS
        return str(int(value)) if whole else format(value, ".15g")
    if isinstance(value, datetime):
        return str(value.date()) if value.time() == time() else value.isoformat(sep=" ")
    return str(value)


def _rows(chosen: _Chosen, gb_id_at: int | None) -> Iterator[SheetRow]:
    """Yield the rows below the titles; what stands right of the last title belongs to nothing."""
    width = len(chosen.titles.cells)
    merged = _Below(chosen.scan.merged, width)
    try:
        for number, texts, faults in _lines(chosen.sheet, width, chosen.scan.last_row, gb_id_at):
            if number > chosen.titles.number:
                cells, more = fitted(texts, width)
                yield SheetRow(
                    number=number,
                    cells=cells,
                    faults=(*faults, *more, *merged.faults(number)),
                )
    except (FileRefusedError, UnwantedError):
        raise
    except Exception:  # noqa: BLE001 - openpyxl raises anything at all
        raise broken() from None


class _Below:
    """Tells, going down the rows, which merged cells each one lies in."""

    def __init__(self, merged: Sequence[Merged], width: int) -> None:
        self._coming = sorted(
            (one for one in merged if one.first_column <= width),
            key=lambda one: one.first_row,
            reverse=True,
        )
        self._open: list[tuple[int, int, int, str]] = []

    def faults(self, row: int) -> list[CellFault]:
        """Return what merged cells do to a row; rows come in order."""
        while self._coming and self._coming[-1].first_row <= row:
            one = self._coming.pop()
            order = len(self._coming)
            heapq.heappush(self._open, (-one.last_row, order, one.first_column - 1, one.reference))
        while self._open and -self._open[0][0] < row:
            heapq.heappop(self._open)
        if not self._open:
            return []
        _, _, at, cells = self._open[0]
        error = RefusedError(
            Refusal.CELL_MERGED,
            f"the merged cells {cells} hide what belongs to which row: unmerge them and fill in "
            "each row",
            cells=cells,
        )
        return [CellFault(at=at, error=error)]
