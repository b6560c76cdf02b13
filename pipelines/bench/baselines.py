"""What others would run: each reads the same streams in its simplest usual way.

``opencv``: a ``VideoCapture`` a thread, every frame read. ``ffmpeg``: a process a camera that
scales for a pipe, Frigate's way in. ``demux``: packets alone, the floor of FFmpeg's way.
One of the two modules of the bench that import PyAV.
"""

import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

import av
import cv2
import numpy as np

from models.packs import DEFAULT_PACK, load_pack
from pipelines.bench.kinds import Stream
from pipelines.bench.spec import LOOK_S, Result
from vision.arrays import Pixels
from vision.letterbox import PAD_VALUE, fit

av.logging.set_level(None)  # the log callback can deadlock

FFMPEG_PX: Final = (320, 180)
FFMPEG_FPS: Final = 5
FRAME_BYTES: Final = FFMPEG_PX[0] * FFMPEG_PX[1] * 3 // 2
"""I420, what Frigate asks for."""

RTSP_OPTIONS: Final = {"rtsp_transport": "tcp"}


class Looker:
    """The product's detector as people would call it: a picture at a time, under a lock."""

    def __init__(self) -> None:
        self._detector = load_pack(DEFAULT_PACK).detector()
        smallest = self._detector.settings.batch_sizes[0]
        shape = (smallest, *self._detector.input_size_px, 3)
        self._pixels = np.full(shape, PAD_VALUE, np.uint8)
        self._lock = threading.Lock()

    def look(self, picture: Pixels) -> None:
        """Judge a picture of any size."""
        height_px, width_px = picture.shape[:2]
        box = fit((width_px, height_px), *self._detector.input_size_px)
        content_px = (box.content_width_px, box.content_height_px)
        scaled = cv2.resize(picture, content_px, interpolation=cv2.INTER_LINEAR)
        with self._lock:
            self._pixels[0, : content_px[1], : content_px[0]] = scaled
            self._detector(self._pixels, [box])


class Threads(ABC):
    """A thread a stream; counts what each gives."""

    def __init__(self, streams: tuple[Stream, ...]) -> None:
        self._streams = streams
        self._frames = [0] * len(streams)
        self._looks = [0] * len(streams)
        self._before = (0, 0)

    def connect(self) -> None:
        """Begin to read every stream; returns at once."""
        for number, stream in enumerate(self._streams):
            threading.Thread(target=self._run, args=(number, stream), daemon=True).start()

    def ready(self) -> bool:
        """Say whether every stream has given something."""
        return all(self._frames)

    def begin(self) -> None:
        """Begin the window."""
        self._before = sum(self._frames), sum(self._looks)

    def end(self) -> Result:
        """End the window."""
        frames, looks = self._before
        return Result(frames=sum(self._frames) - frames, looks=sum(self._looks) - looks)

    def stop(self) -> None:  # noqa: B027 - most have nothing to do
        """Leave no process behind; the threads end with this one."""

    def _run(self, number: int, stream: Stream) -> None:
        for _ in self._read(number, stream):
            self._frames[number] += 1

    @abstractmethod
    def _read(self, number: int, stream: Stream) -> Iterator[None]:
        """Yield at each frame of a stream."""


class Demux(Threads):
    """Packets, and nothing done with them."""

    def _read(self, number: int, stream: Stream) -> Iterator[None]:
        del number
        with av.open(stream.url, format="rtsp", options=RTSP_OPTIONS, timeout=30) as container:
            for packet in container.demux(video=0):
                if packet.size:
                    yield


class OpenCv(Threads):
    """Every frame read, one each 2 s looked at."""

    def __init__(self, streams: tuple[Stream, ...]) -> None:
        super().__init__(streams)
        self._looker = Looker()

    def _read(self, number: int, stream: Stream) -> Iterator[None]:
        video = cv2.VideoCapture(stream.url, cv2.CAP_FFMPEG)
        next_s = 0.0
        while True:
            worked, picture = video.read()
            if not worked:
                return
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + LOOK_S
                self._looker.look(picture)
                self._looks[number] += 1
            yield


class Ffmpeg(Threads):
    """A process a camera, its small pictures read from a pipe and, if wanted, looked at."""

    def __init__(self, streams: tuple[Stream, ...], looker: Looker | None = None) -> None:
        super().__init__(streams)
        self._looker = looker
        self._processes: list[subprocess.Popen[bytes]] = []

    def connect(self) -> None:
        """Start every process."""
        width_px, height_px = FFMPEG_PX
        for stream in self._streams:
            command = [
                "ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "quiet",
                "-rtsp_transport", "tcp", "-i", stream.url,
                "-vf", f"fps={FFMPEG_FPS},scale={width_px}:{height_px}",
                "-pix_fmt", "yuv420p", "-f", "rawvideo", "pipe:1",
            ]  # fmt: skip
            self._processes.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            )
        super().connect()

    def stop(self) -> None:
        """End every process."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    def _read(self, number: int, stream: Stream) -> Iterator[None]:
        del stream
        pipe = self._processes[number].stdout
        next_s = 0.0
        while pipe and len(data := pipe.read(FRAME_BYTES)) == FRAME_BYTES:
            if self._looker is not None and time.monotonic() >= next_s:
                next_s = time.monotonic() + LOOK_S
                rows = np.frombuffer(data, np.uint8).reshape(-1, FFMPEG_PX[0])
                self._looker.look(np.asarray(cv2.cvtColor(rows, cv2.COLOR_YUV2BGR_I420)))
                self._looks[number] += 1
            yield
