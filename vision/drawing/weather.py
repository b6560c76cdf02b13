"""Weather and film: rain, infrared, and the noise that a sensor adds to every picture anew."""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from jaxtyping import Int16

from vision.arrays import Pixels
from vision.drawing.light import UNIT, Hour, Light
from vision.drawing.paint import fractal

_SPARE_PX = 64
"""Grain is this much larger than the picture: each moment cuts its own window out of it."""

_STREAKS = 900
"""Drops in a picture: heavy rain, yet the road is still seen."""

_INFRARED_LEVEL = 0.8
"""How bright the middle is that the camera's own infrared lamps light."""


class Weather(StrEnum):
    """What a play is seen through."""

    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"
    RAIN = "rain"
    NIGHT_RAIN = "night_rain"
    INFRARED = "ir"


HOUR = {
    Weather.DAY: Hour.DAY,
    Weather.DUSK: Hour.DUSK,
    Weather.NIGHT: Hour.NIGHT,
    Weather.RAIN: Hour.DAY,
    Weather.NIGHT_RAIN: Hour.NIGHT,
    Weather.INFRARED: Hour.NIGHT,
}

WET = frozenset({Weather.RAIN, Weather.NIGHT_RAIN})

_GRAIN_SIGMA = {
    Weather.DAY: 2.0,
    Weather.DUSK: 3.0,
    Weather.NIGHT: 4.5,
    Weather.RAIN: 3.0,
    Weather.NIGHT_RAIN: 5.0,
    Weather.INFRARED: 4.5,
}
"""Sensor noise: the less light, the more gain, as in ``stills``."""


def infrared_light(size_px: tuple[int, int]) -> Light:
    """Return what a camera's own lamps light: the middle, fading towards the corners."""
    rows, columns = size_px
    v, u = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    fall = np.clip(1.15 - 0.45 * np.sqrt(u**2 + v**2), 0.3, 1.0) * _INFRARED_LEVEL
    plane = (fall * UNIT).astype(np.uint8)
    return Light(
        hour=Hour.NIGHT,
        level=_INFRARED_LEVEL,
        field=np.asarray(cv2.merge([plane, plane, plane])),
        lamps=np.zeros((rows, columns, 3), np.uint8),
    )


def grey(picture: Pixels) -> Pixels:
    """Return the picture without colour, as by infrared."""
    plane = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.merge([plane, plane, plane]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What lies between a place and the picture of it."""

    weather: Weather
    """Which weather."""
    grain: Int16[np.ndarray, "tall wide 3"]
    """Noise, larger than the picture by a margin."""
    streaks: Pixels
    """Drops in the air, twice as tall as the picture; black where there are none."""

    def through_air(self, picture: Pixels, t_s: float) -> Pixels:
        """Return the picture behind its rain, and grey by infrared. No noise yet."""
        if self.weather in WET:
            picture = self._rained(picture, t_s)
        return grey(picture) if self.weather is Weather.INFRARED else picture

    def exposed(self, picture: Pixels, t_s: float) -> Pixels:
        """Return the picture with noise: that of a moment is its own and always the same."""
        tick = round(t_s * 1000)
        down, aside = (tick * 7919) % _SPARE_PX, (tick * 104729 // 64) % _SPARE_PX
        rows, columns = picture.shape[:2]
        window = self.grain[down : down + rows, aside : aside + columns]
        return np.asarray(cv2.add(picture, window, dtype=cv2.CV_8U))

    def _rained(self, picture: Pixels, t_s: float) -> Pixels:
        rows = picture.shape[0]
        dim = cv2.convertScaleAbs(picture, alpha=0.86, beta=10.0)
        start = rows - int(t_s * 977.0) % rows
        return np.asarray(cv2.add(dim, self.streaks[start : start + rows]))


def make_film(rng: np.random.Generator, weather: Weather, size_px: tuple[int, int]) -> Film:
    """Return a film of its own noise and rain."""
    rows, columns = size_px
    tall, wide = rows + _SPARE_PX, columns + _SPARE_PX
    sigma = _GRAIN_SIGMA[weather]
    plain = np.empty((tall, wide), np.int16)
    colour = np.zeros((tall // 2, wide // 2, 3), np.int16)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    cv2.randn(plain, np.zeros(1), np.full(1, sigma))
    if weather is not Weather.INFRARED:
        cv2.randn(colour, np.zeros(3), np.full(3, sigma * 0.5))
    blots = cv2.resize(colour, (wide, tall), interpolation=cv2.INTER_NEAREST)
    grain = np.asarray(cv2.add(blots, cv2.merge([plain, plain, plain])))
    streaks = np.zeros((1, 1, 3), np.uint8)
    if weather in WET:
        streaks = _make_streaks(rng, rows, columns, HOUR[weather])
    return Film(weather=weather, grain=grain, streaks=streaks)


def _make_streaks(rng: np.random.Generator, rows: int, columns: int, hour: Hour) -> Pixels:
    """Return slanted drops that repeat after ``rows`` rows, denser in gusts."""
    sheet = np.zeros((rows, columns), np.uint8)
    gusts = fractal(rng, 12, 20, 5, 2)
    bright = 46 if hour is Hour.DAY else 30
    for _ in range(_STREAKS):
        x, y = float(rng.uniform(0, columns)), float(rng.uniform(0, rows - 18))
        if rng.random() > 0.3 + gusts[int(y * 12 / rows), int(x * 20 / columns)]:
            continue
        long = float(rng.uniform(5.0, 16.0))
        tip = (round(x - 0.18 * long), round(y + long))
        cv2.line(sheet, (round(x), round(y)), tip, float(rng.uniform(0.4, 1.0) * bright), 1,
                 cv2.LINE_AA)  # fmt: skip
    twice = np.concatenate([sheet, sheet])
    return np.asarray(cv2.merge([twice, twice, twice]))
