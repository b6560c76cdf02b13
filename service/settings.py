"""What the service is told at its start. Parsed once by the caller; nothing reads it elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType

from service.errors import BadSettingError, NotLoopbackError
from vision.hazards import Hazard

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""The names under which the service answers while it has no authentication."""


def _no_overrides() -> Mapping[Hazard, float]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """All of the service's settings."""

    redis_url: str
    """Where Redis is; may hold a password, so it's never logged as it stands."""
    database_url: str
    """SQLAlchemy's address of the database, such as ``sqlite:////var/lib/fengsui/fengsui.db``."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 8600
    """The port to listen on; 0 picks a free one."""
    consumer: str = "service-1"
    """This process's name in the consumer group. It must stay the same over restarts, or what it
    had taken waits ``claim_idle_s`` for another."""
    merge_gap_s: float = 600.0
    """A new alert this long after an incident's last sign still belongs to it."""
    merge_gaps_s: Mapping[Hazard, float] = field(default_factory=_no_overrides)
    """The gap by hazard, where it differs."""
    claim_idle_s: float = 60.0
    """Entries that a consumer has held this long without finishing are taken over."""
    block_s: float = 1.0
    """How long a read waits for an entry; also how long a stop may take."""
    trim_every_s: float = 10.0
    """How often finished entries are removed from the alert streams."""
    watch_every_s: float = 1.0
    """How often lag and heartbeats are read."""
    feed_clients: int = 64
    """How many live feeds are served at once; each holds a socket and reads by itself."""
    feed_keep_s: float = 7 * 24 * 3600.0
    """How long feed events are kept; a client away for longer loads the list anew."""
    retry_floor_s: float = 0.1
    """The first wait after a fault."""
    retry_ceiling_s: float = 3.0
    """The longest wait after a fault. Short, because an alert may be waiting behind it."""

    def merge_gap_of(self, hazard: Hazard) -> float:
        """Return the merge gap of a real hazard, in seconds."""
        return self.merge_gaps_s.get(hazard, self.merge_gap_s)


def sqlite_url(path: Path) -> str:
    """Return the database address of a SQLite file."""
    return f"sqlite:///{path.resolve()}"


def require_port(port: int) -> None:
    """Raise ``BadSettingError`` unless ``port`` can be listened on; 0 stands for a free one."""
    if not 0 <= port <= 65535:
        raise BadSettingError(f"there is no port {port}: give --port 0 to 65535, 0 for a free one")


def require_loopback(host: str) -> None:
    """Raise ``NotLoopbackError`` unless ``host`` is reachable from this machine only."""
    if host == "localhost":
        return
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NotLoopbackError(
            f"refusing to listen on {host!r}: the service has no authentication yet, so it "
            "serves this machine only; use --host 127.0.0.1 and, from elsewhere, an SSH tunnel"
        )
