"""Cameras that differ in what they show: codec, size, keyframes, time, tracks, rate."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from pipelines.drills.clip import TICKS_PER_S, AccessUnit
from pipelines.drills.rtp import interleaved
from tests.support.zoo import sdp, streams
from tests.support.zoo.camera import ZooCamera
from tests.support.zoo.films import Film, film, huge_film
from tests.support.zoo.rtp import rtp_packet
from tests.support.zoo.script import Script
from tests.support.zoo.streams import Playing
from tests.support.zoo.talk import Talk

Habit = Callable[..., ZooCamera]

JUMP_TICKS = 3600 * TICKS_PER_S
STEP_TICKS = TICKS_PER_S
"""Back by so little, time stays after the stream's start."""
JUMPS_AFTER_TICKS = 2 * TICKS_PER_S


def showing(shown: Film, *, speed: float = 1.0, **playing: Any) -> ZooCamera:
    """Return a camera that behaves well but for these fields of ``Playing``."""
    script = Script(sdp=sdp.of(shown), stream=Playing(film=shown, **playing))
    return ZooCamera(script, speed=speed)


def healthy_h264(*, speed: float = 1.0) -> ZooCamera:
    """360 lines, 25 pictures and one keyframe a second."""
    return showing(film(), speed=speed)


def healthy_h265(*, speed: float = 1.0) -> ZooCamera:
    """The same in H.265."""
    return showing(film("libx265"), speed=speed)


def healthy_mjpeg(*, speed: float = 1.0) -> ZooCamera:
    """The same in JPEG, each picture on its own."""
    return showing(film("mjpeg"), speed=speed)


def healthy_mpeg4(*, speed: float = 1.0) -> ZooCamera:
    """The same in MPEG-4 part 2, as old cameras have it."""
    return showing(film("mpeg4"), speed=speed)


def eight_k(*, speed: float = 1.0) -> ZooCamera:
    """7680 x 4320, within the product's limit; a picture a second, every other one a keyframe."""
    shown = film(size_px=(4320, 7680), fps=1, frames=2, keyint=2)
    return showing(shown, speed=speed)


def too_large(*, speed: float = 1.0) -> ZooCamera:
    """16000 x 8000, over the product's limit; the first one takes some seconds to encode."""
    return showing(huge_film(), speed=speed)


def tiny(side_px: int, *, speed: float = 1.0) -> ZooCamera:
    """A square of so few pixels."""
    return showing(film(size_px=(side_px, side_px)), speed=speed)


def size_changes(*, speed: float = 1.0) -> ZooCamera:
    """Another size each two seconds; the description knows of the first one only."""

    def units(shown: Film) -> Iterator[AccessUnit]:
        return streams.one_after_the_other(itertools.cycle((shown, film(size_px=(240, 320)))))

    return showing(film(), speed=speed, units=units)


def _long_film() -> Film:
    return film(size_px=(180, 320), frames=750, keyint=750)


def rare_keyframes(*, speed: float = 1.0) -> ZooCamera:
    """A keyframe each 30 s, as "smart" codecs have it."""
    return showing(_long_film(), speed=speed)


def no_keyframe_ever(*, speed: float = 1.0) -> ZooCamera:
    """Only pictures that need others."""
    return showing(_long_film(), speed=speed, units=streams.without_keyframes)


def b_frames(*, speed: float = 1.0) -> ZooCamera:
    """Two pictures out of three are sent after a later one."""
    return showing(film(bframes=2), speed=speed)


def sixty_a_second(*, speed: float = 1.0) -> ZooCamera:
    """60 pictures a second."""
    return showing(film(fps=60, frames=60, keyint=60), speed=speed)


def _jumping(by_ticks: int) -> Callable[[int], int]:
    def stamp(ticks: int) -> int:
        return streams.plain_stamp(ticks) + (by_ticks if ticks >= JUMPS_AFTER_TICKS else 0)

    return stamp


def _wrapping(ticks: int) -> int:
    return 2**32 - JUMPS_AFTER_TICKS + ticks


def _standing(_ticks: int) -> int:
    return streams.FIRST_STAMP


def timed(stamp: Callable[[int], int], *, speed: float = 1.0) -> ZooCamera:
    """Healthy pictures with these timestamps."""
    return showing(film(), speed=speed, stamp=stamp)


def slow_keyframe(*, speed: float = 1.0) -> ZooCamera:
    """A keyframe of about a megabyte, sent over a second, then small pictures."""
    shown = film(size_px=(720, 1280), frames=1, keyint=1, noise=True, qp=8)
    return showing(replace(shown, fps=1), speed=speed, spread_s=1.0)


def high_bit_rate(*, speed: float = 1.0) -> ZooCamera:
    """Noise: tens of megabits a second, a hundred times what a substream has."""
    return showing(film(frames=10, keyint=10, noise=True, qp=20), speed=speed)


def ten_times_too_fast(*, speed: float = 1.0) -> ZooCamera:
    """Pictures come ten times as fast as their timestamps say."""
    return showing(film(), speed=speed, pace=10.0)


def flood(*, speed: float = 1.0) -> ZooCamera:
    """Pictures come as fast as the connection takes them, up to 200 MB; then it ends."""
    shown = film(frames=10, keyint=10, noise=True, qp=20)
    script = Script(
        sdp=sdp.of(shown), stream=Playing(film=shown, pace=None), largest_bytes=200_000_000
    )
    return ZooCamera(script, speed=speed)


def _silence(talk: Talk, number: int) -> bytes:
    """Return 40 ms of G.711 silence (RFC 3551, 4.5.14), if the client has set that track up."""
    if 0 not in talk.channels:
        return b""
    packet = rtp_packet(b"\xd5" * 320, number=number, stamp=number * 320, marker=False)
    return interleaved(talk.channels[0][0], packet[:1] + b"\x08" + packet[2:])


def audio_first(*, speed: float = 1.0) -> ZooCamera:
    """Sound is the first track, the picture the second."""
    shown = film()
    lines = (*sdp.AUDIO, "a=control:trackID=0", *sdp.video(shown, control="trackID=1"))
    stream = Playing(film=shown, track=1, between=_silence)
    return ZooCamera(Script(sdp=sdp.text(*lines), stream=stream), speed=speed)


def audio_only(*, speed: float = 1.0) -> ZooCamera:
    """Sound and no picture."""

    def stream(talk: Talk) -> None:
        for number in itertools.count():
            talk.send(_silence(talk, number))
            talk.pause(0.04)

    lines = (*sdp.AUDIO, "a=control:trackID=0")
    return ZooCamera(Script(sdp=sdp.text(*lines), stream=stream), speed=speed)


def unsupported_codec(*, speed: float = 1.0) -> ZooCamera:
    """VP8 (RFC 7741), which no camera should have."""
    shown = film()
    lines = ("m=video 0 RTP/AVP 96", "a=rtpmap:96 VP8/90000", "a=control:trackID=0")
    return ZooCamera(Script(sdp=sdp.text(*lines), stream=Playing(film=shown)), speed=speed)


HABITS: dict[str, Habit] = {
    "healthy_h264": healthy_h264,
    "healthy_h265": healthy_h265,
    "healthy_mjpeg": healthy_mjpeg,
    "healthy_mpeg4": healthy_mpeg4,
    "eight_k": eight_k,
    "too_large": too_large,
    "tiny_2": partial(tiny, 2),
    "tiny_16": partial(tiny, 16),
    "size_changes": size_changes,
    "rare_keyframes": rare_keyframes,
    "no_keyframe_ever": no_keyframe_ever,
    "b_frames": b_frames,
    "sixty_a_second": sixty_a_second,
    "time_jumps_forwards": partial(timed, _jumping(JUMP_TICKS)),
    "time_jumps_backwards": partial(timed, _jumping(-JUMP_TICKS)),
    "time_steps_backwards": partial(timed, _jumping(-STEP_TICKS)),
    "time_wraps": partial(timed, _wrapping),
    "time_stands_still": partial(timed, _standing),
    "slow_keyframe": slow_keyframe,
    "high_bit_rate": high_bit_rate,
    "ten_times_too_fast": ten_times_too_fast,
    "flood": flood,
    "audio_first": audio_first,
    "audio_only": audio_only,
    "unsupported_codec": unsupported_codec,
}
"""By name."""
