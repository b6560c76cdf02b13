"""What a judge remembers: over windows, clocks that are set, other sizes, other streams, faults."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from pipelines.frames import Look, Measures, Things
from pipelines.judge import Judge, watches_otherwise
from pipelines.messages import Camera, CameraFault, Expected, Window, Zone, ZoneKind
from pipelines.rules.events import Change, Event
from pipelines.rules.moment import Columns
from pipelines.zones import zones_of
from tests.support.builders import FIRE_BOX, at, look
from vision.hazards import Hazard
from vision.roles import Label, Role
from vision.tamper import Sight, sight

LABELS = (
    Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.5),
    Label(name="smoke", role=Role.HAZARD, hazard=Hazard.SMOKE, threshold=0.5),
    Label(name="rock", role=Role.HAZARD, hazard=Hazard.DEBRIS, threshold=0.5),
    Label(name="car", role=Role.VEHICLE, hazard=None, threshold=0.5),
)
ROW = {Hazard.FIRE: 0, Hazard.SMOKE: 1, Hazard.DEBRIS: 2}
SEEN = list(ROW)
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
CAR = (0.4, 0.5, 0.6, 0.7)
SMALL, LARGE, SQUARE = (640, 360), (1280, 720), (640, 480)
DAY = 86_400.0
HOURS_BACK = -7200.0


def camera(*hazards: Hazard, kind: ZoneKind = ZoneKind.ROAD, **more: object) -> Camera:
    zone = Zone(zone_id="zone", polygon=WHOLE, kind=kind)
    return Camera(
        camera_id="camera-1",
        url="rtsp://192.0.2.1/x",
        zones=(zone,),
        hazards=hazards,
        **more,  # type: ignore[arg-type]
    )


def judge(of: Camera) -> Judge:
    return Judge(of, zones_of(of), Columns(labels=LABELS))


def window(kind: Expected, from_s: float, until_s: float) -> Window:
    return Window(kind=kind, starts_at=at(from_s), ends_at=at(until_s), author="wang")


def seen(hazard: Hazard, second: float) -> Look:
    """A sign whose edges move, as a plume's do."""
    n = int(second) // 2
    x0, y0, x1, y1 = FIRE_BOX
    box = (x0 + 0.01 * (n % 3), y0 - 0.03 * (n % 4), x1 + 0.02 * (n % 2), y1)
    return look(second, (box, 0.9, ROW[hazard]))


def told(
    watching: Judge,
    hazard: Hazard,
    seconds: Iterable[float],
    *,
    shows: Callable[[float], bool] = lambda _: True,
    clock: Callable[[float], float] = lambda second: second,
    size_px: Callable[[float], tuple[int, int]] = lambda _: SMALL,
) -> list[tuple[Change, float]]:
    """Watch at these seconds; return what began and ended, each with its second."""
    events = []
    for second in seconds:
        one = seen(hazard, second) if shows(second) else look(second)
        ref = replace(one.ref, captured_at=at(clock(second)), source_size_px=size_px(second))
        events += [(one.change, second) for one in watching.see(replace(one, ref=ref))]
    return [one for one in events if one[0] is not Change.GOES_ON]


def began(events: Iterable[tuple[Change, float]]) -> list[float]:
    return [second for change, second in events if change is Change.BEGAN]


# Windows


def test_a_window_that_opens_on_a_fire_ends_nothing_while_it_burns() -> None:
    burn = window(Expected.PLANNED_BURN, 100, 400)
    watching = judge(camera(Hazard.FIRE, windows=(burn,)))
    events = told(
        watching, Hazard.FIRE, range(0, 600, 2), shows=lambda s: 30 <= s < 200 or s >= 300
    )
    assert events == [(Change.BEGAN, 34), (Change.ENDED, 208), (Change.BEGAN, 404)]


def test_opening_a_window_ends_no_fault_that_is_on() -> None:
    events, watching = list[Change](), judge(camera(Hazard.CAMERA_FAULT))
    for second in range(0, 600, 2):
        if second == 200:
            revised = camera(Hazard.CAMERA_FAULT, windows=(window(Expected.MAINTENANCE, 150, 900),))
            events += [one.change for one in watching.revise(revised, zones_of(revised))]
        seen_now = sighted(second, ELSEWHERE if second >= 100 else STREET, look(second))
        events += [one.change for one in watching.see(seen_now)]
    assert [one for one in events if one is not Change.GOES_ON] == [Change.BEGAN]


def test_only_what_is_drawn_or_looked_for_or_where_makes_all_begin_anew() -> None:
    one = camera(Hazard.FIRE)
    assert not watches_otherwise(
        one, camera(Hazard.FIRE, windows=(window(Expected.PLANNED_BURN, 0, 9),))
    )
    assert not watches_otherwise(one, msgspec.structs.replace(one, thresholds={Hazard.FIRE: 0.7}))
    assert watches_otherwise(one, camera(Hazard.SMOKE))
    assert watches_otherwise(one, msgspec.structs.replace(one, url="rtsp://192.0.2.9/other"))


@pytest.mark.parametrize("hazard", [Hazard.FIRE, Hazard.SMOKE])
def test_burns_that_nobody_was_told_of_make_no_habit(hazard: Hazard) -> None:
    def burns(second: float) -> bool:
        return second % (DAY / 2) < 1200 or second >= 4 * DAY

    week = [day * DAY / 2 + s for day in range(7) for s in range(600, 1400, 8)]
    next_day = [4 * DAY + s for s in range(0, 40, 4)]
    expected = window(Expected.PLANNED_BURN, 0, 3.9 * DAY)
    held = judge(camera(hazard, windows=(expected,)))
    assert began(told(held, hazard, [*week, *next_day], shows=burns)) == [
        4 * DAY + (8 if hazard is Hazard.FIRE else 12)
    ]
    usual = judge(camera(hazard))
    onsets = began(told(usual, hazard, [*week, *next_day], shows=burns))
    assert all(second < 4 * DAY for second in onsets), "a daily burn that nobody expects is one"


def test_what_was_a_habit_before_a_window_is_one_after_it() -> None:
    burn = window(Expected.PLANNED_BURN, 1000, 2000)
    watching = judge(camera(Hazard.SMOKE, windows=(burn,)))
    assert told(watching, Hazard.SMOKE, range(0, 3000, 2)) == []


def test_vehicles_of_roadworks_make_no_place_a_bus_stop() -> None:
    def onsets(*windows: Window) -> list[float]:
        watching = judge(camera(Hazard.STOPPED_VEHICLE, windows=windows))
        events = []
        for second in range(0, 2400, 4):
            stands = 20 <= second % 300 < 200 and (second < 1000 or second >= 1500)
            one = look(second, *([(CAR, 0.9, 3)] if stands else []))
            events += [(event.change, float(second)) for event in watching.see(one)]
        return [second for second in began(events) if second >= 1500]

    assert onsets(window(Expected.ROADWORKS, 0, 1200)), "as if nobody had stood there"
    assert onsets() == [], "three that stood as long are a habit"


# Faults


STREET = (
    np.random.default_rng(3).integers(40, 220, (18, 32, 3), np.uint8).repeat(16, 0).repeat(16, 1)
)
ELSEWHERE = (
    np.random.default_rng(5).integers(40, 220, (18, 32, 3), np.uint8).repeat(16, 0).repeat(16, 1)
)


@functools.cache
def sight_of(where: str, number: int) -> Sight:
    pixels = {"street": STREET, "elsewhere": ELSEWHERE}[where]
    noise = np.random.default_rng(number).integers(0, 3, pixels.shape, np.uint8)
    return sight(pixels + noise)


def sighted(second: float, pixels: np.ndarray, one: Look) -> Look:
    """Eleven sights by turns: no two looks one after the other have the same."""
    where = "street" if pixels is STREET else "elsewhere"
    return replace(one, measures=Measures(sight=sight_of(where, int(second) // 2 % 11)))


def test_a_camera_that_is_lost_in_maintenance_is_told_of_when_that_is_over() -> None:
    works = window(Expected.MAINTENANCE, -100, 300)
    watching = judge(camera(Hazard.CAMERA_FAULT, windows=(works,)))
    assert watching.lost(at(100)) == []
    assert [one.change for one in watching.lost(at(300))] == [Change.BEGAN]
    assert [one.change for one in watching.lost(at(400))] == [Change.GOES_ON]


def test_a_camera_that_was_lost_before_its_maintenance_stays_lost() -> None:
    works = window(Expected.MAINTENANCE, 50, 300)
    watching = judge(camera(Hazard.CAMERA_FAULT, windows=(works,)))
    assert [one.change for one in watching.lost(at(0))] == [Change.BEGAN]
    assert [one.change for one in watching.lost(at(100))] == [Change.GOES_ON]


def in_maintenance(until_s: float, length_s: int) -> list[Event]:
    """A camera is moved at 120 s; from 200 s on something stands in what was the fire lane."""
    works = window(Expected.MAINTENANCE, 100, until_s)
    hazards = (Hazard.CAMERA_FAULT, Hazard.OBSTRUCTION)
    watching = judge(camera(*hazards, kind=ZoneKind.FIRE_LANE, windows=(works,)))
    events = []
    for second in [*range(0, 300, 2), *range(300, length_s, 20)]:
        one = look(second, *([(CAR, 0.9, 3)] if second >= 200 else []))
        events += watching.see(sighted(second, ELSEWHERE if second >= 120 else STREET, one))
    return [one for one in events if one.change is not Change.GOES_ON]


def test_zones_are_not_judged_on_a_picture_that_moved_in_maintenance() -> None:
    assert in_maintenance(900, 880) == []


def test_a_move_of_which_nobody_was_told_is_told_of_after_hours_of_maintenance() -> None:
    (one,) = in_maintenance(4000, 4200)
    assert (one.hazard, one.at) == (Hazard.CAMERA_FAULT, at(4000))
    assert one.detail is not None
    assert one.detail.fault is CameraFault.MOVED


# Clocks


@pytest.mark.parametrize("hazard", SEEN)
@pytest.mark.parametrize("back_s", [-40.0, -90.0, HOURS_BACK, -20 * 365 * DAY])
def test_what_goes_on_while_the_clock_is_set_back_is_soon_told_again(
    hazard: Hazard, back_s: float
) -> None:
    def clock(second: float) -> float:
        return second + (back_s if second >= 60 else 0.0)

    events = told(
        judge(camera(hazard)), hazard, range(0, 200, 2), shows=lambda s: s >= 30, clock=clock
    )
    again = [] if back_s > -60 else [64]
    assert [second for second in began(events) if second > 40] == again


def test_smoke_that_comes_anew_after_the_clock_was_set_back_is_told_of_as_otherwise() -> None:
    def onsets(back_s: float) -> list[float]:
        def clock(second: float) -> float:
            return second + (back_s if second >= 400 else 0.0)

        def shows(second: float) -> bool:
            return 30 <= second < 90 or second >= 1600

        return began(
            told(
                judge(camera(Hazard.SMOKE)),
                Hazard.SMOKE,
                range(0, 2000, 2),
                shows=shows,
                clock=clock,
            )
        )

    assert onsets(HOURS_BACK) == onsets(0.0)


def test_a_fire_before_the_clock_was_set_back_hides_nothing_that_falls_hours_later() -> None:
    watching = judge(camera(Hazard.DEBRIS, kind=ZoneKind.SLOPE))
    events = []
    for second in range(0, 700, 2):
        lies_s = second - 600.0
        boxes = [(0.4, 0.6, 0.65, 0.72)] if lies_s >= 0 else []
        things = Things(
            xyxy=np.array(boxes, np.float32).reshape(-1, 4),
            still_s=np.full(len(boxes), lies_s, np.float32),
        )
        one = look(second, *([((0.8, 0.1, 0.9, 0.2), 0.9, 0)] if 380 <= second < 390 else []))
        back_s = HOURS_BACK if second >= 400 else 0.0
        ref = replace(one.ref, captured_at=at(second + back_s))
        found = watching.see(replace(one, ref=ref, measures=Measures(things=things)))
        events += [(event.change, float(second)) for event in found]
    assert began(events) == [614]


def test_habits_that_were_kept_under_a_later_clock_come_back_as_habits() -> None:
    chimney = judge(camera(Hazard.SMOKE))
    assert told(chimney, Hazard.SMOKE, range(0, 600, 2)) == []
    again = judge(camera(Hazard.SMOKE))
    again.recall(chimney.states)
    events = told(again, Hazard.SMOKE, range(600, 900, 2), clock=lambda s: s + HOURS_BACK)
    assert events == []
    (state,) = again.states.values()
    assert {place.first_at for place in state.places} == {at(600 + HOURS_BACK)}


def test_no_clock_is_set_so_far_back_that_a_judge_fails() -> None:
    watching = judge(camera(*SEEN, Hazard.CAMERA_FAULT))
    for second in (0.0, 2.0, 200_000_000_000.0, 4.0, -60_000_000_000.0, 6.0):
        one = sighted(2.0, STREET, seen(Hazard.SMOKE, 2.0))
        watching.see(replace(one, ref=replace(one.ref, captured_at=at(second))))


# Sizes


@pytest.mark.parametrize("other", [LARGE, SQUARE])
@pytest.mark.parametrize("change_s", [22, 24, 26, 28, 30, 32, 34])
@pytest.mark.parametrize("hazard", SEEN)
def test_what_begins_as_the_picture_s_size_changes_is_told_of(
    hazard: Hazard, change_s: int, other: tuple[int, int]
) -> None:
    events = told(
        judge(camera(hazard)),
        hazard,
        range(0, 60, 2),
        shows=lambda s: s >= 30,
        size_px=lambda s: SMALL if s < change_s else other,
    )
    assert began(events)
    assert began(events)[0] <= 40


@pytest.mark.parametrize("other", [LARGE, SQUARE])
@pytest.mark.parametrize("period_s", [6, 10, 20])
@pytest.mark.parametrize("hazard", SEEN)
def test_a_size_that_changes_to_and_fro_hides_nothing(
    hazard: Hazard, period_s: int, other: tuple[int, int]
) -> None:
    events = told(
        judge(camera(hazard)),
        hazard,
        range(0, 120, 2),
        shows=lambda s: s >= 30,
        size_px=lambda s: SMALL if s // period_s % 2 else other,
    )
    assert began(events)[:1] <= [50]
    assert len(began(events)) == 1


@pytest.mark.parametrize("other", [LARGE, SQUARE])
@pytest.mark.parametrize("hazard", [Hazard.SMOKE, Hazard.DEBRIS])
def test_a_chimney_or_a_boulder_stays_old_when_the_size_changes(
    hazard: Hazard, other: tuple[int, int]
) -> None:
    events = told(
        judge(camera(hazard)),
        hazard,
        range(0, 1200, 2),
        size_px=lambda s: SMALL if s < 400 else other,
    )
    assert events == []


def test_a_size_that_changes_in_a_gap_is_another_picture_all_the_same() -> None:
    watching = judge(camera(Hazard.CAMERA_FAULT))
    for second in range(0, 60, 2):
        watching.see(sighted(second, STREET, look(second)))
    for second in range(160, 300, 2):
        one = sighted(second, ELSEWHERE, look(second))
        one = replace(one, ref=replace(one.ref, source_size_px=SQUARE))
        assert watching.see(one) == []


# Streams


def test_another_stream_under_the_same_id_has_no_habits_of_the_first() -> None:
    first = camera(Hazard.SMOKE)
    watching = judge(first)
    assert told(watching, Hazard.SMOKE, range(0, 900, 2)) == []
    other = msgspec.structs.replace(first, url="rtsp://192.0.2.99/other")
    assert watching.revise(other, zones_of(other)) == []
    events = told(watching, Hazard.SMOKE, range(900, 1100, 2), shows=lambda s: s >= 1000)
    assert began(events) == [1006]


def test_another_password_shows_the_same_place() -> None:
    first = msgspec.structs.replace(camera(Hazard.SMOKE), url="rtsp://me:one@192.0.2.1/x")
    watching = judge(first)
    told(watching, Hazard.SMOKE, range(0, 900, 2))
    second = msgspec.structs.replace(first, url="rtsp://me:other@192.0.2.1/x")
    watching.revise(second, zones_of(second))
    assert told(watching, Hazard.SMOKE, range(900, 1100, 2), shows=lambda s: s >= 1000) == []


def test_a_fire_that_is_on_goes_on_in_another_stream_that_shows_it() -> None:
    first = camera(Hazard.FIRE)
    watching = judge(first)
    assert began(told(watching, Hazard.FIRE, range(0, 40, 2))) == [4]
    other = msgspec.structs.replace(first, url="rtsp://192.0.2.99/other")
    assert watching.revise(other, zones_of(other)) == []
    assert told(watching, Hazard.FIRE, range(40, 60, 2)) == []


# Moments


def test_a_camera_that_is_watched_again_counts_no_moment_twice_nor_one_as_the_next() -> None:
    found: list[list[int]] = []
    for start in (0, 7200):  # disabled, and enabled again by the same worker
        watching, moments = judge(camera(Hazard.FIRE)), list[int]()
        for second in range(start, start + 20, 2):
            watching.see(seen(Hazard.FIRE, second))
            moments += [one.moment for one in watching.candidates]
        watching.close()
        found.append(moments)
    first, second_time = found
    assert first == list(range(first[0], first[0] + 10))
    assert second_time == list(range(second_time[0], second_time[0] + 10))
    assert second_time[0] > first[-1] + 50, "no replay takes the two for one run of looks"
