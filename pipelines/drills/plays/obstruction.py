"""A fire lane or an emergency gate that is blocked, and one through which life only passes."""

from typing import Final

import numpy as np

from pipelines.drills.plays.common import (
    AWAY,
    HAZARD,
    LOOKALIKE,
    NEARER,
    Build,
    Painter,
    Play,
    Props,
    Route,
    Spot,
    Truth,
    driven,
    ground_zone,
    staged,
    standing_at,
    stopping,
)
from pipelines.drills.plays.debris import fallen_rock
from pipelines.drills.plays.places import YARD, place_of
from pipelines.drills.plays.vehicles import resting
from pipelines.messages import BoxShares, Zone, ZoneKind
from vision.arrays import Pixels
from vision.drawing.paint import fill, tint
from vision.drawing.scenery import quad, strip
from vision.drawing.weather import Weather
from vision.hazards import Hazard

_STOP_S = 40.0
_LENGTH_S = 100.0

_PARKS_AT_M = 0.3

_PERMITTED_S = 20.0
"""Somebody may halt to unload; nobody may park."""

_BROWN: Final = (95.0, 130.0, 165.0)
"""Of rocks: told from the pale ground of a yard."""

_WATCHED: Final = (Hazard.OBSTRUCTION, Hazard.CAMERA_FAULT)

LANE: Final = ground_zone(
    YARD.view, -3.2, 3.2, 13.0, 32.0, zone_id="fire_lane", kind=ZoneKind.FIRE_LANE,
    permitted_s=_PERMITTED_S,
)  # fmt: skip

GATE: Final = ground_zone(
    YARD.view, -3.6, 3.6, 22.0, 31.0, zone_id="gate", kind=ZoneKind.GATE, permitted_s=_PERMITTED_S
)


def lane_marks(spot: Spot) -> Painter:
    """Return the yellow marks of a fire lane."""
    yellow = (50.0, 190.0, 225.0)

    def paint(picture: Pixels, _t_s: float) -> None:
        for x in (-3.2, 3.05):
            fill(picture, strip(spot.view, x, x + 0.15, 12.5, 32.0), yellow)
        for z in np.arange(14.0, 31.0, 3.0):
            bar = [(-3.0, 0.0, z), (-2.7, 0.0, z), (3.0, 0.0, z + 2.0), (2.7, 0.0, z + 2.0)]
            fill(picture, quad(spot.view, bar), tint(yellow, 0.9))

    return paint


def gate_posts(spot: Spot) -> Painter:
    """Return the open gate across the yard at 32 m: two posts and a beam."""

    def paint(picture: Pixels, _t_s: float) -> None:
        for x in (-4.2, 3.8):
            post = [(x, 3.2, 32.0), (x + 0.4, 3.2, 32.0), (x + 0.4, 0.0, 32.0), (x, 0.0, 32.0)]
            fill(picture, quad(spot.view, post), (110.0, 110.0, 120.0))
        beam = [(-4.2, 3.6, 32.0), (4.2, 3.6, 32.0), (4.2, 3.1, 32.0), (-4.2, 3.1, 32.0)]
        fill(picture, quad(spot.view, beam), (60.0, 60.0, 150.0))

    return paint


def floor_of(spot: Spot, zone: Zone) -> tuple[Painter, ...]:
    """Return what is painted on the ground of a zone."""
    return (lane_marks(spot),) if zone.kind is ZoneKind.FIRE_LANE else (gate_posts(spot),)


def _parks(zone: Zone, label: str, rest_m: float) -> Build:
    def build(spot: Spot) -> Props:
        route = stopping(_PARKS_AT_M, rest_m, _STOP_S, None, _LENGTH_S)
        return Props(floor=floor_of(spot, zone), actors=(driven(spot, route, AWAY, label=label),))

    return build


def _rocks_from_m(zone: Zone) -> float:
    return 18.0 if zone.kind is ZoneKind.FIRE_LANE else 23.5


def _rocks_in_lane(zone: Zone) -> Build:
    """Return rocks that roll into a lane from the side."""
    near_m = _rocks_from_m(zone)

    def build(spot: Spot) -> Props:
        rocks = [
            fallen_rock(spot, x, near_m + ahead, wide, onset_s=_STOP_S, tone=_BROWN)
            for x, ahead, wide in ((-1.9, 6.0, 1.9), (1.4, 3.4, 2.1), (-0.8, 0.0, 1.8))
        ]
        return Props(floor=floor_of(spot, zone), actors=tuple(rocks))

    return build


def _obstructed(
    name: str, zone: Zone, weather: Weather, build: Build, box: BoxShares
) -> Play:  # fmt: skip
    full = f"obstruction_{name}"
    return Play(
        name=full, kind=HAZARD, hazards=_WATCHED, zones=(zone,), length_s=_LENGTH_S,
        truth=(
            Truth(
                hazard=Hazard.OBSTRUCTION, from_s=_STOP_S, to_s=_LENGTH_S,
                zone_ids=(zone.zone_id,), box=box,
            ),
        ),
        stage=staged(full, YARD, weather, build),
    )  # fmt: skip


def _parked(name: str, zone: Zone, weather: Weather, rest_m: float) -> Play:
    box = resting(YARD.view, _PARKS_AT_M, rest_m)
    return _obstructed(name, zone, weather, _parks(zone, "car", rest_m), box)


def _rocky(name: str, zone: Zone, weather: Weather) -> Play:
    near_m = _rocks_from_m(zone)
    box = place_of(YARD.view, -3.2, 2.8, near_m - 1.0, near_m + 7.0, tall_m=2.2)
    return _obstructed(name, zone, weather, _rocks_in_lane(zone), box)


def _through_gate(spot: Spot) -> Props:
    """Return cars that drive through the gate both ways, some slowly."""
    starts = ((6.0, 8.0), (24.0, 11.0), (48.0, 8.0), (70.0, 14.0))
    actors = [
        driven(spot, Route(stations=((s, 0.8, 7.0), (s + d, 0.8, 46.0))), AWAY) for s, d in starts
    ]
    actors += [
        driven(spot, Route(stations=((s, -1.0, 46.0), (s + 9.0, -1.0, 7.0))), NEARER)
        for s in (36.0, 60.0)
    ]
    return Props(floor=(gate_posts(spot),), actors=tuple(actors))


def _unloads(spot: Spot) -> Props:
    """Return a van that halts for 10 s, twice."""
    halts = [
        driven(spot, stopping(0.5, 22.0, at, at + 10.0, _LENGTH_S), AWAY, label="truck")
        for at in (20.0, 60.0)
    ]
    return Props(floor=(lane_marks(spot),), actors=tuple(halts))


def _parked_beside(spot: Spot) -> Props:
    """Return cars that park beside the lane, one of them coming; its wheels stay outside."""
    comes = Route(stations=((30.0, 0.0, 7.0), (34.0, 1.0, 16.0), (38.0, 5.8, 21.0),
                            (101.0, 5.8, 21.0)))  # fmt: skip
    return Props(
        floor=(lane_marks(spot),),
        actors=(
            driven(spot, standing_at(-5.6, 19.0, _LENGTH_S), NEARER),
            driven(spot, standing_at(-5.6, 26.0, _LENGTH_S), NEARER),
            driven(spot, comes, AWAY),
        ),
    )


def _turns_round(spot: Spot) -> Props:
    """Return a lorry that turns round in the lane: it is there for 15 s, never still."""
    route = Route(stations=((25.0, 1.5, 7.0), (31.0, 1.5, 24.0), (36.0, -0.5, 20.0),
                            (41.0, 0.5, 25.0), (48.0, -1.0, 7.0)))  # fmt: skip

    def turn(t_s: float) -> float:
        return float(np.pi * np.clip((t_s - 30.0) / 11.0, 0.0, 1.0))

    lorry = driven(spot, route, AWAY, label="truck", turn=turn)
    return Props(floor=(lane_marks(spot),), actors=(lorry,))


def _free(name: str, zone: Zone, weather: Weather, build: Build) -> Play:
    full = f"not_obstruction_{name}"
    return Play(
        name=full, kind=LOOKALIKE, zones=(zone,), length_s=_LENGTH_S,
        hazards=(Hazard.OBSTRUCTION, Hazard.DEBRIS, Hazard.FIRE, Hazard.CAMERA_FAULT),
        stage=staged(full, YARD, weather, build),
    )  # fmt: skip


OBSTRUCTED: Final = (
    _parked("lane_car_day", LANE, Weather.DAY, 22.0),
    _parked("lane_car_night", LANE, Weather.NIGHT, 20.0),
    _parked("lane_car_rain", LANE, Weather.RAIN, 24.0),
    _rocky("lane_rocks_day", LANE, Weather.DAY),
    _parked("gate_car_day", GATE, Weather.DAY, 26.0),
    _parked("gate_car_ir", GATE, Weather.INFRARED, 25.0),
    _rocky("gate_rocks_dusk", GATE, Weather.DUSK),
)

FREE: Final = (
    _free("through_gate", GATE, Weather.DAY, _through_gate),
    _free("through_gate_night", GATE, Weather.NIGHT, _through_gate),
    _free("unloading", LANE, Weather.DAY, _unloads),
    _free("parked_beside", LANE, Weather.DAY, _parked_beside),
    _free("turning_lorry", LANE, Weather.RAIN, _turns_round),
)

PLAYS: Final = OBSTRUCTED + FREE
