"""What the bench's streams are: sizes, codecs, keyframe intervals, when their frames are due."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

import msgspec

FPS: Final = 25
"""Frames a second of every stream."""

LONGEST_WAIT_S: Final = 4
"""Streams with keyframes further apart begin with one for each client that finds them idle."""

TURN: Final = 0.6180339887498949
"""The golden ratio: the first n multiples of it, whatever n, lie evenly on a circle."""

Codec = Literal["h264", "hevc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A kind of camera stream, by its height."""

    height_px: int
    """What ``--size`` says."""
    width_px: int
    """Of the picture."""
    bit_rate: int
    """Bits a second."""
    loop_s: int
    """The shortest loop, with two keyframes at least: drawing and coding cost time."""
    streams: int
    """How many the product reads where nobody says."""
    baseline_streams: int
    """As many as the dearest baseline can read on two cores without falling behind."""
    first_try: int
    """Streams with which the search for the capacity begins."""


SIZES: Final = {
    360: Size(
        height_px=360, width_px=640, bit_rate=500_000, loop_s=8,
        streams=40, baseline_streams=12, first_try=32,
    ),
    1080: Size(
        height_px=1080, width_px=1920, bit_rate=4_000_000, loop_s=4,
        streams=12, baseline_streams=3, first_try=8,
    ),
}  # fmt: skip
"""A camera's substream and its main stream, as most are set up."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One loop that the server plays."""

    codec: Codec
    """H.264 or H.265."""
    keyframe_s: int
    """Between keyframes, in seconds."""
    moving: bool
    """Whether every look differs from the one before; else only the sensor's noise changes."""

    @property
    def name(self) -> str:
        """Its part of an address."""
        return f"{self.codec}-{self.keyframe_s}s-{'moving' if self.moving else 'still'}"


def half_moving(codec: Codec, keyframe_s: int) -> tuple[Kind, Kind]:
    """Return the two kinds of a mix in which half of the streams change at every look."""
    moving, still = (
        Kind(codec=codec, keyframe_s=keyframe_s, moving=moving) for moving in (True, False)
    )
    return moving, still


HEADLINE: Final = half_moving("h264", 2)
"""One look each 2 s: what the aim speaks of."""

INTERVALS_S: Final = (1, 2, 4, 15)
"""15: the camera with a smart codec, of which every frame must be decoded."""

CODECS: Final[tuple[Codec, ...]] = ("h264", "hevc")


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One camera of a subject."""

    camera_id: str
    """Its name."""
    url: str
    """Where it is."""
    keyframe_s: int
    """Between keyframes, in seconds."""
    keyframe_due_ns: int | None
    """When one of its keyframes was due, monotonic; none: its phase hangs on its first client."""

    def lag_s(self, received_ns: int, now_ns: int) -> float | None:
        """Return how long ago the server sent the keyframe that had arrived at ``received_ns``.

        True as long as the stream is read less than a keyframe interval late; whether it is, its
        backlog in the kernel says.
        """
        if self.keyframe_due_ns is None:
            return None
        into_ns = (received_ns - self.keyframe_due_ns) % (self.keyframe_s * 1_000_000_000)
        return (now_ns - received_ns + into_ns) / 1e9


def phase(number: int, frames: int) -> tuple[int, float]:
    """Return how far into its loop of ``frames`` the stream of a number is when the server starts.

    As a frame, and the share of a frame by which it is late: no two streams tick together.
    """
    whole = Fraction(number * TURN % 1.0) * frames
    return int(whole), float(whole % 1)
