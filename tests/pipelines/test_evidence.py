"""What becomes of an alert's pictures, step by step: real masker, real store, frames of a test."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from models.packs import load_pack
from pipelines import evidence as evidence_module
from pipelines import evidence_desk as desk_module
from pipelines.album import Album
from pipelines.bursts import Bursts
from pipelines.detection import Found
from pipelines.evidence import MOST_CLIPS, Darkroom, written
from pipelines.evidence_desk import PICTURES_AN_HOUR, EvidenceDesk, evidence_desk
from pipelines.evidence_store import EvidenceStore
from pipelines.flow import Flow
from pipelines.frames import Closeup, Sighted
from pipelines.messages import Alert, Camera, EvidenceAbsence, EvidencePart
from pipelines.metrics import WorkerMetrics
from pipelines.zones import zones_of
from tests.support.builders import FIRE_BOX, alert, at, detections, ref
from tests.support.pictures import evidence_frame, maker
from tests.support.waiting import until
from vision.evidence import EvidenceMaker
from vision.hazards import Hazard
from vision.masker import MaskRegions

START_S = at(0).timestamp()
STILL, CLIP, STRIP, _PLACE = EvidencePart
FIRE = (Sighted(hazard=Hazard.FIRE, box=FIRE_BOX, score=0.8),)
CAMERA = "camera-1"


class Rig:
    """A desk on its own, with looks that a test makes."""

    def __init__(self, store: Path) -> None:
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.bursts = Bursts(self.metrics)
        self.store = EvidenceStore(str(store))
        album = Album(self.metrics)
        self.darkroom = Darkroom(self.store, self.metrics, maker=maker)
        self.desk = EvidenceDesk(self.darkroom, album, self.metrics)
        self.desk.open(self.bursts, lambda: None)
        self.watch(CAMERA)
        self.told: list[tuple[Alert, str]] = []

    def watch(self, camera: str) -> None:
        known = Camera(camera_id=camera, url="rtsp://127.0.0.1/x")
        self.desk.watch(camera, zones_of(known))

    def look(
        self,
        seconds: float,
        seen: tuple[Sighted, ...] = FIRE,
        *,
        camera: str = CAMERA,
        masked: bool = True,
    ) -> None:
        made = evidence_frame(START_S + seconds, masked=masked)
        found = Found(
            ref=ref(camera, seconds), row=0, detections=detections(), regions=made.regions,
            picture=0,
        )  # fmt: skip
        closeup = Closeup(pixels=made.pixels, privacy=(), is_asked=False)
        self.desk.album.turn(camera, made.at_s)
        self.desk.album.put(found, closeup, made.vehicles, seen)
        self.desk.looked(camera, made.at_s)
        self.turn()

    def turn(self) -> bool:
        self.told += [(one, str(outcome)) for one, outcome in self.desk.turn()]
        return bool(self.told)

    def outcome(self, limit_s: float = 20.0) -> str:
        until(self.turn, "an outcome", limit_s)
        ((_, outcome),) = self.told
        return outcome

    def counted(self, outcome: str) -> float:
        labels = {"outcome": outcome}
        return self.metrics.registry.get_sample_value("fengsui_evidence_total", labels) or 0.0

    def idle(self) -> bool:
        self.turn()
        return not self.desk._cases


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "store")
    yield made
    made.darkroom.stop()


def began(rig: Rig, seconds: float = 0.0, **change: Any) -> Alert:
    """An alert of the last look."""
    one = alert(seconds, **change)
    rig.desk.began(one, START_S + seconds)
    return one


def test_the_still_is_at_once_of_what_was_seen_and_the_clip_of_before_and_after(rig: Rig) -> None:
    for number in range(20):
        rig.look(-4 + number * 0.2)
    one = began(rig)
    assert rig.bursts.wants_evidence(CAMERA)
    ref_of = rig.outcome()
    assert rig.told == [(one, ref_of)]
    assert rig.store.parts(ref_of) == (STILL,)
    for number in range(22):
        rig.look(0.2 + number * 0.2)
    until(rig.idle, "the clip")
    assert rig.store.parts(ref_of) == (STILL, CLIP)
    assert not rig.bursts.wants_evidence(CAMERA), "the camera is asked no more"
    assert (rig.counted("still_stored"), rig.counted("clip_stored")) == (1, 1)
    assert rig.metrics.registry.get_sample_value("fengsui_evidence_seconds_count") == 1
    assert len(rig.told) == 1, "no revision tells of the clip"


def test_a_camera_that_gives_few_frames_has_a_filmstrip(rig: Rig) -> None:
    began(rig)
    rig.look(1.9)
    ref_of = rig.outcome()
    rig.look(3.8)
    rig.look(5.7)
    until(rig.idle, "the strip")
    assert rig.store.parts(ref_of) == (STILL, STRIP)


def test_one_frame_alone_is_a_still_and_nothing_else(rig: Rig) -> None:
    rig.look(0)
    began(rig)
    ref_of = rig.outcome()
    rig.look(9)
    until(rig.idle)
    assert rig.store.parts(ref_of) == (STILL,)


def test_frames_in_which_the_detector_sees_no_fire_make_no_still_of_one(rig: Rig) -> None:
    elsewhere = (Sighted(hazard=Hazard.FIRE, box=(0.8, 0.8, 0.9, 0.9), score=0.9),)
    began(rig)
    for number, seen in enumerate(((), elsewhere, ())):
        rig.look(1 + 2 * number, seen)
        assert not rig.told
    rig.look(6.5, ())
    assert rig.outcome() == EvidenceAbsence.NO_FRAMES


def test_of_what_no_detector_sees_any_frame_is_a_still(rig: Rig) -> None:
    began(rig, hazard=Hazard.STOPPED_VEHICLE)
    rig.look(1, ())
    assert rig.store.parts(rig.outcome()) == (STILL,)


def test_where_no_look_comes_the_clock_ends_the_waiting(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "FRAMES_S", 0.2)
    monkeypatch.setattr(desk_module, "LATE_S", 0.2)
    began(rig)
    assert rig.outcome() == EvidenceAbsence.NO_FRAMES
    assert rig.counted("no_frames") == 1
    assert not rig.bursts.wants_evidence(CAMERA)


def test_frames_of_which_nobody_knows_where_people_are_make_nothing(rig: Rig) -> None:
    began(rig)
    for second in range(8):
        rig.look(second, masked=False)
    assert rig.outcome() == EvidenceAbsence.NO_MASKER
    assert list(rig.store.refs()) == []


def broken() -> EvidenceMaker:
    """A maker that fails in a way that nobody has seen."""
    return changed(lambda *_: {}["of a picture: [[[0 0 0]]]"])


def slow(seconds: float) -> EvidenceMaker:
    """One that takes its time, and then makes a good picture."""

    def still(*arguments: Any) -> Any:
        time.sleep(seconds)
        return maker().still(*arguments)

    return changed(still)


def half() -> EvidenceMaker:
    """One whose clips fail."""
    made = broken()
    made.still = maker().still  # type: ignore[method-assign]
    return made


def changed(make: Callable[..., Any]) -> EvidenceMaker:
    made = EvidenceMaker(maker()._masker)
    made.still = made.clip = made.filmstrip = make  # type: ignore[method-assign]
    return made


def no_pack() -> EvidenceMaker:
    from models.packs import PackMissingError

    raise PackMissingError("no pack")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (broken, EvidenceAbsence.MASKER_FAILED),
        (lambda: slow(0.5), EvidenceAbsence.MASKER_SLOW),
        (no_pack, EvidenceAbsence.NO_MASKER),
        (lambda: 1 / 0, EvidenceAbsence.NO_MASKER),
    ],
)
def test_a_masker_that_fails_costs_the_picture_and_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Any, reason: EvidenceAbsence
) -> None:
    monkeypatch.setattr(evidence_module, "SLOWEST_S", 0.3)
    rig = Rig(tmp_path / "store")
    monkeypatch.setattr(rig.darkroom, "_load", made)
    rig.look(0)
    began(rig)
    assert rig.outcome() == reason
    assert list(rig.store.refs()) == []
    assert rig.counted(reason) == 1
    rig.darkroom.stop()


def test_a_masker_that_hangs_for_ever_is_given_up_and_stores_nothing_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "HANGS_S", 0.3)
    rig = Rig(tmp_path / "store")
    monkeypatch.setattr(rig.darkroom, "_load", lambda: slow(1.0))
    rig.look(0)
    began(rig)
    assert rig.outcome() == EvidenceAbsence.MASKER_SLOW
    until(lambda: not rig.darkroom._done.empty(), "its end")
    rig.turn()
    assert len(rig.told) == 1
    assert list(rig.store.refs()) == []
    rig.darkroom.stop()


def test_a_job_that_waited_too_long_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_module, "SLOWEST_S", 0.4)
    rig = Rig(tmp_path / "store")
    monkeypatch.setattr(rig.darkroom, "_load", lambda: slow(0.25))
    for number in range(6):
        rig.watch(f"c{number}")
        rig.look(0, camera=f"c{number}")
        rig.desk.began(alert(0, camera_id=f"c{number}"), START_S)
    until(lambda: [rig.turn(), len(rig.told) == 6][1], "all outcomes")
    outcomes = [outcome for _, outcome in rig.told]
    assert outcomes.count(EvidenceAbsence.MASKER_SLOW) >= 4
    assert len(list(rig.store.refs())) == 6 - outcomes.count(EvidenceAbsence.MASKER_SLOW)
    rig.darkroom.stop()


def test_a_clip_that_fails_leaves_the_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path / "store")
    monkeypatch.setattr(rig.darkroom, "_load", half)
    for number in range(15):
        rig.look(-3 + number * 0.2)
    began(rig)
    ref_of = rig.outcome()
    rig.look(4.5)
    until(rig.idle)
    assert rig.store.parts(ref_of) == (STILL,)
    assert rig.counted("clip_failed") == 1
    rig.darkroom.stop()


def test_a_store_that_refuses_is_tried_again_and_then_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_module, "STORE_PAUSES_S", (0.0, 0.1, 0.2))
    (tmp_path / "file").write_bytes(b"")
    rig = Rig(tmp_path / "file" / "store")
    rig.look(0)
    began(rig)
    assert rig.outcome() == EvidenceAbsence.STORE_FAILED
    (tmp_path / "file").unlink()
    rig.look(100)
    began(rig, 100)
    rig.told.clear()
    assert len(rig.outcome()) == 32, "it works again"
    rig.darkroom.stop()


def test_a_store_that_comes_back_in_time_has_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_module, "STORE_PAUSES_S", (0.0, 0.1, 1.0))
    (tmp_path / "file").write_bytes(b"")
    rig = Rig(tmp_path / "file" / "store")
    rig.look(0)
    began(rig)
    time.sleep(0.5)
    (tmp_path / "file").unlink()
    assert rig.store.parts(rig.outcome()) == (STILL,)
    rig.darkroom.stop()


def test_no_camera_has_more_pictures_in_an_hour_than_the_cap(rig: Rig) -> None:
    for number in range(PICTURES_AN_HOUR + 2):
        seconds = number * 100.0
        rig.look(seconds)
        began(rig, seconds)
        until(lambda want=number: [rig.turn(), len(rig.told) > want][1], "an outcome")  # type: ignore[misc]
    outcomes = [outcome for _, outcome in rig.told]
    assert outcomes[PICTURES_AN_HOUR:] == [EvidenceAbsence.HOURLY_CAP] * 2
    assert all(len(one) == 32 for one in outcomes[:PICTURES_AN_HOUR])
    rig.watch("other")
    rig.look(0, camera="other")
    rig.desk.began(alert(0, camera_id="other"), START_S)
    rig.look(3700)
    began(rig, 3700)
    rig.told.clear()
    until(lambda: [rig.turn(), len(rig.told) == 2][1], "both")
    assert all(len(outcome) == 32 for _, outcome in rig.told), "another camera, another hour"


def test_many_alerts_at_once_are_no_way_round_the_cap(rig: Rig) -> None:
    rig.look(0)
    for number in range(PICTURES_AN_HOUR + 5):
        began(rig, -number / 100)
    until(lambda: [rig.turn(), len(rig.told) == PICTURES_AN_HOUR + 5][1], "all outcomes")
    assert len(list(rig.store.refs())) == PICTURES_AN_HOUR
    assert rig.counted("hourly_cap") == 5


def test_a_camera_that_is_removed_has_no_picture_and_its_alert_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path / "store")
    monkeypatch.setattr(rig.darkroom, "_load", lambda: slow(0.6))
    rig.look(0)
    one = began(rig)
    rig.turn()
    assert list(rig.desk.forget(CAMERA)) == [(one, EvidenceAbsence.NO_FRAMES)]
    assert rig.counted("removed") == 1
    assert rig.desk.album.size_bytes == 0
    until(lambda: not rig.darkroom._done.empty(), "the end of what was in hand")
    assert not rig.turn()
    assert list(rig.store.refs()) == []
    rig.darkroom.stop()


def test_a_zone_that_becomes_private_takes_back_what_was_in_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path / "store")
    monkeypatch.setattr(rig.darkroom, "_load", lambda: slow(0.6))
    rig.look(0)
    began(rig)
    rig.turn()
    rig.watch(CAMERA)
    until(lambda: not rig.darkroom._done.empty(), "the end of what was in hand")
    assert not rig.turn()
    assert list(rig.store.refs()) == []
    rig.look(2)
    assert rig.store.parts(rig.outcome()) == (STILL,), "of a frame from after"
    rig.darkroom.stop()


def test_another_address_ends_what_is_in_hand_of_the_old_place(tmp_path: Path) -> None:
    metrics = WorkerMetrics(CollectorRegistry())
    desk = evidence_desk(str(tmp_path / "store"), metrics)
    assert desk is not None
    flow = Flow(pack=load_pack(), drills=frozenset(), epoch=1, metrics=metrics, desk=desk)
    flow.watch(Camera(camera_id=CAMERA, url="rtsp://user:old@127.0.0.1/x"))
    desk.began(alert(0.0), START_S)
    flow.watch(Camera(camera_id=CAMERA, url="rtsp://user:new@127.0.0.1/x"))
    assert desk._cases, "another password shows the same place"
    flow.watch(Camera(camera_id=CAMERA, url="rtsp://127.0.0.1/another-place"))
    assert not desk._cases
    desk.darkroom.stop()


def test_a_clip_that_was_being_put_when_a_zone_was_drawn_is_taken_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        rig.look(-4 + number * 0.2)
    began(rig)
    ref_of = rig.outcome()
    put, is_in, may_go = rig.store.put, threading.Event(), threading.Event()

    def slow_put(ref: str, part: EvidencePart, content: bytes) -> None:
        is_in.set()
        may_go.wait(20)
        put(ref, part, content)

    monkeypatch.setattr(rig.store, "put", slow_put)
    for number in range(22):
        rig.look(0.2 + number * 0.2)
    assert is_in.wait(20)
    rig.watch(CAMERA)  # as drawn anew
    may_go.set()
    until(lambda: rig.idle() and rig.store.parts(ref_of) == (STILL,), "the still alone")


def test_who_removes_a_camera_and_adds_it_again_gets_no_more_pictures(rig: Rig) -> None:
    for number in range(PICTURES_AN_HOUR):
        rig.told.clear()
        rig.look(number * 0.01)
        began(rig, number * 0.01)
        assert len(rig.outcome()) == 32
    list(rig.desk.forget(CAMERA))
    rig.watch(CAMERA)
    rig.told.clear()
    rig.look(1.0)
    began(rig, 1.0)
    assert rig.outcome() == EvidenceAbsence.HOURLY_CAP


def test_clips_that_wait_hold_no_more_frames_than_some(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many alerts there are while the store hangs."""
    monkeypatch.setattr(rig.store, "put", lambda *_: time.sleep(0.5))
    cameras = [f"camera-{number}" for number in range(MOST_CLIPS + 4)]
    for camera in cameras:
        rig.watch(camera)
        for number in range(12):
            rig.look(number * 0.3, camera=camera)
        rig.desk.began(alert(0.0, camera_id=camera), START_S)
        rig.look(4.1, camera=camera)
    held = [case for case in rig.desk._cases if case.around]
    assert 0 < len(held) <= MOST_CLIPS + 1
    assert rig.counted("clip_failed") > 0


def test_at_its_end_a_worker_waits_for_what_is_in_hand_and_says_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path / "store")
    monkeypatch.setattr(rig.darkroom, "_load", lambda: slow(0.5))
    rig.look(0)
    with_frame = began(rig)
    rig.watch("other")
    without = alert(0, camera_id="other")
    rig.desk.began(without, START_S)
    told = {one.camera_id: outcome for one, outcome in rig.desk.finish(5.0)}
    assert told[without.camera_id] == EvidenceAbsence.NO_FRAMES
    assert rig.store.parts(told[with_frame.camera_id]) == (STILL,)


def test_at_its_end_a_worker_waits_no_longer_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path / "store")
    monkeypatch.setattr(rig.darkroom, "_load", lambda: slow(1.5))
    rig.look(0)
    one = began(rig)
    began_s = time.monotonic()
    assert list(rig.desk.finish(0.5)) == [(one, EvidenceAbsence.MASKER_SLOW)]
    assert time.monotonic() - began_s < 1.0
    time.sleep(1.7)
    assert list(rig.store.refs()) == []


def test_nothing_makes_the_loop_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a masker that hangs and hundreds of alerts; whoever has no place has a reason."""
    rig = Rig(tmp_path / "store")
    hanging = threading.Event()
    monkeypatch.setattr(rig.darkroom, "_load", lambda: hanging.wait(20))
    longest_s = 0.0
    for number in range(200):
        name = f"c{number}"
        rig.watch(name)
        began_s = time.monotonic()
        rig.look(0, camera=name)
        rig.desk.began(alert(0, camera_id=name), START_S)
        rig.turn()
        longest_s = max(longest_s, time.monotonic() - began_s)
    hanging.set()
    assert longest_s < 0.2
    assert len(rig.told) >= 150
    assert {outcome for _, outcome in rig.told} == {EvidenceAbsence.MASKER_SLOW}
    rig.darkroom.stop()


def test_only_evidence_is_written() -> None:
    import inspect

    class Likeness:
        def jpeg(self) -> bytes:
            return b"a picture"

    for part in EvidencePart:
        with pytest.raises(TypeError, match="only Evidence is stored"):
            inspect.unwrap(written)(Likeness(), part)  # type: ignore[arg-type]


def test_people_in_a_frame_s_regions_are_covered_in_what_is_stored(rig: Rig) -> None:
    import cv2
    import numpy as np

    made = evidence_frame(START_S)
    somebody = MaskRegions(np.zeros(1, np.int64), np.array([[0.3, 0.3, 0.4, 0.45]], np.float32))
    found = Found(ref=ref(CAMERA, 0), row=0, detections=detections(), regions=somebody, picture=0)
    rig.desk.album.put(
        found, Closeup(pixels=made.pixels, privacy=(), is_asked=False), made.vehicles, FIRE
    )
    began(rig)
    content = rig.store.get(rig.outcome(), STILL)
    assert content is not None
    shown = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    place = shown[115:155, 200:250].astype(int)
    assert np.abs(place - 72).max() < 12
