"""Water before a wall or pier: its level, its waves, its mirror image, and a staff gauge."""

from dataclasses import dataclass

import cv2
import numpy as np

from vision.arrays import Pixels
from vision.drawing.paint import Colour, Points, Tile, fill, fractal, noise_tile, sample, tint

_MARKS = 20
"""A gauge's scale: each twentieth is a block, each tenth has its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """Where a staff gauge stands, in pixels."""

    x_px: float
    """Its middle."""
    foot_px: float
    """Row of 0."""
    head_px: float
    """Row of 1."""
    wide_px: float = 15.0
    """Its width."""

    def row(self, level: float) -> float:
        """Return the row of a level (0-1 of the scale)."""
        return self.foot_px + (self.head_px - self.foot_px) * level


def draw_wall(picture: Pixels, rng: np.random.Generator, top_px: int, tone: Colour) -> None:
    """Paint a wall of stone blocks from a row down, stained towards its foot."""
    rows, columns = picture.shape[0] - top_px, picture.shape[1]
    dirt, fine = fractal(rng, rows, columns, 70, 5), fractal(rng, rows, columns, 7, 3)
    shade = 0.72 + 0.35 * dirt + 0.14 * fine
    course = int(rng.integers(22, 30))
    for number, y in enumerate(range(0, rows, course)):
        shade[y : y + 2] *= 0.72
        shift = (number % 2) * course
        for x in range(shift, columns, 2 * course):
            shade[y : y + course, x : x + 2] *= 0.76
    stain = np.linspace(1.0, 0.72, rows, dtype=np.float32)[:, None]
    colour = (shade * stain)[..., None] * np.asarray(tone, np.float32)
    picture[top_px:] = np.clip(colour, 0, 255).astype(np.uint8)
    cap = np.asarray([[0, top_px - 6], [columns, top_px - 6], [columns, top_px + 4],
                      [0, top_px + 4]], np.float32)  # fmt: skip
    fill(picture, cap, tint(tone, 1.15))


def draw_stain(picture: Pixels, rng: np.random.Generator, line_px: float) -> None:
    """Darken what a flood stood before: everything below a row, its edge all but straight."""
    height, width = picture.shape[:2]
    edge = line_px + 3.0 * (fractal(rng, 1, width, 40, 2) - 0.5)
    rows = np.arange(height, dtype=np.float32)[:, None]
    wet = np.clip((rows - edge) / 2.5, 0.0, 1.0)[..., None]
    tone = np.asarray((0.62, 0.72, 0.7), np.float32) * np.float32(rng.uniform(0.8, 1.1))
    picture[:] = (picture * (1.0 + wet * (tone - 1.0))).clip(0, 255).astype(np.uint8)


def draw_pier(picture: Pixels, left_px: float, right_px: float, top_px: float) -> None:
    """Paint a bridge's pier from a row to the bottom, its right side in shade."""
    low = float(picture.shape[0])
    edge = right_px - (right_px - left_px) * 0.2
    body = [[left_px, top_px], [edge, top_px], [edge, low], [left_px, low]]
    side = [[edge, top_px], [right_px, top_px], [right_px, low], [edge, low]]
    fill(picture, np.asarray(body, np.float32), (158.0, 165.0, 170.0))
    fill(picture, np.asarray(side, np.float32), (110.0, 116.0, 120.0))
    beam = [[0, top_px - 34], [picture.shape[1], top_px - 34], [picture.shape[1], top_px + 6],
            [0, top_px + 6]]  # fmt: skip
    fill(picture, np.asarray(beam, np.float32), (135.0, 140.0, 145.0))


def draw_gauge(picture: Pixels, gauge: Gauge) -> None:
    """Paint a white staff with black and red blocks and numbers."""
    half = gauge.wide_px / 2
    board = _box(gauge.x_px - half, gauge.head_px - 4, gauge.x_px + half, gauge.foot_px + 40)
    fill(picture, board, (228.0, 232.0, 232.0))
    for mark in range(_MARKS + 4):
        top, low = gauge.row((mark + 1) / _MARKS - 0.1), gauge.row(mark / _MARKS - 0.1)
        if mark % 2 == 0:
            inner = gauge.x_px - half + (0.0 if mark % 4 == 0 else gauge.wide_px * 0.45)
            ink: Colour = (30.0, 30.0, 32.0) if (mark // 10) % 2 == 0 else (40.0, 40.0, 190.0)
            fill(picture, _box(inner, top, inner + gauge.wide_px * 0.55, low), ink)
    for tenth in range(1, 10, 2):
        place = (round(gauge.x_px + half + 2), round(gauge.row(tenth / 10) + 4))
        cv2.putText(picture, str(tenth), place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (25, 25, 25), 1,
                    cv2.LINE_AA)  # fmt: skip


def _box(x0: float, y0: float, x1: float, y1: float) -> Points:
    return np.asarray([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Water:
    """The looks of a stretch of water."""

    noise: Tile
    """Repeating ripples."""
    tone: Colour
    """Its own colour."""
    mirror: float
    """How much it mirrors: 0 mud, 0.7 a still canal."""
    wave_px: float
    """How far waves lift the line."""


def make_water(rng: np.random.Generator, *, mirror: float, wave_px: float) -> Water:
    """Return a stretch of water, brown to green."""
    tone = ((70.0, 95.0, 110.0), (75.0, 92.0, 82.0), (88.0, 90.0, 84.0))[int(rng.integers(3))]
    return Water(noise=noise_tile(rng, octaves=5), tone=tone, mirror=mirror, wave_px=wave_px)


def draw_water(picture: Pixels, water: Water, *, line_px: float, at_s: float) -> None:
    """Cover everything below a row with water: the dry picture above it is mirrored in it."""
    height, width = picture.shape[:2]
    first = max(int(line_px - water.wave_px) - 1, 0)
    rows = height - first
    if rows < 2:
        return
    x = np.arange(width, dtype=np.float32)[None, :].repeat(rows, axis=0)
    y = np.arange(first, height, dtype=np.float32)[:, None].repeat(width, axis=1)
    swell = water.wave_px * (
        0.6 * np.sin(x[:1] * 0.031 + 1.9 * at_s) + 0.4 * np.sin(x[:1] * 0.083 - 3.1 * at_s)
    )
    line = (line_px + swell).astype(np.float32)
    deep = np.maximum(y - line, 0.0)
    ripple = sample(water.noise, x * 0.35 + 9.0 * at_s, y * 2.4 - 14.0 * at_s) - np.float32(0.5)
    lift = ripple * (2.0 + 0.16 * deep) * (1.0 + water.wave_px)
    mirrored = cv2.remap(
        picture, x + lift * 0.5, np.clip(line - deep + lift, 0, height - 1).astype(np.float32),
        cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    share = np.float32(water.mirror) * np.clip(1.0 - deep / 420.0, 0.3, 1.0)[..., None]
    glitter = 1.0 + 0.35 * ripple[..., None]
    own = np.asarray(water.tone, np.float32) * glitter
    colour = own * (1.0 - share) + mirrored * share * np.float32(0.86)
    alpha = np.clip(y - line, 0.0, 1.0)[..., None]
    under = picture[first:].astype(np.float32)
    picture[first:] = np.clip(under + (colour - under) * alpha, 0, 255).astype(np.uint8)


def draw_boat(picture: Pixels, x_px: float, line_px: float, colour: Colour) -> None:
    """Paint a barge on the waterline, hull and cabin."""
    hull = [[x_px - 95, line_px - 26], [x_px + 105, line_px - 30], [x_px + 82, line_px + 8],
            [x_px - 80, line_px + 8]]  # fmt: skip
    fill(picture, np.asarray(hull, np.float32), colour)
    fill(picture, _box(x_px - 80, line_px - 62, x_px - 20, line_px - 27), (190.0, 195.0, 195.0))
    fill(picture, _box(x_px - 70, line_px - 54, x_px - 52, line_px - 40), (70.0, 62.0, 55.0))
    fill(picture, _box(x_px - 90, line_px - 22, x_px + 95, line_px - 17), tint(colour, 1.4))
