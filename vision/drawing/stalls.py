"""Tents and market stalls, which people put up: they rise as ``raised`` goes to 1."""

from dataclasses import dataclass

import numpy as np

from vision.arrays import Pixels
from vision.drawing.paint import Colour, fill, shadow, tint
from vision.drawing.view import View

_CLOTHS: tuple[Colour, ...] = (
    (170, 90, 40), (60, 120, 60), (40, 60, 190), (40, 150, 225), (205, 205, 205), (110, 80, 120),
)  # fmt: skip
"""Blue, green, red, orange, white, violet: an orange tent is no fire."""

_GOODS: tuple[Colour, ...] = (
    (40, 150, 235), (40, 50, 200), (60, 170, 90), (60, 210, 230), (200, 200, 205), (60, 90, 140),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """The looks of one tent or stall."""

    cloth: Colour
    """Its tarpaulin."""
    trim: Colour
    """Its second colour."""
    goods: tuple[Colour, ...]
    """What lies on its table."""
    wide_m: float
    """How wide it is."""


def make_canvas(rng: np.random.Generator) -> Canvas:
    """Return a tent's or a stall's looks."""
    first, second = (int(k) for k in rng.choice(len(_CLOTHS), 2, replace=False))
    goods = tuple(
        tint(_GOODS[int(k)], float(rng.uniform(0.7, 1.1)))
        for k in rng.integers(len(_GOODS), size=14)
    )
    return Canvas(
        cloth=_CLOTHS[first], trim=_CLOTHS[second], goods=goods, wide_m=float(rng.uniform(2.0, 2.6))
    )


def _quad(
    picture: Pixels, view: View, corners: list[tuple[float, float, float]], colour: Colour
) -> None:
    fill(picture, view.project(np.asarray(corners, np.float32)), colour)


def _ground_shade(
    picture: Pixels, view: View, place_m: tuple[float, float], wide_m: float, deep_m: float
) -> None:
    x, z = place_m
    half = wide_m / 2
    corners = [(x - half, 0.0, z), (x + half, 0.0, z), (x + half, 0.0, z + deep_m),
               (x - half, 0.0, z + deep_m)]  # fmt: skip
    shadow(picture, view.project(np.asarray(corners, np.float32)), 0.4, 1.5)


def draw_tent(
    picture: Pixels, view: View, canvas: Canvas, *, place_m: tuple[float, float],
    raised: float = 1.0,
) -> None:  # fmt: skip
    """Paint a ridge tent, its dark opening towards the camera; flat cloth while ``raised`` is 0."""
    x, z = place_m
    half, deep, top = canvas.wide_m / 2, 2.4, 0.12 + 1.35 * raised
    _ground_shade(picture, view, place_m, canvas.wide_m + 0.2, deep)
    ridge = [(x, top, z), (x, top, z + deep)]
    for side, shade in ((-1.0, 0.95), (1.0, 0.72)):
        edge = [(x + side * half, 0.0, z + deep), (x + side * half, 0.0, z)]
        _quad(picture, view, [*ridge, *edge], tint(canvas.cloth, shade))
    front = [(x, top, z), (x + half, 0.0, z), (x - half, 0.0, z)]
    _quad(picture, view, front, tint(canvas.cloth, 0.82))
    door = [(x, top * 0.8, z), (x + half * 0.45, 0.0, z), (x - half * 0.45, 0.0, z)]
    _quad(picture, view, door, (38.0, 36.0, 36.0))
    flap = [(x, top * 0.8, z), (x - half * 0.45, 0.0, z), (x - half * 0.7, 0.0, z)]
    _quad(picture, view, flap, canvas.trim)


def draw_stall(
    picture: Pixels, view: View, canvas: Canvas, *, place_m: tuple[float, float],
    raised: float = 1.0,
) -> None:  # fmt: skip
    """Paint a table of goods under a striped awning on four poles."""
    x, z = place_m
    half, deep, top = canvas.wide_m / 2, 1.8, 0.9 + 1.3 * raised
    _ground_shade(picture, view, place_m, canvas.wide_m + 0.4, deep)
    for side in (-1.0, 1.0):
        for back in (deep, 0.0):
            pole_x = x + side * half
            pole = [(pole_x - 0.03, top, z + back), (pole_x + 0.03, top, z + back),
                    (pole_x + 0.03, 0.0, z + back), (pole_x - 0.03, 0.0, z + back)]  # fmt: skip
            _quad(picture, view, pole, (150.0, 150.0, 152.0))
    _table(picture, view, canvas, place_m)
    if raised <= 0.05:
        return
    stripes = 6
    for k in range(stripes):
        left = x - half - 0.2 + (canvas.wide_m + 0.4) * k / stripes
        right = left + (canvas.wide_m + 0.4) / stripes
        colour = canvas.cloth if k % 2 == 0 else (215.0, 218.0, 220.0)
        roof = [(left, top + 0.35, z + deep), (right, top + 0.35, z + deep),
                (right, top, z - 0.2), (left, top, z - 0.2)]  # fmt: skip
        _quad(picture, view, roof, colour)
        hem = [(left, top, z - 0.2), (right, top, z - 0.2), (right, top - 0.22, z - 0.2),
               (left, top - 0.22, z - 0.2)]  # fmt: skip
        _quad(picture, view, hem, tint(colour, 0.8))


def _table(picture: Pixels, view: View, canvas: Canvas, place_m: tuple[float, float]) -> None:
    """Paint a clothed table and what is sold on it."""
    x, z = place_m
    half = canvas.wide_m / 2 - 0.1
    top = [(x - half, 0.8, z + 1.0), (x + half, 0.8, z + 1.0), (x + half, 0.8, z + 0.1),
           (x - half, 0.8, z + 0.1)]  # fmt: skip
    front = [(x - half, 0.8, z + 0.1), (x + half, 0.8, z + 0.1), (x + half, 0.0, z + 0.1),
             (x - half, 0.0, z + 0.1)]  # fmt: skip
    _quad(picture, view, front, tint(canvas.trim, 0.8))
    _quad(picture, view, top, (150.0, 165.0, 175.0))
    columns = len(canvas.goods) // 2
    for k, colour in enumerate(canvas.goods):
        left = x - half + 0.1 + (k % columns) * (2 * half - 0.2) / columns
        deep = z + (0.2 if k < columns else 0.6)
        heap = [(left, 0.8, deep), (left + 0.08, 0.98, deep), (left + 0.2, 0.98, deep),
                (left + 0.28, 0.8, deep)]  # fmt: skip
        _quad(picture, view, heap, colour)
