"""What shines, flaps or glows without burning: painted over the lit picture."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from pipelines.drills.plays.common import Painter, Spot
from vision.arrays import Pixels
from vision.drawing.paint import Colour, Field, Points, add_glow, add_light, blend, fill, ramp, tint

_ORANGE: Final[Colour] = (30.0, 110.0, 240.0)
_RED: Final[Colour] = (35.0, 40.0, 205.0)
_SODIUM: Final[Colour] = (60.0, 150.0, 250.0)


def _level(spot: Spot) -> float:
    """Return how bright paint is in this light."""
    return float(np.clip(spot.backdrop.light.level * 1.15, 0.3, 1.0))


def _board(left: float, top: float, right: float, low: float) -> Points:
    return np.asarray([[left, top], [right, top], [right, low], [left, low]], np.float32)


def lamp(spot: Spot, x_m: float, z_m: float, on_s: float) -> Painter:
    """Return a sodium lamp on a wall that is on from a second; it doesn't flicker."""
    x, y = spot.view.ground(x_m, z_m)
    metre = spot.view.px_per_m(z_m)
    y -= 2.6 * metre

    def paint(picture: Pixels, t_s: float) -> None:
        if t_s < on_s:
            return
        add_glow(picture, x, y + 2.4 * metre, 3.2 * metre, tint(_SODIUM, 0.4), flat=0.4)
        add_glow(picture, x, y, 1.7 * metre, tint(_SODIUM, 0.5))
        add_glow(picture, x, y, 0.6 * metre, _SODIUM)
        add_glow(picture, x, y, 0.4 * metre, (225.0, 245.0, 255.0))

    return paint


def flag(spot: Spot, x_m: float, z_m: float) -> Painter:
    """Return an orange flag that flaps on a pole, as roadworks and shops have."""
    x, y = spot.view.ground(x_m, z_m)
    metre = spot.view.px_per_m(z_m)
    level = _level(spot)
    beat = float(spot.rng.uniform(4.0, 7.0))
    top = y - 4.2 * metre
    share = np.linspace(0.0, 1.0, 10)

    def paint(picture: Pixels, t_s: float) -> None:
        mast = [[x - 1.5, y], [x + 1.5, y], [x + 1.5, top], [x - 1.5, top]]
        fill(picture, np.asarray(mast, np.float32), tint((150.0, 150.0, 150.0), level))
        wave = 0.22 * metre * share * np.sin(beat * t_s - 7.0 * share)
        across = x + 1.5 + share * metre * (1.9 + 0.12 * np.sin(2.1 * t_s))
        for k in range(len(share) - 1):
            slope = np.cos(beat * t_s - 7.0 * share[k])
            quad = [
                [across[k], top + wave[k]], [across[k + 1], top + wave[k + 1]],
                [across[k + 1], top + wave[k + 1] + 1.3 * metre],
                [across[k], top + wave[k] + 1.3 * metre],
            ]  # fmt: skip
            fill(
                picture, np.asarray(quad, np.float32), tint(_ORANGE, level * (0.85 + 0.15 * slope))
            )

    return paint


def banner(spot: Spot, x_m: float, z_m: float) -> Painter:
    """Return a red banner with pale writing, hung between two poles; it sways a little."""
    x, y = spot.view.ground(x_m, z_m)
    metre = spot.view.px_per_m(z_m)
    level = _level(spot)

    def paint(picture: Pixels, t_s: float) -> None:
        sway = 0.05 * metre * float(np.sin(1.7 * t_s))
        top, low = y - 3.4 * metre, y - 2.3 * metre
        cloth = [[x - 2 * metre, top], [x + 2 * metre, top], [x + 2 * metre + sway, low],
                 [x - 2 * metre + sway, low]]  # fmt: skip
        fill(picture, np.asarray(cloth, np.float32), tint(_RED, level))
        for k in range(6):
            left = x + (-1.6 + 0.55 * k) * metre + sway / 2
            word = _board(left, top + 0.3 * metre, left + 0.35 * metre, low - 0.3 * metre)
            fill(picture, word, tint((200.0, 225.0, 235.0), level))

    return paint


def blinking_sign(spot: Spot, x_m: float, z_m: float) -> Painter:
    """Return a shop sign that blinks irregularly, blue-white as welding and orange by turns."""
    x, y = spot.view.ground(x_m, z_m)
    metre = spot.view.px_per_m(z_m)
    y -= 2.8 * metre
    beats = spot.rng.random(64)

    def paint(picture: Pixels, t_s: float) -> None:
        step = int(t_s * 4.0)
        if beats[step % 64] < 0.45:
            return
        tone: Colour = (255.0, 235.0, 215.0) if beats[(step // 8) % 64] < 0.5 else _ORANGE
        add_glow(picture, x, y, 2.0 * metre, tint(tone, 0.4))
        wide, tall = 0.8 * metre, 0.3 * metre
        fill(picture, _board(x - wide, y - tall, x + wide, y + tall), tone)

    return paint


def low_sun(spot: Spot, across: float) -> Painter:
    """Return a sunset that glows ever redder at one place of the horizon, over the whole play."""
    rows, columns = 200, spot.view.width_px
    horizon = spot.view.horizon_px
    v = np.linspace(0.0, rows / horizon, rows, dtype=np.float32)[:, None].repeat(columns, axis=1)
    glow = ramp(
        np.clip(v / 2.0, 0.0, 1.0),
        ((0.0, (20, 20, 30)), (0.35, (40, 80, 160)), (0.5, (40, 120, 235)), (0.62, (0, 0, 0)),
         (1.0, (0, 0, 0))),
    )  # fmt: skip
    x = columns * across

    def paint(picture: Pixels, t_s: float) -> None:
        power = float(np.clip(0.35 + t_s / 140.0, 0.0, 1.0))
        add_light(picture, glow * np.float32(power), 0, 0)
        y = horizon * (0.72 + 0.2 * power)
        add_glow(picture, x, y, horizon * 1.9, tint((30.0, 110.0, 220.0), 0.7))
        add_glow(picture, x, y, horizon * 0.4, (170.0, 235.0, 255.0))

    return paint


def wet_streak(spot: Spot, x_m: float, z_m: float) -> Painter:
    """Return a lamp's reflection down a wet road; it shivers with the drops."""
    x, y = spot.view.ground(x_m, z_m)
    metre = spot.view.px_per_m(z_m)
    tone = _SODIUM if spot.rng.random() < 0.6 else (50.0, 50.0, 235.0)

    def paint(picture: Pixels, t_s: float) -> None:
        for k in range(6):
            aside = x + 2.0 * float(np.sin(9.0 * t_s + 2.1 * k))
            reach = metre * (1.2 - 0.12 * k)
            add_glow(
                picture, aside, y + k * metre / 2, reach, tint(tone, 0.55 - 0.06 * k), flat=0.6
            )

    return paint


def patch_of_light(spot: Spot, x_m: float, z_m: float, at: Callable[[float], float]) -> Painter:
    """Return a pool of light on the ground, as bright as ``at`` says (0-1) for the second."""
    x, y = spot.view.ground(x_m, z_m)
    metre = spot.view.px_per_m(z_m)

    def paint(picture: Pixels, t_s: float) -> None:
        power = at(t_s)
        if power > 0.0:
            tone = tint((190.0, 215.0, 230.0), 0.6 * power)
            add_glow(picture, x, y, 3.5 * metre, tone, flat=0.4)

    return paint


def haze(spot: Spot, at: Callable[[float], float], sight_m: float = 30.0) -> Painter:
    """Return fog that hides what is far and keeps what is near, as dense as ``at`` says (0-1)."""
    height, width = spot.view.height_px, spot.view.width_px
    rows = np.arange(height, dtype=np.float32)
    away = spot.view.focal_px * spot.view.camera_m / np.maximum(rows - spot.view.horizon_px, 1.0)
    veil = (1.0 - np.exp(-np.minimum(away, 120.0) / sight_m))[:, None].repeat(width, axis=1)
    banks = spot.rng.random((9, 24)).astype(np.float32)
    wide = np.asarray(cv2.resize(banks, (2 * width, height), interpolation=cv2.INTER_CUBIC))
    bright = 205.0 * float(np.clip(spot.backdrop.light.level * 1.3, 0.15, 1.0))

    def paint(picture: Pixels, t_s: float) -> None:
        power = at(t_s)
        if power <= 0.0:
            return
        start = int(t_s * 6.0) % width
        alpha: Field = np.asarray(veil * (0.8 + 0.3 * wide[:, start : start + width]), np.float32)
        alpha = np.clip(alpha * np.float32(power), 0.0, 0.93)
        blend(picture, (bright * 1.02, bright, bright * 0.98), alpha, 0, 0)

    return paint
