"""Clips: only of evidence, playable everywhere, each picture at its own time, nothing beside it."""

import http.server
import inspect
import io
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from pipelines.clip import LONGEST_S, ClipError, clip_of
from tests.support.browser import chromium
from tests.support.pictures import BOX, evidence_frame, maker
from vision.evidence import Evidence
from vision.hazards import Hazard

TIMES_S = [1000.0, 1000.2, 1000.41, 1000.6, 1001.9, 1002.1, 1002.3, 1004.0, 1004.2, 1004.4]


def evidence(times_s: list[float], size_px: tuple[int, int] = (640, 360)) -> Evidence:
    frames = [evidence_frame(at_s, size_px) for at_s in times_s]
    return maker().clip(frames, BOX, Hazard.FIRE)


@pytest.mark.parametrize("size_px", [(640, 360), (360, 640), (354, 286), (640, 32), (64, 48)])
def test_each_picture_comes_back_at_its_own_time(size_px: tuple[int, int]) -> None:
    given = evidence(TIMES_S, size_px)
    content = clip_of(given)
    with av.open(io.BytesIO(content)) as clip:
        video = clip.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        pictures = list(clip.decode(video))
    assert [one.time for one in pictures] == pytest.approx([at_s - 1000 for at_s in TIMES_S])
    for was, shown in zip(given.pictures(), pictures, strict=True):
        got = shown.to_ndarray(format="bgr24")
        assert got.shape == was.shape
        assert np.abs(got.astype(int) - was).mean() < 6


def test_its_index_comes_first_and_nothing_else_is_in_it() -> None:
    content = clip_of(evidence(TIMES_S))
    assert content.find(b"moov") < 64 < content.find(b"mdat")
    for word in (b"x264", b"Lav", b"\xa9too", b"\xa9nam", b"\xa9day", b"\xa9xyz", b"loci"):
        assert word not in content, word
    head = content.find(b"mvhd") + 8
    assert content[head : head + 8] == bytes(8), "not even when it was made"
    with av.open(io.BytesIO(content)) as clip:
        assert set(clip.metadata) == {"major_brand", "minor_version", "compatible_brands"}


def test_it_is_no_longer_than_eight_seconds() -> None:
    times_s = [1000 + 0.5 * number for number in range(40)]
    with av.open(io.BytesIO(clip_of(evidence(times_s)))) as clip:
        assert clip.duration is not None
        assert 7.0 < clip.duration / av.time_base <= LONGEST_S


def test_pictures_of_one_moment_are_all_there() -> None:
    with av.open(io.BytesIO(clip_of(evidence([5.0, 5.0, 5.0, 5.2])))) as clip:
        times_s = [one.time for one in clip.decode(video=0)]
    assert len(times_s) == 4
    assert all(a is not None and b is not None and a < b for a, b in itertools.pairwise(times_s))


class Likeness:
    """Has all that evidence has, but for being made by its maker."""

    size_px = (64, 48)
    times_s = (0.0,)

    def pictures(self) -> Iterator[np.ndarray]:
        yield np.zeros((48, 64, 3), np.uint8)


@pytest.mark.parametrize("thing", [Likeness(), [np.zeros((48, 64, 3), np.uint8)], None])
def test_of_nothing_else_a_clip_is_made(thing: object) -> None:
    with pytest.raises(TypeError, match="clips are made of Evidence"):
        inspect.unwrap(clip_of)(thing)  # type: ignore[arg-type]


def test_a_coder_that_refuses_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.clip.OPTIONS", {"crf": "no number"})
    with pytest.raises(ClipError, match="can't be coded"):
        clip_of(evidence(TIMES_S[:2]))


@contextmanager
def page(directory: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(directory))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_chromium_plays_it_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(clip_of(evidence(TIMES_S)))
    (tmp_path / "page.html").write_text("<video muted src='clip.mp4'></video>")
    with page(tmp_path) as origin, chromium() as browser:
        shown = browser.new_page()
        shown.goto(f"{origin}/page.html")
        shown.wait_for_function("document.querySelector('video').readyState >= 2", timeout=20_000)
        shown.evaluate("document.querySelector('video').play()")
        shown.wait_for_function("document.querySelector('video').ended", timeout=20_000)
        length_s, at_s, width_px = shown.evaluate(
            "(v => [v.duration, v.currentTime, v.videoWidth])(document.querySelector('video'))"
        )
    assert width_px == 640
    assert at_s == length_s == pytest.approx(4.6, abs=0.3)
