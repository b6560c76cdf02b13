"""What a camera can't do to a probe: hold it, flood it, pass for another, hide its keyframes."""

import itertools
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame

from pipelines.address import camera_address
from pipelines.decoder import Decoder
from pipelines.drills.clip import Clip
from pipelines.drills.rtsp import Mount
from pipelines.faults import NoKeyframeError, TooLargeError
from pipelines.messages import FoundBy, FoundStream, StreamFacts
from pipelines.probing import looking, measuring
from pipelines.probing.looking import Looking
from pipelines.probing.measuring import Measuring
from pipelines.probing.probe import _question
from pipelines.probing.scene import ALIKE, Scene, is_one_scene, scene_of
from pipelines.probing.substream import Candidate, Search
from pipelines.rtsp import connection
from pipelines.rtsp.networks import LOOPBACK
from tests.pipelines.drills.live import served
from tests.pipelines.probing.fake import Sending, fake_camera
from tests.pipelines.probing.kit import KEYINT, MAIN_PX, SUB_PX, camera, clip, job, kit
from tests.support.drill_clip import short_drill
from tests.support.zoo.films import film

RARE = StreamFacts(
    codec="h264", width_px=640, height_px=360, frame_rate_hz=5.0, keyframe_interval_s=12.0
)


@pytest.fixture(autouse=True)
def _small_bursts(monkeypatch: pytest.MonkeyPatch) -> None:
    """4 MB of tiny packets are parsed for seconds, whatever comes then."""
    monkeypatch.setattr(connection, "LARGEST_READ_BYTES", 100_000)
    monkeypatch.setattr(connection, "NAP_S", 0.05)


def a_keyframe_then_a_flood(sending: Sending, ended: threading.Event) -> None:
    """Whole pictures as fast as they are read: at each a decoder works."""
    units = clip().units
    sending.send(sending.unit(units[0].data, 0))
    for number in itertools.count(1):
        if ended.is_set():
            return
        sending.send(
            b"".join(sending.unit(units[1].data, (number * 100 + n) * 3600) for n in range(100))
        )


def looks_of(port: int, facts: StreamFacts) -> Looking:
    address = camera_address(f"rtsp://127.0.0.1:{port}/x")
    return Looking(address, LOOPBACK, facts, (), (288, 512))


def test_a_flood_of_pictures_is_no_camera_and_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "FLOW_PIXELS_A_SECOND", 10_000_000)
    with fake_camera(a_keyframe_then_a_flood) as there:
        began_s = time.monotonic()
        seen = looks_of(there.port, RARE)
        seen._needs_all = True
        with pytest.raises(TooLargeError, match="more pixels"):
            list(seen.looks(lambda: time.monotonic() - began_s > 10))
        assert time.monotonic() - began_s < 8


def test_looks_end_in_the_middle_of_a_burst() -> None:
    asked = 0

    def is_over() -> bool:
        nonlocal asked
        asked += 1
        return asked > 20

    with fake_camera(a_keyframe_then_a_flood) as there:
        decoded = 0
        real = Decoder.following

        def following(self: Decoder, data: bytes, ticks: int) -> list[object]:
            nonlocal decoded
            decoded += 1
            return list(real(self, data, ticks))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Decoder, "following", following)
            list(looks_of(there.port, RARE).looks(is_over))
    assert decoded <= 20


def test_a_picture_that_outgrows_what_was_measured_is_told() -> None:
    facts = StreamFacts(codec="h264", width_px=320, height_px=180, keyframe_interval_s=1.0)
    ends_s = time.monotonic() + 4
    with served([Mount(name="x", clip=clip())]) as (_, port), pytest.raises(TooLargeError):
        list(looks_of(port, facts).looks(lambda: time.monotonic() > ends_s))


def broken_keyframes(sending: Sending, ended: threading.Event) -> None:
    for number in itertools.count():
        if ended.is_set():
            return
        sending.send(
            b"".join(
                sending.packet(b"\x65\x88\x80\x10UUUU", (number * 5000 + n) * 3000, ends=True)
                for n in range(5000)
            )
        )


def test_a_burst_is_measured_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "MOST_UNITS", 50)
    with fake_camera(broken_keyframes) as there:
        one = Measuring(
            camera_address(f"rtsp://127.0.0.1:{there.port}/x"), LOOPBACK, threading.Event()
        )
        with pytest.raises(Exception, match="no picture could be decoded"):
            one.run()
        assert len(one._stamps) == 51


def test_a_substream_of_broken_keyframes_is_left_in_the_middle_of_a_burst(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[float] = []
    real = Decoder.keyframe

    def keyframe(self: Decoder, data: bytes) -> list[object]:
        tried.append(time.monotonic())
        time.sleep(0.05)
        return list(real(self, data))

    monkeypatch.setattr(Decoder, "keyframe", keyframe)
    with fake_camera(broken_keyframes) as there:
        url = f"rtsp://127.0.0.1:{there.port}/sub"
        began_s = time.monotonic()
        assert found_at(url, FoundBy.ONVIF, ends_s=began_s + 1.0) is None
        assert time.monotonic() - began_s < 3
    assert tried


def found_at(url: str, found_by: FoundBy, ends_s: float | None = None) -> FoundStream | None:
    search = Search(camera_address, LOOPBACK, threading.Event(), ends_s or time.monotonic() + 10)
    main = scene_of(first_picture(clip(MAIN_PX, KEYINT)))
    return search.first([Candidate(url=url, found_by=found_by)], main)


def first_picture(shown: Clip):  # type: ignore[no-untyped-def]
    return Decoder("h264", (288, 512)).keyframe(shown.units[0].data)[0]


def stretched(lead_s: float, gop_s: float, hz: float = 90_000.0):  # type: ignore[no-untyped-def]
    """Twenty pictures a second, a keyframe after ``lead_s`` and then every ``gop_s``."""
    units = clip((90, 160)).units
    key, inter = units[0].data, units[1].data

    def plays(sending: Sending, ended: threading.Event) -> None:
        began_s, next_s = time.monotonic(), lead_s
        for number in itertools.count():
            at_s = number / 20
            is_key = at_s >= next_s - 1e-9
            next_s += gop_s if is_key else 0
            sending.send(sending.unit(key if is_key else inter, int(at_s * hz)))
            if ended.wait(max(0.0, began_s + (number + 1) / 20 - time.monotonic())):
                return

    return plays


@pytest.mark.parametrize("lead_s", [0.0, 0.5, 0.9])
def test_a_long_interval_is_measured_wherever_it_is_met(
    lead_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All in a tenth of the time: keyframes 1 s apart, 1.3 s to measure them."""
    monkeypatch.setattr(measuring, "LONGEST_S", 1.3)
    monkeypatch.setattr(measuring, "SHORTEST_S", 0.2)
    with fake_camera(stretched(lead_s, 1.0)) as there:
        facts = measured(there.port).facts
    assert facts is not None
    assert facts.keyframe_interval_s == pytest.approx(1.0, abs=0.06)


def test_before_a_first_keyframe_that_is_late_there_is_an_interval_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measuring, "LONGEST_S", 0.8)
    monkeypatch.setattr(measuring, "SHORTEST_S", 0.2)
    with fake_camera(stretched(1.2, 9.0)) as there:
        one = measured(there.port)
    assert one.facts is not None
    assert one.facts.keyframe_interval_s == pytest.approx(1.2, abs=0.1)
    assert one.facts.width_px == 160


@pytest.mark.parametrize("hz", [720_000.0, 1000.0, 0.0], ids=["8x", "milliseconds", "stands"])
def test_an_interval_is_timed_by_arrivals_where_stamps_run_wrong(hz: float) -> None:
    with fake_camera(stretched(0.0, 1.0, hz)) as there:
        facts = measured(there.port).facts
    assert facts is not None
    assert facts.keyframe_interval_s == pytest.approx(1.0, abs=0.4)


def measured(port: int, ends_s: float | None = None) -> Measuring:
    address = camera_address(f"rtsp://127.0.0.1:{port}/x")
    one = Measuring(address, LOOPBACK, threading.Event(), ends_s or time.monotonic() + 30)
    one.run()
    return one


def test_measuring_ends_with_the_probe() -> None:
    with fake_camera(stretched(60.0, 60.0)) as there:
        began_s = time.monotonic()
        with pytest.raises(NoKeyframeError):
            measured(there.port, began_s + 1.0)
        assert time.monotonic() - began_s < 2


def test_a_probe_of_a_camera_that_is_slow_everywhere_ends_with_its_job(tmp_path: Path) -> None:
    """The main stream is good; each guess takes its time to answer."""
    ended = threading.Event()

    def slow(method: str, uri: str) -> None:
        if method == "DESCRIBE" and not uri.endswith("/stream1/main/11/stream=0"):
            ended.wait(2.5)

    def plays(sending: Sending, over: threading.Event) -> None:
        for number, unit in enumerate(itertools.cycle(clip(keyint=5).units)):
            sending.send(sending.unit(unit.data, number * 3600))
            if over.wait(0.04):
                return

    with fake_camera(plays, slow) as there, kit(tmp_path, ports=()) as made:
        began_s = time.monotonic()
        url = f"rtsp://127.0.0.1:{there.port}/stream1/main/11/stream=0"
        result = made.probe.result(job(camera(url), left_s=9.0))
        took_s = time.monotonic() - began_s
        ended.set()
        tried = [uri for method, uri in there.uris if method == "DESCRIBE"]
    assert result.fault is None
    assert took_s < 6, "4 s, and its last answer"
    assert len(tried) <= 2


@pytest.mark.parametrize(("scheme", "is_given"), [("rtsp", True), ("rtsps", False)])
def test_a_login_that_goes_encrypted_goes_to_no_plain_onvif(scheme: str, *, is_given: bool) -> None:
    address = camera_address(f"{scheme}://user:geheim@127.0.0.1/stream1")
    asked = _question(camera(f"{scheme}://127.0.0.1/stream1"), address, "127.0.0.1", 1)
    assert (asked.login is not None) is is_given


def other_scene(size_px: tuple[int, int] = SUB_PX) -> Clip:
    shown = film(size_px=size_px, keyint=KEYINT, frames=20, noise=True)
    return Clip(units=shown.units, duration_ticks=shown.duration_ticks)


NARROW = (360, 480)


@pytest.mark.parametrize(
    ("sub", "is_found"),
    [
        (lambda: clip(keyint=KEYINT), True),
        (lambda: clip((180, 320), KEYINT), True),
        (other_scene, False),
        (lambda: clip(NARROW, KEYINT), False),
    ],
    ids=["its own", "smaller", "another scene", "other proportions"],
)
def test_what_is_named_like_a_substream_counts_if_it_shows_the_same(
    tmp_path: Path, sub: Callable[[], Clip], *, is_found: bool
) -> None:
    """``/stream2`` of a recorder is its second channel."""
    mounts = [
        Mount(name="stream1", clip=clip(MAIN_PX, KEYINT), restart_per_client=True),
        Mount(name="stream2", clip=sub(), restart_per_client=True),
    ]
    with served(mounts) as (_, port), kit(tmp_path) as made:
        result = made.probe.result(job(camera(f"rtsp://127.0.0.1:{port}/stream1")))
    assert result.fault is None
    assert (result.substream is not None) is is_found


def test_what_a_camera_itself_names_needs_no_likeness() -> None:
    with served([Mount(name="sub", clip=other_scene(), restart_per_client=True)]) as (_, port):
        url = f"rtsp://127.0.0.1:{port}/sub"
        assert found_at(url, FoundBy.ONVIF) is not None
        assert found_at(url, FoundBy.NAMING) is None


def test_likeness_tells_scenes_apart_with_a_margin() -> None:
    """A burning street from its first second to its last, a slope, noise; sizes and bits aside."""

    def points(shown: Clip) -> list[Scene]:
        keys = [unit.data for unit in shown.units if unit.key]
        return [scene_of(Decoder("h264", (288, 512)).keyframe(data)[0]) for data in keys]

    street, noise = points(short_drill()), points(other_scene())[:1]
    poor = film(size_px=(180, 320), keyint=KEYINT, frames=10, qp=48)
    slope = points(clip(MAIN_PX, KEYINT))[:1]
    coarse = points(Clip(units=poor.units, duration_ticks=poor.duration_ticks))

    def likeness(some: list[Scene], others: list[Scene]) -> list[float]:
        return [float(np.vdot(a.points, b.points)) for a in some for b in others]

    assert min(likeness(street, street) + likeness(slope, coarse)) > ALIKE + 0.1
    assert max(likeness(street, slope + noise) + likeness(slope, noise)) < ALIKE - 0.3


def test_nothing_is_known_by_a_picture_that_shows_nothing_and_none_of_it_leaves() -> None:
    flat = VideoFrame.from_ndarray(np.full((540, 640), 128, np.uint8), format="yuv420p")
    one = scene_of(flat)
    assert not is_one_scene(one, one)
    assert repr(one) == "Scene(...)"
    with pytest.raises(TypeError, match="memory"):
        pickle.dumps(one)
