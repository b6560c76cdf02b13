"""A CSV file of places, as spreadsheets and statistics offices make them, read row by row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.csv_text import encoding_of, table
from service.places.codes import (
    Level,
    level_of,
    lies_within,
    short_form,
)
from service.places.errors import ImportUnreadableError
from service.refusals import Refusal, RefusedError
from service.text import NAME_LENGTH, require_plain

_HEADERS: Final = {
    "code": "code", "代码": "code", "编码": "code",
    "name": "name", "名称": "name",
    "level": "level", "级别": "level",
    "parent_code": "parent_code", "上级代码": "parent_code", "上级编码": "parent_code",
}  # fmt: skip

_LEVELS: Final = {
    "市": Level.CITY, "地级": Level.CITY, "地市": Level.CITY, "县": Level.COUNTY,
    "区县": Level.COUNTY, "县级": Level.COUNTY, "乡镇": Level.TOWNSHIP, "街道": Level.TOWNSHIP,
    "乡级": Level.TOWNSHIP, "村": Level.VILLAGE, "社区": Level.VILLAGE, "村级": Level.VILLAGE,
    "网格": Level.CELL, "街道乡镇": Level.TOWNSHIP, "乡镇街道": Level.TOWNSHIP,
    "社区村": Level.VILLAGE, "村社区": Level.VILLAGE, "全部": Level.INSTALLATION,
    "Grid cell": Level.CELL,
} | {word: one for one in Level for word in (one.value, one.value.capitalize())}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row that can be understood."""

    number: int
    """Its line in the file."""
    code: str
    """The place's."""
    name: str
    """The place's."""
    parent_code: str | None
    """The parent's, where the row says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that can't."""

    number: int
    """Its line in the file."""
    code: str
    """What stands in the column of the code."""
    fault: RefusedError
    """What is wrong."""


def read(body: bytes) -> Iterator[Row | BadRow]:
    """Yield the rows of a file. Raises ``ImportUnreadableError``."""
    lines = _table(body)
    columns = _columns(titles := next(lines, (1, []))[1])
    for number, cells in lines:
        values = {name: cells[at] if at < len(cells) else "" for name, at in columns.items()}
        try:
            _require_titles(cells, len(titles))
            yield _row(number, values)
        except RefusedError as error:
            yield BadRow(number=number, code=values["code"], fault=error)


def _columns(titles: Sequence[str]) -> dict[str, int]:
    """Return where our columns are. Raises ``ImportUnreadableError``."""
    found: dict[str, int] = {}
    for at, title in enumerate(titles):
        name = _HEADERS.get(title.lower())
        if name in found:
            raise ImportUnreadableError(
                f"the first line has two titles for one column, {titles[found[name]]} and {title}: "
                "leave one of them out",
                Refusal.FILE_COLUMN_TWICE,
                title=titles[found[name]],
                other=title,
            )
        if name is not None:
            found[name] = at
    if not {"code", "name"} <= set(found):
        raise ImportUnreadableError(
            "the first line names the columns: code,name,level,parent_code or "
            "代码,名称,级别,上级代码; the first two must be there",
            Refusal.FILE_COLUMNS,
        )
    return found


def _require_titles(cells: Sequence[str], titles: int) -> None:
    """Refuse a row that goes on after the last title: a comma in a name moves what follows it."""
    if any(cells[titles:]):
        raise RefusedError(
            Refusal.ROW_CELLS,
            f"the row has {len(cells)} cells, the first line {titles} titles: put a name with a "
            "comma between quotes",
            cells=len(cells),
            titles=titles,
        )


def _row(number: int, values: Mapping[str, str]) -> Row:
    code = short_form(values["code"])
    level = level_of(code)
    said = values.get("level", "")
    if said and _LEVELS.get(said) is not level:
        raise RefusedError(
            Refusal.ROW_LEVEL,
            f"{code} is the code of a {level}, the row says {said[:32]}",
            code=code,
            level=level.value,
            said=said[:32],
        )
    name = values["name"]
    if not 1 <= len(name) <= NAME_LENGTH:
        raise RefusedError(
            Refusal.ROW_NAME_LENGTH,
            f"a name has 1 to {NAME_LENGTH} characters, this one {len(name)}",
            most=NAME_LENGTH,
            characters=len(name),
        )
    require_plain(name)
    parent = values.get("parent_code", "")
    if parent:
        parent = short_form(parent)
        if not lies_within(code, parent):
            raise RefusedError(
                Refusal.PLACE_CODE_PARENT,
                f"{code} does not lie in {parent}: a code begins with its parent's",
                code=code,
                parent=parent,
            )
    return Row(number=number, code=code, name=name, parent_code=parent or None)


def _table(body: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and cells of the titles, and then of each row. Raises as ``read`` does."""
    if body.startswith(b"PK"):
        raise ImportUnreadableError(
            "the file is a workbook: save it as CSV UTF-8", Refusal.FILE_WORKBOOK
        )
    try:
        yield from table(body, encoding_of(body))
    except RefusedError as error:
        raise ImportUnreadableError(str(error), error.code, **error.params) from None
