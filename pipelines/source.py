"""From an address to looks: the one place, beside the drills' encoder, where PyAV is used.

FFmpeg's guards that are set here, and why: the format is forced and the protocols are
whitelisted, because ``file:`` and ``concat:`` open by default; PyAV's ``timeout`` is used, because
FFmpeg's is kept alive by a byte each half second; ``max_pixels`` is set for the demuxer and for
the decoder. Redirects are not yet refused.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import av
import av.error
import av.logging
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation
from av.video.stream import VideoStream

from pipelines import faults
from pipelines.address import Address
from pipelines.frames import Frame, FrameRef
from pipelines.metrics import WorkerMetrics
from pipelines.sampler import Sampler, Speed
from vision.letterbox import fit

av.logging.set_level(None)  # PyAV's log callback can deadlock

CAMERA_CODECS: Final = frozenset({"h264", "hevc", "mjpeg", "mpeg4"})
"""What cameras send. Every further decoder of FFmpeg is surface for hostile streams."""

MAX_PIXELS: Final = 8192 * 4608
"""8K with a little to spare; a 377 kB file of 16000x8000 otherwise took 707 MiB."""

OPEN_TIMEOUT_S: Final = 8.0
"""Cameras behind a platform are switched on by the request and need some seconds."""

READ_TIMEOUT_S: Final = 10.0
"""Silence longer than this is a lost stream: the slowest cameras send a frame a second."""

CLOCK_TOLERANCE_S: Final = 2.0
"""A wall clock that differs by more was set: it is believed from then on."""

END_TOLERANCE_S: Final = 1.5
"""Where packets have no duration, a whole file's last one begins a frame before its end."""

RTSP_OPTIONS: Final = {
    "rtsp_transport": "tcp",
    "protocol_whitelist": "rtsp,rtsps,rtp,tcp,tls",
    "allowed_media_types": "video",
    "max_pixels": str(MAX_PIXELS),
    # The session's description and the first keyframe say all that is needed; FFmpeg's own
    # probing would hold the first look back by seconds.
    "probesize": "32",
    "analyzeduration": "0",
}
FILE_OPTIONS: Final = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}


class Source:
    """One camera's connections, one after the other, each giving looks until it breaks."""

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
        self._input_size_px = input_size_px
        self._metrics = metrics
        self._seq = 0
        self.length_s: float | None = None
        """How long a file says that its video is, once it is open; how long it is, once read."""
        self.opened_at: datetime | None = None
        """When the connection was opened. A file's own time begins then, with any of its streams:
        where the picture begins after the sound, so do the looks."""

    def looks(self, stopping: Callable[[], bool]) -> Iterator[Frame]:
        """Connect and yield looks until ``stopping`` says so.

        Raises ``SourceError`` when the stream can't be had, breaks or ends.
        """
        with self._connect() as container:
            stream = self._video(container)
            if self.address.is_file:
                extent = Extent.of(container, stream)
                self.length_s = extent.says_s - extent.start_s or None
                packets = extent.followed(container, stream)
                yield from self._sample(packets, stream, extent.start_s, stopping)
                self.length_s = extent.video_s - extent.start_s
            else:
                extent = None
                yield from self._sample(container.demux(stream), stream, None, stopping)
        if not stopping():
            if extent:
                extent.require_end(self.address)
            kind = faults.FileEndedError if self.address.is_file else faults.StreamLostError
            raise kind(self.address.shown, "the stream ended")

    def _connect(self) -> InputContainer:
        started_s = time.monotonic()
        try:
            return self._open(FILE_OPTIONS if self.address.is_file else RTSP_OPTIONS)
        except av.error.HTTPOtherClientError:
            # Some servers refuse to play when nothing was asked for, as without any video.
            self._complain_of_missing_video()
            raise faults.UnreachableError(self.address.shown, "the camera refuses") from None
        except (av.error.FFmpegError, OSError) as error:
            # A time-out comes back under many names, so the clock decides.
            if time.monotonic() - started_s >= OPEN_TIMEOUT_S:
                what = f"no answer within {OPEN_TIMEOUT_S:g} s"
                raise faults.UnreachableError(self.address.shown, what) from None
            raise _explain(error, self.address, "open") from None

    def _open(self, options: Mapping[str, str]) -> InputContainer:
        return av.open(
            self.address.url.reveal(),
            format=None if self.address.is_file else "rtsp",
            options=dict(options),
            timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S),
        )

    def _complain_of_missing_video(self) -> None:
        every_kind = {k: v for k, v in RTSP_OPTIONS.items() if k != "allowed_media_types"}
        with suppress(av.error.FFmpegError, OSError), self._open(every_kind) as container:
            self._video(container)

    def _video(self, container: InputContainer) -> VideoStream:
        if not container.streams.video:
            raise faults.NoVideoError(self.address.shown, "the stream has no video")
        stream = container.streams.video[0]
        codec = stream.codec_context.name if stream.codec_context else "unknown"
        if not self.address.is_file and codec not in CAMERA_CODECS:
            raise faults.UnsupportedCodecError(self.address.shown, f"video is coded as {codec}")
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        stream.codec_context.thread_type = ThreadType.NONE
        return stream

    def _sample(
        self,
        packets: "Iterator[Packet[VideoStream]]",
        stream: VideoStream,
        start_s: float | None,
        stopping: Callable[[], bool],
    ) -> Iterator[Frame]:
        sampler, clock = Sampler(), StreamClock()
        # Wall time runs on the monotonic clock, so that pictures stay in order.
        opened_at, opened_s = datetime.now(UTC), time.monotonic()
        self.opened_at = opened_at
        clock.offset_s = None if start_s is None else opened_s - start_s
        with self._read_errors():
            for packet in packets:
                if stopping():
                    return
                received_ns = time.monotonic_ns()
                if packet.size == 0:  # PyAV's mark of the end: what a file's decoder holds comes
                    if not (self.address.is_file and sampler.started and packet.dts is None):
                        continue
                elif not self._is_wanted(packet, stream, sampler, clock, received_ns):
                    continue
                for picture in self._decode(stream, packet, sampler.speed):
                    self._metrics.frames_decoded.inc()
                    shown_s = clock.read(picture.pts, stream, received_ns)
                    if sampler.wants_look(shown_s):
                        seen_s = shown_s
                        if not self.address.is_file:
                            seen_s = received_ns / 1e9
                            opened_at = _followed(opened_at, seen_s - opened_s)
                        at = opened_at + timedelta(seconds=seen_s - opened_s)
                        yield self._look(picture, at, received_ns)

    def _is_wanted(
        self,
        packet: "Packet[VideoStream]",
        stream: VideoStream,
        sampler: Sampler,
        clock: "StreamClock",
        received_ns: int,
    ) -> bool:
        self._metrics.frames_received.inc()
        stamp = packet.dts if packet.pts is None else packet.pts
        time_s = clock.read(stamp, stream, received_ns)
        if sampler.wants_packet(is_keyframe=packet.is_keyframe, time_s=time_s):
            return True
        if not sampler.started:
            self._metrics.drop("before_keyframe")
        return False

    def _decode(
        self, stream: VideoStream, packet: "Packet[VideoStream]", speed: Speed
    ) -> list[VideoFrame]:
        """Return the pictures that a packet completes.

        At keyframe speed the decoder is drained at once: with B-frames announced it would hold
        each picture back until the next keyframe.
        """
        context = stream.codec_context
        try:
            pictures = context.decode(packet)
            if speed is Speed.KEYFRAMES and packet.size:
                pictures += context.decode(None)
                context.flush_buffers()
        except av.error.InvalidDataError:
            self._metrics.drop("corrupt")
            return []
        return pictures

    def _look(self, picture: VideoFrame, captured_at: datetime, received_ns: int) -> Frame:
        size_px = (picture.width, picture.height)
        letterbox = fit(size_px, *self._input_size_px)
        scaled = picture.reformat(
            width=letterbox.content_width_px,
            height=letterbox.content_height_px,
            format="bgr24",
            interpolation=Interpolation.BILINEAR,
        )
        self._seq += 1
        ref = FrameRef(
            camera_id=self.camera_id,
            seq=self._seq,
            source_size_px=size_px,
            letterbox=letterbox,
            captured_at=captured_at,
            received_ns=received_ns,
        )
        return Frame(ref=ref, pixels=scaled.to_ndarray())

    @contextmanager
    def _read_errors(self) -> Iterator[None]:
        """Turn FFmpeg's errors into ours, whose texts hold no password."""
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            raise _explain(error, self.address, "read") from None


def _followed(opened_at: datetime, elapsed_s: float) -> datetime:
    """Return when the connection was opened by the wall clock as it is set now."""
    opened_now = datetime.now(UTC) - timedelta(seconds=elapsed_s)
    set_anew = abs(opened_now - opened_at) > timedelta(seconds=CLOCK_TOLERANCE_S)
    return opened_now if set_anew else opened_at


@dataclass(slots=True, kw_only=True)
class Extent:
    """How far a file says that it goes, and how far its packets do, in seconds of its stamps."""

    start_s: float
    """Where the first of its streams begins."""
    says_s: float
    """Where it says that it ends: its video, or where that has no length of its own, all of it."""
    is_of_video: bool
    """Whether that is the video's own; else any stream may reach it: sound may outlast it."""
    video_s: float = 0.0
    """Where its video ends, as far as it was read."""
    read_s: float = 0.0
    """Where the last of its streams ends, as far as it was read."""

    @classmethod
    def of(cls, container: InputContainer, stream: VideoStream) -> "Extent":
        """Read what a file's headers say."""
        start_s = (container.start_time or 0) / av.time_base
        whole_s = (container.duration or 0) / av.time_base
        own_s = float((stream.duration or 0) * (stream.time_base or 0))
        if own_s and abs(own_s - whole_s) > 1e-3:  # FFmpeg copies the file's where there is none
            says_s = float((stream.start_time or 0) * (stream.time_base or 0)) + own_s
            return cls(start_s=start_s, says_s=says_s, is_of_video=True, video_s=start_s)
        # Matroska's length counts from zero, wherever its streams begin.
        from_s = 0.0 if "matroska" in container.format.name else start_s
        return cls(start_s=start_s, says_s=from_s + whole_s, is_of_video=False, video_s=start_s)

    def followed(
        self, container: InputContainer, stream: VideoStream
    ) -> "Iterator[Packet[VideoStream]]":
        """Yield the video's packets, the mark of its end included."""
        for packet in container.demux():
            stamp = packet.dts if packet.pts is None else packet.pts
            is_video = packet.stream.index == stream.index
            if stamp is not None and packet.time_base:
                end_s = float((stamp + (packet.duration or 0)) * packet.time_base)
                self.read_s = max(self.read_s, end_s)
                self.video_s = max(self.video_s, end_s if is_video else 0.0)
            if is_video:
                yield cast("Packet[VideoStream]", packet)

    def require_end(self, address: Address) -> None:
        """Raise ``CorruptStreamError`` where the end is missing."""
        reached_s = self.video_s if self.is_of_video else self.read_s
        if reached_s < self.says_s - END_TOLERANCE_S:
            ended_s, whole_s = reached_s - self.start_s, self.says_s - self.start_s
            what = f"it ends after {ended_s:.0f} s of {whole_s:.0f} s: it was cut off"
            raise faults.CorruptStreamError(address.shown, what)


@dataclass(slots=True)
class StreamClock:
    """Stream time on the monotonic clock's scale: both agree when the first stamp arrives.

    Packets without a stamp (FFmpeg leaves an RTSP stream's first one without) take their time
    of arrival, so a stream never seems to jump because a stamp is missing.
    """

    offset_s: float | None = None
    """What is added to a stamp; a file's is known before its first packet."""

    def read(self, stamp: int | None, stream: VideoStream, received_ns: int) -> float:
        """Return seconds. In the stream's time base: a drained picture's own is unset."""
        arrived_s = received_ns / 1e9
        if stamp is None or not stream.time_base:
            return arrived_s
        stamp_s = float(stamp * stream.time_base)
        if self.offset_s is None:
            self.offset_s = arrived_s - stamp_s
        return stamp_s + self.offset_s


def _explain(error: Exception, address: Address, phase: str) -> faults.SourceError:
    where = address.shown
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return faults.UnauthorizedError(where, "the camera refuses the credentials")
    if isinstance(error, av.error.HTTPNotFoundError):
        return faults.NotFoundError(where, "the camera has no such stream")
    if isinstance(error, av.error.InvalidDataError):
        return faults.CorruptStreamError(where, "what arrives is no video that can be read")
    if isinstance(error, av.error.DecoderNotFoundError):
        return faults.UnsupportedCodecError(where, "there is no decoder for its video")
    if phase == "read":
        return faults.StreamLostError(where, f"the stream broke off ({_kind(error)})")
    return faults.UnreachableError(where, f"no answer ({_kind(error)})")


def _kind(error: Exception) -> str:
    """Return the error's name, never its text."""
    return type(error).__name__.removesuffix("Error")
