"""How one frame is masked: what stays sharp, how coarse the rest is, what is filled.

``vision/evidence.py`` alone makes pictures by it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float32

from vision.arrays import Boxes, Pixels
from vision.hazards import OF_VEHICLES, Hazard
from vision.masker import Part, filled, tallest
from vision.mosaic import coarsened, outlined, pixel_box

SHARP_SHARE: Final = 0.24
"""No more of a picture is sharp, however large the hazard's box: a quarter, with the pixels that
its edges cut."""

CELLS_ACROSS: Final = 64
"""Of the mosaic along its longer side, at most: a detector finds nobody in it, where 96 leave three
in ten."""

CELLS_TALL: Final = 6
"""Whoever is found is so many cells tall at most: at 8 one in twenty is still found."""

LIGHT_CELLS_TALL: Final = 16
"""Of what is likelier a flame than somebody: enough to tell it for one, and a face has two."""

VEHICLE_CELLS: Final = 32
"""A vehicle's longer side has no more, and 48 are the most that may be: found boxes overlap and are
a little off. A plate has a quarter of it."""

VEHICLE_SLACK: Final = 0.1
"""Of its sides, to each side: a bumper that its box cuts off."""

WINDOW: Final = 2.0
"""The second look's window, in sides of the hazard's box: measured against 1.3 and 3.5."""

LEAST_WINDOW: Final = 0.2
"""Of the picture's sides: somebody is told by what is about him."""

SHOWN_SHARE: Final = 0.5
"""A box of which more is filled is filled whole: what is left of it would be of somebody."""

PEOPLE_FILL: Final = (72, 72, 72)
"""BGR."""

VEHICLE_FILL: Final = (96, 64, 48)
"""BGR."""

Box = tuple[float, float, float, float]
"""x0 y0 x1 y1, as shares of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What is covered in one frame."""

    people: tuple[Part, ...]
    """To be filled."""
    lights: tuple[Part, ...]
    """Likelier flames or a plume than somebody: too coarse to show anybody."""
    vehicles: Boxes


def sharp_part(box: Box | None) -> Float32[np.ndarray, "4"] | None:
    """Return what stays sharp: the box, cut to the picture and to ``SHARP_SHARE`` of it."""
    if box is None or not np.isfinite(box).all():
        return None
    inside = np.clip(np.array(box, np.float32), 0.0, 1.0)
    low, high = inside[:2], inside[2:]
    if (high <= low).any():
        return None
    share = min(1.0, float(np.sqrt(SHARP_SHARE / (high - low).prod())))
    centre, half = (low + high) / 2, (high - low) / 2 * share
    return np.concatenate([centre - half, centre + half])


def window_of(
    sharp: Float32[np.ndarray, "4"], size_px: tuple[int, int], input_px: tuple[int, int]
) -> Float32[np.ndarray, "4"]:
    """Return the part that is looked at again: what stays sharp, and what tells who is in it.

    It has the proportions of the masker's input, as far as the picture goes: (height, width).
    """
    picture = np.array(size_px[::-1], np.float32)
    centre = (sharp[:2] + sharp[2:]) / 2
    sides_px = np.maximum((sharp[2:] - sharp[:2]) * WINDOW, LEAST_WINDOW) * picture
    inputs = np.array(input_px[::-1], np.float32)
    half = (inputs * (sides_px / inputs).max() / picture / 2).astype(np.float32)
    return np.concatenate([centre - half, centre + half]).clip(0.0, 1.0)


def cell_px_for(cover: Cover, size_px: tuple[int, int]) -> float:
    """Return how large the mosaic's cells must be."""
    height_px, _ = size_px
    return max(
        max(size_px) / CELLS_ACROSS,
        tallest(cover.people) * height_px / CELLS_TALL,
        float(_longer_px(cover.vehicles, size_px).max(initial=0.0)) / VEHICLE_CELLS,
    )


def _longer_px(boxes: Boxes, size_px: tuple[int, int]) -> Float32[np.ndarray, "n"]:
    sides = (boxes[:, 2:] - boxes[:, :2]) * np.array(size_px[::-1], np.float32)
    return np.asarray(sides.max(axis=1, initial=0.0))


def drawn(
    pixels: Pixels,
    cover: Cover,
    sharp: Float32[np.ndarray, "4"] | None,
    cell_px: float,
    hazard: Hazard,
) -> Pixels:
    """Return one frame masked. What is filled is filled first, so no cell holds anything of it."""
    size_px = pixels.shape[:2]
    who = filled(cover.people, size_px)
    clean = pixels.copy()
    clean[who] = PEOPLE_FILL
    result = coarsened(clean, cell_px)
    if sharp is None:
        result[who] = PEOPLE_FILL
        return result
    x0, y0, x1, y1 = pixel_box(sharp, *size_px)
    lights = filled(cover.lights, size_px)
    beside = lights.copy()
    beside[y0:y1, x0:x1] = False
    who |= beside  # it is the hazard's box that shows flames
    clean[who] = PEOPLE_FILL
    result[who] = PEOPLE_FILL
    if lights.any():
        coarse = coarsened(clean, max(1.0, tallest(cover.lights) * size_px[0] / LIGHT_CELLS_TALL))
        clean = np.where(lights[:, :, None], coarse, clean)
    clean = without_plates(clean, cover.vehicles)
    result[y0:y1, x0:x1] = clean[y0:y1, x0:x1]
    if hazard in OF_VEHICLES:
        result[y0:y1, x0:x1] = VEHICLE_FILL
    result[who] = PEOPLE_FILL
    if who[y0:y1, x0:x1].mean() > SHOWN_SHARE:
        result[y0:y1, x0:x1] = PEOPLE_FILL
    return outlined(result, (x0, y0, x1, y1))


def without_plates(pixels: Pixels, vehicles: Boxes) -> Pixels:
    """Return a copy in which no vehicle has more than ``VEHICLE_CELLS`` cells."""
    result = pixels.copy()
    for box, longer_px in zip(vehicles, _longer_px(vehicles, pixels.shape[:2]), strict=True):
        grown = np.concatenate(
            [
                box[:2] - (box[2:] - box[:2]) * VEHICLE_SLACK,
                box[2:] + (box[2:] - box[:2]) * VEHICLE_SLACK,
            ]
        )
        x0, y0, x1, y1 = pixel_box(grown.clip(0, 1), *pixels.shape[:2])
        result[y0:y1, x0:x1] = coarsened(
            result[y0:y1, x0:x1], max(1.0, float(longer_px) / VEHICLE_CELLS)
        )
    return result
