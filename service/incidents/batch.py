"""A batch of alerts, one after the other, in memory: each meets what those before it have done.

Nothing is read or written here; ``store`` writes what a batch comes to.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import degrees, floor
from typing import Final
from uuid import UUID

from pipelines.messages import Alert, MessageError
from service.incidents.gathering import Gathered, Known
from service.incidents.merge import (
    EARTH_RADIUS_M,
    Candidate,
    Incident,
    Reach,
    Spot,
    goes_by_distance,
    home,
    opened_by,
    overruling,
    shared_upstream,
)
from vision.hazards import Hazard

_BAND_DEGREES: Final = 0.002
"""How wide a band of latitude is by which neighbours are found."""


class DrillChangedError(MessageError):
    """An alert known as the real thing came as a drill: real it stays."""

    code = "drill_changed"


class Outcome(StrEnum):
    """What an alert's revision did."""

    OPENED = "opened"
    MERGED = "merged"
    REVISED = "revised"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One revision that the database now has."""

    outcome: Outcome
    """What it did."""
    incident_id: UUID
    """Where it went."""
    left: UUID | None = None
    """The drill that it was taken for until now."""
    untaken: MessageError | None = None
    """Why its evidence could not be taken with it."""
    undecided: Exception | None = None
    """Why no policy could decide about the incident that it opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """The latest revision of an alert, to be written."""

    alert: Alert
    """It."""
    incident_id: UUID
    """Where it goes."""
    moved_from: UUID | None = None
    """Where it was until now."""


class Batch:
    """What alerts come to; ``take`` them in their order."""

    def __init__(
        self, gathered: Gathered, reach: Reach, now: datetime, exists: Callable[[UUID], bool]
    ) -> None:
        self.opened: dict[UUID, tuple[Incident, Spot]] = {}
        """New incidents."""
        self.joined: list[tuple[UUID, Spot]] = []
        """Cameras that see an incident which others saw first."""
        self.inserted: dict[UUID, Put] = {}
        """Alerts that weren't there."""
        self.updated: dict[UUID, Put] = {}
        """Alerts that were."""
        self.changed: dict[UUID, None] = {}
        """Incidents whose alerts are others than before."""
        self._known = gathered.known
        self._spots = gathered.spots
        self._reach = reach
        self._now = now
        self._exists = exists
        self._candidates: dict[UUID, Candidate] = {}
        self._index: defaultdict[tuple[object, ...], dict[UUID, None]] = defaultdict(dict)
        for candidate in gathered.candidates:
            self._remember(candidate)

    def take(self, alert: Alert) -> Taken | MessageError:
        """Take one; an error is returned where it can't be taken, and nothing is changed then."""
        known = self._known.get(alert.alert_id)
        if known is None:
            return self._first(alert)
        if known.drill and not alert.drill:
            return self._overrule(alert, known)
        if alert.drill and not known.drill:
            return DrillChangedError(
                f"alert {alert.alert_id} came as the real thing before: find the worker that "
                "sends both"
            )
        if alert.revision <= known.revision:
            return Taken(outcome=Outcome.STALE, incident_id=known.incident_id)
        known.revision = alert.revision
        self._put(Put(alert=alert, incident_id=known.incident_id))
        self._extend(alert, known.incident_id)
        return Taken(outcome=Outcome.REVISED, incident_id=known.incident_id)

    def _first(self, alert: Alert) -> Taken:
        spot = self._spot_of(alert)
        found = home(alert, spot, self._met(alert, spot), self._reach)
        incident = opened_by(alert, spot, self._now) if found is None else found.incident
        outcome = Outcome.MERGED
        if found is None:
            outcome = Outcome.OPENED
            self._open(incident, spot)
        self._place(alert, spot, incident.incident_id)
        self.inserted[alert.alert_id] = Put(alert=alert, incident_id=incident.incident_id)
        return Taken(outcome=outcome, incident_id=incident.incident_id)

    def _overrule(self, alert: Alert, known: Known) -> Taken:
        """Take an alert that is known as a drill for the real thing, whatever its revision.

        A mistaken drill must never keep a real alarm from people. An order that the drill has led
        to stays what it is.
        """
        drill, spot = known.incident_id, self._spot_of(alert)
        found = home(alert, spot, self._met(alert, spot), self._reach)
        outcome = Outcome.MERGED
        if found is not None:
            incident = found.incident
        else:
            outcome = Outcome.OPENED
            incident = overruling(opened_by(alert, spot, self._now), drill)
            while incident.incident_id in self.opened or self._exists(incident.incident_id):
                incident = overruling(incident, incident.incident_id)
            self._open(incident, spot)
        self._place(alert, spot, incident.incident_id)
        self._put(Put(alert=alert, incident_id=incident.incident_id, moved_from=drill))
        self.changed[drill] = None
        return Taken(outcome=outcome, incident_id=incident.incident_id, left=drill)

    def _open(self, incident: Incident, spot: Spot) -> None:
        self.opened[incident.incident_id] = incident, spot
        self._remember(Candidate(incident=incident, spots={spot.camera_id: spot}, signs={}))

    def _place(self, alert: Alert, spot: Spot, incident_id: UUID) -> None:
        """Note that an alert is part of an incident now."""
        known = Known(incident_id=incident_id, revision=alert.revision, drill=alert.drill)
        self._known[alert.alert_id] = known
        candidate = self._candidates[incident_id]
        if spot.camera_id not in candidate.spots:
            self.joined.append((incident_id, spot))
            candidate.spots[spot.camera_id] = spot
            self._find_by(candidate.incident, spot)
        self._extend(alert, incident_id)

    def _extend(self, alert: Alert, incident_id: UUID) -> None:
        self.changed[incident_id] = None
        candidate = self._candidates.get(incident_id)
        if candidate is None:
            return
        incident, last = candidate.incident, alert.last_seen_at
        if incident.upstream is not None:
            sign = candidate.signs.get(alert.camera_id, last)
            candidate.signs[alert.camera_id] = max(last, sign)
        grown = replace(
            incident,
            first_seen_at=min(incident.first_seen_at, alert.first_seen_at),
            last_seen_at=max(incident.last_seen_at, last),
        )
        self._candidates[incident_id] = replace(candidate, incident=grown)

    def _put(self, put: Put) -> None:
        rows = self.inserted if put.alert.alert_id in self.inserted else self.updated
        rows[put.alert.alert_id] = put

    def _spot_of(self, alert: Alert) -> Spot:
        return self._spots.get(alert.camera_id) or Spot(camera_id=alert.camera_id)

    def _remember(self, candidate: Candidate) -> None:
        incident = candidate.incident
        self._candidates[incident.incident_id] = candidate
        kind = incident.hazard, incident.drill
        if incident.upstream is not None:
            self._index[(*kind, "upstream", incident.upstream)][incident.incident_id] = None
        for spot in candidate.spots.values():
            self._find_by(incident, spot)

    def _find_by(self, incident: Incident, spot: Spot) -> None:
        kind = incident.hazard, incident.drill
        self._index[(*kind, "camera", spot.camera_id)][incident.incident_id] = None
        if spot.wgs84_latitude is not None:
            band = floor(spot.wgs84_latitude / _BAND_DEGREES)
            self._index[(*kind, "band", band)][incident.incident_id] = None

    def _met(self, alert: Alert, spot: Spot) -> Iterable[Candidate]:
        """Return what an alert could join; looking at all would take a time by the square."""
        kind = alert.hazard, alert.drill
        keys: list[tuple[object, ...]] = [(*kind, "camera", alert.camera_id)]
        upstream = shared_upstream(alert, spot)
        if upstream is not None:
            keys.append((*kind, "upstream", upstream))
        if goes_by_distance(alert) and spot.wgs84_latitude is not None:
            around = degrees(self._reach.merge_distance_of(Hazard(alert.hazard)) / EARTH_RADIUS_M)
            first = floor((spot.wgs84_latitude - 1.001 * around) / _BAND_DEGREES)
            last = floor((spot.wgs84_latitude + 1.001 * around) / _BAND_DEGREES)
            keys += [(*kind, "band", band) for band in range(first, last + 1)]
        met = dict.fromkeys(one for key in keys for one in self._index.get(key, ()))
        return [self._candidates[one] for one in met]


def rounds(batch: Iterable[Alert]) -> Iterator[Sequence[Alert]]:
    """Cut a batch where an alert comes again in a way that must not overtake the first.

    Of several revisions only the last is written. That would skip what the first says of its
    evidence, or that it was a drill.
    """
    part: list[Alert] = []
    seen: dict[UUID, Alert] = {}
    for alert in batch:
        before = seen.get(alert.alert_id)
        if before is not None and _overtakes(alert, before):
            yield part
            part, seen = [], {}
        part.append(alert)
        seen[alert.alert_id] = alert
    if part:
        yield part


def _overtakes(alert: Alert, before: Alert) -> bool:
    other_picture = before.evidence_ref is not None and before.evidence_ref != alert.evidence_ref
    return other_picture or before.drill != alert.drill
