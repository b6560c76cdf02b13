import threading
import time
from collections import Counter
from dataclasses import replace

import numpy as np
from prometheus_client import CollectorRegistry

from pipelines.batcher import Batcher
from pipelines.frames import Closeup
from pipelines.metrics import WorkerMetrics
from tests.support.builders import frame
from vision.letterbox import PAD_VALUE


def batcher() -> tuple[Batcher, WorkerMetrics]:
    metrics = WorkerMetrics(CollectorRegistry())
    return Batcher((256, 448), (1, 2, 4), metrics), metrics


def test_the_newest_look_of_a_camera_wins_and_the_other_is_counted() -> None:
    waiting, metrics = batcher()
    waiting.offer(frame(value=1, seq=1))
    waiting.offer(frame(value=2, seq=2))
    batch = waiting.take(0.1)
    assert batch is not None
    assert [one.seq for one in batch.frames] == [2]
    assert batch.pixels[0, 0, 0, 0] == 2
    assert metrics.drops == {"overload": 1}


def test_cameras_share_a_batch_of_a_fixed_size_in_the_order_they_came() -> None:
    waiting, metrics = batcher()
    for number in range(6):
        waiting.offer(frame(f"camera-{number}", value=number))
    first, second = waiting.take(0.1), waiting.take(0.1)
    assert first is not None
    assert second is not None
    assert [one.camera_id for one in first.frames] == [f"camera-{n}" for n in range(4)]
    assert [one.camera_id for one in second.frames] == ["camera-4", "camera-5"]
    assert (len(first.pixels), len(second.pixels)) == (4, 2)
    assert metrics.drops == {"overload": 0}


def test_under_overload_every_camera_gets_its_share() -> None:
    waiting, _ = batcher()
    served: Counter[str] = Counter()
    for _ in range(50):
        for number in range(8):
            waiting.offer(frame(f"camera-{number}"))
        batch = waiting.take(0.1)
        assert batch is not None
        served.update(one.camera_id for one in batch.frames)
    assert len(served) == 8
    assert min(served.values()) >= 24


def test_three_looks_ride_in_a_batch_of_four() -> None:
    waiting, _ = batcher()
    for number in range(3):
        waiting.offer(frame(f"camera-{number}"))
    batch = waiting.take(0.1)
    assert batch is not None
    assert (len(batch.frames), len(batch.pixels)) == (3, 4)


def test_what_an_earlier_wider_picture_left_is_padding_again() -> None:
    waiting, _ = batcher()
    waiting.offer(frame(value=9))
    waiting.take(0.1)
    narrow = frame(value=5)
    waiting.offer(replace(narrow, pixels=np.full((256, 200, 3), 5, np.uint8)))
    batch = waiting.take(0.1)
    assert batch is not None
    assert (batch.pixels[0, :, :200] == 5).all()
    assert (batch.pixels[0, :, 200:] == PAD_VALUE).all()


def test_no_look_is_no_batch() -> None:
    assert batcher()[0].take(0.01) is None


def test_a_file_s_looks_wait_and_none_is_lost() -> None:
    waiting, metrics = batcher()
    frames = [frame(value=n, seq=n) for n in range(1, 6)]

    def read() -> None:
        for one in frames:
            waiting.hand_over(one, lambda: False)

    thread = threading.Thread(target=read)
    thread.start()
    seen = [batch.frames[0].seq for _ in frames if (batch := waiting.take(2.0))]
    thread.join()
    assert seen == [1, 2, 3, 4, 5]
    assert metrics.drops == {"overload": 0}


def test_a_removed_camera_s_look_is_dropped_and_counted_and_no_other_s() -> None:
    waiting, metrics = batcher()
    waiting.offer(frame("gone"))
    waiting.offer(frame("stays"))
    waiting.forget("gone")
    waiting.offer(frame("gone"), lambda: True)
    batch = waiting.take(0.1)
    assert batch is not None
    assert [one.camera_id for one in batch.frames] == ["stays"]
    assert metrics.drops == {"overload": 0, "removed": 2}


def test_whoever_waits_for_looks_can_be_woken() -> None:
    waiting, _ = batcher()
    waiting.wake()
    began_s = time.monotonic()
    assert waiting.take(5.0) is None
    assert time.monotonic() - began_s < 1.0
    waiting.offer(frame())
    waiting.wake()
    assert waiting.take(5.0) is not None


def test_each_row_has_its_own_camera_s_picture_for_evidence() -> None:
    waiting, _ = batcher()
    offered = []
    for number, is_close in ((3, False), (1, True), (2, False), (0, True)):
        whole = frame(f"camera-{number}", value=number, seq=number + 1)
        pixels = np.full((4, 4, 3), number, np.uint8)
        closeup = Closeup(pixels=pixels, privacy=(), is_asked=False) if number else None
        one = replace(
            whole, ref=replace(whole.ref, is_burst=is_close, is_due=not is_close), evidence=closeup
        )
        offered.append(one)
        waiting.offer(one)
    batch = waiting.take(0.1)
    assert batch is not None
    assert len(batch.frames) == len(batch.evidence) == len(offered)
    for row, (ref, closeup) in enumerate(zip(batch.frames, batch.evidence, strict=True)):
        number = int(ref.camera_id[-1])
        assert batch.pixels[row, 0, 0, 0] == number
        assert (closeup is None) == (number == 0)
        assert closeup is None or (closeup.pixels == number).all()
