"""Flames, smoke and rocks put onto hazard-free pictures: variety that the labelled sets lack.

Cut-outs come from labelled boxes of the training groups. Flames are light: they are added, and
they light what is around them. Smoke is a torn, half-transparent veil that takes the scene's
light. Patches of other roads are pasted without a label, so that the seam of a paste is no sign
of a hazard. A box is what can be seen to differ; what can't be seen is taken back.
"""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32

from models.training.classes import HAZARDS, VEHICLES
from models.training.looks import darkened, light_up, strongest
from models.training.mattes import (
    FIRE,
    ROCK,
    SMALLEST_SIDE_PX,
    SMOKE,
    Box,
    Cutouts,
    Pixels,
    collect,
    fitted,
    flame_matte,
    is_background,
    overlaps,
)
from models.training.records import Record
from models.training.variety import FULL, Variety
from vision.drawing.hazards import Flame, Smoke, draw_flame, draw_smoke, make_flame, make_smoke
from vision.drawing.paint import Field, Patch, emboss, fractal, smoothstep

__all__ = ["FIRE", "ROCK", "SMOKE", "Cutouts", "collect", "is_background", "with_hazards"]

SIDE_SHARES = (0.035, 0.42)
"""The longer side of a paste as a share of the picture's height: camera scale."""
FAR_SHARES = (0.03, 0.12)
FAR = 0.3
"""Share of flames and smoke that are far and tiny."""
ENLARGED_AT_MOST = 1.8
LEAST_DIFFERENCE = {FIRE: 45.0, SMOKE: 28.0}
"""Mean over the visible part, of 255: below it, by eye, nobody would label it."""
LEAST_SEEN = 0.45
"""Of the matte: a plume of which less can be told from the wall behind has no honest box."""
DRAWN_LOOKS = 96
"""Drawn fires and plumes to choose from; making one costs more than drawing it."""


def with_hazards(
    rng: np.random.Generator, record: Record, cutouts: Cutouts, variety: Variety = FULL
) -> Record:
    """Return the picture with one to three pastes, of which some are unlabelled decoys."""
    pixels = darkened(rng, record.pixels) if rng.random() < variety.night else record.pixels.copy()
    found: list[tuple[int, Box]] = []
    count = int(rng.integers(1, 4))
    decoys = int(rng.binomial(count, variety.decoys)) if cutouts.decoys else 0
    odds = (0.33, 0.27, 0.4) if record.known[ROCK] else (0.55, 0.45, 0.0)
    for _ in range(decoys):
        _paste_decoy(rng, pixels, cutouts.decoys)
    # Decoys, then rocks, then what burns: so nothing unlabelled hides what is labelled.
    for label in sorted(rng.choice(HAZARDS, count - decoys, p=odds), reverse=True):
        if label == ROCK:
            found.append((ROCK, _paste_rock(rng, pixels)))
        else:
            taken = [box for _, box in found]
            found += _paste_burning(rng, pixels, record, cutouts, variety, label=label, taken=taken)
    boxes = np.array([box for _, box in found], np.float32).reshape(-1, 4)
    labels = np.array([label for label, _ in found], np.int64)
    return replace(
        record,
        pixels=pixels,
        boxes=np.concatenate((record.boxes, boxes)),
        labels=np.concatenate((record.labels, labels)),
    )


def _paste_burning(
    rng: np.random.Generator,
    pixels: Pixels,
    record: Record,
    cutouts: Cutouts,
    variety: Variety,
    *,
    label: int,
    taken: list[Box],
) -> list[tuple[int, Box]]:
    """Put a flame, smoke, or smoke over a flame into ``pixels`` in place; return what shows."""
    shares = FAR_SHARES if rng.random() < FAR else SIDE_SHARES
    side_px = float(np.exp(rng.uniform(*np.log(shares)))) * pixels.shape[0]
    foot = _foot(rng, pixels, side_px, low=label == FIRE)
    vehicles = record.boxes[np.isin(record.labels, VEHICLES)]
    vehicles = vehicles[(vehicles[:, 3] - vehicles[:, 1]) > 3 * SMALLEST_SIDE_PX]
    if label == FIRE and len(vehicles) and rng.random() < 0.3:
        x0, y0, x1, y1 = vehicles[int(rng.integers(len(vehicles)))]
        side_px = min(float(y1 - y0) * rng.uniform(0.5, 1.3), 0.5 * pixels.shape[0])
        foot = rng.uniform(x0, x1), y0 + (y1 - y0) * rng.uniform(0.4, 0.95)
    wanted = np.array([foot[0], foot[1] - side_px, foot[0], foot[1]], np.float32)
    wanted += np.array([-side_px / 2, 0, side_px / 2, 0], np.float32)
    if any(overlaps(wanted, each) for each in taken):
        return []
    done: list[tuple[int, Box | None]] = []
    if label == SMOKE or rng.random() < variety.pairs:
        rise_px = side_px * (rng.uniform(1.5, 3.5) if label == FIRE else rng.uniform(1.2, 2.4))
        at = foot[0], foot[1] - (side_px * 0.35 if label == FIRE else 0.0)
        done.append((SMOKE, _paste_smoke(rng, pixels, cutouts, variety, (at, rise_px))))
    if label == FIRE:
        done.append((FIRE, _paste_fire(rng, pixels, cutouts, variety, (foot, side_px))))
    return [(each, box) for each, box in done if box is not None]


def _foot(
    rng: np.random.Generator, pixels: Pixels, side_px: float, *, low: bool
) -> tuple[float, float]:
    """Return where a hazard stands: the larger, the nearer and lower; flames not in the sky.

    Bars beside or above a picture, of one colour, are no place for anything.
    """
    alive = pixels[::4, ::4].max(axis=2)
    ys, xs = (np.flatnonzero(np.ptp(alive, axis=axis) > 24) for axis in (1, 0))
    (y0, y1), (x0, x1) = ((4 * at[0], 4 * at[-1]) if len(at) else (0, 1) for at in (ys, xs))
    mean, height_px = pixels[::4, ::4].mean(), y1 - y0
    x, y = float(x0), float(y1)
    for _ in range(3):
        x = x0 + rng.uniform(0.05, 0.95) * (x1 - x0)
        lift = rng.uniform(0.0, 0.42) if low else rng.uniform(-0.1, 0.45)
        y = y0 + min((0.33 + 0.7 * side_px / max(height_px, 1) + lift), 0.98) * height_px
        reach = max(4, round(height_px * 0.03))
        patch = pixels[max(0, int(y) - reach) : int(y) + reach, max(0, int(x) - reach) :][:, :reach]
        bright = patch.mean() > mean + 18
        if not (low and y < 0.62 * y1 and bright and patch.std() < 14):
            break
    return x, y


def _cutout(rng: np.random.Generator, pool: list[Pixels], side_px: float) -> Patch:
    source = pool[int(rng.integers(len(pool)))]
    if rng.random() < 0.5:
        source = source[:, ::-1]
    side_px = min(side_px, ENLARGED_AT_MOST * max(source.shape[:2]))
    return fitted(source, side_px).astype(np.float32)


def _window(
    pixels: Pixels, size_px: tuple[int, int], foot: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Return rows and columns of a piece of that size standing at ``foot``, moved inside."""
    height_px, width_px = size_px
    top = min(max(0, round(foot[1]) - height_px), pixels.shape[0] - height_px)
    left = min(max(0, round(foot[0] - width_px / 2)), pixels.shape[1] - width_px)
    return top, top + height_px, left, left + width_px


def _paste_fire(
    rng: np.random.Generator,
    pixels: Pixels,
    cutouts: Cutouts,
    variety: Variety,
    at: tuple[tuple[float, float], float],
) -> Box | None:
    """Add a flame standing at (foot, longer side) in place; return its box if it can be seen."""
    foot, side_px = at
    if not cutouts.fire or rng.random() < variety.drawn_pastes:
        return _drawn_fire(rng, pixels, foot, side_px)
    piece = _cutout(rng, cutouts.fire, min(side_px, 0.9 * min(pixels.shape[:2])))
    matte = flame_matte(piece) * _torn_rim(rng, *piece.shape[:2])
    matte = cv2.GaussianBlur(matte, (0, 0), 0.5)
    y0, y1, x0, x1 = _window(pixels, piece.shape[:2], foot)
    under = pixels[y0:y1, x0:x1]
    cover = matte[..., None] * np.float32(rng.uniform(0.6, 1.0))
    light = piece * matte[..., None] * np.float32(rng.uniform(0.9, 1.25))
    seen = (under * (1 - cover) + light).clip(0, 255).astype(np.uint8)
    box = visible_box(under, seen, matte, FIRE)
    if box is None:
        return None
    if rng.random() < 0.75:
        colour = light.reshape(-1, 3).sum(axis=0) / (matte.sum() + 1e-3)
        middle = (x0 + (box[0] + box[2]) / 2, y0 + box[3] * 0.7 + box[1] * 0.3)
        light_up(rng, pixels, middle, float(max(box[2:] - box[:2])), colour)
        lit = (under * (1 - cover) + light).clip(0, 255).astype(np.uint8)
        seen = np.maximum(seen, lit)
    pixels[y0:y1, x0:x1] = seen
    return box + np.array([x0, y0, x0, y0], np.float32)


def _drawn_fire(
    rng: np.random.Generator, pixels: Pixels, foot: tuple[float, float], side_px: float
) -> Box | None:
    """Draw a flame in place; return its box if it can be seen."""
    before, flame = pixels.copy(), drawn_flame(int(rng.integers(DRAWN_LOOKS)))
    at_s = rng.uniform(0, 60)
    draw_flame(pixels, flame, foot_px=foot, size_px=side_px, at_s=at_s, glow=0.0)
    return _kept(pixels, before, FIRE)


@cache
def drawn_flame(number: int) -> Flame:
    """Return one of the drawn fires."""
    return make_flame(np.random.default_rng((FIRE, number)))


@cache
def drawn_smoke(number: int) -> Smoke:
    """Return one of the drawn plumes."""
    return make_smoke(np.random.default_rng((SMOKE, number)))


def _torn_rim(rng: np.random.Generator, height_px: int, width_px: int) -> Field:
    """Return 1 inside and 0 at the rim of a box, the way between torn; the foot is kept longer."""
    y = np.linspace(0, 1, height_px, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width_px, dtype=np.float32)[None, :]
    inside = np.minimum(np.minimum(x, 1 - x), np.minimum(y, (1 - y) * 2.5)) / rng.uniform(0.1, 0.22)
    noise = fractal(rng, height_px, width_px, max(3.0, 0.25 * min(height_px, width_px)), 3)
    return smoothstep(0.0, 1.0, inside * (0.45 + 1.1 * noise))


def _paste_smoke(
    rng: np.random.Generator,
    pixels: Pixels,
    cutouts: Cutouts,
    variety: Variety,
    at: tuple[tuple[float, float], float],
) -> Box | None:
    """Lay a plume rising from (foot, height) over the picture in place; return its box if seen."""
    foot, rise_px = at
    rise_px = min(rise_px, 0.95 * foot[1], 0.9 * pixels.shape[0])
    level = float(pixels[::4, ::4].mean())
    if not cutouts.smoke or rng.random() < variety.drawn_pastes:
        return _drawn_smoke(rng, pixels, foot, rise_px)
    height_px = max(SMALLEST_SIDE_PX, round(rise_px))
    width_px = min(max(SMALLEST_SIDE_PX, round(rise_px * rng.uniform(0.5, 1.3))), pixels.shape[1])
    matte, shade = plume(rng, height_px, width_px)
    source = cutouts.smoke[int(rng.integers(len(cutouts.smoke)))]
    veil = _veil(rng, source, shade, level)
    y0, y1, x0, x1 = _window(pixels, (height_px, width_px), foot)
    under = pixels[y0:y1, x0:x1]
    matte *= np.float32(rng.uniform(0.62, 1.0))
    seen = (under + (veil - under) * matte[..., None]).clip(0, 255).astype(np.uint8)
    box = visible_box(under, seen, matte, SMOKE)
    if box is None:
        return None
    pixels[y0:y1, x0:x1] = seen
    return box + np.array([x0, y0, x0, y0], np.float32)


def _drawn_smoke(
    rng: np.random.Generator, pixels: Pixels, foot: tuple[float, float], rise_px: float
) -> Box | None:
    """Draw a plume in place, in the scene's light; return its box if it can be seen."""
    before, smoke = pixels.copy(), drawn_smoke(int(rng.integers(DRAWN_LOOKS)))
    light = float(np.clip(pixels[::4, ::4].mean() / 110, 0.35, 1.05))
    strength = rng.uniform(0.6, 1.0)
    draw_smoke(
        pixels, smoke, foot_px=foot, size_px=rise_px, at_s=0.0, strength=strength, light=light
    )
    return _kept(pixels, before, SMOKE)


def plume(rng: np.random.Generator, height_px: int, width_px: int) -> tuple[Field, Field]:
    """Return density 0-1 of a torn plume that widens upwards, and the shade of its folds."""
    v = np.linspace(1, 0, height_px, dtype=np.float32)[:, None]
    u = np.linspace(-1, 1, width_px, dtype=np.float32)[None, :]
    cell_px = max(3.0, min(height_px, width_px) * rng.uniform(0.3, 0.6))
    large = fractal(rng, height_px, width_px, cell_px, 5)
    fine = fractal(rng, height_px, width_px, max(2.5, cell_px / 3), 4)
    foot = rng.uniform(0.12, 0.6)
    half = foot + (0.78 - foot) * v ** rng.uniform(0.5, 1.2)
    lean = rng.uniform(-0.35, 0.35)
    across = (u - lean * (2 * v**1.4 - 1) * 0.7 + (large - 0.5) * rng.uniform(0.4, 0.9)) / half
    thin = np.clip((1 - v) / rng.uniform(0.15, 0.5), 0, 1) * np.clip(v / 0.06, 0, 1)
    body = (1 - across**2) * thin + (fine - 0.5) * rng.uniform(0.5, 1.3)
    rim = np.clip((1 - np.abs(u)) / 0.1, 0, 1) * np.clip((1 - v) / 0.05, 0, 1)
    density = smoothstep(0.0, rng.uniform(0.6, 1.4), body) * rim
    shade = 1.6 * (fine - 0.5) + 0.5 * emboss(cv2.GaussianBlur(large, (0, 0), 1.2), cell_px * 0.08)
    return np.asarray(density, np.float32), np.asarray(shade, np.float32)


def _veil(rng: np.random.Generator, source: Pixels, shade: Field, level: float) -> Patch:
    """Return the plume's colour: the cut-out's tone and texture, in the scene's light."""
    size = shade.shape[::-1]
    tone = cv2.resize(source, (16, 16), interpolation=cv2.INTER_AREA)
    tone = cv2.resize(tone, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    detail = cv2.resize(source, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    tone += (detail - tone) * np.float32(rng.uniform(0.0, 0.5))
    grey = tone.mean(axis=2, keepdims=True)
    tone = grey + (tone - grey) * np.float32(rng.uniform(0.2, 0.8))
    tone *= (1 + np.float32(rng.uniform(0.08, 0.3)) * shade)[..., None]
    lit = np.float32(np.clip(level / 105, 0.35, 1.15))
    return np.asarray(tone * lit + np.float32(rng.uniform(0, 12)), np.float32)


def visible_box(before: Pixels, after: Pixels, matte: Field, label: int) -> Box | None:
    """Return the tight box of what differs, or None if too little does to teach anything."""
    change = strongest(cv2.absdiff(before, after))
    seen = (matte > 0.25) & (change > 0.5 * LEAST_DIFFERENCE[label])
    solid = np.count_nonzero(matte > 0.25)
    if not seen.any() or np.count_nonzero(seen) < LEAST_SEEN * solid:
        return None
    if change[seen].mean() < LEAST_DIFFERENCE[label]:
        return None
    down, across = seen.sum(axis=1), seen.sum(axis=0)
    ys, xs = (np.flatnonzero(each > 0.07 * each.max()) for each in (down, across))
    box = np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1], np.float32)
    return box if (box[2:] - box[:2]).min() >= SMALLEST_SIDE_PX else None


def _kept(pixels: Pixels, before: Pixels, label: int) -> Box | None:
    """Return the box of what was drawn into ``pixels``; take it back if it can't be seen."""
    change = strongest(cv2.absdiff(before, pixels))
    box = visible_box(before, pixels, smoothstep(0.0, 40.0, change.astype(np.float32)), label)
    if box is None:
        pixels[:] = before
    return box


def _paste_decoy(rng: np.random.Generator, pixels: Pixels, decoys: list[Pixels]) -> None:
    """Lay a piece of another road over the picture in place."""
    whole = decoys[int(rng.integers(len(decoys)))]
    height_px, width_px = (int(rng.integers(24, side // 2)) for side in whole.shape[:2])
    top, left = (int(rng.integers(0, side // 2)) for side in whole.shape[:2])
    side_px = float(np.exp(rng.uniform(*np.log(SIDE_SHARES)))) * min(pixels.shape[:2])
    piece = fitted(whole[top : top + height_px, left : left + width_px], side_px)
    y, x = np.mgrid[-1 : 1 : piece.shape[0] * 1j, -1 : 1 : piece.shape[1] * 1j]
    distance = np.hypot(x, y) * (1 + 0.12 * np.sin(3 * np.arctan2(y, x) + rng.uniform(0, 6)))
    alpha = ((1.05 - distance) / rng.uniform(0.2, 0.5)).clip(0, 1)
    _lay(rng, pixels, piece.astype(np.float32), alpha[..., None].astype(np.float32), first=0.0)


def _lay(
    rng: np.random.Generator,
    pixels: Pixels,
    piece: Patch,
    alpha: Float32[np.ndarray, "h w 1"],
    first: float,
) -> tuple[int, int]:
    """Lay the piece somewhere below the share ``first`` of the height; return its left and top."""
    room = pixels.shape[0] - piece.shape[0]
    top = int(rng.integers(min(room, int(first * pixels.shape[0])), room + 1))
    left = int(rng.integers(0, pixels.shape[1] - piece.shape[1] + 1))
    window = pixels[top : top + piece.shape[0], left : left + piece.shape[1]]
    window[:] = (window + (piece - window) * alpha).clip(0, 255).astype(np.uint8)
    return left, top


def _paste_rock(rng: np.random.Generator, pixels: Pixels) -> Box:
    """Lay a drawn boulder onto the lower part of the picture in place; return its box."""
    side_px = 0.8 * float(np.exp(rng.uniform(*np.log(SIDE_SHARES)))) * min(pixels.shape[:2])
    piece, alpha = drawn_rock(rng, side_px)
    piece *= np.float32(np.clip(pixels[::4, ::4].mean() / 100, 0.35, 1.0))
    left, top = _lay(rng, pixels, piece, alpha, first=0.35)
    ys, xs = np.nonzero(alpha[..., 0] > 0.3)
    corners = (left + xs.min(), top + ys.min(), left + xs.max() + 1, top + ys.max() + 1)
    return np.array(corners, dtype=np.float32)


def drawn_rock(
    rng: np.random.Generator, side_px: float
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w 1"]]:
    """Draw one boulder: an angular outline, lit from above, rough, on its own shadow's edge."""
    width_px = max(8, round(side_px))
    height_px = max(7, round(side_px * rng.uniform(0.5, 1.05)))
    corners = int(rng.integers(6, 12))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = rng.uniform(0.72, 1.0, corners)
    outline = np.stack(
        (
            width_px / 2 * (1 + 0.94 * reach * np.cos(angle)),
            height_px / 2 * (1 + 0.94 * reach * np.sin(angle)),
        ),
        axis=1,
    )
    alpha = np.zeros((height_px, width_px), dtype=np.float32)
    cv2.fillPoly(alpha, [cv2.convexHull(outline.astype(np.int32))], 1.0)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.6)
    grain = cv2.resize(
        rng.standard_normal((max(2, height_px // 5), max(2, width_px // 5))).astype(np.float32),
        (width_px, height_px),
        interpolation=cv2.INTER_CUBIC,
    )
    fine = rng.standard_normal((height_px, width_px)).astype(np.float32)
    tilt = rng.uniform(-0.5, 0.5)
    y, x = np.mgrid[1 : -1 : height_px * 1j, -1 : 1 : width_px * 1j]
    light = 1 + rng.uniform(0.15, 0.45) * (y + tilt * x) + 0.13 * grain + 0.05 * fine
    grey = rng.uniform(60, 175)
    colour = grey * np.array([rng.uniform(0.75, 1.05), rng.uniform(0.9, 1.02), 1.0])
    piece = (light[..., None] * colour).clip(0, 255).astype(np.float32)
    return piece, alpha[..., None]
