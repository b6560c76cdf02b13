"""What looks like a hazard and is none: lights, a low sun, orange things, fog, clouds of dust."""

from collections.abc import Callable

import cv2
import numpy as np

from vision.arrays import Pixels
from vision.drawing.backdrops import Backdrop
from vision.drawing.light import Hour
from vision.drawing.paint import (
    Colour,
    add_glow,
    add_light,
    blend,
    fill,
    fractal,
    ramp,
    tint,
)


def sunset(picture: Pixels, rng: np.random.Generator, backdrop: Backdrop) -> None:
    """Colour the sky orange and red, with the sun low in it."""
    horizon = int(np.clip(backdrop.view.horizon_px, 10, picture.shape[0] * 0.5))
    rows, width = int(horizon * 1.25), picture.shape[1]
    fall = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, None].repeat(width, axis=1)
    fall += 0.25 * (cv2.resize(fractal(rng, 24, 40, 9, 3), (width, rows)) - 0.5)
    power = float(rng.uniform(0.4, 1.0))
    glow = ramp(
        np.clip(fall, 0.0, 1.0),
        ((0.0, (40, 30, 30)), (0.5, (40, 70, 150)), (0.8, (40, 120, 235)), (1.0, (0, 0, 0))),
    )
    fade = np.clip((1.0 - np.linspace(0.0, 1.0, rows, dtype=np.float32)) * 4.0, 0.0, 1.0)
    add_light(picture, glow * (np.float32(power) * fade[:, None, None]), 0, 0)
    x, y = float(rng.uniform(0, width)), horizon * float(rng.uniform(0.5, 1.0))
    radius = picture.shape[0] * float(rng.uniform(0.03, 0.07))
    add_glow(picture, x, y, radius * 7, (30.0, 110.0, 220.0))
    add_glow(picture, x, y, radius * 1.6, (180.0, 240.0, 255.0))
    if rng.random() < 0.5:
        add_glow(picture, x, picture.shape[0] * 0.8, radius * 9, (15.0, 60.0, 110.0), flat=0.4)


def _somewhere(rng: np.random.Generator, backdrop: Backdrop) -> tuple[float, float, float]:
    """Return a place near the road in pixels and the pixels per metre there."""
    view, road = backdrop.view, backdrop.road
    z = float(np.exp(rng.uniform(np.log(9.0), np.log(35.0))))
    x, y = view.ground(float(rng.uniform(road.left_m - 3, road.right_m + 3)), z)
    return x, y, view.px_per_m(z)


def orange_sign(picture: Pixels, rng: np.random.Generator, backdrop: Backdrop) -> None:
    """Put up a warning board, striped or plain, orange, red or yellow."""
    x, y, metre = _somewhere(rng, backdrop)
    wide, tall = metre * float(rng.uniform(0.5, 1.8)), metre * float(rng.uniform(0.5, 1.2))
    lift = metre * float(rng.uniform(0.2, 1.8))
    level = max(min(backdrop.light.level * 1.2, 1.0), 0.25)
    tone: Colour = ((25, 110, 240), (30, 60, 215), (40, 190, 240))[int(rng.integers(3))]
    left, top = x - wide / 2, y - lift - tall
    grey = tint((120.0, 120.0, 120.0), level)
    fill(
        picture, np.asarray([[x - 1, top], [x + 1, top], [x + 1, y], [x - 1, y]], np.float32), grey
    )
    board = np.asarray(
        [[left, top], [left + wide, top], [left + wide, top + tall], [left, top + tall]], np.float32
    )
    fill(picture, board, tint(tone, level))
    for k in range(int(rng.integers(0, 4))):
        shift = wide * (0.1 + 0.25 * k)
        bar = [[left + shift, top + tall * 0.85], [left + shift + wide * 0.1, top + tall * 0.85],
               [left + shift + wide * 0.22, top + tall * 0.15],
               [left + shift + wide * 0.12, top + tall * 0.15]]  # fmt: skip
        fill(picture, np.asarray(bar, np.float32), tint((235.0, 235.0, 235.0), level))


def cones(picture: Pixels, rng: np.random.Generator, backdrop: Backdrop) -> None:
    """Set a row of traffic cones along the road."""
    view, road = backdrop.view, backdrop.road
    x = float(rng.uniform(road.left_m, road.right_m))
    level = max(min(backdrop.light.level * 1.2, 1.0), 0.2)
    for z in np.linspace(
        float(rng.uniform(22, 30)), float(rng.uniform(8, 14)), int(rng.integers(2, 7))
    ):
        px, py = view.ground(x, float(z))
        metre = view.px_per_m(float(z))
        half, tall = 0.2 * metre, 0.75 * metre
        for low, high, tone in ((0.0, 1.0, (30, 95, 240)), (0.4, 0.62, (235, 235, 235))):
            ring = np.asarray(
                [[px - half * (1 - low), py - tall * low], [px + half * (1 - low), py - tall * low],
                 [px + half * (1.05 - high), py - tall * high],
                 [px - half * (1.05 - high), py - tall * high]], np.float32)  # fmt: skip
            fill(picture, ring, tint(tone, level))


_LAMPS: tuple[Colour, ...] = (
    (60.0, 150.0, 250.0), (40.0, 40.0, 240.0), (210.0, 225.0, 235.0), (40.0, 190.0, 245.0),
    (60.0, 220.0, 90.0), (240.0, 140.0, 60.0),
)  # fmt: skip
"""Sodium, red, white, amber, green, blue."""


def lamps(picture: Pixels, rng: np.random.Generator, backdrop: Backdrop) -> None:
    """Switch on single lamps: beacons, signals, floodlights, with halos and streaks."""
    width, height = picture.shape[1], picture.shape[0]
    for _ in range(int(rng.integers(1, 7))):
        x, y = float(rng.uniform(0, width)), float(rng.uniform(0.05, 0.75)) * height
        radius = height * float(np.exp(rng.uniform(np.log(0.006), np.log(0.05))))
        tone = _LAMPS[int(rng.integers(len(_LAMPS)))]
        add_glow(picture, x, y, radius * 5, tint(tone, float(rng.uniform(0.2, 0.5))))
        add_glow(picture, x, y, radius * 1.4, tint(tone, 1.0))
        if rng.random() < 0.7:
            add_glow(picture, x, y, radius * 0.9, (255.0, 255.0, 255.0))
        if rng.random() < 0.3 and backdrop.light.hour is not Hour.DAY:
            below = min(y + height * 0.25, height - 1.0)
            add_glow(picture, x, below, radius * 9, tint(tone, 0.25), flat=0.3)


def fog(picture: Pixels, rng: np.random.Generator, backdrop: Backdrop) -> None:
    """Lay fog or haze over the distance, in drifting banks."""
    height, width = picture.shape[:2]
    rows = np.arange(height, dtype=np.float32)
    away = backdrop.view.focal_px * backdrop.view.camera_m
    away = np.minimum(away / np.maximum(rows - backdrop.view.horizon_px, 1.0), 120.0)
    sight = float(rng.uniform(18.0, 90.0))
    haze = (1.0 - np.exp(-away / sight))[:, None].repeat(width, axis=1)
    banks = cv2.resize(fractal(rng, 36, 64, 22, 4), (width, height), interpolation=cv2.INTER_CUBIC)
    alpha = np.clip(haze * (0.65 + 0.6 * banks), 0.0, 0.95).astype(np.float32)
    grey = float(rng.uniform(165, 225)) * min(max(backdrop.light.level * 1.3, 0.12), 1.0)
    blend(picture, (grey * 1.02, grey, grey * 0.98), alpha, 0, 0)


def wet_glare(picture: Pixels, rng: np.random.Generator, backdrop: Backdrop) -> None:
    """Stretch a light's reflection down a wet road."""
    x, y, metre = _somewhere(rng, backdrop)
    tone = _LAMPS[int(rng.integers(len(_LAMPS)))]
    for k in range(6):
        aside, reach = x + float(rng.normal(0, 2)), metre * (1.2 - 0.12 * k)
        add_glow(picture, aside, y + k * metre / 2, reach, tint(tone, 0.5 - 0.06 * k), flat=0.6)


LOOKALIKES: tuple[Callable[[Pixels, np.random.Generator, Backdrop], None], ...] = (
    sunset, orange_sign, cones, lamps, fog, wet_glare,
)  # fmt: skip
"""Every look-alike, painted over a lit picture."""
