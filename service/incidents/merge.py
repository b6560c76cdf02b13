"""Which incident an alert belongs to, and what an incident's alerts say together. Pure.

Everything goes by the time of the event. A message that arrives late therefore lands where it
would have landed in time, and an alert replayed from a spool after an hour does not join an
incident of an hour later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from pipelines.messages import Alert, incident_id
from service.incidents.lifecycle import OVER, POLICY_PREFIX, IncidentState
from vision.hazards import Hazard, Severity

DRILL_MERGE_GAP_S = 20.0
"""Drill cameras repeat their hazard each minute with a quiet half: each must be its own incident,
while a worker that restarts during one must not make it two."""

DRILL_POLICY = "policy:drill"
"""Confirms and closes drills by itself."""

URGENCY = tuple(Severity)
"""Most urgent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Alerts of one hazard at one place."""

    incident_id: UUID
    """Follows from the alert that opened it."""
    camera_id: str
    """The camera that sees it."""
    hazard: Hazard
    """What it is."""
    zone_id: str
    """Where on the camera's picture."""
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

    @property
    def closed_by_person(self) -> bool:
        """Whether somebody decided that it is over: then nothing merges into it any more."""
        if self.state not in OVER:
            return False
        return self.state_by is None or not self.state_by.startswith(POLICY_PREFIX)


class Sighting(Protocol):
    """What an incident needs of each of its alerts."""

    @property
    def severity(self) -> Severity:
        """How fast people must act."""

    @property
    def first_seen_at(self) -> datetime:
        """The onset."""

    @property
    def last_seen_at(self) -> datetime:
        """The latest sign."""

    @property
    def ended_at(self) -> datetime | None:
        """The end, if it has one."""

    @property
    def score(self) -> float:
        """The detector's, 0 to 1."""


def home(alert: Alert, candidates: Iterable[Incident], gap_s: float) -> Incident | None:
    """Return the newest incident that an alert of unknown id joins, if one takes it."""
    fitting = [incident for incident in candidates if _takes(incident, alert, gap_s)]
    return max(fitting, key=lambda incident: incident.first_seen_at, default=None)


def opened_by(alert: Alert, at: datetime) -> Incident:
    """Return the new incident that an alert opens at ``at``."""
    return Incident(
        incident_id=incident_id(alert.alert_id),
        camera_id=alert.camera_id,
        hazard=alert.hazard,
        zone_id=alert.zone_id,
        drill=alert.drill,
        severity=alert.severity,
        state=IncidentState.DISPATCHED if alert.drill else IncidentState.NEW,
        state_by=DRILL_POLICY if alert.drill else None,
        opened_at=at,
        first_seen_at=alert.first_seen_at,
        last_seen_at=alert.last_seen_at,
        ended_at=alert.ended_at,
        score=alert.score,
    )


def overruling(alert: Alert, drill: UUID, at: datetime) -> Incident:
    """Return the incident that ``alert`` opens, which was taken for part of the incident ``drill``.

    The id that would follow from the alert may be the drill's: this one follows from that.
    """
    return replace(opened_by(alert, at), incident_id=incident_id(drill))


def summarised(incident: Incident, sightings: Sequence[Sighting]) -> Incident:
    """Return the incident as the latest revisions of all its alerts show it.

    Computed anew each time, so neither order nor repetition matters. A drill closes itself once
    every alert has ended, and is open again if one goes on.
    """
    ends = [sighting.ended_at for sighting in sightings]
    known = [end for end in ends if end is not None]
    ended_at = max(known) if len(known) == len(ends) else None
    state = incident.state
    if incident.drill and not incident.closed_by_person:
        state = IncidentState.DISPATCHED if ended_at is None else IncidentState.CLOSED
    return replace(
        incident,
        severity=min((sighting.severity for sighting in sightings), key=URGENCY.index),
        state=state,
        first_seen_at=min(sighting.first_seen_at for sighting in sightings),
        last_seen_at=max(sighting.last_seen_at for sighting in sightings),
        ended_at=ended_at,
        score=max(sighting.score for sighting in sightings),
    )


def _takes(incident: Incident, alert: Alert, gap_s: float) -> bool:
    gap = timedelta(seconds=gap_s)
    return (
        incident.camera_id == alert.camera_id
        and incident.hazard == alert.hazard
        and incident.zone_id == alert.zone_id
        and incident.drill == alert.drill
        and not incident.closed_by_person
        and alert.first_seen_at <= incident.last_seen_at + gap
        and incident.first_seen_at <= alert.last_seen_at + gap
    )
