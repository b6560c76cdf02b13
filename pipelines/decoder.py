"""Coded pictures to pixels of the model's size: FFmpeg's decoders and scaler, nothing else of it.

A camera has a decoder of its own: one that cameras shared could, where a picture is damaged, show
one camera's pixels as another's.
"""

from typing import Final, cast

import av
import av.error
import av.logging
import numpy as np
from av.codec.context import CodecContext, ThreadType
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from vision.arrays import Pixels
from vision.letterbox import Letterbox, fit

av.logging.set_level(None)  # PyAV's log callback can deadlock

MAX_PIXELS: Final = 8192 * 4608
"""8K with a little to spare; a 377 kB file of 16000x8000 otherwise took 707 MiB."""

LONGEST_PX: Final = 640
"""Of evidence, the longer side: no face is more than four pixels wide at a road's distance."""

SHRUNK: Final = 2
"""A picture that is shrunk so many times shows nothing of what deblocking smooths."""


class DecodeError(Exception):
    """What can't be decoded."""


class TooManyPixelsError(DecodeError):
    """A picture that is larger than any camera's."""


class Decoder:
    """The decoder of one live stream, opened at its first picture."""

    def __init__(self, codec: str, input_size_px: tuple[int, int]) -> None:
        """``codec`` is FFmpeg's name; ``input_size_px`` the model's (height, width)."""
        self._codec = codec
        self._input_height_px = input_size_px[0]
        self._context: VideoCodecContext | None = None
        self._is_rough = False
        self._is_large = False
        self._holds = False
        self.pixels = 0
        """Of the last picture."""
        self.all_pixels = 0
        """Of all so far."""

    def keyframe(self, data: bytes) -> list[VideoFrame]:
        """Return the picture of a keyframe that stands alone. Raises ``DecodeError``.

        The decoder is drained at once: with B-frames announced it would hold each picture back
        until the next keyframe.
        """
        context = self._opened(rough=self._is_large)
        if self._holds:  # pictures of before that are of no use any more
            context.flush_buffers()
            self._holds = False
        try:
            pictures = context.decode(Packet(data))
            pictures += context.decode(None)
        except av.error.FFmpegError:
            raise _reason(context) from None
        finally:
            context.flush_buffers()
        for picture in pictures:
            self._is_large = picture.height >= SHRUNK * self._input_height_px
        return self._counted(pictures)

    def following(self, data: bytes, ticks: int) -> list[VideoFrame]:
        """Return the pictures that one more of a row completes. Raises ``DecodeError``."""
        packet = Packet(data)
        packet.pts = ticks
        context = self._opened(rough=False)
        self._holds = True
        try:
            return self._counted(context.decode(packet))
        except av.error.FFmpegError:
            raise _reason(context) from None

    def _counted(self, pictures: list[VideoFrame]) -> list[VideoFrame]:
        for picture in pictures:
            self.pixels = picture.width * picture.height
            self.all_pixels += self.pixels
        return pictures

    def _opened(self, *, rough: bool) -> VideoCodecContext:
        if self._context is None or rough != self._is_rough:
            context = cast("VideoCodecContext", CodecContext.create(self._codec, "r"))
            context.thread_type = ThreadType.NONE
            # Deblocking is a fifth of a large keyframe's time, and nothing later builds on it.
            filtering = {"skip_loop_filter": "all"} if rough else {}
            context.options = {"max_pixels": str(MAX_PIXELS), **filtering}
            self._context, self._is_rough = context, rough
        return self._context


def _reason(context: VideoCodecContext) -> DecodeError:
    """Return what FFmpeg's error means: it has read the picture's size, and then refused it."""
    too_large = (context.width or 0) * (context.height or 0) > MAX_PIXELS
    return TooManyPixelsError() if too_large else DecodeError()


class Scaler:
    """One stream's pictures, shrunk to the model's input."""

    def __init__(self, input_size_px: tuple[int, int]) -> None:
        """``input_size_px`` is the model's (height, width)."""
        self._input_size_px = input_size_px
        self._reformatter = VideoReformatter()

    def __call__(self, picture: VideoFrame) -> tuple[Pixels, Letterbox]:
        """Return BGR pixels, as high and wide as the letterbox's content: FFmpeg's own memory."""
        letterbox = fit((picture.width, picture.height), *self._input_size_px)
        height_px, width_px = letterbox.content_height_px, letterbox.content_width_px
        return _scaled(self._reformatter, picture, height_px, width_px), letterbox


class EvidenceScaler:
    """One stream's pictures, shrunk to what evidence may show."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, picture: VideoFrame) -> Pixels:
        """Return BGR pixels, their sides even, none over ``LONGEST_PX`` nor the picture's own."""
        share = min(1.0, LONGEST_PX / max(picture.width, picture.height))
        width_px, height_px = (
            max(2, int(side * share) // 2 * 2) for side in (picture.width, picture.height)
        )
        return _scaled(self._reformatter, picture, height_px, width_px)


def _scaled(
    reformatter: VideoReformatter, picture: VideoFrame, height_px: int, width_px: int
) -> Pixels:
    scaled = reformatter.reformat(
        picture,
        width=width_px,
        height=height_px,
        format="bgr24",
        interpolation=Interpolation.BILINEAR,
        threads=1,
    )
    plane = scaled.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(height_px, plane.line_size)
    return rows[:, : 3 * width_px].reshape(height_px, width_px, 3)
