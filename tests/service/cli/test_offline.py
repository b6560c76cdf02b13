"""A file checked alone, as scripts do it."""

import errno
import io
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import IO

import pytest

from service.cli import command, offline
from service.cli.offline import dry_run
from service.imports.known import Defaults
from service.imports.words import Language
from tests.service.imports.files import csv_of, csv_rows, gb_id, row, table, xlsx_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cameras.csv"
    path.write_bytes(csv_rows(row(1), row(2, 项目="x", 告示牌确认="否"), row(3, 项目="y"), row(1)))
    return path


def test_a_dry_run_says_what_scripts_wait_for(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dry_run(file, as_json=True) == 0
    told = capsys.readouterr()
    [line] = told.out.splitlines()
    found = json.loads(line)
    assert list(found)[:4] == ["rows", "good", "bad", "by_reason"]
    bad_rows = found.pop("bad_rows")
    assert found == {
        "rows": 4, "good": 1, "bad": 3,
        "by_reason": {"cell_choice": 2, "sign_unconfirmed": 1, "gb_id_twice": 1},
    }  # fmt: skip
    assert [one["row"] for one in bad_rows] == [3, 4, 5]
    assert bad_rows[2]["gb_id"] == gb_id(1)
    [why] = bad_rows[2]["reasons"]
    assert (why["column"], why["code"]) == ("gb_id", "gb_id_twice")
    assert "与第 2 行" in why["message"]
    assert "--service" in told.err


def test_a_dry_run_tells_people_which_rows_and_why(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dry_run(file) == 0
    told = capsys.readouterr().out
    assert "共 4 行：可导入 1，有误 3" in told
    assert "第 5 行" in told
    assert "与第 2 行的国标编号相同" in told
    assert dry_run(file, language=Language.EN) == 0
    assert "4 rows: 1 good, 3 bad" in capsys.readouterr().out


def test_each_reason_has_a_row_that_shows_it_however_many_have_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cameras.csv"
    path.write_bytes(csv_rows(*(row(n, 项目="x") for n in range(40)), row(40, 告示牌确认="否")))
    assert dry_run(path, language=Language.EN) == 0
    out = capsys.readouterr().out
    told = [line for line in out.splitlines() if line.startswith("row ")]
    assert [line.split()[1] for line in told] == ["2", "3", "42"]
    assert "and 38 more bad rows" in out


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_annotated_copy_is_written_whole(file: Path, ending: str) -> None:
    out = file.with_name(f"copy.{ending}")
    assert dry_run(file, as_json=True, annotated=out) == 0
    assert out.stat().st_mode & 0o077 == 0
    assert dry_run(out, as_json=True) == 0
    assert sorted(one.name for one in file.parent.iterdir()) == ["cameras.csv", out.name]


def test_defaults_fill_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cameras.xlsx"
    path.write_bytes(xlsx_of(table([row(1, 坐标系="", 项目="")])))
    assert dry_run(path, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["by_reason"] == {"required": 1}
    assert (
        dry_run(path, as_json=True, defaults=Defaults(coordinate_system="高德", programme="雪亮"))
        == 0
    )
    assert json.loads(capsys.readouterr().out)["good"] == 1
    check = ["import", str(path), "--dry-run", "--json", "--default"]
    assert command.main([*check, "coordinate_system=高德"], {}) == 0
    for wrong in ("coordinate_system=xx", "programme=xx", "place_code=99", "contact_number=x"):
        with pytest.raises(SystemExit) as ended:
            command.main([*check, wrong], {})
        assert ended.value.code == 2, wrong


def test_a_file_that_can_t_be_taken_ends_with_one_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cameras.xls"
    path.write_bytes(b"<html></html>")
    out = tmp_path / "copy.csv"
    assert dry_run(path, as_json=True, annotated=out) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["by_reason"] == {"file_html": 1}
    assert "另存为 xlsx" in told.err
    assert dry_run(tmp_path / "absent.csv") == 1
    assert "absent.csv" in capsys.readouterr().err
    with path.open("wb") as large:
        large.truncate(100_000_000)
    assert dry_run(path) == 1
    assert "32 MB" in capsys.readouterr().err
    assert not out.exists()


def test_nothing_half_written_is_left_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cameras.csv"
    path.write_bytes(csv_of(table([row(1)])))
    assert dry_run(path, annotated=tmp_path / "no" / "copy.csv") == 1
    assert "no" in capsys.readouterr().err
    (tmp_path / "folder.csv").mkdir()
    assert dry_run(path, annotated=tmp_path / "folder.csv") == 1
    (tmp_path / "folder.csv").rmdir()
    assert [one.name for one in tmp_path.iterdir()] == ["cameras.csv"]
    capsys.readouterr()

    @contextmanager
    def full(_: Path) -> Iterator[IO[bytes]]:
        raise OSError(errno.ENOSPC, "", "copy.csv")
        yield

    monkeypatch.setattr(offline, "whole_file", full)
    assert dry_run(path, annotated=tmp_path / "copy.csv", as_json=True) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["good"]) == (1, 1)
    assert "磁盘已满" in found["problem"]["message"]


def test_a_copy_never_replaces_its_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "cameras.csv"
    path.write_bytes(csv_rows(row(1, 用户名="admin", 密码="pw")))
    before = path.read_bytes()
    (tmp_path / "hard.csv").hardlink_to(path)
    (tmp_path / "soft.csv").symlink_to(path)
    for name in (
        path,
        "cameras.csv",
        "../" + tmp_path.name + "/cameras.csv",
        "hard.csv",
        "soft.csv",
    ):
        with pytest.raises(SystemExit) as ended:
            command.main(["import", str(path), "--dry-run", "--annotated", str(name)], {})
        assert ended.value.code == 2
    assert path.read_bytes() == before


def test_thousands_of_rows_take_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cameras.csv"
    path.write_bytes(csv_rows(*(row(at, 用户名="admin", 密码=f"pw-{at}") for at in range(1000))))
    start_s = time.process_time()
    assert dry_run(path, as_json=True) == 0
    assert time.process_time() - start_s < 3, "10,000 rows have a minute"
    assert json.loads(capsys.readouterr().out)["good"] == 1000


def test_a_script_hears_of_a_file_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["import", str(tmp_path / "none.csv"), "--dry-run", "--json"], {}) == 1
    assert "none.csv" in json.loads(capsys.readouterr().out)["problem"]["message"]
    assert command.main(["export", str(tmp_path / "out.csv"), "--json"], {}) == 1
    assert "FENGSUI_TOKEN" in json.loads(capsys.readouterr().out)["problem"]["message"]


class _Full(io.StringIO):
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "")


def test_an_answer_that_can_t_be_written_is_one_sentence(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = ["import", str(file), "--dry-run"]
    made = ["template", str(tmp_path / "t.csv"), "--language", "en"]
    for words, out in product((check, [*check, "--json"], made), (_Full(), None)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            assert command.main(words, {}) == 1
            if sys.stdout is not None:
                sys.stdout.close()
        why = "it is closed" if out is None else "the disk is full"
        assert capsys.readouterr().err.splitlines()[-1] == f"fengsui: the output: {why}"
        (tmp_path / "t.csv").unlink(missing_ok=True)
