"""From events to alerts: identity, revisions, and the picture or why there is none."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from pipelines.messages import Alert, EvidenceAbsence, EvidenceRef, alert_id
from pipelines.metrics import WorkerMetrics
from pipelines.rules.events import Change, Event
from vision.hazards import SEVERITY, Hazard

REVISION_INTERVAL_S: Final = 5.0
"""An alert that goes on says so this often: the service merges what a restarted worker sees
anew by the time since it was last seen."""

ENDED_KEPT: Final = 1024
"""Alerts that ended while their picture was made: none waits longer than a minute."""

SCORE_STEP: Final = 0.15
"""A rise of the score worth a revision before its time."""


_Key = tuple[str, Hazard, str]


@dataclass(slots=True, kw_only=True)
class _Open:
    alert: Alert
    sent_at: datetime


class AlertBook:
    """The open alerts of a worker. Knows no clock: all times are those of the looks."""

    def __init__(
        self,
        *,
        model: str,
        epoch: int,
        drills: frozenset[str],
        metrics: WorkerMetrics,
        pictured: bool = False,
    ) -> None:
        """``drills`` names the cameras whose alerts are drills; no message can set it.

        ``pictured`` says whether somebody makes pictures and will tell the outcome of each.
        """
        self._model = model
        self._epoch = epoch
        self._drills = drills
        self._metrics = metrics
        self._absent = EvidenceAbsence.PENDING if pictured else EvidenceAbsence.NO_STORE
        self._open: dict[_Key, _Open] = {}
        self._waiting: dict[UUID, _Key] = {}
        self._ended: OrderedDict[UUID, Alert] = OrderedDict()

    def record(self, event: Event) -> Alert | None:
        """Return the revision that an event is worth, if it is worth one."""
        key = (event.camera_id, event.hazard, event.zone_id)
        if event.change is Change.BEGAN:
            alert = self._onset(event)
            self._metrics.alert(event.hazard)
            if alert.evidence_absent is EvidenceAbsence.PENDING:
                self._waiting[alert.alert_id] = key
        else:
            known = self._open[key]
            if event.change is Change.GOES_ON and not _worth_saying(known, event):
                return None
            alert = _revised(known.alert, event)
        if event.change is Change.ENDED:
            del self._open[key]
            self._let_end(alert)
        else:
            self._open[key] = _Open(alert=alert, sent_at=event.at)
        self._metrics.revisions.inc()
        return alert

    def picture(self, one: UUID, outcome: EvidenceRef | EvidenceAbsence) -> Alert | None:
        """Return the revision that tells what became of an alert's picture.

        ``None`` where nobody waits for that any more. An alert that has ended stays so.
        """
        key = self._waiting.pop(one, None)
        known = None if key is None else self._open.get(key)
        is_open = known is not None and known.alert.alert_id == one
        before = known.alert if known is not None and is_open else self._ended.pop(one, None)
        if before is None:
            return None
        is_absent = isinstance(outcome, EvidenceAbsence)
        alert = replace(
            before,
            revision=before.revision + 1,
            evidence_ref=None if is_absent else outcome,
            evidence_absent=outcome if is_absent else None,
        )
        if known is not None and is_open:
            known.alert = alert
        self._metrics.revisions.inc()
        return alert

    def _let_end(self, alert: Alert) -> None:
        """Keep an alert that has ended for as long as its picture is being made."""
        if self._waiting.pop(alert.alert_id, None) is not None:
            self._ended[alert.alert_id] = alert
            if len(self._ended) > ENDED_KEPT:
                self._ended.popitem(last=False)

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
            evidence_absent=self._absence(event.hazard),
            drill=event.camera_id in self._drills,
            epoch=self._epoch,
            trace_id=secrets.token_hex(16),
        )

    def _absence(self, hazard: Hazard) -> EvidenceAbsence:
        """Return why a new alert has no picture yet."""
        is_fault = hazard is Hazard.CAMERA_FAULT
        return EvidenceAbsence.NOT_FOR_THIS_HAZARD if is_fault else self._absent


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


def _share(score: float) -> float:
    return min(1.0, max(0.0, score))
