"""Files as they come: encodings, separators, headings, workbooks and what isn't one."""

import io
import json
import zipfile
from datetime import date

import openpyxl
import pytest

from service.imports import csv_files, tables
from service.imports.errors import FileRefusedError
from service.imports.known import Defaults
from service.imports.notes import notes_of
from service.imports.reading import read
from service.imports.reasons import RowVerdict
from service.imports.rows import MOST_BYTES, MOST_ROWS, Source
from service.imports.words import Language, noted, said
from tests.service.imports.files import (
    GOOD,
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


def refused(body: bytes) -> FileRefusedError:
    with pytest.raises(FileRefusedError) as caught:
        of_sheet(read(body))
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "，"])
def test_every_encoding_and_separator_reads_the_same(encoding: str, delimiter: str) -> None:
    body = csv_of(table([row()]), delimiter, encoding)
    [one] = checked(body)
    assert (one.verdict, one.reasons, one.name) == (RowVerdict.NEW, [], GOOD["名称"])


def test_quoted_line_breaks_stay_and_rows_are_counted_as_a_spreadsheet_does() -> None:
    lines = table([row(1, 用途='"火情\n水情"'), row(2, 项目="?")])
    first, second = checked(csv_of([*lines[:2], [], lines[2]]))
    assert first.new is not None
    assert first.new.purpose == "火情\n水情"
    assert (first.number, second.number) == (2, 4)


@pytest.mark.parametrize(
    "titles",
    [
        ["＊ 名称", "国标编号（20位）", "经度(°)", "ＬＯＮ不"],
        ["Name*", "GB ID", "LONGITUDE [deg]", "x"],
        ["name", "gb_id", "longitude", "x"],
        ["摄像机 名称：", "国标编码", "【必填】经度", "x"],
    ],
)
def test_titles_are_known_however_they_are_dressed(titles: list[str]) -> None:
    sheet = read(csv_of([titles, ["a", gb_id(1), "120", "kept"]]))
    assert sheet.columns == {"name": 0, "gb_id": 1, "longitude": 2}
    assert [note.code for note in sheet.notes] == ["columns_unknown"]


def test_headings_above_the_titles_are_passed_over() -> None:
    heading = [["西湖区雪亮工程摄像机台账"], ["填表单位：应急局", "", "日期"]]
    for body in (
        csv_of([*heading, *table([row()])]),
        xlsx_of([*heading, *table([row()])], ["A1:O1"]),
    ):
        sheet = read(body)
        assert sheet.count == 1
        assert sheet.notes[0].params == {"row": 3}
        [one] = of_sheet(sheet)
        assert (one.number, one.verdict) == (4, RowVerdict.NEW)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "file_empty"),
        (b"\xef\xbb\xbf \r\n", "file_empty"),
        ("名称,国标编号\n".encode("utf-16"), "file_utf16"),
        ("名称,国标编号\n".encode() + b"\xff\xff\x81", "file_encoding"),
        (csv_of([TITLES]), "file_no_rows"),
        (csv_of([["a", "b"], ["1", "2"]]), "file_titles"),
        (csv_of([[*TITLES, "摄像机名称"], ["x"]]), "file_column_twice"),
        (csv_of([[*TITLES, *"x" * 200], ["x"]]), "file_wide"),
        (csv_of([TITLES, ['"a']]), "file_csv"),
        (csv_of([TITLES, ["a" * 200_000]]), "file_csv"),
        (b"<html><table><tr><td>x</td></tr></table></html>", "file_html"),
        (b'\r\n<?xml version="1.0"?><Workbook/>', "file_html"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "file_xls"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0" + "EncryptedPackage".encode("utf-16-le"),
            "file_encrypted",
        ),
        (b"Rar!\x1a\x07\x00", "file_archive"),
        (b"%PDF-1.7", "file_archive"),
        (b"PK\x03\x04 and then nothing", "file_broken"),
        (b"x" * (MOST_BYTES + 1), "file_large"),
        (b"[1, 2]", "file_json"),
        (b'{"msg": "no list"}', "file_json"),
        (b'[{"gbDeviceId": "1"}, {"gbDe', "file_json"),
        (b"[" * 1000, "file_json"),
        (b'[{"name": "no id"}]', "file_titles"),
    ],
)
def test_a_file_that_can_t_be_taken_is_told_apart(body: bytes, code: str) -> None:
    assert refused(body).code == code


def test_a_hundred_megabytes_are_refused_at_once() -> None:
    assert refused(bytes(100_000_000)).params == {"most_mb": 32}


def test_two_hundred_thousand_rows_are_refused_without_reading_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = ",".join(GOOD[title] for title in TITLES)
    body = "\n".join([",".join(TITLES), *([line] * 150_000)]).encode()[: MOST_BYTES - 4]
    body += b"\n" * 8
    body = body[:MOST_BYTES]
    seen = 0
    original = csv_files.rows

    def counting(*arguments: str) -> object:
        nonlocal seen
        for one in original(*arguments):  # type: ignore[arg-type]
            seen += 1
            yield one

    monkeypatch.setattr(csv_files, "rows", counting)
    assert refused(body).params == {"most_rows": MOST_ROWS}
    assert seen < MOST_ROWS + 100


def test_a_long_workbook_is_refused_without_reading_on() -> None:
    start = member(xlsx_of([TITLES]), SHEET).partition(b"</sheetData>")[0]
    rows = b"".join(b'<row r="%d"><c><v>1</v></c></row>' % at for at in range(2, 200_002))
    body = replaced(xlsx_of([TITLES]), {SHEET: start + rows + b"this is no xml"})
    assert refused(body).code == "file_long"


def test_limits_count_to_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    rows = [row(at) for at in range(3)]
    for body in (csv_rows(*rows[:2]), xlsx_of(table(rows[:2]))):
        assert read(body).count == 2
    for body in (csv_rows(*rows), xlsx_of(table(rows))):
        assert refused(body).code == "file_long"


def test_cells_of_a_workbook_say_what_the_screen_shows() -> None:
    values = {
        "经度": 120.1551, "纬度": 30.27410000000001, "联系电话": 13800138000,
        "告示牌确认": True, "行政区划": 330106, "备注": date(2026, 5, 1), "比例": 0.5,
    }  # fmt: skip
    [one] = checked(xlsx_of(table([{**row(), **values}])))
    assert one.reasons == []
    assert one.new is not None
    assert (one.new.position.latitude, one.new.contact_number) == (30.2741, "13800138000")
    assert one.cells[-2:] == ["2026-05-01", "0.5"]


@pytest.mark.parametrize("value", [33010600001320000001, 3.3010600001320000e19])
def test_an_id_stored_as_a_number_has_lost_its_digits(value: float) -> None:
    [one] = checked(xlsx_of(table([{**row(), "国标编号": value}])))
    assert codes(one) == {("gb_id", "gb_id_rounded")}


def test_formulas_errors_and_merged_cells_are_the_row_s() -> None:
    rows = [row(at) for at in range(1, 7)]
    lines = table(rows)
    lines[1][0] = "=A3"
    lines[2][10] = "#N/A"
    body = xlsx_of(lines, merged=["I4:I5"])
    found = checked(body)
    assert [codes(one) for one in found] == [
        {("name", "cell_formula")},
        {("longitude", "cell_error")},
        {("owner", "cell_merged")},
        {("owner", "cell_merged")},
        set(),
        set(),
    ]
    assert found[2].reasons[0].params == {"cells": "I4:I5"}
    assert found[0].cells[0] == "=A3"


def test_text_that_begins_like_a_formula_is_text() -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for line in table([row()]):
        sheet.append(line)
    sheet["A2"].value = "=1+1"
    sheet["A2"].data_type = "s"
    [one] = checked(saved(workbook))
    assert (one.name, one.reasons) == ("=1+1", [])


def test_the_first_sheet_with_our_titles_is_read_and_told() -> None:
    workbook = openpyxl.Workbook()
    first = workbook.active
    assert first is not None
    first.append(["说明", "请勿修改"])
    workbook.create_sheet("空")
    second = workbook.create_sheet("摄像机")
    for line in table([row()]):
        second.append(line)
    sheet = read(saved(workbook))
    assert sheet.notes[0].params == {"sheet": "摄像机", "others": 1}
    assert [one.verdict for one in of_sheet(sheet)] == [RowVerdict.NEW]


def test_a_sheet_s_own_word_on_its_size_counts_for_nothing() -> None:
    body = xlsx_of(table([row(1), row(2)]))
    lied = member(body, SHEET).replace(b'ref="A1:O3"', b'ref="A1:A1"')
    assert lied != member(body, SHEET)
    assert [one.verdict for one in checked(replaced(body, {SHEET: lied}))] == [RowVerdict.NEW] * 2


def test_rows_out_of_order_are_no_workbook_s() -> None:
    body = xlsx_of(table([row(1), row(2)]))
    turned = member(body, SHEET).replace(b'<row r="2"', b'<row r="9"')
    assert refused(replaced(body, {SHEET: turned})).code == "file_broken"


def test_encrypted_members_and_other_archives_are_told_apart() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.xlsx", xlsx_of([TITLES]))
    assert refused(out.getvalue()).code == "file_archive"
    body = bytearray(xlsx_of(table([row()])))
    at = body.index(b"PK\x01\x02")
    body[at + 8] |= 1
    assert refused(bytes(body)).code == "file_encrypted"
    assert refused(xlsx_of([])).code == "file_empty"


CHANNEL = {
    "gbId": 7, "gbDeviceId": gb_id(7), "gbName": "南山水库", "gbManufacturer": "x", "gbOwner": "0",
    "gbCivilCode": "33010600", "gbParental": 0, "gbPassword": "sip-secret", "gbStatus": "ON",
    "gbLongitude": 120.1551, "gbLatitude": 30.2741, "recordPlan": None, "extra": {"a": [1]},
}  # fmt: skip


def test_wvp_s_catalogue_is_read_as_json_and_as_a_spreadsheet() -> None:
    page = {"code": 0, "msg": "成功", "data": {"total": 1, "list": [CHANNEL]}}
    added = {
        "主码流": GOOD["主码流"], "场所类型": "水库", "告示牌确认": "是", "项目": "雪亮",
        "用途": "水情", "法律依据": "防洪法", "所有人": "水利局", "联系电话": "110",
    }  # fmt: skip
    lines = [[*CHANNEL, *added], [str(one) for one in [*CHANNEL.values(), *added.values()]]]
    for body, missing in (
        (json.dumps(page).encode(), True),
        (json.dumps([CHANNEL], ensure_ascii=False).encode("gb18030"), True),
        (xlsx_of(lines), False),
    ):
        sheet = read(body)
        assert sheet.source is Source.WVP
        [one] = of_sheet(sheet)
        assert (one.gb_id, one.name) == (gb_id(7), "南山水库")
        assert "sip-secret" not in str(one)
        if missing:
            said = {column for column, code in codes(one) if code == "required"}
            assert {"main_url", "owner", "place_type", "sign_confirmed"} <= said
            assert not said & {"place_code", "longitude", "coordinate_system", "name"}
        else:
            assert one.reasons == []
            assert one.new is not None
            assert (one.new.place_code, one.new.owner) == ("330106", "水利局")
            assert one.new.position.coordinate_system == "wgs84"


def test_half_a_character_in_json_is_the_row_s_fault() -> None:
    body = json.dumps([{**CHANNEL, "gbName": "a\ud800"}]).encode()
    [one] = checked(body)
    assert ("name", "hostile_text") in codes(one)
    assert one.cells[list(CHANNEL).index("gbName")] == "a?"


def test_a_number_as_an_id_in_json_has_lost_its_digits() -> None:
    body = json.dumps([{**CHANNEL, "gbDeviceId": int(gb_id(7))}]).encode()
    [one] = checked(body)
    assert ("gb_id", "gb_id_rounded") in codes(one)


def test_a_nul_is_the_row_s_fault_in_any_column() -> None:
    [one] = checked(csv_rows(row(备注="a\0b")))
    assert codes(one) == {(None, "hostile_text")}
    assert one.cells[-1] == "a\ufffdb"


def test_columns_that_are_absent_are_called_as_the_reader_calls_them() -> None:
    sheet = read("国标编号,名称,主码流\n1,a,b\n".encode(), Source.AUTO)
    may, must = notes_of(sheet, Defaults(programme="雪亮"))
    assert "：行政区划、用途、法律依据" in noted(may, Language.ZH)
    told = noted(may, Language.EN)
    assert told.endswith("Contact number, Coordinate system")
    assert told.isascii()
    assert noted(must, Language.EN).endswith("Place type, Sign confirmed, Longitude, Latitude")
    everything = Defaults(**dict.fromkeys(may.params["fields"].split(), "x"), programme="x")  # type: ignore[union-attr]
    assert notes_of(sheet, everything) == [must]


def test_of_wvp_s_columns_those_that_are_read_are_not_called_unknown() -> None:
    sheet = read(json.dumps([CHANNEL]).encode())
    unknown, may, must = notes_of(sheet, Defaults())
    said_unknown = set(str(unknown.params["columns"]).split("、"))
    assert {"gbManufacturer", "gbStatus"} <= said_unknown
    assert not said_unknown & {"gbDeviceId", "gbName", "gbOwner", "gbLongitude", "gbLatitude"}
    assert may.params == {"fields": "programme purpose legal_basis contact_number"}
    assert must.params == {"fields": "place_type sign_confirmed main_url"}


def test_a_file_that_is_only_called_a_workbook_is_told_so() -> None:
    for body in (b"just some text\nand more\n", b"\x00\x01\xff\xff", b'say "a\n', b"[1"):
        with pytest.raises(FileRefusedError) as caught:
            of_sheet(read(body, name="Estate.XLSX"))
        assert caught.value.code == "file_no_workbook"
        assert refused(body).code != "file_no_workbook"
    assert read(csv_rows(row()), name="estate.xlsx").count == 1


def test_who_has_a_spreadsheet_is_told_which_kinds_of_place_there_are() -> None:
    for language, kind in ((Language.ZH, "消防车通道"), (Language.EN, "fire lane")):
        assert kind in said("place_type_unknown", {}, language)
