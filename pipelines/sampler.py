"""Which packets are decoded and which pictures are looked at: pure, on stream time.

Keyframes alone are nearly free, so they are all that is decoded as long as they come often
enough: the sentry. Cameras whose codec stretches them (H.264+, Smart265: 10 to 60 s) are decoded
whole and looked at by the clock: flow. A burst looks at several pictures a second for a while.
Whoever changes from sentry to another speed goes back to the last keyframe, so that no picture is
built on one that was skipped.
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


BURST_LOOK_S = 0.19
"""Five looks a second: flames flicker at 1 to 12 Hz, smoke is slower; a little under, as above."""

OVERDUE_S = LONG_INTERVAL_S + 2.0
"""A keyframe that is so late isn't waited for: the camera has begun to stretch its intervals."""


class Speed(Enum):
    """How a stream is read."""

    SENTRY = auto()
    """Keyframes alone."""
    FLOW = auto()
    """Every frame decoded, a look now and then."""
    BURST = auto()
    """Every frame decoded, several looks a second."""


APART_S = {
    Speed.SENTRY: SHORTEST_LOOK_S,
    Speed.FLOW: CLOCK_LOOK_S,
    Speed.BURST: BURST_LOOK_S,
}
"""The shortest distance of two looks."""


@dataclass(slots=True, kw_only=True)
class Sampler:
    """The choice for one connection. Starts with every frame until the interval is known."""

    speed: Speed = Speed.FLOW
    """How the stream is read now."""
    steady: bool = False
    """Whether it is always read as in a burst: which way vehicles drive isn't seen otherwise."""
    _own_speed: Speed = Speed.FLOW
    _started: bool = False
    _last_packet_s: float = 0.0
    _last_keyframe_s: float | None = None
    _last_look_s: float | None = None
    _burst_ends_s: float | None = None
    _keyframes_alone: bool = False

    def wants_packet(self, *, is_keyframe: bool, time_s: float) -> bool:
        """Say whether a packet goes to the decoder. ``time_s`` is stream time."""
        if self._started and not 0 <= time_s - self._last_packet_s + 1.0 <= DISCONTINUITY_S:
            self._last_keyframe_s = self._last_look_s = self._burst_ends_s = None
            self.speed = self._own_speed
        self._last_packet_s = time_s
        if is_keyframe:
            self._started = True
            self.speed = self._speed_from(time_s)
            self._last_keyframe_s = time_s
            return self.speed is not Speed.SENTRY or self._is_due(time_s)
        if self._burst_ends_s is not None and not self._is_bursting(time_s):
            self.speed = self._own_speed
        elif self.speed is Speed.SENTRY and not self._keyframes_alone and self._is_overdue(time_s):
            self.speed = self._own_speed = Speed.FLOW
        return self._started and self.speed is not Speed.SENTRY

    def burst(self, seconds: float) -> None:
        """Look closely from the last packet on."""
        self._burst_ends_s = self._last_packet_s + seconds
        self.speed = Speed.BURST

    def keep_to_keyframes(self) -> None:
        """Look at keyframes alone from now on, however far apart they are."""
        self._keyframes_alone = True
        self.speed = self._own_speed = Speed.SENTRY

    def wants_look(self, time_s: float) -> bool:
        """Say whether a decoded picture is analysed."""
        if not self._is_due(time_s):
            return False
        self._last_look_s = time_s
        return True

    @property
    def is_steady(self) -> bool:
        """Whether it is read as in a burst, and will be."""
        return self.steady and not self._keyframes_alone

    @property
    def started(self) -> bool:
        """Whether a keyframe was seen: nothing before it can be decoded."""
        return self._started

    def _is_due(self, time_s: float) -> bool:
        apart_s = APART_S[self.speed]
        return self._last_look_s is None or not 0 <= time_s - self._last_look_s < apart_s

    def _is_bursting(self, time_s: float) -> bool:
        if self._burst_ends_s is not None and time_s >= self._burst_ends_s:
            self._burst_ends_s = self._last_look_s = None  # the next keyframe is a sentry's again
        return self._burst_ends_s is not None

    def _is_overdue(self, time_s: float) -> bool:
        last_s = self._last_keyframe_s
        return last_s is not None and time_s - last_s > OVERDUE_S

    def _speed_from(self, time_s: float) -> Speed:
        """Return the speed from a keyframe on."""
        if self.is_steady:
            self._own_speed = Speed.BURST
        elif self._last_keyframe_s is not None:
            is_short = time_s - self._last_keyframe_s <= LONG_INTERVAL_S or self._keyframes_alone
            self._own_speed = Speed.SENTRY if is_short else Speed.FLOW
        return Speed.BURST if self._is_bursting(time_s) else self._own_speed
