"""The demo as a user runs it: counted, and with its parts killed one after the other.

Two demos run at the same time, each with processes and ports of its own: they mostly wait.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.media import REPOSITORY

pytestmark = pytest.mark.alone

FENGSUI = Path(sys.executable).parent / "fengsui"
KEYFRAME_INTERVAL_S = 1.0
"""The drills' encoder sets it."""

TIME_TAKEN_S = {"fire": 3.0, "smoke": 9.0, "debris": 4.0}
"""What time has to show after a keyframe: flames at once; a rock lies where it fell; a plume lasts
and its outline wanders."""


class RunningDemo:
    """A demo whose lines for people are read as they come."""

    def __init__(self, seconds: int, *words: str) -> None:
        self._process = subprocess.Popen(
            [FENGSUI, "demo", "--for", str(seconds), "--json", *words], cwd=REPOSITORY,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running, whatever the test found."""
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        self.lines.extend(self._process.stderr)

    def pids(self, limit_s: float = 180.0) -> dict[str, int]:
        """The parts' process ids, once all run."""
        ends_s = time.monotonic() + limit_s
        while time.monotonic() < ends_s and self._process.poll() is None:
            for line in list(self.lines):
                if "Processes" in line:
                    found = re.findall(r"(redis|service|worker|drills) (\d+)", line)
                    return {name: int(pid) for name, pid in found}
            time.sleep(0.1)
        raise AssertionError("the demo did not start:\n" + "".join(self.lines))

    def orders(self, count: int, limit_s: float = 60.0) -> None:
        """Wait until so many drill orders have been told."""
        ends_s = time.monotonic() + limit_s
        while sum("drill order" in line for line in list(self.lines)) < count:
            assert time.monotonic() < ends_s, "".join(self.lines)
            time.sleep(0.1)

    def figures(self) -> dict[str, Any]:
        """What it printed at its end."""
        assert self._process.stdout is not None
        out = self._process.stdout.read()
        assert self._process.wait(timeout=30) == 0, "".join(self.lines)
        self._reader.join()
        return dict(json.loads(out.splitlines()[-1])) | {"log": "".join(self.lines)}


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[RunningDemo]:
    """A demo of a minute in which nothing dies: it is counted beside the other one."""
    with RunningDemo(60) as demo:
        yield demo


def test_killing_redis_worker_service_and_drills_loses_and_doubles_nothing(
    undisturbed: RunningDemo,
) -> None:
    undisturbed.pids()  # its loops are drawn and kept
    with RunningDemo(80, "--port", "0") as demo:
        parts = demo.pids()
        for part in ("redis", "worker", "service"):
            time.sleep(7)  # onsets are 5 s apart: each part dies near one
            os.kill(parts[part], signal.SIGKILL)
        demo.orders(3)  # all three hazards are seen and answered, and none begins for a while
        os.kill(parts["drills"], signal.SIGKILL)
        figures = demo.figures()
    for part in ("redis", "worker", "service", "drills"):
        assert f"name={part}" in figures["log"], f"{part} was not killed"
    assert figures["onsets"] >= 5  # three before the drill cameras died, and those after
    assert 0.0 < figures["latency_p50_s"] <= figures["latency_p95_s"]
    assert_each_onset_is_one_order(figures)


def test_sixty_seconds_give_an_order_for_each_hazard_in_time(undisturbed: RunningDemo) -> None:
    figures = undisturbed.figures()
    assert figures["cameras"] == 3
    for hazard in ("fire", "smoke", "debris"):
        assert figures["orders_by_hazard"].get(hazard, 0) >= 1, figures
    assert figures["drops"]["overload"] == 0
    for hazard, after_s in told_after_s(figures["log"]):
        assert after_s < KEYFRAME_INTERVAL_S + TIME_TAKEN_S[hazard], (hazard, after_s)
    assert figures["latency_p95_s"] < KEYFRAME_INTERVAL_S + max(TIME_TAKEN_S.values())
    assert figures["frames_analysed"] > 120
    assert figures["alerts"] >= figures["incidents"] >= figures["orders"] >= 3
    assert_each_onset_is_one_order(figures)


def told_after_s(log: str) -> list[tuple[str, float]]:
    """Each order's hazard, and the seconds it took."""
    found = re.findall(r"drill order \w+: (\w+) at \S+, after ([\d.]+) s", log)
    assert found, log
    return [(hazard, float(after_s)) for hazard, after_s in found]


def assert_each_onset_is_one_order(figures: dict[str, Any]) -> None:
    for fault in ("onsets_without_order", "onsets_with_more_orders", "orders_without_onset"):
        assert figures[fault] == 0, figures
    assert figures["orders_sent_twice"] == 0, figures
    assert figures["orders"] == figures["onsets"]
