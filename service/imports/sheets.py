"""Tables written for spreadsheets, with nothing in them that a spreadsheet would run."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from tempfile import SpooledTemporaryFile
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from service.cameras.position import rounded
from service.imports.columns import (
    EXPLAINED,
    FIELDS,
    REQUIRED,
    RESULT_TITLES,
    Field,
    columns_of,
    is_result,
    is_wvp,
    title_of,
)
from service.imports.layout import (
    MEASURED_ROWS,
    TEXT,
    WRAPPED,
    add_lists,
    finish_copy,
    is_copy,
    set_columns,
)
from service.imports.reasons import Reason, RowVerdict
from service.imports.tables import neutralised
from service.imports.values import label
from service.imports.words import (
    EXAMPLES,
    HOLDS,
    TEMPLATE_TITLES,
    YES_NO,
    Language,
    index_of,
    judged,
    said_of,
)

AnnotatedRow = tuple[int, Sequence[str], RowVerdict, Sequence[Reason]]
"""A row's number, masked cells, verdict and reasons."""

_PIECE_BYTES: Final = 1 << 16
_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
_CAMERAS: Final = ("摄像机", "Cameras")
"""The sheet's name."""

_CHOICES: Final = frozenset({"programme", "place_type", "coordinate_system"})
_NOT_KEPT: Final = frozenset({"user", "password"})


def write_csv(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, above: int = 0
) -> Iterator[bytes]:
    """Yield a CSV file, UTF-8 with its mark; cells are neutralised here.

    ``above`` is how many empty rows stand above the titles.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    text.write("\ufeff")
    writer.writerows([[]] * above)
    writer.writerow([neutralised(title) for title in titles])
    for row in rows:
        writer.writerow([neutralised(cell) for cell in row])
        if text.tell() >= _PIECE_BYTES:
            yield text.getvalue().encode("utf-8", "replace")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode("utf-8", "replace")


def write_xlsx(
    titles: Sequence[str],
    rows: Iterable[Sequence[str]],
    language: Language = Language.ZH,
    *,
    above: int = 0,
) -> Iterator[bytes]:
    """Yield a workbook of text cells; cells are neutralised here.

    ``above`` is how many empty rows stand above the titles. An annotated copy can be filtered, its
    bad rows are tinted, and a second sheet explains the columns.
    """
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet(_CAMERAS[index_of(language)])
    last = _fill(sheet, titles, rows, above)
    if is_copy(titles):
        finish_copy(sheet, len(titles), above + 1, last, language)
        _fill(workbook.create_sheet(EXPLAINED[index_of(language)]), *_explained(language))
    return _saved(workbook)


def template_titles(language: Language) -> list[str]:
    """Return the titles of the template and of exports; an asterisk marks what must be given."""
    return [_titled(one, language) for one in FIELDS]


def template_csv(language: Language) -> bytes:
    """Return an empty table of cameras."""
    return b"".join(write_csv(template_titles(language), []))


def template_xlsx(language: Language) -> bytes:
    """Return the same as a workbook, with a second sheet that explains the columns."""
    workbook = Workbook()
    sheet: Any = workbook.active
    sheet.title = _CAMERAS[index_of(language)]
    _fill(sheet, template_titles(language), [])
    explained = workbook.create_sheet(EXPLAINED[index_of(language)])
    titles, rows = _explained(language)
    _fill(explained, titles, rows)
    set_columns(sheet, template_titles(language), [[row[-1] for row in rows]])
    add_lists(sheet, explained, language, len(titles) + 2)
    return b"".join(_saved(workbook))


def _explained(language: Language) -> tuple[Sequence[str], list[list[str]]]:
    """Return what tells of each column what it holds, with an example."""
    which = index_of(language)
    rows = [
        [
            (one.zh, one.en)[which],
            YES_NO[one.required][which],
            HOLDS[one.name][which],
            EXAMPLES[one.name][which],
        ]
        for one in FIELDS
    ]
    return TEMPLATE_TITLES[which], rows


def camera_cells(columns: Mapping[str, Any], language: Language) -> list[str]:
    """Return a row of the table ``cameras`` as cells below ``template_titles``; no login."""
    return [_cell(one.name, columns, language) for one in FIELDS]


def annotated(
    titles: Sequence[str],
    rows: Iterable[AnnotatedRow],
    language: Language,
    titles_at_row: int = 1,
) -> tuple[list[str], Iterator[list[str]]]:
    """Return titles and rows of a file's own table, with 结果 and 原因, for ``write_…``.

    Columns of the template that the file lacks and a new camera needs are added, empty. So are
    rows between others: each stands where it stood, if as many stand ``above`` the titles as did.
    """
    kept = [at for at, title in enumerate(titles) if not is_result(title)]
    there = columns_of(list(titles), wvp=is_wvp(titles))
    missing = [_titled(one, language) for one in FIELDS if one.required and one.name not in there]
    head = [*RESULT_TITLES[language], *(titles[at] for at in kept), *missing]

    def filled() -> Iterator[list[str]]:
        last = titles_at_row
        for number, cells, verdict, reasons in rows:
            yield from ([] for _ in range(last + 1, number))
            last = number
            told = [judged(verdict, language), _told(reasons, language, titles, there)]
            yield [*told, *(cells[at] for at in kept), *([""] * len(missing))]

    return head, filled()


def _told(
    reasons: Sequence[Reason], language: Language, titles: Sequence[str], there: Mapping[str, int]
) -> str:
    words = [
        said_of(one.column, one.code, one.params, language, title_of(one.column, titles, there))
        for one in reasons
    ]
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
    return repr(rounded(value)) if isinstance(value, float) else str(value)


def _fill(sheet: Any, titles: Sequence[str], rows: Iterable[Sequence[str]], above: int = 0) -> int:
    """Write a table; returns its last row."""
    sheet.freeze_panes = f"A{above + 2}"
    left = iter(rows)
    some = list(islice(left, MEASURED_ROWS))
    set_columns(sheet, titles, some)
    cell, wrapped = _cell_maker(sheet), _wrapped_columns(titles)
    for _ in range(above):
        sheet.append([])
    sheet.append([cell(title) for title in titles])
    last = above + 1
    for row in chain(some, left):
        sheet.append([cell(one, wrap=at in wrapped) for at, one in enumerate(row)])
        last += 1
    return last


def _wrapped_columns(titles: Sequence[str]) -> frozenset[int]:
    if is_copy(titles):
        return frozenset({1})
    return frozenset({2, 3}) if tuple(titles) in TEMPLATE_TITLES else frozenset()


def _cell_maker(sheet: Any) -> Callable[..., Any]:
    def cell(text: str, *, wrap: bool = False) -> Any:
        text = neutralised(ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))
        is_odd = text.startswith("#") or (len(text) > 8 and text.isdigit())
        if not text or not (is_odd or wrap):
            return text or None
        made = WriteOnlyCell(sheet, text)
        made.data_type = "s"  # openpyxl would make an error of #N/A
        made.number_format = TEXT  # else a spreadsheet rounds what is typed over it
        if wrap:
            made.alignment = WRAPPED
        return made

    return cell


def _saved(workbook: Workbook) -> Iterator[bytes]:
    with SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as out:
        workbook.save(out)
        out.seek(0)
        while piece := out.read(_PIECE_BYTES):
            yield piece
