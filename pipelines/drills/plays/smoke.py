"""Smoke, and what only veils: chimneys, fog, clouds, dust, steam."""

from dataclasses import dataclass, replace
from typing import Final

import cv2
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
)
from pipelines.drills.plays.glows import haze
from pipelines.drills.plays.places import FOREST, MOUNTAIN, STREET, YARD, Place, place_of
from pipelines.messages import BoxShares
from pipelines.zones import WHOLE_PICTURE_ZONE
from vision.arrays import Pixels
from vision.drawing.hazards import Smoke, draw_smoke, make_smoke
from vision.drawing.paint import Colour, blend, fill, tint
from vision.drawing.weather import Weather
from vision.hazards import Hazard

_LENGTH_S = 90.0
_ONSET_S = 41.0

_GROW_S = 9.0
"""From a wisp to a plume: smoke is slower than fire."""

_START_SHARE = 0.3
"""How large it is at first."""

_WATCHED: Final = (Hazard.SMOKE, Hazard.CAMERA_FAULT)
_ALL: Final = (Hazard.FIRE, Hazard.SMOKE, Hazard.DEBRIS, Hazard.CAMERA_FAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Where smoke rises."""

    place: Place
    x_m: float
    z_m: float
    tall_m: float

    @property
    def box(self) -> BoxShares:
        """Where the plume is, whichever way it leans."""
        aside_m = 0.8 + 0.8 * self.tall_m
        return place_of(
            self.place.view, self.x_m - aside_m, self.x_m + aside_m, self.z_m, self.z_m,
            tall_m=1.4 * self.tall_m,
        )  # fmt: skip


_SOURCES: Final = {
    "yard": _Source(place=YARD, x_m=2.0, z_m=24.0, tall_m=7.0),
    "street": _Source(place=STREET, x_m=-6.5, z_m=24.0, tall_m=7.5),
    "hill": _Source(place=FOREST, x_m=-14.0, z_m=60.0, tall_m=24.0),
    "road": _Source(place=MOUNTAIN, x_m=3.0, z_m=28.0, tall_m=8.5),
}

_TONES: Final[tuple[Colour, ...]] = (
    (66.0, 64.0, 64.0), (112.0, 110.0, 110.0), (58.0, 58.0, 60.0), (140.0, 138.0, 136.0),
)  # fmt: skip
"""Black to mid grey: what burns rubber, rubbish, wood."""

_LIT_TONE: Final[Colour] = (185.0, 185.0, 185.0)
"""By infrared: smoke scatters the light of the camera's own lamps back into it."""


def _plume(spot: Spot) -> Smoke:
    tone = _TONES[int(spot.rng.integers(len(_TONES)))]
    if spot.weather is Weather.INFRARED:
        tone = _LIT_TONE
    return replace(
        make_smoke(spot.rng),
        tone=tone,
        opacity=0.94,
        softness=float(spot.rng.uniform(0.3, 0.5)),
        spread=float(spot.rng.uniform(0.3, 0.4)),
        lean=float(spot.rng.uniform(-0.4, 0.4)),
    )


def rising(spot: Spot, source: _Source, onset_s: float) -> Painter:
    """Return a plume that grows from its onset on."""
    smoke = _plume(spot)
    foot = spot.view.ground(source.x_m + float(spot.rng.uniform(-0.8, 0.8)), source.z_m)
    tall_px = source.tall_m * spot.view.px_per_m(source.z_m)
    light = float(np.clip(spot.backdrop.light.level * 1.1, 0.5, 1.05))

    def paint(picture: Pixels, t_s: float) -> None:
        since = t_s - onset_s
        if since < 0.0:
            return
        grown = _START_SHARE + (1.0 - _START_SHARE) * min(since / _GROW_S, 1.0)
        draw_smoke(
            picture, smoke, foot_px=foot, size_px=tall_px * grown, at_s=t_s, light=light,
            strength=min(0.7 + since / 6.0, 1.0),
        )  # fmt: skip

    return paint


def _smokes(source: _Source) -> Build:
    def build(spot: Spot) -> Props:
        actors = []
        if source.place is STREET or source.place is MOUNTAIN:
            left, right = source.place.road.lane_centres_m()
            actors = passing(spot, right, AWAY, (5.0, 28.0, 60.0))
            actors += passing(spot, left, NEARER, (15.0, 36.0, 66.0))
        return Props(actors=tuple(actors), shining=(rising(spot, source, _ONSET_S),))

    return build


def _smoke_play(where: str, weather: Weather) -> Play:
    name = f"smoke_{where}_{weather}"
    source = _SOURCES[where]
    return Play(
        name=name, kind=HAZARD, hazards=_WATCHED, length_s=_LENGTH_S,
        truth=(
            Truth(
                hazard=Hazard.SMOKE, from_s=_ONSET_S, to_s=_LENGTH_S,
                zone_ids=(WHOLE_PICTURE_ZONE,), box=source.box,
            ),
        ),
        stage=staged(name, source.place, weather, _smokes(source)),
    )  # fmt: skip


def _chimney(spot: Spot) -> Props:
    """Return a chimney behind the wall that smokes from before the first look to the end."""
    smoke = replace(make_smoke(spot.rng), tone=(150.0, 150.0, 150.0), opacity=0.85, lean=0.35)
    x, y = spot.view.ground(9.0, 46.0)
    metre = spot.view.px_per_m(46.0)
    level = float(np.clip(spot.backdrop.light.level * 1.1, 0.35, 1.0))
    top = y - 5.5 * metre

    def paint(picture: Pixels, t_s: float) -> None:
        half = 0.6 * metre
        stack = [[x - half * 1.3, y], [x + half * 1.3, y], [x + half, top], [x - half, top]]
        fill(picture, np.asarray(stack, np.float32), tint((70.0, 85.0, 130.0), level))
        swell = 1.0 + 0.08 * float(np.sin(0.4 * t_s))
        draw_smoke(
            picture, smoke, foot_px=(x, top), size_px=6.0 * metre * swell, at_s=t_s, light=level
        )

    return Props(shining=(paint,))


def _steam(spot: Spot) -> Props:
    """Return a vent that puffs white steam for some seconds, every half minute from the start."""
    steam = replace(
        make_smoke(spot.rng), tone=(238.0, 238.0, 238.0), opacity=0.8, softness=0.9, spread=0.35
    )
    foot = spot.view.ground(-6.0, 22.0)
    metre = spot.view.px_per_m(22.0)

    def paint(picture: Pixels, t_s: float) -> None:
        share = float(np.sin(np.pi * min(((t_s + 25.0) % 30.0) / 7.0, 1.0)))
        draw_smoke(
            picture, steam, foot_px=foot, size_px=4.0 * metre * share, at_s=t_s, strength=share,
            light=float(np.clip(spot.backdrop.light.level * 1.1, 0.4, 1.0)),
        )  # fmt: skip

    return Props(shining=(paint,))


def _fog_bank(spot: Spot) -> Props:
    """Return fog that comes within half a minute and stays."""
    left, right = STREET.road.lane_centres_m()
    cars = passing(spot, right, AWAY, (8.0, 50.0)) + passing(spot, left, NEARER, (20.0, 66.0))
    return Props(
        actors=tuple(cars),
        shining=(haze(spot, lambda t_s: float(np.clip((t_s - 25.0) / 30.0, 0.0, 1.0))),),
    )


def _hill_fog(spot: Spot) -> Props:
    return Props(
        shining=(haze(spot, lambda t_s: float(np.clip((t_s - 20.0) / 50.0, 0.0, 0.9)), 70.0),)
    )


def _clouds(spot: Spot) -> Props:
    """Return clouds that drift over the hills."""
    soft = cv2.GaussianBlur(spot.rng.random((30, 140)).astype(np.float32), (0, 0), 2.2)
    low, high = float(soft.min()), float(soft.max())
    bank = np.clip(((soft - low) / (high - low) - 0.35) * 3.2, 0.0, 1.0)
    width, rows = spot.view.width_px, int(spot.view.horizon_px)
    sheet = np.asarray(cv2.resize(bank, (width * 2, rows)), np.float32)
    fade = np.linspace(1.0, 0.0, rows, dtype=np.float32)[:, None] ** 0.5
    bright = 225.0 * float(np.clip(spot.backdrop.light.level * 1.1, 0.3, 1.0))

    def paint(picture: Pixels, t_s: float) -> None:
        start = int(t_s * 5.0) % width
        alpha = sheet[:, start : start + width] * fade * np.float32(0.85)
        blend(picture, (bright, bright, bright), alpha, 0, 0)

    return Props(shining=(paint,))


def _dust(spot: Spot) -> Props:
    """Return a lorry that trails dust for the seconds it passes; the dust settles."""
    dust = replace(
        make_smoke(spot.rng), tone=(140.0, 165.0, 182.0), opacity=0.5, softness=0.9, spread=0.6
    )
    right = MOUNTAIN.road.lane_centres_m()[-1]
    routes = [
        Route(stations=((start, right, 7.0), (start + 12.0, right, 95.0))) for start in (22.0, 58.0)
    ]
    actors = [driven(spot, route, AWAY, label="truck") for route in routes]

    def paint(picture: Pixels, t_s: float) -> None:
        for route in routes:
            begun = route.stations[0][0]
            for lag in (1.0, 2.0, 3.0):
                at = route.at(t_s - lag)
                if at is None or t_s - lag < begun:
                    continue
                draw_smoke(
                    picture, dust, foot_px=spot.view.ground(right, max(at[1], 12.0)),
                    size_px=2.2 * spot.view.px_per_m(max(at[1], 12.0)), at_s=t_s,
                    strength=0.8 / lag,
                )  # fmt: skip

    return Props(actors=tuple(actors), shining=(paint,))


def _lookalike(name: str, place: Place, weather: Weather, build: Build) -> Play:
    full = f"not_smoke_{name}"
    return Play(
        name=full, kind=LOOKALIKE, hazards=_ALL, length_s=_LENGTH_S,
        stage=staged(full, place, weather, build),
    )  # fmt: skip


SMOKES: Final = (
    _smoke_play("yard", Weather.DAY),
    _smoke_play("yard", Weather.DUSK),
    _smoke_play("yard", Weather.INFRARED),
    _smoke_play("street", Weather.DAY),
    _smoke_play("street", Weather.RAIN),
    _smoke_play("hill", Weather.DAY),
    _smoke_play("hill", Weather.DUSK),
    _smoke_play("road", Weather.DAY),
)

NOT_SMOKES: Final = (
    _lookalike("chimney", YARD, Weather.DAY, _chimney),
    _lookalike("chimney_dusk", YARD, Weather.DUSK, _chimney),
    _lookalike("steam", STREET, Weather.DAY, _steam),
    _lookalike("fog_bank", STREET, Weather.DAY, _fog_bank),
    _lookalike("fog_bank_night", STREET, Weather.NIGHT, _fog_bank),
    _lookalike("hill_fog", FOREST, Weather.DAY, _hill_fog),
    _lookalike("clouds", FOREST, Weather.DAY, _clouds),
    _lookalike("dust", MOUNTAIN, Weather.DAY, _dust),
)

PLAYS: Final = SMOKES + NOT_SMOKES
