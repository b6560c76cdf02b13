"""Admission by examples: a simulated worker with so many cameras and so fast a detector."""

import random
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from pipelines import admission
from pipelines.admission import (
    BEHIND,
    CALM_S,
    DRAIN_S,
    FULL_AFTER_S,
    SETTLE_S,
    STARTING_AT_ONCE,
    TARGET,
    Admission,
    Load,
    Standing,
)
from pipelines.batcher import Batcher
from pipelines.frames import FrameBatch
from pipelines.load import LoadMeter
from pipelines.metrics import WorkerMetrics
from tests.support.builders import frame, ref

LOOKS_A_SECOND = 0.5
"""Of each camera."""


@dataclass
class Simulated:
    """A worker's cameras and its load, a second a step."""

    cameras: int
    bears: float
    """So many cameras keep it busy all of its time."""
    noise: random.Random | None = None
    now_s: float = 0.0
    begun_s: list[float] = field(default_factory=list)
    rests: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    admission: Admission = field(default_factory=Admission)

    def run(self, seconds: int) -> "Simulated":
        for _ in range(seconds):
            self.second()
        return self

    def second(self) -> None:
        self.start()
        self.now_s += 1.0
        excess = self.admission.measure(self.load(), self.standing(), self.now_s)
        self.rests.append(excess)
        if excess:
            del self.begun_s[-excess:]
            self.admission.rested(excess, self.now_s)
        self.counts.append(len(self.begun_s))

    def start(self) -> None:
        while len(self.begun_s) < self.cameras and self.admission.may_start(self.now_s):
            self.begun_s.append(self.now_s)
            self.admission.started(self.now_s)

    def load(self) -> Load:
        demand = len(self.begun_s) / self.bears
        due = max(1, round(len(self.begun_s) * LOOKS_A_SECOND))
        lost = max(0, round(due * (1 - 1 / demand))) if demand > 1 else 0
        if self.noise is not None:
            demand *= self.noise.uniform(0.8, 1.2)
            if self.noise.random() < 0.1:  # a jam: a camera sends two looks at once
                lost = min(due, lost + 1 + due // 5)
        looks = due - lost
        late = looks if demand > 1 else 0
        return Load(
            elapsed_s=1.0, looks=looks, late=late, lost=lost, loop=min(1.0, demand), cores=0.2
        )

    def standing(self) -> Standing:
        starting = sum(self.now_s - begun < SETTLE_S for begun in self.begun_s)
        return Standing(
            watching=len(self.begun_s),
            settled=len(self.begun_s) - starting,
            starting=starting,
            starting_unseen=0,
            waiting=self.cameras - len(self.begun_s),
        )


def test_nobody_is_refused_because_nothing_is_known_yet() -> None:
    fresh = Admission()
    for _ in range(STARTING_AT_ONCE):
        assert fresh.may_start(0.0)
        fresh.started(0.0)
    assert not fresh.may_start(0.0), "a start is a ramp"
    assert not fresh.is_full(0.0), "that is not being full"


def test_five_hundred_cameras_start_within_a_minute_and_never_all_at_once() -> None:
    worker = Simulated(cameras=500, bears=2000)
    most_new = 0
    while len(worker.begun_s) < 500:
        worker.second()
        standing = worker.standing()
        most_new = max(most_new, standing.starting - max(10, standing.settled // 2))
        assert not worker.admission.is_full(worker.now_s)
        assert worker.now_s < 60
    assert most_new <= 0


def test_a_worker_fills_to_its_target_and_is_then_full_without_a_late_look() -> None:
    worker = Simulated(cameras=500, bears=100).run(120)
    assert worker.counts[-1] == pytest.approx(100 * TARGET, abs=2)
    assert not any(worker.rests)
    assert worker.admission.is_full(worker.now_s)
    assert worker.admission.capacity == pytest.approx(100 * TARGET, rel=0.05)
    assert worker.admission.busy == pytest.approx(TARGET, abs=0.03)


def test_a_slower_detector_rests_the_newest_a_few_at_a_time_until_looks_are_in_time() -> None:
    worker = Simulated(cameras=80, bears=110).run(60)
    assert worker.counts[-1] == 80
    worker.bears = 30
    worker.run(60)
    assert max(worker.rests) <= 80 // 4
    assert worker.load().missed == 0
    assert 20 <= worker.counts[-1] <= 30, "no more than must"
    assert worker.counts[-30:] == [worker.counts[-1]] * 30, "and then it holds"


def test_what_rests_comes_back_when_there_is_room_not_sooner_and_not_all_at_once() -> None:
    worker = Simulated(cameras=40, bears=60).run(60)
    worker.bears = 20
    worker.run(40)
    low = worker.counts[-1]
    assert low <= 20
    worker.bears = 1000
    since = len(worker.counts)
    worker.run(120)
    assert worker.counts[-1] == 40
    back = worker.counts[since:]
    assert max(after - before for before, after in pairwise(back)) <= 4
    assert not any(worker.rests[since + 5 :])


def test_the_line_left_by_those_that_rest_puts_no_more_to_rest() -> None:
    worker = Simulated(cameras=40, bears=60).run(60)
    late = Load(elapsed_s=1.0, looks=10, late=10, lost=10, loop=1.0, cores=0.1)
    rests = []
    for second in range(9):
        now_s = 61.0 + second
        rests.append(worker.admission.measure(late, worker.standing(), now_s) > 0)
        if rests[-1]:
            worker.admission.rested(5, now_s)
    apart_s = int(DRAIN_S) + BEHIND - 1
    assert [second for second, rest in enumerate(rests) if rest] == [2, 2 + apart_s]


def test_nobody_comes_back_within_the_calm() -> None:
    worker = Simulated(cameras=40, bears=60).run(60)
    worker.bears = 20
    while not any(worker.rests):
        worker.second()
    worker.bears = 1000
    low, at_s = worker.counts[-1], worker.now_s
    while worker.now_s < at_s + CALM_S - 1:
        worker.second()
        assert worker.counts[-1] == low
    worker.run(10)
    assert worker.counts[-1] > low


def test_a_load_at_the_brink_does_not_flap() -> None:
    """With noise of a fifth and jams, at a demand that is just too much."""
    for seed in range(20):
        noise = random.Random(seed)  # noqa: S311
        worker = Simulated(cameras=30, bears=100, noise=noise).run(60)
        worker.bears = 28
        worker.run(600)
        assert sum(rest > 0 for rest in worker.rests) <= 4, seed
        assert worker.counts[-1] >= 18, seed


def test_each_return_that_was_too_much_makes_the_next_wait_twice_as_long() -> None:
    """A load that is light only while few cameras run can't be foreseen; it must not flap."""
    worker = Simulated(cameras=20, bears=40).run(60)
    rests = []
    for _ in range(1200):
        worker.bears = 9.0 if len(worker.begun_s) > 10 else 100.0
        worker.second()
        if worker.rests[-1] and (not rests or worker.now_s - rests[-1] > 15):
            rests.append(worker.now_s)
    apart = [after - before for before, after in pairwise(rests)]
    assert apart == sorted(apart)
    assert len(rests) <= 8


def test_hiccups_rest_nobody() -> None:
    worker = Simulated(cameras=3, bears=4.0)
    worker.run(30)
    hiccup = Load(elapsed_s=1.0, looks=1, late=1, lost=1, loop=0.75, cores=0.1)
    fine = Load(elapsed_s=1.0, looks=2, late=0, lost=0, loop=0.75, cores=0.1)
    for load in [hiccup, hiccup, fine, fine] * 10:
        worker.now_s += 1.0
        assert worker.admission.measure(load, worker.standing(), worker.now_s) == 0


def test_a_worker_at_the_brink_is_behind_though_not_in_every_second() -> None:
    worker = Simulated(cameras=30, bears=60).run(30)
    late = Load(elapsed_s=1.0, looks=12, late=6, lost=3, loop=1.0, cores=0.1)
    fine = Load(elapsed_s=1.0, looks=15, late=0, lost=0, loop=0.9, cores=0.1)
    rests = [
        worker.admission.measure(load, worker.standing(), 31.0 + second)
        for second, load in enumerate([late, late, fine] * 3)
    ]
    assert any(rests)


def test_late_looks_of_an_idle_worker_have_another_reason_than_cameras() -> None:
    worker = Simulated(cameras=50, bears=200).run(60)
    stuck = Load(elapsed_s=1.0, looks=10, late=10, lost=15, loop=0.2, cores=0.1)
    for _ in range(30):
        worker.now_s += 1.0
        assert worker.admission.measure(stuck, worker.standing(), worker.now_s) == 0


def test_cores_count_as_the_loop_does() -> None:
    worker = Simulated(cameras=50, bears=200).run(60)
    decoding = Load(elapsed_s=1.0, looks=20, late=10, lost=5, loop=0.2, cores=1.0)
    rests = []
    for _ in range(5):
        worker.now_s += 1.0
        rests.append(worker.admission.measure(decoding, worker.standing(), worker.now_s))
    assert any(rests)


def test_the_last_camera_is_never_put_to_rest() -> None:
    worker = Simulated(cameras=4, bears=20).run(20)
    worker.bears = 0.1
    worker.run(120)
    assert worker.counts[-1] == 1


@pytest.mark.parametrize("seconds", [1, 2, 3, 7])
def test_what_cameras_did_that_are_gone_keeps_no_other_out(seconds: int) -> None:
    """All are switched off while the worker is behind, or waits for calm: nothing runs any more."""
    worker = Simulated(cameras=20, bears=40).run(60)
    worker.bears = 2.0
    worker.run(seconds)
    worker.cameras, worker.bears, worker.begun_s = 0, 40.0, []
    nothing = Load(elapsed_s=1.0, looks=0, late=0, lost=0, loop=0.0, cores=0.0)
    for _ in range(3):
        worker.now_s += 1.0
        worker.admission.measure(nothing, worker.standing(), worker.now_s)
    worker.cameras = 3
    worker.run(1)
    assert worker.counts[-1] == 3


def test_a_second_in_which_an_idle_worker_has_no_look_is_one_without_a_late_one() -> None:
    worker = Simulated(cameras=3, bears=40).run(30)
    late = Load(elapsed_s=1.0, looks=1, late=1, lost=1, loop=0.9, cores=0.1)
    none = Load(elapsed_s=1.0, looks=0, late=0, lost=0, loop=0.0, cores=0.0)
    for load in (late, late, none, none):
        worker.now_s += 1.0
        worker.admission.measure(load, worker.standing(), worker.now_s)
    worker.cameras = 4
    worker.start()
    assert len(worker.begun_s) == 4


def test_cameras_that_send_nothing_hold_no_place() -> None:
    """Else an estate with dead cameras would be refused its living ones."""
    worker = Admission()
    load = Load(elapsed_s=1.0, looks=10, late=0, lost=0, loop=0.4, cores=0.1)
    standing = Standing(watching=20, settled=60, starting=0, starting_unseen=0, waiting=5)
    for second in range(30):
        assert worker.measure(load, standing, float(second)) == 0
    assert worker.may_start(30.0)
    assert worker.capacity == pytest.approx(40)


def test_the_first_camera_s_start_keeps_no_second_one_out() -> None:
    worker = Admission()
    first = Load(elapsed_s=1.0, looks=1, late=0, lost=0, loop=0.9, cores=1.0)
    standing = Standing(watching=1, settled=0, starting=1, starting_unseen=0, waiting=1)
    assert worker.measure(first, standing, 1.0) == 0
    assert worker.may_start(1.0)


def test_a_start_s_own_load_is_not_being_full() -> None:
    worker = Admission()
    busy = Load(elapsed_s=1.0, looks=5, late=0, lost=0, loop=0.9, cores=0.9)
    standing = Standing(watching=10, settled=0, starting=10, starting_unseen=0, waiting=90)
    worker.measure(busy, standing, 1.0)
    assert not worker.may_start(1.0)
    assert not worker.is_full(SETTLE_S)
    assert worker.is_full(1.0 + FULL_AFTER_S)


class Inlet:
    """A batcher whose batches and clock a test sets."""

    def __init__(self) -> None:
        self.batcher = Batcher((8, 8), (1, 2, 4), metrics := WorkerMetrics(CollectorRegistry()))
        self.metrics = metrics
        self.now_s = 100.0
        self.process_s = 7.0
        self.given: FrameBatch | None = None
        self.batcher.take = self._take  # type: ignore[method-assign]
        self.meter = LoadMeter(
            self.batcher, metrics, 4.0, lambda: self.now_s, lambda: self.process_s
        )

    def _take(self, timeout_s: float) -> FrameBatch | None:
        self.now_s += timeout_s
        return self.given

    def step(self, waits_s: float, works_s: float, *ages_s: float, burst: bool = False) -> None:
        """Take looks that will be as old as this when they are judged."""
        ends_s = self.now_s + waits_s + works_s
        refs = tuple(
            replace(ref(), received_ns=round((ends_s - age_s) * 1e9), is_burst=burst)
            for age_s in ages_s
        )
        half = len(refs) // 2
        pixels = np.zeros((4, 8, 8, 3), np.uint8)
        unchanged = tuple(replace(frame(), ref=one) for one in refs[half:])
        self.given = FrameBatch(pixels=pixels, frames=refs[:half], unchanged=unchanged)
        self.batcher.take(waits_s)
        self.now_s += works_s

    def end(self) -> None:
        self.given = None
        self.batcher.take(0.0)


def test_the_meter_says_how_old_looks_are_when_judged_and_how_busy_the_loop_is() -> None:
    inlet = Inlet()
    inlet.step(0.25, 0.25, 0.1, 0.9, 1.5)
    inlet.metrics.drop("overload", 2)
    inlet.metrics.drop("corrupt", 9)
    assert inlet.meter.read() is None
    inlet.step(1.25, 0.25)
    inlet.process_s += 2.0
    inlet.end()
    load = inlet.meter.read()
    assert load == Load(elapsed_s=2.0, looks=3, late=1, lost=2, loop=0.25, cores=0.25)
    assert load.missed == pytest.approx(3 / 5)
    inlet.now_s += 1.0
    assert inlet.meter.read() == Load(
        elapsed_s=1.0, looks=0, late=0, lost=0, loop=1.0, cores=0.0
    ), "a loop that is still at it is busy"


def test_late_looks_of_bursts_put_no_camera_to_rest() -> None:
    inlet = Inlet()
    inlet.step(0.5, 0.25, 3.0, 3.0, 3.0, burst=True)
    inlet.step(0.5, 0.25, 3.0)
    inlet.end()
    load = inlet.meter.read()
    assert load is not None
    assert (load.looks, load.late) == (1, 1)


def test_the_constants_hang_together() -> None:
    assert admission.BUSY_ENOUGH < TARGET
    assert SETTLE_S < FULL_AFTER_S
