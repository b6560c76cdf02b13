"""That the bench measures, never what it measures: figures are no test."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.bench.capacity import missed
from pipelines.bench.figures import NAMES, Bench
from pipelines.bench.kinds import SIZES
from pipelines.bench.measure import Reading
from pipelines.bench.spec import Result

FENGSUI = Path(sys.executable).parent / "fengsui"


def reading(name: str = "ours", core_percent: float = 1.0) -> Reading:
    return Reading(
        name=name,  # type: ignore[arg-type]
        streams=10,
        window_s=10.0,
        core_percent=core_percent,
        memory_mb=4.0,
        behind_s=0.3,
        result=Result(
            frames=2500,
            looks=50,
            lags_s=tuple(0.1 + 0.01 * number for number in range(50)),
            stages_s={"decode": 0.25, "other": 0.75},
        ),
    )


def test_the_command_measures_every_subject_and_says_so_in_json() -> None:
    words = ["bench", "--streams", "2", "--seconds", "4", "--quick", "--json"]
    done = subprocess.run([FENGSUI, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    percent = told["core_percent_per_stream"]
    assert set(percent) == set(NAMES)
    absent = set() if shutil.which("ffmpeg") else {"ffmpeg", "ffmpeg_detect"}
    assert {name for name, value in percent.items() if value is None} == absent
    assert all(0.0 < value < 100.0 for value in percent.values() if value is not None)
    assert percent["demux"] < percent["opencv"]
    assert told["size"] == 360
    assert told["streams_at_capacity"] is None  # --streams fixes the number: no search
    assert 0.0 < told["memory_mb_per_stream"] < 500.0
    assert sum(told["stages"].values()) == pytest.approx(1.0, abs=0.01)
    assert 0.0 < told["lag_s"]["p50"] <= told["lag_s"]["p95"] <= told["lag_s"]["max"]
    assert 0.2 < told["looks_a_stream_s"] < 0.8
    assert told["machine"]["cores"] >= 1
    assert told["server"]["cut"] == 0


@pytest.mark.parametrize("word", ["--streams=0", "--size=720", "--seconds=0", "--stream"])
def test_wrong_arguments_are_refused(word: str) -> None:
    done = subprocess.run([FENGSUI, "bench", word, "x"], capture_output=True, check=False)
    assert done.returncode == 2


def test_medians_spread_and_ratios() -> None:
    bench = Bench(size=SIZES[360], machine={"cores": 2, "cpu": "x"})
    bench.readings = [reading(core_percent=percent) for percent in (1.0, 1.2, 5.0)]
    bench.readings.append(reading("opencv", 4.8))
    told = bench.described()
    assert told["core_percent_per_stream"]["ours"] == 1.2
    assert told["spread"]["ours"] == [1.0, 5.0]
    assert told["ratios"]["opencv"] == 4.0
    assert told["ratios"]["ffmpeg"] is None
    assert told["stages"] == {"decode": 0.25, "other": 0.75}
    assert "not measured" in bench.table()
    assert "stages: decode 25%, other 75%" in bench.table()


def test_what_ends_the_search_for_the_capacity() -> None:
    good = reading()
    assert missed(good) == []
    slow = Result(looks=50, lags_s=(1.5,) * 50)
    assert missed(replace(good, result=slow)) == ["lag 1.5 s"]
    dropping = Result(looks=50, lags_s=(0.1,) * 50, drops={"overload": 2, "before_keyframe": 9})
    assert missed(replace(good, result=dropping)) == ["2 looks dropped"]
    assert missed(replace(good, behind_s=3.0)) == ["read 3 s late"]
    few = Result(looks=30, lags_s=(0.1,) * 30)
    assert missed(replace(good, result=few)) == ["0.30 looks a second and stream"]
    assert missed(replace(good, result=Result(looks=50)))[0] == "no looks"
