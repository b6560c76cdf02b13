"""Hard negatives: lights, orange things, haze and dirt that alarm a detector, put onto pictures.

Nothing here is labelled. Steam and smoke can't be told apart in a still, so no puffs are drawn:
only what is plainly no smoke, such as fog over the whole width, clouds above, brown dust below.
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from models.training.classes import HAZARDS
from models.training.looks import darkened, strongest
from models.training.records import Record
from vision.drawing.paint import (
    Colour,
    add_glow,
    add_light,
    blend,
    fill,
    fractal,
    smoothstep,
    tint,
)

Pixels = UInt8[np.ndarray, "h w 3"]
Sprite = Callable[[np.random.Generator, Pixels], None]
"""Paints one look-alike into a picture, in place."""

COVERED_AT_MOST = 0.2
"""Of a labelled box; a look-alike that hides more of one is taken back."""
CHANGED = 36
"""Of 255; what changes by less covers nothing."""
DARKENED = 0.6
"""Of bright pictures without hazards that get lights: so many become night first."""

SODIUM, AMBER, RED = (50.0, 150.0, 255.0), (30.0, 185.0, 255.0), (35.0, 35.0, 255.0)
WHITE, COLD, GREEN = (215.0, 235.0, 255.0), (255.0, 235.0, 215.0), (110.0, 235.0, 80.0)
LAMPS: tuple[Colour, ...] = (SODIUM, SODIUM, AMBER, RED, WHITE, WHITE, COLD, GREEN)
ORANGES: tuple[Colour, ...] = (
    (20, 100, 245), (30, 60, 225), (35, 170, 250), (45, 45, 200), (15, 130, 255), (70, 120, 200),
)  # fmt: skip


def with_lookalikes(rng: np.random.Generator, record: Record) -> Record:
    """Return the picture with one to four look-alikes, no labelled box hidden by any."""
    pixels = record.pixels.copy()
    lit = rng.random() < 0.6
    burning = np.isin(record.labels, HAZARDS).any()
    if lit and not burning and _level(pixels) > 60 and rng.random() < DARKENED:
        pixels = darkened(rng, pixels)
    choices = LIGHTS if lit else DAYLIGHT
    for _ in range(int(rng.integers(1, 5))):
        before = pixels.copy()
        choices[int(rng.integers(len(choices)))](rng, pixels)
        if covers(before, pixels, record.boxes):
            pixels = before
    return replace(record, pixels=pixels)


def covers(before: Pixels, after: Pixels, boxes: Float32[np.ndarray, "n 4"]) -> bool:
    """Say whether any box has changed over more than ``COVERED_AT_MOST`` of its area."""
    if not len(boxes):
        return False
    changed = strongest(cv2.absdiff(before, after)) > CHANGED
    sums = cv2.integral(changed.astype(np.uint8))
    limits = (changed.shape[1], changed.shape[0]) * 2  # drawn boxes may reach past the rim
    x0, y0, x1, y1 = boxes.round().astype(int).clip(0, limits).T
    counts = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
    return bool((counts > COVERED_AT_MOST * np.maximum((x1 - x0) * (y1 - y0), 1)).any())


def _level(pixels: Pixels) -> float:
    return float(pixels[::8, ::8].mean())


def _daylight(pixels: Pixels) -> float:
    """Return how bright a painted thing is in this scene, 1 at noon."""
    return float(np.clip(_level(pixels) / 105, 0.2, 1.15))


def _spot(rng: np.random.Generator, pixels: Pixels, top: float = 0.2) -> tuple[float, float, float]:
    """Return a place below the share ``top`` and the size in px of a metre there, by eye."""
    height_px, width_px = pixels.shape[:2]
    down = rng.uniform(top, 0.95)
    metre_px = height_px * (0.012 + 0.085 * max(0.0, down - 0.2)) * rng.uniform(0.7, 1.4)
    return rng.uniform(0.02, 0.98) * width_px, down * height_px, max(metre_px, 1.5)


def _lamp(
    pixels: Pixels, x: float, y: float, radius_px: float, tone: Colour, *, halo: float
) -> None:
    """Switch on a lamp: a wide faint halo, a near one, a burnt-out middle."""
    add_glow(pixels, x, y, radius_px * 9, tint(tone, 0.3 * halo))
    add_glow(pixels, x, y, radius_px * 3.5, tint(tone, 0.75 * halo))
    add_glow(pixels, x, y, radius_px * 1.7, tint(tone, 1.0))
    add_glow(pixels, x, y, radius_px * 1.5, (255.0, 255.0, 255.0))


def _star(
    rng: np.random.Generator, pixels: Pixels, x: float, y: float, reach: float, *, tone: Colour
) -> None:
    """Draw the streaks that a smeared dome or an aperture gives a lamp."""
    reach_px = max(4, int(reach))
    light = np.zeros((2 * reach_px + 1, 2 * reach_px + 1), np.float32)
    turn, count = rng.uniform(0, np.pi), int(rng.choice([1, 2, 3]))
    for k in range(count):
        way = np.array([np.cos(turn + np.pi * k / count), np.sin(turn + np.pi * k / count)])
        ends = [tuple((reach_px + side * reach_px * way).astype(int).tolist()) for side in (-1, 1)]
        cv2.line(light, ends[0], ends[1], 1.0, 1, cv2.LINE_AA)
    fall = np.abs(np.linspace(-1, 1, 2 * reach_px + 1, dtype=np.float32))
    light *= np.clip(1 - np.hypot(fall[:, None], fall[None]), 0, 1)
    light = cv2.GaussianBlur(light, (0, 0), max(0.7, reach_px / 40))
    colour = np.asarray(tint(tone, rng.uniform(0.6, 1.3)), np.float32)
    _shine(pixels, light[..., None] * colour, x, y)


def _shine(pixels: Pixels, light: Float32[np.ndarray, "h w 3"], x: float, y: float) -> None:
    """Add a patch of light with its middle at ``x``, ``y``, cut at the picture's border."""
    top, left = round(y) - light.shape[0] // 2, round(x) - light.shape[1] // 2
    inside = light[max(0, -top) :, max(0, -left) :]
    if inside.size:
        add_light(pixels, inside, max(0, left), max(0, top))


def _reflection(
    rng: np.random.Generator, pixels: Pixels, x: float, y: float, long_px: float, *, tone: Colour
) -> None:
    """Stretch a lamp's light down a wet road, broken by ripples."""
    tall, wide = max(6, int(long_px)), max(3, int(long_px * rng.uniform(0.05, 0.14)) | 1)
    v = np.linspace(0, 1, tall, dtype=np.float32)[:, None]
    u = np.linspace(-1, 1, wide, dtype=np.float32)[None]
    ripple = 0.35 + rng.random((tall, 1), dtype=np.float32) * (0.3 + v)
    streak = (1 - v) ** 1.2 * np.clip(v / 0.1, 0, 1) * np.exp(-3 * u**2) * ripple
    streak = cv2.GaussianBlur(streak, (0, 0), sigmaX=0.6, sigmaY=0.9)
    _shine(pixels, streak[..., None] * np.asarray(tone, np.float32), x, y + long_px / 2)


def headlights(rng: np.random.Generator, pixels: Pixels) -> None:
    """Draw cars that drive towards the camera, singly or in a row: pairs with bloom."""
    _pairs(rng, pixels, LAMPS[4] if rng.random() < 0.7 else LAMPS[6], 0.2, rng.uniform(0.6, 1.4))


def brake_lights(rng: np.random.Generator, pixels: Pixels) -> None:
    """Draw cars seen from behind: red pairs, some blinking amber."""
    tone = RED if rng.random() < 0.8 else AMBER
    _pairs(rng, pixels, tone, 0.13, rng.uniform(0.4, 1.0))


def _pairs(
    rng: np.random.Generator, pixels: Pixels, tone: Colour, radius_m: float, halo: float
) -> None:
    x, y, metre_px = _spot(rng, pixels, 0.3)
    metre_px *= np.exp(rng.uniform(-0.2, 0.9))
    drift, wet = rng.uniform(-0.6, 0.6), rng.random() < 0.35
    for k in range(int(rng.choice([1, 1, 2, 3, 5]))):
        far = 0.72**k
        at_y = pixels.shape[0] * 0.25 + (y - pixels.shape[0] * 0.25) * far
        at_x = x + drift * (y - at_y) + rng.normal(0, 0.4) * metre_px * far
        radius = max(0.9, radius_m * metre_px * far)
        for side in (-0.75, 0.75):
            _lamp(pixels, at_x + side * metre_px * far, at_y, radius, tone, halo=halo)
            if wet:
                below = metre_px * 3 * far
                _reflection(rng, pixels, at_x + side * metre_px * far, at_y, below, tone=tone)


def street_lamps(rng: np.random.Generator, pixels: Pixels) -> None:
    """Draw a row of lamps above the road, with halos and at times with streaks."""
    tone = LAMPS[int(rng.integers(len(LAMPS)))]
    x, y, size = _spot(rng, pixels, 0.02)
    y, size = y * 0.55, pixels.shape[0] * np.exp(rng.uniform(np.log(0.004), np.log(0.03)))
    aim = (rng.uniform(0.2, 0.8) * pixels.shape[1], pixels.shape[0] * rng.uniform(0.25, 0.4))
    starry, wet, halo = rng.random() < 0.4, rng.random() < 0.3, rng.uniform(0.5, 1.5)
    for k in range(int(rng.integers(1, 6))):
        far = 0.65**k
        at_x, at_y = aim[0] + (x - aim[0]) * far, aim[1] + (y - aim[1]) * far
        _lamp(pixels, at_x, at_y, max(1.0, size * far), tone, halo=halo)
        if starry:
            _star(rng, pixels, at_x, at_y, size * far * rng.uniform(6, 16), tone=tone)
        if wet:
            below = pixels.shape[0] * rng.uniform(0.15, 0.4) * far
            _reflection(rng, pixels, at_x, aim[1] + below, below * 1.5, tone=tone)


def traffic_light(rng: np.random.Generator, pixels: Pixels) -> None:
    """Draw a signal: a dark housing, one of three lamps on, at times only its glow."""
    x, y, metre_px = _spot(rng, pixels, 0.1)
    y, tall = y * 0.7, max(metre_px * rng.uniform(0.9, 1.6), 6.0)
    if rng.random() < 0.7:
        dark = tint((45, 45, 45), _daylight(pixels))
        housing = np.array([[-0.2, -0.5], [0.2, -0.5], [0.2, 0.5], [-0.2, 0.5]]) * tall + (x, y)
        fill(pixels, housing.astype(np.float32), dark)
    k = int(rng.choice([0, 1, 2], p=[0.55, 0.2, 0.25]))
    _lamp(pixels, x, y + (k - 1) * tall * 0.32, tall * 0.13, (RED, AMBER, GREEN)[k], halo=0.9)


def neon(rng: np.random.Generator, pixels: Pixels) -> None:
    """Draw a lit sign: letters or dots of red, yellow or orange, on black or glowing as a whole."""
    x, y, metre_px = _spot(rng, pixels, 0.05)
    wide, tall = (
        max(12, int(metre_px * rng.uniform(1.5, 6))),
        max(5, int(metre_px * rng.uniform(0.5, 2))),
    )
    tone = LAMPS[int(rng.integers(4))] if rng.random() < 0.8 else LAMPS[int(rng.integers(8))]
    board = np.zeros((tall, wide), np.uint8)
    kind = rng.random()
    if kind < 0.45:
        word = "".join(chr(int(k)) for k in rng.integers(65, 91, int(rng.integers(3, 9))))
        cv2.putText(
            board, word, (1, int(tall * 0.82)), cv2.FONT_HERSHEY_DUPLEX, tall / 30, 255,
            max(1, tall // 14), cv2.LINE_AA,
        )  # fmt: skip
    elif kind < 0.75:
        board[:] = 255 * (rng.random((tall, wide)) < 0.45) * (np.arange(tall) % 2 == 0)[:, None]
        board[:, 1::3] = 0
    else:
        board[:] = int(rng.integers(150, 256))
    left, top = int(x - wide / 2), int(y * 0.8 - tall / 2)
    if rng.random() < 0.6:
        blend(pixels, (14.0, 12.0, 12.0), np.full(board.shape, 0.85, np.float32), left, top)
    sharp = np.pad(board, 8).astype(np.float32) / 255
    glow = sharp + cv2.GaussianBlur(sharp, (0, 0), 2.5)
    _shine(pixels, glow[..., None] * np.asarray(tone, np.float32), x, y * 0.8)


def welding(rng: np.random.Generator, pixels: Pixels) -> None:
    """Draw an arc, white-blue, and the sparks that fly from it."""
    x, y, metre_px = _spot(rng, pixels, 0.3)
    size = max(1.2, metre_px * rng.uniform(0.1, 0.3))
    _lamp(pixels, x, y, size, (255.0, 225.0, 195.0), halo=rng.uniform(0.8, 1.6))
    _star(rng, pixels, x, y, size * 9, tone=(255.0, 230.0, 200.0))
    for _ in range(int(rng.integers(0, 18))):
        way, reach = rng.uniform(0, 2 * np.pi), size * rng.uniform(2, 10)
        start = np.array([x, y]) + reach * 0.6 * np.array([np.cos(way), np.sin(way)])
        ends = start, start + 0.4 * reach * np.array([np.cos(way), np.sin(way) + 0.3])
        a, b = (tuple(end.astype(int).tolist()) for end in ends)
        cv2.line(pixels, a, b, (140, 210, 255), 1, cv2.LINE_AA)


def low_sun(rng: np.random.Generator, pixels: Pixels) -> None:
    """Set the sun low in the upper part, its sky orange, its light over everything."""
    height_px, width_px = pixels.shape[:2]
    x, y = rng.uniform(0.05, 0.95) * width_px, rng.uniform(0.03, 0.35) * height_px
    warm = (rng.uniform(20, 80), rng.uniform(100, 160), 255.0)
    fall = np.clip(1 - np.abs(np.arange(height_px) - y) / (0.45 * height_px), 0, 1) ** 1.5
    band = (fall * rng.uniform(0.2, 0.7))[:, None, None] * np.asarray(warm)
    shade = cv2.resize(255 - band.astype(np.uint8), (width_px, height_px))
    pixels[:] = 255 - cv2.multiply(255 - pixels, shade, scale=1 / 255)
    radius = height_px * rng.uniform(0.015, 0.06)
    add_glow(pixels, x, y, radius * rng.uniform(4, 9), tint(warm, 0.8))
    add_glow(pixels, x, y, radius * 3, (190.0, 235.0, 255.0))
    add_glow(pixels, x, y, radius * 2, (255.0, 255.0, 255.0))
    if rng.random() < 0.4:
        _reflection(rng, pixels, x, 0.5 * height_px, 0.5 * height_px, tone=tint(warm, 1.0))


def lens_flare(rng: np.random.Generator, pixels: Pixels) -> None:
    """Draw the ghosts of a light outside of the picture or at its border, in a line."""
    size = np.array(pixels.shape[1::-1], np.float64)
    source = size * rng.uniform(0, 1, 2) * (1.0, 0.35)
    add_glow(pixels, *source, size[1] * rng.uniform(0.2, 0.5), tint(SODIUM, rng.uniform(0.3, 0.8)))
    veil = np.zeros_like(pixels)
    for _ in range(int(rng.integers(3, 8))):
        at = source + (size / 2 - source) * rng.uniform(0.4, 2.2)
        radius = max(2, int(size[1] * rng.uniform(0.008, 0.07)))
        tone = tint(LAMPS[int(rng.integers(len(LAMPS)))], rng.uniform(0.15, 0.5))
        cv2.circle(veil, tuple(at.astype(int).tolist()), radius, tone, -1, cv2.LINE_AA)
    cv2.add(pixels, cv2.blur(veil, (3, 3)), dst=pixels)


def orange_things(rng: np.random.Generator, pixels: Pixels) -> None:
    """Set up cones, vests, tarpaulins, boxes and flags in warm colours, creased and shaded."""
    x, y, metre_px = _spot(rng, pixels, 0.3)
    kind = int(rng.integers(4))
    wide, tall = ((0.35, 0.75), (0.5, 0.7), (2.6, 1.6), (1.2, 0.8))[kind]
    tone = ORANGES[int(rng.integers(len(ORANGES)))]
    narrow = 0.15 if kind == 0 else 0.9
    outline = np.array([[-1, 0], [1, 0], [narrow, -1], [-narrow, -1]])
    stripe = np.array([[-0.6, -0.35], [0.6, -0.35], [0.5, -0.55], [-0.5, -0.55]])
    for _ in range(int(rng.integers(*((2, 7), (1, 3), (1, 2), (1, 4))[kind]))):
        rise = max(4.0, tall * metre_px * rng.uniform(0.8, 1.3))
        size, at = np.array([max(2.0, wide * metre_px / 2), rise]), np.array([x, y])
        shape = outline + rng.uniform(-0.25, 0.25, (4, 2)) * (kind > 1)
        _cloth(rng, pixels, shape * size + at, tint(tone, rng.uniform(0.7, 1.1)))
        if kind < 2:
            _cloth(rng, pixels, stripe * size + at, (225.0, 235.0, 235.0))
        x, y, metre_px = x + metre_px * rng.uniform(0.6, 2.5), y - metre_px * 0.25, metre_px * 0.92


def _cloth(
    rng: np.random.Generator, pixels: Pixels, points: Float32[np.ndarray, "n 2"], tone: Colour
) -> None:
    """Fill a polygon with creased, shaded colour in the scene's light."""
    low = np.floor(points.min(axis=0)).astype(int)
    wide, tall = (np.ceil(points.max(axis=0)).astype(int) - low + 1).tolist()
    mask = np.zeros((tall, wide), np.float32)
    cv2.fillPoly(mask, [(points - low).round().astype(np.int32)], 1.0)
    folds = fractal(rng, tall, wide, max(2.5, min(tall, wide) * 0.4), 3)
    shade = (0.65 + 0.7 * folds) * _daylight(pixels)
    patch = np.clip(shade[..., None] * np.asarray(tone, np.float32), 0, 255)
    blend(pixels, patch, cv2.GaussianBlur(mask, (0, 0), 0.6), int(low[0]), int(low[1]))


def foliage(rng: np.random.Generator, pixels: Pixels) -> None:
    """Hang autumn leaves: a ragged patch of red, orange and yellow specks with gaps."""
    x, y, _ = _spot(rng, pixels, 0.1)
    tall = int(pixels.shape[0] * np.exp(rng.uniform(np.log(0.06), np.log(0.4))))
    wide = int(tall * rng.uniform(0.8, 2.0))
    specks = rng.random((max(3, tall // 2), max(3, wide // 2)), dtype=np.float32)
    specks = cv2.resize(specks, (wide, tall), interpolation=cv2.INTER_LINEAR)
    clumps = fractal(rng, tall, wide, max(4.0, tall * 0.35), 4)
    v, u = np.ogrid[-1 : 1 : tall * 1j, -1 : 1 : wide * 1j]
    body = np.asarray(
        1.1 - np.hypot(v, u) + 1.2 * (clumps - 0.5) + 0.5 * (specks - 0.5), np.float32
    )
    first, second = (np.asarray(ORANGES[int(k)], np.float32) for k in rng.integers(0, 6, 2))
    leaf = first + (second - first) * clumps[..., None]
    leaf *= (0.35 + 0.75 * specks)[..., None] * np.float32(_daylight(pixels) * 0.9)
    alpha = smoothstep(0.25, 0.5, body) * np.float32(0.95)
    blend(pixels, np.clip(leaf, 0, 255), alpha, int(x - wide / 2), int(y * 0.85 - tall / 2))


def sunlit_wall(rng: np.random.Generator, pixels: Pixels) -> None:
    """Let the evening sun fall onto a part of the picture through a gap, warm and bright."""
    height_px, width_px = pixels.shape[:2]
    half = np.maximum(4, rng.uniform(0.04, 0.22, 2) * height_px).astype(int)
    mask = np.zeros((2 * half[1], 2 * half[0]), np.float32)
    shape = rng.uniform(0.3, 0.85, (4, 2)) * ((-1, -1), (1, -1), (1, 1), (-1, 1))
    cv2.fillPoly(mask, [(half + shape * half).astype(np.int32)], 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.6, 0.05 * half.min() + 1))
    left, top = (rng.uniform(0, 0.7, 2) * (width_px, height_px)).astype(int)
    window = pixels[top : top + len(mask), left : left + mask.shape[1]]
    mask = mask[: len(window), : window.shape[1], None]
    gain = np.array(
        [rng.uniform(-0.2, 0.2), rng.uniform(0.4, 0.9), rng.uniform(0.8, 1.8)], np.float32
    )
    lit = window * (1 + mask * gain) + mask * np.array([5, 25, 50], np.float32)
    window[:] = np.clip(lit, 0, 255).astype(np.uint8)


def dust(rng: np.random.Generator, pixels: Pixels) -> None:
    """Whirl up brown dust behind a vehicle: low, wide, thin above."""
    x, y, metre_px = _spot(rng, pixels, 0.45)
    tall = int(max(8.0, metre_px * rng.uniform(0.8, 2.0)))
    wide = int(tall * rng.uniform(3.5, 7))
    v, u = np.ogrid[1 : 0 : tall * 1j, -1 : 1 : wide * 1j]
    cloud = fractal(rng, tall, wide, max(3.0, tall * 0.7), 4)
    body = (1 - u**2) * (1 - v) * np.clip(v / 0.08, 0, 1) * (0.3 + 1.2 * cloud)
    earth = tint((75.0, 120.0, 160.0), _daylight(pixels) * rng.uniform(0.8, 1.2))
    alpha = np.asarray(np.clip(body * rng.uniform(0.6, 1.1), 0, 0.85), np.float32)
    blend(pixels, earth, alpha, int(x - wide / 2), int(y - tall))


def ground_fog(rng: np.random.Generator, pixels: Pixels) -> None:
    """Lay a bank of fog across the whole width, soft above and below."""
    middle, depth = rng.uniform(0.15, 0.9), rng.uniform(0.06, 0.25)
    _bank(rng, pixels, middle, depth, rng.uniform(0.3, 0.85))


def white_haze(rng: np.random.Generator, pixels: Pixels) -> None:
    """Overexpose or fog the whole picture."""
    level, share = rng.uniform(170, 250) * min(1.0, _daylight(pixels)), rng.uniform(0.25, 0.65)
    pixels[:] = cv2.convertScaleAbs(pixels, alpha=1 - share, beta=level * share)


def clouds(rng: np.random.Generator, pixels: Pixels) -> None:
    """Draw clouds over the top of the picture, from side to side."""
    _bank(rng, pixels, 0.0, rng.uniform(0.06, 0.18), rng.uniform(0.5, 1.0))


def _bank(
    rng: np.random.Generator, pixels: Pixels, middle: float, depth: float, density: float
) -> None:
    height_px, width_px = pixels.shape[0], pixels.shape[1]
    top = max(0, int((middle - 2 * depth) * height_px))
    rows = np.arange(top, min(height_px, (middle + 2 * depth) * height_px), dtype=np.float32)
    wave = fractal(rng, max(2, len(rows) // 4), width_px // 4, max(6.0, depth * height_px / 3), 4)
    wave = cv2.resize(wave, (width_px, len(rows)))
    fall = np.exp(-(((rows / height_px - middle) / depth) ** 2)).astype(np.float32)
    alpha = np.clip(fall[:, None] * np.float32(density) * (0.55 + 0.7 * wave), 0, 0.95)
    grey = rng.uniform(150, 235) * min(1.0, _daylight(pixels))
    blend(pixels, (grey * 1.03, grey, grey * 0.98), alpha, 0, top)


LIGHTS: tuple[Sprite, ...] = (
    headlights, headlights, brake_lights, street_lamps, street_lamps, traffic_light, neon, neon,
    welding, low_sun, lens_flare,
)  # fmt: skip
"""What shines."""
DAYLIGHT: tuple[Sprite, ...] = (
    orange_things, orange_things, foliage, sunlit_wall, dust, ground_fog, white_haze, clouds,
    low_sun, lens_flare,
)  # fmt: skip
"""What reflects; most of it by day."""
