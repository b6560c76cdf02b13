"""Where plays happen: places with a fixed camera, so that a zone lies where it was drawn.

Houses, trees and stains differ by seed; the view and the road don't.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.messages import BoxShares
from vision.arrays import Pixels
from vision.drawing.backdrops import Backdrop, slope
from vision.drawing.houses import House, draw_house
from vision.drawing.light import make_light
from vision.drawing.paint import Points, fill
from vision.drawing.scenery import (
    Road,
    ground,
    nearest_m,
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
from vision.drawing.weather import HOUR, Weather, infrared_light

SIZE_PX: Final = (360, 640)
"""Rows and columns: a camera's substream."""

_LAMP_GAP_M = 22.0
"""Between street lamps, as along a main road."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A kind of place under a fixed camera."""

    kind: str
    """street, yard or mountain, as backdrops are called."""
    view: View
    """The camera."""
    road: Road
    """The road, or the open middle."""
    paint: Callable[["Place", Pixels, np.random.Generator], "Shining"]
    """Paints it as at noon; returns what shines by night."""

    def backdrop(self, rng: np.random.Generator, weather: Weather) -> Backdrop:
        """Return the place painted and lit."""
        picture = np.zeros((*SIZE_PX, 3), np.uint8)
        shining = self.paint(self, picture, rng)
        light = (
            infrared_light(SIZE_PX)
            if weather is Weather.INFRARED
            else make_light(rng, HOUR[weather], SIZE_PX, shining.heads, shining.windows)
        )
        return Backdrop(
            kind=self.kind, painted=picture, light=light, view=self.view, road=self.road
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shining:
    """What shines in a place by night."""

    heads: list[tuple[float, float, float]]
    """Lamps: x, y in pixels and pixels per metre there."""
    windows: list[Points]
    """Panes."""


def view_of(
    *, camera_m: float = 6.5, vanish_px: float = 300.0, horizon_px: float = 62.0,
    focal_px: float = 560.0, bend_per_m: float = 0.0,
) -> View:  # fmt: skip
    """Return a camera on a pole that sees the road from 12 m on."""
    return View(
        height_px=SIZE_PX[0],
        width_px=SIZE_PX[1],
        focal_px=focal_px,
        camera_m=camera_m,
        vanish_x_px=vanish_px,
        horizon_px=horizon_px,
        bend_per_m=bend_per_m,
    )


def place_of(
    view: View, left_m: float, right_m: float, near_m: float, far_m: float, *, tall_m: float
) -> BoxShares:
    """Return the box of what may stand anywhere on a strip of ground, and so high."""
    floor = [(x, 0.0, z) for x in (left_m, right_m) for z in np.linspace(near_m, far_m, 6)]
    points = np.asarray([*floor, *((x, tall_m, z) for x, _, z in floor)], np.float32)
    shares = np.clip(view.project(points) / np.asarray(SIZE_PX[::-1]), 0.0, 1.0)
    (x0, y0), (x1, y1) = shares.min(axis=0).tolist(), shares.max(axis=0).tolist()
    return round(x0, 4), round(y0, 4), round(x1, 4), round(y1, 4)


def _street(place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint a street between houses, lamps along it."""
    view, road = place.view, place.road
    sky(picture, rng, view.horizon_px)
    ridge(picture, rng, view.horizon_px + 2, 30.0, (150.0, 140.0, 120.0))
    pavement = float(rng.uniform(130, 175))
    ground(picture, view, (pavement * 0.95, pavement, pavement * 1.02))
    pave(picture, rng, view, road)
    windows: list[Points] = []
    for side, edge in ((-1.0, road.left_m), (1.0, road.right_m)):
        z = 90.0
        while z > nearest_m(view):
            start = max(z - float(rng.uniform(14.0, 26.0)), nearest_m(view) * 0.7)
            tall = float(rng.uniform(5.0, 14.0))
            house = House(face_m=edge + side * 6.0, near_m=start, far_m=z, tall_m=tall)
            windows += draw_house(picture, rng, view, house)
            if rng.random() < 0.4:
                tree(picture, rng, view.ground(edge + side * 4.5, start), view.px_per_m(start) * 5)
            z = start - float(rng.uniform(0.0, 3.0))
    return Shining(heads=_lamps(place, picture), windows=windows)


def _lamps(place: Place, picture: Pixels) -> list[tuple[float, float, float]]:
    view = place.view
    heads = []
    for z in np.arange(85.0, nearest_m(view) + 3.0, -_LAMP_GAP_M):
        head = pole(picture, view, place.road.right_m + 1.2, float(z), 7.5)
        heads.append((*head, view.px_per_m(float(z))))
    return heads


def _yard(place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint an open yard with sheds, a back wall and trees before hills."""
    view = place.view
    sky(picture, rng, view.horizon_px)
    for layer in range(2):
        haze = 1.0 - 0.22 * layer
        ridge(picture, rng, view.horizon_px + 3, 60.0 - 20.0 * layer,
              (95.0 * haze + 10, 105.0 * haze, 75.0 * haze))  # fmt: skip
    ground(picture, view, (128.0, 134.0, 138.0))
    texture(picture, rng, view, 0.4)
    wall = quad(view, [(-60, 2.2, 48), (60, 2.2, 48), (60, 0, 48), (-60, 0, 48)])
    fill(picture, wall, (140.0, 155.0, 168.0))
    for _ in range(8):
        x, z = float(rng.uniform(-40, 40)), float(rng.uniform(50, 80))
        tree(picture, rng, view.ground(x, z), view.px_per_m(z) * float(rng.uniform(4.0, 8.0)))
    windows: list[Points] = []
    for side in (-1.0, 1.0):
        tall = float(rng.uniform(3.0, 6.0))
        house = House(face_m=side * 10.5, near_m=16.0, far_m=44.0, tall_m=tall)
        windows += draw_house(picture, rng, view, house)
    head = pole(picture, view, 8.5, 24.0, 6.0)
    return Shining(heads=[(*head, view.px_per_m(24.0))], windows=windows)


def _mountain(place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint a mountain road: a rock slope on the left, a rail and the valley on the right."""
    view, road = place.view, place.road
    sky(picture, rng, view.horizon_px)
    for layer in range(2):
        haze = 150.0 - 55.0 * layer
        ridge(picture, rng, view.horizon_px + 4, 70.0, (haze, haze * 0.98, haze * 0.82))
    ground(picture, view, (70.0, 100.0, 95.0))
    pave(picture, rng, view, road)
    slope(picture, rng, view, -1.0, -road.left_m + 1.5)
    rail(picture, view, road.right_m + 0.6)
    return Shining(heads=[], windows=[])


def _forest(place: Place, picture: Pixels, rng: np.random.Generator) -> Shining:
    """Paint a meadow before a wood, hills behind it."""
    view = place.view
    sky(picture, rng, view.horizon_px)
    for layer in range(3):
        haze = 140.0 - 30.0 * layer
        ridge(picture, rng, view.horizon_px + 4, 90.0 - 25.0 * layer,
              (haze * 0.8, haze, haze * 0.75))  # fmt: skip
    ground(picture, view, (62.0, 120.0, 112.0))
    texture(picture, rng, view, 0.5)
    for z in np.linspace(90.0, 40.0, 34):
        x = float(rng.uniform(-0.7, 0.7)) * float(z)
        tree(picture, rng, view.ground(x, float(z)), view.px_per_m(float(z)) * 9.0)
    return Shining(heads=[], windows=[])


STREET: Final = Place(
    kind="street", view=view_of(), road=Road(left_m=-4.6, right_m=4.6, lanes=2), paint=_street
)
"""One lane each way; the right one leads away from the camera."""

AVENUE: Final = Place(
    kind="street", view=view_of(camera_m=7.5, vanish_px=340.0),
    road=Road(left_m=-7.0, right_m=7.0, lanes=4), paint=_street,
)  # fmt: skip
"""Two lanes each way."""

YARD: Final = Place(
    kind="yard", view=view_of(camera_m=5.5, vanish_px=330.0, horizon_px=86.0),
    road=Road(left_m=-6.0, right_m=6.0, lanes=2), paint=_yard,
)  # fmt: skip

MOUNTAIN: Final = Place(
    kind="mountain", view=view_of(camera_m=6.0, vanish_px=330.0, horizon_px=78.0),
    road=Road(left_m=-3.8, right_m=3.8, lanes=2), paint=_mountain,
)  # fmt: skip

BEND: Final = Place(
    kind="mountain", view=view_of(vanish_px=250.0, horizon_px=78.0, bend_per_m=0.004),
    road=Road(left_m=-3.8, right_m=3.8, lanes=2), paint=_mountain,
)  # fmt: skip
"""The road turns to the right."""

FOREST: Final = Place(
    kind="yard", view=view_of(camera_m=9.0, vanish_px=300.0, horizon_px=96.0),
    road=Road(left_m=-8.0, right_m=8.0, lanes=2), paint=_forest,
)  # fmt: skip
