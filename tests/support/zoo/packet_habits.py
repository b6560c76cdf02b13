"""Cameras that differ in their packets: how pictures are cut, lost, mixed and broken off."""

import struct
from functools import partial
from typing import Any

from pipelines.drills.rtp import interleaved
from tests.support.zoo import answers, sdp, streams
from tests.support.zoo.camera import ZooCamera
from tests.support.zoo.films import Film, film
from tests.support.zoo.media_habits import Habit, showing
from tests.support.zoo.rtp import annex_b_to_rtp, film_payloads, rtp_packet
from tests.support.zoo.script import Script, Stream
from tests.support.zoo.streams import Playing
from tests.support.zoo.talk import Talk

PICTURES_BEFORE_THE_END = 30
"""More than a second's worth: a keyframe and what follows."""


def _small_fragments(shown: Film, data: bytes) -> tuple[bytes, ...]:
    return annex_b_to_rtp(data, shown.codec, largest=300)


def _aggregated(shown: Film, data: bytes) -> tuple[bytes, ...]:
    return annex_b_to_rtp(data, shown.codec, aggregate=True)


def _like_any(*, speed: float = 1.0, codec: str = "libx264", **playing: Any) -> ZooCamera:
    return showing(film(codec), speed=speed, **playing)


def sets_in_band_only(*, speed: float = 1.0) -> ZooCamera:
    """The description holds no SPS and PPS: they come before each keyframe."""
    shown = film()
    script = Script(sdp=sdp.of(shown, sprop=False), stream=Playing(film=shown))
    return ZooCamera(script, speed=speed)


def other_channels(*, speed: float = 1.0) -> ZooCamera:
    """Whatever channels are asked for, its reply says 4 and 5 (RFC 2326, 12.39)."""
    shown = film()
    setup = partial(answers.setup, insists_on=(4, 5))
    script = Script(sdp=sdp.of(shown), stream=Playing(film=shown), answers={"SETUP": setup})
    return ZooCamera(script, speed=speed)


def stray_channel(*, speed: float = 1.0) -> ZooCamera:
    """Half of its packets come on channel 9, which nobody knows of: they are no one's picture."""

    def stray(_talk: Talk, number: int) -> bytes:
        return interleaved(9, rtp_packet(b"\x65" * 99, number=number, stamp=number, marker=True))

    return _like_any(speed=speed, between=stray)


def ending(end: Stream, *, speed: float = 1.0) -> ZooCamera:
    """Healthy for 30 pictures, then this."""
    return _like_any(speed=speed, units=streams.first(PICTURES_BEFORE_THE_END), end=end)


def _truncate(talk: Talk) -> None:
    """Announce a thousand bytes, send a hundred, and close."""
    packet = rtp_packet(b"\x41" * 88, number=0, stamp=0, marker=False)
    talk.send(struct.pack("!cBH", b"$", 0, 1000) + packet)
    talk.close()


def instead(stream: Stream, *, speed: float = 1.0) -> ZooCamera:
    """Healthy until PLAY, which starts this."""
    return ZooCamera(Script(sdp=sdp.of(film()), stream=stream), speed=speed)


def _nothing(_talk: Talk) -> None:
    """Send nothing, and keep the connection."""


def _drip(talk: Talk) -> None:
    """Send a healthy film's packets a byte each half second."""
    shown = film()
    number = 0
    for unit in streams.looped(shown):
        for part in film_payloads(shown, unit.data):
            packet = rtp_packet(part, number=number, stamp=unit.show_ticks, marker=False)
            talk.drip(interleaved(0, packet))
            number += 1


def _empty_packets(talk: Talk) -> None:
    """Send packets without any content, which are alive and show nothing."""
    while True:
        talk.send(interleaved(0, b""))
        talk.pause(0.02)


HABITS: dict[str, Habit] = {
    "half_corrupted": partial(_like_any, mangle=streams.half_corrupted),
    "packet_loss": partial(_like_any, mangle=streams.with_losses, payloads=_small_fragments),
    "lost_starts": partial(_like_any, mangle=streams.without_starts, payloads=_small_fragments),
    "every_header_bit": partial(_like_any, mangle=streams.with_every_bit),
    "sets_in_sdp_only": partial(_like_any, units=streams.without_sets),
    "sets_in_band_only": sets_in_band_only,
    "aggregated_sets": partial(_like_any, payloads=_aggregated),
    "aggregated_sets_h265": partial(_like_any, codec="libx265", payloads=_aggregated),
    "other_channels": other_channels,
    "stray_channel": stray_channel,
    "rtcp_between": partial(_like_any, between=streams.sender_report),
    "replies_between": partial(_like_any, between=streams.unasked_reply),
    "rubbish_between": partial(_like_any, between=streams.rubbish),
    "rubbish_with_dollars": partial(_like_any, between=streams.rubbish_with_dollars),
    "truncated": partial(ending, _truncate),
    "ends": partial(ending, Talk.close),
    "resets": partial(ending, Talk.reset),
    "goes_silent": partial(ending, _nothing),
    "closes_after_play": partial(instead, Talk.close),
    "silent_after_play": partial(instead, _nothing),
    "drips_media": partial(instead, _drip),
    "empty_packets": partial(instead, _empty_packets),
}
"""By name."""
