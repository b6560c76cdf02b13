"""Time of day: what was painted at noon becomes dusk or night, with lamps and lit windows."""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from vision.arrays import Pixels
from vision.drawing.paint import Colour, Points, add_glow, fill, flood, tint

UNIT = 128
"""In a light map: as painted. 255 is twice as bright, 0 black."""


class Hour(StrEnum):
    """The light there is."""

    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """What daylight and lamps make of a picture painted at noon."""

    hour: Hour
    """The time of day."""
    level: float
    """Brightness of what no lamp reaches, 1 is noon."""
    field: Pixels
    """What every pixel is multiplied with, ``UNIT`` being 1."""
    lamps: Pixels
    """What shines by itself: added."""

    def on(self, painted: Pixels) -> Pixels:
        """Return the painted picture in this light."""
        lit = cv2.multiply(painted, self.field, scale=1.0 / UNIT)
        return np.asarray(cv2.add(lit, self.lamps))


def pick_hour(rng: np.random.Generator) -> Hour:
    """Return day more often than dusk and night."""
    return (Hour.DAY, Hour.DUSK, Hour.NIGHT)[int(rng.choice(3, p=[0.55, 0.15, 0.3]))]


def ambient(rng: np.random.Generator, hour: Hour) -> Colour:
    """Return the light of the sky as factors of blue, green, red."""
    if hour is Hour.DAY:
        level, warmth = float(rng.uniform(0.65, 1.2)), float(rng.uniform(-0.08, 0.08))
    elif hour is Hour.DUSK:
        level, warmth = float(rng.uniform(0.3, 0.6)), float(rng.uniform(-0.2, 0.25))
    else:
        level, warmth = float(rng.uniform(0.17, 0.4)), float(rng.uniform(-0.3, 0.1))
    return level * (1 - warmth), level, level * (1 + warmth)


def make_light(
    rng: np.random.Generator,
    hour: Hour,
    size_px: tuple[int, int],
    lamp_heads: list[tuple[float, float, float]],
    windows: list[Points],
) -> Light:
    """Return the light of an hour; ``lamp_heads`` are x, y in pixels and pixels per metre there."""
    height, width = size_px
    factor = ambient(rng, hour)
    field = np.empty((height, width, 3), np.uint8)
    flood(field, tint(factor, UNIT))
    lamps = np.zeros((height, width, 3), np.uint8)
    if hour is not Hour.DAY:
        tone = _lamp_tone(rng)
        for x, y, px_per_m in lamp_heads:
            _lamp(field, lamps, (x, y), px_per_m, tone)
        for window in windows:
            if rng.random() < 0.3:
                warm: Colour = (90.0, 170.0, 215.0) if rng.random() < 0.7 else (210.0, 205.0, 190.0)
                fill(lamps, window, tint(warm, float(rng.uniform(0.3, 0.95))))
        lamps = np.asarray(cv2.GaussianBlur(lamps, (0, 0), 0.7))
    return Light(hour=hour, level=factor[1], field=field, lamps=lamps)


def _lamp_tone(rng: np.random.Generator) -> Colour:
    """Return sodium orange or white: a lamp's colour is the estate's, not the lamp's."""
    if rng.random() < 0.45:
        return (70.0, 165.0, 245.0)
    return (215.0, 225.0, 230.0)


def _lamp(
    field: Pixels, lamps: Pixels, head_px: tuple[float, float], px_per_m: float, tone: Colour
) -> None:
    """Light the ground under a lamp and the lamp itself."""
    x, y = head_px
    drop = 7.5 * px_per_m
    add_glow(field, x, y + drop, 13.0 * px_per_m + 6, tint(tone, 0.42), flat=0.45)
    add_glow(field, x, y + drop * 0.5, 9.0 * px_per_m + 4, tint(tone, 0.16))
    add_glow(lamps, x, y, 1.6 * px_per_m + 4, tint(tone, 0.55))
    add_glow(lamps, x, y, 0.5 * px_per_m + 2, (255.0, 255.0, 255.0))
