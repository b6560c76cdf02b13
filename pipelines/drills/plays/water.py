"""Water that passes its line, and water that only moves, mirrors and glints below it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from pipelines.drills.plays.common import (
    HAZARD,
    LOOKALIKE,
    Actor,
    Painter,
    Play,
    Props,
    Route,
    Spot,
    Truth,
    person,
    staged,
    standing_at,
)
from pipelines.drills.plays.places import SIZE_PX, Place, Shining, view_of
from pipelines.messages import WaterScale
from pipelines.zones import WHOLE_PICTURE_ZONE
from vision.arrays import Pixels
from vision.drawing.paint import add_glow, fractal
from vision.drawing.people import Pose
from vision.drawing.scenery import Road, ridge, sky, tree
from vision.drawing.water import (
    Gauge,
    draw_boat,
    draw_gauge,
    draw_pier,
    draw_stain,
    draw_wall,
    draw_water,
    make_water,
)
from vision.drawing.weather import Weather
from vision.hazards import Hazard

_LENGTH_S = 120.0

_ALARM_LEVEL = 0.6

_RISES_FROM_S, _RATE_PER_S = 20.0, 0.006
"""Far quicker than a river, slower than a wave: a play can't last for hours."""

_START_LEVEL = 0.33

_WATCHED: Final = (Hazard.WATER_OVER_LINE, Hazard.CAMERA_FAULT)
_ALL: Final = (Hazard.WATER_OVER_LINE, Hazard.FIRE, Hazard.SMOKE, Hazard.CAMERA_FAULT)

GAUGE: Final = Gauge(x_px=318.0, foot_px=305.0, head_px=105.0)
"""Stands before wall and pier alike."""

SCALE: Final = WaterScale(
    foot=(round(GAUGE.x_px / SIZE_PX[1], 4), round(GAUGE.foot_px / SIZE_PX[0], 4)),
    head=(round(GAUGE.x_px / SIZE_PX[1], 4), round(GAUGE.head_px / SIZE_PX[0], 4)),
    alarm_level=_ALARM_LEVEL,
)


def _banks(picture: Pixels, rng: np.random.Generator) -> None:
    sky(picture, rng, 70)
    ridge(picture, rng, 74.0, 30.0, (95.0, 120.0, 95.0))
    picture[72:] = (105, 125, 120)
    for x in (60.0, 150.0, 520.0, 600.0):
        tree(picture, rng, (x + float(rng.uniform(-15, 15)), 92.0), float(rng.uniform(40, 64)))


def _lamp_above() -> Shining:
    return Shining(heads=[(368.0, 34.0, 20.0)], windows=[])


def _canal(_place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint a canal's wall with a staff gauge on it."""
    _banks(picture, rng)
    grey = float(rng.uniform(120, 165))
    draw_wall(picture, rng, 88, (grey * 0.94, grey, grey * 1.04))
    draw_gauge(picture, GAUGE)
    return _lamp_above()


def _bare_wall(_place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint a wall without a gauge: the scale was drawn on the picture."""
    _banks(picture, rng)
    grey = float(rng.uniform(140, 180))
    draw_wall(picture, rng, 88, (grey * 0.9, grey * 0.97, grey * 1.05))
    return _lamp_above()


def _pier(_place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint a bridge's pier in a river with a staff gauge on it."""
    _banks(picture, rng)
    picture[110:] = (92, 112, 104)
    draw_pier(picture, 268.0, 372.0, 66.0)
    draw_gauge(picture, GAUGE)
    return _lamp_above()


def _bed(picture: Pixels, rng: np.random.Generator) -> None:
    """Paint a dry bed of mud and stones at the foot of a wall."""
    top, columns = round(GAUGE.foot_px) + 14, picture.shape[1]
    dirt = 0.7 + 0.6 * fractal(rng, picture.shape[0] - top, columns, 9, 4)[..., None]
    picture[top:] = np.clip(dirt * np.array([70.0, 88.0, 98.0]), 0, 255).astype(np.uint8)


def _dry_canal(place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint the canal without water: the mark of the last flood runs round its wall."""
    shining = _canal(place, picture, rng)
    draw_stain(picture, rng, GAUGE.row(float(rng.uniform(0.68, 0.85))))
    _bed(picture, rng)
    return shining


def _dry_wall(place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint the wall without a gauge and without water, with the mark of the last flood."""
    shining = _bare_wall(place, picture, rng)
    draw_stain(picture, rng, GAUGE.row(float(rng.uniform(0.68, 0.85))))
    _bed(picture, rng)
    return shining


def _place(
    paint: Callable[[Place, Pixels, np.random.Generator], Shining], *, camera_m: float = 6.5,
    horizon_px: float = 62.0,
) -> Place:  # fmt: skip
    road = Road(left_m=-4.0, right_m=4.0, lanes=2)
    view = view_of(camera_m=camera_m, horizon_px=horizon_px)
    return Place(kind="street", view=view, road=road, paint=paint)


CANAL: Final = _place(_canal)
WALL: Final = _place(_bare_wall)
PIER: Final = _place(_pier)
DRY_CANAL: Final = _place(_dry_canal)
DRY_WALL: Final = _place(_dry_wall)
QUAY: Final = _place(_canal, camera_m=1.8, horizon_px=130.0)
DRY_QUAY: Final = _place(_dry_canal, camera_m=1.8, horizon_px=130.0)
"""As high as a person: one who stands before the gauge hides it to over the line."""


def rising(t_s: float) -> float:
    """Return the level of a flood."""
    return _START_LEVEL + _RATE_PER_S * max(t_s - _RISES_FROM_S, 0.0)


PASSES_S: Final = round(_RISES_FROM_S + (_ALARM_LEVEL - _START_LEVEL) / _RATE_PER_S, 3)
"""When the flood passes the line."""


def _filled(
    level: Callable[[float], float], *, mirror: float = 0.35, wave_px: float = 0.8,
    above: Callable[[Spot], tuple[Painter, ...]] = lambda _spot: (),
    afloat: Callable[[Spot], tuple[Painter, ...]] = lambda _spot: (),
) -> Callable[[Spot], Props]:  # fmt: skip
    """Return what fills a place with water; ``afloat`` lies on it, ``above`` shines."""

    def build(spot: Spot) -> Props:
        water = make_water(spot.rng, mirror=mirror, wave_px=wave_px)

        def paint(picture: Pixels, t_s: float) -> None:
            draw_water(picture, water, line_px=GAUGE.row(level(t_s)), at_s=t_s)

        return Props(floor=(paint, *afloat(spot)), shining=above(spot))

    return build


def _flood(
    name: str, place: Place, weather: Weather, *, mirror: float = 0.35, wave_px: float = 0.8
) -> Play:
    full = f"water_{name}"
    return Play(
        name=full, kind=HAZARD, hazards=_WATCHED, water=SCALE, length_s=_LENGTH_S,
        truth=(
            Truth(
                hazard=Hazard.WATER_OVER_LINE, from_s=PASSES_S, to_s=_LENGTH_S,
                zone_ids=(WHOLE_PICTURE_ZONE,),
            ),
        ),
        stage=staged(full, place, weather, _filled(rising, mirror=mirror, wave_px=wave_px)),
    )  # fmt: skip


def _low(t_s: float) -> float:
    return 0.36 + 0.02 * float(np.sin(t_s / 9.0))


def _just_below(t_s: float) -> float:
    return 0.54 + 0.008 * float(np.sin(t_s / 7.0))


def _up_and_down(t_s: float) -> float:
    """Return a level that rises to a tenth below the line and falls again."""
    return 0.3 + 0.2 * float(np.sin(np.pi * min(max((t_s - 15.0) / 90.0, 0.0), 1.0)))


def _boats(spot: Spot) -> tuple[Painter, ...]:
    """Return barges that hide the scale for some seconds, thrice."""
    colour = (60.0, 70.0, float(spot.rng.uniform(80, 140)))

    def paint(picture: Pixels, t_s: float) -> None:
        for start in (22.0, 58.0, 90.0):
            x = -120.0 + (t_s - start) * 62.0
            if -120.0 <= x <= 760.0:
                draw_boat(picture, x, GAUGE.row(_low(t_s)), colour)

    return (paint,)


def _glints(spot: Spot) -> tuple[Painter, ...]:
    """Return headlights that run over wall and water, and their glitter below the line."""
    phase = float(spot.rng.uniform(0.0, 3.0))

    def paint(picture: Pixels, t_s: float) -> None:
        x = ((t_s + phase) * 70.0) % 1400.0 - 200.0
        low = GAUGE.row(_low(t_s))
        add_glow(picture, x, low - 60.0, 110.0, (120.0, 130.0, 135.0), flat=0.5)
        for k in range(6):
            aside = x + 9.0 * float(np.sin(5.0 * t_s + 2.0 * k))
            add_glow(picture, aside, low + 14.0 + 13.0 * k, 26.0 - 2.0 * k, (190.0, 205.0, 210.0),
                     flat=0.35)  # fmt: skip

    return (paint,)


def _dry(_spot: Spot) -> Props:
    return Props()


def _people(spot: Spot) -> tuple[Actor, ...]:
    """Return people who stand before the gauge, for long, and go about their things."""
    x_m = (GAUGE.x_px - spot.view.vanish_x_px) * 4.5 / spot.view.focal_px
    aside = float(spot.rng.uniform(0.3, 0.45))
    walk = Route(stations=((112.0, x_m, 4.5), (118.0, 8.0, 4.8)))
    return (
        person(spot, standing_at(x_m, 4.5, 60.0, 12.0), Pose.STANDING, pace=2.0),
        person(spot, standing_at(x_m + aside, 5.4, 100.0, 30.0), Pose.STANDING, pace=1.0),
        person(spot, standing_at(x_m, 4.5, 110.0, 64.0), Pose.BUILDING, pace=3.0),
        person(spot, standing_at(x_m - aside, 4.9, 90.0, 20.0), Pose.WALKING, pace=4.0),
        person(spot, walk, Pose.WALKING, pace=5.0),
    )


def _people_dry(spot: Spot) -> Props:
    return Props(actors=_people(spot))


def _people_at_water(spot: Spot) -> Props:
    return replace(_filled(_low)(spot), actors=_people(spot))


def _below(
    name: str, place: Place, weather: Weather, build: Callable[[Spot], Props],
    *, shows_people: bool = False,
) -> Play:  # fmt: skip
    full = f"not_water_{name}"
    return Play(
        name=full, kind=LOOKALIKE, hazards=_ALL, water=SCALE, length_s=_LENGTH_S,
        shows_people=shows_people,
        stage=staged(full, place, weather, build),
    )  # fmt: skip


FLOODS: Final = (
    _flood("canal_day", CANAL, Weather.DAY),
    _flood("canal_dusk", CANAL, Weather.DUSK),
    _flood("canal_ir", CANAL, Weather.INFRARED),
    _flood("canal_rain", CANAL, Weather.RAIN, wave_px=1.6),
    _flood("canal_mirror", CANAL, Weather.DAY, mirror=0.7, wave_px=0.3),
    _flood("pier_day", PIER, Weather.DAY, wave_px=1.6),
    _flood("pier_ir", PIER, Weather.INFRARED, mirror=0.5),
    _flood("wall_day", WALL, Weather.DAY),
    _flood("wall_night", WALL, Weather.NIGHT),
)

LOW: Final = (
    _below("waves", CANAL, Weather.DAY, _filled(_low, wave_px=4.0)),
    _below("mirror", CANAL, Weather.DAY, _filled(_low, mirror=0.75, wave_px=0.2)),
    _below("mirror_dusk", PIER, Weather.DUSK, _filled(_low, mirror=0.7, wave_px=0.3)),
    _below("boats", CANAL, Weather.DAY, _filled(_low, afloat=_boats)),
    _below("headlight_glints", CANAL, Weather.NIGHT, _filled(_low, mirror=0.5, above=_glints)),
    _below("just_below", CANAL, Weather.DAY, _filled(_just_below)),
    _below("just_below_ir", PIER, Weather.INFRARED, _filled(_just_below, mirror=0.5)),
    _below("rises_and_falls", WALL, Weather.RAIN, _filled(_up_and_down, wave_px=1.5)),
    _below("dry_gauge", DRY_CANAL, Weather.DAY, _dry),
    _below("dry_gauge_ir", DRY_CANAL, Weather.INFRARED, _dry),
    _below("dry_wall", DRY_WALL, Weather.DAY, _dry),
    _below("dry_wall_rain", DRY_WALL, Weather.RAIN, _dry),
    _below("dry_wall_night", DRY_WALL, Weather.NIGHT, _dry),
    _below("people_dry", DRY_QUAY, Weather.DAY, _people_dry, shows_people=True),
    _below("people_at_water", QUAY, Weather.DUSK, _people_at_water, shows_people=True),
)

PLAYS: Final = FLOODS + LOW
