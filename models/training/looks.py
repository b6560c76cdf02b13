"""Photometric changes: what cheap cameras, night and recompression do to a picture.

H.264 is imitated: PyAV has its three places in this repository, and training is none of them.
"""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from vision.drawing.paint import fractal

Pixels = UInt8[np.ndarray, "h w 3"]
Look = Callable[[np.random.Generator, Pixels], Pixels]
"""Returns the picture with one fault of a camera, shape and type kept."""

FAULTS_AT_MOST = 3
"""More at once, seen on sheets, hide small flames."""
DAY_LEVEL = 70
"""A mean below which a picture is dark enough as it is."""
PLACES = ("CAM", "Camera", "IPC", "CH", "Gate", "Yard", "North", "Road", "K", "DVR", "Channel")


def weathered(rng: np.random.Generator, pixels: Pixels, camera_look: float = 1.0) -> Pixels:
    """Return the picture as another camera might have seen it.

    ``camera_look`` is the share of pictures that may get the faults of poor cameras.
    """
    if rng.random() < 0.8:
        pixels = _tinted(rng, pixels)
    if rng.random() < 0.15:
        pixels = _contrast(rng, pixels)
    if rng.random() < 0.2:
        pixels = _coarse(rng, pixels)
    if rng.random() < 0.15:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < camera_look:
        pixels = poor_camera(rng, pixels)
    if rng.random() < 0.2:
        pixels = _noisy(rng, pixels)
    if rng.random() < 0.35:
        pixels = _recompressed(rng, pixels)
    return pixels


def poor_camera(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Apply each fault by its chance, in the order of light, lens, sensor, text and codec."""
    chosen = np.flatnonzero(rng.random(len(FAULTS)) < [chance for chance, _ in FAULTS])
    if len(chosen) > FAULTS_AT_MOST:
        chosen = np.sort(rng.choice(chosen, FAULTS_AT_MOST, replace=False))
    for index in chosen:
        pixels = FAULTS[index][1](rng, pixels)
    return pixels


def _tinted(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Shift hue by up to 5 degrees of 180, scale saturation and value."""
    hue, saturation, value = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV))
    steps = np.arange(256, dtype=np.float32)
    hue = cv2.LUT(hue, ((steps + rng.uniform(-5, 5)) % 180).astype(np.uint8))
    saturation = cv2.LUT(saturation, (steps * rng.uniform(0.5, 1.4)).clip(0, 255).astype(np.uint8))
    value = cv2.LUT(value, (steps * rng.uniform(0.6, 1.3)).clip(0, 255).astype(np.uint8))
    return cv2.cvtColor(cv2.merge((hue, saturation, value)), cv2.COLOR_HSV2BGR)


def _contrast(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Haze or glare: pull towards a level, as fog, rain and dirty domes do."""
    level, share = rng.uniform(60, 220), rng.uniform(0.1, 0.45)
    return cv2.convertScaleAbs(pixels, alpha=1 - share, beta=level * share)


def _coarse(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    height_px, width_px = pixels.shape[:2]
    ratio = rng.uniform(0.35, 0.8)
    small = cv2.resize(pixels, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width_px, height_px), interpolation=cv2.INTER_LINEAR)


def _noisy(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    return _with_noise(rng, pixels, pixels.shape, rng.uniform(2, 12))


def _recompressed(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    return _jpeg(pixels, int(rng.integers(18, 75)))


def _jpeg(pixels: Pixels, quality: int) -> Pixels:
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def _with_noise(
    rng: np.random.Generator, pixels: Pixels, shape: tuple[int, ...], sigma: float
) -> Pixels:
    """Add noise drawn at ``shape``, scaled up to the picture: coarse noise is what codecs keep."""
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    noise = np.empty(shape, np.int16)
    cv2.randn(noise, np.zeros(3), np.full(3, sigma))
    if shape != pixels.shape:
        noise = cv2.resize(noise, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.add(pixels, noise, dtype=cv2.CV_8U)


def exposed(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Under- or overexpose: gamma and gain. The dark gets no darker, the white no whiter."""
    level = pixels[::8, ::8].mean()
    power = float(np.exp(rng.uniform(-0.6 if level < DAY_LEVEL * 2 else 0.0, 0.6 * (level > 60))))
    gain = rng.uniform(0.75, 1.1) if power > 1 else rng.uniform(0.95, 1.4)
    steps = 255 * gain * (np.arange(256) / 255) ** power
    return cv2.LUT(pixels, steps.clip(0, 255).astype(np.uint8))


def cast(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Get the white balance wrong; half of the time all is as orange as under sodium lamps."""
    if rng.random() < 0.5:
        gains = np.array([rng.uniform(0.25, 0.6), rng.uniform(0.65, 0.9), rng.uniform(1.0, 1.25)])
    else:
        gains = np.exp(rng.uniform(-0.3, 0.3, 3))
    grey = rng.uniform(0.0, 0.6)
    mixed = np.eye(3) * (1 - grey) + grey * np.array([0.114, 0.587, 0.299])
    return cv2.transform(pixels, (gains[:, None] * mixed).astype(np.float32))


def infrared(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """See by the camera's own infrared lamp: grey, bright in the middle, blooming, noisy.

    What is warm in colour is brighter still: flames are, in infrared.
    """
    weights = rng.dirichlet((1.0, 2.0, 4.0)).astype(np.float32)[None]
    warm = cv2.subtract(pixels[..., 2], pixels[..., 0])
    grey = cv2.addWeighted(cv2.transform(pixels, weights), 1.0, warm, rng.uniform(0.4, 0.9), 0)
    y, x = np.ogrid[-1 : 1 : grey.shape[0] * 1j, -1 : 1 : grey.shape[1] * 1j]
    away = (x - rng.uniform(-0.3, 0.3)) ** 2 + (y - rng.uniform(-0.3, 0.3)) ** 2
    lamp = rng.uniform(0.8, 1.3) / (1 + rng.uniform(0.1, 1.1) * away.astype(np.float32))
    hot = np.maximum(lamp, (grey.astype(np.float32) - 150) / 105)
    grey = np.clip(grey * hot, 0, 255).astype(np.uint8)
    seen = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.6:
        seen = bloomed(rng, seen)
    if rng.random() < 0.7:
        noise = np.empty(grey.shape, np.int16)
        cv2.setRNGSeed(int(rng.integers(1 << 30)))
        cv2.randn(noise, 0, rng.uniform(2, 11))
        seen = cv2.add(seen, cv2.merge([noise, noise, noise]), dtype=cv2.CV_8U)
    return seen


def bloomed(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Let bright things flow over what is around them."""
    small = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    bright = cv2.subtract(small, np.full_like(small, int(rng.integers(150, 205))))
    halo = cv2.GaussianBlur(bright, (0, 0), rng.uniform(1.0, 4.0))
    halo = cv2.resize(halo, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.addWeighted(pixels, 1.0, halo, rng.uniform(0.8, 2.5), 0)


def colour_noise(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Show the coloured, blotchy noise of a small sensor at high gain."""
    rows, columns = pixels.shape[:2]
    ratio = int(rng.integers(2, 5))
    coarse = (max(1, rows // ratio), max(1, columns // ratio), 3)
    noisy = _with_noise(rng, pixels, coarse, rng.uniform(6, 20))
    return _with_noise(rng, noisy, pixels.shape, rng.uniform(2, 8))


def smeared(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Blur along one direction: wind at the pole, long exposure."""
    size = int(rng.choice([3, 5, 5, 7, 9]))
    way, middle = rng.uniform(0, np.pi), size // 2
    kernel = np.zeros((size, size), np.float32)
    reach = np.array([np.cos(way), np.sin(way)]) * middle
    ends = [tuple((middle + side * reach).round().astype(int).tolist()) for side in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    return cv2.filter2D(pixels, -1, kernel / kernel.sum())


def rain(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Draw rain or snow: faint streaks of one slant, as many as it rains hard."""
    height_px, width_px = pixels.shape[:2]
    veil = np.zeros((height_px, width_px), np.uint8)
    count, slant = int(rng.integers(40, 260)), rng.uniform(-0.5, 0.5)
    starts = rng.uniform(0, 1, (count, 2)) * (width_px, height_px)
    lengths = height_px * rng.uniform(0.005, rng.choice([0.02, 0.09]), count)
    ends = starts + np.stack((lengths * slant, lengths), axis=1)
    strokes = np.stack((starts, ends), axis=1).round().astype(np.int32)
    cv2.polylines(veil, list(strokes), False, int(rng.integers(35, 95)), 1, cv2.LINE_AA)
    veil = cv2.GaussianBlur(veil, (0, 0), rng.uniform(0.4, 0.9))
    return cv2.add(pixels, cv2.cvtColor(veil, cv2.COLOR_GRAY2BGR))


def dirty(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Blur or veil patches of the dome: drops, grease, dust. Half of the picture at most."""
    height_px, width_px = pixels.shape[:2]
    quarter = (max(2, width_px // 4), max(2, height_px // 4))
    spots = np.zeros(quarter[::-1], np.float32)
    for _ in range(int(rng.integers(1, 9))):
        at = tuple((rng.uniform(0, 1, 2) * quarter).astype(int).tolist())
        axes = tuple((rng.uniform(0.02, 0.14, 2) * quarter[1] + 1).astype(int).tolist())
        cv2.ellipse(spots, at, axes, rng.uniform(0, 180), 0, 360, rng.uniform(0.4, 1.0), -1)
    spots = cv2.resize(cv2.GaussianBlur(spots, (0, 0), 1.0), (width_px, height_px))[..., None]
    small = cv2.resize(pixels, quarter, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), rng.uniform(0.6, 2.0)), (width_px, height_px))
    soft = soft * np.float32(rng.uniform(0.8, 1.05)) + np.float32(rng.uniform(0, 28))
    return _mixed(pixels, soft, spots)


def near_lens(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Let insects and threads of a web shine, out of focus, before the infrared lamp."""
    veil = np.zeros(pixels.shape[:2], np.uint8)
    size = np.array(pixels.shape[1::-1])
    for _ in range(int(rng.integers(1, 6))):
        at, way = rng.uniform(0, 1, 2) * size, rng.uniform(0, 2 * np.pi)
        along = np.linspace(0, rng.uniform(0.03, 0.35), 8)[:, None] * size[1]
        bend = rng.uniform(-1.5, 1.5) * along / size[1] * 4
        path = at + along * np.concatenate((np.cos(way + bend), np.sin(way + bend)), axis=1)
        thick = int(rng.choice([1, 1, 2, 4, 8]))
        cv2.polylines(
            veil, [path.astype(np.int32)], False, int(rng.integers(60, 255)), thick, cv2.LINE_AA
        )
    veil = cv2.GaussianBlur(veil, (0, 0), rng.uniform(0.8, 4.0))
    return cv2.add(pixels, cv2.cvtColor(veil, cv2.COLOR_GRAY2BGR))


def vignette(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Darken the corners, as wide lenses and domes do."""
    y, x = np.ogrid[-1 : 1 : pixels.shape[0] * 1j, -1 : 1 : pixels.shape[1] * 1j]
    fall = 1 - rng.uniform(0.2, 0.45) * ((x**2 + y**2) / 2) ** rng.uniform(0.8, 2.0)
    return (pixels * fall[..., None].astype(np.float32)).astype(np.uint8)


def captioned(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Write a clock, a name, at times a logo's plate into the corners."""
    pixels = pixels.copy()
    height_px, width_px = pixels.shape[:2]
    scale = height_px / 256 * rng.uniform(0.3, 0.62)
    colour = (255, 255, 255) if rng.random() < 0.8 else (60, 230, 255)
    outlined = rng.random() < 0.7
    texts = [_clock(rng), f"{PLACES[int(rng.integers(len(PLACES)))]}{rng.integers(1, 130):02d}"]
    corners = rng.permutation(4)[: int(rng.integers(1, 3))]
    for text, corner in zip(texts, corners, strict=False):
        (wide, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        x = int(width_px * 0.02) if corner % 2 else max(0, int(width_px * 0.98) - wide)
        y = int(height_px * 0.03) + tall if corner < 2 else int(height_px * 0.96)
        if outlined:
            cv2.putText(pixels, text, (x + 1, y + 1), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 2)
        cv2.putText(pixels, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
    return pixels


def _clock(rng: np.random.Generator) -> str:
    year, month, day = rng.integers(2012, 2030), rng.integers(1, 13), rng.integers(1, 29)
    hour, minute, second = rng.integers(24), rng.integers(60), rng.integers(60)
    date = (f"{year}-{month:02d}-{day:02d}", f"{month:02d}/{day:02d}/{year}")[int(rng.integers(2))]
    return f"{date} {hour:02d}:{minute:02d}:{second:02d}"


def starved(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Imitate H.264 at too few bits: coarse blocks, colours smeared, edges of blocks smoothed."""
    ratio = rng.uniform(0.6, 1.0)
    small = cv2.resize(pixels, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    coded = _jpeg(small, int(rng.integers(12, 32)))
    smooth = cv2.blur(coded, (5, 5))
    edges = cv2.blur(strongest(cv2.absdiff(coded, smooth)), (5, 5))
    steps = np.clip(255 - np.arange(256) * rng.uniform(15, 40), 0, 255).astype(np.uint8)
    calm = cv2.LUT(edges, steps).astype(np.float32) / 255
    mixed = cv2.blendLinear(smooth, coded, calm, 1 - calm)
    return cv2.resize(mixed, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _mixed(
    pixels: Pixels,
    over: Float32[np.ndarray, "h w 3"] | Pixels,
    share: Float32[np.ndarray, "h w k"],
) -> Pixels:
    return (pixels + (over - pixels.astype(np.float32)) * share).clip(0, 255).astype(np.uint8)


def barely_lit(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Light the scene unevenly: pools of light, dark between. The bright stays as it is."""
    if pixels[::8, ::8].mean() < DAY_LEVEL:
        return pixels
    rows, columns = pixels.shape[:2]
    pools = fractal(rng, max(2, rows // 8), max(2, columns // 8), max(3.0, rows / 20), 3)
    pools = cv2.resize(pools, (columns, rows))[..., None] * rng.uniform(0.5, 0.9) + 0.35
    strong = np.clip((pixels.max(axis=2, keepdims=True) - np.float32(140)) / 80, 0, 1)
    return (pixels * np.maximum(np.minimum(pools, 1), strong)).astype(np.uint8)


def strongest(change: Pixels) -> UInt8[np.ndarray, "h w"]:
    """Return the largest channel of each pixel; NumPy's ``max(axis=2)`` is ten times slower."""
    blue, green, red = cv2.split(change)
    return cv2.max(cv2.max(blue, green), red)


def darkened(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Return the picture by night: dark, bluish or sodium-lit; what was brightest stays lit."""
    gain, power = rng.uniform(0.3, 0.75), rng.uniform(1.2, 2.2)
    cast = np.array([rng.uniform(0.75, 1.2), rng.uniform(0.85, 1.0), rng.uniform(0.75, 1.1)])
    steps = 255 * gain * (np.arange(256)[:, None] / 255) ** power * cast
    return cv2.LUT(pixels, steps.clip(0, 255).astype(np.uint8)[None])


def light_up(
    rng: np.random.Generator,
    pixels: Pixels,
    middle: tuple[float, float],
    size_px: float,
    colour: Float32[np.ndarray, "3"],
) -> None:
    """Light what is around a flame in place: more of it, the darker the surroundings are."""
    reach = max(6, int(size_px * rng.uniform(1.2, 3.0)))
    x, y = int(middle[0]), int(middle[1])
    y0, y1 = max(0, y - reach), min(pixels.shape[0], y + reach)
    x0, x1 = max(0, x - reach), min(pixels.shape[1], x + reach)
    around = pixels[y0:y1, x0:x1]
    if around.size == 0:
        return
    down = (np.arange(y0, y1, dtype=np.float32)[:, None] - y) / reach
    across = (np.arange(x0, x1, dtype=np.float32)[None, :] - x) / reach
    fall = np.clip(1 - np.sqrt(down**2 + across**2), 0, 1) ** 2
    dark = 1 - min(1.0, float(around.mean()) / 150)
    tone = (colour / 255 * np.array([0.55, 0.85, 1.1])).astype(np.float32)
    gain = (rng.uniform(0.1, 0.3) + rng.uniform(0.8, 2.2) * dark) * fall
    haze = 255 * (rng.uniform(0.02, 0.06) + rng.uniform(0.1, 0.35) * dark) * fall**2
    lit = around * (1 + gain[..., None] * tone) + haze[..., None] * tone
    np.clip(lit, 0, 255, out=lit)
    around[:] = lit.astype(np.uint8)


FAULTS: tuple[tuple[float, Look], ...] = (
    (0.03, barely_lit),
    (0.10, exposed),
    (0.08, cast),
    (0.05, bloomed),
    (0.03, vignette),
    (0.04, dirty),
    (0.03, near_lens),
    (0.04, rain),
    (0.04, smeared),
    (0.08, infrared),
    (0.06, colour_noise),
    (0.12, captioned),
    (0.12, starved),
)
"""Chance of each fault, in the order in which light meets them."""
