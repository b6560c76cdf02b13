"""Files of cameras as integrators send them."""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import openpyxl

from service.imports.checking import Checked, Checker
from service.imports.known import Defaults, Known, NothingKnown
from service.imports.reading import read
from service.imports.rows import Sheet, Source

TITLES = [
    "名称", "国标编号", "项目", "主码流", "子码流", "场所类型", "用途", "法律依据", "所有人",
    "告示牌确认", "经度", "纬度", "坐标系", "行政区划", "联系电话",
]  # fmt: skip

GOOD = {
    "名称": "西湖路口 1 号", "国标编号": "33010600001320000001", "项目": "雪亮",
    "主码流": "rtsp://192.0.2.1/Streaming/Channels/101", "子码流": "", "场所类型": "路口",
    "用途": "火情监测", "法律依据": "消防法", "所有人": "西湖区应急管理局", "告示牌确认": "是",
    "经度": "120.1551", "纬度": "30.2741", "坐标系": "GCJ-02", "行政区划": "330106",
    "联系电话": "0571-88888888",
}  # fmt: skip

SHEET = "xl/worksheets/sheet1.xml"


def gb_id(number: int) -> str:
    return f"3301060000132{number:07d}"


def row(number: int = 1, **others: str) -> dict[str, str]:
    return {**GOOD, "国标编号": gb_id(number), **others}


def table(rows: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    """Return titles and rows; a row may bring titles of its own."""
    rows = list(rows)
    titles = list(dict.fromkeys([*TITLES, *(title for one in rows for title in one)]))
    return [titles, *([one.get(title, "") for title in titles] for one in rows)]


def csv_of(lines: Sequence[Sequence[str]], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    return "\n".join(delimiter.join(line) for line in lines).encode(encoding)


def csv_rows(*rows: Mapping[str, str]) -> bytes:
    return csv_of(table(rows))


def xlsx_of(lines: Iterable[Sequence[Any]], merged: Sequence[str] = ()) -> bytes:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for line in lines:
        sheet.append([cell if cell != "" else None for cell in line])
    for cells in merged:
        sheet.merge_cells(cells)
    return saved(workbook)


def saved(workbook: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def replaced(body: bytes, members: Mapping[str, bytes], level: int = 6) -> bytes:
    """Return a workbook with other members."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(
        out, "w", zipfile.ZIP_DEFLATED, compresslevel=level
    ) as new:  # fmt: skip
        names = dict.fromkeys([*old.namelist(), *members])
        for name in names:
            new.writestr(name, members[name] if name in members else old.read(name))
    return out.getvalue()


def member(body: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return archive.read(name)


def checked(
    body: bytes,
    defaults: Defaults | None = None,
    known: Known | None = None,
    source: Source = Source.AUTO,
) -> list[Checked]:
    sheet = read(body, source)
    return of_sheet(sheet, defaults, known)


def of_sheet(
    sheet: Sheet, defaults: Defaults | None = None, known: Known | None = None
) -> list[Checked]:
    checker = Checker(sheet, defaults or Defaults(), known or NothingKnown())
    return [checker.check(one) for one in sheet.rows]


def codes(one: Checked) -> set[tuple[str | None, str]]:
    return {(reason.column, reason.code) for reason in one.reasons}
