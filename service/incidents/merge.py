"""Which incident an alert belongs to, and what an incident's alerts say together. Pure.

Everything goes by the time of the event. A message that arrives late therefore lands where it
would have landed in time, and an alert replayed from a spool after an hour does not join an
incident of an hour later.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Final, Protocol
from uuid import UUID

from pipelines.messages import Alert, CameraFault, incident_id
from service.incidents.lifecycle import OVER, POLICY_PREFIX, IncidentState
from vision.hazards import OF_VEHICLES, Hazard, Severity

DRILL_MERGE_GAP_S = 20.0
"""Drill cameras repeat their hazard each minute with a quiet half: each must be its own incident,
while a worker that restarts during one must not make it two."""

DRILL_POLICY = "policy:drill"
"""Confirms and closes drills by itself."""

BY_DISTANCE: Final = frozenset({Hazard.FIRE, Hazard.SMOKE, Hazard.WATER_OVER_LINE, Hazard.DEBRIS})
"""What neighbouring cameras may see together. Never a vehicle: that would be to follow it."""

UPSTREAM_FAULTS: Final = frozenset({CameraFault.LOST, CameraFault.FROZEN})
"""What a switch or platform does to all its cameras; a cover or a spider sits on one."""

FAULT_ONSETS_S: Final = 120.0
"""Faults that one upstream causes begin within this time: cameras notice it sooner or later."""

EARTH_RADIUS_M: Final = 6_371_008.8

URGENCY = tuple(Severity)
"""Most urgent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A camera as it was registered when it saw something; one that isn't has nothing known."""

    camera_id: str
    """Which."""
    place_code: str | None = None
    """Its place."""
    wgs84_longitude: float | None = None
    """Where it stands."""
    wgs84_latitude: float | None = None
    """Where it stands."""
    upstream: str | None = None
    """What it hangs on, in the spelling that cameras of one platform share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Alerts of one hazard at one place."""

    incident_id: UUID
    """Follows from the alert that opened it."""
    camera_id: str
    """The camera that saw it first."""
    hazard: Hazard
    """What it is."""
    zone_id: str
    """Where on that camera's picture."""
    drill: bool
    """An exercise; it never mixes with the real thing."""
    severity: Severity
    """The most urgent of its alerts."""
    state: IncidentState
    """Where it stands."""
    state_by: str | None
    """The person or policy that brought it there."""
    opened_at: datetime
    """When this service first had it: what a person's waiting time counts from."""
    first_seen_at: datetime
    """The earliest onset of its alerts."""
    last_seen_at: datetime
    """The latest sign of any of its alerts."""
    ended_at: datetime | None
    """When the last of its alerts ended; ``None`` while one goes on."""
    score: float
    """The highest of its alerts."""
    upstream: str | None = None
    """What may have failed, where it is faults that an upstream causes."""
    merged_into: UUID | None = None
    """The incident that a person made it part of."""

    @property
    def closed_by_person(self) -> bool:
        """Whether somebody decided that it is over: then nothing merges into it any more."""
        if self.state not in OVER:
            return False
        return self.state_by is None or not self.state_by.startswith(POLICY_PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An incident that an alert may belong to."""

    incident: Incident
    """It."""
    spots: dict[str, Spot]
    """Every camera that sees it, by id."""
    signs: dict[str, datetime] = field(default_factory=dict)
    """The last sign of single cameras, of faults of an upstream."""


class Reach(Protocol):
    """How far belonging together goes, for real hazards."""

    def merge_gap_of(self, hazard: Hazard) -> float:
        """Return the longest silence in seconds."""

    def merge_distance_of(self, hazard: Hazard) -> float:
        """Return the longest distance in metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What an incident's alerts say together, in their latest revisions."""

    severity: Severity
    """The most urgent one."""
    first_seen_at: datetime
    """The earliest onset."""
    last_seen_at: datetime
    """The latest sign."""
    ended_at: datetime | None
    """The latest end; ``None`` while one goes on."""
    score: float
    """The highest."""


def home(
    alert: Alert, spot: Spot, candidates: Iterable[Candidate], reach: Reach
) -> Candidate | None:
    """Return the incident that an alert of unknown id joins, if one takes it.

    One that the camera sees already comes before one that a neighbour sees, then the newest.
    """
    fitting = [one for one in candidates if _takes(one, alert, spot, reach)]
    return max(fitting, key=lambda one: _preference(one, alert), default=None)


def shared_upstream(alert: Alert, spot: Spot) -> str | None:
    """Return what an alert's fault may have come from: ``None`` if from the camera itself."""
    if alert.hazard is not Hazard.CAMERA_FAULT or alert.drill or alert.detail is None:
        return None
    return spot.upstream if alert.detail.fault in UPSTREAM_FAULTS else None


def goes_by_distance(alert: Alert) -> bool:
    """Tell whether neighbouring cameras may see together what an alert tells of."""
    return alert.hazard in BY_DISTANCE - OF_VEHICLES and not alert.drill


def opened_by(alert: Alert, spot: Spot, at: datetime) -> Incident:
    """Return the new incident that an alert opens at ``at``."""
    return Incident(
        incident_id=incident_id(alert.alert_id),
        camera_id=alert.camera_id,
        hazard=alert.hazard,
        zone_id=alert.zone_id,
        drill=alert.drill,
        severity=alert.severity,
        state=IncidentState.NEW,
        state_by=None,
        opened_at=at,
        first_seen_at=alert.first_seen_at,
        last_seen_at=alert.last_seen_at,
        ended_at=alert.ended_at,
        score=alert.score,
        upstream=shared_upstream(alert, spot),
    )


def overruling(incident: Incident, drill: UUID) -> Incident:
    """Return the incident of an alert which was taken for part of the incident ``drill``.

    The id that would follow from the alert may be the drill's: this one follows from that.
    """
    return replace(incident, incident_id=incident_id(drill))


def distance_m(one: Spot, other: Spot) -> float | None:
    """Return how far apart two cameras stand, on a sphere; ``None`` if that isn't known."""
    if one.wgs84_longitude is None or one.wgs84_latitude is None:
        return None
    if other.wgs84_longitude is None or other.wgs84_latitude is None:
        return None
    here, there = radians(one.wgs84_latitude), radians(other.wgs84_latitude)
    east = radians(other.wgs84_longitude - one.wgs84_longitude)
    chord = sin((there - here) / 2) ** 2 + cos(here) * cos(there) * sin(east / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(chord)))


def _takes(candidate: Candidate, alert: Alert, spot: Spot, reach: Reach) -> bool:
    incident = candidate.incident
    upstream = shared_upstream(alert, spot)
    mine = (alert.hazard, alert.drill, upstream)
    is_alike = (incident.hazard, incident.drill, incident.upstream) == mine
    if not is_alike or not _is_open(candidate, spot):
        return False
    if upstream is not None and _began_together(incident, alert):
        return True
    return _in_time(candidate, alert, reach) and (
        _same_camera(candidate, alert) or _near(candidate, alert, spot, reach)
    )


def _is_open(candidate: Candidate, spot: Spot) -> bool:
    incident = candidate.incident
    if incident.closed_by_person or incident.merged_into is not None:
        return False
    # A camera that was moved opens a new one: the old place's people keep theirs.
    known = candidate.spots.get(spot.camera_id)
    return known is None or known.place_code == spot.place_code


def _in_time(candidate: Candidate, alert: Alert, reach: Reach) -> bool:
    gap = timedelta(seconds=DRILL_MERGE_GAP_S if alert.drill else reach.merge_gap_of(alert.hazard))
    # Of an upstream's faults one camera may last for weeks: it speaks for itself alone.
    last = candidate.signs.get(alert.camera_id, candidate.incident.last_seen_at)
    is_after = alert.first_seen_at <= last + gap
    return is_after and candidate.incident.first_seen_at <= alert.last_seen_at + gap


def _began_together(incident: Incident, alert: Alert) -> bool:
    apart = abs(alert.first_seen_at - incident.first_seen_at)
    return apart <= timedelta(seconds=FAULT_ONSETS_S)


def _same_camera(candidate: Candidate, alert: Alert) -> bool:
    if alert.drill or alert.hazard in OF_VEHICLES:
        first = candidate.incident.camera_id, candidate.incident.zone_id
        return first == (alert.camera_id, alert.zone_id)
    return alert.camera_id in candidate.spots


def _near(candidate: Candidate, alert: Alert, spot: Spot, reach: Reach) -> bool:
    longest_m = reach.merge_distance_of(alert.hazard)
    if not goes_by_distance(alert) or longest_m <= 0:
        return False
    apart = (distance_m(spot, seen) for seen in candidate.spots.values())
    return any(far_m is not None and far_m <= longest_m for far_m in apart)


def _preference(candidate: Candidate, alert: Alert) -> tuple[bool, datetime, str]:
    incident = candidate.incident
    return alert.camera_id in candidate.spots, incident.first_seen_at, str(incident.incident_id)
