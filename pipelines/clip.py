"""Masked pictures to an MP4 that every browser plays: H.264, each picture at its own time.

One of the two writers of what cameras showed; it takes ``Evidence`` and nothing else. There is
nothing in the file but the pictures and their times: no title, no date, no place.
"""

import io
from fractions import Fraction
from typing import Final

import av
import av.error
import av.logging
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vision.evidence import Evidence

av.logging.set_level(None)  # PyAV's log callback can deadlock

LONGEST_S: Final = 8.0
"""Four seconds before an alert and four after: what an operator needs to believe it."""

TICKS_PER_S: Final = 1000
"""Of the file's clock."""

RATE: Final = 5
"""What the coder is told of a burst's looks; each picture has its own time all the same."""

OPTIONS: Final = {
    "preset": "veryfast",
    "crf": "23",
    "tune": "zerolatency",
}
"""Masked pictures are coarse and cheap. No picture is held back, so none is lost at the end."""


CONTAINER: Final = {"moov_size": "16384", "fflags": "+bitexact"}
"""The index's place at the front, for some hundred pictures: playing begins with the first bytes.
FFmpeg's own ``faststart`` reads the file again, and there is none. Exact: without its version."""


class ClipError(Exception):
    """No clip could be made. The alert's still stays."""


def clip_of(evidence: Evidence) -> bytes:
    """Return an MP4 of the pictures within ``LONGEST_S`` of the first, its index at the front.

    Raises ``TypeError`` for anything but ``Evidence`` and ``ClipError`` where it can't be coded.
    """
    if type(evidence) is not Evidence:
        raise TypeError("clips are made of Evidence, and of nothing else")
    file = io.BytesIO()
    try:
        with av.open(file, "w", format="mp4", options=CONTAINER) as container:
            _write(container, evidence)
    except (av.error.FFmpegError, ValueError) as error:
        raise ClipError(f"the clip can't be coded: {error}") from error
    return file.getvalue()


def _write(container: OutputContainer, evidence: Evidence) -> None:
    stream = container.add_stream("libx264", rate=RATE)
    stream.width, stream.height = evidence.size_px
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
    stream.codec_context.thread_count = 1
    stream.codec_context.options = OPTIONS
    # The coder's settings, which libx264 writes beside the first picture.
    without_notes = BitStreamFilterContext("filter_units=remove_types=6", stream)
    begins_s, before = evidence.times_s[0], -1
    for pixels, at_s in zip(evidence.pictures(), evidence.times_s, strict=True):
        ticks = max(before + 1, round((at_s - begins_s) * TICKS_PER_S))
        if ticks > LONGEST_S * TICKS_PER_S - TICKS_PER_S // RATE:  # the last is shown as long
            break
        before = ticks
        frame = VideoFrame.from_ndarray(pixels, format="bgr24").reformat(format="yuv420p")
        frame.pts, frame.time_base = ticks, Fraction(1, TICKS_PER_S)
        _mux(container, without_notes, stream.encode(frame))
    _mux(container, without_notes, stream.encode(None))


def _mux(
    container: OutputContainer,
    without_notes: BitStreamFilterContext,
    packets: "list[Packet[VideoStream]]",
) -> None:
    for packet in packets:
        for bare in without_notes.filter(packet):
            container.mux(bare)
