"""What the RTSP server is told (mounts, limits, who watches) and what it counts."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pipelines.drills.clip import Clip


@runtime_checkable
class Watcher(Protocol):
    """Who wants to know what is due and what has left; called on the event loop, must be quick."""

    def due(self, mount: str, cycle: int, at_s: float) -> None:
        """Hear that a frame's time has come, whether or not anybody watches."""

    def left(self, mount: str, cycle: int, at_s: float) -> None:
        """Hear that all of a frame is with the operating system, for one client."""


class Nobody:
    """A watcher that doesn't care."""

    def due(self, mount: str, cycle: int, at_s: float) -> None:
        """Ignore it."""

    def left(self, mount: str, cycle: int, at_s: float) -> None:
        """Ignore it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One address of the server."""

    name: str
    """Path without slashes."""
    clip: Clip
    """What it plays."""
    cycles: int | None = None
    """Turns of the loop before the stream ends; None is for ever."""
    start_at_s: float = 0.0
    """The first turn begins with the first keyframe from this second of the loop on."""
    restart_per_client: bool = False
    """Each client gets the clip's first frame first, instead of what is on now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client may cost."""

    clients: int = 64
    """Connections at once: a drill has a few, a bench some dozens."""
    buffer_bytes: int = 1_000_000
    """Unsent bytes before a client is cut: 16 s of a drill camera."""
    session_s: float = 60.0
    """Silence after which a session ends (RFC 2326, 12.37: 60 s unless told)."""
    logins: int = 5
    """Failed attempts before a connection is closed."""
    kernel_buffer_bytes: int | None = None
    """Send buffer of each socket; None leaves it to the system. Tests make it small."""


@dataclass(slots=True, kw_only=True)
class Counters:
    """What happened, most of it what went wrong."""

    clients: int = 0
    """Connections accepted."""
    refused_clients: int = 0
    """Connections closed at once, since there were too many."""
    slow_clients: int = 0
    """Connections cut because they didn't read."""
    expired_sessions: int = 0
    """Connections closed after silence."""
    failed_logins: int = 0
    """Requests with wrong or no credentials after a challenge."""
    refused_transports: int = 0
    """SETUPs without TCP."""
    bad_requests: int = 0
    """Connections closed because of what they sent."""
