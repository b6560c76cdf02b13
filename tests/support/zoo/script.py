"""What a camera of the zoo is told to do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.drills.rtsp_text import Request

if TYPE_CHECKING:
    from tests.support.zoo.talk import Talk

Answer = Callable[["Talk", Request], None]
"""Says something to a request, or nothing."""

Gate = Callable[["Talk", Request], bool]
"""Looks at each request first; returns whether it has dealt with it."""

Stream = Callable[["Talk"], None]
"""What is sent after PLAY, in a thread of its own."""


def open_gate(_talk: "Talk", _request: Request) -> bool:
    """Let everything through."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How a camera answers and what it streams."""

    sdp: bytes
    """What DESCRIBE gives."""
    stream: Stream
    """What PLAY starts."""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """By method, where it differs from ``answers.DEFAULT``."""
    gate: Gate = open_gate
    """Whom it lets in."""
    session_s: int = 60
    """Timeout that the Session header tells (RFC 2326, 12.37)."""
    expires: bool = False
    """Whether the stream really ends when no request was granted for that long."""
    largest_bytes: int = 250_000_000
    """Nothing is sent beyond: even the endless ones end."""
