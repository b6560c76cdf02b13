"""Workbooks that mean harm: what they unpack to is bounded before anything opens them."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from service.imports import archive
from service.imports.errors import FileRefusedError
from service.imports.reading import read
from tests.service.imports.files import (
    SHEET,
    member,
    of_sheet,
    replaced,
    row,
    table,
    xlsx_of,
)

BOOK = xlsx_of(table([row()]))
START = member(BOOK, SHEET).partition(b"<sheetData>")[0]
STRINGS = "xl/sharedStrings.xml"
STYLES = "xl/styles.xml"


def refused(body: bytes) -> str:
    with pytest.raises(FileRefusedError) as caught:
        of_sheet(read(body))
    return caught.value.code


def sheet(inside: bytes) -> bytes:
    return replaced(BOOK, {SHEET: START + inside + b"</worksheet>"}, level=1)


def test_a_bomb_is_refused_by_what_it_unpacks_to_not_by_what_it_says() -> None:
    blanks = b"<sheetData>" + b" " * (64 << 20) + b"</sheetData>"
    assert refused(sheet(blanks)) == "file_bomb"


def test_all_members_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_UNPACKED", 1 << 20)
    pictures = {f"xl/media/{at}.bin": bytes(300_000) for at in range(4)}
    assert refused(replaced(BOOK, pictures, level=0)) == "file_bomb"
    pictures.popitem()
    assert len(of_sheet(read(replaced(BOOK, pictures, level=0)))) == 1


def test_many_members_are_refused() -> None:
    many = {f"xl/media/{at}": b"" for at in range(archive.MOST_MEMBERS)}
    assert refused(replaced(BOOK, many)) == "file_bomb"


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY a "&lol;&lol;&lol;">
<!ENTITY b "&a;&a;&a;">]><worksheet><sheetData><row><c><v>&b;</v></c></row>
</sheetData></worksheet>"""
OUTSIDE = (
    b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><sst>&x;</sst>"""
)


@pytest.mark.parametrize(
    "name", [SHEET, STYLES, STRINGS, "xl/workbook.xml", "_rels/.rels", "x.vml"]
)
@pytest.mark.parametrize("text", [LAUGHS, OUTSIDE])
def test_a_document_type_is_refused_in_every_member(name: str, text: bytes) -> None:
    assert refused(replaced(BOOK, {name: text})) == "file_bomb"


def test_a_document_type_in_utf_16_is_refused() -> None:
    text = LAUGHS.decode().replace('version="1.0"', 'version="1.0" encoding="UTF-16"')
    assert refused(replaced(BOOK, {SHEET: text.encode("utf-16")})) == "file_bomb"


@pytest.mark.parametrize(
    "inside",
    [
        b"<sheetData><row><c t='inlineStr'><is><t>" + b"ab" * (1 << 20) + b"</t></is></c></row>",
        b"<sheetData><row x='" + b"ab" * (1 << 20) + b"'/></sheetData>",
        b"<sheetData><row>" + b"<c/>" * 250_000 + b"</row></sheetData>",
        b"<cols>" + b"<col/>" * 250_000 + b"</cols><sheetData/>",
        b"<sheetData/><mergeCells>" + b"<mergeCell ref='A1:B2'/>" * 30_000 + b"</mergeCells>",
    ],
    ids=["text", "attribute", "cells", "columns", "merged"],
)  # fmt: skip
def test_what_openpyxl_would_hold_in_memory_is_bounded(inside: bytes) -> None:
    assert refused(sheet(inside)) == "file_bomb"


def test_shared_texts_and_styles_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_STRINGS", 1000)
    assert refused(replaced(BOOK, {STRINGS: b"<sst>" + b"<si/>" * 1001 + b"</sst>"})) == "file_bomb"
    styles = b"<styleSheet><cellXfs>" + b"<xf/>" * 250_000 + b"</cellXfs></styleSheet>"
    assert refused(replaced(BOOK, {STYLES: styles})) == "file_bomb"


@pytest.mark.parametrize(
    "inside",
    [
        b"<sheetData><row r='9999999'><c><v>1</v></c></row></sheetData>",
        b"<sheetData><row r='x'><c><v>1</v></c></row></sheetData>",
        b"<sheetData><row r='-1'><c><v>1</v></c></row></sheetData>",
        b"<sheetData><row><c t='s'><v>99999</v></c></row></sheetData>",
        b"<sheetData><row><c r='ZZZZZZZ1'><v>1</v></c></row></sheetData>",
        b"<sheetData><row><c><v>1</v></row></sheetData>",
    ],
)
def test_nonsense_is_a_broken_workbook(inside: bytes) -> None:
    assert refused(sheet(inside)) == "file_broken"


@pytest.mark.parametrize("name", [SHEET, STYLES, "xl/workbook.xml", "[Content_Types].xml"])
def test_members_cut_short_are_a_broken_workbook(name: str) -> None:
    text = member(BOOK, name)
    assert refused(replaced(BOOK, {name: text[: len(text) // 2]})) == "file_broken"


def test_members_that_are_missing_are_a_broken_workbook() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(BOOK)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if name != SHEET:
                new.writestr(name, old.read(name))
    assert refused(out.getvalue()) == "file_broken"


@pytest.mark.parametrize("at", range(0, len(BOOK), len(BOOK) // 40))
def test_a_workbook_with_a_byte_changed_is_read_or_refused(at: int) -> None:
    body = bytearray(BOOK)
    body[at] ^= 0xFF
    try:
        of_sheet(read(bytes(body)))
    except FileRefusedError:
        return


def test_merged_cells_over_everything_cost_nothing_more_a_row() -> None:
    merged = b"".join(b"<mergeCell ref='A2:XFD1048576'/>" for _ in range(archive.MOST_MERGED))
    rows = member(BOOK, SHEET).partition(b"<sheetData>")[2].partition(b"</sheetData>")[0]
    body = sheet(b"<sheetData>" + rows + b"</sheetData><mergeCells>" + merged + b"</mergeCells>")
    [one] = of_sheet(read(body))
    assert [reason.code for reason in one.reasons] == ["cell_merged"]


BOUNDED = """
import resource, sys
from service.imports.errors import FileRefusedError
from service.imports.reading import read
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    try:
        for row in read(open(name, "rb").read()).rows:
            pass
    except FileRefusedError as error:
        print(error.code)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_is_bounded_whatever_a_bomb_claims(tmp_path: Path) -> None:
    bombs = {
        "blanks": sheet(b"<sheetData>" + b" " * (80 << 20) + b"</sheetData>"),
        "elements": sheet(b"<sheetData><row>" + b"<c/>" * (10 << 20) + b"</row></sheetData>"),
        "strings": replaced(BOOK, {STRINGS: b"<sst>" + b"<si><t>a</t></si>" * (2 << 20)}, level=1),
        "other": replaced(BOOK, {"xl/theme/theme1.xml": b"<a>" + b"<b/>" * (2 << 20)}, level=1),
    }
    for name, body in bombs.items():
        (tmp_path / name).write_bytes(body)
    ran = subprocess.run(
        [sys.executable, "-c", BOUNDED, *(str(tmp_path / name) for name in bombs)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    *codes, grown_mb = ran.stdout.split()
    assert codes == ["file_bomb"] * 4
    assert int(grown_mb) < 64, grown_mb


def test_what_unpacks_to_hundreds_of_times_its_size_is_refused() -> None:
    assert refused(replaced(BOOK, {"xl/media/x.bin": bytes(16 << 20)})) == "file_bomb"
