"""Close looks: they begin at once, show whole pictures, and have a budget; sentries go first."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from pipelines import batcher as batcher_module
from pipelines import bursts as bursts_module
from pipelines import source as source_module
from pipelines.address import camera_address
from pipelines.batcher import LONGEST_CLOSE, Batcher
from pipelines.bursts import (
    BURST_S,
    EVIDENCE_S,
    FRAMES_A_SECOND,
    PATIENCE_S,
    PIXELS_A_SECOND,
    REST_S,
    Bursts,
)
from pipelines.frames import Frame
from pipelines.metrics import WorkerMetrics
from pipelines.rtsp.networks import LOOPBACK
from pipelines.sampler import Sampler, Speed
from pipelines.source import CameraSource
from tests.support.builders import frame
from tests.support.zoo import ZOO

SUBSTREAM = 640 * 360
MAIN = 1920 * 1080


class Rig:
    """A budget on a clock that tests set."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.bursts = Bursts(self.metrics, lambda: self.now_s)

    def begun(self, outcome: str = "begun") -> int:
        label = {"outcome": outcome}
        found = self.metrics.registry.get_sample_value("fengsui_bursts_total", label)
        return int(found or 0)


def test_nobody_begins_who_wasn_t_asked_for_and_everybody_once() -> None:
    rig = Rig()
    assert not rig.bursts.begin("a", SUBSTREAM)
    rig.bursts.ask("a")
    assert rig.bursts.begin("a", SUBSTREAM)
    rig.bursts.ask("a")
    assert not rig.bursts.begin("a", SUBSTREAM), "it has one"
    rig.bursts.end("a")
    rig.bursts.ask("a")
    assert not rig.bursts.begin("a", SUBSTREAM), "it had one just now"
    rig.now_s += REST_S
    rig.bursts.ask("a")
    assert rig.bursts.begin("a", SUBSTREAM)
    assert rig.begun() == 2


@pytest.mark.parametrize("pixels", [SUBSTREAM, MAIN, 4 * MAIN])
def test_a_storm_of_alarms_has_the_budget_and_no_more(pixels: int) -> None:
    rig = Rig()
    names = [f"camera-{n}" for n in range(100)]
    for name in names:
        rig.bursts.ask(name)
    running = [name for name in names if rig.bursts.begin(name, pixels)]
    assert len(running) == max(1, PIXELS_A_SECOND // (pixels * FRAMES_A_SECOND))
    rig.bursts.end(running[0])
    later = next(name for name in names if name not in running)
    assert rig.bursts.begin(later, pixels), "one ends, the next begins"
    rig.now_s += PATIENCE_S + 0.1
    assert not any(rig.bursts.begin(name, 1) for name in names)
    assert rig.begun("no_budget") == 100 - len(running) - 1, "and what came too late is counted"


def test_an_alert_s_burst_comes_although_the_camera_rests_and_is_longer() -> None:
    rig = Rig()
    rig.bursts.ask("a")
    assert rig.bursts.begin("a", SUBSTREAM) == BURST_S
    rig.bursts.end("a")
    rig.bursts.ask("a")
    assert not rig.bursts.begin("a", SUBSTREAM)
    rig.bursts.ask_evidence("a")
    assert rig.bursts.wants_evidence("a")
    assert not rig.bursts.wants_evidence("b")
    assert rig.bursts.begin("a", SUBSTREAM) == EVIDENCE_S
    rig.bursts.have_evidence("a")
    assert not rig.bursts.wants_evidence("a")


def test_a_running_burst_is_prolonged_once_each_time_an_alert_asks() -> None:
    rig = Rig()
    rig.bursts.ask("a")
    assert rig.bursts.begin("a", SUBSTREAM)
    assert not rig.bursts.prolonged("a")
    rig.bursts.ask_evidence("a")
    assert rig.bursts.prolonged("a") == EVIDENCE_S
    assert not rig.bursts.prolonged("a")
    rig.bursts.ask_evidence("a")
    rig.bursts.end("a")
    assert rig.bursts.begin("a", SUBSTREAM) == EVIDENCE_S, "it had ended in that moment"
    rig.bursts.ask_evidence("a")
    rig.bursts.forget("a")
    assert not rig.bursts.prolonged("a")
    assert not rig.bursts.wants_evidence("a")


def test_alerts_bursts_have_the_same_budget_and_looks_bring_pictures_without_one() -> None:
    rig = Rig()
    names = [f"camera-{n}" for n in range(100)]
    for name in names:
        rig.bursts.ask_evidence(name)
    running = [name for name in names if rig.bursts.begin(name, SUBSTREAM)]
    assert len(running) == PIXELS_A_SECOND // (SUBSTREAM * FRAMES_A_SECOND)
    rig.now_s += PATIENCE_S + 0.1
    assert not any(rig.bursts.begin(name, 1) for name in names)
    assert all(rig.bursts.wants_evidence(name) for name in names)


def test_sentries_go_first_and_close_looks_that_are_too_many_are_counted() -> None:
    metrics = WorkerMetrics(CollectorRegistry())
    waiting = Batcher((256, 448), (1, 2, 4), metrics)
    for n in range(LONGEST_CLOSE + 10):
        waiting.offer(close_look(n))
    for n in range(6):
        waiting.offer(frame(f"camera-{n}"))
    names = []
    for _ in range(2):
        batch = waiting.take(0.1)
        assert batch is not None
        names += [ref.camera_id for ref in batch.frames]
    assert sorted(names) == [*(f"camera-{n}" for n in range(6)), "close", "close"]
    assert metrics.drops == {"overload": 0, "burst_budget": 10}
    waiting.forget("close")
    assert waiting.empty
    assert metrics.drops["removed"] == LONGEST_CLOSE - 2


def test_a_camera_s_looks_are_judged_in_the_order_they_came() -> None:
    metrics = WorkerMetrics(CollectorRegistry())
    waiting = Batcher((256, 448), (1, 2, 4), metrics)
    for n in range(1, 10):
        waiting.offer(close_look(n))
    waiting.offer(frame("close", seq=10))
    waiting.offer(close_look(11))
    assert [judged(waiting) for _ in range(3)] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11]]
    assert metrics.drops == {"overload": 0}, "nobody else waited"


def test_what_a_due_look_overtakes_while_others_wait_is_dropped_and_counted() -> None:
    metrics = WorkerMetrics(CollectorRegistry())
    waiting = Batcher((256, 448), (1, 2, 4), metrics)
    for n in range(1, 6):
        waiting.offer(close_look(n))
    waiting.offer(frame("close", seq=6))
    for n in range(4):
        waiting.offer(frame(f"camera-{n}"))
    waiting.offer(close_look(7))
    assert judged(waiting) == [6]
    assert metrics.drops["burst_budget"] == 5
    assert judged(waiting) == [7]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["due", "close", "take"]))))
def test_whatever_comes_no_camera_s_looks_are_judged_out_of_order(
    steps: list[tuple[str, str]],
) -> None:
    metrics = WorkerMetrics(CollectorRegistry())
    waiting = Batcher((16, 16), (1, 2, 4), metrics)
    seen: dict[str, list[int]] = {name: [] for name in "abc"}
    offered = 0

    def take() -> None:
        batch = None if waiting.empty else waiting.take(0.0)
        for ref in () if batch is None else batch.frames:
            seen[ref.camera_id].append(ref.seq)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batcher_module, "WINDOW_S", 0.0)
        for name, what in steps:
            if what == "take":
                take()
                continue
            offered += 1
            whole = tiny(name, offered)
            is_due = what == "due"
            waiting.offer(replace(whole, ref=replace(whole.ref, is_burst=True, is_due=is_due)))
        for _ in range(offered):
            take()
    assert waiting.empty
    assert all(seqs == sorted(seqs) for seqs in seen.values())
    assert sum(map(len, seen.values())) + sum(metrics.drops.values()) == offered


def tiny(name: str, seq: int) -> Frame:
    whole = frame(name, seq=seq)
    box = replace(whole.ref.letterbox, content_height_px=2, content_width_px=2)
    return replace(whole, ref=replace(whole.ref, letterbox=box), pixels=whole.pixels[:2, :2])


def judged(waiting: Batcher) -> list[int]:
    """The looks of the camera that is looked at closely, in the next batch."""
    batch = waiting.take(0.1)
    assert batch is not None
    return [ref.seq for ref in batch.frames if ref.camera_id == "close"]


def close_look(seq: int) -> Frame:
    whole = frame("close", seq=seq)
    return replace(whole, ref=replace(whole.ref, is_burst=True, is_due=False))


HABITS = ("healthy_h264", "healthy_h265", "b_frames", "healthy_mpeg4", "healthy_mjpeg")


def looked_at_closely(habit: str) -> tuple[list[Frame], WorkerMetrics]:
    """Every look at a camera until one burst is over."""
    metrics = WorkerMetrics(CollectorRegistry())
    bursts = Bursts(metrics)
    looks: list[Frame] = []
    with ZOO[habit]() as camera:
        address = camera_address(camera.url)
        source = CameraSource("c", address, (288, 512), metrics, LOOPBACK, bursts=bursts)
        ends_s = time.monotonic() + 9
        for one in source.looks(lambda: time.monotonic() > ends_s):
            looks.append(one)
            if len(looks) == 4:
                bursts.ask("c")
            if any(a.ref.is_burst and not b.ref.is_burst for a, b in itertools.pairwise(looks)):
                break
    return looks, metrics


@pytest.fixture(scope="module")
def watched() -> dict[str, tuple[list[Frame], WorkerMetrics]]:
    """All of them at the same time: each takes six seconds of waiting."""
    with ThreadPoolExecutor(len(HABITS)) as pool:
        return dict(zip(HABITS, pool.map(looked_at_closely, HABITS), strict=True))


@pytest.mark.parametrize("habit", HABITS)
def test_a_burst_goes_back_to_the_keyframe_and_shows_whole_pictures(
    watched: dict[str, tuple[list[Frame], WorkerMetrics]], habit: str
) -> None:
    looks, metrics = watched[habit]
    close = [one for one in looks if one.ref.is_burst]
    assert 10 <= len(close) <= 5 * BURST_S + 3
    times_s = [one.ref.captured_at.timestamp() for one in looks]
    assert times_s == sorted(times_s)
    assert close[0].ref.captured_at.timestamp() - looks[3].ref.captured_at.timestamp() < 1.0
    assert 1 <= sum(one.ref.is_due for one in close) <= 3, "a sentry's share goes first"
    gaps_s = np.diff([one.ref.captured_at.timestamp() for one in close])
    assert gaps_s.max() < 0.5
    assert not looks[-1].ref.is_burst, "and then it is a sentry again"
    for one in close if habit != "healthy_mpeg4" else ():  # its coder leaves traces by itself
        assert worst_error(one) < 40, "a picture built on one that was left out is grey"
    assert metrics.drops == {"overload": 0}


def test_what_cameras_keep_to_go_back_to_has_a_budget_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bursts_module, "KEPT_BYTES", 100)
    bursts = Rig().bursts
    assert bursts.keep("a", 60)
    assert bursts.keep("b", 40)
    assert not bursts.keep("b", 41)
    assert bursts.keep("a", 100), "b keeps nothing now"
    assert bursts.keep("a", 0)
    assert bursts.keep("b", 100)


def test_who_may_keep_nothing_is_looked_at_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bursts_module, "KEPT_BYTES", 1000)
    monkeypatch.setattr(bursts_module, "PATIENCE_S", 0.5)
    rig = Rig()
    bursts = Bursts(rig.metrics)
    looks: list[Frame] = []
    with ZOO["healthy_h264"]() as camera:
        address = camera_address(camera.url)
        source = CameraSource("c", address, (288, 512), rig.metrics, LOOPBACK, bursts=bursts)
        for one in source.looks(lambda: len(looks) >= 6):
            looks.append(one)
            if len(looks) == 3:
                bursts.ask("c")
    assert not any(one.ref.is_burst for one in looks)
    assert rig.begun("no_budget") == 1
    assert bursts.keep("other", 1000), "a source that ended keeps nothing"


def test_who_is_decoded_whole_keeps_nothing_to_go_back_to() -> None:
    metrics = WorkerMetrics(CollectorRegistry())
    bursts = Bursts(metrics)
    looks: list[Frame] = []
    with ZOO["rare_keyframes"]() as camera:
        address = camera_address(camera.url)
        source = CameraSource("c", address, (288, 512), metrics, LOOPBACK, bursts=bursts)
        looks.extend(itertools.islice(source.looks(lambda: False), 4))
    assert metrics.total("fengsui_frames_decoded_total") > 40
    assert bursts.keep("other", bursts_module.KEPT_BYTES)


def test_a_stream_that_is_too_much_is_told_and_looked_at_by_its_keyframes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source_module, "FLOW_PIXELS_A_SECOND", 1000)
    monkeypatch.setattr(source_module, "EFFORT_S", 1.0)
    metrics = WorkerMetrics(CollectorRegistry())
    ends_s = time.monotonic() + 8

    def frames(what: str) -> int:
        return metrics.total(f"fengsui_frames_{what}_total")

    def seen_enough() -> bool:
        return time.monotonic() > ends_s or 0 < 2 * frames("decoded") + 10 < frames("received")

    with ZOO["rare_keyframes"]() as camera:
        address = camera_address(camera.url)
        source = CameraSource("c", address, (288, 512), metrics, LOOPBACK)
        looks = list(source.looks(seen_enough))
    assert looks
    assert metrics.total("fengsui_streams_too_heavy_total") == 1
    assert frames("decoded") < frames("received") / 2, "after a second none but keyframes"


def worst_error(look: Frame) -> float:
    """How far a picture is from the film's: a slope, and a bright square that walks over it."""
    green = look.pixels[:, :, 1].astype(float)
    row = green[green.shape[0] // 3 + 12]
    x = int(np.argmax(np.convolve(row, np.ones(40), "valid")))
    slope = np.median(green[: green.shape[0] // 4], axis=0)
    rest = np.abs(green - slope)
    rest[:, max(0, x - 60) : x + 110] = 0  # the square, and where it wraps
    rest[:, :60] = rest[:, -60:] = 0
    return float(np.percentile(rest, 99.9))


def test_a_camera_that_stretches_its_keyframes_is_not_lost_sight_of() -> None:
    """A smart codec after a while of short intervals: the sentry doesn't wait for a keyframe."""
    sampler = Sampler()
    speeds = []
    for n in range(60 * 25):
        time_s = n / 25
        sampler.wants_packet(is_keyframe=n in {0, 50, 100, 150}, time_s=time_s)
        speeds.append(sampler.speed)
    assert speeds[5 * 25] is Speed.SENTRY
    assert speeds[13 * 25] is Speed.FLOW, "keyframes were 2 s apart, the last came at 6 s"


def test_a_burst_ends_within_a_row_and_the_next_keyframe_is_a_sentry_s() -> None:
    sampler = Sampler()
    looks = []
    for n in range(12 * 25):
        if n == 6 * 25 + 10:
            sampler.burst(BURST_S)
        wanted = sampler.wants_packet(is_keyframe=n % 50 == 0, time_s=n / 25)
        if wanted and sampler.wants_look(n / 25):
            looks.append((n / 25, sampler.speed))
    close = [at for at, speed in looks if speed is Speed.BURST]
    assert 14 <= len(close) <= 16
    assert close[0] == pytest.approx(6.4, abs=0.2)
    assert close[-1] < 6.4 + BURST_S + 0.1
    assert [at for at, speed in looks if speed is Speed.SENTRY and at > 9.5] == [10.0]
