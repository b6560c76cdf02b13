"""Files, from beginning to end: FFmpeg's demuxer, and the time that a file has of its own.

FFmpeg's guards that are set here: the protocols are whitelisted, because ``concat:`` and others
open by default; ``max_pixels`` is set for the demuxer and for the decoder.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import av
import av.error
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipelines import faults
from pipelines.address import Address
from pipelines.decoder import MAX_PIXELS
from pipelines.frames import Frame
from pipelines.sampler import Sampler, Speed
from pipelines.source import Source

END_TOLERANCE_S: Final = 1.5
"""Where packets have no duration, a whole file's last one begins a frame before its end."""

OPTIONS: Final = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}


class FileSource(Source):
    """A file's looks, at its own time; nothing waits for a clock."""

    length_s: float | None = None
    """How long it says that its video is, once it is open; how long it is, once read."""
    opened_at: datetime | None = None
    """When it was opened. Its own time begins then, with any of its streams: where the picture
    begins after the sound, so do the looks."""

    with_evidence = False
    """Whether its looks bring pictures for evidence; all do, since nothing can be asked again."""

    def looks(self, stopping: Callable[[], bool]) -> Iterator[Frame]:
        """Open it and yield looks until ``stopping`` says so.

        Raises ``FileEndedError`` at its end, ``SourceError`` where it can't be read.
        """
        try:
            with av.open(self.address.url.reveal(), options=dict(OPTIONS)) as container:
                stream = self._video(container)
                extent = Extent.of(container, stream)
                self.length_s = extent.says_s - extent.start_s or None
                packets = extent.followed(container, stream)
                yield from self._sample(packets, stream, extent.start_s, stopping)
                self.length_s = extent.video_s - extent.start_s
        except av.error.DecoderNotFoundError:
            what = "there is no decoder for its video"
            raise faults.UnsupportedCodecError(self.address.shown, what) from None
        except (av.error.FFmpegError, OSError):
            what = "what arrives is no video that can be read"
            raise faults.CorruptStreamError(self.address.shown, what) from None
        if not stopping():
            extent.require_end(self.address)
            raise faults.FileEndedError(self.address.shown, "the stream ended")

    def _wants_evidence(self, *, is_burst: bool) -> tuple[bool, bool]:  # noqa: ARG002
        return self.with_evidence, False

    def _video(self, container: InputContainer) -> VideoStream:
        if not container.streams.video:
            raise faults.NoVideoError(self.address.shown, "the stream has no video")
        stream = container.streams.video[0]
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        stream.codec_context.thread_type = ThreadType.NONE
        return stream

    def _sample(
        self,
        packets: "Iterator[Packet[VideoStream]]",
        stream: VideoStream,
        start_s: float,
        stopping: Callable[[], bool],
    ) -> Iterator[Frame]:
        sampler, at_s = Sampler(), 0.0
        self.opened_at = datetime.now(UTC)

        def told_s(stamp: int | None) -> float:
            # In the stream's time base: a drained picture's own is unset.
            return at_s if stamp is None else float(stamp * (stream.time_base or 0)) - start_s

        for packet in packets:
            if stopping():
                return
            if packet.size == 0:  # PyAV's mark of the end: what the decoder holds comes
                if not sampler.started or packet.dts is not None:
                    continue
            else:
                self._metrics.frames_received.inc()
                at_s = told_s(packet.dts if packet.pts is None else packet.pts)
                if not sampler.wants_packet(is_keyframe=packet.is_keyframe, time_s=at_s):
                    if not sampler.started:
                        self._metrics.drop("before_keyframe")
                    continue
            for picture in self._decode(stream, packet, sampler.speed):
                self._metrics.frames_decoded.inc()
                shown_s = told_s(picture.pts)
                if sampler.wants_look(shown_s):
                    at = self.opened_at + timedelta(seconds=shown_s)
                    yield self._look(picture, at, time.monotonic_ns())

    def _decode(
        self, stream: VideoStream, packet: "Packet[VideoStream]", speed: Speed
    ) -> list[VideoFrame]:
        """Return the pictures that a packet completes; at keyframe speed the decoder is drained."""
        context = stream.codec_context
        try:
            pictures = context.decode(packet)
            if speed is Speed.SENTRY and packet.size:
                pictures += context.decode(None)
                context.flush_buffers()
        except av.error.InvalidDataError:
            self._metrics.drop("corrupt")
            return []
        return pictures


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
