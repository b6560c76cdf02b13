"""Fires, and what only shines, flaps or glows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
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
    passing,
    staged,
    stopping,
)
from pipelines.drills.plays.glows import (
    banner,
    blinking_sign,
    flag,
    lamp,
    low_sun,
    wet_streak,
)
from pipelines.drills.plays.places import AVENUE, FOREST, STREET, YARD, Place, place_of
from pipelines.messages import BoxShares
from pipelines.zones import WHOLE_PICTURE_ZONE
from vision.arrays import Pixels
from vision.drawing.hazards import draw_flame, draw_smoke, make_flame, make_smoke
from vision.drawing.vehicles import make_body
from vision.drawing.weather import Weather
from vision.hazards import Hazard

_LENGTH_S = 90.0
_ONSET_S = 41.0
"""After the half minute in which a rule learns what is always there."""

_GROW_S = 4.0
"""From its first tongue to its full size: fires of rubbish and fuel are that quick."""

_START_SHARE = 0.45
"""How large it is at first: truth begins when it can be seen."""

_ONE_BODY = 1
"""A flame of one dense body: by infrared tongues bloom into one. Turbulence is the seed's."""

_WATCHED: Final = (Hazard.FIRE, Hazard.CAMERA_FAULT)
_ALL: Final = (Hazard.FIRE, Hazard.SMOKE, Hazard.DEBRIS, Hazard.CAMERA_FAULT)


def burning(
    spot: Spot, x_m: float, z_m: float, tall_m: float, onset_s: float
) -> Painter:  # fmt: skip
    """Return a fire that grows on one place; a little smoke above large ones is left out."""
    flame = make_flame(np.random.default_rng(int(spot.rng.integers(1 << 30))))
    aspect = float(np.clip(flame.aspect, 0.8, 1.3))
    flame = replace(flame, aspect=aspect, exposure=max(flame.exposure, 0.95))
    if spot.weather is Weather.INFRARED:
        flame = replace(make_flame(np.random.default_rng(_ONE_BODY)), noise=flame.noise)
    foot = spot.view.ground(x_m + float(spot.rng.uniform(-0.6, 0.6)), z_m)
    tall_px = tall_m * spot.view.px_per_m(z_m)
    glow = 0.35 + 0.5 * float(np.clip(1.0 - spot.backdrop.light.level, 0.0, 1.0))

    def paint(picture: Pixels, t_s: float) -> None:
        since = t_s - onset_s
        if since < 0.0:
            return
        grown = _START_SHARE + (1.0 - _START_SHARE) * min(since / _GROW_S, 1.0)
        draw_flame(picture, flame, foot_px=foot, size_px=tall_px * grown, at_s=t_s, glow=glow)

    return paint


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fire:
    """Where a fire is."""

    place: Place
    x_m: float
    z_m: float
    tall_m: float

    @property
    def box(self) -> BoxShares:
        """Where flames are: a foot that is up to 0.6 m aside, tongues that reach higher."""
        aside_m = 0.6 + 0.8 * self.tall_m
        return place_of(
            self.place.view, self.x_m - aside_m, self.x_m + aside_m, self.z_m, self.z_m,
            tall_m=1.4 * self.tall_m,
        )  # fmt: skip


_FIRES: Final = {
    "street": _Fire(place=STREET, x_m=-6.3, z_m=21.0, tall_m=3.2),
    "avenue": _Fire(place=AVENUE, x_m=4.8, z_m=24.0, tall_m=3.6),
    "yard": _Fire(place=YARD, x_m=-3.0, z_m=22.0, tall_m=3.4),
    "forest": _Fire(place=FOREST, x_m=6.0, z_m=40.0, tall_m=7.0),
}


def _burns(fire: _Fire) -> Build:
    def build(spot: Spot) -> Props:
        actors = []
        if fire.place is STREET or fire.place is AVENUE:
            right = fire.place.road.lane_centres_m()[-2 if fire.place is AVENUE else -1]
            left = fire.place.road.lane_centres_m()[0]
            actors = passing(spot, right, AWAY, (3.0, 25.0, 55.0))
            actors += passing(spot, left, NEARER, (12.0, 33.0, 63.0))
        return Props(
            actors=tuple(actors),
            shining=(burning(spot, fire.x_m, fire.z_m, fire.tall_m, _ONSET_S),),
        )

    return build


def _with_smoke(fire: _Fire) -> Build:
    """Return a fire under its own smoke."""
    plain = _burns(fire)

    def build(spot: Spot) -> Props:
        props = plain(spot)
        smoke = replace(make_smoke(spot.rng), tone=(62.0, 60.0, 60.0), opacity=0.9, lean=0.35)
        x, y = spot.view.ground(fire.x_m, fire.z_m)
        metre = spot.view.px_per_m(fire.z_m)
        light = max(spot.backdrop.light.level, 0.5)

        def plume(picture: Pixels, t_s: float) -> None:
            share = min(max(t_s - _ONSET_S, 0.0) / 8.0, 1.0)
            draw_smoke(
                picture, smoke, foot_px=(x, y - fire.tall_m * metre * 0.4),
                size_px=6.0 * metre * share, at_s=t_s, light=light,
            )  # fmt: skip

        return replace(props, shining=(plume, *props.shining))

    return build


def _flames(fire: _Fire) -> Truth:
    return Truth(
        hazard=Hazard.FIRE, from_s=_ONSET_S, to_s=_LENGTH_S,
        zone_ids=(WHOLE_PICTURE_ZONE,), box=fire.box,
    )  # fmt: skip


def _fire_play(where: str, weather: Weather) -> Play:
    name = f"fire_{where}_{weather}"
    fire = _FIRES[where]
    return Play(
        name=name, kind=HAZARD, hazards=_WATCHED, length_s=_LENGTH_S,
        truth=(_flames(fire),),
        stage=staged(name, fire.place, weather, _burns(fire)),
    )  # fmt: skip


def _smoky_play() -> Play:
    name, fire = "fire_yard_with_smoke", _FIRES["yard"]
    return Play(
        name=name, kind=HAZARD, hazards=(Hazard.FIRE, Hazard.SMOKE, Hazard.CAMERA_FAULT),
        truth=(
            _flames(fire),
            Truth(
                hazard=Hazard.SMOKE, from_s=_ONSET_S + 2.0, to_s=_LENGTH_S,
                zone_ids=(WHOLE_PICTURE_ZONE,),
                box=place_of(
                    YARD.view, fire.x_m - 4.0, fire.x_m + 6.0, fire.z_m, fire.z_m, tall_m=9.0,
                ),
            ),
        ),
        length_s=_LENGTH_S,
        stage=staged(name, YARD, Weather.DAY, _with_smoke(fire)),
    )  # fmt: skip


def _static(*makers: Callable[[Spot], Painter]) -> Build:
    """Return a place without traffic in which some things shine or hang."""
    return lambda spot: Props(shining=tuple(make(spot) for make in makers))


def _headlights(spot: Spot) -> Props:
    left, right = STREET.road.lane_centres_m()
    return Props(
        actors=tuple(
            passing(spot, left, NEARER, (2.0, 5.0, 14.0, 30.0, 33.0, 52.0, 70.0, 74.0))
            + passing(spot, right, AWAY, (8.0, 24.0, 41.0, 66.0))
        ),
        shining=(wet_streak(spot, 0.0, 30.0),) if spot.weather is Weather.NIGHT_RAIN else (),
    )


def _brake_lights(spot: Spot) -> Props:
    """Return a queue that stands before the camera with its brake lights on, twice."""
    lanes = AVENUE.road.lane_centres_m()[2:]
    actors = []
    for go_s in (38.0, 80.0):
        for lane in lanes:
            for place, rest_m in enumerate((34.0, 26.5, 19.0)):
                stop_s = go_s - 28.0 + 3.0 * place
                route = stopping(lane, rest_m, stop_s, go_s + 1.5 * place, _LENGTH_S)
                actors.append(driven(spot, route, AWAY))
    return Props(actors=tuple(actors))


def _flag(x_m: float, z_m: float) -> Callable[[Spot], Painter]:
    return lambda spot: flag(spot, x_m, z_m)


def _red_bus(spot: Spot) -> Props:
    """Return a red bus that passes, and stands for a moment: red paint is no fire."""
    red = (30.0, 30.0, 190.0)
    left, right = STREET.road.lane_centres_m()
    route = Route(
        stations=(
            (20.0, right, 7.0), (26.0, right, 30.0), (34.0, right, 30.0), (44.0, right, 95.0),
        )
    )  # fmt: skip
    body = make_body(spot.rng, "bus")
    return Props(
        actors=(
            driven(spot, route, AWAY, looks=(body, red)),
            *passing(spot, left, NEARER, (5.0, 50.0)),
        )
    )


def _lookalike(name: str, place: Place, weather: Weather, build: Build) -> Play:
    full = f"not_fire_{name}"
    return Play(
        name=full, kind=LOOKALIKE, hazards=_ALL, length_s=_LENGTH_S,
        stage=staged(full, place, weather, build),
    )  # fmt: skip


FIRES: Final = (
    _fire_play("street", Weather.DAY),
    _fire_play("street", Weather.DUSK),
    _fire_play("street", Weather.NIGHT),
    _fire_play("street", Weather.NIGHT_RAIN),
    _fire_play("yard", Weather.DAY),
    _fire_play("yard", Weather.RAIN),
    _fire_play("yard", Weather.INFRARED),
    _fire_play("forest", Weather.DAY),
    _fire_play("forest", Weather.NIGHT),
    _fire_play("avenue", Weather.RAIN),
    _smoky_play(),
)

NOT_FIRES: Final = (
    _lookalike("fixed_lamp", STREET, Weather.NIGHT, _static(lambda s: lamp(s, -5.5, 20.0, -1.0))),
    _lookalike("lamp_switched_on", YARD, Weather.NIGHT,
               _static(lambda s: lamp(s, -2.0, 20.0, 41.0))),
    _lookalike("lamp_switched_on_dusk", STREET, Weather.DUSK,
               _static(lambda s: lamp(s, 5.6, 24.0, 47.0))),
    _lookalike("orange_flag", YARD, Weather.DAY, _static(_flag(-3.0, 20.0))),
    _lookalike("orange_flag_dusk", STREET, Weather.DUSK, _static(_flag(5.5, 19.0))),
    _lookalike("red_banner", STREET, Weather.DAY, _static(lambda s: banner(s, -5.6, 21.0))),
    _lookalike("sunset", FOREST, Weather.DUSK, _static(lambda s: low_sun(s, 0.75))),
    _lookalike("sunset_street", STREET, Weather.DUSK, _static(lambda s: low_sun(s, 0.4))),
    _lookalike("headlights", STREET, Weather.NIGHT, _headlights),
    _lookalike("headlights_wet", STREET, Weather.NIGHT_RAIN, _headlights),
    _lookalike("brake_lights", AVENUE, Weather.NIGHT, _brake_lights),
    _lookalike("blinking_sign", STREET, Weather.NIGHT,
               _static(lambda s: blinking_sign(s, -5.8, 22.0))),
    _lookalike("wet_reflections", AVENUE, Weather.NIGHT_RAIN,
               _static(lambda s: wet_streak(s, -2.0, 22.0), lambda s: wet_streak(s, 4.0, 28.0),
                       lambda s: lamp(s, 7.6, 26.0, -1.0))),
    _lookalike("red_bus", STREET, Weather.DAY, _red_bus),
)  # fmt: skip

PLAYS: Final = FIRES + NOT_FIRES
