"""Tables written for spreadsheets, with nothing in them that a spreadsheet would run."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from tempfile import SpooledTemporaryFile
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils import get_column_letter

from service.imports.columns import (
    FIELDS,
    REQUIRED,
    RESULT_TITLES,
    Field,
    columns_of,
    is_result,
    is_wvp,
    key_of,
)
from service.imports.reasons import Reason, Verdict
from service.imports.tables import neutralised
from service.imports.values import label
from service.imports.words import (
    HOLDS,
    TEMPLATE_TITLES,
    YES_NO,
    Language,
    index_of,
    judged,
    said_of,
)

_PIECE_BYTES: Final = 1 << 16
_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
_TEXT: Final = "@"
"""The format of cells that a spreadsheet shall not take for numbers."""

_CHOICES: Final = frozenset({"programme", "place_type", "coordinate_system"})
_NOT_KEPT: Final = frozenset({"user", "password"})


def write_csv(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Yield a CSV file, UTF-8 with its mark; cells are neutralised here."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    text.write("\ufeff")
    writer.writerow([neutralised(title) for title in titles])
    for row in rows:
        writer.writerow([neutralised(cell) for cell in row])
        if text.tell() >= _PIECE_BYTES:
            yield text.getvalue().encode("utf-8", "replace")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode("utf-8", "replace")


def write_xlsx(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Yield a workbook of text cells; cells are neutralised here."""
    workbook = Workbook(write_only=True)
    _add_sheet(workbook, "摄像机", titles, rows)
    return _saved(workbook)


def template_titles(language: Language) -> list[str]:
    """Return the titles of the template and of exports; an asterisk marks what must be given."""
    return [_titled(one, language) for one in FIELDS]


def template_csv(language: Language) -> bytes:
    """Return an empty table of cameras."""
    return b"".join(write_csv(template_titles(language), []))


def template_xlsx(language: Language) -> bytes:
    """Return the same as a workbook, with a second sheet that explains the columns."""
    workbook = Workbook(write_only=True)
    which = index_of(language)
    _add_sheet(workbook, ("摄像机", "Cameras")[which], template_titles(language), [])
    rows = [
        [(one.zh, one.en)[which], YES_NO[one.required][which], HOLDS[one.name][which]]
        for one in FIELDS
    ]
    _add_sheet(workbook, ("说明", "Explained")[which], TEMPLATE_TITLES[which], rows)
    return b"".join(_saved(workbook))


def camera_cells(columns: Mapping[str, Any], language: Language) -> list[str]:
    """Return a row of the table ``cameras`` as cells below ``template_titles``; no login."""
    return [_cell(one.name, columns, language) for one in FIELDS]


def annotated(
    titles: Sequence[str],
    rows: Iterable[tuple[Sequence[str], Verdict, Sequence[Reason]]],
    language: Language,
) -> tuple[list[str], Iterator[list[str]]]:
    """Return titles and rows of a file's own table, with 结果 and 原因, for ``write_…``.

    ``rows`` are each row's masked cells, verdict and reasons. Columns of the template that the file
    lacks and a new camera needs are added, empty.
    """
    kept = [at for at, title in enumerate(titles) if not is_result(title)]
    there = columns_of(list(titles), wvp=is_wvp(titles))
    missing = [_titled(one, language) for one in FIELDS if one.required and one.name not in there]
    head = [*RESULT_TITLES[language], *(titles[at] for at in kept), *missing]

    def filled() -> Iterator[list[str]]:
        for cells, verdict, reasons in rows:
            told = [judged(verdict, language), _told(reasons, language)]
            yield [*told, *(cells[at] for at in kept), *([""] * len(missing))]

    return head, filled()


def _told(reasons: Sequence[Reason], language: Language) -> str:
    words = [said_of(one.column, one.code, one.params, language) for one in reasons]
    return ("；" if language is Language.ZH else "; ").join(words)


def _titled(one: Field, language: Language) -> str:
    title = (one.zh, one.en)[index_of(language)]
    return f"{title}*" if one.name in REQUIRED else title


def _cell(name: str, columns: Mapping[str, Any], language: Language) -> str:
    if name in _NOT_KEPT:
        return ""
    which = index_of(language)
    if name in {"sign_confirmed", "enabled"}:
        return YES_NO[name == "sign_confirmed" or bool(columns[name])][which]
    value = columns[name]
    if value is None:
        return ""
    if name in _CHOICES:
        return label(name, str(value), is_chinese=which == 0)
    if name == "hazards":
        words = [label(name, str(one), is_chinese=which == 0) for one in value]
        return ("、", ", ")[which].join(words)
    return repr(value) if isinstance(value, float) else str(value)


def _add_sheet(
    workbook: Workbook, name: str, titles: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    sheet = workbook.create_sheet(name)
    sheet.freeze_panes = "A2"
    for at, title in enumerate(titles, 1):
        column = sheet.column_dimensions[get_column_letter(at)]
        column.width = 24 if key_of(title) else 12
        column.number_format = _TEXT
    cell = _cell_maker(sheet)
    sheet.append([cell(title) for title in titles])
    for row in rows:
        sheet.append([cell(one) for one in row])


def _cell_maker(sheet: Any) -> Callable[[str], Any]:
    def cell(text: str) -> Any:
        text = neutralised(ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))
        if not text.startswith("#") and not (len(text) > 8 and text.isdigit()):
            return text or None
        made = WriteOnlyCell(sheet, text)
        made.data_type = "s"  # openpyxl would make an error of #N/A
        made.number_format = _TEXT  # else a spreadsheet rounds what is typed over it
        return made

    return cell


def _saved(workbook: Workbook) -> Iterator[bytes]:
    with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as out:
        workbook.save(out)
        out.seek(0)
        while piece := out.read(_PIECE_BYTES):
            yield piece
