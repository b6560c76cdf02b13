"""A worker and the service as separate commands on a camera that is no drill."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from pipelines import streams
from pipelines.messages import Heartbeat, decode
from pipelines.metrics import WorkerMetrics
from pipelines.worker import _shown
from tests.service.process import ServiceProcess
from tests.support.media import REPOSITORY, clip
from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import until

FENGSUI = Path(sys.executable).parent / "fengsui"
WORKER = (FENGSUI, "worker", "--networks", "127.0.0.0/8")


@contextlib.contextmanager
def camera() -> Iterator[str]:
    """A camera that sees the wall fire."""
    command = [sys.executable, "-m", "tests.support.serve_clip", clip("fire_street.mp4")]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as serving:
        assert serving.stdout is not None
        yield json.loads(serving.stdout.readline())["url"]
        serving.terminate()


@contextlib.contextmanager
def worker(directory: Path, redis_url: str, url: str, port: int) -> Iterator[None]:
    cameras = directory / "cameras.toml"
    cameras.write_text(f'[[cameras]]\ncamera_id = "yard-1"\nurl = "{url}"\nhazards = ["fire"]\n')
    command = [*WORKER, "--cameras", cameras, "--spool", directory / "spool"]
    command += ["--evidence", directory / "evidence"]
    with subprocess.Popen(
        [*command, "--metrics-port", str(port)], cwd=REPOSITORY,
        env={**os.environ, "FENGSUI_REDIS_URL": redis_url}, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        try:
            yield
            running.terminate()
            assert running.wait(15) == 0
        finally:
            running.kill()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        return answer.read().decode()


def test_a_real_fire_becomes_an_incident_that_waits_for_a_person(tmp_path: Path) -> None:
    port = free_port()
    with (
        RedisServer() as server,
        ServiceProcess(server.url, tmp_path) as service,
        camera() as url,
        contextlib.closing(streams.connect(server.url)) as client,
    ):
        with worker(tmp_path, server.url, url, port):
            until(lambda: service.get("/api/incidents")["incidents"], limit_s=30)
            until(
                lambda: (
                    "fengsui_alerts_confirmed_total 1" in get(f"http://127.0.0.1:{port}/metrics")
                )
            )
            metrics = get(f"http://127.0.0.1:{port}/metrics")
        (incident,) = service.get("/api/incidents")["incidents"]
        assert (incident["hazard"], incident["camera_id"]) == ("fire", "yard-1")
        assert (incident["state"], incident["drill"]) == ("new", False)
        assert service.get("/api/status")["totals"]["orders"] == 0
        assert not client.exists("dispatch", "dispatch.drill")
        beats = client.xrevrange(streams.HEARTBEATS.name, count=1)
        last = decode(streams.body(beats[0][1]), Heartbeat)
    assert last.frames_analysed >= 3
    assert last.spool_entries == 0
    assert 'fengsui_alerts_total{hazard="fire"} 1.0' in metrics
    assert "fengsui_inference_seconds_count" in metrics
    assert "yard-1" not in metrics, "no camera is a label"


def test_a_worker_with_a_bad_pack_says_so_counts_it_and_waits_for_a_good_one(
    tmp_path: Path,
) -> None:
    shipped = REPOSITORY / "models" / "hazard_nano"
    pack = tmp_path / "pack"
    shutil.copytree(shipped, pack)
    (pack / "model.onnx").write_bytes((shipped / "model.onnx").read_bytes() + b"\0")
    (tmp_path / "c.toml").write_text("[[cameras]]\ncamera_id = 'a'\nurl = 'rtsp://127.0.0.1:1/x'")
    port = free_port()
    command = [*WORKER, "--cameras", tmp_path / "c.toml", "--spool", tmp_path / "spool"]
    with subprocess.Popen(
        [*command, "--pack", pack, "--metrics-port", str(port)], stderr=subprocess.PIPE
    ) as running:
        assert running.stderr is not None
        try:
            assert b"install the pack again" in running.stderr.readline()
            counted = 'fengsui_packs_refused_total{code="pack_hash"} 1.0'
            until(lambda: counted in get(f"http://127.0.0.1:{port}/metrics"))
            shutil.copy(shipped / "model.onnx", pack / "model.onnx")
            while b"worker_started" not in (line := running.stderr.readline()):
                assert line, "it ended"
        finally:
            running.terminate()
            running.communicate(timeout=15)


IDLE = "[[cameras]]\ncamera_id = 'a'\nurl = 'rtsp://127.0.0.1:1/x'"


@contextlib.contextmanager
def taken(port: int) -> Iterator[int]:
    """A port that somebody listens at: this test, or whoever did already."""
    with socket.socket() as listening:
        with contextlib.suppress(OSError):
            listening.bind(("127.0.0.1", port))
            listening.listen()
        yield listening.getsockname()[1]


def test_a_second_worker_on_one_machine_takes_another_metrics_port(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(IDLE)
    command = [*WORKER, "--cameras", tmp_path / "c.toml", "--spool", tmp_path / "spool"]
    with taken(9600), subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        try:
            said = [running.stderr.readline().decode()]
            while "worker_started" not in said[-1]:
                assert said[-1], "it ended"
                said.append(running.stderr.readline().decode())
        finally:
            running.terminate()
            running.communicate(timeout=15)
    (line,) = [one for one in said if "metrics_port_taken" in one]
    port = said[-1].partition("metrics_port=")[2].split()[0]
    assert port != "9600"
    assert f"taken=9600 instead={port}" in line


def test_a_metrics_port_that_was_asked_for_is_taken_or_nothing_begins(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(IDLE)
    command = [*WORKER, "--cameras", tmp_path / "c.toml", "--spool", tmp_path / "spool"]
    with taken(0) as port:
        done = subprocess.run(
            [*command, "--metrics-port", str(port)], capture_output=True, timeout=30, check=False
        )
    assert done.returncode == 1
    assert b"choose another" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "spool").exists()


def test_a_worker_s_metrics_are_for_this_machine_alone() -> None:
    shown = _shown(0, WorkerMetrics(CollectorRegistry()))
    assert shown.server.server_address[0] == "127.0.0.1"
    shown.close()
