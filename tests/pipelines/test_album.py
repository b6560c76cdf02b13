"""The frames that pictures are made of: the last seconds, within a budget, and none but these."""

from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from pipelines.album import BYTES, KEPT_S, Album
from pipelines.detection import Found
from pipelines.frames import Closeup
from pipelines.metrics import WorkerMetrics
from tests.support.builders import at, detections, ref
from tests.support.pictures import nobody
from vision.polygons import Polygon

FRAME_BYTES = 360 * 640 * 3
NO_BOXES = np.zeros((0, 4), np.float32)
ZONE = np.array([[0, 0], [0.5, 0], [0.5, 0.5]], np.float32)


class Rig:
    def __init__(self, frames: int = 1000) -> None:
        self.now_s = 50.0
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.album = Album(self.metrics, limit_bytes=frames * FRAME_BYTES, clock=lambda: self.now_s)

    def put(self, seconds: float, camera: str = "a", private: tuple[Polygon, ...] = ()) -> None:
        one = replace(ref(camera, seconds))
        found = Found(ref=one, row=0, detections=detections(), regions=nobody(), picture=0)
        pixels = np.zeros((360, 640, 3), np.uint8)
        closeup = Closeup(pixels=pixels, privacy=private, is_asked=False)
        self.album.turn(camera, at(seconds).timestamp())
        self.album.put(found, closeup, NO_BOXES, ())
        self.now_s += 0.01

    def times(self, camera: str = "a") -> list[float]:
        start_s = at(0).timestamp()
        return [round(one.at_s - start_s, 3) for one in self.album.leaves(camera)]


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.album.watch("a", ())
    made.album.watch("b", ())
    return made


def test_it_keeps_the_last_seconds_of_each_camera(rig: Rig) -> None:
    for second in range(20):
        rig.put(second)
    rig.put(3, "b")
    assert rig.times() == [11, 12, 13, 14, 15, 16, 17, 18, 19]
    assert rig.times("b") == [3]
    assert rig.times("c") == []
    rig.album.turn("a", at(19 + KEPT_S + 0.1).timestamp())
    assert rig.times() == []
    assert rig.times("b") == [3]


def test_a_clock_that_is_set_back_keeps_nothing(rig: Rig) -> None:
    rig.put(1000)
    rig.album.turn("a", at(10).timestamp())
    assert rig.times() == []


def test_a_camera_that_sends_nothing_more_is_emptied(rig: Rig) -> None:
    rig.put(1)
    rig.now_s += KEPT_S / 2
    rig.put(1, "b")
    rig.now_s += KEPT_S / 2
    rig.album.tidy()
    assert (rig.times("a"), rig.times("b")) == ([], [1])
    rig.now_s += KEPT_S
    rig.album.tidy()
    assert rig.album.size_bytes == 0


def test_the_oldest_frame_of_all_gives_way_and_is_counted() -> None:
    rig = Rig(frames=5)
    for name in "ab":
        rig.album.watch(name, ())
    for second in range(4):
        rig.put(second, "a")
    for second in range(3):
        rig.put(second, "b")
    assert (rig.times("a"), rig.times("b")) == ([2, 3], [0, 1, 2])
    assert rig.album.size_bytes == 5 * FRAME_BYTES
    assert rig.metrics.drops["evidence_budget"] == 2


def test_it_is_bounded_however_many_cameras_burst() -> None:
    rig = Rig(frames=BYTES // FRAME_BYTES)
    for number in range(300):
        rig.album.watch(str(number % 30), ())
        rig.put(number / 100, str(number % 30))
        assert rig.album.size_bytes <= BYTES


def test_a_frame_with_other_private_zones_than_now_is_never_kept(rig: Rig) -> None:
    rig.put(0)
    rig.album.watch("a", (ZONE,))
    assert rig.times() == [], "nor one from before the zone was drawn"
    rig.put(1)
    rig.put(2, private=(ZONE + 0.1,))
    assert rig.times() == []
    assert rig.metrics.drops["evidence_private"] == 2
    rig.put(3, private=(ZONE.copy(),))
    assert rig.times() == [3]


def test_a_camera_that_is_forgotten_leaves_nothing_and_brings_nothing(rig: Rig) -> None:
    rig.put(0)
    rig.album.forget("a")
    assert rig.album.size_bytes == 0
    rig.put(1)
    assert rig.times() == []


def test_frames_are_given_in_the_order_in_which_they_were_taken(rig: Rig) -> None:
    for second in (3, 1, 2):
        rig.put(second)
    assert rig.times() == [1, 2, 3]
