"""Which alerts there will be: the same for everybody who knows the seed.

A worker makes them, a worker that was killed goes on with them, and the check at the end knows
what must be in the database.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

from pipelines.messages import Alert, AlertDetail, CameraFault, EvidenceAbsence, alert_id
from vision.hazards import SEVERITY, Hazard

HAZARDS = tuple(Hazard)
AN_EPISODE_S = 1500.0
"""Longer than any alerts are merged over, plus the alerts of one: the next one is new again."""
APART_S = 20.0
PER_INCIDENT = 10
"""Alerts of one hazard at one camera that belong together."""
REVISED_AFTER = (0, 3, 7)
"""The second and third revision of an alert come so many alerts later, between others."""
EVERY_DRILL = 8
"""Of so many cameras one is a drill's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run's alerts."""

    seed: int
    """Of everything that is chosen by chance."""
    alerts: int
    """How many in all, each with up to three revisions."""
    workers: int
    """They share the cameras."""
    cameras: int
    """Of all workers together; a multiple of theirs."""
    starts_at: datetime
    """When the last of them was seen: everything lies before."""

    def share_of(self, worker: int) -> int:
        """How many alerts a worker raises."""
        return self.alerts // self.workers + (worker < self.alerts % self.workers)

    def steps(self, worker: int) -> int:
        """How often a worker has something to put into its spool, or nothing."""
        return self.share_of(worker) + max(REVISED_AFTER)

    def step(self, worker: int, number: int) -> Iterator[Alert]:
        """Yield what a worker puts at one step: an onset, and later revisions of earlier ones."""
        for revision, after in enumerate(REVISED_AFTER, start=1):
            if 0 <= (ordinal := number - after) < self.share_of(worker):
                alert = self.alert(worker, ordinal, revision)
                if alert is not None:
                    yield alert

    def latest(self) -> Iterator[Alert]:
        """Yield the latest revision of every alert that there will be."""
        for worker in range(self.workers):
            for ordinal in range(self.share_of(worker)):
                known = (self.alert(worker, ordinal, revision) for revision in (3, 2, 1))
                yield next(alert for alert in known if alert is not None)

    def alert(self, worker: int, ordinal: int, revision: int) -> Alert | None:
        """Return a revision of a worker's ``ordinal``-th alert, if it has so many."""
        chance = random.Random(f"{self.seed}/{worker}/{ordinal}")  # noqa: S311
        revisions = chance.choice((1, 1, 2, 3))
        if revision > revisions:
            return None
        mine = self.cameras // self.workers
        keys = mine * len(HAZARDS)
        episode, rest = divmod(ordinal, keys * PER_INCIDENT)
        turn, key = divmod(rest, keys)
        camera = (key // len(HAZARDS)) * self.workers + worker
        hazard = HAZARDS[key % len(HAZARDS)]
        begins = self._episode_at(worker, episode)
        onset = begins + timedelta(seconds=turn * APART_S, milliseconds=chance.randrange(4000))
        seen = onset + timedelta(seconds=revision * 2.0)
        return Alert(
            alert_id=alert_id(camera_id(camera), hazard, "all", onset),
            revision=revision,
            camera_id=camera_id(camera),
            hazard=hazard,
            zone_id="all",
            severity=SEVERITY[hazard],
            first_seen_at=onset,
            last_seen_at=seen,
            ended_at=seen if revision == revisions else None,
            score=round(chance.uniform(0.5, 1.0), 3),
            box=None if hazard is Hazard.CAMERA_FAULT else (0.25, 0.25, 0.5, 0.5),
            detail=_detail(hazard),
            model="chaos@1",
            evidence_absent=EvidenceAbsence.NO_STORE,
            drill=is_drill(camera),
            epoch=1,
            trace_id=f"{chance.getrandbits(128):032x}",
        )

    def _episode_at(self, worker: int, episode: int) -> datetime:
        keys = self.cameras // self.workers * len(HAZARDS)
        episodes = -(-self.share_of(worker) // (keys * PER_INCIDENT))
        return self.starts_at - timedelta(seconds=(episodes - episode) * AN_EPISODE_S)


def camera_id(number: int) -> str:
    """Return a camera's id."""
    return str(uuid5(NAMESPACE_OID, f"chaos/{number}"))


def is_drill(number: int) -> bool:
    """Tell whether a camera is a drill's."""
    return number % EVERY_DRILL == EVERY_DRILL - 1


def latest_of(plan: Plan) -> dict[UUID, int]:
    """Return the latest revision of every alert, by its id."""
    return {alert.alert_id: alert.revision for alert in plan.latest()}


def lone_fire(number: int, onset: datetime) -> Alert:
    """Return a fire of a camera that isn't registered, each of another: no two make an incident."""
    camera = camera_id(1_000_000 + number)
    return Alert(
        alert_id=alert_id(camera, Hazard.FIRE, "all", onset),
        revision=1,
        camera_id=camera,
        hazard=Hazard.FIRE,
        zone_id="all",
        severity=SEVERITY[Hazard.FIRE],
        first_seen_at=onset,
        last_seen_at=onset,
        score=0.8,
        box=(0.25, 0.25, 0.5, 0.5),
        model="chaos@1",
        evidence_absent=EvidenceAbsence.NO_STORE,
        epoch=1,
        trace_id=f"{number:032x}",
    )


def _detail(hazard: Hazard) -> AlertDetail | None:
    if hazard is Hazard.CAMERA_FAULT:
        return AlertDetail(fault=CameraFault.LOST)
    return AlertDetail(water_level=0.7) if hazard is Hazard.WATER_OVER_LINE else None
