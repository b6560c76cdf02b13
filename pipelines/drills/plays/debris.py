"""Rocks, soil and lost loads that come to lie on a road or slope, and what only seems to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from pipelines.drills.plays.common import (
    AWAY,
    HAZARD,
    LOOKALIKE,
    NEARER,
    Actor,
    Build,
    Painter,
    Play,
    Props,
    Route,
    Spot,
    Truth,
    driven,
    passing,
    picture_zone,
    staged,
    standing_at,
    stopping,
)
from pipelines.drills.plays.glows import lamp, patch_of_light
from pipelines.drills.plays.places import MOUNTAIN, STREET, Place, place_of
from pipelines.drills.plays.vehicles import road_zone
from pipelines.messages import BoxShares, Zone, ZoneKind
from vision.arrays import Pixels
from vision.drawing.hazards import draw_rock, make_rock
from vision.drawing.paint import Colour, blend, fill, shadow
from vision.drawing.scenery import strip
from vision.drawing.spills import draw_bag, draw_box, draw_heap, draw_planks, draw_tyre, make_heap
from vision.drawing.weather import Weather
from vision.hazards import Hazard

_ONSET_S = 41.0
_LENGTH_S = 90.0

_FALL_S = 1.0
"""From the slope to the road."""

_WATCHED: Final = (Hazard.DEBRIS, Hazard.STOPPED_VEHICLE, Hazard.CAMERA_FAULT)
_ALL: Final = (Hazard.DEBRIS, Hazard.STOPPED_VEHICLE, Hazard.FIRE, Hazard.SMOKE,
               Hazard.CAMERA_FAULT)  # fmt: skip

SLOPE: Final = picture_zone(
    ((0.02, 0.25), (0.41, 0.26), (0.38, 0.54), (0.27, 0.80), (0.20, 0.97), (0.02, 0.97)),
    zone_id="slope",
    kind=ZoneKind.SLOPE,
)
"""The foot of the mountain road's slope, left of the road."""

_MOUNTAIN_ROAD: Final = road_zone(MOUNTAIN, 60.0)


def thing(z_m: float, from_s: float, paint: Painter, to_s: float = 1e6) -> Actor:
    """Return something that lies at a depth from a second on."""
    return Actor(depth_m=lambda t_s: z_m if from_s <= t_s < to_s else None, paint=paint)


def fallen_rock(
    spot: Spot, x_m: float, z_m: float, wide_m: float,
    *, onset_s: float = _ONSET_S, tone: Colour = (142.0, 160.0, 176.0),
) -> Actor:  # fmt: skip
    """Return a rock that rolls from the left, bounces once and lies still after a second."""
    rock = make_rock(spot.rng, tone)
    wide_px = wide_m * spot.view.px_per_m(z_m)

    def paint(picture: Pixels, t_s: float) -> None:
        share = float(np.clip((t_s - onset_s) / _FALL_S, 0.0, 1.0))
        drop = max(3.0 * (1.0 - (share / 0.55) ** 2), 0.0)
        bounce = 0.6 * float(np.sin((share - 0.55) / 0.45 * np.pi)) if share > 0.55 else 0.0
        x, y = spot.view.ground(x_m - 4.0 * (1.0 - share), z_m)
        draw_rock(
            picture, rock, centre_px=(x, y - 0.35 * wide_px), size_px=wide_px,
            turn_deg=-300.0 * (1.0 - share), lift_px=(drop + bounce) * spot.view.px_per_m(z_m),
        )  # fmt: skip

    return thing(z_m, onset_s, paint)


def _traffic_before(spot: Spot, place: Place) -> list[Actor]:
    lanes = place.road.lane_centres_m()
    return passing(spot, lanes[-1], AWAY, (3.0, 19.0)) + passing(
        spot, lanes[0], NEARER, (9.0, 27.0)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _What:
    """What comes to lie, and where."""

    build: Build
    zone_ids: tuple[str, ...]
    box: BoxShares


def _rocks(*rests: tuple[float, float, float]) -> _What:
    """Return rocks: X, Z and width in metres of each."""

    def build(spot: Spot) -> Props:
        rocks = [
            fallen_rock(spot, x + float(spot.rng.uniform(-0.3, 0.3)), z, wide)
            for x, z, wide in rests
        ]
        return Props(actors=(*_traffic_before(spot, MOUNTAIN), *rocks))

    box = place_of(
        MOUNTAIN.view, min(x - wide for x, _, wide in rests), max(x + wide for x, _, wide in rests),
        min(z for _, z, _ in rests) - 1.5, max(z for _, z, _ in rests) + 1.5, tall_m=2.0,
    )  # fmt: skip
    return _What(build=build, zone_ids=("road",), box=box)


def _landslide(x_m: float, z_m: float, wide_m: float) -> _What:
    """Return a heap that slides over the edge of slope and road: it lies on both."""

    def build(spot: Spot) -> Props:
        heap = make_heap(spot.rng)

        def paint(picture: Pixels, t_s: float) -> None:
            grown = float(np.clip(0.3 + (t_s - _ONSET_S) / 3.0, 0.0, 1.0))
            draw_heap(picture, spot.view, heap, place_m=(x_m, z_m), wide_m=wide_m, grown=grown)

        return Props(actors=(*_traffic_before(spot, MOUNTAIN), thing(z_m, _ONSET_S, paint)))

    half_m = 0.6 * wide_m
    box = place_of(
        MOUNTAIN.view, x_m - half_m, x_m + half_m, z_m - 3.0, z_m + 3.0, tall_m=0.5 * wide_m
    )
    return _What(build=build, zone_ids=("road", SLOPE.zone_id), box=box)


def _lost_load(kind: str) -> _What:
    """Return what a lorry loses at the onset; the lorry drives on."""
    right, z_m = STREET.road.lane_centres_m()[-1], 22.0

    def build(spot: Spot) -> Props:
        def paint(picture: Pixels, _t_s: float) -> None:
            if kind == "boxes":
                for aside, ahead, turn in ((0.0, 0.0, 0.5), (0.9, 1.2, 1.0), (-0.8, 0.9, 0.2)):
                    draw_box(
                        picture, spot.view, place_m=(right + aside, z_m + ahead),
                        size_m=(0.9, 0.65), colour=(95.0, 140.0, 180.0), turn_rad=turn,
                    )  # fmt: skip
            elif kind == "planks":
                draw_planks(
                    picture, spot.view, place_m=(right, z_m), turns_rad=(0.3, 1.1, 2.0, 2.6)
                )
            else:
                draw_tyre(picture, spot.view, place_m=(right, z_m))

        lorry = Route(stations=((_ONSET_S - 1.6, right, 7.0), (_ONSET_S + 6.0, right, 95.0)))
        return Props(
            actors=(
                *_traffic_before(spot, STREET),
                driven(spot, lorry, AWAY, label="truck"),
                thing(z_m, _ONSET_S, paint),
            )
        )

    box = place_of(STREET.view, right - 2.0, right + 2.0, z_m - 2.0, z_m + 3.0, tall_m=1.5)
    return _What(build=build, zone_ids=("road",), box=box)


def _debris(
    name: str, place: Place, weather: Weather, what: _What, zones: tuple[Zone, ...]
) -> Play:
    full = f"debris_{name}"
    truth = Truth(
        hazard=Hazard.DEBRIS, from_s=_ONSET_S, to_s=_LENGTH_S, zone_ids=what.zone_ids,
        box=what.box,
    )  # fmt: skip
    return Play(
        name=full, kind=HAZARD, hazards=_WATCHED, zones=zones, length_s=_LENGTH_S,
        truth=(truth,), stage=staged(full, place, weather, what.build),
    )  # fmt: skip


def _shadows(spot: Spot) -> Props:
    """Return shadows of clouds and of a building that move over the road."""

    def paint(picture: Pixels, t_s: float) -> None:
        edge = -6.0 + 0.05 * t_s
        house = strip(spot.view, edge - 6.0, edge + 4.0, 15.0, 24.0)
        shadow(picture, house, 0.4, 1.5)
        if 30.0 < t_s < 80.0:
            z = 14.0 + 0.6 * (t_s - 30.0)
            cloud = strip(spot.view, -2.0, 4.0, z, z + 7.0)
            shadow(picture, cloud, 0.33, 6.0)

    return Props(floor=(paint,), actors=tuple(_traffic_before(spot, STREET)))


def _puddles(spot: Spot) -> Props:
    """Return puddles that grow in the rain and mirror the sky."""
    spots = [(-2.0, 18.0, 1.6), (2.4, 24.0, 2.0), (0.4, 31.0, 1.5)]

    def paint(picture: Pixels, t_s: float) -> None:
        share = float(np.clip((t_s - 10.0) / 70.0, 0.0, 1.0)) ** 0.7
        turns = np.linspace(0.0, 2 * np.pi, 18, endpoint=False)
        for x, z, reach in spots:
            wobble = 1.0 + 0.15 * np.sin(3.0 * turns + x)
            wide = reach * share * wobble
            ring = np.stack(
                [x + wide * np.cos(turns), 0.0 * turns, z + 1.6 * wide * np.sin(turns)], axis=1
            )
            shadow(picture, spot.view.project(ring.astype(np.float32)), 0.3 * share, 1.2)

    return Props(floor=(paint,), actors=tuple(_traffic_before(spot, STREET)))


def _headlight_pools(spot: Spot) -> Props:
    """Return pools of light that lie on the road for seconds, as of cars that wait unseen."""

    def on(start: float, end: float) -> Callable[[float], float]:
        return lambda t_s: float(np.clip(min(t_s - start, end - t_s), 0.0, 1.0))

    return Props(
        shining=(
            patch_of_light(spot, 1.5, 18.0, on(15.0, 33.0)),
            patch_of_light(spot, -2.0, 25.0, on(45.0, 75.0)),
        ),
        actors=tuple(passing(spot, STREET.road.lane_centres_m()[-1], AWAY, (5.0, 38.0, 80.0))),
    )


def _leaves(spot: Spot) -> Props:
    """Return leaves that drift over the road and settle, one here, one there."""
    count = 26
    x = spot.rng.uniform(-4.5, 4.5, count)
    z = spot.rng.uniform(13.0, 34.0, count)
    start = spot.rng.uniform(0.0, 80.0, count)

    def paint(picture: Pixels, t_s: float) -> None:
        for k in range(count):
            since = t_s - start[k]
            if since < 0.0:
                continue
            rest = min(since / 6.0, 1.0)
            place = spot.view.ground(float(x[k] + 3.0 * rest + 0.3 * np.sin(since * (1 - rest))),
                                     float(z[k]))  # fmt: skip
            reach = 0.09 * spot.view.px_per_m(float(z[k]))
            leaf = [[place[0] - reach, place[1]], [place[0], place[1] - reach * 0.6],
                    [place[0] + reach, place[1]], [place[0], place[1] + reach * 0.6]]  # fmt: skip
            fill(picture, np.asarray(leaf, np.float32), (40.0, 110.0, 150.0))

    return Props(floor=(paint,), actors=tuple(_traffic_before(spot, STREET)))


def _bag(spot: Spot) -> Props:
    """Return a bag that the wind rolls over the road, resting for some seconds on its way."""
    route = Route(stations=(
        (18.0, -8.0, 24.0), (24.0, -3.0, 22.0), (29.0, -2.8, 22.0), (33.0, 1.0, 20.0),
        (38.0, 1.2, 20.0), (44.0, 8.0, 18.0),
    ))  # fmt: skip

    def paint(picture: Pixels, t_s: float) -> None:
        at = route.at(t_s)
        if at:
            lift = 0.15 * abs(float(np.sin(2.3 * t_s)))
            draw_bag(picture, spot.view, place_m=at, phase=2.0 * t_s, lift_m=lift)

    actor = Actor(
        depth_m=lambda t_s: at[1] if (at := route.at(t_s)) else None,
        paint=paint,
    )
    return Props(actors=(actor, *_traffic_before(spot, STREET)))


def _car_that_leaves(spot: Spot) -> Props:
    """Return cars that stop for half a minute, at permitted length, and leave."""
    left, right = STREET.road.lane_centres_m()
    return Props(
        actors=(
            driven(spot, stopping(right, 22.0, 25.0, 55.0, _LENGTH_S), AWAY),
            driven(
                spot,
                stopping(left, 20.0, 35.0, 70.0, _LENGTH_S, heading_rad=NEARER),
                NEARER,
                label="bus",
            ),
            driven(spot, standing_at(STREET.road.right_m + 1.6, 30.0, _LENGTH_S), AWAY),
        )
    )


def _snow(spot: Spot) -> Props:
    """Return snow that slowly whitens the ground, wheel tracks staying dark."""
    height, width = spot.view.height_px, spot.view.width_px
    veil = np.zeros((height, width), np.float32)
    veil[int(spot.view.horizon_px) + 4 :] = 1.0
    patches = spot.rng.random((24, 40)).astype(np.float32)
    veil *= 0.7 + 0.3 * np.asarray(cv2.resize(patches, (width, height)))

    def paint(picture: Pixels, t_s: float) -> None:
        share = float(np.clip((t_s - 10.0) / 110.0, 0.0, 0.65))
        blend(picture, (225.0, 222.0, 218.0), np.asarray(veil * np.float32(share)), 0, 0)

    return Props(floor=(paint,), actors=tuple(_traffic_before(spot, STREET)))


def _lamp_on(spot: Spot) -> Props:
    return Props(shining=(lamp(spot, -3.5, 20.0, 40.0),))


def _not_debris(
    name: str, place: Place, weather: Weather, build: Build, permitted_s: float = 60.0
) -> Play:
    full = f"not_debris_{name}"
    return Play(
        name=full, kind=LOOKALIKE, hazards=_ALL, zones=road_zone(place, permitted_s),
        length_s=_LENGTH_S, stage=staged(full, place, weather, build),
    )  # fmt: skip


_THREE: Final = _rocks((0.8, 21.0, 1.5), (-2.0, 18.5, 2.0), (1.8, 15.5, 1.0))
_STREET_ROAD: Final = road_zone(STREET, 60.0)
_BOTH: Final = (*_MOUNTAIN_ROAD, SLOPE)

DEBRIS: Final = (
    _debris("rocks_day", MOUNTAIN, Weather.DAY, _THREE, _BOTH),
    _debris("rocks_dusk", MOUNTAIN, Weather.DUSK, _THREE, _MOUNTAIN_ROAD),
    _debris("rocks_rain", MOUNTAIN, Weather.RAIN, _THREE, _BOTH),
    _debris("rocks_ir", MOUNTAIN, Weather.INFRARED, _THREE, _MOUNTAIN_ROAD),
    _debris("one_rock", MOUNTAIN, Weather.DAY, _rocks((1.6, 24.0, 1.6)), _BOTH),
    _debris("soil_on_road", MOUNTAIN, Weather.DAY, _landslide(-1.8, 20.0, 6.0), _BOTH),
    _debris("soil_on_road_rain", MOUNTAIN, Weather.RAIN, _landslide(-1.2, 22.0, 7.0), _BOTH),
    _debris("soil_on_slope", MOUNTAIN, Weather.DAY, _landslide(-5.4, 17.0, 5.0), _BOTH),
    _debris("boxes", STREET, Weather.DAY, _lost_load("boxes"), _STREET_ROAD),
    _debris("boxes_dusk", STREET, Weather.DUSK, _lost_load("boxes"), _STREET_ROAD),
    _debris("planks", STREET, Weather.DAY, _lost_load("planks"), _STREET_ROAD),
    _debris("tyre", STREET, Weather.DAY, _lost_load("tyre"), _STREET_ROAD),
)

NOT_DEBRIS: Final = (
    _not_debris("shadows", STREET, Weather.DAY, _shadows),
    _not_debris("puddles", STREET, Weather.RAIN, _puddles),
    _not_debris("headlight_pools", STREET, Weather.NIGHT, _headlight_pools),
    _not_debris("leaves", STREET, Weather.DAY, _leaves),
    _not_debris("plastic_bag", STREET, Weather.DAY, _bag),
    _not_debris("car_that_leaves", STREET, Weather.DAY, _car_that_leaves),
    _not_debris("car_that_leaves_night", STREET, Weather.NIGHT, _car_that_leaves),
    _not_debris("snow", STREET, Weather.DAY, _snow),
    _not_debris("lamp_switched_on", STREET, Weather.NIGHT, _lamp_on),
)

PLAYS: Final = DEBRIS + NOT_DEBRIS
