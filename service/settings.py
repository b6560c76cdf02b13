"""What the service is told at its start. Parsed once by the caller; nothing reads it elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from pipelines.secrets import Secret
from service.errors import BadSettingError
from vision.hazards import Hazard

USUAL_TIMEZONE = "Asia/Shanghai"
"""All of China's."""

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""The names of this machine for itself."""


def _no_overrides() -> Mapping[Hazard, float]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """The identity provider (OpenID Connect)."""

    issuer: str
    """Its address, exactly as it stands in its ID tokens."""
    client_id: str
    """What the service is called there."""
    client_secret: Secret | None = None
    """Proves to it that the service asks; providers of public clients want none."""
    name: str = "OIDC"
    """What people call it; stands on the login page."""
    login_claim: str = "preferred_username"
    """The claim that says the login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """All of the service's settings."""

    redis_url: str = field(repr=False)
    """Where Redis is; may hold a password, so it's never logged as it stands."""
    database_url: str = field(repr=False)
    """SQLAlchemy's address of the database, such as ``sqlite:////var/lib/fengsui/fengsui.db``."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 8600
    """The port to listen on; 0 picks a free one."""
    tls_certificate: Path | None = None
    """The certificate and what it was signed by, PEM; with ``tls_key`` the service speaks TLS."""
    tls_key: Path | None = None
    """The certificate's private key, PEM."""
    behind_proxy: str | None = None
    """The addresses, with commas, of the proxies that speak TLS: their X-Forwarded-For is believed,
    nobody else's."""
    public_url: str | None = None
    """The origin that browsers open, such as ``https://fengsui.example``."""
    oidc: OidcSettings | None = None
    """Where people log in besides here."""
    audit_heads: Path | None = None
    """Where the audit's heads go; None is ``heads_beside`` the database."""
    audit_heads_every_s: float = 60.0
    """How often; what is newer than the last one can be cut without a trace."""
    worker_key: Path | None = None
    """The workers' public key, which cameras' credentials are sealed with; ``None`` is
    ``worker_key_beside`` the database. Made with its private half if neither is there."""
    evidence: str = "evidence"
    """Where evidence lies: a directory or ``s3://bucket/prefix``, the same as the workers'."""
    evidence_limit_s: float = 10.0
    """How long a request waits for the store, and after what silence the status calls it away."""
    evidence_every_s: float = 10.0
    """How often evidence that is due is looked for."""
    targets: Path | None = None
    """The file of targets besides ``dispatch`` and ``dispatch.drill``, if there is one."""
    consumer: str = "service-1"
    """This process's name in the consumer group. It must stay the same over restarts, or what it
    had taken waits ``claim_idle_s`` for another."""
    merge_gap_s: float = 600.0
    """A new alert this long after an incident's last sign still belongs to it."""
    merge_gaps_s: Mapping[Hazard, float] = field(default_factory=_no_overrides)
    """The gap by hazard, where it differs."""
    merge_distance_m: float = 300.0
    """Cameras that stand this near each other may see one fire, smoke, water or debris; 0: none."""
    merge_distances_m: Mapping[Hazard, float] = field(default_factory=_no_overrides)
    """The distance by hazard, where it differs."""
    claim_idle_s: float = 60.0
    """Entries that a consumer has held this long without finishing are taken over."""
    block_s: float = 1.0
    """How long a read waits for an entry; also how long a stop may take."""
    trim_every_s: float = 10.0
    """How often finished entries are removed from the alert streams."""
    watch_every_s: float = 1.0
    """How often lag and heartbeats are read."""
    probe_subnet_per_s: int = 4
    """How many probes may start a second in one /24 (of IPv6, /64), by all replicas together."""
    probe_platform_pulls: int = 8
    """How many may run at a time of one platform's streams: what is above, or host and port."""
    probe_pulls: int = 200
    """How many may run at a time in all."""
    order_retry_floor_s: float = 1.0
    """The first wait after an order could not be sent; each doubles."""
    order_retry_ceiling_s: float = 60.0
    """The longest wait between two attempts of an order."""
    order_retry_after_s: float = 300.0
    """The longest wait that a target may ask for."""
    order_lease_s: float = 40.0
    """How long a replica has orders to itself; more than twice what one attempt may take."""
    order_dead_after_s: float = 24 * 3600.0
    """An order that can't be sent for this long is a dead letter."""
    order_most_attempts: int = 3000
    """And so is one that has failed this often."""
    breaker_failures: int = 5
    """A target that fails this often in a row is left alone for a while."""
    breaker_open_s: float = 5.0
    """For how long; then one order tries."""
    timezone: str = USUAL_TIMEZONE
    """Whose clock on the wall rosters and routes go by, as the IANA database calls it."""
    silence_s: float = 300.0
    """An order that was sent this long ago and not answered is called silent."""
    feed_clients: int = 256
    """How many live feeds are served at once; each holds a socket."""
    feed_keep_s: float = 7 * 24 * 3600.0
    """How long feed events are kept; a client away for longer loads the list anew."""
    retry_floor_s: float = 0.1
    """The first wait after a fault."""
    retry_ceiling_s: float = 3.0
    """The longest wait after a fault. Short, because an alert may be waiting behind it."""

    @property
    def zone(self) -> ZoneInfo:
        """The time zone. Raises ``BadSettingError``."""
        return zone_of(self.timezone)

    @property
    def secure(self) -> bool:
        """Whether browsers come by TLS, to the service or to its proxy."""
        return self.tls_certificate is not None or self.behind_proxy is not None

    def merge_gap_of(self, hazard: Hazard) -> float:
        """Return the merge gap of a real hazard, in seconds."""
        return self.merge_gaps_s.get(hazard, self.merge_gap_s)

    def merge_distance_of(self, hazard: Hazard) -> float:
        """Return how far apart cameras may stand that see one real hazard, in metres."""
        return self.merge_distances_m.get(hazard, self.merge_distance_m)


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name. Raises ``BadSettingError``."""
    try:
        return ZoneInfo(name)
    # Whatever is no key there: a path, a folder of zones, half a character.
    except (ValueError, OSError, KeyError):
        raise BadSettingError(
            f"there is no time zone {name}: give one of the IANA database, such as {USUAL_TIMEZONE}"
        ) from None


def sqlite_url(path: Path) -> str:
    """Return the database address of a SQLite file."""
    return f"sqlite:///{path.resolve()}"


def worker_key_beside(database_url: str) -> Path:
    """Return where the workers' public key is if nobody says: where the heads are."""
    return heads_beside(database_url).with_name("worker.key.pub")


def heads_beside(database_url: str) -> Path:
    """Return where a database's heads are if nobody says: next to a SQLite file, or else here."""
    scheme, _, path = database_url.partition(":///")
    folder = Path(path.partition("?")[0]).parent if scheme.startswith("sqlite") else Path()
    return folder / "audit-heads.log"


def require_port(port: int) -> None:
    """Raise ``BadSettingError`` unless ``port`` can be listened on; 0 stands for a free one."""
    if not 0 <= port <= 65535:
        raise BadSettingError(f"there is no port {port}: give --port 0 to 65535, 0 for a free one")
