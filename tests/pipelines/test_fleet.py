"""A parent of worker processes that hang, crash and are stopped. The workers here are small."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fengsui
from pipelines import worker
from pipelines.fleet import Fleet, FleetSettings, processes, tell_left_behind
from pipelines.load import LoadMeter
from pipelines.machine import Room, room
from pipelines.metrics import WorkerMetrics
from pipelines.registry import Part
from pipelines.secrets import Secret
from pipelines.spool import Spool
from pipelines.worker_settings import WorkerError, settings_given
from tests.pipelines.test_supervisor import gone
from tests.support.builders import alert
from tests.support.media import REPOSITORY
from tests.support.waiting import until

STALE_S = 2.0
START_PATIENCE_S = 4.0

WORKER = """
import ctypes, signal, sys, time
from pathlib import Path
from pipelines.pulse import Pulse

given = dict(zip(sys.argv[2::2], sys.argv[3::2]))
habit = sys.argv[1].split(",")[int(given["--id"][-1]) - 1]
pulse = Pulse(int(given["--pulse"]))
first = sum(pulse.restarts.values()) == 0

def beat(seconds):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pulse.beat()
        time.sleep(0.05)

if habit == "crashes":
    raise SystemExit(3)
if habit == "ends-slowly":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(time.sleep(1.5) or print(
        "ended", given["--id"], file=sys.stderr)))
if habit == "never-starts" and first:
    time.sleep(60)
if habit == "starts-slowly":
    pulse.still_starting()
    time.sleep(3.0)
beat(0.5)
if habit == "hangs-with-lock" and first:
    ctypes.PyDLL(None).sleep(60)
if habit == "hangs" and first:
    ctypes.CDLL(None).sleep(60)
beat(60)
"""

PARENT = """
import signal, sys
from pipelines import fleet, logs
from pipelines.registry import Part

logs.configure()
fleet.STALE_S, fleet.START_PATIENCE_S = float(sys.argv[1]), float(sys.argv[2])
made = fleet.Fleet(fleet.FleetSettings(
    processes=len(sys.argv[3].split(",")), worker_id="w", share=Part(), metrics_port=0,
    command=[sys.executable, "-c", sys.argv[4], sys.argv[3]],
))
signal.signal(signal.SIGTERM, lambda *_: made.stop())
made.run()
"""


class Parent:
    """A parent in a process of its own, and what its log says."""

    def __init__(self, log: Path, *habits: str) -> None:
        self._log = log
        words = [str(STALE_S), str(START_PATIENCE_S), ",".join(habits), WORKER]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PARENT, *words], cwd=REPOSITORY, stderr=file
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def pids(self, name: str) -> list[int]:
        """Every process that this worker had, the newest last."""
        found = re.findall(rf"event=child_started name={name} pid=(\d+)", self.log)
        return [int(pid) for pid in found]

    def hung(self) -> list[str]:
        return re.findall(r"event=worker_hung name=(\S+)", self.log)


@contextlib.contextmanager
def parent(tmp_path: Path, *habits: str) -> Iterator[Parent]:
    made = Parent(tmp_path / "log", *habits)
    try:
        until(lambda: all(made.pids(f"w-{n + 1}") for n in range(len(habits))), "their start")
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def test_who_hangs_is_killed_who_crashes_is_tried_again_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    habits = ("beats", "hangs-with-lock", "hangs", "never-starts", "starts-slowly", "crashes")
    with parent(tmp_path, *habits) as made:
        until(lambda: len(made.pids("w-4")) == 2)
        until(lambda: len(made.pids("w-2")) == len(made.pids("w-3")) == 2)
        time.sleep(STALE_S + 0.5)
        assert sorted(made.hung()) == ["w-2", "w-3", "w-4"], "once each, and nobody else"
        assert len(made.pids("w-1")) == len(made.pids("w-5")) == 1
        assert 3 <= len(made.pids("w-6")) <= 12, "tried again, and not in a loop"
        assert "silent for 2 s" in made.log
        every = [pid for n in range(6) for pid in made.pids(f"w-{n + 1}")]
        began_s = time.monotonic()
        made.process.terminate()
        assert made.process.wait(10) == 0
        assert time.monotonic() - began_s < 5
        assert all(map(gone, every))


def test_a_worker_that_is_stopped_is_started_again_and_a_stop_of_all_excuses_it(
    tmp_path: Path,
) -> None:
    with parent(tmp_path, "beats", "beats") as made:
        (one,), (other,) = made.pids("w-1"), made.pids("w-2")
        time.sleep(0.7)
        # As a machine that was suspended: nobody ran, so nobody hangs.
        for pid in (one, other):
            os.kill(pid, signal.SIGSTOP)
        time.sleep(0.4)  # the parent heard the last beat
        os.kill(made.process.pid, signal.SIGSTOP)
        time.sleep(1.5 * STALE_S)
        os.kill(made.process.pid, signal.SIGCONT)
        time.sleep(0.1)
        for pid in (one, other):
            os.kill(pid, signal.SIGCONT)
        time.sleep(1)
        assert made.hung() == []
        os.kill(one, signal.SIGSTOP)
        began_s = time.monotonic()
        until(lambda: len(made.pids("w-1")) == 2)
        assert STALE_S - 0.5 < time.monotonic() - began_s < STALE_S + 3
        assert gone(one)
        assert made.hung() == ["w-1"]
        assert made.pids("w-2") == [other]


def test_each_has_time_to_end_and_all_have_the_same_time(tmp_path: Path) -> None:
    with parent(tmp_path, *["ends-slowly"] * 4) as made:
        time.sleep(1)
        began_s = time.monotonic()
        made.process.terminate()
        assert made.process.wait(15) == 0
        assert time.monotonic() - began_s < 5, "not one after another"
        assert made.log.count("ended") == 4
        assert "child_died" not in made.log


def test_no_worker_is_left_over_when_the_parent_is_killed(tmp_path: Path) -> None:
    with parent(tmp_path, "beats", "hangs", "starts-slowly") as made:
        every = [pid for n in range(3) for pid in made.pids(f"w-{n + 1}")]
        made.process.kill()
        made.process.wait()
        until(lambda: all(map(gone, every)), limit_s=5)


@pytest.mark.parametrize("text", ["", "0", "-1", "257", "2.0", "two", "٣", "9" * 5000])
def test_no_number_of_processes(text: str) -> None:
    with pytest.raises(WorkerError, match="write a number from 1 to 256, or auto"):
        processes(text)


def test_a_number_of_processes() -> None:
    assert processes("3") == 3
    assert processes("auto") == room().workers


def test_each_worker_has_its_share_of_the_cores(tmp_path: Path) -> None:
    words = ["worker", "--processes", "auto", "--spool", str(tmp_path)]
    settings = FleetSettings(
        processes=3, worker_id="w", share=Part(), metrics_port=0, command=words
    )
    member = Fleet(settings)._members[2]
    member._prepare()
    given = fengsui._parser().parse_args(
        [*member.child.command, "--worker-key", str(tmp_path / "k")]
    )
    assert settings_given(given).processes == 3
    member.close()


def test_a_worker_is_busy_by_its_share_of_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "room", lambda: Room(cores=8.0, memory_bytes=1))
    heard: list[float] = []

    def meter(*given: Any) -> LoadMeter:
        heard.append(given[2])
        made.stop()
        return LoadMeter(*given)

    monkeypatch.setattr(worker, "LoadMeter", meter)
    made = worker.Worker(
        worker.WorkerSettings(
            worker_id="w",
            redis_url=Secret("redis://127.0.0.1:1/0"),
            spool_dir=tmp_path,
            cameras=(),
            processes=4,
        )
    )
    made.run()
    assert heard == [2.0]


def test_alerts_in_the_spool_of_a_worker_that_is_no_more_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from prometheus_client import CollectorRegistry

    for name, filled in (("w-2", True), ("w-3", True), ("w-4", False), ("w-x", True)):
        spool = Spool(tmp_path / f"{name}.sqlite", WorkerMetrics(CollectorRegistry()))
        if filled:
            spool.put(alert())
        spool.close()
    tell_left_behind(tmp_path, "w", 2)
    said = capsys.readouterr().out
    assert said.count("spool_left_behind") == 1
    assert "--processes 3" in said
