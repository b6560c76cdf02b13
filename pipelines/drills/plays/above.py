"""Roads and lanes seen from straight above, where the detector takes no vehicle for one.

A camera under a bridge deck, on a high mast or a tower sees roofs. Places are drawn to a scale, X
metres to the right and Z metres down the picture from its middle, without perspective.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.drills.plays.common import (
    LOOKALIKE,
    PEOPLE,
    Actor,
    Build,
    Painter,
    Play,
    Props,
    Route,
    Spot,
    staged,
    standing_at,
)
from pipelines.drills.plays.debris import thing
from pipelines.drills.plays.obstruction import LANE
from pipelines.drills.plays.people import EVERYTHING, ROAD
from pipelines.drills.plays.places import SIZE_PX, Place, Shining, view_of
from pipelines.messages import BoxShares, Zone, ZoneKind
from vision.arrays import Pixels
from vision.drawing.paint import Colour, Points, add_glow, fill, fractal, shadow, tint
from vision.drawing.people import Looks, make_looks
from vision.drawing.scenery import Road
from vision.drawing.vehicles import random_paint
from vision.drawing.weather import Weather
from vision.hazards import Hazard

PX_PER_M: Final = 16.0
"""40 m wide and 22 m high: a mast of 25 m."""

ONWARD, BACK, DOWN = 0.0, float(np.pi), float(np.pi / 2)
"""Headings: to the right, to the left, down the picture."""

_END_M = 27.0
"""Beyond both sides of the picture, a lorry's length included."""

_LENGTH_S = 100.0

_LANES_M: Final = (-5.25, -1.75, 1.75, 5.25)
"""Middles of two lanes to the left, above, and two to the right, below."""

_SIZES_M: Final = {"car": (4.5, 1.8, 0.7), "truck": (8.5, 2.5, 1.6)}
"""Length, width, and how far the shadow reaches."""

_SKY: Final = (185.0, 178.0, 170.0)
"""As glass and polished metal mirror it: no roof is one even tone."""


def _px(metres: list[tuple[float, float]]) -> Points:
    middle = np.asarray(SIZE_PX[::-1], np.float32) / 2
    return np.asarray(middle + PX_PER_M * np.asarray(metres, np.float32), np.float32)


def _block(left_m: float, right_m: float, top_m: float, bottom_m: float) -> Points:
    return _px([(left_m, top_m), (right_m, top_m), (right_m, bottom_m), (left_m, bottom_m)])


def _oval(at_m: tuple[float, float], wide_m: float, high_m: float, turn_rad: float) -> Points:
    turns = np.linspace(0.0, 2 * np.pi, 14, endpoint=False)
    along, aside = wide_m / 2 * np.cos(turns), high_m / 2 * np.sin(turns)
    cos, sin = np.cos(turn_rad), np.sin(turn_rad)
    xs, zs = at_m[0] + along * cos - aside * sin, at_m[1] + along * sin + aside * cos
    return _px(list(zip(xs.tolist(), zs.tolist(), strict=True)))


def _asphalt(picture: Pixels, rng: np.random.Generator, grey: float) -> None:
    """Cover everything with ground that is mottled as asphalt is."""
    mottle = fractal(rng, *SIZE_PX, 40.0, 5) - 0.5 + 0.5 * (fractal(rng, *SIZE_PX, 3.0, 1) - 0.5)
    picture[:] = np.clip(grey + 34.0 * mottle, 0, 255).astype(np.uint8)[..., None]


def _avenue(_place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint four lanes from left to right, a zebra crossing, and pavements beside them."""
    _asphalt(picture, rng, float(rng.uniform(85, 125)))
    white = (215.0, 218.0, 220.0)
    for side in (-1.0, 1.0):
        pave = float(rng.uniform(140, 175))
        fill(picture, _block(-21, 21, side * 7.2, side * 12.0), (pave, pave, pave * 1.03))
        for k in range(7):
            x = -20.0 + 6.0 * k
            fill(picture, _block(x, x + 2.5, side * 3.5 - 0.08, side * 3.5 + 0.08), white)
    fill(picture, _block(-21, 21, -0.12, 0.12), (60.0, 190.0, 225.0))
    for k in range(14):
        fill(picture, _block(13.0, 16.0, k - 6.8, k - 6.3), white)
    return Shining(heads=[(160.0, 60.0, PX_PER_M), (480.0, 300.0, PX_PER_M)], windows=[])


def _court(_place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint a fire lane of 5 m across a court, its yellow marks, lawns and roofs beside it."""
    _asphalt(picture, rng, float(rng.uniform(105, 145)))
    yellow = (50.0, 190.0, 225.0)
    for side in (-1.0, 1.0):
        fill(picture, _block(-21, 21, side * 2.5 - 0.08, side * 2.5 + 0.08), yellow)
        for k in range(3):
            x = -21.0 + 14.0 * k + float(rng.uniform(0.0, 3.0))
            green = tint((55.0, 105.0, 80.0), float(rng.uniform(0.7, 1.2)))
            fill(picture, _block(x, x + 10.0, side * 7.0, side * 12.0), green)
    for k in range(12):
        x = -19.0 + 3.4 * k
        fill(picture, _px([(x, -2.3), (x + 0.3, -2.3), (x + 2.3, 2.3), (x + 2.0, 2.3)]), yellow)
    return Shining(heads=[(90.0, 50.0, PX_PER_M), (560.0, 310.0, PX_PER_M)], windows=[])


_ROAD: Final = Road(left_m=-7.0, right_m=7.0, lanes=4)
"""No painter of these places asks for it, nor for the view: they are drawn to a scale."""

AVENUE_ABOVE: Final = Place(kind="street", view=view_of(), road=_ROAD, paint=_avenue)
COURT_ABOVE: Final = Place(kind="yard", view=view_of(), road=_ROAD, paint=_court)


def _shares(left_m: float, right_m: float, top_m: float, low_m: float) -> BoxShares:
    block = _block(left_m, right_m, top_m, low_m) / np.asarray(SIZE_PX[::-1], np.float32)
    x0, y0, x1, y1 = block.clip(0.0, 1.0)[[0, 2]].ravel().tolist()
    return round(x0, 4), round(y0, 4), round(x1, 4), round(y1, 4)


def _zone(name: str, kind: ZoneKind, z_m: tuple[float, float], limit_s: float | None) -> Zone:
    x0, y0, x1, y1 = _shares(-19.5, 19.5, *z_m)
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    return Zone(zone_id=name, polygon=corners, kind=kind, permitted_s=limit_s)


def _carriageways(permitted_s: float | None) -> tuple[Zone, ...]:
    """Return a zone for each direction: its width is what tells how large a vehicle is."""
    return (
        _zone("to_left", ZoneKind.ROAD, (-7.0, 0.0), permitted_s),
        _zone("to_right", ZoneKind.ROAD, (0.0, 7.0), permitted_s),
    )


ROAD_ABOVE: Final = _carriageways(ROAD[0].permitted_s)
ROAD_NO_TIME: Final = _carriageways(None)
LANE_ABOVE: Final = (_zone("fire_lane", ZoneKind.FIRE_LANE, (-2.5, 2.5), LANE.permitted_s),)


def _there(route: Route) -> Callable[[float], float | None]:
    return lambda t_s: at[1] if (at := route.at(t_s)) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Roof:
    """A vehicle from above, on its way."""

    route: Route
    heading_rad: float
    label: str
    paint: Colour

    def draw(self, picture: Pixels, t_s: float) -> None:
        long, _, shade = _SIZES_M[self.label]
        dark: Colour = (52.0, 46.0, 42.0)
        cast = [(x + shade, z + 0.6 * shade) for x, z in self._corners(t_s, -0.5, 0.5, 1.0)]
        if not cast:
            return
        shadow(picture, _px(cast), 0.5, 2.0)
        parts = [(-0.5, 0.5, 1.0, self.paint)]
        if self.label == "car":
            parts += [(-0.38, 0.27, 0.84, dark), (-0.26, 0.1, 0.8, tint(self.paint, 1.2))]
            parts += [(-0.35, -0.3, 0.7, _SKY), (0.16, 0.21, 0.74, _SKY), (0.44, 0.47, 0.8, _SKY)]
        else:
            parts += [(0.48 - 2.0 / long, 0.5 - 2.0 / long, 1.0, dark), (0.44, 0.47, 0.9, _SKY)]
            ribs = [-0.44 + 0.1 * k for k in range(7)]
            parts += [(rib, rib + 0.03, 0.9, tint(self.paint, 1.5)) for rib in ribs]
        for back, front, share, colour in parts:
            fill(picture, _px(self._corners(t_s, back, front, share)), colour)

    def shine(self, picture: Pixels, t_s: float) -> None:
        for x, z in self._corners(t_s, 0.5, 0.56, 0.7)[:2]:
            spot = _px([(x, z)])[0]
            add_glow(picture, float(spot[0]), float(spot[1]), 14.0, (90.0, 105.0, 115.0))

    def _corners(
        self, t_s: float, back: float, front: float, share: float
    ) -> list[tuple[float, float]]:
        """Return a part's corners, front first; ``back`` and ``front`` are lengths."""
        if (at := self.route.at(t_s)) is None:
            return []
        long, wide, _ = _SIZES_M[self.label]
        cos, sin = float(np.cos(self.heading_rad)), float(np.sin(self.heading_rad))
        aside = share * wide / 2
        ends = ((front, -aside), (front, aside), (back, aside), (back, -aside))
        return [
            (at[0] + along * long * cos - across * sin, at[1] + along * long * sin + across * cos)
            for along, across in ends
        ]


def roof(spot: Spot, route: Route, heading_rad: float, label: str = "car") -> Actor:
    """Return a vehicle from above on a route of X and Z."""
    load = tint((140.0, 120.0, 95.0), float(spot.rng.uniform(0.6, 1.4)))
    paint = random_paint(spot.rng) if label == "car" else load
    own = _Roof(route=route, heading_rad=heading_rad, label=label, paint=paint)
    return Actor(depth_m=_there(route), paint=own.draw, shine=own.shine if spot.dark else None)


def _flow(spot: Spot, lane: int, starts_s: tuple[float, ...], label: str = "car") -> list[Actor]:
    """Return vehicles that pass through one lane at 11 m/s, one at each start."""
    way = -1.0 if lane < 2 else 1.0
    z, end = _LANES_M[lane], way * _END_M
    return [
        roof(spot, Route(stations=((start, -end, z), (start + 5.0, end, z))),
             ONWARD if way > 0 else BACK, label)
        for start in starts_s
    ]  # fmt: skip


def _halts(x_m: float, z_m: float, stop_s: float, leave_s: float | None) -> Route:
    """Return a route that comes at 9 m/s, brakes for 3 s, rests at ``stop_s`` and may leave."""
    came_s = stop_s - 3.0 - (x_m - 12.0 + _END_M) / 9.0
    stations = [(came_s, -_END_M, z_m), (stop_s - 3.0, x_m - 12.0, z_m),
                (stop_s - 1.2, x_m - 2.0, z_m), (stop_s, x_m, z_m)]  # fmt: skip
    if leave_s is None:
        return Route(stations=(*stations, (_LENGTH_S + 1.0, x_m, z_m)))
    gone_s = leave_s + 2.0 + (_END_M - x_m - 4.0) / 9.0
    left = ((leave_s, x_m, z_m), (leave_s + 2.0, x_m + 4.0, z_m), (gone_s, _END_M, z_m))
    return Route(stations=(*stations, *left))


def _clouds(spot: Spot) -> Painter:
    """Return the shadows of a cloud that drifts and of a building that creeps."""
    cloud_m = float(spot.rng.uniform(9.0, 15.0))

    def paint(picture: Pixels, t_s: float) -> None:
        edge = -9.0 + 0.03 * t_s
        shadow(picture, _block(-8.0, -1.0, -12.0, edge + 6.0), 0.42, 2.0)
        x = -30.0 + 0.55 * t_s
        shadow(picture, _oval((x, 1.0), cloud_m, 9.0, 0.3), 0.33, 9.0)

    return paint


def _flowing(spot: Spot) -> Props:
    """Return traffic that never stops, under drifting shadows."""
    flow = [
        actor
        for lane, first in enumerate((2.0, 4.5, 1.0, 6.0))
        for actor in _flow(spot, lane, tuple(first + 5.3 * k for k in range(17)))
    ]
    flow += _flow(spot, 3, (33.7, 71.3), "truck")
    return Props(floor=(_clouds(spot),), actors=tuple(flow))


def _red_light(spot: Spot) -> Props:
    """Return queues of two lanes before the crossing, twice 25 s, while the others drive."""
    actors: list[Actor] = []
    for red_s, green_s in ((20.0, 45.0), (65.0, 90.0)):
        for lane in (2, 3):
            for place, x_m in enumerate((9.5, 3.4, -2.8)):
                route = _halts(x_m, _LANES_M[lane], red_s + 3.5 * place, green_s + 1.6 * place)
                actors.append(roof(spot, route, ONWARD))
    return Props(actors=(*actors, *_flow(spot, 1, (2.0, 13.0, 34.0, 52.0, 60.0, 87.0))))


def _bay(spot: Spot) -> Props:
    """Return cars parked at the kerb since before, one of which drives off."""
    z = _LANES_M[3] + 0.8
    parked = [roof(spot, standing_at(x, z, _LENGTH_S), ONWARD) for x in (-12.0, -5.5, 7.0)]
    leaves = Route(stations=((-1.0, 1.0, z), (45.0, 1.0, z), (48.0, 6.0, _LANES_M[2]),
                             (52.0, _END_M, _LANES_M[2])))  # fmt: skip
    parked += _flow(spot, 1, (3.0, 11.0, 26.0, 38.0, 57.0, 70.0, 84.0))
    return Props(actors=(*parked, roof(spot, leaves, ONWARD)))


def _life_of_a_lane(spot: Spot) -> Props:
    """Return a lorry that unloads for 10 s, a car that drives through, and cars parked beside."""
    unloads = roof(spot, _halts(3.0, -0.2, 30.0, 40.0), ONWARD, "truck")
    by = Route(stations=((60.0, _END_M, 0.2), (70.0, -_END_M, 0.2)))
    beside = [roof(spot, standing_at(x, 4.4, _LENGTH_S), BACK) for x in (-9.0, 10.0)]
    comes = Route(stations=((48.0, -_END_M, 0.0), (53.0, -2.0, 0.6), (57.0, 2.0, 4.4),
                            (_LENGTH_S + 1.0, 2.0, 4.4)))  # fmt: skip
    moving = (unloads, roof(spot, by, BACK), roof(spot, comes, ONWARD))
    return Props(floor=(_clouds(spot),), actors=(*beside, *moving))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """Somebody from above: shoulders and hair."""

    route: Route
    looks: Looks
    turn_rad: float
    sits_from_s: float

    def draw(self, picture: Pixels, t_s: float) -> None:
        if (at := self.route.at(t_s)) is None:
            return
        x, z, turn = at[0] + 0.05 * float(np.sin(0.7 * t_s + self.turn_rad)), at[1], self.turn_rad
        shadow(picture, _oval((x + 0.4, z + 0.25), 1.1, 0.4, 0.5), 0.4, 1.5)
        if t_s >= self.sits_from_s:
            knees = (x + 0.4 * float(np.cos(turn)), z + 0.4 * float(np.sin(turn)))
            fill(picture, _oval(knees, 0.6, 0.45, turn), self.looks.trousers)
        fill(picture, _oval((x, z), 0.3, 0.55, turn), self.looks.top)
        fill(picture, _oval((x + 0.05, z), 0.24, 0.22, 0.0), self.looks.hair)


def somebody(spot: Spot, route: Route, *, sits_from_s: float = np.inf) -> Actor:
    """Return a person from above, who may sit down."""
    looks, turn = make_looks(spot.rng), float(spot.rng.uniform(0.0, 6.2))
    own = _Head(route=route, looks=looks, turn_rad=turn, sits_from_s=sits_from_s)
    return Actor(depth_m=_there(route), paint=own.draw)


def _crossing(spot: Spot) -> Props:
    """Return a crowd that gathers at the kerb, crosses in two waves, and some who stay."""
    actors: list[Actor] = []
    for wave_s in (15.0, 60.0):
        for k in range(9):
            x, came = 13.2 + 0.32 * k, wave_s + 1.7 * k
            waits, side = wave_s + 18.0 + 0.4 * k, -1.0 if k % 3 else 1.0
            route = Route(stations=((came, x - 5.0, side * 8.0), (came + 4.0, x, side * 6.7),
                                    (waits, x, side * 6.7), (waits + 10.0, x, -side * 7.5),
                                    (waits + 13.0, x + 6.0, -side * 8.0)))  # fmt: skip
            actors.append(somebody(spot, route))
    for k in range(3):
        route = Route(stations=((8.0 + k, 20.5, -7.8), (16.0 + k, 12.0 + 0.8 * k, -6.6),
                                (_LENGTH_S + 1.0, 12.0 + 0.8 * k, -6.6)))  # fmt: skip
        actors.append(somebody(spot, route))
    return Props(actors=(*actors, *_flow(spot, 2, (3.0, 12.0)), *_flow(spot, 1, (5.0, 50.0))))


def _tent(wide_m: float) -> Build:
    """Return two who come, put a tent up within 14 s, and sit down before it."""

    def build(spot: Spot) -> Props:
        cloth = random_paint(spot.rng)
        actors = [
            somebody(spot, Route(stations=(
                (18.0, side * 20.0, 5.0), (29.0, side * 2.4, 0.6), (36.0, side * 2.4, -0.6),
                (44.0, side * 2.3, 0.6), (47.0, side * 0.8, 2.0), (101.0, side * 0.8, 2.0),
            )), sits_from_s=48.0)
            for side in (-1.0, 1.0)
        ]  # fmt: skip

        def paint(picture: Pixels, t_s: float) -> None:
            x = wide_m / 2 * float(np.clip(0.3 + (t_s - 30.0) / 18.0, 0.0, 1.0))
            shadow(picture, _block(-x + 0.5, x + 0.8, -0.7 * x + 0.3, 0.7 * x + 0.5), 0.5, 2.0)
            fill(picture, _block(-x, x, -0.7 * x, 0.7 * x), cloth)
            fill(picture, _block(-x, x, -0.7 * x, 0.0), tint(cloth, 0.8))

        return Props(actors=(*actors, thing(0.0, 30.0, paint)))

    return build


def _sit_down(z_m: float) -> Build:
    """Return a group that comes one after the other and sits close together."""

    def build(spot: Spot) -> Props:
        actors: list[Actor] = []
        for k in range(10):
            x, z = -2.0 + 0.62 * (k % 4), z_m + 0.66 * (k // 4)
            came = 22.0 + 2.1 * k
            route = Route(stations=((came, -8.0, 8.5), (came + 9.0, x, z),
                                    (_LENGTH_S + 1.0, x, z)))  # fmt: skip
            actors.append(somebody(spot, route, sits_from_s=came + 10.0))
        return Props(actors=tuple(actors))

    return build


def _harmless(name: str, weather: Weather, build: Build, zones: tuple[Zone, ...]) -> Play:
    is_lane = zones is LANE_ABOVE
    place, other = (
        (COURT_ABOVE, Hazard.STOPPED_VEHICLE) if is_lane else (AVENUE_ABOVE, Hazard.OBSTRUCTION)
    )
    is_people = name.startswith(PEOPLE)
    hazards = tuple(one for one in EVERYTHING if one not in {other, Hazard.WRONG_WAY})
    return Play(
        name=name, kind=PEOPLE if is_people else LOOKALIKE, zones=zones, length_s=_LENGTH_S,
        hazards=EVERYTHING if is_people else hazards, stage=staged(name, place, weather, build),
    )  # fmt: skip


PLAYS: Final = (
    _harmless("not_stopped_above_flow", Weather.DAY, _flowing, ROAD_ABOVE),
    _harmless("not_stopped_above_red_light", Weather.DAY, _red_light, ROAD_ABOVE),
    _harmless("not_stopped_above_no_time_given", Weather.RAIN, _red_light, ROAD_NO_TIME),
    _harmless("not_stopped_above_bay", Weather.DAY, _bay, ROAD_ABOVE),
    _harmless("not_obstruction_above_life", Weather.DAY, _life_of_a_lane, LANE_ABOVE),
    _harmless("people_above_crossing", Weather.DAY, _crossing, ROAD_ABOVE),
    _harmless("people_above_sit_on_road", Weather.DAY, _sit_down(3.0), ROAD_ABOVE),
    _harmless("people_above_tent_on_road", Weather.DAY, _tent(3.0), ROAD_ABOVE),
    _harmless("people_above_tent_in_lane", Weather.DAY, _tent(4.0), LANE_ABOVE),
    _harmless("people_above_sit_in_lane", Weather.DAY, _sit_down(-1.0), LANE_ABOVE),
)  # fmt: skip
