"""The load server: what it sends can be played, and its clock is what the lags are reckoned by."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import av
import cv2
import numpy as np
import pytest

from models.packs import DEFAULT_PACK, load_pack
from pipelines.bench import client
from pipelines.bench.kinds import FPS, SIZES, Codec, Kind, Stream, half_moving
from pipelines.bench.mounts import keyframe_due_ns
from pipelines.bench.pictures import frames_of, pictures
from pipelines.bench.server import LoadServer, Order, prepared
from vision.letterbox import fit

TINY = replace(SIZES[360], loop_s=2)
OPTIONS = {"rtsp_transport": "tcp", "probesize": "32", "analyzeduration": "0"}
KINDS = (*half_moving("h264", 1), *half_moving("hevc", 1))


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[LoadServer, int]]:
    """A server in a thread; its loops are two seconds long."""
    ready = threading.Event()
    held: list[tuple[LoadServer, int, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(SIZES, 360, TINY)
            server = prepared(Order(height_px=360, kinds=KINDS), lambda _loop: None)
        stop = asyncio.Event()
        held.append((server, server.start(), asyncio.get_running_loop(), stop))
        ready.set()
        await stop.wait()
        server.stop()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(60)
    server, port, loop, stop = held[0]
    try:
        yield server, port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a client saw of a loop and a half."""

    codec: str
    keyframes: list[int]
    stamps: list[int | None]
    shown: list[np.ndarray]


def played(url: str) -> Played:
    shown, keyframes, stamps = [], [], []
    with av.open(url, format="rtsp", options=OPTIONS, timeout=10) as container:
        stream = container.streams.video[0]
        for number, packet in enumerate(container.demux(stream)):
            keyframes += [number] if packet.is_keyframe else []
            stamps.append(packet.pts)
            shown += [frame.to_ndarray(format="gray") for frame in packet.decode()]
            if number == FPS * (TINY.loop_s + 1) + 5:
                break
        codec = stream.codec_context.name
    return Played(codec=codec, keyframes=keyframes, stamps=stamps, shown=shown)


@pytest.fixture(scope="module")
def all_played(made: tuple[LoadServer, int]) -> dict[str, Played]:
    """Each kind by its name, all at the same time: they come no faster than they are shown."""
    names = [kind.name for kind in KINDS]
    with ThreadPoolExecutor(len(names)) as pool:
        urls = [f"rtsp://127.0.0.1:{made[1]}/{name}-3" for name in names]
        return dict(zip(names, pool.map(played, urls), strict=True))


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@pytest.mark.parametrize("moving", [True, False])
def test_both_codecs_play_and_go_on_when_the_loop_ends(
    all_played: dict[str, Played], codec: Codec, moving: bool
) -> None:
    seen = all_played[Kind(codec=codec, keyframe_s=1, moving=moving).name]
    number, shown = len(seen.stamps) - 1, seen.shown
    assert seen.codec == codec
    assert number == FPS * (TINY.loop_s + 1) + 5
    assert seen.keyframes == list(range(0, number + 1, FPS))  # it begins with one
    assert set(np.diff(seen.stamps[1:])) == {90_000 // FPS}
    assert len(shown) >= number - 3
    assert shown[0].shape == (360, 640)
    assert 30 < shown[0].mean() < 220
    changed = np.abs(shown[FPS].astype(int) - shown[0]).max()
    assert changed > 60 if moving else changed < 60


def test_opencv_plays_it_as_people_would_open_it(made: tuple[LoadServer, int]) -> None:
    video = cv2.VideoCapture(f"rtsp://127.0.0.1:{made[1]}/{KINDS[0].name}-1", cv2.CAP_FFMPEG)
    try:
        worked, picture = video.read()
    finally:
        video.release()
    assert worked
    assert picture.shape == (360, 640, 3)


def test_a_keyframe_comes_when_the_clock_says(made: tuple[LoadServer, int]) -> None:
    server, port = made
    kind, number = KINDS[1], 7
    frames = frames_of(kind, TINY)
    due_ns = keyframe_due_ns(kind, number, frames, server.schedule.start_ns)
    stream = Stream(
        camera_id="a",
        url=f"rtsp://127.0.0.1:{port}/{kind.name}-{number}",
        keyframe_s=kind.keyframe_s,
        keyframe_due_ns=due_ns,
    )
    lags_s = []
    with av.open(stream.url, format="rtsp", options=OPTIONS, timeout=10) as container:
        for packet in container.demux(video=0):
            now_ns = time.monotonic_ns()
            if packet.is_keyframe:
                lags_s.append(stream.lag_s(now_ns, now_ns) or 0.0)
            if len(lags_s) == 3:
                break
    # FFmpeg gives a frame out when the next begins, 40 ms later at the most.
    assert 0.0 <= min(lags_s[1:]) < 0.3


def test_a_lag_counts_from_the_sending() -> None:
    stream = Stream(camera_id="a", url="", keyframe_s=2, keyframe_due_ns=5_000_000_000)
    assert stream.lag_s(9_200_000_000, 9_500_000_000) == pytest.approx(0.5)
    assert replace_due(stream, None).lag_s(9_200_000_000, 9_500_000_000) is None


def replace_due(stream: Stream, due_ns: int | None) -> Stream:
    return Stream(
        camera_id=stream.camera_id,
        url=stream.url,
        keyframe_s=stream.keyframe_s,
        keyframe_due_ns=due_ns,
    )


def test_who_does_not_read_is_cut_and_counted(
    made: tuple[LoadServer, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, port = made
    monkeypatch.setattr(client, "LARGEST_BACKLOG_BYTES", 20_000)
    monkeypatch.setattr(client, "KERNEL_BUFFER_BYTES", 4096)
    url = f"rtsp://127.0.0.1:{port}/{KINDS[0].name}-5"
    with contextlib.closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.settimeout(5)
        sock.connect(("127.0.0.1", port))
        for number, (method, header) in enumerate(
            [
                ("SETUP", "Transport: RTP/AVP/TCP;interleaved=0-1\r\n"),
                ("PLAY", "Session: bench\r\n"),
            ]
        ):
            sock.sendall(f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\n{header}\r\n".encode())
            assert b"200 OK" in sock.recv(400)
        ends_s = time.monotonic() + 60
        while server.counters["cut"] == 0 and time.monotonic() < ends_s:
            time.sleep(0.05)
    assert server.counters["cut"] == 1


@pytest.mark.parametrize("request_", ["DESCRIBE", "SETUP", "PLAY"])
def test_what_is_not_there_is_not_found(made: tuple[LoadServer, int], request_: str) -> None:
    for name in ("nothing-1", KINDS[0].name, f"{KINDS[0].name}-x"):
        with socket.create_connection(("127.0.0.1", made[1]), timeout=5) as sock:
            url = f"rtsp://127.0.0.1:{made[1]}/{name}"
            sock.sendall(f"{request_} {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
            assert b"404" in sock.recv(200)


def test_phases_and_loops_are_whole_intervals() -> None:
    for size in SIZES.values():
        for kind in (*half_moving("h264", 1), *half_moving("h264", 4), *half_moving("h264", 15)):
            frames = frames_of(kind, size)
            assert frames % (kind.keyframe_s * FPS) == 0
            assert frames >= (15 if kind.keyframe_s == 15 else 2 * kind.keyframe_s) * FPS


def test_in_a_moving_loop_every_keyframe_shows_something_else() -> None:
    kind = half_moving("h264", 1)[0]
    looks = [
        picture[:360].astype(int)
        for number, picture in enumerate(pictures(kind, TINY, frames_of(kind, TINY)))
        if number % FPS == 0
    ]
    assert all(np.abs(one - other).mean() > 0.5 for one, other in pairwise(looks))


def test_the_detector_finds_no_hazard_in_what_is_served() -> None:
    """A camera that shows one is looked at every time, which would count against the gate."""
    detector = load_pack(DEFAULT_PACK).detector()
    size = SIZES[360]
    for moving in (False, True):
        kind = Kind(codec="h264", keyframe_s=2, moving=moving)
        for drawn in islice(pictures(kind, size, 200), 0, 200, 40):
            picture = cv2.cvtColor(drawn, cv2.COLOR_YUV2BGR_I420)
            small = cv2.resize(picture, (512, 288), interpolation=cv2.INTER_AREA)
            found, _ = detector(small[None], [fit((640, 360), 288, 512)])
            names = {detector.settings.labels[label].name for label in found.label}
            assert not names & {"fire", "smoke", "rock"}
