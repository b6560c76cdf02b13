"""Codes the drawn loops as cameras do. One of the two modules of the bench that import PyAV."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from pipelines.bench.kinds import FPS, Codec, Kind, Size
from pipelines.bench.pictures import frames_of, pictures

av.logging.set_level(None)  # the log callback can deadlock with Python threads

ENCODERS: Final[dict[Codec, Literal["libx264", "libx265"]]] = {"h264": "libx264", "hevc": "libx265"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A coded loop."""

    kind: Kind
    """What it is."""
    frames: tuple[bytes, ...]
    """Access units in Annex B, shown in the order of coding, parameter sets before each keyframe.
    Every ``kind.keyframe_s`` seconds one is a keyframe, the first among them."""

    @property
    def bit_rate(self) -> float:
        """Bits a second."""
        return sum(map(len, self.frames)) * 8 * FPS / len(self.frames)


def encode(kind: Kind, size: Size) -> Loop:
    """Draw and code a loop. One of 1080p takes some seconds."""
    frames = frames_of(kind, size)
    context = _context(kind, size)
    packets = []
    for number, picture in enumerate(pictures(kind, size, frames)):
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        packets += context.encode(frame)
    packets += context.encode(None)
    keyframes = [number for number, packet in enumerate(packets) if packet.is_keyframe]
    wanted = list(range(0, frames, kind.keyframe_s * FPS))
    if len(packets) != frames or keyframes != wanted:
        message = f"{kind.name}: {len(packets)} frames, keyframes {keyframes}, not {wanted}"
        raise ValueError(message)
    return Loop(kind=kind, frames=tuple(bytes(packet) for packet in packets))


def _context(kind: Kind, size: Size) -> VideoCodecContext:
    context = VideoCodecContext.create(ENCODERS[kind.codec], "w")
    context.width, context.height = size.width_px, size.height_px
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, FPS)
    context.framerate = Fraction(FPS, 1)
    context.bit_rate = size.bit_rate
    kbit, interval = size.bit_rate // 1000, kind.keyframe_s * FPS
    parameters = (
        f"keyint={interval}:min-keyint={interval}:scenecut=0:bframes=0:repeat-headers=1:"
        f"open-gop=0:rc-lookahead=0:vbv-maxrate={kbit * 3 // 2}:vbv-bufsize={kbit}"
    )
    if kind.codec == "h264":
        context.options = {"preset": "veryfast", "x264-params": parameters}
    else:
        context.options = {"preset": "ultrafast", "x265-params": f"{parameters}:log-level=none"}
    return context
