"""A worker whose registry changes while it watches: real Redis, RTSP servers and pack."""

import contextlib
import ctypes
import dataclasses
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipelines import estate, source, streams
from pipelines.drills.clip import Clip
from pipelines.drills.encoder import encode
from pipelines.drills.rtsp import Login, Mount, RtspServer
from pipelines.drills.scenes import SCENES
from pipelines.messages import Alert, Camera, CameraState, WatchState, Zone, decode
from pipelines.registry import Part
from pipelines.rtsp.networks import LOOPBACK
from pipelines.sealing import key_pair, seal
from pipelines.secrets import Secret
from pipelines.worker import Worker
from pipelines.worker_settings import WorkerSettings
from tests.pipelines.drills.live import served
from tests.support.redis_server import RedisServer
from tests.support.registrar import Registrar
from tests.support.rtsp import tcp_server
from tests.support.waiting import until
from vision.hazards import Hazard

LOGIN = Login(user="gate", password="pa:ss/ö w@rd?#%")
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
CROSSED = ((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0))


@pytest.fixture(scope="module")
def clip() -> Clip:
    """The burning street: it burns for most of a loop of 20 s."""
    scene = dataclasses.replace(SCENES["street_fire"], onset_s=0.5, clear_s=19.5, loop_s=20.0)
    return encode(scene, lambda _done, _of: None)


@dataclass(slots=True, kw_only=True)
class Post:
    """One camera's RTSP server."""

    server: RtspServer
    port: int

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/clip"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def clients(self) -> int:
        return self.server.counters.clients


@pytest.fixture
def posts(clip: Clip) -> Iterator[list[Post]]:
    """Three cameras, each with a server of its own that counts who connects."""
    with contextlib.ExitStack() as stack:
        made = []
        for login in (None, None, LOGIN):
            mount = Mount(name="clip", clip=clip)
            server, port = stack.enter_context(served([mount], login=login))
            made.append(Post(server=server, port=port))
        yield made


class Rig:
    """A worker in this process that follows a registry, and what it saw and said."""

    def __init__(self, redis_url: str, directory: Path, share: Part) -> None:
        self.key = key_pair(directory / "worker.key")
        self.worker = Worker(
            WorkerSettings(
                worker_id="w-1",
                redis_url=Secret(redis_url),
                spool_dir=directory / "spool",
                share=share,
                worker_key=directory / "worker.key",
                networks=LOOPBACK,
            )
        )
        self.client = streams.connect(redis_url)
        self.registrar = Registrar(self.client)
        self.looks: dict[str, list[int]] = defaultdict(list)
        self._judge: Any = self.worker._flow._judge
        self.worker._flow._judge = self._watched_judge  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self.worker.run)
        self._thread.start()

    def _watched_judge(self, look: Any) -> list[Any]:
        """Note every look, also those in which nothing is new and the detector isn't asked."""
        self.looks[look.ref.camera_id].append(look.ref.seq)
        return list(self._judge(look))

    def states(self, camera_id: str) -> list[tuple[str, str | None, int]]:
        found = [
            decode(streams.body(entry), CameraState)
            for _, entry in self.client.xrange(streams.CAMERA_STATES.name)
        ]
        return [(s.state, s.fault, s.revision) for s in found if s.camera_id == camera_id]

    def stands(self, camera_id: str, state: WatchState, fault: str | None = None) -> bool:
        states = self.states(camera_id)
        return bool(states) and states[-1][:2] == (state, fault)

    def alerts(self) -> list[Alert]:
        return [
            decode(streams.body(entry), Alert)
            for _, entry in self.client.xrange(streams.ALERTS_PRIORITY.name)
        ]

    def outcome(self, outcome: str) -> float:
        name, label = "fengsui_registry_changes_total", {"outcome": outcome}
        return self.worker._metrics.registry.get_sample_value(name, label) or 0

    def gauge(self, name: str) -> int:
        return self.worker._metrics.total(name)

    def missed_no_look(self, camera_id: str) -> bool:
        seen = sorted(self.looks[camera_id])  # a close look may wait longer than the next due one
        return seen == list(range(seen[0], seen[0] + len(seen)))

    def close(self) -> None:
        self.worker.stop()
        self._thread.join(20)
        self.client.close()
        assert not self._thread.is_alive()


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def rig(server: RedisServer, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(server.url, tmp_path, Part())
    yield made
    made.close()


def watched(rig: Rig, *cameras: Camera) -> None:
    """Register cameras and wait until each is looked at."""
    rig.registrar.upsert(*cameras)
    rig.registrar.whole()
    for camera in cameras:
        until(lambda one=camera: rig.stands(one.camera_id, WatchState.WATCHING))  # type: ignore[misc]


def test_a_change_reaches_its_camera_and_touches_no_other(rig: Rig, posts: list[Post]) -> None:
    one, other = Camera(camera_id="one", url=posts[0].url), Camera(camera_id="o", url=posts[1].url)
    watched(rig, one, other)
    assert rig.states("one")[0] == (WatchState.CONNECTING, None, 1)
    until(lambda: len(rig.looks["o"]) >= 2)

    # Of no interest to the worker: nothing is touched but the revision it goes by.
    rig.registrar.upsert(one)
    until(lambda: rig.states("one")[-1] == (WatchState.WATCHING, None, 3))
    # Hazards and zones: the connection stays.
    zone = Zone(zone_id="left", polygon=LEFT)
    rig.registrar.upsert(msgspec.structs.replace(one, zones=(zone,), hazards=(Hazard.SMOKE,)))
    until(lambda: rig.outcome("rules") == 1)
    until(lambda: rig.states("one")[-1] == (WatchState.WATCHING, None, 4))
    assert posts[0].clients == 1
    # Its address: this one connects anew, to the new place.
    rig.registrar.upsert(Camera(camera_id="one", url=f"{posts[0].url}?anew=1"))
    until(lambda: rig.states("one")[-2:] == [("connecting", None, 5), ("watching", None, 5)])
    assert posts[0].clients == 2
    until(lambda: len(posts[0].server.connections) == 1, "the old connection's end")
    # And it goes.
    assert rig.gauge("fengsui_cameras_connected") == 2
    rig.registrar.remove("one")
    until(lambda: rig.gauge("fengsui_cameras") == 1)
    assert rig.gauge("fengsui_cameras_connected") == 1
    until(lambda: not posts[0].server.connections)
    looks = len(rig.looks["one"])
    until(lambda: len(rig.looks["o"]) >= 7)
    assert len(rig.looks["one"]) == looks
    assert posts[1].clients == 1
    assert rig.missed_no_look("o")
    assert rig.states("o") == [("connecting", None, 2), ("watching", None, 2)]
    assert rig.worker._metrics.drops["overload"] == 0


def test_a_change_is_effective_in_half_a_second(rig: Rig, posts: list[Post]) -> None:
    watched(rig, Camera(camera_id="o", url=posts[1].url))
    took_s = []
    for turn in range(20):
        began_s = time.monotonic()
        rig.registrar.upsert(Camera(camera_id="one", url=f"{posts[0].url}?turn={turn}"))
        until(lambda turn=turn: posts[0].clients == turn + 1)  # type: ignore[misc]
        took_s.append(time.monotonic() - began_s)
    took_s.sort()
    print(f"p50 {took_s[9] * 1000:.0f} ms, max {took_s[-1] * 1000:.0f} ms")  # noqa: T201
    assert took_s[-1] < 0.5
    assert posts[1].clients == 1
    assert rig.missed_no_look("o")


def test_a_camera_that_hangs_holds_up_neither_its_own_change_nor_another(
    rig: Rig, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "OPEN_TIMEOUT_S", 3.0)

    def readers() -> int:
        return sum(thread.name == "read-one" for thread in threading.enumerate())

    with tcp_server(None) as silent:
        rig.registrar.upsert(Camera(camera_id="one", url=f"rtsp://{silent}/x"))
        until(lambda: rig.stands("one", WatchState.CONNECTING))
        began_s = time.monotonic()
        rig.registrar.upsert(Camera(camera_id="one", url=posts[0].url))
        until(lambda: posts[0].clients == 1)
        assert time.monotonic() - began_s < 0.5
        until(lambda: rig.stands("one", WatchState.WATCHING))
        assert rig.gauge("fengsui_cameras_connected") == 1
        assert readers() == 2, "the old one still hangs"
        until(lambda: readers() == 1)
    assert rig.states("one")[-1][:2] == (WatchState.WATCHING, None)
    assert rig.gauge("fengsui_cameras_connected") == 1


class HangsInC(source.CameraSource):
    """The camera called ``hung`` shows a look, and then its reader never comes back from C."""

    def looks(self, stopping: Any) -> Iterator[Any]:
        for look in super().looks(stopping):
            yield look
            if self.camera_id == "hung":
                ctypes.CDLL(None).sleep(12)  # longer than this test; no lock of Python's held


def test_a_reader_that_hangs_in_c_costs_its_own_camera_alone(
    rig: Rig, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estate, "CameraSource", HangsInC)
    watched(
        rig,
        Camera(camera_id="o", url=posts[1].url),
        Camera(camera_id="hung", url=posts[0].url),
    )
    until(lambda: rig.looks["hung"])
    seen = len(rig.looks["o"])
    began_s = time.monotonic()
    until(lambda: len(rig.looks["o"]) >= seen + 4)
    assert time.monotonic() - began_s < 7, "a keyframe a second"
    assert len(rig.looks["hung"]) == 1
    assert rig.missed_no_look("o")
    assert posts[1].clients == 1
    assert rig.worker._metrics.drops["overload"] == 0
    began_s = time.monotonic()
    rig.close()
    assert time.monotonic() - began_s < 6, "nor does it hold up the end"


def test_a_camera_that_never_answers_has_two_connections_however_often_it_is_changed(
    rig: Rig, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "OPEN_TIMEOUT_S", 2.0)
    watched(rig, Camera(camera_id="o", url=posts[1].url))

    def readers() -> int:
        return sum(thread.name == "read-one" for thread in threading.enumerate())

    most = 0
    with tcp_server(None) as silent:
        for turn in range(30):
            rig.registrar.upsert(Camera(camera_id="one", url=f"rtsp://{silent}/{turn}"))
            if turn % 2:
                rig.registrar.remove("one")
            time.sleep(0.03)
            most = max(most, readers())
        assert most == 2
        rig.registrar.upsert(Camera(camera_id="one", url=posts[0].url))
        until(lambda: rig.stands("one", WatchState.WATCHING))
        until(lambda: readers() == 1)
    assert posts[0].clients == 1
    assert posts[1].clients == 1
    assert rig.missed_no_look("o")
    assert rig.worker._estate._starts._leaving == {}


def test_a_registration_for_a_newer_worker_is_a_fault_and_ends_nothing(
    rig: Rig, posts: list[Post]
) -> None:
    watched(rig, Camera(camera_id="one", url=posts[0].url))
    newer = b'{"schema_version": 2}'
    rig.client.hset(streams.REGISTRY, mapping={"one": newer, "two": newer})
    rig.registrar.whole()
    until(lambda: rig.stands("two", WatchState.FAULT, "newer_version"))
    assert rig.states("one")[-1][0] == WatchState.WATCHING
    rig.registrar.upsert(Camera(camera_id="two", url=posts[1].url))
    until(lambda: rig.stands("two", WatchState.WATCHING))
    assert posts[0].clients == 1


def test_what_is_on_is_ended_when_its_camera_goes_and_when_its_hazard_does(
    rig: Rig, posts: list[Post]
) -> None:
    watched(
        rig,
        Camera(camera_id="one", url=posts[0].url),
        Camera(camera_id="two", url=posts[1].url),
    )
    fires = {"one", "two"}
    until(lambda: {a.camera_id for a in rig.alerts() if a.hazard is Hazard.FIRE} == fires)
    rig.registrar.remove("one")
    until(lambda: [a for a in rig.alerts() if a.camera_id == "one" and a.ended_at])
    assert not [a for a in rig.alerts() if a.camera_id == "two" and a.ended_at]
    rig.registrar.upsert(Camera(camera_id="two", url=posts[1].url, hazards=(Hazard.SMOKE,)))
    until(lambda: [a for a in rig.alerts() if a.camera_id == "two" and a.ended_at])
    assert posts[1].clients == 1


def test_credentials_open_at_their_host_and_nowhere_else(rig: Rig, posts: list[Post]) -> None:
    public = rig.key.public_key()
    sealed = seal(public, "gate", [posts[2].host], LOGIN.user, LOGIN.password)
    watched(rig, Camera(camera_id="gate", url=posts[2].url, sealed_credentials=sealed))
    # Somebody who may edit addresses points the camera at a machine of his own.
    rig.registrar.upsert(Camera(camera_id="gate", url=posts[0].url, sealed_credentials=sealed))
    until(lambda: rig.stands("gate", WatchState.FAULT, "credentials_elsewhere"))
    until(lambda: not posts[2].server.connections)
    assert posts[0].clients == 0
    wrong = seal(public, "gate", [posts[2].host], LOGIN.user, "wrong-one")
    rig.registrar.upsert(Camera(camera_id="gate", url=posts[2].url, sealed_credentials=wrong))
    until(lambda: rig.stands("gate", WatchState.FAULT, "unauthorized"))
    rig.registrar.upsert(Camera(camera_id="gate", url=posts[2].url, sealed_credentials=sealed))
    until(lambda: rig.stands("gate", WatchState.WATCHING))


def test_a_camera_that_can_t_be_used_says_why_and_costs_the_others_nothing(
    rig: Rig, posts: list[Post]
) -> None:
    watched(rig, Camera(camera_id="o", url=posts[1].url))
    sealed = seal(rig.key.public_key(), "else", [posts[0].host], "u", "p")
    bad = {
        "bad_zone": Camera(
            camera_id="a", url=posts[0].url, zones=(Zone(zone_id="z", polygon=CROSSED),)
        ),
        "bad_address": Camera(camera_id="b", url="http://127.0.0.1/x"),
        "credentials_unreadable": Camera(
            camera_id="c", url=posts[0].url, sealed_credentials=sealed
        ),
        "unreachable": Camera(camera_id="d", url="rtsp://127.0.0.1:1/x"),
    }
    in_address = Camera(camera_id="e", url=f"rtsp://u:p@{posts[0].host}/clip")
    drill = Camera(camera_id="drill-1", url=posts[0].url)
    rig.registrar.upsert(*bad.values(), in_address, drill)
    for fault, camera in bad.items():
        until(lambda f=fault, c=camera: rig.stands(c.camera_id, WatchState.FAULT, f))  # type: ignore[misc]
    until(lambda: rig.stands("e", WatchState.FAULT, "bad_address"))
    assert rig.states("drill-1") == []
    assert posts[0].clients == 0
    # Mended, it is watched; a good one that becomes bad is no longer.
    rig.registrar.upsert(Camera(camera_id="a", url=posts[0].url))
    until(lambda: rig.stands("a", WatchState.WATCHING))
    rig.registrar.upsert(bad["bad_zone"])
    until(lambda: rig.stands("a", WatchState.FAULT, "bad_zone"))
    until(lambda: not posts[0].server.connections)
    assert rig.gauge("fengsui_cameras") == 6
    until(lambda: len(rig.looks["o"]) >= 5)
    assert rig.missed_no_look("o")
    assert posts[1].clients == 1


def test_neither_an_emptied_nor_a_killed_redis_touches_a_camera(
    server: RedisServer, rig: Rig, posts: list[Post]
) -> None:
    cameras = [Camera(camera_id=f"c{n}", url=posts[n].url) for n in range(2)]
    watched(rig, *cameras)
    rig.client.delete(streams.REGISTRY)
    seen = len(rig.looks["c0"])
    until(lambda: len(rig.looks["c0"]) > seen + 2)
    # The publisher begins anew: the same again.
    rig.registrar.upsert(*cameras)
    rig.registrar.whole()
    until(lambda: [rig.states(one.camera_id)[-1][2] for one in cameras] == [3, 4])
    server.kill()
    for file in server.directory.rglob("appendonly*"):
        file.unlink()
    seen = len(rig.looks["c0"])
    until(lambda: len(rig.looks["c0"]) > seen + 2)
    server.start()
    until(lambda: rig.states("c0") and rig.states("c1"), "the newest states are said again")
    assert rig.states("c0") + rig.states("c1") == [("watching", None, 3), ("watching", None, 4)]
    # Filled anew, without one of them: only then it goes.
    rig.registrar.upsert(cameras[0], revision=90)
    rig.registrar.whole()
    until(lambda: rig.gauge("fengsui_cameras") == 1)
    for number in range(2):
        assert posts[number].clients == 1
        assert rig.missed_no_look(f"c{number}")


def test_the_newest_state_is_what_an_absent_redis_is_told_on_its_return(
    server: RedisServer, rig: Rig, posts: list[Post]
) -> None:
    watched(rig, Camera(camera_id="one", url=posts[0].url))
    server.kill()
    seen = rig.gauge("fengsui_camera_states_superseded_total")
    for _ in range(2):
        for connection in tuple(posts[0].server.connections):
            connection.cut()
        before = len(rig.looks["one"])
        until(lambda before=before: len(rig.looks["one"]) > before)  # type: ignore[misc]
    assert rig.gauge("fengsui_camera_states_superseded_total") > seen
    server.start()
    until(lambda: len(rig.states("one")) == 3)
    assert rig.states("one")[-1] == (WatchState.WATCHING, None, 1)


def test_a_worker_takes_its_part_of_the_estate(
    server: RedisServer, tmp_path: Path, posts: list[Post]
) -> None:
    share = Part(number=1, parts=2)
    cameras = [Camera(camera_id=f"c{n}", url=posts[0].url) for n in range(12)]
    mine = {one.camera_id for one in cameras if share.holds(one.camera_id)}
    assert 0 < len(mine) < 12
    rig = Rig(server.url, tmp_path, share)
    rig.registrar.upsert(*cameras)
    until(lambda: rig.gauge("fengsui_cameras") == len(mine))
    until(lambda: set(rig.looks) == mine)
    rig.close()
