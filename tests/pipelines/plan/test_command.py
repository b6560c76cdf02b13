"""The command as people call it, what it says, and what it refuses."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipelines.bench.figures import Bench
from pipelines.bench.kinds import SIZES, Size
from pipelines.plan.arithmetic import STEADY_LOOKS_PERCENT
from pipelines.plan.command import main
from pipelines.plan.figures import SHIPPED, Measured, read
from tests.pipelines.bench.test_bench import reading

FENGSUI = Path(sys.executable).parent / "fengsui"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    plan: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return plan


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one line that is said."""
    assert main(words) == 1
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("fengsui: ")
    return line


def file_of(folder: Path, size: int, **changes: object) -> str:
    """Write figures as the bench prints them."""
    bench = Bench(size=SIZES[size], machine={"cores": 2, "cpu": "x"}, date="2026-11-22")
    bench.command = f"fengsui bench --size {size} --json"
    bench.readings = [reading(core_percent=percent * size / 360) for percent in (0.9, 1.0, 1.2)]
    rows = [{"codec": "h264", "keyframe_s": 15, "streams": 3, "core_percent": 4.0}]
    path = folder / f"bench{size}.json"
    path.write_text(json.dumps({**bench.described(), "by_stream": rows, **changes}) + "\n")
    return str(path)


def test_the_command_says_in_json_what_is_needed() -> None:
    words = ["plan", "--channels", "38000", "--json"]
    done = subprocess.run([FENGSUI, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout.splitlines()[-1])
    assert plan["channels"] == sum(kind["channels"] for kind in plan["kinds"]) == 38_000
    assert plan["cores"]["low"] < plan["cores"]["median"] < plan["cores"]["high"]
    assert plan["network_mbit_s"] == 30_400 * 0.5 + 7_600 * 4
    most = max(each["median"] for each in plan["servers_for"].values())
    assert plan["servers"]["median"] == most + plan["spare_servers"]
    assert plan["servers_for"][plan["binds"]]["median"] == most
    assert plan["figures"][0]["command"].startswith("fengsui bench --size 360")
    assert any("bench360.json" in note for note in plan["notes"])
    assert all(f"note: {note}" in done.stderr.splitlines() for note in plan["notes"])


def test_the_report_is_one_file_without_a_script(tmp_path: Path) -> None:
    out = tmp_path / "plan.html"
    words = ["plan", "--channels", "3675", "--report", str(out)]
    done = subprocess.run([FENGSUI, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "3,675 channels" in done.stdout
    assert "what binds: " in done.stdout
    html = out.read_text("utf-8")
    assert "<script" not in html
    assert not re.search(r"(src|href)=|https?://", html)
    assert "<polygon" in html
    for words_there in ("烽燧容量规划", "3,675", "fengsui bench --size 360", "瓶颈", "PostgreSQL"):
        assert words_there in html


def test_what_the_bench_prints_can_be_given_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [file_of(tmp_path, 360), file_of(tmp_path, 1080)]
    plan = told(capsys, "--channels", "1000", "--figures", *files)
    assert [one["core_percent"] for one in plan["figures"]] == [1.0, 3.0]
    assert plan["kinds"][0]["core_percent"] == {"low": 0.9, "median": 1.0, "high": 1.2}
    assert plan["notes"] == []
    joined = tmp_path / "measured.json"  # as README says: cat
    joined.write_text("".join(Path(one).read_text() for one in files))
    assert told(capsys, "--channels", "1000", "--figures", str(joined)) == plan


def test_what_ships_is_what_the_bench_prints() -> None:
    keys = set(Bench(size=SIZES[360], machine={}).described())
    for line in SHIPPED.read_text("utf-8").splitlines():
        assert set(json.loads(line)) == keys
    assert sorted(read([SHIPPED])) == sorted(SIZES)


@pytest.mark.parametrize("size", SIZES.values(), ids=str)
def test_what_ships_grows_with_what_must_be_decoded(size: Size) -> None:
    figures = read([SHIPPED])[size.height_px]
    for codec in ("h264", "hevc"):
        assert figures.core_percent(codec, 4).median < figures.core_percent(codec, 15).median


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--channels", "0"], "--channels 0"),
        (["--channels", "-3"], "--channels -3"),
        (["--channels", "9", "--substream-share", "1.2"], "from 0 to 1"),
        (["--channels", "9", "--smart-share", "nan"], "from 0 to 1"),
        (["--channels", "9", "--headroom", "1"], "from 0 to .9"),
        (["--channels", "9", "--cores-per-server", "0"], "above 0"),
        (["--channels", "9", "--main-mbit", "inf"], "above 0"),
        (["--channels", "9", "--codec", "av1"], "h264, hevc"),
        (["--channels", "9", "--keyframes", "3"], "h264 15 s"),
        (["--channels", "9", "--rules", "fire,faces"], "wrong_way"),
        (["--channels", "9", "--rules", ","], "wrong_way"),
        (["--channels", "9", "--figures", "/no/such/file"], "give a file"),
        (["--channels", "9", "--report", "/no/such/folder/x.html"], "another place"),
    ],
)
def test_what_cannot_be_planned(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, *words)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "{", "null", "{}\n{}", "\x00\xff", "[" * 100_000, '{"size": 360}', "NaN"],
    ids=range(10),
)
def test_what_is_no_bench_s_file(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x\n.json"
    path.write_text(text, "latin-1")
    assert "fengsui bench" in refused(capsys, "--channels", "9", "--figures", str(path))


@pytest.mark.parametrize(
    "changes",
    [
        {"core_percent_per_stream": {"ours": -1}},
        {"core_percent_per_stream": {}},
        {"memory_mb_per_stream": None},
        {"by_stream": []},
        {"spread": {"ours": [1]}},
    ],
    ids=str,
)
def test_figures_that_do_not_suffice(
    changes: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [file_of(tmp_path, 360, **changes), file_of(tmp_path, 1080)]
    line = refused(capsys, "--channels", "99", "--figures", *files)
    assert "bench" in line


def test_a_size_that_is_missing_or_there_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = file_of(tmp_path, 360)
    line = refused(capsys, "--channels", "99", "--figures", small)
    assert "fengsui bench --size 1080 --json" in line
    assert "--substream-share 1" in line
    assert told(capsys, "--channels", "99", "--figures", small, "--substream-share", "1")
    assert "one file a size" in refused(capsys, "--channels", "99", "--figures", small, small)


def test_what_is_told_beside_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = ["--channels", "99", "--substream-share", "1", "--figures"]
    rough = file_of(tmp_path, 360, spread={"ours": [1.0, 1.0]}, notes=["a\nb"])
    notes = told(capsys, *alone, rough, "--sub-mbit", "2")["notes"]
    for part in ("no spread", "bench 360: a?b", "at 0.5 Mb/s, not at 2"):
        assert any(part in note for note in notes), part
    plain = file_of(tmp_path, 360)
    plan = told(capsys, *alone, plain, "--rules", "fire,wrong_way", "obstruction")
    assert plan["rules"] == ["fire", "wrong_way", "obstruction"]
    assert {kind["core_percent"]["median"] for kind in plan["kinds"]} == {
        4.0 + STEADY_LOOKS_PERCENT
    }
    assert [note.split(":")[0] for note in plan["notes"]] == ["wrong_way"]


def test_strange_words_in_a_file_do_no_harm_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, bad = tmp_path / "plan.html", "<script>\x1b[2J"
    path = file_of(tmp_path, 360, command=bad, date=bad, machine={"cpu": bad}, notes=[bad])
    words = ["--channels", "99", "--substream-share", "1", "--figures", path]
    assert main([*words, "--report", str(out)]) == 0
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err + out.read_text("utf-8")
    assert "<script" not in out.read_text("utf-8")


def test_a_newer_bench_may_say_more() -> None:
    given = {**json.loads(SHIPPED.read_text("utf-8").splitlines()[0]), "another": 1}
    assert msgspec.convert(given, Measured).size == 360
