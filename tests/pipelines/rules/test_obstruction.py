"""Fire lanes and emergency gates, free and not."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.messages import ZoneKind
from pipelines.rules import obstruction
from pipelines.rules.settings import ObstructionSettings
from tests.support.traffic import (
    FIRE,
    ROCK,
    Vehicle,
    area,
    car_at,
    flow,
    judged,
    moments,
    route,
    stands,
    unseen,
)

SETTINGS = ObstructionSettings()
LANE = area(ZoneKind.FIRE_LANE, box=(0.3, 0.5, 0.6, 0.8))
INSIDE = (0.45, 0.65)


def told_s(traffic, zone=LANE, length_s: float = 70.0, **shown) -> list[float]:
    """The seconds in which something is said."""
    every = moments(traffic, length_s=length_s, **shown)
    return [at_s for at_s, _ in judged(obstruction, zone, SETTINGS, every)]


def rock(x: float, y: float, from_s: float, to_s: float = np.inf) -> Vehicle:
    return replace(stands(x, y, from_s, to_s), label=ROCK)


@pytest.mark.parametrize(
    ("kind", "every_s"),
    [(ZoneKind.FIRE_LANE, 2.0), (ZoneKind.FIRE_LANE, 4.0), (ZoneKind.GATE, 2.0)],
)
def test_a_car_that_stays_is_told_after_half_a_minute(kind: ZoneKind, every_s: float) -> None:
    told = told_s([stands(*INSIDE, 20.0)], replace(LANE, kind=kind), every_s=every_s)
    assert 50.0 <= told[0] <= 50.0 + 2 * every_s
    assert told[-1] >= 69.0 - every_s


def test_a_permitted_time_goes_before_the_rules_own() -> None:
    told = told_s([stands(*INSIDE, 20.0)], replace(LANE, permitted_s=10.0))
    assert 30.0 <= told[0] <= 34.0
    told = told_s([stands(*INSIDE, 20.0)], replace(LANE, permitted_s=40.0))
    assert 60.0 <= told[0] <= 64.0


def test_a_car_that_blocks_it_since_before_counts() -> None:
    assert 30.0 <= told_s([stands(*INSIDE)])[0] <= 34.0


def test_a_car_that_lets_somebody_out_and_those_that_pass_are_not_told() -> None:
    traffic = [stands(*INSIDE, 20.0, 44.0), *flow(0.7, gap_s=2.3, to_s=70.0)]
    assert told_s(traffic) == []


def test_it_is_told_while_it_flickers_and_not_when_it_has_gone() -> None:
    told = told_s([stands(*INSIDE, 10.0, 60.0)], missed_share=0.15)
    assert told[0] <= 50.0
    assert told[-1] < 60.0


def test_hidden_for_a_while_it_is_no_new_one() -> None:
    car = unseen(stands(*INSIDE, 2.0), (45.0, 60.0))
    lorry = stands(0.47, 0.68, 45.0, 60.0, wide=0.2, high=0.25)
    assert next(at_s for at_s in told_s([car, lorry]) if at_s >= 60.0) <= 63.0


def test_beside_the_lane_is_not_told() -> None:
    assert told_s([stands(0.7, 0.65), stands(0.45, 0.45), stands(0.45, 0.95)]) == []


def test_a_lorry_beside_the_lane_that_hides_it_is_not_told() -> None:
    """Its upper half lies over a third of the zone; its wheels are below it."""
    assert told_s([stands(0.45, 0.95, wide=0.3, high=0.4)]) == []


def test_one_that_covers_much_of_the_lane_is_told_wherever_its_foot_is() -> None:
    assert told_s([stands(0.45, 0.82, wide=0.3, high=0.3)])


def test_one_that_stands_in_it_mostly_is_told() -> None:
    assert told_s([stands(0.61, 0.7, wide=0.06, high=0.06)]) == []
    assert told_s([stands(0.595, 0.7, wide=0.06, high=0.06)])


def test_a_rock_in_it_is_told_soon() -> None:
    told = told_s([rock(*INSIDE, 20.0)], length_s=40.0)
    assert 30.0 <= told[0] <= 36.0


def test_a_rock_that_never_scores_high_is_told_if_it_lies_there() -> None:
    assert told_s([replace(rock(*INSIDE, 20.0), score=0.42)], length_s=40.0)


def test_somebody_who_sits_down_and_is_taken_for_a_car_is_not_told() -> None:
    """Nor a stall since before. A car in the rain scores as little, and was seen to come."""
    sits = replace(stands(*INSIDE, 20.0, wide=0.03, high=0.08), score=0.6)
    assert told_s([sits]) == []
    assert told_s([replace(stands(*INSIDE), score=0.6)]) == []
    comes = route((15.0, 0.05, 0.65), (20.0, 0.45, 0.65))
    assert told_s([comes, replace(stands(*INSIDE, 20.0), score=0.6)])


def test_a_rock_beside_it_or_for_a_moment_is_not_told() -> None:
    assert told_s([rock(0.8, 0.65, 20.0), rock(*INSIDE, 40.0, 47.0)]) == []


def test_what_moves_and_is_taken_for_rock_is_not_told() -> None:
    walks = route((10.0, 0.31, 0.65), (100.0, 0.59, 0.65))
    dog = Vehicle(where=walks.where, label=ROCK)
    assert told_s([dog]) == []


def test_nothing_but_vehicles_and_rock_is_told() -> None:
    burning = Vehicle(where=lambda _: car_at(*INSIDE), label=FIRE)
    assert told_s([burning]) == []


@pytest.mark.parametrize("kind", [ZoneKind.AREA, ZoneKind.ROAD, ZoneKind.SLOPE])
def test_zones_of_other_kinds_are_none_of_its_business(kind: ZoneKind) -> None:
    assert told_s([stands(*INSIDE)], replace(LANE, kind=kind)) == []


def test_what_is_told_is_what_has_stood_for_longest() -> None:
    shown = moments([stands(0.4, 0.65, 4.0), stands(0.52, 0.7, 20.0)], length_s=60.0)
    said = judged(obstruction, LANE, SETTINGS, shown)
    assert said[-1][1].box == pytest.approx(car_at(0.4, 0.65), abs=0.02)
