"""What falls off a slope or a lorry and lies on the road: soil, boxes, planks, a tyre, a bag."""

from dataclasses import dataclass

import cv2
import numpy as np

from vision.arrays import Pixels
from vision.drawing.paint import (
    Colour,
    Field,
    Patch,
    blend,
    emboss,
    fill,
    fractal,
    shadow,
    smoothstep,
    tint,
)
from vision.drawing.view import View

_HEAP_PX = (72, 160)
"""Rows and columns a heap of soil is made with; it is scaled to its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """The looks of a heap of soil and stones."""

    colour: Patch
    """Lit surface."""
    body: Field
    """How deep inside its outline: more spreads further."""


def make_heap(rng: np.random.Generator) -> Heap:
    """Return a flat heap of clods."""
    rows, columns = _HEAP_PX
    v, u = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    coarse, fine = fractal(rng, rows, columns, 30, 4), fractal(rng, rows, columns, 7, 3)
    body = 1.0 - np.sqrt(u**2 + (v * np.where(v < 0, 1.0, 1.5)) ** 2) + (coarse - 0.5) * 0.8
    shade = 0.55 + 0.5 * fine + 0.5 * emboss(np.asarray(coarse + 0.6 * fine, np.float32), 1.2)
    tone = np.asarray((62.0, 88.0, 122.0), np.float32) * np.float32(rng.uniform(0.8, 1.1))
    colour = np.clip(shade[..., None] * tone, 0.0, 255.0).astype(np.float32)
    return Heap(colour=colour, body=np.asarray(body, np.float32))


def draw_heap(
    picture: Pixels, view: View, heap: Heap, *, place_m: tuple[float, float], wide_m: float,
    grown: float,
) -> None:  # fmt: skip
    """Paint a heap ``wide_m`` across; ``grown`` 0-1 says how far it has spread."""
    if grown <= 0.0:
        return
    x, y = view.ground(*place_m)
    metre = view.px_per_m(place_m[1])
    wide, tall = max(round(wide_m * metre), 6), max(round(wide_m * metre * 0.42), 4)
    alpha = smoothstep(0.0, 0.12, np.asarray(heap.body - (1.0 - grown) * 0.9, np.float32))
    alpha = np.asarray(cv2.resize(alpha, (wide, tall)))
    colour = np.asarray(cv2.resize(heap.colour, (wide, tall)))
    blend(picture, colour, alpha, round(x - wide / 2), round(y - tall * 0.75))


def draw_box(
    picture: Pixels, view: View, *, place_m: tuple[float, float], size_m: tuple[float, float],
    colour: Colour, turn_rad: float = 0.5,
) -> None:  # fmt: skip
    """Paint a crate ``size_m`` wide and tall, three sides seen."""
    wide, tall = size_m
    cos, sin = float(np.cos(turn_rad)) * wide / 2, float(np.sin(turn_rad)) * wide / 2
    x, z = place_m
    corners = [(x - cos, z - sin), (x + sin, z - cos), (x + cos, z + sin), (x - sin, z + cos)]
    low = view.project(np.asarray([(cx, 0.0, cz) for cx, cz in corners], np.float32))
    top = view.project(np.asarray([(cx, tall, cz) for cx, cz in corners], np.float32))
    shadow(picture, low + np.float32(1.5), 0.55, max(view.px_per_m(z) * 0.08, 0.6))
    order = sorted(range(4), key=lambda k: -(corners[k][1] + corners[(k + 1) % 4][1]))
    for rank, k in enumerate(order):
        side = np.stack([low[k], low[(k + 1) % 4], top[(k + 1) % 4], top[k]])
        fill(picture, side, tint(colour, 0.62 if rank % 2 else 0.8))
    fill(picture, top, tint(colour, 1.1))
    middle = (top[0] + top[1]) / 2, (top[2] + top[3]) / 2
    tape = np.stack([middle[0] - 1, middle[0] + 1, middle[1] + 1, middle[1] - 1])
    fill(picture, tape.astype(np.float32), tint(colour, 0.8))


def draw_planks(
    picture: Pixels, view: View, *, place_m: tuple[float, float], turns_rad: tuple[float, ...]
) -> None:
    """Paint planks 2.6 m long that lie crossed, one for each turn."""
    x, z = place_m
    for k, turn in enumerate(turns_rad):
        along = (1.3 * float(np.cos(turn)), 1.3 * float(np.sin(turn)))
        aside = (-0.14 * float(np.sin(turn)), 0.14 * float(np.cos(turn)))
        corners = [(x + p * along[0] + q * aside[0], z + p * along[1] + q * aside[1])
                   for p, q in ((-1, -1), (1, -1), (1, 1), (-1, 1))]  # fmt: skip
        high = 0.06 + 0.07 * k
        low = view.project(np.asarray([(cx, 0.0, cz) for cx, cz in corners], np.float32))
        top = view.project(np.asarray([(cx, high, cz) for cx, cz in corners], np.float32))
        shadow(picture, low, 0.5, max(view.px_per_m(z) * 0.05, 0.5))
        fill(picture, top, tint((120.0, 168.0, 205.0), 0.8 + 0.08 * k))


def draw_tyre(picture: Pixels, view: View, *, place_m: tuple[float, float]) -> None:
    """Paint a lorry's tyre that lies flat."""
    x, y = view.ground(*place_m)
    metre = view.px_per_m(place_m[1])
    flat = float(np.clip((y - view.horizon_px) / view.focal_px * 1.4, 0.25, 0.8))
    for lift, reach, tone in ((0.0, 0.56, 24.0), (0.26, 0.55, 42.0), (0.26, 0.28, 14.0)):
        centre = (round(x), round(y - lift * metre))
        axes = (max(round(reach * metre), 2), max(round(reach * metre * flat), 1))
        cv2.ellipse(picture, centre, axes, 0.0, 0.0, 360.0, (tone, tone, tone), -1, cv2.LINE_AA)


def draw_bag(
    picture: Pixels, view: View, *, place_m: tuple[float, float], phase: float, lift_m: float
) -> None:
    """Paint a plastic bag the size of a dog that the wind rolls."""
    x, y = view.ground(*place_m)
    metre = view.px_per_m(place_m[1])
    turns = np.linspace(0.0, 2 * np.pi, 11, endpoint=False)
    reach = 0.3 * metre * (1.0 + 0.3 * np.sin(3 * turns + phase))
    ring = np.stack(
        [x + reach * np.cos(turns), y - (0.25 + lift_m) * metre + 0.7 * reach * np.sin(turns)],
        axis=1,
    )
    fill(picture, ring.astype(np.float32), (215.0, 218.0, 215.0))
    fill(picture, (ring[:5] * 0.9 + ring.mean(axis=0) * 0.1).astype(np.float32),
         (185.0, 188.0, 190.0))  # fmt: skip
