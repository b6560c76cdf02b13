"""A table as it was read from a file: titles, where the fields stand, rows one by one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from service.refusals import Param, RefusedError

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of a file."""

MOST_ROWS: Final = 50_000
"""Of cameras in a file."""

MOST_COLUMNS: Final = 200
"""Of a table; platforms' exports have up to 60."""

MOST_CHARACTERS: Final = 4096
"""Of a cell: an address may have half as many."""

MOST_KEPT_CHARACTERS: Final = 16 * 1024
"""Of a row; the longest that can be taken have half as many."""

MOST_FOREIGN_CHARACTERS: Final = 256
"""Kept of a cell in a column that means nothing here."""

TITLE_ROWS: Final = 10
"""Rows in which the column titles are looked for: some files have a heading above them."""


class Source(StrEnum):
    """Where a file comes from."""

    AUTO = "auto"
    CSV = "csv"
    XLSX = "xlsx"
    WVP = "wvp"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFault:
    """Something wrong with a cell as the file holds it, whatever it says."""

    at: int | None
    """The cell's index in its row; none if it's the row's."""
    error: RefusedError
    """What it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """A row that says anything."""

    number: int
    """Its row in the file, as a spreadsheet numbers it, or its place in a JSON list, from 1."""
    cells: list[str]
    """As many as there are titles; stripped, and with what ``neutralised`` does undone."""
    faults: tuple[CellFault, ...] = ()
    """What is wrong with them already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What whoever sends the file should know of it, though nothing is refused."""

    code: str
    """Words about it are in ``words.NOTES``."""
    params: Mapping[str, Param] = field(default_factory=lambda: MappingProxyType({}))
    """What these words need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table of cameras."""

    source: Source
    """What it was found to be; never ``AUTO``."""
    titles: list[str]
    """Of all columns, as they stand there."""
    columns: dict[str, int]
    """Where our fields stand, by name."""
    rows: Iterator[SheetRow]
    """To be read once; raises ``FileRefusedError`` if the file turns out to be broken."""
    count: int | None
    """How many rows there are, for showing progress."""
    notes: list[Note]
    """What whoever sends it should know; ``notes.notes_of`` adds what is absent."""
    titles_at_row: int
    """The row that the titles stand in; 0 for a JSON list."""
