"""All rules of a camera together: moments, zones, windows, faults, gaps."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from pipelines.daily import DAILY_MOST, Daily
from pipelines.frames import Look, Measures
from pipelines.judge import Judge
from pipelines.messages import (
    Camera,
    CameraFault,
    Expected,
    Window,
    Zone,
    ZoneKind,
)
from pipelines.rules.events import Change, Event
from pipelines.rules.moment import Columns
from pipelines.zones import zones_of
from tests.support.builders import FIRE_BOX, at, look
from vision.hazards import Hazard
from vision.roles import Label, Role
from vision.tamper import sight

LABELS = (
    Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.5),
    Label(name="car", role=Role.VEHICLE, hazard=None, threshold=0.5),
    Label(name="smoke", role=Role.HAZARD, hazard=Hazard.SMOKE, threshold=0.5),
)
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
LEFT = ((0.0, 0.0), (0.2, 0.0), (0.2, 1.0), (0.0, 1.0))
Box = tuple[float, float, float, float]


def camera(*zones: Zone, hazards: tuple[Hazard, ...] = (Hazard.FIRE,), **more: object) -> Camera:
    return Camera(
        camera_id="camera-1",
        url="rtsp://192.0.2.1/x",
        zones=zones,
        hazards=hazards,
        **more,  # type: ignore[arg-type]
    )


def zone(
    zone_id: str = "zone",
    polygon: tuple[tuple[float, float], ...] = WHOLE,
    kind: ZoneKind = ZoneKind.AREA,
    **more: float,
) -> Zone:
    return Zone(zone_id=zone_id, polygon=polygon, kind=kind, **more)  # type: ignore[arg-type]


def judge(of: Camera | None = None) -> Judge:
    watched = of or camera(zone())
    return Judge(watched, zones_of(watched), Columns(labels=LABELS))


def revise(watching: Judge, of: Camera) -> list[Event]:
    return watching.revise(of, zones_of(of))


def fire(second: float, score: float = 0.9, box: Box = FIRE_BOX) -> Look:
    return look(second, (box, score, 0))


def burning(watching: Judge, from_s: int = 0) -> Judge:
    for second in range(from_s, from_s + 4):
        watching.see(fire(second))
    return watching


def test_the_event_names_the_first_of_the_looks_that_made_it_believed() -> None:
    watching = judge()
    events = [e for s in range(4) for e in watching.see(fire(s, 0.5 + s / 10))]
    assert [event.change for event in events] == [Change.BEGAN, Change.GOES_ON]
    assert events[0].first_seen_at == at(0)
    assert events[0].last_seen_at == at(2)
    assert events[0].box == pytest.approx(FIRE_BOX)


def test_a_score_below_the_label_s_threshold_is_a_weak_sign() -> None:
    watching = judge()
    assert [e for s in range(9) for e in watching.see(fire(s, 0.49))] == []
    strong = [e for s in range(9, 11) for e in watching.see(fire(s, 0.51))]
    assert [event.change for event in strong] == [Change.BEGAN]


def test_a_camera_s_own_threshold_raises_what_is_strong_there() -> None:
    watching = judge(camera(thresholds={Hazard.FIRE: 0.8}))
    assert [e for s in range(9) for e in watching.see(fire(s, 0.75))] == []
    strong = [e for s in range(9, 11) for e in watching.see(fire(s, 0.85))]
    assert [event.change for event in strong] == [Change.BEGAN]


def test_neither_a_vehicle_nor_a_fire_outside_the_zone_begins_anything() -> None:
    watching = judge(camera(zone(polygon=LEFT)))
    for second in range(10):
        found = look(second, (FIRE_BOX, 0.9, 0), ((0.0, 0.0, 0.1, 0.1), 0.9, 1))
        assert watching.see(found) == []


def test_a_zone_for_vehicles_leaves_the_whole_picture_to_fire() -> None:
    watching = judge(camera(zone(polygon=LEFT, kind=ZoneKind.ROAD)))
    events = [e for s in range(4) for e in watching.see(fire(s))]
    assert events[0].zone_id == "all"


def test_looks_days_apart_say_nothing_together() -> None:
    watching = judge()
    for day in range(5):
        assert watching.see(fire(day * 24 * 3600.0)) == []


@pytest.mark.parametrize("jump_s", [7200.0, -7200.0])
def test_a_gap_or_a_clock_set_ends_what_was_on_and_begins_anew(jump_s: float) -> None:
    watching = burning(judge())
    later = [e for second in range(4, 8) for e in watching.see(fire(second + jump_s))]
    assert [event.change for event in later] == [Change.ENDED, Change.BEGAN, Change.GOES_ON]
    assert later[0].last_seen_at == at(3)
    assert later[1].first_seen_at == at(4 + jump_s)


def test_an_end_tells_when_it_was_last_seen() -> None:
    watching = judge()
    for second in range(3):
        watching.see(fire(second))
    ends = [e for second in range(3, 9) for e in watching.see(look(second))]
    assert [(e.change, e.last_seen_at, e.at) for e in ends] == [(Change.ENDED, at(2), at(7))]


def test_a_zone_or_hazard_that_goes_ends_what_was_on_in_it_and_another_begins_anew() -> None:
    for other in (
        camera(zone("other")),
        camera(zone(), hazards=(Hazard.SMOKE,)),
    ):
        watching = burning(judge())
        (ended,) = revise(watching, other)
        assert (ended.change, ended.zone_id, ended.hazard) == (Change.ENDED, "zone", Hazard.FIRE)
        assert ended.at == at(3)
        assert revise(watching, other) == []
    watching = burning(judge())
    revise(watching, camera(zone("other")))
    events = [e for s in range(4, 8) for e in watching.see(fire(s))]
    assert (events[0].change, events[0].zone_id) == (Change.BEGAN, "other")
    assert events[0].first_seen_at == at(4)


def test_a_zone_that_stays_keeps_its_state_and_a_camera_that_goes_ends_it() -> None:
    watching = burning(judge())
    assert revise(watching, camera(zone(), zone("new", LEFT))) == []
    (event,) = watching.see(fire(4))
    assert (event.change, event.zone_id) == (Change.GOES_ON, "zone")
    assert [one.change for one in watching.close()] == [Change.ENDED]


def burst(watching: Judge, start_s: float, seen: str) -> list[tuple[float, Change]]:
    """Five looks a second; ``x`` shows a fire."""
    changes = []
    for n, sign in enumerate(seen):
        at_s = start_s + n / 5
        found = fire(at_s) if sign == "x" else look(at_s)
        close = replace(found, ref=replace(found.ref, is_burst=True, is_due=n % 10 == 0))
        changes += [(at_s, event.change) for event in watching.see(close)]
    return changes


def test_a_burst_is_judged_by_the_second_so_time_still_has_to_pass() -> None:
    watching = judge()
    assert watching.see(fire(0)) == []
    assert watching.suspects
    began = burst(watching, 0.2, "xx.xxxx.xxxxxxx")
    assert began == [(pytest.approx(2.2), Change.BEGAN)], "two seconds of it, not three looks"
    assert not watching.suspects


def test_headlights_that_pass_in_a_burst_raise_nothing() -> None:
    watching = judge()
    watching.see(fire(0))
    assert burst(watching, 0.2, "xxx..x....xx...x....") == []
    assert watching.see(look(4.4)) == []


def test_a_burst_s_second_of_too_few_looks_counts_as_a_look() -> None:
    watching = judge()
    watching.see(fire(0))
    changes = []
    for n in range(8):
        changes += [(0.2 + n, change) for _, change in burst(watching, 0.2 + n, "x")]
    assert changes[0][1] is Change.BEGAN
    assert changes[0][0] == pytest.approx(2.2), "as if it were looked at each second"


def test_what_an_open_window_expects_is_not_told_and_is_when_it_has_ended() -> None:
    burn = Window(kind=Expected.PLANNED_BURN, starts_at=at(-60), ends_at=at(10), author="wang")
    watching = judge(camera(windows=(burn,)))
    for second in range(10):
        assert watching.see(fire(second)) == []
        assert watching.held_back == {Hazard.FIRE}
        assert not watching.suspects, "and it costs no burst"
    events = [e for s in range(10, 14) for e in watching.see(fire(s))]
    assert (events[0].change, events[0].first_seen_at) == (Change.BEGAN, at(10))
    assert watching.held_back == frozenset()


def test_roadworks_hold_no_fire_back() -> None:
    works = Window(kind=Expected.ROADWORKS, starts_at=at(-60), ends_at=at(999), author="wang")
    watching = judge(camera(windows=(works,)))
    assert [e.change for s in range(4) for e in watching.see(fire(s))][:1] == [Change.BEGAN]


def test_candidates_tell_of_every_moment_that_showed_a_sign_believed_or_not() -> None:
    watching = judge()
    watching.see(look(0))
    before = watching.moments
    watching.see(fire(1, 0.4))
    (one,) = watching.candidates
    assert (one.hazard, one.zone_id, one.at) == (Hazard.FIRE, "zone", at(1))
    assert one.moment == before + 1
    assert one.score == pytest.approx(0.4)
    watching.see(look(2))
    assert watching.candidates == ()


STREET = (
    np.random.default_rng(3).integers(40, 220, (18, 32, 3), np.uint8).repeat(16, 0).repeat(16, 1)
)
DARK = np.zeros_like(STREET)


def seeing(second: float, pixels: np.ndarray, found: Look | None = None) -> Look:
    noise = np.random.default_rng(int(second * 10)).integers(0, 3, pixels.shape, np.uint8)
    one = found or look(second)
    return replace(one, measures=Measures(sight=sight(pixels + noise)))


def test_a_camera_that_sees_nothing_says_so_and_keeps_its_vehicle_rules_as_they_are() -> None:
    road = zone("road", kind=ZoneKind.ROAD, permitted_s=10.0)
    watching = judge(camera(road, hazards=(Hazard.CAMERA_FAULT, Hazard.STOPPED_VEHICLE)))
    events = [e for s in range(0, 60, 2) for e in watching.see(seeing(s, STREET))]
    assert events == []
    dark = [e for s in range(60, 180, 2) for e in watching.see(seeing(s, DARK))]
    assert [(e.hazard, e.change) for e in dark][:1] == [(Hazard.CAMERA_FAULT, Change.BEGAN)]
    assert dark[0].detail is not None
    assert dark[0].detail.fault is CameraFault.BLACK
    assert {e.hazard for e in dark} == {Hazard.CAMERA_FAULT}


def test_a_lost_camera_is_told_of_at_once_and_its_return_ends_it() -> None:
    watching = judge(camera(hazards=(Hazard.CAMERA_FAULT,)))
    (began,) = watching.lost(at(0))
    assert (began.change, began.zone_id, began.box) == (Change.BEGAN, "all", None)
    assert began.detail is not None
    assert began.detail.fault is CameraFault.LOST
    assert [e.change for e in watching.lost(at(60))] == [Change.GOES_ON]
    changes = [e.change for s in range(70, 90, 2) for e in watching.see(seeing(s, STREET))]
    assert changes == [Change.ENDED]
    assert judge().lost(at(0)) == [], "nobody watches for it"


def test_a_picture_of_another_size_is_no_camera_that_moved() -> None:
    watching = judge(camera(hazards=(Hazard.CAMERA_FAULT,)))
    for second in range(0, 60, 2):
        watching.see(seeing(second, STREET))
    other = STREET[::-1, ::-1].copy()
    for second in range(60, 180, 2):
        one = seeing(second, other)
        one = replace(one, ref=replace(one.ref, source_size_px=(704, 576)))
        assert watching.see(one) == []


def test_a_vehicle_zone_that_fires_all_day_is_off_until_the_next() -> None:
    daily, key = Daily(), ("road", Hazard.STOPPED_VEHICLE)
    minutes = [at(60.0 * n) for n in range(DAILY_MOST)]
    assert all(daily.may_begin(key, one) for one in minutes)
    assert daily.disabled == (key,)
    assert not daily.may_begin(key, minutes[-1] + timedelta(minutes=1))
    assert daily.may_begin(("other", Hazard.STOPPED_VEHICLE), minutes[-1]), "no other zone is"
    assert daily.may_begin(key, minutes[0] + timedelta(hours=24))
