"""What each camera had and cost: measured at its own thread, told once a minute, lost never."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from pipelines import figures as module
from pipelines import streams
from pipelines.batcher import Batcher
from pipelines.drills.rtsp import Mount
from pipelines.figures import EVERY_S, FIRST_S, Figures, LookCount, Spending, Spent
from pipelines.frames import Frame
from pipelines.messages import MAX_FIGURES, Camera, CameraFigure, CameraFigures, decode
from pipelines.metrics import WorkerMetrics
from pipelines.reader import Reader
from pipelines.rtsp.networks import LOOPBACK
from pipelines.secrets import Secret
from pipelines.source import CameraSource
from pipelines.worker import Worker
from pipelines.worker_settings import WorkerSettings
from tests.pipelines.drills.live import served
from tests.support.drill_clip import short_drill
from tests.support.redis_server import RedisServer
from tests.support.registrar import Registrar
from tests.support.waiting import until


class Busy:
    """Somebody who reads a camera, as far as figures know of it."""

    def __init__(self, cpu_s: float = 0.0, received_bytes: int = 0) -> None:
        self.spent = Spent(cpu_s=cpu_s, received_bytes=received_bytes)


class Rig:
    """Figures on clocks that the test sets; what was taken is read before it is sent."""

    def __init__(self, client: streams.Client | None = None) -> None:
        self.now_s = self.loop_s = 0.0
        self.count = LookCount()
        self.readers: dict[str, Spending | None] = {}
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.figures = Figures(
            client or streams.connect("redis://127.0.0.1:1/0"),
            "w-1",
            3,
            count=self.count,
            metrics=self.metrics,
            clock=lambda: self.now_s,
            loop_clock=lambda: self.loop_s,
        )
        self.take()

    def take(self) -> None:
        self.figures.take(self.readers.items)

    def taken(self, after_s: float) -> dict[str, CameraFigure]:
        """What is told after so many seconds more, as if Redis had the last."""
        self.figures._unsent = ()
        self.now_s += after_s
        self.take()
        return {one.camera_id: one for part in self.figures._unsent for one in part.cameras}


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_they_are_told_after_twenty_seconds_and_then_every_minute(rig: Rig) -> None:
    rig.readers = {"a": Busy()}
    told_s = []
    for _ in range(300):
        rig.figures._unsent = ()
        rig.now_s += 1.0
        rig.take()
        if rig.figures._unsent:
            told_s.append((rig.now_s, rig.figures._unsent[0].over_s))
    assert told_s == [(20, 20), (80, 60), (140, 60), (200, 60), (260, 60)]


def test_a_figure_is_what_came_since_the_last(rig: Rig) -> None:
    reader = rig.readers["a"] = Busy(1.5, 1000)
    rig.count.looks["a"] += 8
    assert rig.taken(FIRST_S)["a"] == CameraFigure(
        camera_id="a", looks=8, core_ms=1500, received_bytes=1000
    )
    reader.spent = Spent(cpu_s=1.75, received_bytes=1100)
    rig.count.looks["a"] += 1
    assert rig.taken(EVERY_S)["a"] == CameraFigure(
        camera_id="a", looks=1, core_ms=250, received_bytes=100
    )


def test_what_the_loop_worked_is_shared_by_what_the_detector_saw(rig: Rig) -> None:
    rig.readers = {"a": Busy(), "b": Busy(), "still": Busy()}
    rig.count.looks.update(a=30, b=10, still=50)
    rig.count.detected.update(a=30, b=10)
    rig.loop_s += 8.0
    taken = rig.taken(FIRST_S)
    assert {name: one.core_ms for name, one in taken.items()} == {"a": 6000, "b": 2000, "still": 0}
    rig.count.looks.update(still=5, a=5)
    rig.loop_s += 1.0
    taken = rig.taken(EVERY_S)
    assert {name: one.core_ms for name, one in taken.items()} == {"a": 500, "b": 0, "still": 500}


def test_a_reader_that_is_replaced_begins_anew(rig: Rig) -> None:
    rig.readers["a"] = Busy(90.0, 9_000_000)
    rig.taken(FIRST_S)
    rig.readers["a"] = Busy(0.5, 700)
    one = rig.taken(EVERY_S)["a"]
    assert (one.core_ms, one.received_bytes) == (500, 700)


def test_a_removed_camera_is_told_no_more_and_one_that_rests_with_nothing(rig: Rig) -> None:
    rig.readers = {"a": Busy(1.0, 10), "b": Busy(1.0, 10)}
    rig.count.looks.update(a=3, b=3)
    rig.taken(FIRST_S)
    rig.count.looks.update(a=3)
    rig.readers = {"b": None}
    taken = rig.taken(EVERY_S)
    assert taken == {"b": CameraFigure(camera_id="b", looks=0, core_ms=0, received_bytes=0)}
    assert set(rig.figures._known) == set()


def test_while_redis_is_away_nothing_is_lost(rig: Rig) -> None:
    rig.readers["a"] = Busy(1.0, 10)
    first = rig.taken(FIRST_S)
    assert first
    waiting = rig.figures._unsent
    for _ in range(10):
        rig.now_s += EVERY_S
        rig.count.looks["a"] += 1
        rig.take()
        assert rig.figures._unsent is waiting
    rig.readers["a"].spent = Spent(cpu_s=4.0, received_bytes=40)  # type: ignore[union-attr, misc]
    one = rig.taken(0.0)["a"]
    assert (one.looks, one.core_ms, one.received_bytes) == (10, 3000, 30)
    assert rig.figures._unsent[0].over_s == 10 * EVERY_S


@pytest.mark.parametrize("name", ["camera-{:04d}", '烽"\\' * 40 + "{:08d}"])
def test_a_large_estate_is_told_in_several_messages_none_too_large(name: str) -> None:
    with RedisServer() as server:
        client = streams.connect(server.url)
        rig = Rig(client)
        rig.readers = {name.format(n): Busy(1e6, 10**12) for n in range(1000)}
        rig.figures.start()
        rig.now_s = FIRST_S
        rig.take()
        until(lambda: not rig.figures._unsent)
        rig.figures.stop()
        read = [
            decode(streams.body(entry), CameraFigures)
            for _, entry in client.xrange(streams.CAMERA_FIGURES.name)
        ]
        client.close()
    assert max(len(one.cameras) for one in read) <= MAX_FIGURES
    assert [one.camera_id for part in read for one in part.cameras] == list(rig.readers)
    assert {(one.worker_id, one.epoch, one.over_s) for one in read} == {("w-1", 3, FIRST_S)}


class Burning(CameraSource):
    """A stream that costs what the test says, and ends when it says so."""

    def __init__(self, cpu_s: float, sleep_s: float) -> None:
        from pipelines.address import camera_address

        metrics = WorkerMetrics(CollectorRegistry())
        address = camera_address("rtsp://127.0.0.1/x")
        super().__init__("a", address, (256, 448), metrics, LOOPBACK)
        self._cpu_s, self._sleep_s = cpu_s, sleep_s
        self.burnt, self.end = threading.Event(), threading.Event()

    def looks(self, stopping: Callable[[], bool]) -> Iterator[Frame]:
        time.sleep(self._sleep_s)
        ends_s = time.thread_time() + self._cpu_s
        while time.thread_time() < ends_s:
            pass
        self.burnt.set()
        self.end.wait(5)
        yield from ()


def test_a_reader_s_thread_is_measured_while_it_runs_and_when_it_has_ended() -> None:
    source = Burning(0.2, 0.3)
    metrics = WorkerMetrics(CollectorRegistry())
    reader = Reader(source, Batcher((256, 448), (1,), metrics), metrics)
    assert reader.spent == Spent()
    reader.start()
    assert source.burnt.wait(10)
    assert 0.2 <= reader.spent.cpu_s < 0.25, "no time that it slept, nor another thread's"
    reader.stop()
    source.end.set()
    reader.join(5)
    assert 0.2 <= reader.spent.cpu_s < 0.25
    for _ in range(50):  # its number may be another thread's now
        thread = threading.Thread(target=time.sleep, args=(0,))
        thread.start()
        thread.join()
    assert 0.2 <= reader.spent.cpu_s < 0.25


def figures(client: streams.Client) -> list[CameraFigures]:
    return [
        decode(streams.body(entry), CameraFigures)
        for _, entry in client.xrange(streams.CAMERA_FIGURES.name)
    ]


def test_a_worker_tells_what_its_cameras_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real streams, a real Redis: bytes, looks and cores are those of the streams."""
    monkeypatch.setattr(module, "FIRST_S", 2.0)
    monkeypatch.setattr(module, "EVERY_S", 1.0)
    mount = Mount(name="clip", clip=short_drill(), restart_per_client=True)
    with RedisServer() as redis, served([mount]) as (_, port):
        worker = Worker(
            WorkerSettings(
                worker_id="w-1",
                redis_url=Secret(redis.url),
                spool_dir=tmp_path / "spool",
                worker_key=tmp_path / "worker.key",
                networks=LOOPBACK,
            )
        )
        client = streams.connect(redis.url)
        registrar = Registrar(client)
        url = f"rtsp://127.0.0.1:{port}/clip"
        registrar.upsert(*(Camera(camera_id=name, url=url) for name in ("a", "b")))
        registrar.upsert(Camera(camera_id="gone", url=f"{url}-none"))
        registrar.whole()
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            until(lambda: figures(client))
            first = {one.camera_id: one for one in figures(client)[0].cameras}
            _check_first(first, figures(client)[0].over_s)
            registrar.remove("b")
            count = len(figures(client))
            until(lambda: len(figures(client)) > count + 1)
            assert {one.camera_id for one in figures(client)[-1].cameras} == {"a", "gone"}
        finally:
            worker.stop()
            thread.join(10)
            client.close()


def _check_first(first: dict[str, Any], over_s: float) -> None:
    assert set(first) == {"a", "b", "gone"}
    stream = short_drill()
    sizes = [len(unit.data) for unit in stream.units]
    rate = sum(sizes) / stream.duration_s
    for name in ("a", "b"):
        one = first[name]
        assert one.looks >= 1
        assert sizes[0] < one.received_bytes < sizes[0] + 1.3 * rate * over_s
        assert 5 < one.core_ms < 1000 * over_s
    assert (first["gone"].looks, first["gone"].received_bytes) == (0, 0)
