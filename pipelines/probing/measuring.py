"""What a stream is: codec, size, frame rate, keyframe interval, bit rate, measured in seconds."""

import math
import threading
import time
from itertools import pairwise
from typing import Final

from pipelines import faults
from pipelines.address import Address
from pipelines.decoder import DecodeError, Decoder, TooManyPixelsError
from pipelines.messages import StreamFacts
from pipelines.probing.clock import skew_of_date, skew_of_report
from pipelines.probing.scene import Scene, scene_of
from pipelines.rtsp.connection import Connection
from pipelines.rtsp.networks import Networks
from pipelines.rtsp.units import Unit

OPEN_S: Final = 8.0
"""As a worker that watches: cameras behind a platform are switched on by the request."""

LONGEST_S: Final = 13.0
"""After the first keyframe, and as long again at most until that one comes. A "smart" codec is
known by 10 s without a keyframe, and the second of two that are 10 s apart may come a little
late."""

SHORTEST_S: Final = 2.0
"""Of pictures, so that two rates can be told from them."""

SILENCE_S: Final = 6.0
"""Without a picture the stream is lost: the slowest cameras send one a second."""

LEAST_S: Final = 0.5
"""For connecting, though the time is over: it ends in a fault that says so."""

KEYFRAMES: Final = 3
"""Two intervals: a single one may be the camera's answer to our PLAY."""

TIMES_OFF: Final = 4.0
"""A stream whose stamps run so many times faster or slower than the clock is timed by arrivals."""

JUMP_S: Final = 120.0
"""No camera's keyframes are further apart: its clock was set."""

MOST_UNITS: Final = 20_000
"""A hundred times what a camera sends in that time: who floods is measured by less of it."""

_INPUT_PX: Final = (288, 512)
"""Of any model; nothing is scaled here."""


class Measuring:
    """One stream, connected to once. What is known of it stays known, whatever ends it."""

    def __init__(
        self,
        address: Address,
        networks: Networks,
        stopping: threading.Event,
        ends_s: float = math.inf,
    ) -> None:
        self._address, self._networks, self._stopping = address, networks, stopping
        self.ends_s = ends_s
        """Until when there is time for the whole probe, monotonic."""
        self._codec = ""
        self._clock_hz = 1
        self.scene: Scene | None = None
        """Of its first picture."""
        self._stamps: list[tuple[int, int]] = []
        """Of each unit: ticks and bytes."""
        self._keys: list[int] = []
        """Of each keyframe: ticks."""
        self._keys_s: list[float] = []
        """When each arrived."""
        self._began_s = self._ended_s = 0.0
        self._first_s = 0.0
        """When the first unit arrived."""
        self.peer: str | None = None
        """The address that it was connected to."""
        self.skew_s: float | None = None
        """The camera's clock less ours, if the stream says what time it is."""

    def run(self) -> None:
        """Connect, read and close. Raises ``SourceError``; ``facts`` are there all the same."""
        left_s = max(LEAST_S, self.ends_s - time.monotonic())
        connection = Connection(self._address, self._networks, min(OPEN_S, left_s))
        try:
            self.peer = connection.session.peer
            self._codec = connection.stream.codec
            self._clock_hz = connection.stream.clock_hz
            self._read(connection)
        finally:
            self._ended_s = time.monotonic()
            self.skew_s = skew_of_report(connection.clock)
            if self.skew_s is None:
                self.skew_s = skew_of_date(connection.session.date, connection.session.dated_at_s)
            connection.close()

    def _read(self, connection: Connection) -> None:
        decoder = Decoder(self._codec, _INPUT_PX)
        self._began_s = self._ended_s = time.monotonic()
        for units in connection.units(SILENCE_S, self._is_over, self._stopping.wait):
            self._ended_s = time.monotonic()
            for unit in units:
                self._note(unit, decoder)
                if self._is_enough_work():
                    break
        if not self._is_over():
            raise faults.StreamLostError(self._address.shown, "the stream ended")
        self._require_picture()

    def _note(self, unit: Unit, decoder: Decoder) -> None:
        if not self._stamps:
            self._first_s = self._ended_s
        self._stamps.append((unit.ticks, len(unit.data)))
        if not unit.is_keyframe:
            return
        self._keys.append(unit.ticks)
        self._keys_s.append(self._ended_s)
        if self.scene is None and unit.is_whole and unit.data:
            try:
                pictures = decoder.keyframe(unit.data)
            except TooManyPixelsError:
                raise faults.TooLargeError(self._address.shown, "too many pixels") from None
            except DecodeError:
                return
            if pictures:
                self.scene = scene_of(pictures[0])

    def _is_over(self) -> bool:
        enough = len(self._keys) >= KEYFRAMES and self.scene is not None
        return self._is_enough_work() or (enough and self._span_s >= SHORTEST_S)

    def _is_enough_work(self) -> bool:
        """Say whether it ends, whatever is known by now; asked for each unit."""
        now_s = time.monotonic()
        ends_s = min(self.ends_s, self._began_s + 2 * LONGEST_S)
        if self._keys_s:
            ends_s = min(ends_s, self._keys_s[0] + LONGEST_S)
        return self._stopping.is_set() or now_s > ends_s or len(self._stamps) > MOST_UNITS

    def _require_picture(self) -> None:
        if self.scene is not None or self._stopping.is_set():
            return
        shown = self._address.shown
        took_s = round(time.monotonic() - self._began_s)
        if not self._stamps:
            raise faults.StreamLostError(shown, f"no picture for {took_s} s")
        if not self._keys:
            raise faults.NoKeyframeError(shown, f"no keyframe for {took_s} s")
        raise faults.CorruptStreamError(shown, f"no picture could be decoded for {took_s} s")

    @property
    def pixels(self) -> int:
        """Of a picture; 0: not known."""
        return 0 if self.scene is None else self.scene.size_px[0] * self.scene.size_px[1]

    @property
    def facts(self) -> StreamFacts | None:
        """What is known so far; ``None``: not even the codec."""
        if not self._codec:
            return None
        span_s, count = self._span_s, len(self._stamps)
        is_told = span_s >= SHORTEST_S / 2
        return StreamFacts(
            codec=self._codec,
            width_px=None if self.scene is None else self.scene.size_px[0],
            height_px=None if self.scene is None else self.scene.size_px[1],
            frame_rate_hz=round((count - 1) / span_s, 2) if is_told and count > 1 else None,
            keyframe_interval_s=self._keyframe_interval_s(),
            bit_rate_bps=round(self._bit_rate_bps(span_s)) if is_told else None,
        )

    @property
    def _span_s(self) -> float:
        """How much time there is between the first and the last picture."""
        ticks = [ticks for ticks, _ in self._stamps]
        arrived_s = self._ended_s - self._began_s
        if len(ticks) < 2:
            return 0.0
        stamped_s = (max(ticks) - min(ticks)) / self._clock_hz
        return stamped_s if self._is_in_time(stamped_s) else arrived_s

    def _is_in_time(self, stamped_s: float) -> bool:
        """Say whether stamps may be believed: a platform sends what it has kept at once."""
        arrived_s = max(self._ended_s - self._began_s, SHORTEST_S)
        return arrived_s / TIMES_OFF <= stamped_s <= max(arrived_s * TIMES_OFF, LONGEST_S)

    def _bit_rate_bps(self, span_s: float) -> float:
        """Return it over whole keyframe intervals, if there is one: keyframes are most of it."""
        ticks = [ticks for ticks, _ in self._stamps]
        rows = slice(0, -1)  # the last is still being shown
        if len(self._keys) > 1 and self._keys[0] < self._keys[-1]:
            rows = slice(ticks.index(self._keys[0]), ticks.index(self._keys[-1]))
            span_s *= (self._keys[-1] - self._keys[0]) / max(1, max(ticks) - min(ticks))
        return sum(8 * size for _, size in self._stamps[rows]) / max(span_s, 0.01)

    def _keyframe_interval_s(self) -> float | None:
        """Return the longest interval, or how long none came before the first or after the last.

        By the clock where the stamps are not in time.
        """
        if not self._keys:
            return round(self._ended_s - self._first_s, 1) if self._stamps else None
        ticks = [ticks for ticks, _ in self._stamps]
        marks_s = [key / self._clock_hz for key in self._keys]
        first_s, last_s = min(ticks) / self._clock_hz, max(ticks) / self._clock_hz
        if not self._is_in_time(last_s - first_s):
            marks_s, first_s, last_s = self._keys_s, self._first_s, self._ended_s
        if len(marks_s) < KEYFRAMES:
            marks_s = [first_s, *marks_s, last_s]
        gaps_s = [b - a for a, b in pairwise(marks_s)]
        return max((round(gap, 2) for gap in gaps_s if 0.01 < gap < JUMP_S), default=None)
