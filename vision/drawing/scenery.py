"""What stands around: sky, hills, trees, houses, ground, road, rails, poles.

Everything is painted as at noon; ``light.py`` makes dusk and night of it afterwards.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

from vision.arrays import Pixels
from vision.drawing.paint import (
    Colour,
    Field,
    Patch,
    Points,
    blend,
    emboss,
    fill,
    flood,
    fractal,
    noise_tile,
    ramp,
    sample,
    smoothstep,
    tint,
)
from vision.drawing.view import View

Art = UInt8[np.ndarray, "rows columns 3"]
"""A flat picture that is laid onto a plane."""

FARTHEST_M = 160.0
"""Where a road is cut: farther, it is thinner than a pixel's noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """A road along the view."""

    left_m: float
    """Its left edge, X."""
    right_m: float
    """Its right edge, X."""
    lanes: int
    """How many lanes it has."""

    def lane_centres_m(self) -> list[float]:
        """Return X of the middle of each lane."""
        wide = (self.right_m - self.left_m) / self.lanes
        return [self.left_m + wide * (k + 0.5) for k in range(self.lanes)]


def strip(view: View, left_m: float, right_m: float, near_m: float, far_m: float) -> Points:
    """Return a lengthwise strip of ground as a polygon that follows the road's bend."""
    steps = np.geomspace(near_m, far_m, 14 if view.bend_per_m else 2).astype(np.float32)
    zeros = np.zeros_like(steps)
    left = np.stack([np.full_like(steps, left_m), zeros, steps], axis=1)
    right = np.stack([np.full_like(steps, right_m), zeros, steps], axis=1)[::-1]
    return view.project(np.concatenate([left, right]))


def nearest_m(view: View) -> float:
    """Return how far away the lowest row's ground is, a little less."""
    return max(view.depth_of_row(view.height_px + 8.0) * 0.8, 1.3)


def sky(picture: Pixels, rng: np.random.Generator, horizon_px: float) -> None:
    """Paint a sky with clouds down to the horizon."""
    rows = int(np.clip(horizon_px + 2, 0, picture.shape[0]))
    if rows < 2:
        return
    width = picture.shape[1]
    overcast = float(rng.random())
    high: Colour = (225 - 40 * overcast, 165 + 15 * overcast, 105 + 75 * overcast)
    low: Colour = (240.0, 228.0, 212.0)
    fall = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, None].repeat(width, axis=1)
    colour = ramp(fall, ((0.0, high), (1.0, low)))
    flat = cv2.resize(fractal(rng, max(rows // 2, 2), max(width // 4, 2), 34, 4), (width, rows))
    clouds = smoothstep(0.62 - 0.35 * overcast, 0.95, np.asarray(flat))
    white = float(rng.uniform(205, 250))
    picture[:rows] = colour.astype(np.uint8)
    blend(picture, (white, white, white), clouds * np.float32(0.8), 0, 0)


def ridge(
    picture: Pixels, rng: np.random.Generator, base_px: float, tall_px: float, colour: Colour
) -> None:
    """Paint a wooded hill that stands ``tall_px`` over row ``base_px`` at its highest."""
    height, width = picture.shape[:2]
    line = fractal(rng, 1, width, width / float(rng.uniform(1.5, 4.0)), 6)[0]
    top = np.float32(base_px - tall_px) + (1.0 - line) * np.float32(tall_px)
    first, last = max(int(top.min()) - 1, 0), min(int(base_px) + 2, height)
    if last - first < 2:
        return
    rows = np.arange(first, last, dtype=np.float32)[:, None]
    alpha = np.clip(rows - top, 0.0, 1.0).astype(np.float32)
    leaves = fractal(rng, last - first, width, 14, 3)
    shade = 0.8 + 0.25 * leaves + 0.3 * emboss(leaves, 0.8)
    patch = np.asarray(shade[..., None] * np.asarray(colour, np.float32), np.float32)
    blend(picture, patch, alpha, 0, first)


def ground(picture: Pixels, view: View, colour: Colour) -> None:
    """Paint the plain below the horizon, in one colour; ``texture`` mottles it later."""
    first = int(np.clip(view.horizon_px + 1, 0, picture.shape[0] - 2))
    flood(picture, colour, first)


def texture(picture: Pixels, rng: np.random.Generator, view: View, depth: float) -> None:
    """Mottle the ground in perspective: large patches and grain, ``depth`` strong."""
    first = int(np.clip(view.horizon_px + 1, 0, picture.shape[0] - 2))
    rows, width = picture.shape[0] - first, picture.shape[1]
    y = np.arange(first, first + rows, 2, dtype=np.float32)[:, None]
    away = view.focal_px * view.camera_m / np.maximum(y - view.horizon_px, 0.8)
    x = np.arange(0, width, 2, dtype=np.float32)[None, :]
    across = (x - view.vanish_x_px) * away / view.focal_px
    away = away.repeat(across.shape[1], axis=1)
    tile = noise_tile(rng, octaves=5)
    fade = np.clip(24.0 / away, 0.0, 1.0)
    mottle = (sample(tile, across * 6.0, away * 6.0) - 0.5) * fade
    mottle += 0.8 * (sample(tile, across * 1.3 + 40.0, away * 0.7) - 0.5)
    factor = np.clip((1.0 + depth * mottle) * 128.0, 0, 255).astype(np.uint8)
    factor = np.asarray(cv2.resize(factor, (width, rows)))
    area = picture[first:]
    cv2.multiply(area, cv2.merge([factor, factor, factor]), dst=area, scale=1 / 128)


def pave(picture: Pixels, rng: np.random.Generator, view: View, road: Road) -> None:
    """Paint a road: kerbs, asphalt, worn wheel tracks, lane marks, at times a crossing."""
    near = nearest_m(view)
    kerb = float(rng.uniform(140, 200))
    for edge, side in ((road.left_m, -1), (road.right_m, 1)):
        fill(picture, strip(view, edge, edge + side * 0.3, near, FARTHEST_M), (kerb, kerb, kerb))
    grey = float(rng.uniform(70, 135))
    asphalt: Colour = (grey * 1.02, grey, grey * float(rng.uniform(0.94, 1.02)))
    fill(picture, strip(view, road.left_m, road.right_m, near, FARTHEST_M), asphalt)
    for centre in road.lane_centres_m():
        for aside in (-0.8, 0.8):
            track = strip(view, centre + aside - 0.25, centre + aside + 0.25, near, FARTHEST_M)
            fill(picture, track, tint(asphalt, 0.93))
    _patches(picture, rng, view, road, asphalt)
    _marks(picture, rng, view, road)
    texture(picture, rng, view, 0.3)


def _patches(
    picture: Pixels, rng: np.random.Generator, view: View, road: Road, asphalt: Colour
) -> None:
    """Paint repairs, drains and oil stains."""
    for _ in range(int(rng.integers(0, 6))):
        x = float(rng.uniform(road.left_m, road.right_m - 1.0))
        z = float(rng.uniform(nearest_m(view) + 1, 40.0))
        wide, deep = float(rng.uniform(0.4, 2.0)), float(rng.uniform(0.5, 5.0))
        patch = strip(view, x, min(x + wide, road.right_m), z, z + deep)
        fill(picture, patch, tint(asphalt, float(rng.uniform(0.7, 1.12))))


def _marks(picture: Pixels, rng: np.random.Generator, view: View, road: Road) -> None:
    """Paint edge lines, dashed lane lines, a middle line and perhaps a crossing."""
    near = nearest_m(view)
    wear = float(rng.uniform(0.65, 1.0))
    white, yellow = tint((225.0, 228.0, 228.0), wear), tint((60.0, 175.0, 215.0), wear)
    for edge in (road.left_m + 0.3, road.right_m - 0.45):
        fill(picture, strip(view, edge, edge + 0.15, near, FARTHEST_M), white)
    wide = (road.right_m - road.left_m) / road.lanes
    for lane in range(1, road.lanes):
        x = road.left_m + lane * wide
        if lane * 2 == road.lanes:
            fill(picture, strip(view, x - 0.1, x + 0.1, near, FARTHEST_M), yellow)
            continue
        for start in np.arange(near + float(rng.uniform(0, 4)), 70.0, 9.0):
            fill(picture, strip(view, x - 0.08, x + 0.08, float(start), float(start) + 4.0), white)
    if rng.random() < 0.3:
        z = float(rng.uniform(near + 2, 30.0))
        for x in np.arange(road.left_m + 0.5, road.right_m - 0.6, 1.1):
            fill(picture, strip(view, float(x), float(x) + 0.5, z, z + 3.5), white)


def quad(view: View, corners_m: list[tuple[float, float, float]]) -> Points:
    """Return the pixels of the corners of a plane."""
    return view.project(np.asarray(corners_m, np.float32))


def paste_plane(picture: Pixels, art: Art, points: Points, alpha: Field | None = None) -> None:
    """Lay a flat picture onto a four-cornered plane; corners go clockwise from the upper left."""
    low = np.maximum(np.floor(points.min(axis=0)), 0).astype(int)
    limit = np.asarray([picture.shape[1], picture.shape[0]])
    high = np.minimum(np.ceil(points.max(axis=0)) + 1, limit).astype(int)
    size = high - low
    if (size < 2).any():
        return
    rows, columns = art.shape[:2]
    source = np.asarray([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, points - low.astype(np.float32))
    out = (int(size[0]), int(size[1]))
    laid = cv2.warpPerspective(art, matrix, out, borderMode=cv2.BORDER_REPLICATE)
    opaque = np.full((rows, columns), 1.0, np.float32) if alpha is None else alpha
    mask = np.asarray(cv2.warpPerspective(opaque, matrix, out, flags=cv2.INTER_LINEAR))
    blend(picture, laid.astype(np.float32), mask, int(low[0]), int(low[1]))


def tree(
    picture: Pixels, rng: np.random.Generator, foot_px: tuple[float, float], tall_px: float
) -> None:
    """Paint a tree: a trunk and a crown of lit leaf clumps."""
    if tall_px < 6:
        return
    x, y = foot_px
    trunk = max(tall_px * 0.035, 1.0)
    crown_foot = y - tall_px * 0.35
    thin = trunk * 0.6
    trunk_px = np.asarray(
        [[x - trunk, y], [x + trunk, y], [x + thin, crown_foot], [x - thin, crown_foot]], np.float32
    )
    fill(picture, trunk_px, tint((45.0, 58.0, 72.0), float(rng.uniform(0.6, 1.2))))
    wide = max(int(tall_px * float(rng.uniform(0.55, 0.9))), 5)
    tall = max(int(tall_px * 0.8), 5)
    scale = min(1.0, 96 / max(wide, tall))
    rows, columns = max(int(tall * scale), 4), max(int(wide * scale), 4)
    leaves = fractal(rng, rows, columns, max(rows / 5, 2.0), 5)
    v, u = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    body = 1.0 - np.sqrt(u**2 + v**2) + (leaves - 0.62) * 0.9
    alpha = smoothstep(0.05, 0.22, np.asarray(body, np.float32))
    shade = 0.55 + 0.45 * leaves + 0.3 * emboss(leaves, 0.04 * rows) - 0.2 * v
    green = _leaf_colour(rng)
    patch: Patch = np.clip(shade[..., None] * np.asarray(green, np.float32), 0, 255).astype(
        np.float32
    )
    alpha = np.asarray(cv2.resize(alpha, (wide, tall)))
    patch = np.asarray(cv2.resize(patch, (wide, tall)))
    blend(picture, patch, alpha, round(x - wide / 2), round(y - tall_px))


def _leaf_colour(rng: np.random.Generator) -> Colour:
    """Return green, at times the yellow or rust of autumn (which is no fire)."""
    if rng.random() < 0.12:
        return (60.0, float(rng.uniform(95, 140)), float(rng.uniform(140, 175)))
    green = float(rng.uniform(80, 120))
    return (green * float(rng.uniform(0.5, 0.75)), green, green * float(rng.uniform(0.7, 0.95)))


def pole(picture: Pixels, view: View, x_m: float, z_m: float, tall_m: float) -> tuple[float, float]:
    """Paint a street lamp's pole and arm; return the pixel of its head."""
    arm = -1.6 if x_m > 0 else 1.6
    foot, top, head = view.project(
        np.asarray([(x_m, 0, z_m), (x_m, tall_m, z_m), (x_m + arm, tall_m + 0.3, z_m)], np.float32)
    )
    thick = max(view.px_per_m(z_m) * 0.09, 0.7)
    grey: Colour = (118.0, 116.0, 112.0)
    across = np.asarray([thick, 0.0], np.float32)
    fill(
        picture,
        np.stack([foot - across, foot + across, top + across * 0.6, top - across * 0.6]),
        grey,
    )
    down = np.asarray([0.0, thick], np.float32)
    fill(picture, np.stack([top - down, head - down, head + down, top + down]), grey)
    return float(head[0]), float(head[1])


def rail(picture: Pixels, view: View, x_m: float) -> None:
    """Paint a guard rail along the road."""
    near = nearest_m(view)
    for z in np.arange(near, 70.0, 4.0):
        post = quad(
            view, [(x_m, 0.75, z), (x_m, 0.75, z + 0.15), (x_m, 0.0, z + 0.15), (x_m, 0.0, z)]
        )
        fill(picture, post, (120.0, 120.0, 118.0))
    steps = np.geomspace(near, FARTHEST_M, 16).astype(np.float32)
    for low, high, grey in ((0.5, 0.78, 178.0), (0.58, 0.68, 140.0)):
        upper = np.stack([np.full_like(steps, x_m), np.full_like(steps, high), steps], axis=1)
        lower = np.stack([np.full_like(steps, x_m), np.full_like(steps, low), steps], axis=1)[::-1]
        fill(picture, view.project(np.concatenate([upper, lower])), (grey, grey, grey))
