"""What goes out after PLAY: a film, paced, and the ways in which its packets go wrong."""

import itertools
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipelines.drills.clip import TICKS_PER_S, AccessUnit, nal_units
from pipelines.drills.rtp import interleaved
from tests.support.zoo.films import Film
from tests.support.zoo.rtp import PAYLOAD_TYPES, SOURCE_ID, film_payloads, rtp_packet
from tests.support.zoo.talk import Talk

Packets = Iterator[bytes]

FIRST_STAMP = 1_234_567_890
FIRST_NUMBER = 65_500
"""Sequence numbers wrap within the first seconds, as they do sooner or later everywhere."""


def looped(film: Film) -> Iterator[AccessUnit]:
    """Yield the film again and again; its time goes on."""
    return one_after_the_other(itertools.repeat(film))


def one_after_the_other(films: Iterator[Film]) -> Iterator[AccessUnit]:
    """Yield the units of films; time goes on from one to the next."""
    start = 0
    for film in films:
        for unit in film.units:
            send, show = start + unit.send_ticks, start + unit.show_ticks
            yield replace(unit, send_ticks=send, show_ticks=show)
        start += film.duration_ticks


def first(count: int) -> Callable[[Film], Iterator[AccessUnit]]:
    """Return a cut that ends after so many pictures."""
    return lambda film: itertools.islice(looped(film), count)


def plain_stamp(ticks: int) -> int:
    """Return an RTP timestamp as RFC 3550 wants it: a start that means nothing, plus the time."""
    return FIRST_STAMP + ticks


def nothing(_talk: Talk, _number: int) -> bytes:
    """Send nothing between pictures."""
    return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """Sends a film over a talk; each step can be exchanged for one with a bad habit."""

    film: Film
    """What is shown."""
    units: Callable[[Film], Iterator[AccessUnit]] = looped
    """Which of its pictures, and when."""
    payloads: Callable[[Film, bytes], tuple[bytes, ...]] = film_payloads
    """How a picture is cut into packets."""
    stamp: Callable[[int], int] = plain_stamp
    """From presentation time to RTP timestamp."""
    mangle: Callable[[Packets], Packets] = iter
    """What happens to the packets before they are sent."""
    between: Callable[[Talk, int], bytes] = nothing
    """What else is sent before each picture, given how many there were."""
    pace: float | None = 1.0
    """Film seconds a second; None is as fast as the connection takes them."""
    spread_s: float = 0.0
    """A keyframe's packets are sent over so long."""
    track: int = 0
    """Which of the description's tracks it is."""
    end: Callable[[Talk], None] = Talk.close
    """What happens after the last picture, if there is one."""

    def __call__(self, talk: Talk) -> None:
        channel, _ = talk.channels.get(self.track, (0, 1))
        for packet in self.mangle(self._packets(talk)):
            talk.send(interleaved(channel, packet))
        self.end(talk)

    def _packets(self, talk: Talk) -> Packets:
        started_s = time.monotonic()
        numbers = itertools.count(FIRST_NUMBER)
        kind = PAYLOAD_TYPES[self.film.codec]
        for count, unit in enumerate(self.units(self.film)):
            if self.pace is not None:
                due_s = unit.send_ticks / TICKS_PER_S / self.pace / talk.camera.speed
                talk.wait(started_s + due_s - time.monotonic())
            if extra := self.between(talk, count):
                talk.send(extra)
            parts = self.payloads(self.film, unit.data)
            stamp = self.stamp(unit.show_ticks)
            for at, part in enumerate(parts, 1):
                marker = at == len(parts)
                number = next(numbers)
                yield rtp_packet(part, number=number, stamp=stamp, marker=marker, payload_type=kind)
                if self.spread_s and unit.key:
                    talk.pause(self.spread_s / len(parts))


def without_sets(film: Film) -> Iterator[AccessUnit]:
    """Yield the film's pictures without SPS and PPS (ITU-T H.264, 7.4.1)."""
    for unit in looped(film):
        kept = [nal for nal in nal_units(unit.data) if nal[0] & 0x1F not in {7, 8}]
        yield replace(unit, data=b"".join(b"\0\0\1" + nal for nal in kept))


def without_keyframes(film: Film) -> Iterator[AccessUnit]:
    """Yield only the pictures that need others."""
    return (unit for unit in looped(film) if not unit.key)


def half_corrupted(packets: Packets) -> Packets:
    """Fill every other packet's payload with noise, at random; the headers stay."""
    random = np.random.default_rng(1)
    for packet in packets:
        if random.random() < 0.5:
            yield packet[:12] + random.bytes(len(packet) - 12)
        else:
            yield packet


def with_losses(packets: Packets) -> Packets:
    """Lose one packet in ten, at random: sequence numbers have gaps."""
    random = np.random.default_rng(2)
    return (packet for packet in packets if random.random() >= 0.1)


def without_starts(packets: Packets) -> Packets:
    """Lose the first fragment of every other fragmented NAL unit (RFC 6184, 5.8)."""
    starts = 0
    for packet in packets:
        if packet[12] & 0x1F == 28 and packet[13] & 0x80:
            starts += 1
            if starts % 2:
                continue
        yield packet


def with_every_bit(packets: Packets) -> Packets:
    """Give each packet two sources, an extension and padding (RFC 3550, 5.1 and 5.3.1)."""
    for packet in packets:
        sources = struct.pack("!II", 1, 2)
        extension = struct.pack("!HHI", 0xBEDE, 1, 0x10AA0000)
        yield bytes((0xB2,)) + packet[1:12] + sources + extension + packet[12:] + b"\0\0\0\4"


def sender_report(talk: Talk, number: int) -> bytes:
    """Return an RTCP sender report with a name (RFC 3550, 6.4.1 and 6.5) before each picture."""
    _, channel = talk.channels.get(0, (0, 1))
    seconds = 4_000_000_000 + number // 25
    stamp = FIRST_STAMP + number * TICKS_PER_S // 25
    report = struct.pack("!BBHIIIIII", 0x80, 200, 6, SOURCE_ID, seconds, 0, stamp, number, 0)
    name = struct.pack("!BBHIBB4sH", 0x81, 202, 3, SOURCE_ID, 1, 4, b"zoo1", 0)
    return interleaved(channel, report + name)


def unasked_reply(talk: Talk, number: int) -> bytes:
    """Return a reply as to a keepalive of long ago, before each tenth picture."""
    if number % 10:
        return b""
    return f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\nSession: {talk.session}\r\n\r\n".encode()


def rubbish(_talk: Talk, number: int) -> bytes:
    """Return bytes that are neither packet nor reply, without a dollar sign."""
    found = np.random.default_rng(number).bytes(number % 60)
    return found.replace(b"$", b"#")


def rubbish_with_dollars(_talk: Talk, number: int) -> bytes:
    """Return bytes that look like the beginning of a packet now and then."""
    return np.random.default_rng(number).bytes(40) + b"$" if number % 5 == 4 else b""
