"""How written workbooks look: widths, text columns, lists to choose from, rows that are bad."""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final

from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from service.cameras.models import Programme
from service.cameras.place_types import PlaceType
from service.cameras.position import CoordinateSystem
from service.imports.columns import FIELDS, field_of, is_result
from service.imports.reasons import RowVerdict
from service.imports.rows import MOST_ROWS
from service.imports.values import label
from service.imports.words import YES_NO, Language, index_of, judged

TEXT: Final = "@"
"""The format of cells that a spreadsheet shall not take for numbers."""

WRAPPED: Final = Alignment(wrap_text=True, vertical="top")

MEASURED_ROWS: Final = 200
"""From which columns get their widths."""

_NARROWEST, _WIDEST, _REASONS_WIDTH = 10, 48, 64

_NUMBERS: Final = frozenset({"longitude", "latitude"})
_TINT: Final = PatternFill(bgColor="FDE8E4", fill_type="solid")


def is_copy(titles: Sequence[str]) -> bool:
    """Tell whether a table is an annotated copy: verdict and reasons come first."""
    return len(titles) > 1 and all(is_result(one) for one in titles[:2])


def set_columns(
    sheet: Any, titles: Sequence[str], some_rows: Iterable[Sequence[str]], widest: int = _WIDEST
) -> None:
    """Give columns the width of what stands in them, and a text's format but for numbers."""
    widths = [_width(one) for one in titles]
    for row in some_rows:
        for at, cell in enumerate(row[: len(widths)]):
            widths[at] = max(widths[at], _width(cell))
    for at, (title, width) in enumerate(zip(titles, widths, strict=True), 1):
        column = sheet.column_dimensions[get_column_letter(at)]
        column.width = min(max(width + 2, _NARROWEST), widest)
        if field_of(title) not in _NUMBERS:
            column.number_format = TEXT
    if is_copy(titles):
        sheet.column_dimensions["B"].width = _REASONS_WIDTH


def _width(cell: str) -> int:
    """Return how wide a text is, in digits: Chinese ones take two."""
    lines = cell[:200].splitlines() or [""]
    return max(sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in one) for one in lines)


def finish_copy(sheet: Any, columns: int, head: int, last: int, language: Language) -> None:
    """Let an annotated copy be filtered by its head's row, and tint what is bad."""
    area = f"A{head}:{get_column_letter(columns)}{max(last, head + 1)}"
    sheet.auto_filter.ref = area
    bad = judged(RowVerdict.BAD, language)
    rule = FormulaRule(formula=[f'$A{head}="{bad}"'], fill=_TINT)
    sheet.conditional_formatting.add(area, rule)


def choices(language: Language) -> dict[str, list[str]]:
    """Return what may be chosen, by field, in words that are read back."""
    is_chinese = language is Language.ZH
    tables = (
        ("programme", Programme),
        ("place_type", PlaceType),
        ("coordinate_system", CoordinateSystem),
    )
    found = {
        name: [label(name, str(one), is_chinese=is_chinese) for one in values]
        for name, values in tables
    }
    yes, no = (YES_NO[one][index_of(language)] for one in (True, False))
    return {**found, "sign_confirmed": [yes, no], "enabled": [yes, no]}


def add_lists(sheet: Any, explained: Any, language: Language, first_column: int) -> None:
    """Offer lists in the template's columns; other words that are understood may be typed.

    The lists stand in hidden columns of the sheet that explains.
    """
    for at, (name, words) in enumerate(choices(language).items(), first_column):
        letter = get_column_letter(at)
        for row, word in enumerate(words, 1):
            explained[f"{letter}{row}"] = word
        explained.column_dimensions[letter].hidden = True
        where = f"'{explained.title}'!${letter}$1:${letter}${len(words)}"
        offered = DataValidation(type="list", formula1=where, allow_blank=True)
        offered.showErrorMessage = False
        column = get_column_letter([one.name for one in FIELDS].index(name) + 1)
        offered.add(f"{column}2:{column}{MOST_ROWS + 1}")
        sheet.add_data_validation(offered)
