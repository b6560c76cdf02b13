"""What a worker does with cameras that it can't bear: with readers that only pretend, and for real.

The newest go first, none with an open alert, and all come back when there is room.
"""

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import pytest
from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, load_pack
from pipelines import admission, estate, load, streams
from pipelines.address import camera_address
from pipelines.admission import OVER_CAPACITY, STARTING_AT_ONCE, Admission, Load
from pipelines.drills.rtsp import Mount
from pipelines.estate import Estate
from pipelines.flow import Flow
from pipelines.frames import Look
from pipelines.messages import Alert, Camera, CameraState, WatchState, Zone, decode
from pipelines.metrics import WorkerMetrics
from pipelines.reader import Notice, Reader
from pipelines.registry import Change
from pipelines.rtsp.networks import LOOPBACK
from pipelines.secrets import Secret
from pipelines.source import Source
from pipelines.states import States
from pipelines.worker import Worker
from pipelines.worker_settings import WorkerSettings
from tests.pipelines.drills.live import served
from tests.support import builders
from tests.support.drill_clip import short_drill
from tests.support.redis_server import RedisServer
from tests.support.waiting import until
from vision.hazards import Hazard

FINE = Load(elapsed_s=1.0, looks=10, late=0, lost=0, loop=0.1, cores=0.1)
BEHIND = Load(elapsed_s=1.0, looks=10, late=10, lost=2, loop=1.0, cores=0.5)


class Pretended(Reader):
    """A reader that sends pictures as soon as it is started."""

    connected: ClassVar[list[str]]

    def __init__(self, source: Source, *_: object, notice: Notice, **__: object) -> None:
        self.name, self._notice, self._source = source.camera_id, notice, source

    @property
    def alive(self) -> bool:
        return False

    def start(self) -> None:
        self.connected.append(self.name)
        self._notice(WatchState.CONNECTING, None)
        self._notice(WatchState.WATCHING, None)

    def stop(self) -> None:
        pass

    def dismiss(self) -> None:
        if self.name in self.connected:
            self.connected.remove(self.name)


class Rig:
    """An estate of pretended cameras, on a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        self.connected: list[str] = []
        monkeypatch.setattr(Pretended, "connected", self.connected, raising=False)
        monkeypatch.setattr(estate, "Reader", Pretended)
        monkeypatch.setattr(estate, "time", SimpleNamespace(monotonic=lambda: self.now_s))
        self.metrics = WorkerMetrics(CollectorRegistry())
        client = streams.connect(Secret("redis://127.0.0.1:1/0"))
        self.states = States(client, "w", 1, self.metrics)
        pack = load_pack(DEFAULT_PACK)
        self.flow = Flow(pack=pack, drills=frozenset(), epoch=1, metrics=self.metrics)
        self.estate = Estate(
            flow=self.flow,
            states=self.states,
            address=lambda camera: camera_address(camera.url),
            metrics=self.metrics,
            networks=LOOPBACK,
            admission=Admission(),
        )
        self.estate.start()

    def register(self, *names: str, url: str = "rtsp://127.0.0.1:1/x", **fields: Any) -> None:
        for name in names:
            camera = Camera(camera_id=name, url=url, **fields)
            self.estate.apply(Change(camera_id=name, revision=1, camera=camera))

    def seconds(self, load: Load, count: int) -> None:
        for _ in range(count):
            self.now_s += 1.0
            self.estate.admit(load)
            self.estate.start_waiting()

    def full(self) -> set[str]:
        return {name for name, state in self.states._now.items() if state.fault == OVER_CAPACITY}

    def count(self, outcome: str) -> float:
        labels = {"outcome": outcome}
        return self.metrics.registry.get_sample_value("fengsui_admissions_total", labels) or 0


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


NAMES = [f"c{n:02}" for n in range(20, 0, -1)]
"""Their order is that of their arrival, not of their names."""


def behind(rig: Rig) -> None:
    """Have all of them watched, then looks come late: once are cameras put to rest."""
    rig.register(*NAMES)
    rig.seconds(FINE, 20)
    assert rig.connected == NAMES
    rig.seconds(BEHIND, 3)
    assert rig.count("rested") == 5


def test_an_estate_starts_as_a_ramp_in_the_order_of_arrival(rig: Rig) -> None:
    rig.register(*NAMES)
    assert rig.connected == NAMES[:STARTING_AT_ONCE]
    assert rig.states._now[NAMES[-1]].state is WatchState.CONNECTING
    rig.seconds(FINE, 1)
    assert rig.metrics.total("fengsui_cameras_waiting") == 20 - STARTING_AT_ONCE
    rig.seconds(FINE, 10)
    assert rig.connected == NAMES
    assert not rig.full()
    assert rig.count("rested") == rig.count("returned") == 0


def test_the_newest_rest_and_say_why_and_come_back_oldest_first(rig: Rig) -> None:
    behind(rig)
    assert rig.connected == NAMES[:15]
    assert rig.full() == set(NAMES[15:])
    rig.seconds(FINE, 1)
    assert rig.metrics.total("fengsui_cameras_waiting") == 5
    rig.seconds(FINE, 60)
    assert rig.connected == NAMES
    assert not rig.full()
    assert rig.count("returned") == 5
    assert rig.metrics.total("fengsui_cameras_waiting") == 0


def test_a_camera_that_shows_a_hazard_is_not_put_to_rest_from_its_first_sign_on(rig: Rig) -> None:
    rig.register(*NAMES)
    rig.seconds(FINE, 20)
    rules = rig.flow._judges[NAMES[-1]]
    rules.see(builders.look(0, (builders.FIRE_BOX, 0.9, 0)))
    rig.seconds(BEHIND, 3)
    assert rig.connected == [*NAMES[:14], NAMES[-1]]
    for second in range(1, 6):
        rules.see(builders.look(second))
    rig.seconds(BEHIND, 6)
    assert NAMES[-1] not in rig.connected


def test_where_every_camera_shows_a_hazard_none_is_put_to_rest(rig: Rig) -> None:
    rig.register(*NAMES)
    rig.seconds(FINE, 20)
    for name in NAMES:
        for second in range(4):
            rig.flow._judges[name].see(builders.look(second, (builders.FIRE_BOX, 0.9, 0)))
    rig.seconds(BEHIND, 30)
    assert rig.connected == NAMES
    assert rig.count("rested") == 0


def test_a_camera_that_comes_when_the_worker_is_full_waits_behind_the_others(rig: Rig) -> None:
    behind(rig)
    rig.register("a-new-one")
    assert "a-new-one" in rig.full()
    rig.seconds(FINE, 60)
    assert rig.connected == [*NAMES, "a-new-one"]


def test_a_camera_at_rest_can_be_changed_and_removed_and_stays_at_rest(rig: Rig) -> None:
    behind(rig)
    zone = Zone(zone_id="z", polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)))
    rig.register(NAMES[15], zones=(zone,))
    rig.register(NAMES[16], url="rtsp://127.0.0.1:1/other")
    rig.estate.apply(Change(camera_id=NAMES[17], revision=2, camera=None))
    rig.register(NAMES[0], url="rtsp://127.0.0.1:1/other")
    assert sorted(rig.connected) == sorted(NAMES[:15]), "one that runs connects anew at once"
    assert rig.full() == {NAMES[15], NAMES[16], NAMES[18], NAMES[19]}
    rig.seconds(FINE, 60)
    assert sorted(rig.connected) == sorted({*NAMES} - {NAMES[17]})


class Slowed:
    """A detector that takes as long for a picture as a test says.

    It remembers what is in pictures that it has seen: however busy the machine is, it is as fast.
    """

    def __init__(self, detector: Any) -> None:
        self._detector = detector
        self._seen: dict[tuple[bytes, int], Any] = {}
        self.settings = detector.settings
        self.seconds = 0.0
        self.worked_s = 0.0

    def __call__(self, pixels: Any, letterboxes: Any) -> Any:
        began_s = time.monotonic()
        time.sleep(self.seconds * len(letterboxes))
        key = hashlib.sha256(pixels[: len(letterboxes)]).digest(), len(letterboxes)
        if key not in self._seen:
            self._seen[key] = self._detector(pixels, letterboxes)
        self.worked_s += time.monotonic() - began_s
        return self._seen[key]


class Judged(NamedTuple):
    """A look that was judged."""

    at_s: float
    age_s: float


class Watching:
    """A worker in this process with a slowed detector, and how old its looks were when judged."""

    def __init__(self, redis_url: str, directory: Path, cameras: tuple[Camera, ...]) -> None:
        self.worker = Worker(
            WorkerSettings(
                worker_id="w-1",
                redis_url=Secret(redis_url),
                spool_dir=directory / "spool",
                cameras=cameras,
                networks=LOOPBACK,
            )
        )
        self.client = streams.connect(redis_url)
        self.judged: dict[str, list[Judged]] = defaultdict(list)
        detection: Any = self.worker._flow._seeing._detection
        self.detector = detection._detector = Slowed(detection._detector)
        self._judge = self.worker._flow._judge
        self.worker._flow._judge = self._timed_judge  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self.worker.run)
        self._thread.start()

    def _timed_judge(self, look: Look) -> list[Alert]:
        if not look.ref.is_burst:
            now_s = time.monotonic()
            judged = Judged(at_s=now_s, age_s=now_s - look.ref.received_ns / 1e9)
            self.judged[look.ref.camera_id].append(judged)
        return self._judge(look)

    def states(self) -> dict[str, tuple[str, str | None]]:
        """Return each camera's newest state as the service reads it."""
        found = [
            decode(streams.body(entry), CameraState)
            for _, entry in self.client.xrange(streams.CAMERA_STATES.name)
        ]
        return {one.camera_id: (one.state, one.fault) for one in found}

    def are(self, state: tuple[str, str | None]) -> set[str]:
        return {name for name, stands in self.states().items() if stands == state}

    def alerts(self) -> list[Alert]:
        return [
            decode(streams.body(entry), Alert)
            for _, entry in self.client.xrange(streams.ALERTS_PRIORITY.name)
        ]

    def rested(self) -> float:
        labels = {"outcome": "rested"}
        registry = self.worker._metrics.registry
        return registry.get_sample_value("fengsui_admissions_total", labels) or 0

    def late(self) -> float:
        """Return the share of looks that were judged after a second."""
        return late(one for of_one in tuple(self.judged.values()) for one in tuple(of_one))

    def close(self) -> None:
        self.worker.stop()
        self._thread.join(20)
        self.client.close()
        assert not self._thread.is_alive()


def late(looks: Iterable[Judged]) -> float:
    """Return the share of looks that were judged after a second."""
    ages_s = [one.age_s for one in looks]
    return sum(age_s > 1.0 for age_s in ages_s) / len(ages_s)


def are_served(looks: list[list[Judged]]) -> bool:
    """Say whether these cameras' last looks came one after the other and were judged in time."""
    lasts = [of_one[-3:] for of_one in looks]
    return (
        all(len(last) == 3 for last in lasts)
        and all(last[-1].at_s - last[0].at_s < 3.5 for last in lasts)
        and all(sorted(one.age_s for one in last)[1] < 1.0 for last in lasts)
        and late(one for last in lasts for one in last) < 0.25
    )


def test_a_detector_that_slows_costs_the_newest_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "PERIOD_S", 0.5)
    monkeypatch.setattr(estate, "SETTLE_S", 0.5)
    monkeypatch.setattr(admission, "CALM_S", 1.0)
    monkeypatch.setattr(admission, "DRAIN_S", 1.0)
    mount = Mount(name="clip", clip=short_drill())
    names = [f"c{n:02}" for n in range(8)]
    burning, full = names[-1], (WatchState.FAULT, OVER_CAPACITY)
    with served([mount]) as (_, port), RedisServer() as redis:
        cameras = tuple(
            Camera(
                camera_id=name,
                url=f"rtsp://127.0.0.1:{port}/clip",
                hazards=(Hazard.FIRE if name == burning else Hazard.DEBRIS,),
            )
            for name in names
        )
        rig = Watching(redis.url, tmp_path, cameras)
        try:
            since: list[Any] = [None, 0.0, 0.0]

            def bears() -> set[str] | None:
                """Return who rests if all others are served, counted from the last rest."""
                if since[0] != (rest := rig.are(full)):
                    since[:] = [rest, time.monotonic(), rig.detector.worked_s]
                looks = [
                    [one for one in tuple(rig.judged[name]) if one.at_s > since[1]]
                    for name in names
                    if name not in rest
                ]
                return rest if are_served(looks) else None

            until(lambda: bears() == set(), "all are watched and served", limit_s=60.0)
            until(lambda: any(one.camera_id == burning for one in rig.alerts()), "the fire")
            # Eight looks a second, of which it now bears six at most.
            rig.detector.seconds, before = 0.15, rig.rested()
            rig.judged.clear()
            until(lambda: rig.rested() > before, "a rest")
            assert rig.late() > 0.25

            def bears_what_it_can() -> set[str] | None:
                out = bears()
                worked_s = rig.detector.worked_s - since[2]
                # No more rest than must, and those that were one too many come back.
                return out if out and worked_s / (time.monotonic() - since[1]) > 0.4 else None

            out = until(bears_what_it_can, "those that are left are served", limit_s=60.0)
            assert out == {*names[7 - len(out) : 7]}, "the newest without an alert"
            assert len(out) >= 2, "six are borne"
            until(
                lambda: rig.worker._metrics.total("fengsui_cameras_waiting") == len(rig.are(full)),
                "their count",
            )
            rig.detector.seconds = 0.0
            until(lambda: not rig.are(full), "all come back", limit_s=30.0)
            until(lambda: rig.are((WatchState.WATCHING, None)) == {*names}, "all are watched again")
            assert not [one for one in rig.alerts() if one.ended_at], "a fire that is on"
        finally:
            rig.close()
