"""Tables that are written: nothing runs in a spreadsheet, and what is read again is the same."""

import csv
import io
import zipfile
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.cameras.models import Programme
from service.cameras.place_types import PlaceType
from service.cameras.position import CoordinateSystem
from service.imports import sheets, tables
from service.imports.columns import FIELDS
from service.imports.reading import read
from service.imports.reasons import Reason, Verdict
from service.imports.words import CODES, REFUSALS, Language, said, said_of
from service.refusals import Refusal
from tests.service.imports.files import GOOD, TITLES, checked, csv_rows, of_sheet, row
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
    stored |= {"longitude": 120.15512345678901, "contact_number": "+86 571 1", "enabled": False}
    if isinstance(kind, Hazard):
        stored |= {"hazards": sorted({"fire", kind.value}), "water": {"foot": 1}}
        stored["zones"] = [
            {"kind": "road", "direction": [1]}, {"kind": "gate"},
        ]  # fmt: skip
    elif kind != "odd":
        stored[of[type(kind)]] = kind.value
    line = sheets.camera_cells(stored, language)
    body = b"".join(write(sheets.template_titles(language), [line]))
    [found] = checked(body, known=Registry(stored, bound=["192.0.2.1:554"]))
    assert (found.verdict, found.reasons) == (Verdict.UNCHANGED, [])


@pytest.mark.parametrize("language", Language)
def test_the_template_has_every_column_and_tells_what_they_hold(language: Language) -> None:
    titles = sheets.template_titles(language)
    assert sheets.template_csv(language).decode("utf-8-sig").strip() == ",".join(titles)
    book = openpyxl.load_workbook(io.BytesIO(sheets.template_xlsx(language)))
    first, second = book.worksheets
    assert [cell.value for cell in first[1]] == titles
    assert second.max_row == len(FIELDS) + 1
    assert all(cell.value for line in second.rows for cell in line)
    first.append([GOOD.get(one.zh, "") for one in FIELDS])
    out = io.BytesIO()
    book.save(out)
    [found] = of_sheet(read(out.getvalue()))
    assert found.verdict is Verdict.NEW


def annotated(body: bytes, language: Language = Language.ZH) -> tuple[list[str], list[list[str]]]:
    sheet = read(body)
    rows = [(one.cells, one.verdict, one.reasons) for one in of_sheet(sheet)]
    titles, lines = sheets.annotated(sheet.titles, rows, language)
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
    english, (_, told) = annotated(body, Language.EN)
    assert english[:2] == ["Result", "Reasons"]
    assert told[0] == "bad"
    assert "Sign confirmed: The sign is not confirmed" in told[1]


@pytest.mark.parametrize("write", [sheets.write_csv, sheets.write_xlsx])
def test_an_annotated_copy_is_mended_and_sent_again(write: Any) -> None:
    first = annotated(csv_rows(row(1), row(2, 所有人="", 备注="=1")))
    assert len(first[1]) == 2
    sent = b"".join(write(*first))
    titles, lines = annotated(sent)
    assert titles == first[0]
    assert lines == first[1]
    lines[1][titles.index("所有人")] = "水利局"
    assert [one.verdict for one in checked(b"".join(write(titles, lines)))] == [Verdict.NEW] * 2


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
