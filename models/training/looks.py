"""Photometric changes: what cheap cameras, night and recompression do to a picture."""

import cv2
import numpy as np
from jaxtyping import UInt8

Pixels = UInt8[np.ndarray, "h w 3"]


def weathered(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Return the picture as another camera might have seen it."""
    if rng.random() < 0.8:
        pixels = _tinted(rng, pixels)
    if rng.random() < 0.08:
        pixels = _infrared(rng, pixels)
    if rng.random() < 0.15:
        pixels = _contrast(rng, pixels)
    if rng.random() < 0.2:
        pixels = _coarse(rng, pixels)
    if rng.random() < 0.15:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < 0.2:
        pixels = _noisy(rng, pixels)
    if rng.random() < 0.35:
        pixels = _recompressed(rng, pixels)
    return pixels


def _tinted(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Shift hue by up to 5 degrees of 180, scale saturation and value."""
    hue, saturation, value = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV))
    steps = np.arange(256, dtype=np.float32)
    hue = cv2.LUT(hue, ((steps + rng.uniform(-5, 5)) % 180).astype(np.uint8))
    saturation = cv2.LUT(saturation, (steps * rng.uniform(0.5, 1.4)).clip(0, 255).astype(np.uint8))
    value = cv2.LUT(value, (steps * rng.uniform(0.6, 1.3)).clip(0, 255).astype(np.uint8))
    return cv2.cvtColor(cv2.merge((hue, saturation, value)), cv2.COLOR_HSV2BGR)


def _infrared(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=rng.uniform(0.7, 1.3)), cv2.COLOR_GRAY2BGR)


def _contrast(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Haze or glare: pull towards a level, as fog, rain and dirty domes do."""
    level, share = rng.uniform(60, 220), rng.uniform(0.1, 0.45)
    return (pixels * (1 - share) + level * share).astype(np.uint8)


def _coarse(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    height_px, width_px = pixels.shape[:2]
    ratio = rng.uniform(0.35, 0.8)
    small = cv2.resize(pixels, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width_px, height_px), interpolation=cv2.INTER_LINEAR)


def _noisy(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    noise = rng.standard_normal(pixels.shape, dtype=np.float32) * rng.uniform(2, 12)
    return (pixels + noise).clip(0, 255).astype(np.uint8)


def _recompressed(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    quality = int(rng.integers(18, 75))
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)
