"""Vehicles against the arrow, and those that only seem so."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.messages import ZoneKind
from pipelines.rules import wrong_way
from pipelines.rules.settings import WrongWaySettings
from tests.support.traffic import (
    LEFT_TO_RIGHT,
    Vehicle,
    area,
    car_at,
    drives,
    flow,
    judged,
    moments,
    route,
    stands,
)

SETTINGS = WrongWaySettings()
ROAD = area(direction=LEFT_TO_RIGHT)
LANE, NEXT_LANE = 0.60, 0.70


def told_s(traffic, zone=ROAD, length_s: float = 20.0, **shown) -> list[float]:
    """The seconds in which something is said."""
    every = moments(traffic, length_s=length_s, **({"every_s": 0.2} | shown))
    return [at_s for at_s, _ in judged(wrong_way, zone, SETTINGS, every)]


def against(from_s: float, x_per_s: float = -0.15, y: float = LANE) -> Vehicle:
    return drives(from_s, 0.93, y, x_per_s)


@pytest.mark.parametrize(
    ("x_per_s", "missed_share"), [(-0.08, 0.15), (-0.15, 0.0), (-0.15, 0.15), (-0.3, 0.15)]
)
def test_one_against_the_arrow_is_told_in_four_seconds(x_per_s, missed_share) -> None:
    told = told_s([against(3.0, x_per_s)], length_s=9.0, missed_share=missed_share)
    assert 5.0 <= told[0] <= 7.0


def test_it_is_told_as_long_as_it_lasts_and_no_longer() -> None:
    told = told_s([against(3.0)])
    assert 7.5 <= told[-1] <= 10.0
    assert len(told) >= 3


def test_it_is_told_amid_traffic_that_drives_as_it_should() -> None:
    traffic = [against(6.0), *flow(NEXT_LANE, gap_s=2.0, to_s=12.0)]
    assert 8.0 <= told_s(traffic, length_s=12.0)[0] <= 10.5


@pytest.mark.parametrize(("x_per_s", "gap_s"), [(0.1, 2.3), (0.3, 1.0), (0.5, 1.0), (0.5, 2.3)])
def test_traffic_along_the_arrow_is_not_told(x_per_s: float, gap_s: float) -> None:
    traffic = flow(LANE, gap_s=gap_s * 0.3 / min(x_per_s, 0.3), to_s=20.0, x_per_s=x_per_s)
    assert told_s(traffic, missed_share=0.15) == []


def test_the_other_carriageway_is_not_told() -> None:
    zone = area(direction=LEFT_TO_RIGHT, box=(0.0, 0.55, 1.0, 0.8))
    traffic = flow(0.5, gap_s=1.5, to_s=20.0, x_per_s=-0.3) + flow(0.62, gap_s=1.7, to_s=20.0)
    assert told_s(traffic, zone, missed_share=0.1) == []


def test_looks_seconds_apart_say_nothing() -> None:
    assert told_s([against(3.0, -0.05)], every_s=2.0) == []


def test_reversing_into_a_space_is_not_told() -> None:
    parks = route(
        (1.0, 0.05, LANE), (4.0, 0.6, LANE), (7.0, 0.6, LANE),
        (11.0, 0.46, 0.66), (60.0, 0.46, 0.66),
    )  # fmt: skip
    assert told_s([parks]) == []


def test_a_parked_car_that_jitters_is_not_told() -> None:
    assert told_s([stands(0.5, LANE)], length_s=15.0, jitter=0.08) == []


def test_crossing_and_turning_are_not_told() -> None:
    crosses = drives(1.0, 0.5, 0.35, -0.01, 0.1)
    turns = route((1.0, 0.06, LANE), (4.0, 0.6, LANE), (5.0, 0.62, 0.66), (6.5, 0.5, 0.79))
    assert told_s([crosses, turns], length_s=9.0) == []


def test_overtaking_on_the_other_side_is_not_told() -> None:
    """Out, past a lorry, and back within 3 s in the zone of those that come."""
    coming = area(direction=LEFT_TO_RIGHT, box=(0.0, 0.55, 1.0, 0.65))
    passes = route(
        (1.0, 0.95, 0.70), (2.4, 0.75, 0.70), (3.0, 0.68, 0.62), (5.4, 0.30, 0.62),
        (6.0, 0.22, 0.70), (8.0, 0.02, 0.70),
    )  # fmt: skip
    assert told_s([passes], coming, length_s=10.0) == []


def test_one_that_comes_in_at_the_zones_end_is_told() -> None:
    short = area(direction=LEFT_TO_RIGHT, box=(0.1, 0.3, 0.75, 0.8))
    assert told_s([against(2.0)], short, length_s=9.0)


def test_a_lorry_that_comes_into_the_picture_grows_and_is_not_told() -> None:
    """Cut off by the left edge, its box grows towards the right: with an arrow to the left."""
    right_to_left = area(direction=-LEFT_TO_RIGHT)

    def where(t_s: float):
        rear = 0.5 * np.exp(-0.25 * t_s) - 0.02
        return None if rear < 0.01 else (max(rear - 0.3, 0.0), 0.4, rear, 0.6)

    assert told_s([Vehicle(where=where)], right_to_left) == []


def test_a_track_that_jumps_back_to_the_next_car_is_not_told() -> None:
    """Each car is seen for 1 s only, where the one before it was a length further on."""
    traffic = [
        Vehicle(
            where=lambda t_s, n=n: (
                car_at(0.7 - 0.06 * n + 0.03 * (t_s - n), LANE) if n <= t_s < n + 1 else None
            )
        )
        for n in range(10)
    ]
    assert told_s(traffic, length_s=12.0) == []


def test_shares_are_compared_in_pixels_of_the_picture() -> None:
    """On 640 x 360 an arrow of 0.3 by 0.3 leads 29 degrees down, not 45."""
    slanted = area(direction=np.array([0.3, 0.3], np.float32), box=(0.0, 0.0, 1.0, 1.0))
    along = drives(1.0, 0.1, 0.2, 0.1, 0.1)
    back = drives(1.0, 0.9, 0.9, -0.1, -0.1)
    assert told_s([along], slanted, length_s=9.0) == []
    assert told_s([back], slanted, length_s=9.0)


@pytest.mark.parametrize(
    "zone", [replace(ROAD, direction=None), replace(ROAD, kind=ZoneKind.FIRE_LANE)]
)
def test_zones_without_an_arrow_and_of_other_kinds_are_none_of_its_business(zone) -> None:
    assert told_s([against(3.0)], zone, length_s=10.0) == []
