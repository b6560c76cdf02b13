"""Where in a table the titles stand, rows fitted to them, cells that no spreadsheet runs."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.imports.columns import field_of, is_result, known_titles
from service.imports.errors import FileRefusedError
from service.imports.rows import (
    MOST_CHARACTERS,
    MOST_COLUMNS,
    MOST_FOREIGN_CHARACTERS,
    MOST_KEPT_CHARACTERS,
    MOST_ROWS,
    TITLE_ROWS,
    CellFault,
    Note,
)
from service.refusals import Refusal, RefusedError
from service.text import require_plain

FEWEST_KNOWN: Final = 2
"""Fields that a row of titles names at least: fewer may be a heading that happens to."""

_LISTED: Final = 12
"""Columns that a note names."""

_RUN: Final = re.compile(r"'*\s*[=+\-@\t\r\n＝＋－＠]")
_UNDONE: Final = re.compile(r"'+\s*[=+\-@\t\r\n＝＋－＠]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Titles:
    """The row of titles."""

    at: int
    """Its place among the rows that say anything, from 0."""
    number: int
    """Its row in the file."""
    cells: list[str]
    """The titles."""
    known: int
    """How many fields they name."""
    width: int = 0
    """Cells of that row, with empty ones at its end; 0 if that says nothing."""


def titles_among(rows: Iterable[tuple[int, Sequence[str]]]) -> Titles | None:
    """Return the row, among the first ones, that names the most fields."""
    best: Titles | None = None
    for at, (number, cells) in zip(range(TITLE_ROWS), rows, strict=False):
        known = known_titles(cells)
        if known >= FEWEST_KNOWN and (best is None or known > best.known):
            best = Titles(
                at=at, number=number, cells=_trimmed(cells), known=known, width=len(cells)
            )
    return best


def require_titles(found: Titles | None) -> Titles:
    """Return the titles. Raises ``FileRefusedError`` if there are none, or too many."""
    if found is None:
        raise FileRefusedError(
            Refusal.FILE_TITLES,
            f"the first {TITLE_ROWS} rows have no titles that are known, the GB id's at least: "
            "use the template",
            rows=TITLE_ROWS,
        )
    if len(found.cells) > MOST_COLUMNS:
        raise FileRefusedError(
            Refusal.FILE_WIDE,
            f"a table has at most {MOST_COLUMNS} columns: remove those that aren't needed",
            most=MOST_COLUMNS,
        )
    return found


def counted(rows: Iterator[object]) -> int:
    """Return how many rows there are. Raises ``FileRefusedError`` at one too many, or none."""
    count = 0
    for _ in rows:
        count += 1
        require_few(count)
    require_any(count)
    return count


def require_few(count: int) -> None:
    """Raise ``FileRefusedError`` for more rows than are taken."""
    if count > MOST_ROWS:
        raise FileRefusedError(
            Refusal.FILE_LONG, f"a file has at most {MOST_ROWS} cameras: split it",
            most_rows=MOST_ROWS,
        )  # fmt: skip


def require_any(count: int) -> None:
    """Raise ``FileRefusedError`` for no rows."""
    if not count:
        raise FileRefusedError(Refusal.FILE_NO_ROWS, "there are titles and no cameras below them")


def fitted(cells: Sequence[str], titles: int) -> tuple[list[str], list[CellFault]]:
    """Return as many cells as there are titles, as they were meant, and what is wrong."""
    faults: list[CellFault] = []
    if any(cells[titles:]):
        faults.append(slipped(len(cells), titles))
    found = [undone(cell.strip()) for cell in cells[:titles]]
    found += [""] * (titles - len(found))
    for at, cell in enumerate(found):
        if "\0" in cell:  # PostgreSQL keeps none
            faults.append(CellFault(at=at, error=_hostile(cell)))
            found[at] = cell.replace("\0", "\ufffd")
        if len(cell) > MOST_CHARACTERS:
            found[at] = f"{cell[:MOST_CHARACTERS]}…"
            faults.append(CellFault(at=at, error=too_long(len(cell), MOST_CHARACTERS)))
    return found, faults


def slipped(cells: int, titles: int) -> CellFault:
    """Return what is wrong with a row that has more cells than titles."""
    error = RefusedError(
        Refusal.ROW_CELLS,
        f"the row has {cells} cells, the row of titles {titles}: put a name with a "
        "comma between quotes",
        cells=cells,
        titles=titles,
    )
    return CellFault(at=None, error=error)


def _hostile(cell: str) -> RefusedError:
    try:
        require_plain(cell)
    except RefusedError as error:
        return error
    raise AssertionError("it holds a NUL")


def too_long(characters: int, most: int) -> RefusedError:
    """Return why a cell has too many characters."""
    return RefusedError(
        Refusal.CELL_LONG,
        f"it has {characters} characters, {most} at most",
        characters=characters,
        most=most,
    )


def in_short(cells: Sequence[str], ours: Collection[int]) -> list[str]:
    """Return what is kept of cells that have their logins covered."""
    found: list[str] = []
    left = MOST_KEPT_CHARACTERS
    for at, cell in enumerate(cells):
        short = cell
        if at not in ours and len(cell) > MOST_FOREIGN_CHARACTERS:
            short = f"{cell[:MOST_FOREIGN_CHARACTERS]}…"
        if len(short) > left:
            short = "…"[:left]
        left -= len(short)
        found.append(short)
    return found


def require_short(cells: Sequence[str], ours: Collection[int]) -> None:
    """Raise ``RefusedError`` for a row of which not all is kept, but for the columns of others."""
    lengths = (
        len(cell) if at in ours else min(len(cell), MOST_FOREIGN_CHARACTERS + 1)
        for at, cell in enumerate(cells)
    )
    if (characters := sum(lengths)) > MOST_KEPT_CHARACTERS:
        raise too_long(characters, MOST_KEPT_CHARACTERS)


def notes_on(titles: Titles, columns: Mapping[str, int]) -> list[Note]:
    """Return what whoever sends the file should know of the columns that it has."""
    notes: list[Note] = []
    if titles.at:
        notes.append(Note(code="titles_in_row", params={"row": titles.number}))
    is_read = set(columns.values())
    unknown = [
        one
        for at, one in enumerate(titles.cells)
        if one and at not in is_read and field_of(one) is None and not is_result(one)
    ]
    if unknown:
        said = _list(one[:32] for one in unknown)
        notes.append(Note(code="columns_unknown", params={"columns": said}))
    return notes


def _list(words: Iterable[str]) -> str:
    all_words = list(words)
    more = "…" if len(all_words) > _LISTED else ""
    return "、".join(all_words[:_LISTED]) + more


def _trimmed(cells: Sequence[str]) -> list[str]:
    found = [undone(cell.strip())[:128].replace("\0", "\ufffd") for cell in cells]
    while found and not found[-1]:
        found.pop()
    return found


def neutralised(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; ``undone`` is its inverse."""
    return f"'{cell}" if _RUN.match(cell) else cell


def undone(cell: str) -> str:
    """Return what ``neutralised`` was given."""
    return cell[1:] if _UNDONE.match(cell) else cell
