"""Many looks of one camera, seconds apart. What is private is gone before they leave here."""

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import numpy as np
from jaxtyping import UInt8

from pipelines.address import Address
from pipelines.blanker import BLACK, Blanker
from pipelines.decoder import DecodeError, Decoder, EvidenceScaler, Scaler
from pipelines.faults import TooLargeError
from pipelines.messages import StreamFacts
from pipelines.probing.advice import LONG_KEYFRAMES_S
from pipelines.rtsp.connection import Connection
from pipelines.rtsp.networks import Networks
from pipelines.rtsp.units import Unit
from pipelines.source import FLOW_PIXELS_A_SECOND, OPEN_TIMEOUT_S, READ_TIMEOUT_S
from vision.arrays import BatchPixels
from vision.letterbox import PAD_VALUE, Letterbox
from vision.polygons import Polygon

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

APART_S: Final = 1.9
"""Two looks a second apart show whoever walks there twice in one place; a little under 2 s, so that
every second keyframe is taken although stamps jitter."""

EARLY_S: Final = 0.5
"""So much sooner one may come after a nap. No camera's stamps make two of it sooner than that: a
median of one moment would be a live frame."""

AHEAD_S: Final = 12.0
"""So much of a stream may come at once: a platform keeps all since the last keyframe. What is
decoded beyond ``FLOW_PIXELS_A_SECOND`` of this and of the time since is nobody's camera."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLook:
    """One look, unmasked: it stays in memory, and only the maker of place pictures reads it."""

    pixels: UInt8[np.ndarray, "H W 3"]
    """BGR, of the source's own proportions; what is private is black."""
    batch: BatchPixels
    """The same as the masker takes it; what is private is grey."""
    letterbox: Letterbox
    """Where the picture lies in that."""

    def __repr__(self) -> str:
        return "PlaceLook(...)"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("unmasked pictures stay in the worker's memory: they can't be pickled")


class Looking:
    """One connection to a camera of which looks are taken."""

    def __init__(
        self,
        address: Address,
        networks: Networks,
        stream: StreamFacts,
        private: tuple[Polygon, ...],
        input_size_px: tuple[int, int],
    ) -> None:
        """``private`` is nobody's to see; ``input_size_px`` is the masker's (height, width)."""
        self._address, self._networks = address, networks
        self._input_size_px = input_size_px
        self._scaler, self._evidence_scaler = Scaler(input_size_px), EvidenceScaler()
        self._blanker = Blanker()
        self._blanker.polygons = private
        self._needs_all = needs_all(stream)
        self._measured_px = (stream.width_px or 0) * (stream.height_px or 0)
        self._started = False
        self._taken_s = -math.inf
        self._taken_ticks, self._clock_hz = 0, 1

    def looks(
        self, is_over: Callable[[], bool], rest: Callable[[float], object] = time.sleep
    ) -> Generator[PlaceLook, None, None]:
        """Connect and yield looks that are at least ``APART_S`` apart. Raises ``SourceError``.

        Keyframes alone are decoded, unless they come too rarely. ``is_over`` is asked for each
        unit: a burst may hold thousands.
        """
        connection = Connection(self._address, self._networks, OPEN_TIMEOUT_S)
        self._clock_hz = connection.stream.clock_hz
        decoder = Decoder(connection.stream.codec, self._input_size_px)
        connection.assembler.keyframes_only = not self._needs_all
        began_s = time.monotonic()
        try:
            for units in connection.units(READ_TIMEOUT_S, is_over, rest):
                for unit in units:
                    if is_over():
                        return
                    picture = self._picture(unit, decoder)
                    self._require_bounds(decoder, time.monotonic() - began_s)
                    if picture is not None and self._is_due(unit.ticks):
                        self._taken_s, self._taken_ticks = time.monotonic(), unit.ticks
                        yield self._look(picture)
        finally:
            connection.close()

    def _require_bounds(self, decoder: Decoder, since_s: float) -> None:
        """Hold it to the size that was measured, and to pixels that a camera can have."""
        outgrew = 0 < self._measured_px < decoder.pixels
        if outgrew or decoder.all_pixels > FLOW_PIXELS_A_SECOND * (AHEAD_S + since_s):
            raise TooLargeError(self._address.shown, "more pixels than were measured")

    def _is_due(self, ticks: int) -> bool:
        """Say whether a look is due by the stream's time; by ours it never comes much earlier."""
        since_s = time.monotonic() - self._taken_s
        stamped_s = (ticks - self._taken_ticks) / self._clock_hz
        return since_s >= APART_S - EARLY_S and max(since_s, stamped_s) >= APART_S

    def _picture(self, unit: Unit, decoder: Decoder) -> "VideoFrame | None":
        self._started |= unit.is_keyframe and unit.is_whole
        if not (unit.data and self._started):
            return None
        try:
            if self._needs_all:
                pictures = decoder.following(unit.data, unit.ticks)
            else:
                pictures = decoder.keyframe(unit.data) if self._is_due(unit.ticks) else []
        except DecodeError:
            return None
        return pictures[-1] if pictures else None

    def _look(self, picture: "VideoFrame") -> PlaceLook:
        """Return both sizes of a picture, without what is private in either."""
        proportions = picture.width / picture.height
        small, letterbox = self._scaler(picture)
        small, _ = self._blanker(small, proportions)
        pixels, _ = self._blanker(self._evidence_scaler(picture), proportions, BLACK)
        batch: BatchPixels = np.full((1, *self._input_size_px, 3), PAD_VALUE, np.uint8)
        batch[0, : letterbox.content_height_px, : letterbox.content_width_px] = small
        return PlaceLook(pixels=pixels, batch=batch, letterbox=letterbox)


def needs_all(stream: StreamFacts) -> bool:
    """Say whether keyframes come too rarely, and all of the stream can be decoded instead."""
    is_rare = (stream.keyframe_interval_s or math.inf) > LONG_KEYFRAMES_S
    pixels = (stream.width_px or 0) * (stream.height_px or 0) * (stream.frame_rate_hz or 25.0)
    return is_rare and pixels <= FLOW_PIXELS_A_SECOND
