"""What would make a camera cheaper or surer to watch, of what was measured. Pure."""

from typing import Final

from pipelines.messages import Advice, FoundStream, StreamFacts

LONG_KEYFRAMES_S: Final = 4.0
"""A look comes with a keyframe, and a look every 4 s is the slowest at which a fire is seen in
time: beyond it a stream is decoded whole, at several times the cost."""

SMART_S: Final = 10.0
"""Nobody sets this by hand: the camera stretches its interval while little moves."""

LARGE_PX: Final = 1920 * 1080
"""The model sees 512x288. At 1080p a camera costs twice what it costs at 360p (README), and more
shows it nothing more."""

HIGH_BIT_RATE_BPS: Final = 4_000_000
"""A worker keeps 8 MB of a stream to go back to: 16 s of 4 Mb/s. Beyond it a close look begins
late, and the network to the centre bears fewer cameras."""

OTHER_CODECS: Final = frozenset({"mjpeg", "mpeg4"})

CLOCK_OFF_S: Final = 10.0
"""What is copied from an alert, camera and time, must find the moment in the centre's recordings.
A clip shows 8 s, and a ``Date`` is a second or two old when it is read."""


def advise(
    stream: StreamFacts, substream: FoundStream | None, skew_s: float | None
) -> tuple[Advice, ...]:
    """Return what to advise, the most worth first."""
    interval_s = stream.keyframe_interval_s or 0.0
    pixels = (stream.width_px or 0) * (stream.height_px or 0)
    is_smart = interval_s >= SMART_S
    holds = {
        Advice.USE_SUBSTREAM: substream is not None,
        Advice.SMART_CODEC: is_smart,
        Advice.SHORTER_KEYFRAMES: interval_s > LONG_KEYFRAMES_S and not is_smart,
        Advice.OTHER_CODEC: stream.codec in OTHER_CODECS,
        Advice.SMALLER_PICTURE: substream is None and pixels > LARGE_PX,
        Advice.LOWER_BIT_RATE: substream is None and (stream.bit_rate_bps or 0) > HIGH_BIT_RATE_BPS,
        Advice.SET_CLOCK: skew_s is not None and abs(skew_s) > CLOCK_OFF_S,
    }
    return tuple(advice for advice, is_held in holds.items() if is_held)
