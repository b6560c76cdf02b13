"""From events to alerts: identity, revisions, and why there is no picture."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from pipelines.messages import Alert, EvidenceAbsence, alert_id
from pipelines.metrics import WorkerMetrics
from pipelines.rules.events import Change, Event
from vision.hazards import SEVERITY, Hazard

REVISION_INTERVAL_S: Final = 5.0
"""An alert that goes on says so this often: the service merges what a restarted worker sees
anew by the time since it was last seen."""

SCORE_STEP: Final = 0.15
"""A rise of the score worth a revision before its time."""


@dataclass(slots=True, kw_only=True)
class _Open:
    alert: Alert
    sent_at: datetime


class AlertBook:
    """The open alerts of a worker. Knows no clock: all times are those of the looks."""

    def __init__(
        self, *, model: str, epoch: int, drills: frozenset[str], metrics: WorkerMetrics
    ) -> None:
        """``drills`` names the cameras whose alerts are drills; no message can set it."""
        self._model = model
        self._epoch = epoch
        self._drills = drills
        self._metrics = metrics
        self._open: dict[tuple[str, Hazard, str], _Open] = {}

    def record(self, event: Event) -> Alert | None:
        """Return the revision that an event is worth, if it is worth one."""
        key = (event.camera_id, event.hazard, event.zone_id)
        if event.change is Change.BEGAN:
            alert = self._onset(event)
            self._metrics.alert(event.hazard)
        else:
            known = self._open[key]
            if event.change is Change.GOES_ON and not _worth_saying(known, event):
                return None
            alert = _revised(known.alert, event)
        if event.change is Change.ENDED:
            del self._open[key]
        else:
            self._open[key] = _Open(alert=alert, sent_at=event.at)
        self._metrics.revisions.inc()
        return alert

    def _onset(self, event: Event) -> Alert:
        return Alert(
            alert_id=alert_id(event.camera_id, event.hazard, event.zone_id, event.first_seen_at),
            revision=1,
            camera_id=event.camera_id,
            hazard=event.hazard,
            zone_id=event.zone_id,
            severity=SEVERITY[event.hazard],
            first_seen_at=event.first_seen_at,
            last_seen_at=max(event.first_seen_at, event.last_seen_at),
            score=_share(event.score),
            box=event.box,
            detail=event.detail,
            model=self._model,
            evidence_absent=_absence(event.hazard),
            drill=event.camera_id in self._drills,
            epoch=self._epoch,
            trace_id=secrets.token_hex(16),
        )


def _worth_saying(known: _Open, event: Event) -> bool:
    # Either way: a wall clock that is set back must not silence an alert until it catches up.
    due = abs(event.at - known.sent_at) >= timedelta(seconds=REVISION_INTERVAL_S)
    return due or event.score >= known.alert.score + SCORE_STEP


def _revised(alert: Alert, event: Event) -> Alert:
    last_seen_at = max(alert.last_seen_at, event.last_seen_at)
    return replace(
        alert,
        revision=alert.revision + 1,
        last_seen_at=last_seen_at,
        ended_at=max(last_seen_at, event.at) if event.change is Change.ENDED else None,
        score=max(alert.score, _share(event.score)),
        box=event.box,
        detail=event.detail,
    )


def _absence(hazard: Hazard) -> EvidenceAbsence:
    """Return why an alert has no picture."""
    if hazard is Hazard.CAMERA_FAULT:
        return EvidenceAbsence.NOT_FOR_THIS_HAZARD
    return EvidenceAbsence.NO_MASKER


def _share(score: float) -> float:
    return min(1.0, max(0.0, score))
