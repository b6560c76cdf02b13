"""Brushes: smooth noise, colour ramps, blending, polygons, and the faults of a cheap sensor.

A picture is ``Pixels`` (BGR, uint8) and is painted in place. A colour is (blue, green, red),
0-255. A field is a single plane of float32, mostly 0-1.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32

from vision.arrays import Pixels

Field = Float32[np.ndarray, "rows columns"]
"""One value a pixel of a part of the picture."""

Tile = Float32[np.ndarray, "tile tile"]
"""Noise that repeats in both directions, ``TILE_PX`` squared."""

Patch = Float32[np.ndarray, "rows columns 3"]
"""Colours 0-255 before they are rounded."""

Points = Float32[np.ndarray, "n 2"]
"""Positions x, y in pixels."""

Box = Float32[np.ndarray, "4"]
"""x0 y0 x1 y1 as shares 0-1 of the picture."""

Colour = tuple[float, float, float]
"""Blue, green, red, 0-255."""

TILE_PX = 128
"""Side of a repeating noise tile: more detail than any hazard is drawn with, yet 64 kB."""

_SUBPIXEL_BITS = 4

_GLOW_STEPS = 24
"""A halo is smooth: this many steps from its middle to its rim suffice, whatever its size."""


def fractal(
    rng: np.random.Generator, height_px: int, width_px: int, cell_px: float, octaves: int = 4
) -> Field:
    """Return smooth noise 0-1 whose largest blobs are about ``cell_px`` wide (value noise)."""
    total = np.zeros((2, 2), np.float32)
    weight = 0.5
    for _ in range(octaves):
        rows = min(int(height_px / cell_px) + 2, height_px)
        columns = min(int(width_px / cell_px) + 2, width_px)
        total = np.asarray(cv2.resize(total, (columns, rows), interpolation=cv2.INTER_CUBIC))
        total += np.float32(weight) * rng.random((rows, columns), dtype=np.float32)
        weight, cell_px = weight / 2, max(cell_px / 2, 1.0)
    total = np.asarray(cv2.resize(total, (width_px, height_px), interpolation=cv2.INTER_CUBIC))
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), np.float32)


def noise_tile(rng: np.random.Generator, octaves: int = 4) -> Tile:
    """Return noise 0-1 of ``TILE_PX`` squared that repeats without a seam in both directions."""
    total = np.zeros((TILE_PX, TILE_PX), np.float32)
    weight = 0.5
    for octave in range(octaves):
        count = min(4 << octave, TILE_PX // 2)
        grid = np.pad(rng.random((count, count), dtype=np.float32), 2, mode="wrap")
        cell_px = TILE_PX // count
        large = cv2.resize(
            grid, None, fx=float(cell_px), fy=float(cell_px), interpolation=cv2.INTER_CUBIC
        )
        edge = 2 * cell_px
        total += weight * large[edge : edge + TILE_PX, edge : edge + TILE_PX]
        weight /= 2
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / (high - low), np.float32)


def sample(tile: Tile, x: Field, y: Field) -> Field:
    """Read a repeating tile at ``x``, ``y`` (in tile pixels, within +-32,000)."""
    return np.asarray(
        cv2.remap(
            tile,
            x.astype(np.float32),
            y.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP,
        )
    )


def smoothstep(low: float, high: float, value: Field) -> Field:
    """Return 0 below ``low``, 1 above ``high``, and Hermite's curve between."""
    share = np.clip((value - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share), np.float32)


def ramp(value: Field, stops: Sequence[tuple[float, Colour]]) -> Patch:
    """Colour a field 0-1 by linear interpolation between ``stops``."""
    places = [place for place, _ in stops]
    steps = np.linspace(0.0, 1.0, 256)
    table = np.stack(
        [np.interp(steps, places, [colour[k] for _, colour in stops]) for k in range(3)], axis=1
    ).astype(np.float32)
    return np.asarray(table[np.clip(value * 255.0, 0, 255).astype(np.uint8)])


def emboss(height: Field, strength: float, slant: float = 0.6) -> Field:
    """Return the shade (about -1 to 1) of a relief lit from above, from the left by ``slant``."""
    down = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3)
    across = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3)
    return np.asarray(np.clip((down + slant * across) * strength, -1.0, 1.0), np.float32)


def _overlap(
    picture: Pixels, height_px: int, width_px: int, left_px: int, top_px: int
) -> tuple[slice, slice, slice, slice] | None:
    """Return rows and columns in the picture, then in the patch, or None if they don't meet."""
    top, bottom = max(top_px, 0), min(top_px + height_px, picture.shape[0])
    left, right = max(left_px, 0), min(left_px + width_px, picture.shape[1])
    if top >= bottom or left >= right:
        return None
    return (
        slice(top, bottom),
        slice(left, right),
        slice(top - top_px, bottom - top_px),
        slice(left - left_px, right - left_px),
    )


def blend(picture: Pixels, colour: Patch | Colour, alpha: Field, left_px: int, top_px: int) -> None:
    """Lay a patch (or one colour) over the picture, ``alpha`` 0-1 opaque."""
    where = _overlap(picture, alpha.shape[0], alpha.shape[1], left_px, top_px)
    if where is None:
        return
    rows, columns, patch_rows, patch_columns = where
    share = alpha[patch_rows, patch_columns, None]
    if isinstance(colour, np.ndarray):
        over = colour[patch_rows, patch_columns]
    else:
        over = np.asarray(colour, np.float32)
    under = picture[rows, columns]
    mixed = (over - under) * share
    mixed += under
    mixed += 0.5
    picture[rows, columns] = np.clip(mixed, 0, 255, out=mixed).astype(np.uint8)


def add_light(picture: Pixels, light: Patch, left_px: int, top_px: int) -> None:
    """Add light to the picture as film does: bright places saturate softly (screen blend)."""
    where = _overlap(picture, light.shape[0], light.shape[1], left_px, top_px)
    if where is None:
        return
    rows, columns, patch_rows, patch_columns = where
    under = picture[rows, columns].astype(np.float32)
    lit = under + light[patch_rows, patch_columns] * (1.0 - under / 320.0)
    picture[rows, columns] = np.clip(lit + 0.5, 0, 255).astype(np.uint8)


def add_glow(
    picture: Pixels,
    x_px: float,
    y_px: float,
    radius_px: float,
    colour: Colour,
    *,
    flat: float = 1.0,
) -> None:
    """Add a round halo that falls off with the square of the distance; ``flat`` squeezes it."""
    reach = max(int(radius_px), 2)
    rows = max(int(reach * flat), 2)
    steps = 2 * min(reach, _GLOW_STEPS) + 1
    down = 2 * min(rows, _GLOW_STEPS) + 1
    x = np.linspace(-1.0, 1.0, steps, dtype=np.float32)[None, :]
    y = np.linspace(-1.0, 1.0, down, dtype=np.float32)[:, None]
    fall = np.clip(1.0 - np.sqrt(x**2 + y**2), 0.0, 1.0) ** 2.2
    full = np.asarray(cv2.resize(fall, (2 * reach + 1, 2 * rows + 1)))
    left, top = round(x_px) - reach, round(y_px) - rows
    where = _overlap(picture, 2 * rows + 1, 2 * reach + 1, left, top)
    if where is None:
        return
    _, _, patch_rows, patch_columns = where
    inside = full[patch_rows, patch_columns, None] * np.asarray(colour, np.float32)
    add_light(picture, inside.astype(np.float32), max(left, 0), max(top, 0))


def fill(picture: Pixels, points: Points, colour: Colour) -> None:
    """Fill a polygon, edges smoothed, corners to a sixteenth of a pixel."""
    corners = np.clip(points * (1 << _SUBPIXEL_BITS), -1e6, 1e6).round().astype(np.int32)
    cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA, _SUBPIXEL_BITS)


def flood(picture: Pixels, colour: Colour, first_row: int = 0) -> None:
    """Fill the picture with one colour from a row down."""
    height_px, width_px = picture.shape[:2]
    cv2.rectangle(picture, (0, first_row), (width_px - 1, height_px - 1), colour, cv2.FILLED)


def polygon_mask(height_px: int, width_px: int, points: Points, blur_px: float = 0.0) -> Field:
    """Return 1 inside the polygon and 0 outside, softened by ``blur_px``."""
    mask = np.zeros((height_px, width_px), np.uint8)
    corners = np.clip(points * (1 << _SUBPIXEL_BITS), -1e6, 1e6).round().astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    soft = cv2.GaussianBlur(mask, (0, 0), blur_px) if blur_px > 0 else mask
    return np.asarray(soft.astype(np.float32) / 255.0)


def shadow(picture: Pixels, points: Points, depth: float, blur_px: float) -> None:
    """Darken a polygon on the ground by ``depth`` 0-1, its border soft."""
    margin = 3 * blur_px + 2
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), picture.shape[1]), min(int(high[1]), picture.shape[0])
    if right <= left or bottom <= top:
        return
    inside = points - np.asarray([left, top], np.float32)
    mask = polygon_mask(bottom - top, right - left, inside, blur_px)
    blend(picture, (12.0, 10.0, 10.0), mask * np.float32(depth), left, top)


def tint(colour: Colour, factor: float) -> Colour:
    """Return the colour made darker or brighter."""
    blue, green, red = (min(max(channel * factor, 0.0), 255.0) for channel in colour)
    return blue, green, red


def alpha_box(
    alpha: Field, threshold: float, left_px: int, top_px: int, picture: Pixels
) -> Box | None:
    """Return the tight box of what is more opaque than ``threshold`` and inside the picture."""
    where = _overlap(picture, alpha.shape[0], alpha.shape[1], left_px, top_px)
    if where is None:
        return None
    rows, columns, patch_rows, patch_columns = where
    seen = alpha[patch_rows, patch_columns] > threshold
    ys, xs = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(ys):
        return None
    height_px, width_px = picture.shape[:2]
    return np.asarray(
        [
            (columns.start + xs[0]) / width_px,
            (rows.start + ys[0]) / height_px,
            (columns.start + xs[-1] + 1) / width_px,
            (rows.start + ys[-1] + 1) / height_px,
        ],
        np.float32,
    )


def sensor(picture: Pixels, rng: np.random.Generator, sigma: float, blur_px: float = 0.0) -> Pixels:
    """Return the picture as a cheap camera gives it: soft, with luminance and colour noise."""
    soft = cv2.GaussianBlur(picture, (0, 0), blur_px) if blur_px > 0.2 else picture
    height_px, width_px = picture.shape[:2]
    grain = np.empty((height_px, width_px), np.int16)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    cv2.randn(grain, np.zeros(1), np.full(1, sigma))
    colour = np.empty(((height_px + 1) // 2, (width_px + 1) // 2, 3), np.int16)
    cv2.randn(colour, np.zeros(3), np.full(3, sigma * 0.5))
    noise = cv2.resize(colour, (width_px, height_px), interpolation=cv2.INTER_NEAREST)
    noise = cv2.add(noise, cv2.merge([grain, grain, grain]))
    return np.asarray(cv2.add(soft, noise, dtype=cv2.CV_8U))
