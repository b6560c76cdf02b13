"""The hazards: flames, smoke and rocks, each a look of its own by seed and alive by time.

``make_*`` takes a generator and fixes the looks; ``draw_*`` is a pure function of those looks,
the place, the size and the time, paints in place and returns the tight box (0-1) or None.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from vision.arrays import Pixels
from vision.drawing.paint import (
    TILE_PX,
    Box,
    Colour,
    Field,
    Patch,
    Points,
    Tile,
    add_light,
    alpha_box,
    blend,
    emboss,
    fractal,
    noise_tile,
    ramp,
    sample,
    shadow,
    smoothstep,
)

_FLAME_ROWS = 144
"""Rows a flame is computed with at most; a larger one is scaled up, as a lens would blur it."""

_SMOKE_ROWS = 112

_SOLID_PX = 5
"""Flame thinner than about half of this is not counted into its box."""

_HEAT: tuple[tuple[float, Colour], ...] = (
    (0.0, (8.0, 12.0, 90.0)),
    (0.18, (12.0, 40.0, 190.0)),
    (0.38, (20.0, 105.0, 245.0)),
    (0.6, (60.0, 190.0, 255.0)),
    (0.8, (150.0, 240.0, 255.0)),
    (1.0, (235.0, 253.0, 255.0)),
)
"""What a camera makes of flame: dark red rims, orange, yellow, a core that saturates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flame:
    """The looks of one fire."""

    tongues: Float32[np.ndarray, "k 4"]
    """Centre, half width and height of each tongue as shares of the size, and its own beat."""
    noise: Tile
    """Repeating turbulence."""
    aspect: float
    """Width over height."""
    exposure: float
    """Over 1 the core burns out to white."""
    rush_px_s: float
    """How fast the turbulence rises, in tile pixels a second."""


def make_flame(rng: np.random.Generator) -> Flame:
    """Return the looks of a fire."""
    aspect = float(rng.uniform(0.55, 1.7))
    count = int(rng.integers(3, 5 + int(5 * aspect)))
    centres = np.linspace(-0.68, 0.68, count) + rng.uniform(-0.15, 0.15, count)
    tall = rng.uniform(0.35, 1.0, count) * (1.0 - 0.4 * np.abs(centres) ** 1.5)
    tongues = np.stack(
        [
            centres,
            rng.uniform(0.16, 0.4, count) / np.sqrt(aspect),
            tall * 0.95 / tall.max(),
            rng.uniform(0.0, 6.28, count),
        ],
        axis=1,
    ).astype(np.float32)
    return Flame(
        tongues=tongues,
        noise=noise_tile(rng, octaves=5),
        aspect=aspect,
        exposure=float(rng.uniform(0.7, 1.35)),
        rush_px_s=float(rng.uniform(70.0, 130.0)),
    )


def _flame_heat(flame: Flame, rows: int, columns: int, at_s: float) -> Field:
    """Return heat (0-1 inside) over the patch; the foot is an eighth above the lower edge."""
    v = np.linspace(1.12, -0.13, rows, dtype=np.float32)[:, None].repeat(columns, axis=1)
    u = np.linspace(-1.25, 1.25, columns, dtype=np.float32)[None, :].repeat(rows, axis=0)
    rise = at_s * flame.rush_px_s
    stretch = 40.0 * flame.aspect
    coarse = sample(flame.noise, u * stretch * 0.6 + 17.0, (1.0 - v) * 30.0 + rise * 0.5)
    fine = sample(flame.noise, u * stretch * 1.5 + 61.0, (1.0 - v) * 52.0 + rise)
    height = np.clip(v, 0.0, None)
    bent = u + ((coarse - 0.5) * (0.2 + 0.75 * height) + (fine - 0.5) * 0.5) / flame.aspect**0.5
    heat = 0.75 - np.sqrt((bent / 0.85) ** 2 + (np.where(v < 0.0, v * 2.2, v) / 0.3) ** 2)
    for centre, half, tall, beat in flame.tongues:
        reach = tall * (1.0 + 0.14 * np.sin(7.3 * at_s + beat) + 0.08 * np.sin(17.1 * at_s + beat))
        up = v / reach
        narrow = half * np.clip(1.1 - 0.85 * np.clip(up, 0.0, 1.3), 0.1, 1.0)
        below = np.where(up < 0.0, up * 6.0 * reach, up * 0.93)
        heat = np.maximum(heat, 1.0 - np.sqrt(((bent - centre) / narrow) ** 2 + below**2))
    heat += (fine - 0.45) * (0.5 + 1.2 * height)
    return np.asarray(heat, np.float32)


def draw_flame(
    picture: Pixels,
    flame: Flame,
    *,
    foot_px: tuple[float, float],
    size_px: float,
    at_s: float,
    strength: float = 1.0,
    glow: float = 0.5,
) -> Box | None:
    """Paint a fire whose foot is at ``foot_px``; ``glow`` is what it lights around it."""
    if size_px < 2.0 or strength <= 0.0:
        return None
    tall, wide = round(size_px * 1.25), max(round(size_px * 1.25 * flame.aspect), 3)
    scale = min(1.0, _FLAME_ROWS / tall, 200 / wide)
    heat = _flame_heat(flame, max(int(tall * scale), 3), max(int(wide * scale), 3), at_s)
    alpha = smoothstep(0.02, 0.2, heat) * np.float32(strength)
    colour = ramp(np.clip(heat * 1.25 * flame.exposure, 0.0, 1.0), _HEAT)
    alpha = np.asarray(cv2.resize(alpha, (wide, tall)))
    colour = np.asarray(cv2.resize(colour, (wide, tall)))
    left, top = round(foot_px[0] - wide / 2), round(foot_px[1] - tall * 0.9)
    _light_around(picture, colour, alpha, glow * strength, (left, top))
    blend(picture, colour, alpha, left, top)
    solid = np.asarray(cv2.blur(alpha, (_SOLID_PX, _SOLID_PX)))  # hair-thin wisps widen no box
    return alpha_box(solid, 0.35, left, top, picture)


def _light_around(
    picture: Pixels, colour: Patch, alpha: Field, glow: float, corner_px: tuple[int, int]
) -> None:
    """Add the halo of a fire: its own picture, blurred wide, computed at an eighth of the size."""
    tall, wide = alpha.shape
    edge = int(max(tall, wide) * 0.9) + 8
    large = (wide + 2 * edge, tall + 2 * edge)
    small = (max(large[0] // 8, 4), max(large[1] // 8, 4))
    source = cv2.copyMakeBorder(
        colour * alpha[..., None], edge, edge, edge, edge, cv2.BORDER_CONSTANT, value=(0, 0, 0)
    )
    source = cv2.resize(source, small, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(source, (0, 0), max(tall, wide) / 8 * 0.2 + 0.4)
    warm = np.asarray([0.35, 0.8, 1.1], np.float32) * np.float32(glow)
    halo = np.asarray(cv2.resize(soft * warm, large), np.float32)
    add_light(picture, halo, corner_px[0] - edge, corner_px[1] - edge)


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoke:
    """The looks of one plume."""

    noise: Tile
    """Repeating turbulence."""
    puffs: Tile
    """Repeating relief of round puffs, 0-1."""
    tone: Colour
    """Colour of the lit side."""
    contrast: float
    """How dark the folds are."""
    opacity: float
    """How dense the plume is, 0-1."""
    softness: float
    """How wide its border is: 0.2 billows, 0.9 drifts."""
    lean: float
    """How far the wind carries the top, in shares of the height, to the right."""
    foot: float
    """Half width at the foot, in shares of the height."""
    spread: float
    """Half width at the top, in shares of the height."""
    rush_px_s: float
    """How fast it rises, in tile pixels a second."""


def make_smoke(rng: np.random.Generator) -> Smoke:
    """Return the looks of a plume: white, grey or black, upright or blown."""
    grey = float(rng.choice([rng.uniform(25, 70), rng.uniform(90, 165), rng.uniform(170, 235)]))
    cast = float(rng.uniform(-8, 8))
    return Smoke(
        noise=noise_tile(rng, octaves=5),
        puffs=_puff_tile(rng),
        tone=(grey + cast, grey, grey - cast * 0.6),
        contrast=float(rng.uniform(0.25, 0.6)),
        opacity=float(rng.uniform(0.72, 1.0)),
        softness=float(rng.uniform(0.2, 0.9)),
        lean=float(rng.uniform(-0.7, 0.7)),
        foot=float(rng.uniform(0.05, 0.16)),
        spread=float(rng.uniform(0.22, 0.5)),
        rush_px_s=float(rng.uniform(14.0, 34.0)),
    )


def _puff_tile(rng: np.random.Generator) -> Tile:
    """Return a repeating relief 0-1 of overlapping domes, as the folds of a plume are."""
    relief = np.zeros((TILE_PX, TILE_PX), np.float32)
    for radius in np.geomspace(26.0, 7.0, 44):
        reach = int(radius)
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
        dome = np.sqrt(np.clip(radius**2 - x**2 - y**2, 0.0, None)) + (26.0 - radius) * 0.55
        dome = np.where(x**2 + y**2 < radius**2, dome, 0.0)
        rows = (int(rng.integers(TILE_PX)) + np.arange(2 * reach + 1)) % TILE_PX
        columns = (int(rng.integers(TILE_PX)) + np.arange(2 * reach + 1)) % TILE_PX
        where = np.ix_(rows, columns)
        relief[where] = np.maximum(relief[where], dome)
    soft = cv2.GaussianBlur(np.pad(relief, 8, mode="wrap"), (0, 0), 1.6)[8:-8, 8:-8]
    return np.asarray(soft / soft.max(), np.float32)


def _smoke_density(
    smoke: Smoke, rows: int, columns: int, half_width: float, at_s: float
) -> tuple[Field, Field]:
    """Return the density 0-1 and the relief of the folds over the patch."""
    v = np.linspace(1.1, -0.06, rows, dtype=np.float32)[:, None]
    u = np.linspace(-half_width, half_width, columns, dtype=np.float32)[None, :]
    height = np.clip(v, 0.0, 1.2)
    sway = 0.05 * np.sin(1.3 * at_s + 3.0 * height) * height
    width = smoke.foot + (smoke.spread - smoke.foot) * height**0.75
    across = ((u - smoke.lean * height**1.35 - sway) / width).astype(np.float32)
    along = np.cumsum(1.16 / rows / width, axis=0, dtype=np.float32).repeat(columns, axis=1)
    rise = at_s * smoke.rush_px_s
    large = sample(smoke.noise, across * 22.0 + 30.0, along * 22.0 + rise)
    warp = (large - 0.5) * 22.0
    puffs = sample(smoke.puffs, across * 34.0 + warp, along * 34.0 + rise * 1.5 - warp)
    body = 1.0 - np.abs(across) + (large - 0.5) * 1.1 + (puffs - 0.6) * 0.5
    density = smoothstep(0.0, smoke.softness, np.asarray(body, np.float32))
    top = smoothstep(0.7, 1.08, np.asarray(v + (large - 0.5) * 0.6, np.float32))
    foot = smoothstep(-0.05, 0.01, v.astype(np.float32))
    return np.asarray(density * (1.0 - top) * foot, np.float32), puffs + 0.3 * large


def draw_smoke(
    picture: Pixels,
    smoke: Smoke,
    *,
    foot_px: tuple[float, float],
    size_px: float,
    at_s: float,
    strength: float = 1.0,
    light: float = 1.0,
) -> Box | None:
    """Paint a plume that rises ``size_px`` over ``foot_px``; ``light`` darkens it at night."""
    if size_px < 3.0 or strength <= 0.0:
        return None
    half_width = abs(smoke.lean) + smoke.spread + 0.35
    tall, wide = round(size_px * 1.16), max(round(size_px * 2 * half_width), 3)
    scale = min(1.0, _SMOKE_ROWS / tall, 280 / wide)
    rows, columns = max(int(tall * scale), 4), max(int(wide * scale), 4)
    density, folds = _smoke_density(smoke, rows, columns, half_width, at_s)
    shade = 1.0 + smoke.contrast * (emboss(folds, 0.012 * rows) + 0.8 * (folds - 0.75))
    colour = np.clip(shade[..., None] * np.asarray(smoke.tone, np.float32) * light, 0.0, 255.0)
    alpha = np.asarray(cv2.resize(density, (wide, tall)))
    alpha = np.asarray(alpha * np.float32(smoke.opacity * strength))
    colour = np.asarray(cv2.resize(colour.astype(np.float32), (wide, tall)))
    left, top = round(foot_px[0] - wide / 2), round(foot_px[1] - tall * 1.1 / 1.16)
    blend(picture, colour, alpha, left, top)
    return alpha_box(alpha, 0.3, left, top, picture)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rock:
    """The looks of one boulder: a convex solid, seen at a canonical size."""

    colour: Patch
    """Its lit surface."""
    alpha: Field
    """Its outline."""


_ROCK_PX = 112
"""Side of the canonical rock: larger ones are scaled up."""


def make_rock(rng: np.random.Generator, tone: Colour | None = None) -> Rock:
    """Return a boulder: the intersection of random half-spaces, each facet shaded by its tilt."""
    count = 22
    normals = rng.normal(size=(count, 3)).astype(np.float32)
    normals[:, 2] = np.abs(normals[:, 2]) * 0.8 + 0.02
    normals[: count // 3, 2] = 0.04
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    reach = rng.uniform(0.66, 1.0, count).astype(np.float32)
    y, x = np.mgrid[-1.05 : 1.05 : _ROCK_PX * 1j, -1.05 : 1.05 : _ROCK_PX * 1j].astype(np.float32)
    warp = fractal(rng, _ROCK_PX, _ROCK_PX, 18, 4) - np.float32(0.5)
    x, y = x + warp * 0.16, y + warp.T * 0.16
    depth = (reach - x[..., None] * normals[:, 0] - y[..., None] * normals[:, 1]) / normals[:, 2]
    facet = depth.argmin(axis=-1)
    surface = depth.min(axis=-1)
    sun = np.asarray([rng.uniform(-0.6, 0.6), -0.75, 0.55], np.float32)
    lit = np.clip(normals @ (sun / np.linalg.norm(sun)), 0.0, 1.0)[facet]
    grain = fractal(rng, _ROCK_PX, _ROCK_PX, 26, 6)
    shade = (0.3 + 0.8 * lit) * (0.65 + 0.6 * grain) + 0.12 * emboss(grain, 1.6)
    shade *= 1.0 - 0.35 * np.clip(y, 0.0, 1.0)
    if tone is None:
        grey = float(rng.uniform(85, 190))
        tone = (grey * float(rng.uniform(0.72, 1.0)), grey * float(rng.uniform(0.86, 1.0)), grey)
    colour = np.clip(shade[..., None] * np.asarray(tone, np.float32), 0, 255).astype(np.float32)
    alpha = smoothstep(-0.02, 0.06, np.asarray(surface, np.float32))
    ys, xs = np.flatnonzero((alpha > 0.5).any(axis=1)), np.flatnonzero((alpha > 0.5).any(axis=0))
    inside = (slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1))
    return Rock(colour=colour[inside], alpha=alpha[inside])


def draw_rock(
    picture: Pixels,
    rock: Rock,
    *,
    centre_px: tuple[float, float],
    size_px: float,
    turn_deg: float = 0.0,
    lift_px: float = 0.0,
    strength: float = 1.0,
) -> Box | None:
    """Paint a rock ``size_px`` wide, ``lift_px`` over its shadow while it bounces."""
    if size_px < 2.0 or strength <= 0.0:
        return None
    colour, alpha = _turned(rock, size_px, turn_deg)
    alpha = alpha * np.float32(strength)
    tall, wide = alpha.shape
    x, y = centre_px
    _rock_shadow(picture, (x + 0.08 * wide, y + 0.4 * tall), (wide, tall), lift_px, strength)
    left, top = round(x - wide / 2), round(y - tall / 2 - lift_px)
    blend(picture, colour, alpha, left, top)
    return alpha_box(alpha, 0.5 * strength, left, top, picture)


def _turned(rock: Rock, size_px: float, turn_deg: float) -> tuple[Patch, Field]:
    """Return the rock scaled to ``size_px`` wide and turned in the picture's plane."""
    tall, wide = rock.alpha.shape
    scale = size_px / wide
    side = int(np.hypot(tall, wide) * scale) + 3 if turn_deg else 0
    out = (side, side) if side else (max(round(size_px), 2), max(round(tall * scale), 2))
    if not side:
        small = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
        return (
            np.asarray(cv2.resize(rock.colour, out, interpolation=small)),
            np.asarray(cv2.resize(rock.alpha, out, interpolation=small)),
        )
    matrix = cv2.getRotationMatrix2D((wide / 2, tall / 2), turn_deg, scale)
    matrix[:, 2] += np.asarray([side / 2 - wide / 2, side / 2 - tall / 2])
    colour = cv2.warpAffine(rock.colour, matrix, out, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(colour), np.asarray(cv2.warpAffine(rock.alpha, matrix, out))


def _rock_shadow(
    picture: Pixels,
    centre_px: tuple[float, float],
    size_px: tuple[int, int],
    lift_px: float,
    strength: float,
) -> None:
    """Darken the ground under a rock; the higher it flies, the paler."""
    wide, tall = size_px
    angle = np.linspace(0.0, 2 * np.pi, 16, endpoint=False, dtype=np.float32)
    ring: Points = np.stack(
        [
            np.float32(centre_px[0]) + np.cos(angle) * np.float32(wide * 0.56),
            np.float32(centre_px[1]) + np.sin(angle) * np.float32(tall * 0.2),
        ],
        axis=1,
    ).astype(np.float32)
    depth = 0.6 * strength / (1.0 + 3.0 * lift_px / max(tall, 1))
    shadow(picture, ring, depth, max(wide * 0.05, 0.6))
