from dataclasses import replace

import pytest
from msgspec.structs import replace as replace_alert
from prometheus_client import CollectorRegistry

from pipelines.alerts import AlertBook
from pipelines.messages import AlertDetail, CameraFault, EvidenceAbsence
from pipelines.metrics import WorkerMetrics
from pipelines.rules.events import Change, Event
from tests.support.builders import FIRE_BOX, at
from vision.hazards import Hazard, Severity

REF = "r" * 32


def book(drills: frozenset[str] = frozenset(), *, pictured: bool = False) -> AlertBook:
    metrics = WorkerMetrics(CollectorRegistry())
    return AlertBook(model="m@1.0.0", epoch=7, drills=drills, metrics=metrics, pictured=pictured)


def event(change: Change, seconds: float, score: float = 0.6, camera: str = "camera-1") -> Event:
    return Event(
        camera_id=camera,
        hazard=Hazard.FIRE,
        zone_id="all",
        change=change,
        first_seen_at=at(0),
        last_seen_at=at(seconds),
        at=at(seconds),
        score=score,
        box=FIRE_BOX,
    )


def test_the_life_of_an_alert() -> None:
    alerts = book()
    onset = alerts.record(event(Change.BEGAN, 2))
    assert onset is not None
    assert (onset.revision, onset.severity, onset.drill) == (1, Severity.EXTREME, False)
    assert onset.evidence_absent is EvidenceAbsence.NO_STORE
    assert alerts.record(event(Change.GOES_ON, 3)) is None
    louder = alerts.record(event(Change.GOES_ON, 4, score=0.9))
    assert louder is not None
    assert (louder.revision, louder.score) == (2, 0.9)
    assert alerts.record(event(Change.GOES_ON, 8, score=0.5)) is None
    later = alerts.record(event(Change.GOES_ON, 9, score=0.5))
    assert later is not None
    assert (later.revision, later.score, later.last_seen_at) == (3, 0.9, at(9))
    end = alerts.record(event(Change.ENDED, 14))
    assert end is not None
    assert (end.revision, end.ended_at) == (4, at(14))
    assert {one.alert_id for one in (onset, louder, later, end)} == {onset.alert_id}
    assert {one.trace_id for one in (onset, louder, later, end)} == {onset.trace_id}


def test_a_wall_clock_that_is_set_back_neither_ends_nor_silences_an_alert() -> None:
    alerts = book()
    assert alerts.record(event(Change.BEGAN, 2)) is not None
    later = alerts.record(event(Change.GOES_ON, -600))
    assert later is not None
    assert later.last_seen_at == at(2)
    end = alerts.record(event(Change.ENDED, -590))
    assert end is not None
    assert end.first_seen_at <= end.last_seen_at <= (end.ended_at or at(-1))
    began = alerts.record(event(Change.BEGAN, -595))
    assert began is not None
    assert began.last_seen_at == began.first_seen_at


def test_only_the_cameras_that_a_drill_named_raise_drills() -> None:
    alerts = book(frozenset({"drill-1"}))
    drill = alerts.record(event(Change.BEGAN, 0, camera="drill-1"))
    real = alerts.record(event(Change.BEGAN, 0, camera="camera-1"))
    assert drill is not None
    assert real is not None
    assert (drill.drill, real.drill) == (True, False)


def test_a_camera_fault_says_which_and_has_no_picture_by_design() -> None:
    alerts = book()
    dark = replace(
        event(Change.BEGAN, 2),
        hazard=Hazard.CAMERA_FAULT,
        box=None,
        detail=AlertDetail(fault=CameraFault.BLACK),
    )
    onset = alerts.record(dark)
    assert onset is not None
    assert onset.evidence_absent is EvidenceAbsence.NOT_FOR_THIS_HAZARD
    assert (onset.box, onset.detail) == (None, AlertDetail(fault=CameraFault.BLACK))
    end = alerts.record(replace(dark, change=Change.ENDED))
    assert end is not None
    assert end.detail == onset.detail


def test_what_became_of_its_picture_is_a_revision_and_stays() -> None:
    alerts = book(pictured=True)
    onset = alerts.record(event(Change.BEGAN, 2))
    assert onset is not None
    assert (onset.evidence_ref, onset.evidence_absent) == (None, EvidenceAbsence.PENDING)
    told = alerts.picture(onset.alert_id, REF)
    assert told is not None
    assert told == replace_alert(onset, revision=2, evidence_ref=REF, evidence_absent=None)
    assert alerts.picture(onset.alert_id, "s" * 32) is None, "once"
    later = alerts.record(event(Change.GOES_ON, 9))
    end = alerts.record(event(Change.ENDED, 14))
    assert later is not None
    assert end is not None
    assert [one.revision for one in (later, end)] == [3, 4]
    assert {one.evidence_ref for one in (later, end)} == {REF}


def test_an_alert_that_has_ended_still_gets_its_picture_or_the_reason() -> None:
    alerts = book(pictured=True)
    onset = alerts.record(event(Change.BEGAN, 2))
    end = alerts.record(event(Change.ENDED, 4))
    assert onset is not None
    assert end is not None
    again = alerts.record(replace(event(Change.BEGAN, 20), first_seen_at=at(19)))
    assert again is not None
    told = alerts.picture(onset.alert_id, EvidenceAbsence.NO_FRAMES)
    assert told is not None
    assert told == replace_alert(end, revision=3, evidence_absent=EvidenceAbsence.NO_FRAMES)
    assert told.ended_at == at(4)
    assert alerts.picture(onset.alert_id, REF) is None
    of_the_next = alerts.picture(again.alert_id, REF)
    assert of_the_next is not None
    assert (of_the_next.alert_id, of_the_next.ended_at) == (again.alert_id, None)


def test_what_waits_for_a_picture_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.alerts.ENDED_KEPT", 3)
    alerts = book(pictured=True)
    ids = []
    for number in range(5):
        onset = alerts.record(event(Change.BEGAN, 1, camera=f"c{number}"))
        alerts.record(event(Change.ENDED, 2, camera=f"c{number}"))
        assert onset is not None
        ids.append(onset.alert_id)
    told = [alerts.picture(one, REF) is not None for one in ids]
    assert told == [False, False, True, True, True]


def test_a_camera_s_fault_has_no_picture_and_waits_for_none() -> None:
    alerts = book(pictured=True)
    fault = alerts.record(replace(event(Change.BEGAN, 2), hazard=Hazard.CAMERA_FAULT, box=None))
    assert fault is not None
    assert fault.evidence_absent is EvidenceAbsence.NOT_FOR_THIS_HAZARD
    assert alerts.picture(fault.alert_id, REF) is None
