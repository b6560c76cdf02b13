"""People doing what people do, where every rule looks: nothing of it may alarm, ever.

Tents, stalls and what lies about are put up and laid down by people who are seen before, during
and now and then after. Whoever lies somewhere came there on foot.
"""

from dataclasses import replace
from typing import Final, Protocol, runtime_checkable

import numpy as np

from pipelines.drills.plays.common import (
    AWAY,
    NEARER,
    PEOPLE,
    Actor,
    Build,
    Play,
    Props,
    Route,
    Spot,
    passing,
    person,
    staged,
    standing_at,
)
from pipelines.drills.plays.debris import SLOPE, thing
from pipelines.drills.plays.obstruction import GATE, LANE, gate_posts, lane_marks
from pipelines.drills.plays.places import MOUNTAIN, STREET, YARD, Place
from pipelines.drills.plays.vehicles import road_zone
from pipelines.drills.plays.wrong_way import one_way
from pipelines.messages import Zone, ZoneKind
from vision.arrays import Pixels
from vision.drawing.people import Looks, Pose, make_looks
from vision.drawing.spills import draw_box
from vision.drawing.stalls import Canvas, draw_stall, draw_tent, make_canvas
from vision.drawing.view import View
from vision.drawing.weather import Weather
from vision.hazards import Hazard

_LENGTH_S = 100.0

_LONG_AGO_S = -60.0

_STEADY_LENGTH_S = 60.0
"""Of plays that are looked at five times a second."""

EVERYTHING: Final = tuple(one for one in Hazard if one is not Hazard.WATER_OVER_LINE)
"""No place of these has a scale."""

ROAD: Final = road_zone(STREET, 12.0)

_UMBRELLAS: Final = ((60, 50, 180), (140, 70, 40), (40, 40, 45), (50, 160, 220), (90, 130, 60))


def acting(spot: Spot, *scenes: tuple[Pose, Route], looks: Looks | None = None) -> list[Actor]:
    """Return one somebody who does one thing after the other."""
    clothes = looks or make_looks(spot.rng)
    paces = {Pose.WALKING: 5.0, Pose.BUILDING: 4.0, Pose.CROUCHING: 2.0}
    return [
        person(spot, route, pose, pace=paces.get(pose, 0.7), looks=clothes)
        for pose, route in scenes
    ]


def _rests(
    spot: Spot, pose: Pose, x_m: float, z_m: float, at_s: float, *, from_m: float = -9.0
) -> list[Actor]:
    """Return somebody who walks in from the side, bends down, and sits or lies from then on."""
    walk = Route(stations=((at_s - 8.0, from_m, z_m), (at_s, x_m, z_m)))
    bend = Route(stations=((at_s, x_m, z_m), (at_s + 2.0, x_m, z_m)))
    rest = Route(stations=((at_s + 2.0, x_m, z_m), (_LENGTH_S + 1.0, x_m, z_m)))
    return acting(spot, (Pose.WALKING, walk), (Pose.CROUCHING, bend), (pose, rest))


def _sitting_on_kerb(spot: Spot) -> Props:
    """Return people who sit on the kerb, some since before, some who come."""
    actors = [
        person(spot, standing_at(-4.3 + 0.1 * k, 16.0 + 2.6 * k, _LENGTH_S), Pose.SITTING, pace=0.5)
        for k in range(3)
    ]
    actors += _rests(spot, Pose.SITTING, -4.0, 14.5, 30.0)
    actors += _rests(spot, Pose.SITTING, -4.0, 24.5, 42.0)
    return Props(actors=tuple(actors))


def _lying(spot: Spot) -> Props:
    """Return somebody who lies down at the road's edge, alone."""
    return Props(actors=tuple(_rests(spot, Pose.LYING, -3.4, 17.5, 30.0)))


def _lying_with_helper(spot: Spot) -> Props:
    actors = _rests(spot, Pose.LYING, -2.0, 18.0, 28.0) + _rests(
        spot, Pose.CROUCHING, -0.7, 17.6, 36.0
    )
    return Props(actors=tuple(actors + _rests(spot, Pose.STANDING, -3.0, 20.0, 40.0)))


def _lying_in_a_row(spot: Spot) -> Props:
    """Return four who come, one after the other, and lie or sit down, the last 46 m away."""
    poses = (Pose.LYING, Pose.SITTING, Pose.LYING, Pose.LYING)
    actors: list[Actor] = []
    for k, (z, pose) in enumerate(zip((24.0, 31.0, 38.0, 46.0), poses, strict=True)):
        actors += _rests(spot, pose, -3.0 + 1.7 * k, z, 26.0 + 5.0 * k)
    return Props(actors=tuple(actors))


def _queue(spot: Spot) -> Props:
    """Return a queue on the lane that grows and moves up by a step now and then."""
    actors: list[Actor] = []
    for k in range(9):
        stations = [(6.0 * k - 20.0, 9.0, 15.0 + 1.7 * k), (6.0 * k - 12.0, 2.4, 15.0 + 1.7 * k)]
        stations += [(s, 2.4 + 0.1 * j, 15.0 + 1.7 * k) for j, s in enumerate((60.0, 61.0, 101.0))]
        actors.append(person(spot, Route(stations=tuple(stations)), pace=1.2))
    return Props(actors=tuple(actors))


def _umbrellas(spot: Spot) -> Props:
    """Return people with umbrellas who stand and cross in the rain."""
    actors: list[Actor] = []
    for k in range(8):
        colour = _UMBRELLAS[int(spot.rng.integers(len(_UMBRELLAS)))]
        looks = replace(make_looks(spot.rng), umbrella=colour)
        z = 14.5 + 2.2 * k
        start = 4.0 + 9.0 * k
        x = -2.0 + 0.5 * k
        route = Route(stations=((start, -8.0, z), (start + 6.0, x, z),
                                (start + 26.0, x + 0.4, z), (start + 33.0, 9.0, z)))  # fmt: skip
        actors.append(person(spot, route, Pose.WALKING, pace=3.0, looks=looks))
    return Props(actors=tuple(actors))


def _walking(spot: Spot) -> Props:
    """Return people who walk along the road, with the arrow and against it, and across it."""
    actors: list[Actor] = []
    for k in range(4):
        x = -3.0 + 1.8 * k
        ends = (34.0, 12.0) if k % 2 else (12.0, 34.0)
        start = 2.0 + 7.0 * k
        route = Route(stations=((start, x, ends[0]), (start + 18.0, x, ends[1])))
        actors.append(person(spot, route, Pose.WALKING, pace=5.0))
    across = Route(stations=((30.0, -8.0, 18.0), (41.0, 8.0, 18.5)))
    actors.append(person(spot, across, Pose.WALKING, pace=5.5))
    right = STREET.road.lane_centres_m()[1]
    return Props(actors=(*actors, *passing(spot, right, AWAY, (50.0,))))


def _builders(spot: Spot, x_m: float, z_m: float, from_s: float, done_s: float) -> list[Actor]:
    """Return two who come, put something up, rest beside it, and look after it later."""
    actors: list[Actor] = []
    for side in (-1.0, 1.0):
        at = x_m + side * 1.5
        walk = Route(
            stations=((from_s - 8.0, x_m + side * 9.0, z_m - 0.4), (from_s, at, z_m - 0.4))
        )
        work = Route(stations=((from_s, at, z_m - 0.4), (done_s, at, z_m - 0.4)))
        stay_s = done_s + (14.0 if side > 0 else 30.0)
        stay = Route(stations=((done_s, at, z_m - 0.6), (stay_s, at, z_m - 0.6)))
        back = Route(
            stations=((stay_s, at, z_m - 0.6), (stay_s + 8.0, x_m + side * 9.0, z_m - 0.6))
        )
        again = Route(stations=((86.0, x_m + side * 6.0, z_m - 0.6), (91.0, at, z_m - 0.6),
                                (101.0, at, z_m - 0.6)))  # fmt: skip
        stayed = Pose.SITTING if side > 0 else Pose.STANDING
        actors += acting(spot, (Pose.WALKING, walk), (Pose.BUILDING, work), (stayed, stay),
                         (Pose.WALKING, back), (Pose.WALKING, again))  # fmt: skip
    return actors


@runtime_checkable
class _Draws(Protocol):
    """Paints a tent or a stall."""

    def __call__(
        self, picture: Pixels, view: View, canvas: Canvas, *, place_m: tuple[float, float],
        raised: float = 1.0,
    ) -> None: ...  # fmt: skip


def _erected(spot: Spot, draw: _Draws, place_m: tuple[float, float], from_s: float) -> Actor:
    """Return cloth that lies there from a second on and rises within ten."""
    canvas = make_canvas(spot.rng)

    def paint(picture: Pixels, t_s: float) -> None:
        raised = float(np.clip((t_s - from_s - 2.0) / 10.0, 0.0, 1.0))
        draw(picture, spot.view, canvas, place_m=place_m, raised=raised)

    return thing(place_m[1] + 0.1, from_s, paint)


def _put_up(draw: _Draws, *places: tuple[float, float, float]) -> Build:
    """Return tents or stalls put up one after the other: X, Z and the second it is begun."""

    def build(spot: Spot) -> Props:
        actors: list[Actor] = []
        for x, z, from_s in places:
            actors += _builders(spot, x, z, from_s, from_s + 16.0)
            actors.append(_erected(spot, draw, (x, z), from_s + 2.0))
        return Props(actors=tuple(actors))

    return build


def _vendors(spot: Spot) -> Props:
    """Return stalls that stand since before, vendors behind them, people who come and buy."""
    actors: list[Actor] = []
    for k, z in enumerate((16.0, 20.0, 24.5)):
        actors.append(_erected(spot, draw_stall, (-3.6, z), _LONG_AGO_S))
        actors.append(person(spot, standing_at(-3.4, z + 1.3, _LENGTH_S)))
        come, ahead = 10.0 + 14.0 * k, z - 0.6
        buyer = Route(stations=((come, 8.0, ahead), (come + 8.0, -2.6, ahead),
                                (come + 32.0, -2.5, ahead), (come + 40.0, 8.0, ahead)))  # fmt: skip
        actors.append(person(spot, buyer, Pose.WALKING, pace=4.0))
    return Props(actors=tuple(actors))


def _box_at(spot: Spot, place_m: tuple[float, float], from_s: float) -> Actor:
    turn = 0.4 + place_m[0]

    def paint(picture: Pixels, _t_s: float) -> None:
        draw_box(
            picture, spot.view, place_m=place_m, size_m=(0.8, 0.55), colour=(100.0, 145.0, 180.0),
            turn_rad=turn,
        )  # fmt: skip

    return thing(place_m[1], from_s, paint)


def _unpacking(spot: Spot) -> Props:
    """Return somebody who lays boxes on the road's edge and stays with them."""
    actors: list[Actor] = []
    for k, (x, z) in enumerate(((-2.4, 17.0), (-1.5, 18.2), (-3.2, 18.8))):
        at_s = 24.0 + 10.0 * k
        actors.append(_box_at(spot, (x, z), at_s))
        walk = Route(stations=((at_s - 6.0, -9.0, z - 0.5), (at_s - 1.0, x, z - 0.5)))
        lay = Route(stations=((at_s - 1.0, x, z - 0.5), (at_s + 2.0, x, z - 0.5)))
        back = Route(stations=((at_s + 2.0, x, z - 0.5), (at_s + 4.0, -6.0, z - 0.5)))
        actors += acting(spot, (Pose.WALKING, walk), (Pose.CROUCHING, lay), (Pose.WALKING, back))
    actors += _rests(spot, Pose.SITTING, -1.0, 16.4, 58.0)
    return Props(actors=tuple(actors))


def _crowd_at_gate(spot: Spot) -> Props:
    """Return a crowd that gathers in the gate and stays."""
    actors: list[Actor] = []
    for k in range(14):
        x, z = float(spot.rng.uniform(-3.2, 3.2)), float(spot.rng.uniform(22.5, 30.5))
        came = float(spot.rng.uniform(5.0, 50.0))
        side = -9.5 if k % 2 else 9.5
        walk = Route(stations=((came, side, z), (came + 8.0, x, z)))
        stay = Route(stations=((came + 8.0, x, z), (_LENGTH_S + 1.0, x, z)))
        actors += acting(spot, (Pose.WALKING, walk), (Pose.STANDING, stay))
    return Props(floor=(gate_posts(spot),), actors=tuple(actors))


def _sitting_in_lane(spot: Spot) -> Props:
    actors: list[Actor] = []
    for k, (x, z) in enumerate(((-1.6, 17.0), (0.2, 18.2), (1.7, 17.2), (-0.4, 20.5), (1.2, 21.5))):
        actors += _rests(spot, Pose.SITTING, x, z, 14.0 + 7.0 * k, from_m=-10.0)
    return Props(floor=(lane_marks(spot),), actors=tuple(actors))


def _standing_in_lane(spot: Spot) -> Props:
    """Return a group that talks in the fire lane for a minute and goes."""
    actors: list[Actor] = []
    for k in range(5):
        x, z = -1.6 + 0.8 * k, 18.0 + 0.9 * (k % 2)
        route = Route(
            stations=((8.0 + k, -10.0, z), (16.0 + k, x, z), (78.0, x, z), (86.0, 10.0, z))
        )
        actors.append(person(spot, route, pace=1.5))
    return Props(floor=(lane_marks(spot),), actors=tuple(actors))


def _on_slope(spot: Spot) -> Props:
    """Return people who rest at the foot of a slope and beside the road below it."""
    actors = _rests(spot, Pose.SITTING, -5.4, 17.0, 24.0, from_m=7.0)
    actors += _rests(spot, Pose.CROUCHING, -5.0, 19.5, 33.0, from_m=7.0)
    actors += _rests(spot, Pose.SITTING, -2.8, 16.0, 44.0, from_m=7.0)
    return Props(actors=tuple(actors))


def _play(
    name: str, place: Place, weather: Weather, build: Build, zones: tuple[Zone, ...],
    *, length_s: float = _LENGTH_S,
) -> Play:  # fmt: skip
    full = f"people_{name}"
    is_road = any(zone.kind is ZoneKind.ROAD for zone in zones)
    return Play(
        name=full, kind=PEOPLE, hazards=EVERYTHING, zones=zones, length_s=length_s,
        stage=staged(full, place, weather, _after_traffic(place, build) if is_road else build),
    )  # fmt: skip


def _after_traffic(place: Place, build: Build) -> Build:
    """Return the scene with cars that pass before: from then on what lies on a road counts."""

    def built(spot: Spot) -> Props:
        props, lanes = build(spot), place.road.lane_centres_m()
        cars = passing(spot, lanes[-1], AWAY, (0.0, 4.0)) + passing(spot, lanes[0], NEARER, (2.0,))
        return replace(props, actors=(*cars, *props.actors))

    return built


_TENTS: Final = _put_up(draw_tent, (-2.4, 17.0, 22.0), (1.2, 21.0, 30.0))
_STALLS: Final = _put_up(draw_stall, (-3.0, 17.0, 20.0), (-3.2, 21.5, 34.0))
_LANE_TENT: Final = _put_up(draw_tent, (0.0, 19.0, 25.0))
_SLOPE_ROAD: Final = (*road_zone(MOUNTAIN, 12.0), SLOPE)

PLAYS: Final = (
    _play("sitting_on_kerb", STREET, Weather.DAY, _sitting_on_kerb, ROAD),
    _play("sitting_on_kerb_night", STREET, Weather.NIGHT, _sitting_on_kerb, ROAD),
    _play("lying_on_road", STREET, Weather.DAY, _lying, ROAD),
    _play("lying_on_road_ir", STREET, Weather.INFRARED, _lying, ROAD),
    _play("lying_with_helper", STREET, Weather.DAY, _lying_with_helper, ROAD),
    _play("lying_in_a_row", STREET, Weather.DAY, _lying_in_a_row, ROAD),
    _play("lying_in_a_row_night", STREET, Weather.NIGHT, _lying_in_a_row, ROAD),
    _play("lying_in_a_row_mountain", MOUNTAIN, Weather.DUSK, _lying_in_a_row, _SLOPE_ROAD),
    _play("queue_on_lane", STREET, Weather.DAY, _queue, ROAD),
    _play("queue_on_lane_rain", STREET, Weather.RAIN, _queue, ROAD),
    _play("umbrellas", STREET, Weather.RAIN, _umbrellas, ROAD),
    _play("umbrellas_night", STREET, Weather.NIGHT_RAIN, _umbrellas, ROAD),
    _play("tents_on_road", STREET, Weather.DAY, _TENTS, ROAD),
    _play("tents_on_road_dusk", STREET, Weather.DUSK, _TENTS, ROAD),
    _play("stalls_put_up", STREET, Weather.DAY, _STALLS, ROAD),
    _play("stalls_put_up_night", STREET, Weather.NIGHT, _STALLS, ROAD),
    _play("stalls_with_buyers", STREET, Weather.DAY, _vendors, ROAD),
    _play("unpacking_boxes", STREET, Weather.DAY, _unpacking, ROAD),
    _play("walking_on_road", STREET, Weather.DAY, _walking, one_way(STREET, AWAY),
          length_s=_STEADY_LENGTH_S),
    _play("walking_on_road_night", STREET, Weather.NIGHT, _walking, one_way(STREET, AWAY),
          length_s=_STEADY_LENGTH_S),
    _play("crowd_at_gate", YARD, Weather.DAY, _crowd_at_gate, (GATE,)),
    _play("crowd_at_gate_dusk", YARD, Weather.DUSK, _crowd_at_gate, (GATE,)),
    _play("sitting_in_fire_lane", YARD, Weather.DAY, _sitting_in_lane, (LANE,)),
    _play("sitting_in_fire_lane_ir", YARD, Weather.INFRARED, _sitting_in_lane, (LANE,)),
    _play("standing_in_fire_lane", YARD, Weather.RAIN, _standing_in_lane, (LANE,)),
    _play("tent_in_fire_lane", YARD, Weather.DAY, _LANE_TENT, (LANE,)),
    _play("resting_below_slope", MOUNTAIN, Weather.DAY, _on_slope, _SLOPE_ROAD),
)  # fmt: skip
