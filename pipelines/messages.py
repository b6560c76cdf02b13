"""What passes between processes: the wire types, their identities, their codec.

Import-light (msgspec and the standard library), because the service imports it. Every message
carries ``schema_version``; a decoder that does not know the version raises ``UnknownVersionError``
and the entry goes to a dead-letter stream. Unknown fields of a known version are ignored, so
that a newer sender can add one.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, ClassVar, TypeVar
from uuid import UUID, uuid5

import msgspec

from vision.hazards import Hazard, Severity

NAMESPACE = UUID("3d0c9f5e-6f3b-5d0e-9a53-0f8e2f6a9c11")
"""The namespace of every name-based identity of this product."""

FUTURE_TOLERANCE_S = 300.0
"""A message from further in the future has a wrong clock: no timer may be started from it."""

MAX_REVISION = 2**53
"""No registration is changed so often: a larger number is a mistake, and no JSON reader's."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
"""Any script, no control character."""
Text = Annotated[str, msgspec.Meta(max_length=2000)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What a database takes."""
Revision = Annotated[int, msgspec.Meta(ge=0, le=MAX_REVISION)]
TraceId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
BoxShares = tuple[Share, Share, Share, Share]
"""x0 y0 x1 y1, as shares of the source picture, origin top left."""
PointShares = tuple[Share, Share]
PlaceCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}\Z")]
"""A place of the jurisdiction tree, as service/places/codes.py writes it."""
MAX_LEVELS = 8
"""The tree has six."""
MAX_WINDOWS = 32
"""Open and coming ones of one camera."""
MIN_DWELL_S = 10.0
"""A vehicle that stands for less has not stopped: it waits for another to turn."""
MAX_CANDIDATES = 256
"""Of one message: some 30 kB."""


class MessageError(ValueError):
    """A message that can't be taken. ``code`` labels the counter and the dead letter."""

    code = "malformed"


class UnknownVersionError(MessageError):
    """The sender is newer or older than this reader: upgrade the older one, then replay."""

    code = "unknown_version"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The root of all wire types."""

    VERSION: ClassVar[int] = 1

    schema_version: int = 1


class EvidenceAbsence(StrEnum):
    """Why an alert has no picture."""

    NO_MASKER = "no_masker"
    MASKER_FAILED = "masker_failed"
    MASKER_SLOW = "masker_slow"
    STORE_FAILED = "store_failed"
    HOURLY_CAP = "hourly_cap"
    NOT_FOR_THIS_HAZARD = "not_for_this_hazard"


class CameraFault(StrEnum):
    """What ails a camera."""

    LOST = "lost"
    FROZEN = "frozen"
    BLACK = "black"
    COVERED = "covered"
    BLURRED = "blurred"
    MOVED = "moved"


class AlertDetail(msgspec.Struct, frozen=True, kw_only=True):
    """What a box can't say."""

    fault: CameraFault | None = None
    """The kind of a ``camera_fault``."""
    water_level: Share | None = None
    """Where the waterline stands on the marked scale, for ``water_over_line``."""


class Alert(Message, frozen=True, kw_only=True):
    """One hazard at one camera and zone. The key is (``alert_id``, ``revision``)."""

    alert_id: UUID
    revision: Annotated[int, msgspec.Meta(ge=1, le=MAX_REVISION)]
    camera_id: Name
    hazard: Hazard
    zone_id: Name
    severity: Severity
    first_seen_at: Instant
    last_seen_at: Instant
    ended_at: Instant | None = None
    score: Share
    box: BoxShares | None = None
    detail: AlertDetail | None = None
    model: Name
    evidence_ref: Name | None = None
    evidence_absent: EvidenceAbsence | None = None
    drill: bool = False
    epoch: Count
    trace_id: TraceId

    def __post_init__(self) -> None:
        if (self.evidence_ref is None) == (self.evidence_absent is None):
            raise ValueError("an alert has a picture or the reason why not: give exactly one")
        if self.last_seen_at < self.first_seen_at:
            raise ValueError("last_seen_at lies before first_seen_at")
        if self.alert_id != alert_id(self.camera_id, self.hazard, self.zone_id, self.first_seen_at):
            raise ValueError("alert_id is not that of its camera, hazard, zone and onset")


class Confirmation(Message, frozen=True, kw_only=True):
    """The service has this revision in its database: the worker's spool may forget it."""

    alert_id: UUID
    revision: Annotated[int, msgspec.Meta(ge=1, le=MAX_REVISION)]


class ZoneKind(StrEnum):
    """What a part of a picture shows, and with that which rules hold in it."""

    AREA = "area"
    """Anything: fire, smoke and what the detector calls rock count here."""
    ROAD = "road"
    """A carriageway: besides, stopped and wrong-way vehicles, and what lies on it."""
    SLOPE = "slope"
    """A slope that may come down: besides, what has come to lie on it."""
    FIRE_LANE = "fire_lane"
    """消防通道: besides, what blocks it."""
    GATE = "gate"
    """An emergency gate: as a fire lane."""
    PRIVACY = "privacy"
    """Blanked before anything sees the pixels; nothing counts in it."""


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A polygon on a camera's picture."""

    zone_id: Name
    polygon: Annotated[tuple[PointShares, ...], msgspec.Meta(min_length=3, max_length=64)]
    kind: ZoneKind = ZoneKind.AREA
    direction: tuple[PointShares, PointShares] | None = None
    """Of a road: an arrow on the picture, from and to, along which vehicles may drive."""
    permitted_s: Annotated[float, msgspec.Meta(ge=MIN_DWELL_S, le=86_400.0)] | None = None
    """How long a vehicle may stand in it; ``None``: the rule's own time."""


class WaterScale(msgspec.Struct, frozen=True, kw_only=True):
    """A staff gauge, or a line up a dry structure, from where water is usual to its top."""

    foot: PointShares
    head: PointShares
    alarm_level: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
    """The reference line: the share of the way from foot to head that water must not pass."""


class Expected(StrEnum):
    """Why what looks like a hazard is none for a while."""

    PLANNED_BURN = "planned_burn"
    ROADWORKS = "roadworks"
    MAINTENANCE = "maintenance"


HELD_BACK = {
    Expected.PLANNED_BURN: frozenset({Hazard.FIRE, Hazard.SMOKE}),
    Expected.ROADWORKS: frozenset(
        {Hazard.STOPPED_VEHICLE, Hazard.WRONG_WAY, Hazard.OBSTRUCTION, Hazard.DEBRIS}
    ),
    Expected.MAINTENANCE: frozenset({Hazard.CAMERA_FAULT}),
}
"""What each kind of window keeps from being reported; fire is never kept back by roadworks."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which something is expected. It ends by itself."""

    kind: Expected
    starts_at: Instant
    ends_at: Instant
    author: Name

    def __post_init__(self) -> None:
        if self.ends_at <= self.starts_at:
            raise ValueError("a window ends after it starts")


USUAL_HAZARDS = (Hazard.FIRE, Hazard.SMOKE, Hazard.DEBRIS, Hazard.CAMERA_FAULT)
"""What is watched for where nobody chose: what needs no zone of a kind and no scale."""


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker must know of a camera; credentials travel sealed, never in the address."""

    camera_id: Name
    url: Annotated[str, msgspec.Meta(max_length=2048)]
    sealed_credentials: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    hazards: tuple[Hazard, ...] = USUAL_HAZARDS
    zones: tuple[Zone, ...] = ()
    water: WaterScale | None = None
    windows: Annotated[tuple[Window, ...], msgspec.Meta(max_length=MAX_WINDOWS)] = ()
    thresholds: dict[Hazard, Share] = msgspec.field(default_factory=dict)
    """Scores below which a hazard's sign isn't strong at this camera; they raise a label's own."""
    place: Annotated[tuple[PlaceCode, ...], msgspec.Meta(max_length=MAX_LEVELS)] = ()
    """The places that it lies in, from the root of the tree to its own; empty: not known."""

    def __repr__(self) -> str:
        return f"Camera({self.camera_id!r})"  # an address given in a file may hold a password


class ChangeKind(StrEnum):
    """What happened to a camera's registration."""

    UPSERTED = "upserted"
    REMOVED = "removed"


class CameraChange(Message, frozen=True, kw_only=True):
    """A registration changed: the camera's worker applies it and touches no other camera."""

    camera_id: Name
    kind: ChangeKind
    revision: Revision
    changed_at: Instant
    camera: Camera | None = None


class WatchState(StrEnum):
    """Whether a camera is being watched."""

    CONNECTING = "connecting"
    WATCHING = "watching"
    FAULT = "fault"


class CameraState(Message, frozen=True, kw_only=True):
    """A worker says how it stands with one camera; sent when that changes."""

    camera_id: Name
    worker_id: Name
    epoch: Count
    state: WatchState
    fault: Name | None = None
    """The fault's code, for ``fault``."""
    revision: Revision
    """The registration that the worker goes by; 0 for a camera of a file."""
    at: Instant


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What a moment of a camera showed of a hazard in a zone, believed or not."""

    hazard: Hazard
    zone_id: Name
    at: Instant
    moment: Count
    """Counts what the rules judged of this camera since its worker began: gaps are misses."""
    score: Share
    box: BoxShares


class Candidates(Message, frozen=True, kw_only=True):
    """Scores of hazard candidates, kept for 14 days so that a proposal can be replayed on them."""

    camera_id: Name
    worker_id: Name
    epoch: Count
    candidates: Annotated[
        tuple[Candidate, ...], msgspec.Meta(min_length=1, max_length=MAX_CANDIDATES)
    ]


class ProbeJob(Message, frozen=True, kw_only=True):
    """Look at one stream and say what it is. Done by a worker, never by the service."""

    job_id: UUID
    camera: Camera
    requested_at: Instant
    expires_at: Instant


class ProbeResult(Message, frozen=True, kw_only=True):
    """What a probe found; the fields after ``fault`` are absent where it could not look."""

    job_id: UUID
    camera_id: Name
    finished_at: Instant
    fault: Name | None = None
    advice: tuple[Text, ...] = ()
    codec: Name | None = None
    width_px: Count | None = None
    height_px: Count | None = None
    frame_rate_hz: float | None = None
    keyframe_interval_s: float | None = None
    bit_rate_bps: Count | None = None
    clock_skew_s: float | None = None


class Heartbeat(Message, frozen=True, kw_only=True):
    """A worker's totals since its start, sent every second."""

    worker_id: Name
    epoch: Count
    at: Instant
    cameras: Count
    cameras_connected: Count
    cameras_waiting: Count = 0
    """Not started yet, or kept out until the worker has room."""
    frames_received: Count
    frames_decoded: Count
    frames_analysed: Count
    drops: dict[str, Count]
    alerts: Count
    spool_entries: Count


class DispatchOrder(Message, frozen=True, kw_only=True):
    """Send help: one decision of a person or a policy about one incident, for one target."""

    order_id: UUID
    incident_id: UUID
    decision_id: UUID
    decided_by: Name
    decided_at: Instant
    target: Name
    hazard: Hazard
    severity: Severity
    camera_id: Name
    zone_id: Name
    first_seen_at: Instant
    box: BoxShares | None = None
    drill: bool
    trace_id: TraceId


class ReceiptKind(StrEnum):
    """What a target says of an order."""

    ACCEPTED = "accepted"
    ON_SITE = "on_site"
    REPORT = "report"
    CLOSED = "closed"
    REFUSED = "refused"


class Receipt(Message, frozen=True, kw_only=True):
    """A target's answer to an order."""

    receipt_id: UUID
    order_id: UUID
    target: Name
    kind: ReceiptKind
    at: Instant
    text: Text = ""


class DeadLetter(Message, frozen=True, kw_only=True):
    """An entry that could not be taken, whole, with the reason."""

    stream: Name
    entry_id: Name
    reason: Name
    explanation: Text
    body: str
    at: Instant


class _Versioned(msgspec.Struct):
    schema_version: int


M = TypeVar("M", bound=Message)
T = TypeVar("T")


def encode(message: Message) -> bytes:
    """Return the message as JSON; times in RFC 3339 UTC."""
    return msgspec.json.encode(message)


def decode(body: bytes, kind: type[M]) -> M:
    """Return the message that ``body`` holds.

    Raises ``UnknownVersionError`` for a version that this reader has no type for and
    ``MessageError`` for everything else that isn't such a message.
    """
    version = _decoded(body, _Versioned, kind).schema_version
    if version != kind.VERSION:
        raise UnknownVersionError(
            f"{kind.__name__} of version {version}, this side knows {kind.VERSION}: "
            "upgrade the older side, then replay"
        )
    return _decoded(body, kind, kind)


def _decoded(body: bytes, shape: type[T], kind: type[Message]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        # Not only what msgspec promises: a time in the year 1 overflows, deep nesting recurses.
        raise MessageError(f"not a {kind.__name__}: {error}") from error


def alert_id(camera_id: str, hazard: Hazard, zone_id: str, onset: datetime) -> UUID:
    """Return the identity of the alert that began at ``onset`` (aware, any offset)."""
    return _identity("alert", camera_id, hazard, zone_id, onset.astimezone(UTC).isoformat())


def incident_id(first_alert: UUID) -> UUID:
    """Return the identity of the incident that an alert opens."""
    return _identity("incident", str(first_alert))


def order_id(incident: UUID, target: str, decision: UUID) -> UUID:
    """Return the identity of the order that a decision sends to a target."""
    return _identity("order", str(incident), target, str(decision))


def decision_id(incident: UUID, decided_by: str, ordinal: int) -> UUID:
    """Return the identity of the ``ordinal``-th dispatch of an incident."""
    return _identity("decision", str(incident), decided_by, str(ordinal))


def _identity(*parts: str) -> UUID:
    # No name holds a control character, so no two lists of parts give one string.
    return uuid5(NAMESPACE, "\x1f".join(parts))
