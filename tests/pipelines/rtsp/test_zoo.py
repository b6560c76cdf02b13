"""Cameras with bad habits: each is read or told off in words, and none costs another a look."""

import itertools
import json
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from pipelines import faults, source
from pipelines.address import camera_address
from pipelines.batcher import Batcher
from pipelines.frames import Frame
from pipelines.metrics import WorkerMetrics
from pipelines.reader import Reader
from pipelines.rtsp import connection
from pipelines.rtsp.networks import LOOPBACK, Networks
from pipelines.source import CameraSource
from tests.support.media import REPOSITORY
from tests.support.zoo import PASSWORD, ZOO

INPUT = (288, 512)
AT_ONCE = 12

READ = {
    *("healthy_h264", "healthy_h265", "healthy_mjpeg", "healthy_mpeg4", "tiny_2", "tiny_16"),
    *("size_changes", "rare_keyframes", "b_frames", "sixty_a_second", "high_bit_rate"),
    *("time_jumps_forwards", "time_jumps_backwards", "time_steps_backwards", "time_wraps"),
    *("slow_keyframe", "ten_times_too_fast", "audio_first", "half_corrupted", "packet_loss"),
    *("every_header_bit", "sets_in_sdp_only", "sets_in_band_only", "aggregated_sets"),
    *("aggregated_sets_h265", "other_channels", "stray_channel", "rtcp_between"),
    *("replies_between", "rubbish_between", "rubbish_with_dollars", "wrong_sequence"),
    *("digest_md5", "digest_qop_auth", "digest_sha_256", "basic", "basic_and_digest"),
    *("digest_and_basic", "stale_nonce", "bare_newlines", "content_base_elsewhere"),
    *("content_base_http", "content_base_file", "content_base_concat", "control_elsewhere"),
    *("control_http", "control_file", "control_concat", "time_stands_still"),
}
"""Habits that a good client bears."""

TOLD = {
    "no_keyframe_ever": faults.NoKeyframeError,
    "audio_only": faults.NoVideoError,
    "empty_description": faults.NoVideoError,
    "unsupported_codec": faults.UnsupportedCodecError,
    "too_large": faults.TooLargeError,
    "truncated": faults.StreamLostError,
    "ends": faults.StreamLostError,
    "resets": faults.StreamLostError,
    "goes_silent": faults.StreamLostError,
    "closes_after_play": faults.StreamLostError,
    "silent_after_play": faults.StreamLostError,
    "drips_media": faults.StreamLostError,
    "empty_packets": faults.StreamLostError,
    "never_admits": faults.UnauthorizedError,
    "not_found": faults.NotFoundError,
    "not_enough_bandwidth": faults.UnreachableError,
    "unavailable": faults.UnreachableError,
    "udp_only": faults.UnreachableError,
    "refuses_play": faults.UnreachableError,
    "never_answers": faults.UnreachableError,
    "never_answers_play": faults.UnreachableError,
    "drips_description": faults.UnreachableError,
    "endless_headers": faults.NoRtspError,
    "endless_header_line": faults.NoRtspError,
    "endless_sdp": faults.NoRtspError,
    "content_length_negative": faults.NoRtspError,
    "content_length_words": faults.NoRtspError,
    "content_length_huge": faults.NoRtspError,
    "many_media": faults.NoRtspError,
    "not_rtsp": faults.NoRtspError,
    "redirect": faults.RedirectedError,
    "redirect_301": faults.RedirectedError,
    "redirect_after_login": faults.RedirectedError,
    "redirect_loop": faults.RedirectedError,
    "redirected_mid_stream": faults.RedirectedError,
    "location_http": faults.RedirectedError,
    "location_file": faults.RedirectedError,
    "location_concat": faults.RedirectedError,
}
"""Habits that end a connection, and how it is told."""

ELSEWHERE = {"lost_starts", "flood", "eight_k"} | {
    *("wants_keepalives", "keepalive_by_options", "lies_about_get_parameter")
}
"""Habits with a test of their own."""

LOUD = ("flood", "eight_k", "high_bit_rate", "drips_media", "rubbish_with_dollars", "redirect_loop")
LOUD += (
    "half_corrupted",
    "sixty_a_second",
    "endless_headers",
    "never_answers",
    "time_stands_still",
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one connection."""

    looks: int
    error: faults.SourceError | None
    connections: int
    leaked: bool


def attempt(habit: str) -> Outcome:
    metrics = WorkerMetrics(CollectorRegistry())
    with ZOO[habit]() as camera:
        address = camera_address(camera.url_with_login)
        reading = CameraSource("camera-1", address, INPUT, metrics, LOOPBACK)
        ends_s = time.monotonic() + 8
        seen: list[Frame] = []
        enough = 2 if habit in READ else 99
        error = None
        try:
            seen.extend(reading.looks(lambda: len(seen) >= enough or time.monotonic() > ends_s))
        except faults.SourceError as caught:
            error = caught
        other = camera.other
        leaked = other is not None and (other.connections > 0 or len(other.authorizations) > 0)
        return Outcome(looks=len(seen), error=error, connections=camera.connections, leaked=leaked)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """Every habit once, a dozen at a time, with short patience."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "OPEN_TIMEOUT_S", 3.0)
        patch.setattr(source, "READ_TIMEOUT_S", 3.0)
        # Longer than it takes until a clock that stands still is set anew.
        patch.setattr(source, "NO_KEYFRAME_S", source.FARTHEST_S + 1.0)
        habits = [*READ, *TOLD]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(habits, pool.map(attempt, habits), strict=True))


def test_every_habit_of_the_zoo_is_judged() -> None:
    assert set(ZOO) == READ | set(TOLD) | ELSEWHERE


@pytest.mark.parametrize("habit", sorted(READ))
def test_a_habit_that_can_be_borne_is_borne(outcomes: dict[str, Outcome], habit: str) -> None:
    found = outcomes[habit]
    assert found.error is None
    assert found.looks >= 2
    assert found.connections == 1
    assert not found.leaked


@pytest.mark.parametrize("habit", sorted(TOLD))
def test_a_habit_that_can_t_is_told_in_words(outcomes: dict[str, Outcome], habit: str) -> None:
    found = outcomes[habit]
    assert type(found.error) is TOLD[habit]
    assert PASSWORD not in str(found.error) + repr(found.error.__cause__)
    assert found.connections == 1, "and it is connected to once, there and nowhere else"
    assert not found.leaked


KEPT_ALIVE = ("wants_keepalives", "keepalive_by_options")


def kept_alive(habit: str) -> tuple[int, int]:
    """Return how many looks came in 5 s, of a session whose time is 3 s, and of how many."""
    metrics = WorkerMetrics(CollectorRegistry())
    with ZOO[habit]() as camera:
        reading = CameraSource("c", camera_address(camera.url), INPUT, metrics, LOOPBACK)
        ends_s = time.monotonic() + 5
        looks = sum(1 for _ in reading.looks(lambda: time.monotonic() > ends_s))
        return looks, camera.connections


def test_a_session_that_ends_in_silence_is_kept_alive() -> None:
    with ThreadPoolExecutor(len(KEPT_ALIVE)) as pool:
        kept = zip(KEPT_ALIVE, pool.map(kept_alive, KEPT_ALIVE), strict=True)
        for habit, (looks, connections) in kept:
            assert looks >= 4, habit
            assert connections == 1, habit


def test_an_address_outside_the_allowed_networks_gets_no_connection() -> None:
    with ZOO["healthy_h264"]() as camera:
        for networks in (Networks(), Networks.parse(["127.0.0.2/32"]), Networks(())):
            metrics = WorkerMetrics(CollectorRegistry())
            address = camera_address(camera.url)
            with pytest.raises(faults.NetworkRefusedError, match="no network that is allowed"):
                next(CameraSource("c", address, INPUT, metrics, networks).looks(lambda: False))
        assert camera.connections == 0


@contextmanager
def zoo_process(*habits: str) -> Iterator[dict[str, str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.zoo.serve", *habits],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as serving:  # fmt: skip
        assert serving.stdout is not None
        assert serving.stdin is not None
        try:
            yield json.loads(serving.stdout.readline())
        finally:
            serving.stdin.close()
            serving.wait(20)


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def test_what_one_camera_does_costs_no_other_a_look() -> None:
    """Three good cameras beside the loudest of the zoo, all in one worker's readers."""
    metrics = WorkerMetrics(CollectorRegistry())
    batcher = Batcher(INPUT, (1, 2, 4), metrics)
    seen: dict[str, list[float]] = defaultdict(list)
    done = threading.Event()

    def consume() -> None:
        while not done.is_set():
            batch = batcher.take(0.2)
            for ref in batch.frames if batch else ():
                seen[ref.camera_id].append(time.monotonic())

    good = ("healthy_h264", "healthy_h265", "b_frames")
    with zoo_process(*good, *LOUD) as urls:
        before_mb = resident_mb()
        readers = [
            Reader(
                CameraSource(habit, camera_address(url), INPUT, metrics, LOOPBACK), batcher, metrics
            )
            for habit, url in urls.items()
        ]
        consumer = threading.Thread(target=consume)
        consumer.start()
        for reader in readers:
            reader.start()
        time.sleep(8)
        grown_mb = resident_mb() - before_mb
        for reader in readers:
            reader.stop()
        for reader in readers:
            reader.join(5)
        done.set()
        consumer.join()
        assert not any(reader.alive for reader in readers)
    for habit in good:
        times_s = seen[habit]
        assert len(times_s) >= 6, habit
        gaps_s = [later - earlier for earlier, later in itertools.pairwise(times_s)]
        assert max(gaps_s) < 2.0, f"{habit}: {gaps_s}"
    assert seen["eight_k"]
    # One 8K picture has 50 MB; what a flood sends is read in pieces, and no more than can be used.
    assert grown_mb < 400
    assert connection.LARGEST_READ_BYTES <= 4 << 20
