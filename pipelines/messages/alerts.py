"""What a worker tells of hazards: alerts, and the scores of what might have been one."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from pipelines.messages.evidence import EvidenceAbsence, EvidenceRef
from pipelines.messages.identities import alert_id
from pipelines.messages.wire import (
    MAX_REVISION,
    BoxShares,
    Count,
    Instant,
    Message,
    Name,
    Share,
    TraceId,
)
from vision.hazards import Hazard, Severity

MAX_CANDIDATES = 256
"""Of one message: some 30 kB."""


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
    evidence_ref: EvidenceRef | None = None
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
