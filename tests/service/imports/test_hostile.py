"""Files that mean harm to memory, disk and time, and logins where nobody looks for them."""

import time
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from service import tables
from service.imports import archive, taking
from service.imports.errors import FileRefusedError, UnwantedError
from service.imports.reading import read
from service.imports.rows import MOST_KEPT_CHARACTERS, SheetRow, Source
from tests.service.helpers import Parts
from tests.service.imports.files import (
    SHEET,
    TITLES,
    checked,
    codes,
    csv_of,
    csv_rows,
    gb_id,
    member,
    of_sheet,
    replaced,
    row,
    saved,
    table,
    xlsx_of,
)
from tests.service.imports.kit import begun, integrators, over, sent
from tests.support.waiting import until

BOOK = xlsx_of(table([row()]))
SECRET = "Zq7-s3cret"


def refused(body: bytes) -> str:
    with pytest.raises(FileRefusedError) as caught:
        of_sheet(read(body))
    return caught.value.code


def wide(rows: int) -> bytes:
    """A small workbook whose cells all say one long text, which it holds once."""
    titles = line_of(*TITLES, *(f"备注{at}" for at in range(180)))
    cell = b'<c t="s"><v>0</v></c>'
    lines = [(1, titles), *((at, cell * 195) for at in range(2, rows + 2))]
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    text = f'<sst xmlns="{space}"><si><t>' + "汉" * 4096 + "</t></si></sst>"
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    return with_part(numbered(*lines), "xl/sharedStrings.xml", kind, text.encode())


def with_part(body: bytes, name: str, kind: bytes, part: bytes) -> bytes:
    """Return a workbook with another part, taken for what its content type says."""
    types = member(body, "[Content_Types].xml")
    if (override := b'PartName="/%s"' % name.encode()) not in types:
        more = b'<Override %s ContentType="%s"/></Types>' % (override, kind)
        types = types.replace(b"</Types>", more)
    return replaced(body, {name: part, "[Content_Types].xml": types})


def test_a_row_keeps_few_characters_and_says_so() -> None:
    [one] = checked(csv_rows(row(**{f"备注{at}": "汉" * 4000 for at in range(180)})))
    assert codes(one) == {(None, "cell_long")}
    assert sum(map(len, one.cells)) <= MOST_KEPT_CHARACTERS
    [one] = checked(csv_rows(row(备注="汉" * 4000)))
    assert one.reasons == []
    assert one.cells[-1] == "汉" * 256 + "…"


def test_a_login_is_covered_before_a_cell_is_cut() -> None:
    [one] = checked(csv_rows(row(备注=f"rtsp://admin:{SECRET * 40}@192.0.2.1/x")))
    assert SECRET not in str(one.cells)


def test_a_batch_ends_by_characters_too() -> None:
    rows = [SheetRow(number=at, cells=["汉" * 4096] * 200) for at in range(100)]
    assert {len(some) for some in taking._pieces(iter(rows))} == {16, 4}
    short = [SheetRow(number=at, cells=["汉"]) for at in range(101)]
    assert [len(some) for some in taking._pieces(iter(short))] == [50, 50, 1]


def test_a_file_that_would_fill_the_disk_is_refused_and_leaves_nothing(
    lone: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "MOST_KEPT_BYTES", 1 << 20)
    with integrators(lone) as (own, _, _):
        made = sent(own, wide(40))
        assert (made["state"], made["problem"]["code"]) == ("failed", "file_bomb")
        assert lone.rows(tables.camera_import_rows) == []
        made = sent(own, wide(10))
        assert (made["state"], made["by_reason"]["cell_long"]) == ("checked", 10)


def test_json_takes_no_more_than_its_text_and_half_a_character_still_goes_in(
    lone: Parts,
) -> None:
    written = sa.JSON().bind_processor(lone.database.engine.dialect)
    assert written is not None
    assert len(written(["汉" * 100]).encode()) < 310
    assert written(["\ud800"]).encode() == b'["\\ud800"]'


def numbered(*rows: tuple[int, bytes]) -> bytes:
    start, _, rest = member(BOOK, SHEET).partition(b"<sheetData>")
    inside = b"".join(b'<row r="%d">%s</row>' % (number, cells) for number, cells in rows)
    end = rest.partition(b"</sheetData>")[2]
    return replaced(BOOK, {SHEET: start + b"<sheetData>" + inside + b"</sheetData>" + end})


def line_of(*texts: str) -> bytes:
    return b"".join(b'<c t="inlineStr"><is><t>%s</t></is></c>' % text.encode() for text in texts)


def test_empty_rows_that_openpyxl_would_make_up_are_bounded() -> None:
    lines = [line_of(*map(str, one)) for one in table([row()])]
    assert refused(numbered((1, lines[0]), (1_048_576, lines[1]))) == "file_bomb"
    assert len(checked(numbered((1, lines[0]), (50_000, lines[1])))) == 1


def test_what_follows_the_last_row_that_says_anything_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_rows = _counting(monkeypatch)
    lines = [line_of(*map(str, one)) for one in table([row()])]
    body = numbered((1, lines[0]), (2, lines[1]), (3, line_of(" ")), (1_048_576, b""))
    assert len(checked(body)) == 1
    assert len(read_rows) < 20


def test_titles_are_looked_for_in_the_first_rows_and_sheets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_rows = _counting(monkeypatch)
    assert refused(numbered((1, line_of("x")), (90_000, line_of("y")))) == "file_titles"
    assert len(read_rows) <= 200
    workbook = openpyxl.Workbook()
    for _ in range(50):
        workbook.create_sheet().append(["x"])
    for line in table([row()]):
        workbook.create_sheet("late", 50).append(line)
    workbook.worksheets[0].append(["x"])
    assert refused(saved(workbook)) == "file_titles"


def _counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the rows that openpyxl yields."""
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

    seen: list[int] = []
    original: Callable[..., Any] = ReadOnlyWorksheet._cells_by_row

    def counting(self: Any, *arguments: Any, **named: Any) -> Any:
        for one in original(self, *arguments, **named):
            seen.append(1)
            yield one

    monkeypatch.setattr(ReadOnlyWorksheet, "_cells_by_row", counting)
    return seen


@pytest.mark.parametrize("calls", [0, 5, 20])
def test_a_workbook_that_nobody_wants_any_more_is_not_read_on(calls: int) -> None:
    left = [calls]

    def require_wanted() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise UnwantedError

    body = xlsx_of(table([row(at) for at in range(3000)]))
    with pytest.raises(UnwantedError):
        of_sheet(read(body, require_wanted=require_wanted))


def test_a_long_reading_ends_when_the_import_is_deleted_or_the_service_stops(
    lone: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(_body: bytes, _source: Source, require_wanted: Callable[[], None]) -> None:
        while True:
            require_wanted()
            time.sleep(0.01)

    with integrators(lone) as (own, _, _):
        with monkeypatch.context() as patched:
            patched.setattr(taking, "read", endless)
            path = begun(own)
            assert own.put(f"{path}/file", content=b"x").status_code == 202
            assert own.delete(path).status_code == 204
        again = begun(own)
        body = csv_rows(row())
        until(lambda: own.put(f"{again}/file", content=body).status_code == 202, "the place", 2)
        assert over(own, again)["state"] == "checked"
        monkeypatch.setattr(taking, "read", endless)
        assert own.put(f"{begun(own)}/file", content=b"x").status_code == 202
        left_at_s = time.monotonic()
    assert time.monotonic() - left_at_s < 2


@pytest.mark.parametrize("name", ["xl/ss.bin", "xl/ss", "xl/media/image1.png"])
def test_a_part_is_looked_through_whatever_it_is_called(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_STRINGS", 1000)
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    for blanks in (b"", b" " * 200, b"\n" * 100_000):
        many = blanks + b"<sst>" + b"<si><t>a</t></si>" * 1001 + b"</sst>"
        declared = blanks + b'<!DOCTYPE sst [<!ENTITY a "b">]><sst><si><t>&a;</t></si></sst>'
        for part in (many, declared):
            assert refused(with_part(BOOK, name, kind, part)) == "file_bomb"


@pytest.mark.parametrize(
    "more",
    [
        b"," * (2 << 20),
        b"1" + b"," * 2000,
        b"\n" * 300_000,
        b'"' + b"\n" * 2000 + b'"',
        b'"' + b'",\n"' * 2000,
    ],
    ids=["line", "cells", "blank", "quoted", "row"],
)
def test_lines_that_are_no_table_s_are_refused(more: bytes) -> None:
    good = csv_rows(row()) + b"\n"
    for body in (good + more, more + b"\n" + good):
        assert refused(body) in {"file_csv", "file_titles"}
    assert refused(good + more) == "file_csv"


def test_the_separator_is_looked_for_in_the_head_only() -> None:
    assert refused(b"x\n" * 40_000 + csv_rows(row())) == "file_titles"
    long = [row(at, 用途=f'"{"水" * 1500}\n情"') for at in range(60)]
    assert [one.number for one in checked(csv_of(table(long), ";"))][-1] == 61


TITLED = [
    "设备 密 码", "密　码2", "ＰＷＤ", "pass", "PW", "gb pass word", "pass phrase", "密碼",
    "用户名/密碼", "user/pass", "PIN码", "auth", "Community", "mima", "psk", "设备口令", "key",
    "登录密码（主）", "API Key", "onvif_pw",
]  # fmt: skip


@pytest.mark.parametrize("title", TITLED)
def test_a_column_whose_title_means_a_login_is_covered(title: str) -> None:
    [one] = checked(csv_rows(row(**{title: SECRET})))
    assert SECRET not in str(one)
    [one] = checked(csv_rows(row(备注="看得见", 拼音pinyin="xihu", 作者author="水利局")))
    assert one.cells[-3:] == ["看得见", "xihu", "水利局"]


@pytest.mark.parametrize("last", ["x", ""])
def test_a_comma_in_a_password_shows_nothing_of_the_rest(last: str) -> None:
    titles = [*TITLES, "用户名", "密码", "备注", "启用"]
    lines = table([row()])
    body = csv_of([titles, [*lines[1], "admin", f"p1,{SECRET}", "", last]])
    [one] = checked(body)
    assert codes(one) == {(None, "row_cells")}
    assert SECRET not in str(one)
    assert one.cells[1] == gb_id(1)
    even = csv_of([titles, [*lines[1], "admin", "p1", "", ""]])
    assert checked(even)[0].reasons == []


@pytest.mark.parametrize(
    "cell",
    [
        f"rtsp://admin%3A{SECRET}%4010.1.1.3/x",
        f"rtsp://admin%253A{SECRET}%254010.1.1.3/x",
        f"rtsp://admin：{SECRET}＠10.1.1.3/x",
        f"rtsp：//admin:{SECRET}@10.1.1.3",
        f"10.1.1.3 admin {SECRET}",
        f"rtsp://10.1.1.3 admin {SECRET}",
        f"rtsp://10.1.1.3/x admin {SECRET}",
        f"rtsp://admin:{SECRET}",
        f"rtsp://admin:{SECRET * 600}@10.1.1.3/x",
    ],
)
def test_a_login_in_whatever_an_address_was_meant_to_be_is_covered(cell: str) -> None:
    for column in ("主码流", "子码流"):
        [one] = checked(csv_rows(row(**{column: cell})))
        assert SECRET not in str(one), column
