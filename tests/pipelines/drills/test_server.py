import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import pytest

from pipelines.drills.server import main
from tests.pipelines.drills.live import play

SCRIPT = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from pipelines.drills.scenes import SCENES
from pipelines.drills.server import ServerSettings, serve
short = dict(onset_s=0.5, clear_s=1.5, loop_s=4.0 if float(sys.argv[3]) else 2.0)
scenes = tuple(replace(SCENES[name], **short) for name in ("street_fire", "road_rock"))
cycles = int(sys.argv[2]) or None
cache = Path(sys.argv[1])
quiet_s = float(sys.argv[3])
settings = ServerSettings(
    scenes=scenes, cache=cache, cycles=cycles, start_s=0.3, quiet_first_s=quiet_s
)
asyncio.run(serve(settings, sys.stdout))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drills")


@contextlib.contextmanager
def process(cache: Path, cycles: int, quiet_s: float = 0.0) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(cache), str(cycles), str(quiet_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def event(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    found: dict[str, Any] = json.loads(child.stdout.readline())
    return found


def listening(child: subprocess.Popen[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    before = []
    while (one := event(child))["event"] != "listening":
        before.append(one)
    return before, one


def test_the_script_is_told_as_it_happens_and_ends_after_its_turns(cache: Path) -> None:
    with process(cache, cycles=2) as child:
        before, found = listening(child)
        assert {one["event"] for one in before} == {"encoding"}
        assert before[-1]["done"] == before[-1]["of"] == 20
        cameras = {one["camera_id"]: one for one in found["cameras"]}
        assert set(cameras) == {"drill-street-fire", "drill-road-rock"}
        assert cameras["drill-road-rock"]["hazard"] == "debris"
        assert cameras["drill-street-fire"]["onset_s"] == 0.5
        started = time.monotonic()
        assert len(play(cameras["drill-street-fire"]["url"], 1000)) == 40
        fire = []
        while (one := event(child))["event"] != "stopped":
            if one["camera_id"] == "drill-street-fire":
                fire.append(one)
        assert child.wait(5) == 0
        assert time.monotonic() - started < 30.0
    assert [(one["event"], one["cycle"]) for one in fire] == [
        (name, cycle) for cycle in (0, 1) for name in ("onset", "hazard_left", "cleared")
    ]
    times = [datetime.fromisoformat(one["at"]) for one in fire]
    assert all(one["at"].endswith("+00:00") for one in fire)
    assert times[1] - times[0] < timedelta(seconds=0.5)
    assert abs(times[3] - times[0] - timedelta(seconds=2)) < timedelta(seconds=0.5)
    assert abs(times[2] - times[0] - timedelta(seconds=1)) < timedelta(seconds=0.5)
    assert one["counters"]["clients"] == 1


def test_it_can_begin_with_the_quiet_end_and_each_start_has_its_name(tmp_path: Path) -> None:
    runs = set()
    for _ in range(2):
        with process(tmp_path, cycles=2, quiet_s=2.0) as child:
            _, found = listening(child)
            began = time.monotonic()
            assert play(found["cameras"][0]["url"], 5)[0].key
            first = event(child)
            assert (first["event"], first["cycle"]) == ("onset", 1)
            assert time.monotonic() - began > 2.4  # 2 s to the end of the loop, 0.5 s of the next
            runs.add(first["run"])
    assert len(runs) == 2


def test_a_loop_that_cannot_be_kept_is_told_and_served(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    with process(tmp_path / "file", cycles=0) as child:
        before, _ = listening(child)
    assert [one["scene"] for one in before if one["event"] == "not_kept"] == [
        "street_fire", "road_rock",
    ]  # fmt: skip


def test_it_starts_at_once_from_the_cache_and_ends_when_its_parent_closes_stdin(
    cache: Path,
) -> None:
    with process(cache, cycles=0) as child:
        listening(child)
    with process(cache, cycles=0) as child:
        before, _ = listening(child)
        assert before == []
        assert child.stdin is not None
        child.stdin.close()
        assert event(child)["event"] == "stopped"
        assert child.wait(5) == 0


def test_it_ends_cleanly_on_sigterm_even_while_it_draws(tmp_path: Path) -> None:
    with process(tmp_path, cycles=0) as child:
        assert event(child)["event"] == "encoding"
        child.terminate()
        events = []
        while not events or events[-1]["event"] != "stopped":
            events.append(event(child))
        assert child.wait(5) == 0


def test_a_still_of_a_scene_can_be_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    assert main(["--still", str(path), "--scene", "yard_smoke", "--at", "15"]) == 0
    assert cv2.imread(str(path)).shape == (360, 640, 3)


@pytest.mark.parametrize(
    "arguments",
    [["--scenes", "nowhere", "--cache", "x"], [], ["--cache", "x", "--quiet-first", "17"]],
)
def test_what_cannot_be_served_is_said_on_the_command_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "error:" in capsys.readouterr().err
