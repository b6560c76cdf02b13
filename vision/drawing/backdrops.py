"""Three kinds of place, each seed another one: a street, a yard before a hill, a mountain road."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from vision.arrays import Pixels
from vision.drawing.houses import House, draw_house
from vision.drawing.light import Hour, Light, make_light
from vision.drawing.paint import Colour, Points, emboss, fill, fractal, smoothstep, tint
from vision.drawing.scenery import (
    Art,
    Road,
    ground,
    nearest_m,
    paste_plane,
    pave,
    pole,
    quad,
    rail,
    ridge,
    sky,
    texture,
    tree,
)
from vision.drawing.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Backdrop:
    """A place without hazards and without vehicles."""

    kind: str
    """street, yard or mountain."""
    painted: Pixels
    """The place as at noon; vehicles and rocks are painted onto a copy of it."""
    light: Light
    """What to apply afterwards."""
    view: View
    """Where things go."""
    road: Road
    """The road or, in a yard, its open middle."""


def _view(rng: np.random.Generator, size_px: tuple[int, int], low_m: float, high_m: float) -> View:
    height, width = size_px
    camera = float(rng.uniform(low_m, high_m))
    return View(
        height_px=height,
        width_px=width,
        focal_px=width * float(rng.uniform(0.7, 1.25)),
        camera_m=camera,
        vanish_x_px=width * float(rng.uniform(0.25, 0.75)),
        horizon_px=height * float(rng.uniform(0.02, 0.36)),
    )


def street(rng: np.random.Generator, size_px: tuple[int, int], hour: Hour) -> Backdrop:
    """Return a street between houses and trees, lamps along it."""
    view = _view(rng, size_px, 4.5, 9.0)
    picture = np.zeros((*size_px, 3), np.uint8)
    lanes = int(rng.choice([2, 2, 3, 4]))
    middle, half = float(rng.uniform(-2.5, 2.5)), lanes * 1.75 + 1.0
    road = Road(left_m=middle - half, right_m=middle + half, lanes=lanes)
    sky(picture, rng, view.horizon_px)
    ridge(picture, rng, view.horizon_px + 2, view.height_px * 0.1, (150.0, 140.0, 120.0))
    pavement = float(rng.uniform(120, 185))
    ground(picture, view, (pavement * 0.95, pavement, pavement * 1.02))
    pave(picture, rng, view, road)
    windows = _fronts(picture, rng, view, road)
    heads = _lamp_row(picture, rng, view, road)
    light = make_light(rng, hour, size_px, heads, windows)
    return Backdrop(kind="street", painted=picture, light=light, view=view, road=road)


def _fronts(picture: Pixels, rng: np.random.Generator, view: View, road: Road) -> list[Points]:
    """Paint houses or trees along both sides, the farthest first; return the windows."""
    windows: list[Points] = []
    sides = [(-1.0, road.left_m), (1.0, road.right_m)]
    wooded = [bool(rng.random() < 0.3) for _ in sides]
    near = nearest_m(view)
    for (side, edge), green in zip(sides, wooded, strict=True):
        face = edge + side * float(rng.uniform(2.5, 6.0))
        z = 95.0
        while z > near:
            long_m = float(rng.uniform(8.0, 20.0))
            if green or rng.random() < 0.12:
                foot = view.ground(face, max(z, near))
                tree(picture, rng, foot, view.px_per_m(z) * float(rng.uniform(4.0, 8.0)))
                z -= float(rng.uniform(3.0, 8.0))
                continue
            start = max(z - long_m, near * 0.7)
            house = House(face_m=face, near_m=start, far_m=z, tall_m=float(rng.uniform(4.0, 18.0)))
            windows += draw_house(picture, rng, view, house)
            z = start - float(rng.uniform(0.0, 3.0))
    return windows


def _lamp_row(
    picture: Pixels, rng: np.random.Generator, view: View, road: Road
) -> list[tuple[float, float, float]]:
    """Paint lamps along one edge; return their heads in pixels with pixels per metre."""
    x = road.right_m + 0.8 if rng.random() < 0.5 else road.left_m - 0.8
    heads = []
    for z in np.arange(85.0, nearest_m(view) + 3.0, -float(rng.uniform(16.0, 26.0))):
        head = pole(picture, view, x, float(z), float(rng.uniform(6.5, 8.0)))
        heads.append((*head, view.px_per_m(float(z))))
    return heads


_GROUNDS: tuple[Colour, ...] = ((150, 158, 162), (110, 135, 155), (70, 110, 105), (128, 130, 130))


def yard(rng: np.random.Generator, size_px: tuple[int, int], hour: Hour) -> Backdrop:
    """Return an open yard with sheds, walls and trees, hills behind it."""
    view = _view(rng, size_px, 3.5, 7.0)
    picture = np.zeros((*size_px, 3), np.uint8)
    sky(picture, rng, view.horizon_px)
    for layer in range(int(rng.integers(1, 4))):
        tall = view.height_px * float(rng.uniform(0.1, 0.3)) / (1 + 0.5 * layer)
        haze = 1.0 - 0.22 * layer
        ridge(picture, rng, view.horizon_px + 3, tall,
              (95.0 * haze + 10, 105.0 * haze, 75.0 * haze))  # fmt: skip
    ground(picture, view, _GROUNDS[int(rng.integers(len(_GROUNDS)))])
    texture(picture, rng, view, 0.4)
    far = float(rng.uniform(22.0, 45.0))
    for _ in range(int(rng.integers(4, 14))):
        x, z = float(rng.uniform(-40, 40)), float(rng.uniform(far, far * 2))
        tree(picture, rng, view.ground(x, z), view.px_per_m(z) * float(rng.uniform(3.5, 8.0)))
    windows = _sheds(picture, rng, view, far)
    side = -1.0 if rng.random() < 0.5 else 1.0
    for z in (far * 0.7, far * 0.45):
        if rng.random() < 0.6:
            tree(picture, rng, view.ground(side * float(rng.uniform(5, 9)), z),
                 view.px_per_m(z) * float(rng.uniform(3.0, 6.0)))  # fmt: skip
    heads = []
    if rng.random() < 0.7:
        head = pole(picture, view, -side * 8.0, far * 0.6, 6.0)
        heads.append((*head, view.px_per_m(far * 0.6)))
    light = make_light(rng, hour, size_px, heads, windows)
    road = Road(left_m=-5.0, right_m=5.0, lanes=2)
    return Backdrop(kind="yard", painted=picture, light=light, view=view, road=road)


def _sheds(picture: Pixels, rng: np.random.Generator, view: View, far: float) -> list[Points]:
    """Paint a wall across the back and a shed or two at the sides; return the windows."""
    if rng.random() < 0.7:
        tall = float(rng.uniform(1.6, 2.6))
        wall = quad(view, [(-60, tall, far), (60, tall, far), (60, 0, far), (-60, 0, far)])
        fill(picture, wall, tint((150.0, 165.0, 180.0), float(rng.uniform(0.5, 1.15))))
    windows: list[Points] = []
    for side in (-1.0, 1.0):
        if rng.random() < 0.6:
            face = side * float(rng.uniform(5.5, 11.0))
            house = House(
                face_m=face,
                near_m=float(rng.uniform(9.0, 15.0)),
                far_m=far - 1.0,
                tall_m=float(rng.uniform(2.8, 7.0)),
            )
            windows += draw_house(picture, rng, view, house)
    return windows


def mountain(rng: np.random.Generator, size_px: tuple[int, int], hour: Hour) -> Backdrop:
    """Return a mountain road: a rock slope on one side, a rail and the valley on the other."""
    plain = _view(rng, size_px, 4.0, 8.0)
    view = View(
        height_px=plain.height_px,
        width_px=plain.width_px,
        focal_px=plain.focal_px,
        camera_m=plain.camera_m,
        vanish_x_px=plain.vanish_x_px,
        horizon_px=max(plain.horizon_px, size_px[0] * 0.12),
        bend_per_m=float(rng.uniform(-0.003, 0.003)),
    )
    picture = np.zeros((*size_px, 3), np.uint8)
    sky(picture, rng, view.horizon_px)
    for layer in range(2):
        haze = 150.0 - 55.0 * layer
        ridge(picture, rng, view.horizon_px + 4, size_px[0] * float(rng.uniform(0.1, 0.28)),
              (haze, haze * 0.98, haze * 0.82))  # fmt: skip
    ground(picture, view, (70.0, 100.0, 95.0))
    side = -1.0 if rng.random() < 0.5 else 1.0
    half = float(rng.uniform(3.4, 4.5))
    road = Road(left_m=-half, right_m=half, lanes=2)
    pave(picture, rng, view, road)
    slope(picture, rng, view, side, half + float(rng.uniform(0.6, 2.0)))
    rail(picture, view, -side * (half + 0.6))
    heads = _lamp_row(picture, rng, view, road) if rng.random() < 0.4 else []
    light = make_light(rng, hour, size_px, heads, [])
    return Backdrop(kind="mountain", painted=picture, light=light, view=view, road=road)


def slope(
    picture: Pixels, rng: np.random.Generator, view: View, side: float, foot_m: float
) -> None:
    """Paint a rising rock face along the road in straight pieces, the farthest first."""
    art, rows, columns = _rock_face(rng)
    tall, lean = float(rng.uniform(8.0, 24.0)), float(rng.uniform(2.0, 9.0))
    if rng.random() < 0.35:
        _beams(art, rng)
    line = fractal(rng, 1, columns, 90, 5)[0] * rows * 0.35
    alpha = np.clip(np.arange(rows, dtype=np.float32)[:, None] - line, 0, 1).astype(np.float32)
    pieces = np.geomspace(140.0, 1.3, 7)
    for far, near in pairwise(pieces):
        x0, x1 = side * foot_m, side * (foot_m + lean)
        first, second = (far, near) if side > 0 else (near, far)
        corners = quad(
            view, [(x1, tall, first), (x1, tall, second), (x0, 0, second), (x0, 0, first)]
        )
        wide = min(int((far - near) * rows / np.hypot(tall, lean)) + 2, columns)
        start = int(near * rows / tall) % (columns - wide + 1)
        piece, mask = art[:, start : start + wide], alpha[:, start : start + wide]
        if side > 0:
            piece, mask = piece[:, ::-1], mask[:, ::-1]
        paste_plane(picture, np.ascontiguousarray(piece), corners, np.ascontiguousarray(mask))


def _rock_face(rng: np.random.Generator) -> tuple[Art, int, int]:
    """Return a rock face with ledges and bushes, and its rows and columns."""
    rows, columns = 160, 520
    coarse, fine = fractal(rng, rows, columns, 60, 6), fractal(rng, rows, columns, 10, 4)
    ledges = np.asarray(cv2.resize(fractal(rng, rows, columns // 4, 9, 4), (columns, rows)))
    shade = 0.5 + 0.4 * coarse + 0.6 * emboss(coarse + 0.45 * fine + 0.25 * ledges, 1.3)
    grey = float(rng.uniform(95, 165))
    stone = np.asarray((grey * float(rng.uniform(0.7, 1)), grey * 0.95, grey), np.float32)
    green = np.asarray((55.0, 92.0, 80.0), np.float32)
    bush = smoothstep(0.5, 0.62, np.asarray(coarse + 0.3 * fine - 0.25, np.float32))[..., None]
    bush = bush * float(rng.uniform(0.0, 1.0))
    art = np.clip((stone * (1 - bush) + green * bush) * shade[..., None], 0, 255).astype(np.uint8)
    return art, rows, columns


def _beams(art: Art, rng: np.random.Generator) -> None:
    """Paint the grid of concrete beams that holds some slopes."""
    gap = int(rng.integers(12, 22))
    grey: Colour = tint((190.0, 192.0, 192.0), float(rng.uniform(0.7, 1.0)))
    for x in range(0, art.shape[1], gap):
        art[30:, x : x + 2] = np.asarray(grey, np.uint8)
    for y in range(30, art.shape[0], gap):
        art[y : y + 2] = np.asarray(grey, np.uint8)


KINDS: dict[str, Callable[[np.random.Generator, tuple[int, int], Hour], Backdrop]] = {
    "street": street,
    "yard": yard,
    "mountain": mountain,
}
"""Every kind of place; a drill picks one by name."""
