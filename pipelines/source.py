"""From a camera's address to looks: our own client, FFmpeg's decoders.

``CameraSource`` reads a live stream; ``pipelines.file_source`` reads files. Both choose what is
decoded and looked at by the same ``Sampler``.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from pipelines import faults
from pipelines.address import Address
from pipelines.blanker import BLACK, Blanker
from pipelines.bursts import Bursts
from pipelines.decoder import DecodeError, Decoder, EvidenceScaler, Scaler, TooManyPixelsError
from pipelines.frames import Closeup, Frame, FrameRef
from pipelines.metrics import WorkerMetrics
from pipelines.renewal import Renewal
from pipelines.rtsp.connection import Connection
from pipelines.rtsp.networks import Networks
from pipelines.rtsp.units import Unit
from pipelines.sampler import CLOCK_LOOK_S, Sampler, Speed
from vision.motion import grid, thumbnail
from vision.polygons import Polygon

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

log = structlog.get_logger()

OPEN_TIMEOUT_S: Final = 8.0
"""Cameras behind a platform are switched on by the request and need some seconds."""

READ_TIMEOUT_S: Final = 10.0
"""Silence longer than this is a lost stream: the slowest cameras send a frame a second."""

NO_KEYFRAME_S: Final = 90.0
"""Cameras send a keyframe at once, "smart" ones each minute: longer is a fault to be told."""

FARTHEST_S: Final = 5.0
"""Naps and the network put a good stream's stamps a second off at most."""

FLOW_PIXELS_A_SECOND: Final = 80_000_000
"""1080p at 38 fps: a quarter of a core. Of a larger stream that would have to be decoded whole
keyframes alone are looked at, however rare: it must not have the core of a hundred others."""

EFFORT_S: Final = 5.0
"""Of stream time, so long is counted: until then, who sends keyframes often is known by them."""

LIGHTER: Final = "give its substream, or let it send keyframes at most 4 s apart"
"""What makes a camera cheap to watch."""

STEADY_CLOSEUP_S: Final = 1.0
"""A camera that is always looked at closely brings so few pictures until an alert asks for more:
five of them would push every other camera's out of the album."""

OLDEST_S: Final = 10.0
"""A stamp that seems older than this says nothing of its age."""

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
        self._evidence_scaler = EvidenceScaler()
        self._grid = grid(input_size_px)
        self._blanker = Blanker()
        self._seq = 0
        self.received_bytes = 0
        """Of its streams, so far; a file's are nobody's cost."""

    def blank(self, polygons: tuple[Polygon, ...]) -> None:
        """Hide these zones from the next picture on. Any thread may call it."""
        self._blanker.polygons = polygons

    @abstractmethod
    def looks(self, stopping: Callable[[], bool]) -> Iterator[Frame]:
        """Connect and yield looks until ``stopping`` says so.

        Raises ``SourceError`` when the stream can't be had, breaks or ends.
        """

    @abstractmethod
    def _wants_evidence(self, *, is_burst: bool) -> tuple[bool, bool]:
        """Say whether a look brings a picture for evidence, and whether an alert waits for it."""

    def _look(
        self,
        picture: "VideoFrame",
        captured_at: datetime,
        received_ns: int,
        *,
        is_burst: bool = False,
        is_due: bool = True,
    ) -> Frame:
        proportions = picture.width / picture.height
        with self._metrics.cpu("scale"):
            pixels, letterbox = self._scaler(picture)
            pixels, _ = self._blanker(pixels, proportions)
            small = thumbnail(pixels, self._grid)
        wants, is_asked = self._wants_evidence(is_burst=is_burst)
        evidence = self._closeup(picture, proportions, is_asked=is_asked) if wants else None
        self._seq += 1
        ref = FrameRef(
            camera_id=self.camera_id,
            seq=self._seq,
            source_size_px=(picture.width, picture.height),
            letterbox=letterbox,
            captured_at=captured_at,
            received_ns=received_ns,
            is_burst=is_burst,
            is_due=is_due,
        )
        return Frame(ref=ref, pixels=pixels, thumbnail=small, evidence=evidence)

    def _closeup(self, picture: "VideoFrame", proportions: float, *, is_asked: bool) -> Closeup:
        with self._metrics.cpu("scale"):
            pixels, privacy = self._blanker(self._evidence_scaler(picture), proportions, BLACK)
        return Closeup(pixels=pixels, privacy=privacy, is_asked=is_asked)


class CameraSource(Source):
    """One camera's connections, one after the other, each giving looks until it breaks."""

    def __init__(
        self,
        camera_id: str,
        address: Address,
        input_size_px: tuple[int, int],
        metrics: WorkerMetrics,
        networks: Networks,
        *,
        bursts: Bursts | None = None,
        steady: bool = False,
    ) -> None:
        """``input_size_px`` is the model's (height, width); ``networks`` are where it may be.

        Without ``bursts`` it is never looked at closely, unless it always is: ``steady``.
        """
        super().__init__(camera_id, address, input_size_px, metrics)
        self._input_size_px = input_size_px
        self._networks = networks
        self._bursts = bursts or Bursts(metrics)
        self._steady = steady
        self._began = (datetime.now(UTC), time.monotonic())
        self._seen_s = 0.0
        self._due_s = 0.0
        self._has_burst = False
        self._closeup_s = -math.inf
        self.renewal = Renewal(address)
        self.rest: Callable[[float], object] = time.sleep
        """How it waits between bursts; whoever stops it may make that shorter."""

    def looks(self, stopping: Callable[[], bool]) -> Iterator[Frame]:
        """Connect and yield looks until ``stopping`` says so.

        Raises ``SourceError`` when the stream can't be had, breaks or ends. After one for which an
        address that has expired may be the reason, the next time begins with another.
        """
        seen = self._seq
        self.address, fault = self.renewal.next(self.address)
        try:
            if not stopping():
                yield from self._connect(stopping)
        except faults.SourceError as error:
            self.renewal.failed(self.address, error)
            if fault is not None and self._seq == seen:
                raise fault from error  # what is to be mended first
            raise

    def _connect(self, stopping: Callable[[], bool]) -> Iterator[Frame]:
        may_keep = partial(self._bursts.keep, self)  # not by name: an older one may still be ending
        connection = Connection(self.address, self._networks, OPEN_TIMEOUT_S, may_keep)
        before_bytes = self.received_bytes
        try:
            yield from self._read(connection, stopping, before_bytes)
        finally:
            connection.close()
            self.received_bytes = before_bytes + connection.received_bytes
            may_keep(0)
            self._end_burst()
            if connection.wasted:
                self._metrics.drop("garbage", connection.wasted)
        if not stopping():
            raise faults.StreamLostError(self.address.shown, "the stream ended")

    def _read(
        self, connection: Connection, stopping: Callable[[], bool], before_bytes: int
    ) -> Iterator[Frame]:
        decoder = Decoder(connection.stream.codec, self._input_size_px)
        sampler, clock = Sampler(steady=self._steady), LiveClock(connection.stream.clock_hz)
        effort = Effort()
        self._began = (datetime.now(UTC), time.monotonic())
        self._seen_s = time.monotonic()
        arriving = connection.units(READ_TIMEOUT_S, stopping, self.rest)
        while True:
            with self._metrics.cpu("read"):
                units = next(arriving, None)
            if units is None:
                return
            clock.now_s, clock.newest = time.monotonic(), units[-1].ticks
            self.received_bytes = before_bytes + connection.received_bytes
            self._metrics.frames_received.inc(len(units))
            for unit in units:
                if self._is_wanted(unit, sampler, clock):
                    yield from self._seen(unit, decoder, sampler, clock)
            self._pace(connection, decoder, sampler)
            is_too_much = effort.is_too_much(decoder.all_pixels, clock.time_s(clock.newest))
            if is_too_much and (sampler.speed is Speed.FLOW or sampler.is_steady):
                sampler.keep_to_keyframes()
                self._metrics.too_heavy.inc()
                log.warning("too_heavy", camera=self.address.shown, do=LIGHTER)
            if sampler.speed is Speed.SENTRY:
                connection.assembler.keyframes_only = True
            elif connection.assembler.keyframes_only:
                yield from self._gone_back(connection, decoder, sampler, clock)
            self._require_pictures(sampler, clock.now_s - self._seen_s)

    def _pace(self, connection: Connection, decoder: Decoder, sampler: Sampler) -> None:
        """Begin, prolong or end a burst."""
        if sampler.speed is Speed.BURST:
            more_s = self._bursts.prolonged(self.camera_id) if self._has_burst else 0.0
            if more_s:
                sampler.burst(more_s)
            return
        self._end_burst()
        ready = connection.can_go_back or sampler.speed is Speed.FLOW
        burst_s = self._bursts.begin(self.camera_id, decoder.pixels, ready=ready)
        if burst_s:
            self._has_burst = True
            sampler.burst(burst_s)

    def _wants_evidence(self, *, is_burst: bool) -> tuple[bool, bool]:
        is_asked = self._bursts.wants_evidence(self.camera_id)
        if is_asked or not (is_burst and self._bursts.for_evidence):
            return is_asked, is_asked
        now_s = time.monotonic()
        if not self._has_burst and now_s - self._closeup_s < STEADY_CLOSEUP_S:
            return False, False
        self._closeup_s = now_s
        return True, False

    def _end_burst(self) -> None:
        if self._has_burst:
            self._has_burst = False
            self._bursts.end(self.camera_id)

    def _gone_back(
        self, connection: Connection, decoder: Decoder, sampler: Sampler, clock: "LiveClock"
    ) -> Iterator[Frame]:
        """Yield looks of what was left out since the last keyframe; from now on nothing is."""
        units = connection.rewind()
        if not units:
            sampler.speed = Speed.SENTRY  # until there is a keyframe to go back to
        looks = [look for unit in units for look in self._seen(unit, decoder, sampler, clock)]
        yield from looks if sampler.speed is Speed.BURST else looks[-1:]

    def _is_wanted(self, unit: Unit, sampler: Sampler, clock: "LiveClock") -> bool:
        if unit.is_keyframe and not unit.is_whole:
            self._metrics.drop("incomplete")
            return False
        time_s = clock.read(unit.ticks)
        if sampler.wants_packet(is_keyframe=unit.is_keyframe, time_s=time_s):
            return bool(unit.data)  # what was left out as a sentry is gone back for
        if not sampler.started:
            self._metrics.drop("before_keyframe")
        return False

    def _seen(
        self, unit: Unit, decoder: Decoder, sampler: Sampler, clock: "LiveClock"
    ) -> Iterator[Frame]:
        """Decode a unit; yield the looks among its pictures."""
        speed = sampler.speed
        for picture in self._decode(unit, decoder, speed):
            self._metrics.frames_decoded.inc()
            self._seen_s = clock.now_s
            ticks = unit.ticks if speed is Speed.SENTRY or picture.pts is None else picture.pts
            time_s = clock.time_s(ticks)
            if sampler.wants_look(time_s):
                at, began_s = self._began = _followed(*self._began, clock.now_s)
                age_s = clock.age_s(ticks)
                captured_at = at + timedelta(seconds=clock.now_s - age_s - began_s)
                received_ns = round((clock.now_s - age_s) * 1e9)
                is_due = speed is not Speed.BURST or not 0 <= time_s - self._due_s < CLOCK_LOOK_S
                self._due_s = time_s if is_due else self._due_s
                is_burst = speed is Speed.BURST
                yield self._look(
                    picture, captured_at, received_ns, is_burst=is_burst, is_due=is_due
                )

    def _decode(self, unit: Unit, decoder: Decoder, speed: Speed) -> list["VideoFrame"]:
        with self._metrics.cpu("decode"):
            try:
                if speed is Speed.SENTRY:
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


def _followed(opened_at: datetime, opened_s: float, now_s: float) -> tuple[datetime, float]:
    """Return when the connection was opened by the wall clock as it is set now."""
    opened_now = datetime.now(UTC) - timedelta(seconds=now_s - opened_s)
    set_anew = abs(opened_now - opened_at) > timedelta(seconds=CLOCK_TOLERANCE_S)
    return (opened_now if set_anew else opened_at), opened_s


@dataclass(slots=True)
class Effort:
    """How many pixels a second of a stream has lately, on its own time: a jam is no effort."""

    began_s: float | None = None
    before_px: int = 0

    def is_too_much(self, decoded_px: int, time_s: float) -> bool:
        """Take the count so far in; say whether the last ``EFFORT_S`` went over the budget."""
        if self.began_s is not None and 0 <= time_s - self.began_s < EFFORT_S:
            return False
        began_s, before_px, self.began_s, self.before_px = (
            self.began_s, self.before_px, time_s, decoded_px,
        )  # fmt: skip
        if began_s is None or time_s <= began_s:
            return False
        return (decoded_px - before_px) / (time_s - began_s) > FLOW_PIXELS_A_SECOND


@dataclass(slots=True)
class LiveClock:
    """Stream time on the monotonic clock's scale: both agree when the first stamp arrives.

    A stamp that is far from its arrival (a jump, a clock that stands or runs) sets it anew, so no
    stream gives looks faster than time passes, and none stops giving them.
    """

    clock_hz: int
    """Of the stream's stamps."""
    now_s: float = 0.0
    """When what is read now arrived."""
    newest: int = 0
    """The last stamp that arrived."""
    offset_s: float | None = None
    """What is added to a stamp."""

    def read(self, stamp: int) -> float:
        """Return seconds for a stamp that has just arrived."""
        stamp_s = stamp / self.clock_hz
        if self.offset_s is None or abs(stamp_s + self.offset_s - self.now_s) > FARTHEST_S:
            self.offset_s = self.now_s - stamp_s
        return stamp_s + self.offset_s

    def time_s(self, stamp: int) -> float:
        """Return seconds for one that may be older."""
        return stamp / self.clock_hz + (self.offset_s or 0.0)

    def age_s(self, stamp: int) -> float:
        """Return how much older a stamp is than the last one."""
        return min(OLDEST_S, max(0.0, (self.newest - stamp) / self.clock_hz))
