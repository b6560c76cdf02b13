"""Which packets are decoded and which pictures are looked at: pure, on stream time.

Keyframes alone are nearly free, so they are all that is decoded as long as they come often
enough. Cameras whose codec stretches them (H.264+, Smart265: 10 to 60 s) are decoded whole
and looked at by the clock; the change happens at a keyframe, so that no picture is built on
one that was skipped.
"""

from dataclasses import dataclass
from enum import Enum, auto

LONG_INTERVAL_S = 4.0
"""Keyframes further apart than this starve the rules: a look is due every 1 to 4 s."""

SHORTEST_LOOK_S = 0.9
"""Looks are at least this far apart, however many keyframes there are. A little under a
second, so that keyframes one second apart are all taken although timestamps jitter."""

CLOCK_LOOK_S = 1.9
"""The distance of looks where every frame is decoded; a little under 2 s, as above."""

DISCONTINUITY_S = 60.0
"""A jump of stream time backwards or by more than this is a new clock, not an interval."""


class Speed(Enum):
    """How a stream is read."""

    EVERY_FRAME = auto()
    KEYFRAMES = auto()


@dataclass(slots=True, kw_only=True)
class Sampler:
    """The choice for one connection. Starts with every frame until the interval is known."""

    speed: Speed = Speed.EVERY_FRAME
    """How the stream is read now."""
    _started: bool = False
    _last_packet_s: float = 0.0
    _last_keyframe_s: float | None = None
    _last_look_s: float | None = None

    def wants_packet(self, *, is_keyframe: bool, time_s: float) -> bool:
        """Say whether a packet goes to the decoder. ``time_s`` is stream time."""
        if self._started and not 0 <= time_s - self._last_packet_s + 1.0 <= DISCONTINUITY_S:
            self._last_keyframe_s = self._last_look_s = None
        self._last_packet_s = time_s
        if is_keyframe:
            self._started = True
            self.speed = self._speed_from(time_s)
            self._last_keyframe_s = time_s
            return self.speed is Speed.EVERY_FRAME or self._is_due(time_s)
        return self._started and self.speed is Speed.EVERY_FRAME

    def wants_look(self, time_s: float) -> bool:
        """Say whether a decoded picture is analysed."""
        if not self._is_due(time_s):
            return False
        self._last_look_s = time_s
        return True

    @property
    def started(self) -> bool:
        """Whether a keyframe was seen: nothing before it can be decoded."""
        return self._started

    def _is_due(self, time_s: float) -> bool:
        apart_s = SHORTEST_LOOK_S if self.speed is Speed.KEYFRAMES else CLOCK_LOOK_S
        return self._last_look_s is None or not 0 <= time_s - self._last_look_s < apart_s

    def _speed_from(self, time_s: float) -> Speed:
        if self._last_keyframe_s is None:
            return Speed.EVERY_FRAME
        interval_s = time_s - self._last_keyframe_s
        return Speed.KEYFRAMES if interval_s <= LONG_INTERVAL_S else Speed.EVERY_FRAME
