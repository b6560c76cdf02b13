from dataclasses import replace

from prometheus_client import CollectorRegistry

from pipelines.alerts import AlertBook
from pipelines.messages import AlertDetail, CameraFault, EvidenceAbsence
from pipelines.metrics import WorkerMetrics
from pipelines.rules.events import Change, Event
from tests.support.builders import FIRE_BOX, at
from vision.hazards import Hazard, Severity


def book(drills: frozenset[str] = frozenset()) -> AlertBook:
    metrics = WorkerMetrics(CollectorRegistry())
    return AlertBook(model="m@1.0.0", epoch=7, drills=drills, metrics=metrics)


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
    assert onset.evidence_absent is EvidenceAbsence.NO_MASKER
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
