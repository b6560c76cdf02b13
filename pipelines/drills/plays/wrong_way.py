"""Vehicles against the arrow, and those that only seem so. Looked at five times a second."""

from typing import Final

import numpy as np

from pipelines.drills.plays.common import (
    AWAY,
    FAR_M,
    HAZARD,
    LOOKALIKE,
    NEARER,
    Build,
    Play,
    Props,
    Route,
    Spot,
    Truth,
    driven,
    ground_zone,
    passing,
    staged,
)
from pipelines.drills.plays.places import AVENUE, STREET, Place, place_of
from pipelines.messages import Zone, ZoneKind
from vision.drawing.weather import Weather
from vision.hazards import Hazard

_LENGTH_S = 60.0
"""Shorter than other plays: five looks a second are drawn."""

_NEAR_M, _DEEP_M = 13.0, 42.0
"""Where the zones lie: beyond, a car is too small to follow."""

_WATCHED: Final = (Hazard.WRONG_WAY, Hazard.STOPPED_VEHICLE, Hazard.DEBRIS, Hazard.CAMERA_FAULT)


def _lane_zone(place: Place, left_m: float, right_m: float, heading: float, zone_id: str) -> Zone:
    return ground_zone(
        place.view, left_m, right_m, _NEAR_M, _DEEP_M, zone_id=zone_id, kind=ZoneKind.ROAD,
        heading_rad=heading, permitted_s=30.0,
    )  # fmt: skip


def one_way(place: Place, heading_rad: float) -> tuple[Zone, ...]:
    """Return the whole road as one zone with one direction."""
    road = place.road
    return (_lane_zone(place, road.left_m, road.right_m, heading_rad, "road"),)


def two_way(place: Place) -> tuple[Zone, ...]:
    """Return a zone for each side of the road: the right one leads away."""
    road = place.road
    middle = (road.left_m + road.right_m) / 2
    return (
        _lane_zone(place, road.left_m, middle - 0.3, NEARER, "coming"),
        _lane_zone(place, middle + 0.3, road.right_m, AWAY, "going"),
    )


def _ghost_route(place: Place, lane: int, heading_rad: float, start_s: float) -> Route:
    """Return a route right through at 7 m/s: somebody who is unsure of the way."""
    x = place.road.lane_centres_m()[lane]
    ends = (5.0, FAR_M) if heading_rad == AWAY else (FAR_M, 5.0)
    return Route(stations=((start_s, x, ends[0]), (start_s + 90.0 / 7.0, x, ends[1])))


def _wrong(
    name: str, place: Place, weather: Weather, *, permitted: float, lane: int, label: str = "car"
) -> Play:
    """Return a play on a one-way road: traffic drives as ``permitted``, one comes against it."""
    full = f"wrong_way_{name}"
    against, x_m = NEARER if permitted == AWAY else AWAY, place.road.lane_centres_m()[lane]
    route = _ghost_route(place, lane, against, 20.0)
    enters, leaves = (_DEEP_M, _NEAR_M) if against == NEARER else (_NEAR_M, _DEEP_M)

    def build(spot: Spot) -> Props:
        lanes = [x for k, x in enumerate(place.road.lane_centres_m()) if k != lane]
        actors = [driven(spot, route, against, label=label)]
        for k, x in enumerate(lanes[-2:]):
            actors += passing(spot, x, permitted, (3.0 + 4 * k, 14.0 + 4 * k, 37.0, 49.0 + k))
        return Props(actors=tuple(actors))

    return Play(
        name=full, kind=HAZARD, hazards=_WATCHED, zones=one_way(place, permitted),
        length_s=_LENGTH_S,
        truth=(
            Truth(
                hazard=Hazard.WRONG_WAY,
                from_s=round(route.when(enters), 2),
                to_s=round(route.when(leaves), 2),
                zone_ids=("road",),
                box=place_of(
                    place.view, x_m - 1.8, x_m + 1.8, _NEAR_M - 4.0, _DEEP_M + 8.0, tall_m=4.0,
                ),
            ),
        ),
        stage=staged(full, place, weather, build),
    )  # fmt: skip


def _right_direction(spot: Spot) -> Props:
    left, right = STREET.road.lane_centres_m()
    return Props(
        actors=tuple(
            passing(spot, left, AWAY, (2.0, 11.0, 20.0, 34.0, 46.0))
            + passing(spot, right, AWAY, (5.0, 14.0, 26.0, 38.0, 50.0), seconds=9.0)
        )
    )


def _both_ways(spot: Spot) -> Props:
    lanes = AVENUE.road.lane_centres_m()
    return Props(
        actors=tuple(
            passing(spot, lanes[0], NEARER, (2.0, 12.0, 25.0, 41.0), seconds=8.0)
            + passing(spot, lanes[1], NEARER, (7.0, 30.0, 48.0))
            + passing(spot, lanes[2], AWAY, (4.0, 16.0, 33.0, 50.0))
            + passing(spot, lanes[3], AWAY, (9.0, 21.0, 44.0), seconds=9.0, label="truck")
        )
    )


def _reverses(spot: Spot) -> Props:
    """Return a car that passes a free place at the kerb, stops, and reverses into it."""
    right = STREET.road.lane_centres_m()[1]
    beside = STREET.road.right_m + 1.2
    route = Route(stations=(
        (14.0, right, 7.0), (17.5, right, 28.0), (19.0, right, 31.0), (22.0, right, 31.0),
        (26.0, right + 1.8, 26.5), (29.0, beside, 23.0), (61.0, beside, 23.0),
    ))  # fmt: skip

    def turn(t_s: float) -> float:
        return float(-0.35 * np.sin(np.pi * np.clip((t_s - 22.0) / 7.0, 0.0, 1.0)))

    parked = [driven(spot, Route(stations=((-1.0, beside, z), (61.0, beside, z))), AWAY)
              for z in (16.0, 31.0)]  # fmt: skip
    left = STREET.road.lane_centres_m()[0]
    return Props(
        actors=(driven(spot, route, AWAY, turn=turn), *parked,
                *passing(spot, left, AWAY, (4.0, 35.0, 48.0)))
    )  # fmt: skip


def _overtakes(spot: Spot) -> Props:
    """Return cars that change lanes around slow lorries on a one-way road."""
    left, right = STREET.road.lane_centres_m()
    actors = []
    for start in (5.0, 32.0):
        slow = Route(stations=((start, right, 7.0), (start + 15.0, right, 95.0)))
        quick = Route(stations=(
            (start + 1.5, right, 7.0), (start + 2.6, right, 16.0), (start + 3.8, left, 28.0),
            (start + 6.0, left, 50.0), (start + 7.2, right, 62.0), (start + 9.5, right, 95.0),
        ))  # fmt: skip
        actors += [driven(spot, slow, AWAY, label="truck"), driven(spot, quick, AWAY)]
    return Props(actors=tuple(actors))


def _crossing(spot: Spot) -> Props:
    """Return cars that cross the road at right angles, from a side street to another."""
    actors = [
        driven(spot, Route(stations=((start, -13.0, 24.0), (start + 4.0, 13.0, 24.0))),
               float(np.pi / 2))
        for start in (8.0, 27.0, 47.0)
    ]  # fmt: skip
    left, right = STREET.road.lane_centres_m()
    return Props(actors=(*actors, *passing(spot, left, AWAY, (1.0, 18.0, 38.0)),
                         *passing(spot, right, AWAY, (14.0, 53.0))))  # fmt: skip


def _not_wrong(
    name: str, place: Place, weather: Weather, build: Build, zones: tuple[Zone, ...]
) -> Play:
    full = f"not_wrong_way_{name}"
    return Play(
        name=full, kind=LOOKALIKE, hazards=_WATCHED, zones=zones, length_s=_LENGTH_S,
        stage=staged(full, place, weather, build),
    )  # fmt: skip


WRONG: Final = (
    _wrong("street_day", STREET, Weather.DAY, permitted=AWAY, lane=0),
    _wrong("street_night", STREET, Weather.NIGHT, permitted=AWAY, lane=0),
    _wrong("street_rain", STREET, Weather.RAIN, permitted=NEARER, lane=1),
    _wrong("street_ir", STREET, Weather.INFRARED, permitted=AWAY, lane=0),
    _wrong("avenue_dusk", AVENUE, Weather.DUSK, permitted=NEARER, lane=2),
    _wrong("avenue_lorry", AVENUE, Weather.DAY, permitted=AWAY, lane=1, label="truck"),
)

_ONE_WAY: Final = one_way(STREET, AWAY)

NOT_WRONG: Final = (
    _not_wrong("right_direction", STREET, Weather.DAY, _right_direction, _ONE_WAY),
    _not_wrong("right_direction_night", STREET, Weather.NIGHT, _right_direction, _ONE_WAY),
    _not_wrong("two_way", AVENUE, Weather.DAY, _both_ways, two_way(AVENUE)),
    _not_wrong("two_way_rain", AVENUE, Weather.RAIN, _both_ways, two_way(AVENUE)),
    _not_wrong("reversing", STREET, Weather.DAY, _reverses, _ONE_WAY),
    _not_wrong("overtaking", STREET, Weather.DAY, _overtakes, _ONE_WAY),
    _not_wrong("crossing", STREET, Weather.DUSK, _crossing, _ONE_WAY),
)

PLAYS: Final = WRONG + NOT_WRONG
