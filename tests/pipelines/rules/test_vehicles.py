"""The vehicles of one camera, from look to look."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.rules import vehicles
from pipelines.rules.moment import Moment
from tests.support.builders import look
from tests.support.traffic import (
    CAR,
    COLUMNS,
    FIRE,
    ROCK,
    TRUCK,
    Vehicle,
    car_at,
    drives,
    moments,
    route,
    stands,
)

PLACE = car_at(0.5, 0.5)


def moment(*looks) -> Moment:
    return Moment(looks=looks, columns=COLUMNS)


def followed(*shown: Moment) -> vehicles.State:
    state = vehicles.State()
    for one in shown:
        state = vehicles.step(state, one)
    return state


def test_a_car_taken_for_a_lorry_too_is_one_vehicle() -> None:
    state = followed(moment(look(0.0, (PLACE, 0.8, CAR), (car_at(0.505, 0.5), 0.5, TRUCK))))
    assert len(state.tracks) == 1


def test_a_kind_that_changes_from_look_to_look_changes_nothing() -> None:
    state = followed(*(moment(look(2.0 * n, (PLACE, 0.7, (CAR, TRUCK)[n % 2]))) for n in range(9)))
    assert state.tracks.stood_s.tolist() == [16.0]


def test_nothing_but_vehicles_is_followed() -> None:
    assert len(followed(moment(look(0.0, (PLACE, 0.8, ROCK), (PLACE, 0.8, FIRE)))).tracks) == 0


def test_every_look_of_a_second_counts() -> None:
    second = [look(0.2 * n, (PLACE, 0.7, CAR)) for n in range(5)]
    assert followed(moment(*second)).tracks.seen.tolist() == [5]


def test_what_was_seen_in_any_look_of_the_moment_is_here() -> None:
    state = followed(moment(look(0.0, (PLACE, 0.7, CAR)), look(0.2)), moment(look(1.0)))
    assert state.is_here.tolist() == [False]
    state = followed(moment(look(0.0, (PLACE, 0.7, CAR)), look(0.2)))
    assert state.is_here.tolist() == [True]


def test_a_long_gap_forgets_what_stood() -> None:
    before = [moment(look(2.0 * n, (PLACE, 0.7, CAR))) for n in range(20)]
    state = followed(*before, moment(look(120.0, (PLACE, 0.7, CAR))))
    assert state.tracks.stood_s.tolist() == [0.0]
    assert state.stood_before.all()


def test_a_clock_set_back_by_an_hour_begins_anew_and_one_by_seconds_is_waited_for() -> None:
    before = [moment(look(4000.0 + 2 * n, (PLACE, 0.7, CAR))) for n in range(5)]
    assert followed(*before, moment(look(400.0))).began_s == look(400.0).ref.captured_at.timestamp()
    state = followed(*before, moment(look(4003.0)), moment(look(4010.0, (PLACE, 0.7, CAR))))
    assert state.tracks.stood_s.tolist() == [10.0]


def test_what_stands_when_the_looks_begin_stood_before_and_what_comes_later_did_not() -> None:
    state = followed(*moments([stands(0.3, 0.5), stands(0.7, 0.5, 20.0)], length_s=40.0))
    by_place = dict(
        zip((state.tracks.xyxy[:, 0] > 0.5).tolist(), state.stood_before.tolist(), strict=True)
    )
    assert by_place == {False: True, True: False}


def test_a_box_that_leaves_the_picture_is_told_within_it() -> None:
    assert vehicles.shares(np.array([-0.1, 0.2, 1.1, 0.9])) == (0.0, 0.2, 1.0, 0.9)


def test_looks_without_anything_are_borne() -> None:
    state = followed(*(moment(look(2.0 * n)) for n in range(5)))
    assert replace(state.tracks).at_s == look(8.0).ref.captured_at.timestamp()


@pytest.mark.parametrize(
    ("driver", "came"),
    [
        (route((17.0, 0.1, 0.5), (20.0, 0.3, 0.5)), True),
        (drives(17.0, 0.82, 0.5, 0.06), False),
        (drives(17.0, 0.1, 0.7, 0.2, wide=0.24, high=0.2), False),
        (drives(17.0, 0.1, 0.4, 0.06, wide=0.03, high=0.02), False),
    ],
    ids=["up to it", "at the picture's other side", "large and near by", "small and far off"],
)
def test_what_begins_to_stand_came_only_with_a_vehicle_of_its_size_from_near_it(
    driver: Vehicle, came: bool
) -> None:
    traffic = [driver, replace(stands(0.3, 0.5, 20.0), score=0.5)]
    state = followed(*moments(traffic, length_s=26.0, every_s=0.2))
    stall = np.abs(vehicles.feet(state.tracks.xyxy)[:, 0] - 0.3) < 0.02
    assert (stall & state.stands).any()
    assert bool((stall & state.is_sure).any()) is came
