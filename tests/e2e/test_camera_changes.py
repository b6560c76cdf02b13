"""A change made over HTTP, at its worker: the whole way, in processes of their own."""

import contextlib
import dataclasses
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import streams
from pipelines.drills.encoder import encode
from pipelines.drills.rtsp import Mount, RtspServer
from pipelines.drills.scenes import SCENES
from tests.pipelines.drills.live import served
from tests.pipelines.test_canary import CAMERA, Caller, Running
from tests.service.process import ServiceProcess
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

pytestmark = pytest.mark.alone

LIMIT_S = 2.0


@pytest.fixture(scope="module")
def posts() -> Iterator[list[tuple[RtspServer, str]]]:
    """Three cameras, each with a server of its own that counts who connects."""
    scene = dataclasses.replace(SCENES["yard_smoke"], onset_s=8.0, clear_s=9.5, loop_s=10.0)
    clip = encode(scene, lambda _done, _of: None)
    with contextlib.ExitStack() as stack:
        mounts = [Mount(name="clip", clip=clip) for _ in range(3)]
        made = [stack.enter_context(served([mount])) for mount in mounts]
        yield [(server, f"rtsp://127.0.0.1:{port}/clip") for server, port in made]


def test_a_change_reaches_its_worker_in_under_2_s_and_a_restart_touches_no_camera(
    tmp_path: Path, posts: list[tuple[RtspServer, str]]
) -> None:
    (first, first_url), (moved, moved_url), (other, other_url) = posts
    with (
        RedisServer() as server,
        contextlib.closing(streams.connect(server.url)) as client,
        ServiceProcess(server.url, tmp_path) as service,
        Running(tmp_path, server.url, "--worker-key", tmp_path / "worker.key") as running,
    ):
        with Caller(service, ()) as call:
            paths = []
            for where, url in ((first, first_url), (other, other_url)):
                began_s = time.monotonic()
                made = call("POST", "/api/cameras", 201, json=CAMERA | {"main_url": url}).json()
                until(lambda where=where: where.counters.clients == 1)  # type: ignore[misc]
                assert time.monotonic() - began_s < LIMIT_S
                paths.append(f"/api/cameras/{made['camera_id']}")
            for path in paths:
                until(lambda path=path: call("GET", path).json()["state"] == "watching")  # type: ignore[misc]

            newest = call("GET", paths[0]).headers["ETag"]
            began_s = time.monotonic()
            change = {"main_url": moved_url}
            call("PATCH", paths[0], 200, json=change, headers={"If-Match": newest})
            until(lambda: moved.counters.clients == 1)
            assert time.monotonic() - began_s < LIMIT_S
            until(lambda: not first.connections)

        service.end(signal.SIGKILL)
        client.delete(streams.REGISTRY)
        service.start()
        until(lambda: client.exists(streams.REGISTRY), "the registry is filled again")
        until(lambda: b'outcome="nothing"} 2.0' in running.metrics())
        with Caller(service, ()) as call:
            newest = call("GET", paths[0]).headers["ETag"]
            began_s = time.monotonic()
            call("DELETE", paths[0], 204, headers={"If-Match": newest})
            until(lambda: not moved.connections)
            assert time.monotonic() - began_s < LIMIT_S
            assert call("GET", paths[1]).json()["state"] == "watching"
        assert [one.counters.clients for one, _ in posts] == [1, 1, 1]
        assert len(other.connections) == 1
        running.end()
