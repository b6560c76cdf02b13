"""What a look brings for evidence: as large as the source is, never larger; black where private."""

import itertools
import pickle
import time
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from pipelines.address import camera_address, command_line_address
from pipelines.bursts import Bursts
from pipelines.decoder import LONGEST_PX, EvidenceScaler
from pipelines.file_source import FileSource
from pipelines.frames import Closeup, Frame
from pipelines.metrics import WorkerMetrics
from pipelines.rtsp.networks import LOOPBACK
from pipelines.source import CameraSource
from tests.pipelines.test_privacy import ELSEWHERE, GROUND, MARKER, SHOWS, WINDOW, encoded, scene
from tests.support.zoo import ZOO
from vision.arrays import Pixels
from vision.polygons import Polygon

INPUT_PX = (288, 512)

CODINGS = [
    ("libx264", "yuv420p"),
    ("libx264", "gray"),
    ("libx264", "yuv420p10le"),
    ("libx264", "yuvj444p"),
    ("libx265", "yuv420p"),
    ("libx265", "yuv420p10le"),
]


def film(path: Path, codec: str, pix_fmt: str, width_px: int, height_px: int) -> Path:
    with av.open(str(path), "w") as clip:
        video = clip.add_stream(codec, rate=1, options={"g": "1", "crf": "8", "log-level": "0"})  # type: ignore[call-overload]
        video.width, video.height, video.pix_fmt = width_px, height_px, pix_fmt
        for _ in range(3):
            picture = av.VideoFrame.from_ndarray(scene(width_px, height_px), "bgr24")
            clip.mux(video.encode(picture.reformat(format=pix_fmt)))
        clip.mux(video.encode())
    return path


def file_looks(path: Path, *private: Polygon) -> list[Frame]:
    address = command_line_address(str(path))
    source = FileSource("c", address, INPUT_PX, WorkerMetrics(CollectorRegistry()))
    source.with_evidence = True
    source.blank(private)
    return list(itertools.islice(source.looks(lambda: False), 2))


def inside(pixels: Pixels, share: float = 0.02) -> Pixels:
    """The marker, without its rim."""
    height_px, width_px = pixels.shape[:2]
    x0, y0, x1, y1 = MARKER
    rows = slice(round((y0 + share) * height_px), round((y1 - share) * height_px))
    return pixels[rows, round((x0 + share) * width_px) : round((x1 - share) * width_px)]


@pytest.mark.parametrize(("codec", "pix_fmt"), CODINGS)
def test_every_coding_of_cameras_gives_a_picture(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    for one in file_looks(film(tmp_path / "c.mkv", codec, pix_fmt, 640, 360)):
        assert one.evidence is not None
        pixels = one.evidence.pixels
        assert pixels.shape == (360, 640, 3)
        assert inside(pixels).max() > 200
        assert abs(int(np.median(pixels)) - GROUND) < 16, "grey has no range of its own"
        assert int(np.ptp(pixels[-1, -1])) < 12, "grey stays grey"


@pytest.mark.parametrize(
    ("size_px", "expected_px"),
    [
        ((1920, 1080), (640, 360)),
        ((1080, 1920), (360, 640)),
        ((640, 360), (640, 360)),
        ((355, 287), (354, 286)),
        ((640, 641), (638, 640)),
        ((1921, 101), (640, 32)),
        ((64, 48), (64, 48)),
        ((2, 2), (2, 2)),
        ((3840, 2), (640, 2)),
    ],
)
def test_no_side_is_odd_longer_than_allowed_or_than_the_source(
    size_px: tuple[int, int], expected_px: tuple[int, int]
) -> None:
    pixels = EvidenceScaler()(av.VideoFrame(*size_px, "yuv420p"))
    assert pixels.shape == (expected_px[1], expected_px[0], 3)
    assert max(expected_px) <= LONGEST_PX


@pytest.mark.parametrize("size_px", [(640, 360), (1280, 720), (360, 640), (355, 287)])
def test_what_is_private_is_black_in_it_and_nothing_else(
    tmp_path: Path, size_px: tuple[int, int]
) -> None:
    pix_fmt = "yuv420p" if size_px[0] % 2 == 0 else "yuv444p"
    path = film(tmp_path / "c.mkv", "libx264", pix_fmt, *size_px)
    (look, again) = file_looks(path, WINDOW)
    for one in (look, again):
        assert one.evidence is not None
        assert inside(one.evidence.pixels, -0.009).max() == 0
        assert one.evidence.pixels.max() < SHOWS, "nothing of it is left at the rim"
        assert np.median(one.evidence.pixels) > 20
        assert one.pixels.max() < 120, "and it's grey for the model"
    (elsewhere, _) = file_looks(path, ELSEWHERE)
    assert elsewhere.evidence is not None
    assert inside(elsewhere.evidence.pixels).max() > 200


def test_a_picture_of_other_proportions_than_the_zones_first_met_is_all_black() -> None:
    """Also where the first picture for evidence comes after the change."""
    live = Asked()
    live.camera.blank((ELSEWHERE,))
    first = live.look(encoded(640, 360, 1)[0], is_burst=False)
    assert first.evidence is None
    (wider,) = encoded(640, 480, 1)
    changed = live.look(wider, is_burst=True)
    assert changed.evidence is not None
    assert changed.evidence.pixels.max() == 0
    live.camera.blank((WINDOW,))
    live.bursts.ask_evidence("c")
    drawn_anew = live.look(wider, is_burst=True)
    assert drawn_anew.evidence is not None
    assert 0 < drawn_anew.evidence.pixels.max() < SHOWS


class Asked:
    """A camera's source without its stream."""

    def __init__(self) -> None:
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.bursts = Bursts(self.metrics)
        self.bursts.for_evidence = True
        address = camera_address("rtsp://127.0.0.1/x")
        self.camera = CameraSource(
            "c", address, INPUT_PX, self.metrics, LOOPBACK, bursts=self.bursts
        )

    def look(self, packet: "av.Packet", *, is_burst: bool) -> Frame:
        context = av.CodecContext.create("h264", "r")
        pictures = [*context.decode(packet), *context.decode(None)]  # type: ignore[attr-defined]
        return self.camera._look(pictures[0], datetime.now(UTC), 0, is_burst=is_burst)


def test_a_camera_that_is_always_looked_at_closely_brings_one_a_second_until_an_alert_asks() -> (
    None
):
    live = Asked()
    (packet,) = encoded(640, 360, 1)
    brought = [live.look(packet, is_burst=True).evidence is not None for _ in range(3)]
    assert brought == [True, False, False]
    live.bursts.ask_evidence("c")
    assert live.look(packet, is_burst=True).evidence is not None
    live.bursts.have_evidence("c")
    live.camera._has_burst = True  # as a sentry's burst has all of its own
    assert live.look(packet, is_burst=True).evidence is not None


def test_a_sentry_brings_none_unless_an_alert_waits_for_it() -> None:
    live = Asked()
    (packet,) = encoded(640, 360, 1)
    assert live.look(packet, is_burst=False).evidence is None
    of_burst = live.look(packet, is_burst=True).evidence
    assert of_burst is not None
    assert not of_burst.is_asked
    live.bursts.ask_evidence("c")
    asked = live.look(packet, is_burst=False).evidence
    assert asked is not None
    assert asked.is_asked
    live.bursts.have_evidence("c")
    assert live.look(packet, is_burst=False).evidence is None
    live.bursts.for_evidence = False
    assert live.look(packet, is_burst=True).evidence is None, "nobody makes pictures here"


def test_it_is_neither_shown_nor_pickled() -> None:
    closeup = Closeup(pixels=np.zeros((2, 2, 3), np.uint8), privacy=(), is_asked=False)
    assert repr(closeup) == "Closeup(...)"
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(closeup)


def test_a_real_camera_s_burst_goes_on_for_an_alert_s_pictures() -> None:
    """Asked for while a burst runs, and again within the time in which it rests."""
    metrics = WorkerMetrics(CollectorRegistry())
    bursts = Bursts(metrics)
    bursts.for_evidence = True
    close: list[Frame] = []
    with ZOO["healthy_h264"]() as camera:
        source = CameraSource(
            "c", camera_address(camera.url), INPUT_PX, metrics, LOOPBACK, bursts=bursts
        )
        ends_s = time.monotonic() + 14
        for seen, one in enumerate(source.looks(lambda: time.monotonic() > ends_s)):
            if seen == 3:
                bursts.ask("c")
            if one.ref.is_burst:
                close.append(one)
                if len(close) == 8:
                    bursts.ask_evidence("c")
            elif close:
                break
    assert all(one.evidence is not None for one in close)
    length_s = (close[-1].ref.captured_at - close[0].ref.captured_at).total_seconds()
    assert 4.5 < length_s < 7.0, "some 1.5 s until it was asked, and 4 s from then on"
