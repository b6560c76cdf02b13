"""From a camera's address to looks: our own client, FFmpeg's decoders.

``CameraSource`` reads a live stream; ``pipelines.file_source`` reads files. Both choose what is
decoded and looked at by the same ``Sampler``.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from pipelines import faults
from pipelines.address import Address
from pipelines.decoder import DecodeError, Decoder, Scaler, TooManyPixelsError
from pipelines.frames import Frame, FrameRef
from pipelines.metrics import WorkerMetrics
from pipelines.rtsp.connection import Connection
from pipelines.rtsp.networks import Networks
from pipelines.rtsp.units import Unit
from pipelines.sampler import Sampler, Speed
from vision.motion import grid, thumbnail

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

OPEN_TIMEOUT_S: Final = 8.0
"""Cameras behind a platform are switched on by the request and need some seconds."""

READ_TIMEOUT_S: Final = 10.0
"""Silence longer than this is a lost stream: the slowest cameras send a frame a second."""

NO_KEYFRAME_S: Final = 90.0
"""Cameras send a keyframe at once, "smart" ones each minute: longer is a fault to be told."""

CLOCK_TOLERANCE_S: Final = 2.0
"""A wall clock that differs by more was set: it is believed from then on."""


class Source(ABC):
    """Gives looks of one camera or file, each time it is asked from the beginning."""

    def __init__(
        self,
        camera_id: str,
        address: Address,
        input_size_px: tuple[int, int],
        metrics: WorkerMetrics,
    ) -> None:
        """``input_size_px`` is the model's (height, width)."""
        self.camera_id = camera_id
        self.address = address
        self._metrics = metrics
        self._scaler = Scaler(input_size_px)
        self._grid = grid(input_size_px)
        self._seq = 0

    @abstractmethod
    def looks(self, stopping: Callable[[], bool]) -> Iterator[Frame]:
        """Connect and yield looks until ``stopping`` says so.

        Raises ``SourceError`` when the stream can't be had, breaks or ends.
        """

    def _look(self, picture: "VideoFrame", captured_at: datetime, received_ns: int) -> Frame:
        with self._metrics.cpu("scale"):
            pixels, letterbox = self._scaler(picture)
            small = thumbnail(pixels, self._grid)
        self._seq += 1
        ref = FrameRef(
            camera_id=self.camera_id,
            seq=self._seq,
            source_size_px=(picture.width, picture.height),
            letterbox=letterbox,
            captured_at=captured_at,
            received_ns=received_ns,
        )
        return Frame(ref=ref, pixels=pixels, thumbnail=small)


class CameraSource(Source):
    """One camera's connections, one after the other, each giving looks until it breaks."""

    def __init__(
        self,
        camera_id: str,
        address: Address,
        input_size_px: tuple[int, int],
        metrics: WorkerMetrics,
        networks: Networks,
    ) -> None:
        """``input_size_px`` is the model's (height, width); ``networks`` are where it may be."""
        super().__init__(camera_id, address, input_size_px, metrics)
        self._input_size_px = input_size_px
        self._networks = networks

    def looks(self, stopping: Callable[[], bool]) -> Iterator[Frame]:
        """Connect and yield looks until ``stopping`` says so.

        Raises ``SourceError`` when the stream can't be had, breaks or ends.
        """
        connection = Connection(self.address, self._networks, OPEN_TIMEOUT_S)
        try:
            decoder = Decoder(connection.stream.codec, self._input_size_px)
            yield from self._sample(connection, decoder, stopping)
        finally:
            connection.close()
            if connection.wasted:
                self._metrics.drop("garbage", connection.wasted)
        if not stopping():
            raise faults.StreamLostError(self.address.shown, "the stream ended")

    def _sample(
        self, connection: Connection, decoder: Decoder, stopping: Callable[[], bool]
    ) -> Iterator[Frame]:
        sampler, clock = Sampler(), LiveClock(connection.stream.clock_hz)
        # Wall time runs on the monotonic clock, so that pictures stay in order.
        opened_at, opened_s = datetime.now(UTC), time.monotonic()
        seen_s = opened_s
        bursts = connection.units(READ_TIMEOUT_S, stopping)
        while True:
            with self._metrics.cpu("read"):
                units = next(bursts, None)
            if units is None:
                return
            received_ns = time.monotonic_ns()
            now_s = received_ns / 1e9
            self._metrics.frames_received.inc(len(units))
            for unit in units:
                if not self._is_wanted(unit, sampler, clock, now_s):
                    continue
                for picture in self._decode(unit, decoder, sampler.speed):
                    self._metrics.frames_decoded.inc()
                    seen_s = now_s
                    shown = picture.pts if sampler.speed is Speed.EVERY_FRAME else unit.ticks
                    if sampler.wants_look(clock.read(shown, now_s)):
                        opened_at = _followed(opened_at, now_s - opened_s)
                        at = opened_at + timedelta(seconds=now_s - opened_s)
                        yield self._look(picture, at, received_ns)
            connection.assembler.keyframes_only = sampler.speed is Speed.KEYFRAMES
            self._require_pictures(sampler, now_s - seen_s)

    def _is_wanted(self, unit: Unit, sampler: Sampler, clock: "LiveClock", now_s: float) -> bool:
        if unit.is_keyframe and not unit.is_whole:
            self._metrics.drop("incomplete")
            return False
        time_s = clock.read(unit.ticks, now_s)
        if sampler.wants_packet(is_keyframe=unit.is_keyframe, time_s=time_s):
            return bool(unit.data)  # what was left out at keyframe speed is back at the next one
        if not sampler.started:
            self._metrics.drop("before_keyframe")
        return False

    def _decode(self, unit: Unit, decoder: Decoder, speed: Speed) -> list["VideoFrame"]:
        with self._metrics.cpu("decode"):
            try:
                if speed is Speed.KEYFRAMES:
                    return decoder.keyframe(unit.data)
                return decoder.following(unit.data, unit.ticks)
            except TooManyPixelsError:
                raise faults.TooLargeError(self.address.shown, "too many pixels") from None
            except DecodeError:
                self._metrics.drop("corrupt")
                return []

    def _require_pictures(self, sampler: Sampler, silence_s: float) -> None:
        if silence_s < NO_KEYFRAME_S:
            return
        if not sampler.started:
            what = f"no keyframe for {NO_KEYFRAME_S:g} s"
            raise faults.NoKeyframeError(self.address.shown, what)
        what = f"no picture could be decoded for {NO_KEYFRAME_S:g} s"
        raise faults.CorruptStreamError(self.address.shown, what)


def _followed(opened_at: datetime, elapsed_s: float) -> datetime:
    """Return when the connection was opened by the wall clock as it is set now."""
    opened_now = datetime.now(UTC) - timedelta(seconds=elapsed_s)
    set_anew = abs(opened_now - opened_at) > timedelta(seconds=CLOCK_TOLERANCE_S)
    return opened_now if set_anew else opened_at


@dataclass(slots=True)
class LiveClock:
    """Stream time on the monotonic clock's scale: both agree when the first stamp arrives.

    A stamp that is far from its arrival (a jump, a clock that stands or runs) sets it anew, so no
    stream gives looks faster than time passes, and none stops giving them.
    """

    clock_hz: int
    """Of the stream's stamps."""
    offset_s: float | None = None
    """What is added to a stamp."""

    FARTHEST_S = 5.0
    """Naps and the network put a good stream a second off at most."""

    def read(self, stamp: int | None, arrived_s: float) -> float:
        """Return seconds."""
        if stamp is None:
            return arrived_s
        stamp_s = stamp / self.clock_hz
        if self.offset_s is None or abs(stamp_s + self.offset_s - arrived_s) > self.FARTHEST_S:
            self.offset_s = arrived_s - stamp_s
        return stamp_s + self.offset_s
