"""Real streams: GStreamer's server as the camera, digest authentication included."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from pipelines import faults, source
from pipelines.address import camera_address, command_line_address
from pipelines.file_source import FileSource
from pipelines.metrics import WorkerMetrics
from pipelines.rtsp.networks import LOOPBACK
from pipelines.source import CameraSource
from tests.support.clips import write_clip
from tests.support.media import clip
from tests.support.rtsp import clip_launch, gst_server, tcp_server

SECRET = "pa55-of-the-camera"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    path = clip("smoke_a.mp4")
    vp8 = "( videotestsrc ! vp8enc deadline=1 ! rtpvp8pay name=pay0 pt=96 )"
    audio = "( audiotestsrc ! alawenc ! rtppcmapay name=pay0 pt=8 )"
    role = {"user": "u", "password": SECRET}
    mounts = {
        "/clip": {"launch": clip_launch(path), **role},
        "/vp8": {"launch": vp8, **role},
        "/audio": {"launch": audio, **role},
    }
    with gst_server(mounts) as address:
        yield address


def opened(url: str) -> tuple[CameraSource, WorkerMetrics]:
    metrics = WorkerMetrics(CollectorRegistry())
    return CameraSource("camera-1", camera_address(url), (256, 448), metrics, LOOPBACK), metrics


def first_looks(url: str, count: int = 1):  # type: ignore[no-untyped-def]
    camera, metrics = opened(url)
    looks = camera.looks(lambda: False)
    try:
        return list(itertools.islice(looks, count)), metrics
    finally:
        looks.close()  # type: ignore[attr-defined]


def test_looks_come_over_rtsp_with_digest_authentication(server: str) -> None:
    looks, metrics = first_looks(f"rtsp://u:{SECRET}@{server}/clip", 4)
    assert [look.ref.seq for look in looks] == [1, 2, 3, 4]
    assert looks[0].pixels.shape == (256, 256, 3)
    assert looks[0].ref.source_size_px == (640, 640)
    gaps = [b.ref.received_ns - a.ref.received_ns for a, b in itertools.pairwise(looks[1:])]
    assert all(0.7e9 < gap < 1.5e9 for gap in gaps)
    assert metrics.total("fengsui_frames_decoded_total") >= 4
    assert metrics.drops["overload"] == 0


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (f"rtsp://u:wrong-{SECRET}@{{}}/clip", faults.UnauthorizedError),
        ("rtsp://{}/clip", faults.UnauthorizedError),
        (f"rtsp://u:{SECRET}@{{}}/nothing-here", faults.NotFoundError),
        (f"rtsp://u:{SECRET}@{{}}/vp8", faults.UnsupportedCodecError),
        (f"rtsp://u:{SECRET}@{{}}/audio", faults.NoVideoError),
    ],
)
def test_what_is_wrong_is_told_apart_in_words_without_the_password(
    server: str, url: str, error: type[faults.SourceError]
) -> None:
    with pytest.raises(error) as caught:
        first_looks(url.format(server))
    text = str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)
    assert server in text
    assert caught.value.advice in text
    assert SECRET not in text
    assert caught.value.__cause__ is None  # FFmpeg's own error names the address with its password


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(faults.UnreachableError, match="ConnectionRefused"):
        first_looks("rtsp://127.0.0.1:1/x")


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "OPEN_TIMEOUT_S", 0.5)
    with tcp_server(None) as address, pytest.raises(faults.UnreachableError):
        first_looks(f"rtsp://{address}/x")


def test_what_isn_t_rtsp_at_all_is_a_fault_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "OPEN_TIMEOUT_S", 0.5)
    with tcp_server(b"HTTP/1.0 200 OK\r\n\r\n<html>") as address, pytest.raises(faults.SourceError):
        first_looks(f"rtsp://{address}/x")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "file:///etc/passwd",
        "concat:/etc/passwd|/etc/hosts",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "rtsp:///no-host",
        "rtsp://127.0.0.1:99999/x",
        "rtsp://127.0.0.1/a b",
        "/etc/passwd",
        "",
    ],
)
def test_a_camera_s_address_is_rtsp_and_nothing_else(url: str) -> None:
    with pytest.raises(faults.BadAddressError, match="rtsp://"):
        camera_address(url)


def test_credentials_are_in_no_text_of_an_address() -> None:
    address = camera_address(f"rtsp://user:{SECRET}@camera.example:554/live?token={SECRET}")
    assert SECRET not in repr(address) + str(address) + address.shown
    assert address.shown == "rtsp://camera.example:554/live"


def test_a_password_in_a_recorder_s_path_is_shown_neither() -> None:
    path = f"/cam/user=admin_password={SECRET}_channel=1/live"
    address = camera_address(f"rtsp://127.0.0.1:1{path}")
    assert address.shown == "rtsp://127.0.0.1:1/cam/…/live"
    assert address.url.reveal().endswith(path)
    for slip in (f"rtsp:/u:{SECRET}@host/x", f"u:{SECRET}@host", f"rtsp://u:{SECRET}/x@h/y"):
        with pytest.raises(faults.BadAddressError) as caught:
            command_line_address(slip)
        assert SECRET not in str(caught.value)


def looks_of_file(path: Path):  # type: ignore[no-untyped-def]
    metrics = WorkerMetrics(CollectorRegistry())
    camera = FileSource("file", command_line_address(str(path)), (256, 448), metrics)
    looks, error = [], None
    try:
        looks.extend(camera.looks(lambda: False))
    except faults.SourceError as caught:
        error = caught
    return looks, error, metrics


def test_a_file_is_read_to_its_end_on_its_own_time() -> None:
    looks, error, metrics = looks_of_file(clip("fire_street.mp4"))
    assert isinstance(error, faults.FileEndedError)
    span_s = (looks[-1].ref.captured_at - looks[0].ref.captured_at).total_seconds()
    assert 48 <= span_s <= 51
    assert len(looks) >= 25
    assert metrics.total("fengsui_frames_received_total") == 1275


def test_a_truncated_file_gives_what_it_has_or_says_why_not(tmp_path: Path) -> None:
    whole = clip("fire_b.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 400)
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name in ("cut.mp4", "noise.mp4", "empty.mp4"):
        _, error, _ = looks_of_file(tmp_path / name)
        assert isinstance(error, faults.CorruptStreamError)
        assert name in str(error)
        assert error.advice in str(error)


def test_a_file_that_ends_early_gives_its_looks_and_says_so(tmp_path: Path) -> None:
    with av.open(str(clip("fire_b.mp4"))) as whole, av.open(str(tmp_path / "w.mkv"), "w") as copy:
        stream = copy.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    content = (tmp_path / "w.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    looks, error, _ = looks_of_file(tmp_path / "cut.mkv")
    assert len(looks) >= 3
    assert isinstance(error, faults.CorruptStreamError)
    assert "of 22 s: it was cut off" in str(error)


@pytest.mark.parametrize(
    ("name", "times_s", "sound_s"),
    [
        ("long_sound.mp4", np.arange(0, 3, 0.1), 8),
        ("long_sound.mkv", np.arange(0, 3, 0.1), 8),
        ("late.mp4", np.arange(3, 6, 0.1), 2),
        ("late.mkv", np.arange(3, 6, 0.1), 2),
        ("late_alone.mkv", np.arange(3, 6, 0.1), 0),
        ("slow.mp4", np.arange(0, 12), 0),
        ("one.mp4", [0.0], 0),
        ("two.mp4", [0.0, 2.5], 0),
    ],
)
def test_a_whole_file_is_not_taken_for_a_cut_one(
    tmp_path: Path, name: str, times_s: list[float], sound_s: float
) -> None:
    """Its time begins with any of its streams, and pictures that the decoder held come too."""
    options = {"g": "250", "bf": "3"}
    path = write_clip(tmp_path / name, list(times_s), sound_s=sound_s, options=options)
    metrics = WorkerMetrics(CollectorRegistry())
    camera = FileSource("file", command_line_address(str(path)), (256, 448), metrics)
    looks = []
    with pytest.raises(faults.FileEndedError):
        looks.extend(camera.looks(lambda: False))
    assert camera.opened_at is not None
    at_s = [(look.ref.captured_at - camera.opened_at).total_seconds() for look in looks]
    start_s = 0.0 if sound_s else times_s[0]
    assert at_s[0] == pytest.approx(times_s[0] - start_s, abs=0.11)
    assert at_s[-1] == pytest.approx(times_s[-1] - start_s, abs=1.91)
    assert camera.length_s == pytest.approx(times_s[-1] - start_s + 0.1, abs=1)


def test_a_file_of_which_the_sound_alone_is_cut_is_whole(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", list(np.arange(0, 3, 0.1)), sound_s=20)
    (tmp_path / "cut.mp4").write_bytes(path.read_bytes()[:-300])
    looks, error, _ = looks_of_file(tmp_path / "cut.mp4")
    assert isinstance(error, faults.FileEndedError)
    assert len(looks) == 4


def test_a_file_that_isn_t_there_is_told_before_anything_opens() -> None:
    with pytest.raises(faults.BadAddressError, match="not a file"):
        command_line_address("nowhere.mp4")
