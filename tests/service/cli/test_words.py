"""One language a run, and words in both."""

import errno
import json
import re
from pathlib import Path
from string import Formatter

import openpyxl
import pytest

import service.cli
from service.cameras.selecting import Filter, ProbeWanted, SubstreamWanted, ZonesWanted
from service.cli import command
from service.cli.bad_rows import reason_called
from service.cli.given import FILTERS
from service.cli.offline import dry_run
from service.cli.words import CONSOLES, SAID, called, language_of, unread
from service.imports import sheets
from service.imports.words import REFUSALS, Language
from tests.service.imports.files import csv_rows, row
from tests.service.web.test_console import HAN, words

SOURCES = Path(service.cli.__file__).parent


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "", "LC_MESSAGES": "zh_TW"}, "zh"),
    ],
)
def test_the_machine_s_language_is_the_command_s(
    environment: dict[str, str], language: str
) -> None:
    assert language_of(environment).value == language


def test_a_run_speaks_one_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cameras.csv"
    path.write_bytes(csv_rows(row(1), row(2, 名称="a", 告示牌确认="否")))
    check = ["import", str(path), "--dry-run"]
    export = ["export", str(tmp_path / "out.csv")]
    away = {"FENGSUI_TOKEN": "fs_x", "FENGSUI_SERVICE": "http://127.0.0.1:1"}
    for words_, environment, is_chinese in [
        (check, {}, False),
        (check, {"LANG": "zh_CN.UTF-8"}, True),
        ([*check, "--language", "zh"], {}, True),
        ([*check, "--language", "en"], {"LC_ALL": "zh_CN.UTF-8"}, False),
        (export, {}, False),
        (export, {"LANG": "zh_CN.UTF-8"}, True),
        (export, away, False),
        (export, {**away, "LANG": "zh_CN.UTF-8"}, True),
    ]:
        command.main(words_, environment)
        told = capsys.readouterr()
        for line in (told.out + told.err).splitlines():
            assert bool(HAN.search(line)) is is_chinese, line
            assert not (is_chinese and "refused" in line), "the system's own words"
    assert unread(Language.ZH, OSError(errno.EIO, "Input/output error", "x")) == "x：磁盘读写出错"
    assert unread(Language.ZH, OSError(errno.EMFILE, "Too many", "x")) == "x：读写失败（EMFILE）"


def test_reasons_are_counted_in_words_for_people_and_by_codes_for_scripts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cameras.csv"
    path.write_bytes(csv_rows(row(1, 告示牌确认="否")))
    assert dry_run(path, language=Language.ZH) == 0
    assert "     1  未确认告示牌（sign_unconfirmed）\n" in capsys.readouterr().out
    assert dry_run(path, language=Language.EN) == 0
    assert "     1  Sign not confirmed (sign_unconfirmed)\n" in capsys.readouterr().out
    assert dry_run(path, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["by_reason"] == {"sign_unconfirmed": 1}
    assert reason_called("of_a_later_version", Language.ZH) is None


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_template_is_the_console_s_and_needs_no_service(
    tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / f"cameras.{ending}"
    for language in Language:
        order = ["template", str(out), "--json", "--language", language.value]
        assert command.main(order, {}) == 0
        assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size
        if ending == "csv":
            assert out.read_bytes() == sheets.template_csv(language)
        else:
            titles, _ = openpyxl.load_workbook(out)
            assert [cell.value for cell in titles[1]] == sheets.template_titles(language)
        assert dry_run(out, as_json=True) == 1
        assert json.loads(capsys.readouterr().out)["by_reason"] == {"file_no_rows": 1}
        before = out.read_bytes()
        assert command.main(order, {}) == 1  # it may have been filled in
        assert out.read_bytes() == before
        capsys.readouterr()
        out.unlink()
    with pytest.raises(SystemExit):
        command.main(["template", str(tmp_path / "cameras.xls")], {})


def test_every_word_is_there_in_both_languages_and_used() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in SOURCES.glob("*.py"))
    for name, (zh, en) in SAID.items():
        assert HAN.search(zh) or name in {
            "of",
            "far",
            "far_of",
            "counted",
            "unchanged",
            "refused",
        }, name
        assert not HAN.search(en), name
        if name not in {"refused", "not_taken"}:  # English is the service's own
            assert values_of(zh) == values_of(en), name
        assert re.search(rf"[\"']{name}[\"']", sources) or name.isupper(), name
    used = re.findall(r'(?:told\(\w*\.?\w+, |\.say\(\s*|Error\(\s*)"(\w+)"', sources)
    assert set(used) <= set(SAID)
    assert len(used) > 30


def values_of(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_the_export_s_filters_are_the_list_s() -> None:
    """They are written down twice: a command doesn't load what the service is made of."""
    assert set(FILTERS) | {"import_changed"} == set(Filter.model_fields)
    for name, kind in [
        ("probe", ProbeWanted), ("substream", SubstreamWanted), ("zones", ZonesWanted),
    ]:  # fmt: skip
        assert list(FILTERS[name].choices or ()) == [one.value for one in kind]


def test_words_for_codes_are_the_console_s() -> None:
    for at, language in enumerate(Language):
        console = words(language.value)
        for kind, said in CONSOLES.items():
            for code, pair in said.items():
                assert pair[at] == console[f"{kind}.{code}"], (kind, code)
            if kind != "problem":
                there = {key for key in console if key.startswith(f"{kind}.")}
                assert {f"{kind}.{code}" for code in said} == there
        assert called(language, "problem", "of_a_later_version") is None
        assert all("?" not in (reason_called(code, language) or "") for code in REFUSALS)
