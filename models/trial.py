"""A pack tried before anybody relies on it: does it load, run, end in time, give what it must."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Final

import cv2
import numpy as np

from models.packs import PackMissingError, PackNetworkError, load_pack
from vision.arrays import BatchPixels, Pixels
from vision.detector import Detector, DetectorError
from vision.drawing import draw_still
from vision.letterbox import PAD_VALUE, Letterbox, fit

STILLS: Final = 4
"""Of this seed: flames, smoke, rocks, and one of nothing."""
SEED: Final = 6
STILL_SIZE_PX: Final = (360, 640)

MOST_PICTURES: Final = 200
"""Given pictures that are tried: faults show early."""

ROUNDS: Final = 9
"""Runs of a batch size, the median of which counts: a neighbour's load passes."""

BUDGET_S: Final = 1.5
"""A slow network gets fewer rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was seen of a pack on one thread of this machine."""

    load_ms: float
    """From reading the files to a detector that has run each batch size once."""
    ms_per_picture: dict[int, float]
    """By batch size."""
    pictures: int
    """Drawn and given ones that it was tried on."""
    with_hazard: int
    """In how many of them it found one."""


def tried(directory: Path, given: Sequence[Path]) -> Figures:
    """Load a pack, run it on drawn and given pictures, measure it. Raises ``PackError``."""
    started_s = time.perf_counter()
    pack = load_pack(directory)
    detector = pack.detector()
    load_ms = (time.perf_counter() - started_s) * 1000
    pictures = [*_drawn(), *(_read(path) for path in _files(given))]
    hazards = [label.hazard is not None for label in pack.settings.labels]
    try:
        found = sum(_finds(detector, picture, hazards) for picture in pictures)
        times = {
            size: _ms_per_picture(detector, pictures[:STILLS], size)
            for size in pack.settings.batch_sizes
        }
    except DetectorError as error:
        raise PackNetworkError(f"{pack.path}: {error}") from error
    return Figures(load_ms=load_ms, ms_per_picture=times, pictures=len(pictures), with_hazard=found)


@cache
def _drawn() -> tuple[Pixels, ...]:
    rng = np.random.default_rng(SEED)
    return tuple(draw_still(rng, *STILL_SIZE_PX)[0] for _ in range(STILLS))


def _files(given: Sequence[Path]) -> list[Path]:
    files = [
        file for path in given for file in (sorted(path.iterdir()) if path.is_dir() else [path])
    ]
    return files[:MOST_PICTURES]


def _read(path: Path) -> Pixels:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise PackMissingError(f"{path}: this can't be read as a picture: give JPEG or PNG files")
    pixels: Pixels = np.asarray(picture, np.uint8)
    return pixels


def _batch(
    detector: Detector, pictures: Sequence[Pixels], size: int
) -> tuple[BatchPixels, list[Letterbox]]:
    settings = detector.settings
    height_px, width_px = settings.input_height_px, settings.input_width_px
    pixels = np.full((size, height_px, width_px, 3), PAD_VALUE, np.uint8)
    letterboxes = []
    for row, picture in zip(pixels, pictures, strict=False):
        box = fit((picture.shape[1], picture.shape[0]), height_px, width_px)
        content_px = (box.content_width_px, box.content_height_px)
        row[: content_px[1], : content_px[0]] = cv2.resize(
            picture, content_px, interpolation=cv2.INTER_AREA
        )
        letterboxes.append(box)
    return pixels, letterboxes


def _finds(detector: Detector, picture: Pixels, hazards: Sequence[bool]) -> bool:
    detections, _ = detector(*_batch(detector, [picture], detector.settings.batch_sizes[0]))
    return any(hazards[label] for label in detections.label)


def _ms_per_picture(detector: Detector, pictures: Sequence[Pixels], size: int) -> float:
    shown = [pictures[number % len(pictures)] for number in range(size)]
    pixels, letterboxes = _batch(detector, shown, size)
    times_s: list[float] = []
    while len(times_s) < ROUNDS and (len(times_s) < 2 or sum(times_s) < BUDGET_S):
        started_s = time.perf_counter()
        detector(pixels, letterboxes)
        times_s.append(time.perf_counter() - started_s)
    return median(times_s) / size * 1000
