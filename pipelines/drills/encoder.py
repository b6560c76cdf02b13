"""Draws and encodes a loop once, keeps it on disk, and reads existing H.264 files.

The only module of the drills that imports PyAV.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.bitstream import BitStreamFilterContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

import vision.drawing
from pipelines.drills.clip import TICKS_PER_S, AccessUnit, Clip
from pipelines.drills.scenes import FPS, SIZE_PX, DrillScene

if TYPE_CHECKING:
    VideoPacket = Packet[VideoStream]
else:
    VideoPacket = Packet  # generic in the stubs only

av.logging.set_level(None)  # the log callback can deadlock with Python threads

BIT_RATE = 500_000
"""Bits a second: what cameras' substreams use."""

_X264 = {
    "preset": "veryfast",
    "x264-params": f"keyint={FPS}:min-keyint={FPS}:scenecut=0:bframes=0:repeat-headers=1:"
    f"open-gop=0:vbv-maxrate={BIT_RATE // 1000 * 3 // 2}:vbv-bufsize={BIT_RATE // 1000}",
}
"""A keyframe exactly each second, no reordering, parameter sets before each keyframe."""

Progress = Callable[[int, int], None]
"""Called with frames done and frames in all."""

Unkept = Callable[[OSError], None]
"""Called with the reason when a loop couldn't be saved."""

_PROGRESS_FRAMES = 50
"""Report progress each so many frames: a dozen lines a loop."""


def cached_clip(
    scene: DrillScene, directory: Path, progress: Progress, unkept: Unkept = lambda _error: None
) -> Clip:
    """Return the scene's loop from the directory, or draw, encode and keep it there.

    A directory that can't be read or written costs the drawing at each start, nothing else.
    """
    path = directory / f"{scene.name}-{cache_key(scene)}.clip"
    with suppress(OSError):
        found = Clip.load(path)
        if found is not None:
            return found
    clip = encode(scene, progress)
    try:
        clip.save(path)
    except OSError as error:
        unkept(error)
    return clip


def cache_key(scene: DrillScene) -> str:
    """Return a short hash of everything the loop's bytes depend on."""
    digest = hashlib.sha256(repr(scene).encode())
    digest.update(repr((_X264, BIT_RATE, av.__version__)).encode())
    own = [Path(__file__).with_name(name) for name in ("clip.py", "encoder.py", "scenes.py")]
    for source in sorted(Path(vision.drawing.__file__).parent.glob("*.py")) + own:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def encode(scene: DrillScene, progress: Progress) -> Clip:
    """Draw and encode the whole loop; about five seconds for a minute on one core."""
    stage = scene.stage()
    context = _x264()
    packets: list[VideoPacket] = []
    for number in range(scene.frames):
        frame = VideoFrame.from_ndarray(stage.frame(number / FPS), format="bgr24")
        frame = frame.reformat(format="yuv420p")
        frame.pts = number
        packets += context.encode(frame)
        if number % _PROGRESS_FRAMES == 0:
            progress(number, scene.frames)
    packets += context.encode(None)
    progress(scene.frames, scene.frames)
    ticks = TICKS_PER_S // FPS
    units = [
        AccessUnit(
            data=bytes(packet),
            send_ticks=(packet.pts or 0) * ticks,
            show_ticks=(packet.pts or 0) * ticks,
            key=packet.is_keyframe,
        )
        for packet in packets
    ]
    return Clip(units=tuple(units), duration_ticks=scene.frames * ticks)


def _x264() -> VideoCodecContext:
    context = VideoCodecContext.create("libx264", "w")
    context.height, context.width = SIZE_PX
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, FPS)
    context.framerate = Fraction(FPS, 1)
    context.bit_rate = BIT_RATE
    context.thread_count = 1
    context.options = _X264
    return context


def load_h264(path: Path) -> Clip:
    """Return the H.264 stream of a file (mp4 and the like) as it is, without encoding it again.

    Times start at the first frame's decoding time, so that frames with reordering keep theirs.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name != "h264":
            message = f"{path.name} holds {stream.codec_context.name}: only H.264 can be served"
            raise ValueError(message)
        annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
        packets = [out for packet in container.demux(stream) for out in annex_b.filter(packet)]
        return _as_clip(packets, stream)


def _as_clip(packets: list[VideoPacket], stream: VideoStream) -> Clip:
    """Return packets of a file with their times in ticks from the first one."""
    per_unit = (stream.time_base or Fraction(1, TICKS_PER_S)) * TICKS_PER_S
    timed = [packet for packet in packets if packet.size and packet.dts is not None]
    first = timed[0].dts or 0
    units = []
    for packet in timed:
        send = round(((packet.dts or 0) - first) * per_unit)
        shown = packet.pts if packet.pts is not None else packet.dts
        show = round(((shown or 0) - first) * per_unit)
        units.append(
            AccessUnit(data=bytes(packet), send_ticks=send, show_ticks=show, key=packet.is_keyframe)
        )
    step = units[-1].send_ticks - units[-2].send_ticks if len(units) > 1 else TICKS_PER_S // 25
    return Clip(units=tuple(units), duration_ticks=units[-1].send_ticks + step)
