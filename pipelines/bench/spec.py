"""What the bench and the processes that it measures tell each other, a line of JSON each.

Told to a subject: its ``Spec``, then ``connect``, ``begin`` and ``end``. Told by it: ``loaded``,
``ready`` (every stream has given a picture, or frames where none is decoded), ``result``.
"""

from typing import Literal, Protocol, runtime_checkable

import msgspec

from pipelines.bench.kinds import Stream

Name = Literal["ours", "ours_gate_off", "opencv", "ffmpeg", "ffmpeg_detect", "demux"]

OURS: tuple[Name, ...] = ("ours", "ours_gate_off")
BASELINES: tuple[Name, ...] = ("opencv", "ffmpeg", "ffmpeg_detect", "demux")
NEED_FFMPEG: frozenset[Name] = frozenset({"ffmpeg", "ffmpeg_detect"})

LOOK_S = 2.0
"""How often a baseline with a detector looks: as often as the product."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What a subject is to do."""

    name: Name
    """Which one."""
    streams: tuple[Stream, ...]
    """What it reads."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a subject says of its window."""

    frames: int = 0
    """Frames or packets that it got."""
    looks: int = 0
    """Pictures that the detector, or a gate before it, judged."""
    unchanged: int = 0
    """Those of them that the gate kept from the detector."""
    drops: dict[str, int] = {}
    """By reason."""
    lags_s: tuple[float, ...] = ()
    """Of each look, from the server's sending of its frame to the end of its judging."""
    stages_s: dict[str, float] = {}
    """CPU by stage."""


@runtime_checkable
class Subject(Protocol):
    """Something that reads streams and is measured. Made, it is loaded but reads nothing."""

    def connect(self) -> None:
        """Begin to read every stream; returns at once."""

    def ready(self) -> bool:
        """Say whether every stream has given something."""

    def begin(self) -> None:
        """Begin the window: count from here."""

    def end(self) -> Result:
        """End the window."""

    def stop(self) -> None:
        """Leave no process behind; threads end with this one."""
