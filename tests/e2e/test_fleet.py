"""`fengsui worker --processes 2`: a shared estate, and what one worker's end costs the other's."""

import contextlib
import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import streams
from pipelines.drills.encoder import encode
from pipelines.drills.rtsp import Mount, RtspServer
from pipelines.drills.scenes import SCENES
from pipelines.messages import Camera
from pipelines.registry import Part
from tests.pipelines.drills.live import served
from tests.pipelines.test_supervisor import gone
from tests.pipelines.test_worker_process import get
from tests.support.media import REPOSITORY
from tests.support.redis_server import RedisServer, free_port
from tests.support.registrar import Registrar
from tests.support.waiting import until
from vision.hazards import Hazard

pytestmark = pytest.mark.alone

STALE_S = 3.0
NAMES = ("gate", "road", "yard", "slope")

SCRIPT = """
# The command itself, but a parent with little patience, and a child whose loop hangs when told to.
import ctypes, sys
from pathlib import Path
import fengsui
from pipelines import fleet
from pipelines.flow import Flow

step = Flow.step
hang = Path(__file__).with_name("hang")

def step_or_hang(self, timeout_s):
    if hang.exists() and hang.read_text() in sys.argv:
        hang.unlink()
        ctypes.CDLL(None).sleep(60)
    return step(self, timeout_s)

Flow.step = step_or_hang
fleet.STALE_S = float(%f)
fengsui.__file__ = __file__
sys.exit(fengsui.main(sys.argv[1:]))
"""


class Running:
    """A parent of two workers, its log and their metrics."""

    def __init__(self, directory: Path, redis_url: str, *arguments: str | Path) -> None:
        self.directory = directory
        self.log_file = directory / "log"
        self.first_port = until(two_ports)
        script = directory / "worker.py"
        script.write_text(SCRIPT % STALE_S)
        command = [sys.executable, script, "worker", "--processes", "2", "--id", "w",
                   "--networks", "127.0.0.0/8", "--spool", directory / "spool",
                   "--evidence", directory / "evidence",
                   "--metrics-port", str(self.first_port), *arguments]  # fmt: skip
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=REPOSITORY, stderr=log,
                env={**os.environ, "FENGSUI_REDIS_URL": redis_url, "PYTHONPATH": str(REPOSITORY)},
            )  # fmt: skip

    def pids(self, number: int) -> list[int]:
        """Every process that a worker had, the newest last."""
        found = re.findall(rf"child_started name=w-{number} pid=(\d+)", self.log_file.read_text())
        return [int(pid) for pid in found]

    def metric(self, number: int, name: str) -> float:
        """A worker's figure; -1 while it has none to show."""
        try:
            text = get(f"http://127.0.0.1:{self.first_port + number - 1}/metrics")
        except OSError:
            return -1
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else -1

    def restarts(self, number: int, cause: str) -> float:
        return self.metric(number, f'fengsui_worker_restarts_total{{cause="{cause}"}}')

    def looks(self, number: int) -> float:
        names = ("fengsui_frames_analysed_total", "fengsui_looks_unchanged_total")
        return sum(self.metric(number, name) for name in names)


def two_ports() -> int:
    """The first of two free ports in a row, or 0."""
    port = free_port()
    with contextlib.suppress(OSError, OverflowError), socket.socket() as next_one:
        next_one.bind(("127.0.0.1", port + 1))
        return port
    return 0


@contextlib.contextmanager
def running(directory: Path, redis_url: str, *arguments: str | Path) -> Iterator[Running]:
    made = Running(directory, redis_url, *arguments)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()
        said = made.log_file.read_text()
        print(said[-6000:])  # noqa: T201 - shown where a test fails


@pytest.fixture(scope="module")
def estate() -> Iterator[dict[str, tuple[RtspServer, str]]]:
    """Four cameras, each with a server of its own that counts who connects."""
    scene = dataclasses.replace(SCENES["street_fire"], onset_s=0.5, clear_s=19.5, loop_s=20.0)
    clip = encode(scene, lambda _done, _of: None)
    with contextlib.ExitStack() as stack:
        made = {}
        for name in NAMES:
            server, port = stack.enter_context(served([Mount(name="clip", clip=clip)]))
            made[name] = (server, f"rtsp://127.0.0.1:{port}/clip")
        yield made


def of_worker(number: int) -> list[str]:
    share = Part(number=number, parts=2)
    return [name for name in NAMES if share.holds(name)]


def test_two_workers_share_an_estate_and_neither_s_end_costs_the_other_a_look(
    tmp_path: Path, estate: dict[str, tuple[RtspServer, str]]
) -> None:
    began = {name: server.counters.clients for name, (server, _) in estate.items()}

    def clients(number: int) -> list[int]:
        """How often each camera of a worker was connected to."""
        return [estate[one][0].counters.clients - began[one] for one in of_worker(number)]

    def alive() -> list[int]:
        return [len(server.connections) for server, _ in estate.values()]

    assert of_worker(1)
    assert of_worker(2)
    with (
        RedisServer() as server,
        contextlib.closing(streams.connect(server.url)) as client,
        running(tmp_path, server.url, "--worker-key", tmp_path / "worker.key") as fleet,
    ):
        registrar = Registrar(client)
        for name, (_, url) in estate.items():  # what they show asks for no close looks
            registrar.upsert(Camera(camera_id=name, url=url, hazards=(Hazard.DEBRIS,)))
        registrar.whole()
        until(lambda: fleet.looks(1) >= 2 * len(of_worker(1)), limit_s=30)
        until(lambda: fleet.looks(2) >= 2 * len(of_worker(2)))
        assert alive() == [1] * 4, "no camera twice, none by nobody"
        spools = sorted(tmp_path.glob("spool/*.sqlite"))
        log = fleet.log_file.read_text()
        assert all(f"worker_started worker=w-{one}" in log for one in (1, 2))

        looks, began_s = fleet.looks(2), time.monotonic()

        # One is killed.
        os.kill(fleet.pids(1)[-1], signal.SIGKILL)
        until(lambda: fleet.restarts(1, "died") == 1)
        until(lambda: fleet.looks(1) >= 2)
        assert clients(1) == [2] * len(of_worker(1))

        # Redis hangs for longer than a worker may be silent.
        server.hang()
        time.sleep(STALE_S + 1.5)
        server.resume()
        assert [len(fleet.pids(one)) for one in (1, 2)] == [2, 1]

        # One's loop hangs in C while its other threads go on: only its parent can know.
        (tmp_path / "hang").write_text("w-1")
        hung_s = time.monotonic()
        until(lambda: fleet.restarts(1, "hung") == 1)
        assert time.monotonic() - hung_s > STALE_S - 0.5
        assert fleet.restarts(1, "died") == 1
        until(lambda: clients(1) == [3] * len(of_worker(1)))
        until(lambda: fleet.looks(1) >= 2)
        assert alive() == [1] * 4

        # All that was nothing to the other: each camera's look a second, none of them dropped.
        looks, seconds = fleet.looks(2) - looks, time.monotonic() - began_s
        assert looks >= (seconds - 2) * len(of_worker(2))
        assert clients(2) == [1] * len(of_worker(2))
        assert fleet.metric(2, 'fengsui_frames_dropped_total{reason="overload"}') <= 0

        every = [pid for one in (1, 2) for pid in fleet.pids(one)]
        fleet.process.terminate()
        assert fleet.process.wait(15) == 0
        assert all(map(gone, every))
        until(lambda: alive() == [0] * 4)
        assert sorted(tmp_path.glob("spool/*.sqlite")) == spools
        assert [path.name for path in spools] == ["w-1.sqlite", "w-2.sqlite"]


def test_a_file_of_cameras_is_shared_too_and_nobody_survives_the_parent(
    tmp_path: Path, estate: dict[str, tuple[RtspServer, str]]
) -> None:
    file = tmp_path / "cameras.toml"
    file.write_text(
        "".join(f"[[cameras]]\ncamera_id='{n}'\nurl='{u}'\n" for n, (_, u) in estate.items())
    )
    with running(tmp_path, "redis://127.0.0.1:1/0", "--cameras", file) as fleet:
        until(lambda: [len(s.connections) for s, _ in estate.values()] == [1] * 4, limit_s=30)
        for one in (1, 2):
            assert fleet.metric(one, "fengsui_cameras") == len(of_worker(one))
        fleet.process.kill()
        fleet.process.wait()
        until(lambda: all(gone(pid) for one in (1, 2) for pid in fleet.pids(one)), limit_s=5)
        until(lambda: not any(s.connections for s, _ in estate.values()))


def test_the_networks_of_places_bind_every_worker(
    tmp_path: Path, estate: dict[str, tuple[RtspServer, str]]
) -> None:
    began = {name: server.counters.clients for name, (server, _) in estate.items()}
    refused = {of_worker(1)[0], of_worker(2)[0]}
    cameras, networks = tmp_path / "cameras.toml", tmp_path / "networks.toml"
    cameras.write_text(
        "".join(
            f"[[cameras]]\ncamera_id='{name}'\nurl='{url}'\n"
            f"place=['0', '{654301 if name in refused else 654322}']\n"
            for name, (_, url) in estate.items()
        )
    )
    networks.write_text('"654301" = ["10.43.0.0/16"]\n"654322" = ["127.0.0.0/8"]\n')
    with running(
        tmp_path, "redis://127.0.0.1:1/0", "--cameras", cameras, "--networks-of", networks
    ) as fleet:
        log = fleet.log_file
        until(lambda: log.read_text().count("allowed in place 654301") == 2, limit_s=30)
        watched = {name for name in NAMES if name not in refused}
        until(lambda: {n for n, (s, _) in estate.items() if s.connections} == watched, limit_s=30)
    assert {name for name in NAMES if estate[name][0].counters.clients > began[name]} == watched
