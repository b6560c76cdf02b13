"""Houses along a street: a flat elevation each, laid onto the planes of a block."""

from dataclasses import dataclass

import numpy as np

from vision.arrays import Pixels
from vision.drawing.paint import Colour, Points, emboss, fill, fractal, tint
from vision.drawing.scenery import Art, paste_plane, quad
from vision.drawing.view import View

_ART_PX_PER_M = 10.0
"""Most detail of an elevation: a window is about ten pixels wide, as in a camera's picture."""

_PLAIN_END_PX_PER_M = 14.0
"""Farther than this, the wall across the street is mostly hidden: one colour does."""

_WALLS: tuple[Colour, ...] = (
    (185, 200, 210), (150, 175, 195), (120, 140, 175), (200, 200, 198), (160, 190, 215),
    (95, 110, 150), (170, 165, 160), (140, 160, 150), (205, 215, 225),
)  # fmt: skip

_SIGNS: tuple[Colour, ...] = (
    (35, 40, 190), (30, 120, 235), (150, 80, 30), (60, 140, 40), (40, 190, 225), (230, 230, 230),
)  # fmt: skip
"""Shop signs: red and orange ones too, since a sign is no fire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A block beside the road."""

    face_m: float
    """X of the wall that faces the road."""
    near_m: float
    """Z of its nearer wall."""
    far_m: float
    """Z of its farther wall."""
    tall_m: float
    """Its height."""
    deep_m: float = 9.0
    """How far it reaches away from the road."""


def elevation(
    rng: np.random.Generator,
    long_m: float,
    tall_m: float,
    wall: Colour,
    *,
    shops: bool,
    px_per_m: float = _ART_PX_PER_M,
) -> tuple[Art, list[Points]]:
    """Return a wall with windows (and shops below), and the windows' corners as shares 0-1."""
    rows = int(np.clip(tall_m * px_per_m, 12, 200))
    columns = int(np.clip(long_m * px_per_m, 12, 260))
    dirt = fractal(rng, rows, columns, 40, 5)
    shade = 0.82 + 0.26 * dirt + 0.05 * emboss(dirt, 1.5)
    art = np.clip(shade[..., None] * np.asarray(wall, np.float32), 0, 255).astype(np.uint8)
    floors = max(round(tall_m / 3.2), 1)
    bays = max(round(long_m / float(rng.uniform(2.6, 4.2))), 1)
    floor_px, bay_px = rows / floors, columns / bays
    wide, tall = float(rng.uniform(0.35, 0.62)), float(rng.uniform(0.4, 0.6))
    panes: list[Points] = []
    for floor in range(floors - (1 if shops else 0)):
        for bay in range(bays):
            x, y = (bay + 0.5 - wide / 2) * bay_px, (floor + 0.28) * floor_px
            panes.append(_window(art, rng, (x, y), (wide * bay_px, tall * floor_px)))
        if rng.random() < 0.4:
            line = int((floor + 0.97) * floor_px)
            art[line : line + 1] = (art[line : line + 1] * 0.7).astype(np.uint8)
    if shops:
        _shops(art, rng, (floors - 1) * floor_px, bay_px, bays)
    return art, [pane / np.asarray([columns, rows], np.float32) for pane in panes]


def _rectangle(x: float, y: float, wide: float, tall: float) -> Points:
    return np.asarray([[x, y], [x + wide, y], [x + wide, y + tall], [x, y + tall]], np.float32)


def _window(
    art: Art, rng: np.random.Generator, at: tuple[float, float], size: tuple[float, float]
) -> Points:
    """Paint a window with its frame, sill, at times a curtain or an air conditioner."""
    (x, y), (wide, tall) = at, size
    if wide >= 4:
        fill(art, _rectangle(x - 1, y - 1, wide + 2, tall + 2.5), (190.0, 195.0, 195.0))
    pane = _rectangle(x, y, wide, tall)
    fill(art, pane, tint((92.0, 80.0, 70.0), float(rng.uniform(0.5, 1.4))))
    if wide < 4:
        return pane
    if rng.random() < 0.3:
        fill(art, _rectangle(x, y, wide * 0.4, tall), tint((170.0, 180.0, 185.0), 0.9))
    if rng.random() < 0.25:
        fill(art, _rectangle(x + wide * 0.2, y + tall + 3, wide * 0.5, 4.0), (175.0, 175.0, 172.0))
    return pane


def _shops(art: Art, rng: np.random.Generator, top: float, bay_px: float, bays: int) -> None:
    """Paint shop fronts: a sign, then glass or a rolled shutter."""
    tall = art.shape[0] - top
    for bay in range(bays):
        x, wide = bay * bay_px + 1, bay_px - 2
        sign = _SIGNS[int(rng.integers(len(_SIGNS)))]
        fill(art, _rectangle(x, top + tall * 0.05, wide, tall * 0.22), sign)
        ink: Colour = (235.0, 235.0, 235.0) if sum(sign) < 500 else (40.0, 40.0, 160.0)
        for k in range(int(wide / 6)):
            bar = _rectangle(x + 3 + 6 * k, top + tall * 0.1, float(rng.uniform(2, 4)), tall * 0.11)
            fill(art, bar, ink)
        front: Colour = (70.0, 66.0, 62.0) if rng.random() < 0.6 else (165.0, 165.0, 160.0)
        fill(art, _rectangle(x + 1, top + tall * 0.32, wide - 2, tall * 0.66), front)


def draw_house(picture: Pixels, rng: np.random.Generator, view: View, house: House) -> list[Points]:
    """Paint a house; return the windows of its road face in pixels, so that some can be lit."""
    wall = tint(_WALLS[int(rng.integers(len(_WALLS)))], float(rng.uniform(0.75, 1.08)))
    side = 1.0 if house.face_m > 0 else -1.0
    back = house.face_m + side * house.deep_m
    detail = float(np.clip(view.px_per_m(house.near_m), 4.0, _ART_PX_PER_M))
    x, near, far, tall = house.face_m, house.near_m, house.far_m, house.tall_m
    left, right = min(x, back), max(x, back)
    wide = [(left, tall, near), (right, tall, near), (right, 0.0, near), (left, 0.0, near)]
    if view.px_per_m(near) < _PLAIN_END_PX_PER_M:
        fill(picture, quad(view, wide), tint(wall, 0.72))
    else:
        end, _ = elevation(rng, house.deep_m, tall, tint(wall, 0.8), shops=False, px_per_m=detail)
        paste_plane(picture, end, quad(view, wide))
    shops = bool(rng.random() < 0.6)
    art, panes = elevation(rng, far - near, tall, wall, shops=shops, px_per_m=detail)
    first, second = (far, near) if side > 0 else (near, far)
    corners = quad(view, [(x, tall, first), (x, tall, second), (x, 0, second), (x, 0, first)])
    paste_plane(picture, art, corners)
    roof = quad(view, [(x, tall, near), (x, tall, far), (back, tall, far), (back, tall, near)])
    if view.camera_m > tall:
        fill(picture, roof, tint((120.0, 122.0, 125.0), float(rng.uniform(0.6, 1.1))))
    return [_on_plane(house, view, pane, first, second) for pane in panes]


def _on_plane(house: House, view: View, pane: Points, first: float, second: float) -> Points:
    """Return where a window (shares of the wall) is in the picture."""
    return quad(
        view,
        [
            (house.face_m, house.tall_m * (1.0 - float(v)), first + (second - first) * float(u))
            for u, v in pane
        ],
    )
