"""Privacy zones are grey before anything else sees the pixels."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.packet import Packet
from prometheus_client import CollectorRegistry

from pipelines.address import camera_address, command_line_address
from pipelines.decoder import Decoder
from pipelines.file_source import FileSource
from pipelines.frames import Frame
from pipelines.metrics import WorkerMetrics
from pipelines.rtsp.networks import LOOPBACK
from pipelines.rtsp.units import Unit
from pipelines.sampler import Sampler
from pipelines.source import CameraSource, LiveClock
from vision.letterbox import PAD_VALUE
from vision.polygons import Polygon, contains, mask

INPUT_PX = (288, 512)
GROUND = 40
"""Brightness around the marker; what is brighter than ``SHOWS`` is the marker."""
SHOWS = 90
MARKER = (0.3, 0.4, 0.5, 0.6)
"""Of black and white squares, x0 y0 x1 y1."""


def box(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


WINDOW = box(MARKER[0] - 0.01, MARKER[1] - 0.01, MARKER[2] + 0.01, MARKER[3] + 0.01)
ELSEWHERE = box(0.7, 0.1, 0.9, 0.3)


def scene(width_px: int, height_px: int) -> np.ndarray:
    picture = np.full((height_px, width_px, 3), GROUND, np.uint8)
    x0, x1 = (round(share * width_px) for share in MARKER[::2])
    y0, y1 = (round(share * height_px) for share in MARKER[1::2])
    rows, columns = np.mgrid[y0:y1, x0:x1] // 8
    picture[y0:y1, x0:x1] = ((rows + columns) % 2 * 255).astype(np.uint8)[..., None]
    return picture


def encoded(width_px: int, height_px: int, count: int) -> list[Packet]:
    """Keyframes, each with its parameter sets, as a camera sends them."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width_px, height_px, "yuv420p"  # type: ignore[attr-defined]
    encoder.time_base = encoder.time_base or 1  # type: ignore[attr-defined]
    encoder.framerate = 1  # type: ignore[attr-defined]
    encoder.gop_size = 1  # type: ignore[attr-defined]
    encoder.options = {"crf": "8", "tune": "zerolatency"}
    packets: list[Packet] = []
    for number in range(count):
        picture = av.VideoFrame.from_ndarray(scene(width_px, height_px), "bgr24")
        picture.pts = number
        packets += encoder.encode(picture)  # type: ignore[attr-defined]
    return packets + encoder.encode(None)  # type: ignore[attr-defined]


class Live:
    """A camera whose units come from here: the way from a unit to a look is the real one."""

    def __init__(self) -> None:
        metrics = WorkerMetrics(CollectorRegistry())
        address = camera_address("rtsp://127.0.0.1/none")
        self.camera = CameraSource("camera-1", address, INPUT_PX, metrics, LOOPBACK)
        self._decoder = Decoder("h264", INPUT_PX)
        self._sampler, self._clock = Sampler(), LiveClock(clock_hz=90_000)
        self._ticks = itertools.count(0, 180_000)

    def look(self, packet: Packet) -> Frame:
        ticks = next(self._ticks)
        unit = Unit(ticks, is_keyframe=True, is_whole=True, data=bytes(packet))
        self._clock.now_s = ticks / 90_000
        assert self.camera._is_wanted(unit, self._sampler, self._clock)
        (look,) = self.camera._seen(unit, self._decoder, self._sampler, self._clock)
        return look


def file_looks(path: Path, *zones: Polygon) -> Iterator[Frame]:
    source = FileSource(
        "file", command_line_address(str(path)), INPUT_PX, WorkerMetrics(CollectorRegistry())
    )
    source.blank(zones)
    return source.looks(lambda: False)


def shows(look: Frame) -> bool:
    """Whether the marker can be seen, in the pixels or in the thumbnail (its mean is 127)."""
    rest = look.pixels[look.pixels != PAD_VALUE]
    return bool(rest.max() > SHOWS or look.thumbnail.max() > PAD_VALUE)


def test_a_live_picture_never_shows_what_is_private() -> None:
    live = Live()
    first, second, third = encoded(640, 480, 3)
    assert shows(live.look(first))  # else the marker proves nothing
    live.camera.blank((WINDOW,))
    look = live.look(second)
    assert not shows(look)
    height_px, width_px = look.pixels.shape[:2]
    assert (look.pixels[mask((WINDOW,), height_px, width_px)] == PAD_VALUE).all()
    assert not shows(live.look(third))


def test_changed_zones_take_effect_from_the_next_picture() -> None:
    live = Live()
    packets = encoded(640, 480, 4)
    live.camera.blank((ELSEWHERE,))
    assert shows(live.look(packets[0]))
    live.camera.blank((ELSEWHERE, WINDOW))
    assert not shows(live.look(packets[1]))
    live.camera.blank((WINDOW,))
    look = live.look(packets[2])
    x, y = round(0.8 * look.pixels.shape[1]), round(0.2 * look.pixels.shape[0])
    assert not shows(look)
    assert abs(int(look.pixels[y, x, 0]) - GROUND) < 10  # what was private is to be seen again
    live.camera.blank(())
    assert shows(live.look(packets[3]))


@pytest.mark.parametrize("size_px", [(1280, 960), (704, 528), (320, 240)])
def test_a_picture_that_changes_its_size_stays_blanked(size_px: tuple[int, int]) -> None:
    live = Live()
    live.camera.blank((WINDOW,))
    (before,), (after,) = encoded(640, 480, 1), encoded(*size_px, 1)
    assert not shows(live.look(before))
    look = live.look(after)
    assert look.ref.source_size_px == size_px
    assert not shows(look)


def test_a_picture_of_other_proportions_is_grey_until_its_zones_are_drawn_anew() -> None:
    live = Live()
    live.camera.blank((ELSEWHERE,))
    (before,), (cut, later, last) = encoded(640, 480, 1), encoded(1280, 720, 3)
    assert shows(live.look(before))
    assert (live.look(cut).pixels == PAD_VALUE).all()
    live.camera.blank((ELSEWHERE.copy(),))  # of another change of the registration
    assert (live.look(later).pixels == PAD_VALUE).all()
    live.camera.blank((box(0.7, 0.15, 0.9, 0.3),))
    assert shows(live.look(last))


def test_a_file_never_shows_what_is_private(tmp_path: Path) -> None:
    path = tmp_path / "marker.mp4"
    with av.open(str(path), "w") as clip:
        video = clip.add_stream("libx264", rate=1, options={"g": "1", "crf": "8"})
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        for _ in range(4):
            clip.mux(video.encode(av.VideoFrame.from_ndarray(scene(640, 360), "bgr24")))
        clip.mux(video.encode())
    assert all(shows(look) for look in itertools.islice(file_looks(path), 3))
    looks = list(itertools.islice(file_looks(path, WINDOW), 3))
    assert len(looks) == 3
    assert not any(shows(look) for look in looks)


def test_nothing_is_copied_where_nothing_is_private() -> None:
    live = Live()
    first, second = encoded(640, 480, 2)
    assert not live.look(first).pixels.flags.owndata  # FFmpeg's own memory
    live.camera.blank((WINDOW,))
    assert live.look(second).pixels.flags.owndata


def test_a_mask_is_drawn_once_for_one_size() -> None:
    live = Live()
    live.camera.blank((WINDOW,))
    first, second = encoded(640, 480, 2)
    live.look(first)
    (drawn,) = live.camera._blanker._masks.values()
    live.look(second)
    assert list(map(id, live.camera._blanker._masks.values())) == [id(drawn)]


@pytest.mark.parametrize("seed", range(20))
def test_every_pixel_that_a_zone_touches_is_masked_and_few_others(seed: int) -> None:
    random = np.random.default_rng(seed)
    height_px, width_px = (int(side) for side in random.integers(20, 90, 2))
    zone = random.uniform(0, 1, (3, 2)).astype(np.float32)
    marked = mask((zone,), height_px, width_px)
    points = random.uniform(0, 1, (20_000, 2)).astype(np.float32)
    inside = points[contains(zone, points)]
    along = np.concatenate(
        [np.linspace(a, b, 500) for a, b in zip(zone, np.roll(zone, 1, 0), strict=True)]
    )
    touched = np.concatenate([inside, along.astype(np.float32)])
    columns = np.minimum((touched[:, 0] * width_px).astype(int), width_px - 1)
    rows = np.minimum((touched[:, 1] * height_px).astype(int), height_px - 1)
    assert marked[rows, columns].all()
    grown = np.zeros_like(marked)
    for down, right in itertools.product(range(-3, 4), repeat=2):
        grown[np.clip(rows + down, 0, height_px - 1), np.clip(columns + right, 0, width_px - 1)] = (
            True
        )
    assert not (marked & ~grown).any()


def test_zones_that_overlap_leave_no_hole() -> None:
    marked = mask((box(0.2, 0.2, 0.6, 0.6), box(0.4, 0.4, 0.8, 0.8)), 100, 100)
    assert marked[50, 50]
    assert marked[30, 30]
    assert marked[70, 70]
    assert not marked[30, 70]


def test_no_zone_masks_nothing() -> None:
    assert not mask((), 10, 20).any()
