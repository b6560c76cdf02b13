"""Made-up readings of a river, two seconds apart."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.messages import WaterScale
from pipelines.rules.events import Change, Sighting
from pipelines.rules.persistence import Memory
from pipelines.rules.persistence import step as judge
from pipelines.rules.settings import WaterSettings
from pipelines.rules.water_over_line import State, step
from vision.waterline import Reading

SETTINGS = WaterSettings()
SCALE = WaterScale(foot=(0.5, 0.9), head=(0.5, 0.3), alarm_level=0.6)
LOOK_S = 2.0
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
UNSURE = Reading(level=0.2, sure=0.1)


class River:
    """One scale's readings, fed to the rule one after the other."""

    def __init__(self) -> None:
        self.state = State()
        self.at = NOON

    def see(self, reading: Reading | float | None, *, later_s: float = LOOK_S) -> Sighting | None:
        if isinstance(reading, float):
            reading = Reading(level=reading, sure=0.9)
        self.at += timedelta(seconds=later_s)
        self.state, sighting = step(self.state, reading, self.at, SCALE, SETTINGS)
        return sighting

    def see_all(self, readings: Iterable[Reading | float | None]) -> list[Sighting | None]:
        return [self.see(reading) for reading in readings]


def flooded() -> River:
    river = River()
    river.see_all([0.58, 0.62, 0.66, 0.7, 0.7, 0.7, 0.7])
    assert river.state.over
    return river


def test_water_over_the_line_is_told_with_its_level_and_place() -> None:
    river = River()
    assert river.see_all([0.55] * 10) == [None] * 10
    sighting = river.see_all([0.62, 0.64, 0.64, 0.65, 0.66])[-1]
    assert sighting
    assert sighting.strong
    assert sighting.at == river.at
    assert sighting.detail
    assert sighting.detail.water_level == 0.64
    assert sighting.box
    x0, y0, x1, y1 = sighting.box
    assert x0 < 0.5 < x1
    assert y0 < 0.3
    assert y1 > 0.9


def test_low_water_is_never_told() -> None:
    assert not any(River().see_all([0.5, 0.52, 0.59, 0.58, 0.6] * 20))


def test_a_single_reading_says_nothing_yet() -> None:
    sightings = River().see_all([0.59, 0.61, 0.63])
    assert sightings[:2] == [None, None]
    assert sightings[2]


def test_water_that_is_high_at_the_first_sight_is_told_once_it_has_stayed() -> None:
    sightings = River().see_all([0.8] * 70)
    first = next(number for number, one in enumerate(sightings) if one)
    assert SETTINGS.jump_s <= first * LOOK_S <= SETTINGS.jump_s + LOOK_S


def test_somebody_who_stands_before_the_gauge_for_a_while_is_no_flood() -> None:
    river = River()
    river.see_all([0.36] * 5)
    head: list[Reading | float | None] = [0.8, 0.8, UNSURE, 0.81, UNSURE]
    assert not any(river.see_all([*head * 11, 0.36, 0.36, *head * 11, 0.36]))  # 110 s, twice


def test_a_reading_that_is_sure_now_and_then_is_no_flood() -> None:
    river = River()
    river.see_all([0.58] * 5)
    river.see_all([UNSURE] * 30)
    assert not any(river.see_all([0.7, *[UNSURE] * 9] * 20))


def test_water_that_rises_while_it_is_seldom_seen_is_told() -> None:
    river = River()
    river.see_all([0.45] * 5)
    river.see_all([UNSURE] * 15)
    assert river.see_all([0.62, UNSURE, 0.63, UNSURE, 0.64])[-1]


def test_a_wave_over_the_line_is_no_flood() -> None:
    river = River()
    assert not any(
        river.see_all([0.55, 0.55, 0.55, 0.68, 0.67, 0.55, 0.55, 0.55, 0.68, 0.67, 0.55])
    )


def test_a_boat_that_passes_is_no_flood() -> None:
    river = River()
    river.see_all([0.3] * 5)
    boat = [0.85, 0.85, 0.8, 0.8, 0.82, 0.85]  # 12 s
    assert not any(river.see_all([*boat, 0.3, 0.3, *boat, 0.3]))
    assert river.state.level == 0.3


def test_headlights_that_are_read_here_and_there_are_no_flood() -> None:
    river = River()
    river.see_all([0.3] * 5)
    assert not any(river.see_all([0.9, 0.7, 0.5, 0.8, 0.6] * 10))


def test_a_surge_that_stays_is_told() -> None:
    river = River()
    river.see_all([0.3] * 5)
    sightings = river.see_all([0.8] * 70)
    first = next(number for number, one in enumerate(sightings) if one)
    assert SETTINGS.jump_s <= first * LOOK_S <= SETTINGS.jump_s + LOOK_S
    assert all(sightings[first:])


def test_readings_that_are_not_sure_say_nothing_and_change_nothing() -> None:
    river = River()
    river.see_all([0.5] * 5)
    before = river.state
    assert not any(river.see_all([Reading(level=0.9, sure=0.4), UNSURE, None] * 20))
    assert river.state == before


def test_an_alarm_outlasts_the_dark_as_a_weak_sign() -> None:
    river = flooded()
    held = river.see_all([UNSURE, None] * 30)
    assert all(one and not one.strong for one in held)
    assert held[-1]
    assert held[-1].at == river.at
    assert held[-1].detail
    assert held[-1].detail.water_level == 0.7


def test_an_alarm_held_for_too_long_ends() -> None:
    river = flooded()
    assert river.see(None, later_s=SETTINGS.hold_s - 10)
    assert river.see(None, later_s=20) is None
    assert river.state == State()


def test_water_that_falls_below_the_line_ends_it_once_and_does_not_flap() -> None:
    river = flooded()
    at_the_line = river.see_all([0.61, 0.59, 0.6, 0.58, 0.61, 0.59] * 5)
    assert all(at_the_line)
    assert any(one and not one.strong for one in at_the_line)
    assert not any(river.see_all([0.55, 0.55, 0.55, 0.59, 0.59, 0.59])[2:])


def test_a_line_read_further_down_does_not_end_a_flood_soon() -> None:
    river = flooded()
    assert all(river.see_all([0.2] * 60))  # two minutes of what may be a mirror image's end
    assert not all(river.see_all([0.2] * int(SETTINGS.fall_s / LOOK_S)))


def test_a_clock_that_is_set_back_keeps_the_alarm_and_lets_it_end() -> None:
    river = flooded()
    assert river.see(None, later_s=-86_400)
    assert river.see(None, later_s=SETTINGS.hold_s + 10) is None


@pytest.mark.parametrize("later_s", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps_raises_no_alarm(later_s: float) -> None:
    river = River()
    river.see_all([0.3] * 5)
    assert river.see(0.3, later_s=later_s) is None
    assert river.see(0.9) is None
    assert not any(river.see_all([0.3] * 20))
    assert river.state.level == 0.3


def test_a_night_flood_is_one_alert() -> None:
    rising = [0.3 + 0.01 * number for number in range(45)]
    night: list[Reading | float | None] = [UNSURE, UNSURE, 0.75, None, UNSURE] * 40
    falling = [0.75 - 0.01 * number for number in range(45)]
    river, memory, changes = River(), Memory(), []
    for sighting in river.see_all([*rising, *night, *falling]):
        memory, change = judge(memory, sighting, SETTINGS.persistence)
        changes.append(change)
    assert changes.count(Change.BEGAN) == 1
    assert changes.count(Change.ENDED) == 1


def test_the_box_stays_on_the_picture() -> None:
    scale = WaterScale(foot=(0.0, 1.0), head=(0.02, 0.0), alarm_level=0.75)
    state, sighting = State(), None
    for number in range(6):
        at = NOON + timedelta(seconds=number)
        level = 0.7 + 0.02 * number
        state, sighting = step(state, Reading(level=level, sure=1.0), at, scale, SETTINGS)
    assert sighting
    assert sighting.box == pytest.approx((0.0, 0.0, 0.12, 1.0))
