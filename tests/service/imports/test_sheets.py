"""Tables that are written: nothing runs in a spreadsheet, and what is read again is the same."""

import csv
import io
import zipfile
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter

from service.cameras.models import Programme
from service.cameras.place_types import PlaceType
from service.cameras.position import CoordinateSystem
from service.imports import sheets, tables
from service.imports.columns import FIELDS
from service.imports.reading import read
from service.imports.reasons import Reason, RowVerdict
from service.imports.words import CODES, NOTES, REFUSALS, Language, said, said_of
from service.refusals import Refusal
from tests.service.imports.files import (
    TITLES,
    checked,
    csv_rows,
    of_sheet,
    row,
    table,
    xlsx_of,
)
from tests.service.imports.test_checking import STORED, Registry
from tests.service.web.test_console import words
from vision.hazards import Hazard

RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
cells = st.text(
    st.sampled_from(["'", " ", "a", "1", *RUN]) | st.characters(codec="utf-8"), max_size=8
)


@given(cells)
def test_a_neutralised_cell_never_runs_and_comes_back(cell: str) -> None:
    neutral = tables.neutralised(cell)
    assert tables.undone(neutral) == cell
    assert not neutral.lstrip(" ").startswith(RUN)


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(A1)", "+86 571 8888", "-1", "＝1", " =1", "\t=1"])
def test_what_a_spreadsheet_would_run_is_written_as_text(cell: str) -> None:
    text = b"".join(sheets.write_csv([cell], [[cell]])).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [[f"'{cell}"], [f"'{cell}"]]
    book = openpyxl.load_workbook(io.BytesIO(b"".join(sheets.write_xlsx([cell], [[cell]]))))
    assert book.active is not None
    assert [one.data_type for (one,) in book.active.rows] == ["s", "s"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", [*PlaceType, *Programme, *CoordinateSystem, *Hazard, "odd"])
def test_an_export_reads_back_as_unchanged(language: Language, kind: Any) -> None:
    write = sheets.write_xlsx if kind == "odd" else sheets.write_csv
    of = {PlaceType: "place_type", Programme: "programme", CoordinateSystem: "coordinate_system"}
    stored = {**STORED, "upstream": "=cmd", "owner": "@单位", "name": "#N/A", "purpose": "甲\n乙"}
    stored |= {"longitude": 120.10199999999999, "contact_number": "8796", "enabled": False}
    if isinstance(kind, Hazard):
        stored |= {"hazards": sorted({"fire", kind.value}), "water": {"foot": 1}}
        stored["zones"] = [
            {"kind": "road", "direction": [1]}, {"kind": "gate"},
        ]  # fmt: skip
    elif kind != "odd":
        stored[of[type(kind)]] = kind.value
    line = sheets.camera_cells(stored, language)
    assert line[[one.name for one in FIELDS].index("longitude")] == "120.102"
    body = b"".join(write(sheets.template_titles(language), [line]))
    [found] = checked(body, known=Registry(stored, bound=["192.0.2.1:554"]))
    assert (found.verdict, found.reasons) == (RowVerdict.UNCHANGED, [])


@pytest.mark.parametrize("language", Language)
def test_the_template_has_every_column_and_tells_what_they_hold(language: Language) -> None:
    titles = sheets.template_titles(language)
    assert sheets.template_csv(language).decode("utf-8-sig").strip() == ",".join(titles)
    book = openpyxl.load_workbook(io.BytesIO(sheets.template_xlsx(language)))
    first, second = book.worksheets
    assert [cell.value for cell in first[1]] == titles
    lines = [
        [cell.value for cell in line[:4]] for line in second.iter_rows(max_row=len(FIELDS) + 1)
    ]
    assert all(all(line) for line in lines)
    assert second["C2"].alignment.wrap_text
    columns = {one.name: first.column_dimensions[get_column_letter(at)] for at, one in
               enumerate(FIELDS, 1)}  # fmt: skip
    assert {name for name, one in columns.items() if one.number_format != "@"} == {
        "longitude", "latitude"
    }  # fmt: skip
    assert columns["name"].width < columns["main_url"].width
    offered = {_at(first, one): _words(book, one.formula1)
               for one in first.data_validations.dataValidation}  # fmt: skip
    assert set(offered) == {
        "programme", "place_type", "coordinate_system", "sign_confirmed", "enabled"
    }  # fmt: skip
    assert len(offered["place_type"]) == len(PlaceType)
    example = {one.name: line[3] for one, line in zip(FIELDS, lines[1:], strict=True)}
    for name in offered:
        for word in offered[name][: 1 if name == "sign_confirmed" else None]:
            assert _taken(book, {**example, name: word}).verdict is RowVerdict.NEW, word


def _at(sheet: Any, offered: Any) -> str:
    """The field of the column that a list is offered in, which is as long as any file."""
    area = str(offered.sqref)
    assert area.endswith("50001")
    return FIELDS[sheet[area.split(":", maxsplit=1)[0]].column - 1].name


def _words(book: Any, where: str) -> list[str]:
    name, _, area = where.partition("!")
    return [cell.value for (cell,) in book[name.strip("'")][area.replace("$", "")]]


def _taken(book: Any, cells: dict[str, Any]) -> Any:
    """What comes of the template with a row in it, read as it is saved."""
    sheet = book.worksheets[0]
    for at, one in enumerate(FIELDS, 1):
        sheet.cell(2, at, cells[one.name])
    out = io.BytesIO()
    book.save(out)
    table_read = read(out.getvalue())
    assert not table_read.notes, "our own second sheet is no news"
    [found] = of_sheet(table_read)
    return found


def test_a_copy_s_bad_rows_are_tinted_and_its_head_filters() -> None:
    for language in Language:
        titles, told = annotated(csv_rows(row(1), row(2, 告示牌确认="否", 名称="=1+1")), language)
        body = b"".join(sheets.write_xlsx(titles, told, language, above=1))
        first, second = openpyxl.load_workbook(io.BytesIO(body)).worksheets
        assert (first.freeze_panes, first.auto_filter.ref[:3]) == ("A3", "A2:")
        [(area, rules)] = [(one.sqref, one.rules) for one in first.conditional_formatting]
        assert str(area) == first.auto_filter.ref
        assert rules[0].formula == [f'$A2="{first["A4"].value}"']
        assert first["A4"].value in {"有误", "bad"}
        assert first["B4"].alignment.wrap_text
        assert first.column_dimensions["B"].width > 50
        assert "'=1+1" in {cell.value for cell in first[4]}
        assert {cell.data_type for line in first.rows for cell in line} <= {"s", "n"}
        assert second.max_row == len(FIELDS) + 1
        assert "sheet_chosen" not in {one.code for one in read(body).notes}


def annotated(body: bytes, language: Language = Language.ZH) -> tuple[list[str], list[list[str]]]:
    sheet = read(body)
    rows = [(one.number, one.cells, one.verdict, one.reasons) for one in of_sheet(sheet)]
    titles, lines = sheets.annotated(sheet.titles, rows, language, sheet.titles_at_row)
    return titles, list(lines)


def test_an_annotated_copy_has_the_file_s_own_columns_and_what_was_found() -> None:
    body = csv_rows(
        row(1, 备注="保留", 密码="s3cret", 用户名="admin"), row(2, 告示牌确认="否", 项目="x")
    )
    titles, (good, bad) = annotated(body)
    assert titles == ["结果", "原因", *TITLES, "备注", "密码", "用户名"]
    assert good[:2] == ["可导入", ""]
    assert good[-3:] == ["保留", "***", "***"]
    assert bad[:2] == [
        "有误",
        "项目：没有“x”这一选项，请见模板说明；告示牌确认：未确认告示牌：请先在现场确认设有告示牌，再填“是”",
    ]
    lines = csv_rows(row(1, 行政区划="3301067")).replace("行政区划".encode(), "所属区划*".encode())
    _, (own,) = annotated(lines)
    assert own[1].startswith("所属区划：")
    english, (_, told) = annotated(body, Language.EN)
    assert english[:2] == ["Result", "Reasons"]
    assert told[0] == "bad"
    assert "告示牌确认: The sign is not confirmed" in told[1]


@pytest.mark.parametrize("write", [sheets.write_csv, sheets.write_xlsx])
def test_an_annotated_copy_is_mended_and_sent_again(write: Any) -> None:
    first = annotated(csv_rows(row(1), row(2, 所有人="", 备注="=1")))
    assert len(first[1]) == 2
    sent = b"".join(write(*first))
    titles, lines = annotated(sent)
    assert titles == first[0]
    assert lines == first[1]
    lines[1][titles.index("所有人")] = "水利局"
    assert [one.verdict for one in checked(b"".join(write(titles, lines)))] == [RowVerdict.NEW] * 2


@pytest.mark.parametrize("write", [sheets.write_csv, sheets.write_xlsx])
def test_rows_of_a_copy_stand_where_they_stood(write: Any) -> None:
    lines = table([row(1), row(2, 用途="火情\n水情", 所有人=""), row(3), row(4)])
    lines = [["台账"], ["", ""], *lines[:2], [], [], *lines[2:4], [], lines[4]]
    bodies = [b"".join(sheets.write_csv(lines[0], lines[1:])), xlsx_of(lines)]
    for body in bodies:
        sheet = read(body)
        titles, told = annotated(body)
        copy = b"".join(write(titles, told, above=sheet.titles_at_row - 1))
        again = read(copy)
        assert (sheet.titles_at_row, again.titles_at_row) == (3, 3)
        numbers = [one.number for one in again.rows]
        assert numbers == [one.number for one in sheet.rows] == [4, 7, 8, 10]


def test_a_workbook_in_english_has_a_sheet_called_so() -> None:
    book = openpyxl.load_workbook(io.BytesIO(b"".join(sheets.write_xlsx(["a"], [], Language.EN))))
    assert book.sheetnames == ["Cameras"]


def test_columns_that_new_cameras_need_are_added_to_the_copy() -> None:
    titles, [line] = annotated("gbDeviceId,gbName\n33010600001320000007,水库\n".encode())
    assert titles[:4] == ["结果", "原因", "gbDeviceId", "gbName"]
    assert {"主码流*", "告示牌确认*"} <= set(titles)
    assert not {"名称*", "国标编号*", "子码流"} & set(titles)
    assert len(line) == len(titles)


def test_characters_that_no_workbook_holds_are_replaced() -> None:
    body = b"".join(sheets.write_xlsx(["名称"], [["a\x0bb"]]))
    assert openpyxl.load_workbook(io.BytesIO(body)).active["A2"].value == "a\ufffdb"  # type: ignore[index]
    assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None


def test_the_words_are_the_console_s() -> None:
    for at, language in enumerate(("zh", "en")):
        console = {key: text.replace("{'@'}", "@") for key, text in words(language).items()}
        for code, pair in REFUSALS.items():
            assert pair[at] == console[f"refusal.{code}"], code
        assert {key: pair[at] for key, pair in CODES.items()} == {
            key: text
            for key, text in console.items()
            if key.split(".")[0] in {"hidden", "device", "refused_place", "sea", "level"}
        }
    assert set(REFUSALS) <= set(Refusal)


def test_rows_are_called_rows_and_who_has_drawn_nothing_yet_is_told_to_register_first() -> None:
    for code in ("row_cells", "gb_id_twice", "file_column_twice"):
        assert " line" not in REFUSALS[code][1]
    assert not [code for code, (_, text) in NOTES.items() if " line" in text]
    for code in (one for one in Refusal if one.startswith("needs_")):
        assert "add it once the camera is registered" in said(code, {}, Language.EN)
        assert "登记摄像机" in said(code, {}, Language.ZH)


def test_values_that_are_codes_are_said_in_words_and_braces_do_nothing() -> None:
    told = said("place_type_refused", {"refused_place": "ward"}, Language.ZH)
    assert told.startswith("病房不可监看")
    odd = said_of("owner", "cell_choice", {"said": "{0.__class__} {said!r:>10}"}, Language.EN)
    assert "{0.__class__} {said!r:>10}" in odd
    assert Reason(column=None, code="x", message="", params={}).code == said("x", {}, Language.EN)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=5))
def test_any_cells_survive_both_formats(lines: list[list[str]]) -> None:
    lines = [[cell.strip().replace("\0", "") for cell in line] for line in lines]
    lines = [["x", *line] for line in lines]
    for write in (sheets.write_csv, sheets.write_xlsx):
        body = b"".join(write(["名称", "国标编号", "甲", "乙"], lines))
        legal = [
            [sheets.ILLEGAL_CHARACTERS_RE.sub("\ufffd", one) for one in line] for line in lines
        ]
        found = [one.cells for one in read(body).rows]
        assert found == (lines if write is sheets.write_csv else legal)
