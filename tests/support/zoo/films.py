"""Small films, encoded when a test first asks for them and kept for the session."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from multiprocessing import get_context
from typing import cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pipelines.drills.clip import TICKS_PER_S, AccessUnit

av.logging.set_level(None)  # the log callback can deadlock with Python threads


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """Encoded pictures and what a description says of them."""

    codec: str
    """Of PyAV's encoders: libx264, libx265, mjpeg or mpeg4."""
    size_px: tuple[int, int]
    """Height, width."""
    fps: int
    """Pictures a second."""
    units: tuple[AccessUnit, ...]
    """In decoding order. Annex B; a whole JPEG file; a VOP."""
    config: bytes
    """Of MPEG-4 part 2: what stands before the first VOP (RFC 6416, 7.1). Else empty."""

    @property
    def duration_ticks(self) -> int:
        """Return the length; looped, the next turn starts after it."""
        return len(self.units) * TICKS_PER_S // self.fps


def _luma(height: int, width: int, number: int, *, noise: bool) -> np.ndarray:
    """Return a bright square that walks over a slope, or noise; (height, width) bytes."""
    if noise:
        return np.random.default_rng(number).integers(16, 235, (height, width), dtype=np.uint8)
    picture = np.tile(np.linspace(40, 120, width).astype(np.uint8), (height, 1))
    side, x = max(height // 6, 1), number * 8 % max(width, 1)
    picture[height // 3 : height // 3 + side, x : x + side] = 220
    return picture


def _pictures(
    height: int, width: int, frames: int, *, noise: bool, kind: str
) -> Iterable[VideoFrame]:
    for number in range(frames):
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        planes[:height] = _luma(height, width, number, noise=noise)
        picture = VideoFrame.from_ndarray(planes, format=kind)
        picture.pts = number
        yield picture


_PARAMETERS = {
    "libx264": "keyint={g}:min-keyint={g}:scenecut=0:bframes={b}:b-adapt=0:repeat-headers=1"
    ":open-gop=0:rc-lookahead=0:sync-lookahead=0",
    "libx265": "keyint={g}:min-keyint={g}:scenecut=0:bframes={b}:repeat-headers=1:open-gop=0"
    ":log-level=none:pools=none:frame-threads=1",
}


def _options(codec: str, keyint: int, bframes: int, qp: int | None) -> dict[str, str]:
    if codec == "mjpeg":
        return {"huffman": "default"}  # RTP carries no Huffman tables (RFC 2435, 3.1.8)
    if codec == "mpeg4":
        return {"flags": "+global_header", "g": str(keyint), "bf": "0"}
    parameters = _PARAMETERS[codec].format(g=keyint, b=bframes)
    quality = "" if qp is None else f":qp={qp}"
    return {"preset": "ultrafast", f"{codec[3:]}-params": parameters + quality}


@cache
def film(
    codec: str = "libx264",
    *,
    size_px: tuple[int, int] = (360, 640),
    fps: int = 25,
    frames: int = 50,
    keyint: int = 25,
    bframes: int = 0,
    noise: bool = False,
    qp: int | None = None,
) -> Film:
    """Return a film; ``size_px`` is (height, width), both even."""
    height, width = size_px
    context = cast("VideoCodecContext", VideoCodecContext.create(codec, "w"))
    context.height, context.width = height, width
    kind = context.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    context.time_base, context.framerate = Fraction(1, fps), Fraction(fps, 1)
    context.thread_count = 1
    context.options = _options(codec, keyint, bframes, qp)
    pictures = _pictures(height, width, frames, noise=noise, kind=kind)
    packets = [packet for picture in (*pictures, None) for packet in context.encode(picture)]
    ticks = TICKS_PER_S // fps
    units = tuple(
        AccessUnit(
            data=bytes(packet),
            send_ticks=number * ticks,
            show_ticks=(packet.pts or 0) * ticks,
            key=packet.is_keyframe,
        )
        for number, packet in enumerate(packets)
    )
    config = bytes(context.extradata or b"") if codec == "mpeg4" else b""
    return Film(codec=codec, size_px=size_px, fps=fps, units=units, config=config)


@cache
def huge_film() -> Film:
    """Return one picture of 16000 x 8000, encoded elsewhere: that takes 3.5 s and 800 MiB."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:
        return elsewhere.submit(film, size_px=(8000, 16000), fps=1, frames=1, keyint=1).result()
