"""An encoded loop: access units of H.264 in Annex B (ITU-T H.264), and its file on disk."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = 90_000
"""Clock of H.264 over RTP (RFC 6184, 8.2.1)."""

_START_CODE = b"\x00\x00\x01"

_MAGIC = b"FSCLIP1\n"

SPS, PPS = 7, 8
"""NAL unit types of the parameter sets (ITU-T H.264, table 7-1)."""


def nal_units(annex_b: bytes) -> Iterator[bytes]:
    """Yield NAL units without their start codes.

    The zero bytes before a start code belong to it (ITU-T H.264, B.1.1): no NAL unit ends in one.
    """
    for piece in annex_b.split(_START_CODE)[1:]:
        unit = piece.rstrip(b"\x00")
        if unit:
            yield unit


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessUnit:
    """One coded frame."""

    data: bytes
    """Annex B: start codes and NAL units, parameter sets before each keyframe."""
    send_ticks: int
    """When to send it, from the start of the loop (decoding order)."""
    show_ticks: int
    """Its presentation time, from the start of the loop."""
    key: bool
    """Whether decoding can start here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A loop, ready to be sent."""

    units: tuple[AccessUnit, ...]
    """In decoding order, the first a keyframe."""
    duration_ticks: int
    """Length of the loop; the next turn starts after it."""

    def __post_init__(self) -> None:
        if not self.units or not self.units[0].key:
            message = "a clip needs at least one frame and must begin with a keyframe"
            raise ValueError(message)

    @property
    def duration_s(self) -> float:
        """Return the length of the loop in seconds."""
        return self.duration_ticks / TICKS_PER_S

    def keyframe_from(self, send_ticks: int) -> int:
        """Return the index of the first keyframe sent at ``send_ticks`` or later."""
        for index, unit in enumerate(self.units):
            if unit.key and unit.send_ticks >= send_ticks:
                return index
        message = f"the clip has no keyframe from {send_ticks / TICKS_PER_S:.1f} s on"
        raise ValueError(message)

    def parameter_set(self, kind: int) -> bytes:
        """Return the first NAL unit of a type (``SPS`` or ``PPS``) of the first keyframe."""
        for unit in nal_units(self.units[0].data):
            if unit[0] & 0x1F == kind:
                return unit
        message = f"the first keyframe has no NAL unit of type {kind}: encode with repeated headers"
        raise ValueError(message)

    def save(self, path: Path) -> None:
        """Write the clip: a line of JSON with the index, then the bytes. All or nothing."""
        body = b"".join(unit.data for unit in self.units)
        index = {
            "duration": self.duration_ticks,
            "sha256": hashlib.sha256(body).hexdigest(),
            "units": [
                (len(unit.data), unit.send_ticks, unit.show_ticks, int(unit.key))
                for unit in self.units
            ],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.part")
        partial.write_bytes(_MAGIC + json.dumps(index).encode() + b"\n" + body)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Clip | None":
        """Return the clip in a file, or None if there is none or it is damaged."""
        if not path.is_file():
            return None
        magic, _, rest = path.read_bytes().partition(b"\n")
        head, _, body = rest.partition(b"\n")
        if magic + b"\n" != _MAGIC:
            return None
        try:
            index = json.loads(head)
        except ValueError:
            return None
        if hashlib.sha256(body).hexdigest() != index["sha256"]:
            return None
        units = []
        start = 0
        for size, send, show, key in index["units"]:
            data = body[start : start + size]
            units.append(AccessUnit(data=data, send_ticks=send, show_ticks=show, key=bool(key)))
            start += size
        return cls(units=tuple(units), duration_ticks=index["duration"])
