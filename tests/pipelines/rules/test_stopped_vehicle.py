"""Vehicles that stand on a carriageway, and those that may."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.messages import ZoneKind
from pipelines.rules import habits, stopped_vehicle, vehicles
from pipelines.rules.settings import StoppedVehicleSettings
from tests.support.traffic import (
    HIGH,
    LEFT_TO_RIGHT,
    TRUCK,
    Vehicle,
    area,
    car_at,
    drives,
    flow,
    judged,
    moments,
    route,
    stands,
    unseen,
)

SETTINGS = StoppedVehicleSettings()
LANE, NEXT_LANE, OTHER_WAY = 0.60, 0.70, 0.45


def told_s(zone, traffic, length_s: float = 120.0, **shown) -> list[float]:
    """The seconds in which something is said."""
    every = moments(traffic, length_s=length_s, **shown)
    return [at_s for at_s, _ in judged(stopped_vehicle, zone, SETTINGS, every)]


def breaks_down(at_s: float, x: float = 0.5, y: float = LANE) -> Vehicle:
    return route((at_s - 3.0, 0.05, y), (at_s, x, y), (1e6, x, y))


@pytest.mark.parametrize("every_s", [0.2, 2.0, 4.0])
def test_one_that_stands_longer_than_permitted_is_told(every_s: float) -> None:
    told = told_s(area(permitted_s=12.0), [breaks_down(15.0)], 48.0, every_s=every_s)
    assert 27.0 <= told[0] <= 27.0 + max(5 * every_s, 2.0) + every_s
    assert told[-1] >= 47.0 - every_s


@pytest.mark.parametrize(("every_s", "direction"), [(0.2, None), (2.0, None), (2.0, LEFT_TO_RIGHT)])
def test_where_others_pass_it_ten_seconds_are_enough(every_s: float, direction) -> None:
    traffic = [breaks_down(15.0), *flow(NEXT_LANE, gap_s=3.1, to_s=40.0)]
    told = told_s(area(direction=direction), traffic, 40.0, every_s=every_s)
    assert 25.0 <= told[0] <= 37.0


@pytest.mark.parametrize(("is_one", "is_told"), [(True, True), (False, False)])
def test_traffic_that_stops_and_goes_in_step_with_the_looks_is_none_that_stands(
    is_one: bool, is_told: bool
) -> None:
    def where(t_s: float) -> tuple[float, float, float, float] | None:
        if t_s < 15.0:
            return None
        shift = 0.0 if is_one or t_s % 10 < 6 else 0.16 * HIGH
        return car_at(0.5, LANE + shift)  # another one each time, seldom in the very same place

    traffic = [drives(12.0, 0.05, LANE, 0.14), Vehicle(where=where)]
    told = told_s(area(), [*traffic, *flow(NEXT_LANE, gap_s=3.1, to_s=60.0)], 60.0)
    assert bool(told) == is_told


def test_where_nothing_moves_it_may_wait_for_a_red_light() -> None:
    told = told_s(area(), [breaks_down(15.0)], length_s=142.0)
    assert 135.0 <= told[0] <= 140.0


def test_flickering_and_hidden_by_lorries_it_is_told_all_the_same() -> None:
    lorries = [
        drives(float(at_s), 0.05, 0.66, 0.25, wide=0.25, high=0.2) for at_s in range(20, 110, 9)
    ]
    broken = unseen(breaks_down(30.0), *((at_s + 1.3, at_s + 2.6) for at_s in range(20, 110, 9)))
    told = told_s(area(permitted_s=12.0), [broken, *lorries], missed_share=0.15)
    assert told[0] <= 60.0


@pytest.mark.parametrize(("permitted_s", "every_s"), [(None, 2.0), (12.0, 2.0), (12.0, 0.2)])
def test_a_queue_at_a_red_light_is_not_told(permitted_s: float | None, every_s: float) -> None:
    """Two lanes of three; it stands 40 s and leaves one after another."""
    queue = [
        route(
            (20.0 + 3 * place, 0.05, y), (24.0 + 3 * place, 0.7 - 0.12 * place, y),
            (64.0 + 1.6 * place, 0.7 - 0.12 * place, y), (68.0 + 1.6 * place, 0.98, y),
        )
        for y in (LANE, NEXT_LANE) for place in range(3)
    ]  # fmt: skip
    zone = area(permitted_s=permitted_s, direction=LEFT_TO_RIGHT)
    assert told_s(zone, queue, 78.0, every_s=every_s) == []


def test_a_long_queue_that_drives_off_is_not_told() -> None:
    """The last stands while those before it leave: they pass nothing."""
    queue = [
        route(
            (10.0 + 2 * place, 0.01, LANE), (14.0 + 2 * place, 0.9 - 0.09 * place, LANE),
            (70.0 + 1.2 * place, 0.9 - 0.09 * place, LANE), (75.0 + 1.2 * place, 0.99, LANE),
        )
        for place in range(9)
    ]  # fmt: skip
    for zone in (area(), area(permitted_s=10.0), area(direction=LEFT_TO_RIGHT)):
        assert told_s(zone, queue) == []


def test_one_that_stays_when_the_queue_has_gone_is_told() -> None:
    stays = route((20.0, 0.05, LANE), (24.0, 0.7, LANE), (1e6, 0.7, LANE))
    others = [
        route((20.0, 0.05, y), (25.0, x, y), (60.0, x, y), (64.0, 0.98, y))
        for x, y in ((0.7, NEXT_LANE), (0.58, NEXT_LANE))
    ]
    told = told_s(area(permitted_s=12.0), [stays, *others])
    assert 60.0 <= told[0] <= 80.0


@pytest.mark.parametrize(
    ("every_s", "gap_s", "permitted_s"),
    [(0.2, 1.7, None), (0.2, 4.0, 10.0), (2.0, 1.0, 10.0), (2.0, 1.7, None), (4.0, 1.7, None)],
)
def test_traffic_that_flows_is_not_told(
    every_s: float, gap_s: float, permitted_s: float | None
) -> None:
    length_s = 30.0 if every_s < 1.0 else 150.0
    traffic = flow(LANE, gap_s=gap_s, to_s=length_s)
    traffic += flow(OTHER_WAY, gap_s=gap_s * 1.3, to_s=length_s, x_per_s=-0.27)
    zone = area(permitted_s=permitted_s)
    assert told_s(zone, traffic, length_s=length_s, every_s=every_s, missed_share=0.1) == []


def test_traffic_in_step_with_the_looks_is_not_told() -> None:
    """A car and a look every 2 s: each look shows one in nearly the same place."""
    rng = np.random.default_rng(4)
    starts = np.arange(0.0, 300.0, 2.0) + rng.normal(0, 0.25, 150)
    traffic = [drives(float(at_s), 0.05, LANE, 0.31) for at_s in starts]
    assert told_s(area(permitted_s=10.0), traffic, length_s=300.0) == []


def test_a_jam_that_creeps_is_not_told() -> None:
    def creeps(first: float) -> Vehicle:
        stations = [(0.0, first, LANE)]
        for _ in range(12):
            at_s, x, _ = stations[-1]
            stations += [(at_s + 6.0, x, LANE), (at_s + 10.0, x + 0.12, LANE)]
        return route(*stations)

    jam = [creeps(x) for x in (-0.9, -0.7, -0.5, -0.3, -0.1, 0.1, 0.3)]
    assert told_s(area(permitted_s=10.0), jam, length_s=110.0) == []


def test_a_jam_whose_cars_stop_where_those_before_them_stood_is_not_told() -> None:
    """In step with the looks, a place looks taken by one car for minutes."""

    def creeps(first: float) -> Vehicle:
        stations = [(0.0, first, LANE)]
        for _ in range(14):
            at_s, x, _ = stations[-1]
            stations += [(at_s + 7.5, x, LANE), (at_s + 10.0, x + 0.15, LANE)]
        return route(*stations)

    jam = [unseen(creeps(0.02 - 0.15 * n), (0.0, 14.0)) for n in range(-6, 14)]
    free = flow(NEXT_LANE, gap_s=6.1, to_s=110.0)
    for zone in (area(permitted_s=10.0), area()):
        assert told_s(zone, [*jam, *free], length_s=110.0) == []


def test_a_stall_that_is_put_up_is_none_and_a_lorry_that_scores_as_little_is() -> None:
    """Both stand for a minute; the lorry was seen as it came."""
    stall = replace(stands(0.5, LANE, 20.0), score=0.55)
    flickers = replace(stands(0.5, LANE - 0.02, 16.0, 17.0), score=0.55)
    assert told_s(area(permitted_s=12.0), [stall, flickers], 80.0) == []
    lorry = route((12.0, 0.05, LANE), (20.0, 0.5, LANE), (1e6, 0.5, LANE))
    slow = replace(lorry, score=0.55, label=TRUCK)
    arrives = replace(lorry, score=0.8, unseen=((19.9, 1e6),))
    stays = replace(slow, unseen=((0.0, 19.9),))
    assert told_s(area(permitted_s=12.0), [arrives, stays], 80.0)


def test_one_that_waits_to_turn_is_not_told() -> None:
    turns = route((20.0, 0.05, LANE), (22.0, 0.5, LANE), (30.0, 0.5, LANE), (32.0, 0.5, 0.35))
    traffic = [turns, *flow(OTHER_WAY, gap_s=3.0, to_s=60.0, x_per_s=-0.3)]
    assert told_s(area(), traffic, length_s=60.0) == []


def test_a_car_parked_since_before_is_not_told_even_if_it_flickers() -> None:
    traffic = [stands(0.5, 0.75), *flow(LANE, gap_s=3.3, to_s=250.0)]
    zone = area(permitted_s=12.0)
    assert told_s(zone, traffic, length_s=250.0, missed_share=0.25, seed=1) == []


def test_a_parking_bay_is_not_told_when_the_next_car_takes_it() -> None:
    bay = [stands(0.5, 0.75, to_s=100.0), stands(0.51, 0.75, 130.0)]
    traffic = [*bay, *flow(LANE, gap_s=3.3, to_s=190.0)]
    assert told_s(area(permitted_s=12.0), traffic, length_s=190.0) == []


def buses(count: int, dwell_s: float, every_s: float = 60.0) -> list[Vehicle]:
    def bus(at_s: float) -> Vehicle:
        halts = route(
            (at_s - 4.0, 0.05, LANE), (at_s, 0.5, LANE), (at_s + dwell_s, 0.5, LANE),
            (at_s + dwell_s + 4.0, 0.97, LANE),
        )  # fmt: skip
        return Vehicle(where=halts.where, label=TRUCK)

    return [bus(40.0 + every_s * n) for n in range(count)]


def test_a_bus_stop_is_learned_after_three() -> None:
    traffic = [*buses(6, 25.0), *flow(NEXT_LANE, gap_s=3.0, to_s=380.0)]
    told = told_s(area(), traffic, length_s=380.0)
    assert len({int((at_s - 40.0) // 60) for at_s in told}) <= 3
    assert max(told) < 200.0


def test_a_breakdown_at_a_bus_stop_is_told_when_it_has_stood_three_times_as_long() -> None:
    broken = breaks_down(300.0)
    traffic = [*buses(4, 25.0), broken, *flow(NEXT_LANE, gap_s=3.0, to_s=390.0)]
    told = [at_s for at_s in told_s(area(), traffic, length_s=390.0) if at_s > 300.0]
    assert 360.0 <= told[0] <= 388.0


def test_a_place_is_forgotten_after_a_day() -> None:
    box = car_at(0.5, LANE)
    place = habits.Place(box=box, stands_s=(50.0,) * 3, last_s=0.0)
    learned = habits.learned
    assert learned((place,), (), 86_000.0, SETTINGS.habit_s) == (place,)
    assert learned((place,), (), 87_000.0, SETTINGS.habit_s) == ()


def test_what_stands_beside_the_zone_is_not_told() -> None:
    beside = stands(0.5, 0.9, 20.0)
    behind = stands(0.5, 0.3 - HIGH / 2, 20.0)
    assert told_s(area(permitted_s=10.0), [beside, behind]) == []


@pytest.mark.parametrize("kind", [ZoneKind.AREA, ZoneKind.FIRE_LANE, ZoneKind.SLOPE])
def test_zones_of_other_kinds_are_none_of_its_business(kind: ZoneKind) -> None:
    assert told_s(area(kind, permitted_s=10.0), [breaks_down(20.0)]) == []


def test_what_is_told_is_where_it_stands() -> None:
    shown = moments([breaks_down(30.0)], length_s=90.0)
    said = judged(stopped_vehicle, area(permitted_s=12.0), SETTINGS, shown)
    assert said[-1][1].box == pytest.approx(car_at(0.5, LANE), abs=0.02)
    assert 0.5 <= said[-1][1].score <= 0.9


def test_hours_of_traffic_leave_a_state_of_bounded_size() -> None:
    state, followed = stopped_vehicle.State(), vehicles.State()
    traffic = flow(LANE, gap_s=1.3, to_s=240.0) + buses(4, 15.0)
    for moment in moments(traffic, length_s=240.0):
        followed = vehicles.step(followed, moment)
        state, _ = stopped_vehicle.step(state, followed, moment, area(), SETTINGS)
    assert len(state.passers) <= stopped_vehicle.MOST_PASSERS
    assert len(followed.drivers) <= vehicles.MOST_DRIVERS
    assert len(state.places) <= habits.MOST_PLACES
    assert len(followed.tracks) < 20
