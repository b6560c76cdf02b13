"""The one place of `eval` that makes pictures: small ones for the report, covered before all else.

They are the user's own pictures and go into a file of the user's. Still: people and vehicles that
are found, and whatever is labelled and no hazard, are filled opaque; only the hazard's box stays
sharp, a large one in cells, and a quarter of the picture at most; the rest is a mosaic. The fill
goes on last, so nothing is sharp under it. Where the masker can't say where people are there is no
picture.
"""

import base64
from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from pipelines.evaluate.faults import LeftOutError
from pipelines.evaluate.figures import MASKING_SCORE
from pipelines.evaluate.looker import Looker, Seen
from pipelines.evaluate.pictures import read_picture
from pipelines.evaluate.worst import Example
from vision.arrays import Boxes, Pixels
from vision.detector import DetectorError
from vision.masker import MaskRegions, covered

WIDEST_PX: Final = 320
HIGHEST_PX: Final = 480

FILL: Final = (72, 72, 72)
"""BGR."""

OUTLINE: Final = (0, 215, 255)
"""BGR, of the box in question."""

JPEG: Final = (
    *(cv2.IMWRITE_JPEG_QUALITY, 92),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)
"""Colours of half the size would run sixteen pixels into what is filled."""

CELLS_HIGH: Final = 6
"""Nobody is higher than the picture, and on six cells a detector finds no one."""

SHARP_SHARE: Final = 0.25
"""No more of a picture is sharp, however large the hazard's box."""


SHARP_BOX_SHARE: Final = 1 / 8
"""In a larger box somebody whom neither a label nor the masker marks could be recognised."""

CELLS: Final = 24
"""So many a side such a box then has: a flame can be told from a lamp, a face has two or three."""

LEAST_LEFT: Final = 0.2
"""With less of the box's window than this there is nothing to judge."""


class NotShownError(Exception):
    """There is no picture; the reason in two languages."""

    def __init__(self, chinese: str, english: str) -> None:
        self.reason = (chinese, english)
        super().__init__(english)


def small_picture(example: Example, looker: Looker) -> str:
    """Return a picture as a data URI. Raises ``NotShownError``."""
    try:
        pixels = read_picture(example.case.picture)
        seen = looker(pixels)
    except (LeftOutError, DetectorError):
        raise NotShownError("图片已无法读取", "it can no longer be read") from None
    if seen.people is None:
        raise NotShownError("无法确定人的位置", "nobody can say where people are") from None
    size_px = np.array([pixels.shape[1], pixels.shape[0]] * 2, np.float32)
    hidden = np.concatenate([_labelled(example, looker), _found(seen, looker)]) / size_px
    small, left = _covered(_shrunk(pixels), seen.people, hidden, example.box / size_px)
    if left < LEAST_LEFT:
        raise NotShownError("框内大多被遮盖", "most of the box is filled")
    _, content = cv2.imencode(".jpg", small, JPEG)
    return "data:image/jpeg;base64," + base64.b64encode(content.tobytes()).decode()


def _labelled(example: Example, looker: Looker) -> Float32[np.ndarray, "n 4"]:
    """Return whatever is labelled and no hazard: a class that we don't know may be people."""
    meanings = example.case.meanings
    hazards = (meanings >= 0) & looker.is_hazard[np.maximum(meanings, 0)]
    boxes: Float32[np.ndarray, "n 4"] = example.case.boxes[~hazards]
    return boxes


def _found(seen: Seen, looker: Looker) -> Float32[np.ndarray, "n 4"]:
    found = seen.found
    return found.where(looker.is_vehicle[found.labels] & (found.scores >= MASKING_SCORE)).boxes


def _shrunk(pixels: UInt8[np.ndarray, "H W 3"]) -> Pixels:
    height_px, width_px = pixels.shape[:2]
    scale = min(1.0, WIDEST_PX / width_px, HIGHEST_PX / height_px)
    size = (max(1, int(width_px * scale)), max(1, int(height_px * scale)))
    small: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return small


def _covered(
    pixels: Pixels, people: MaskRegions, hidden: Boxes, box: Float32[np.ndarray, "4"]
) -> tuple[Pixels, float]:
    """Return a picture of which only the box can be made out, and nobody and no vehicle in it.

    Besides the share of the box's window that isn't filled.
    """
    vehicles = MaskRegions(np.zeros(len(hidden), np.int64), hidden.astype(np.float32))

    def filled(picture: Pixels, colour: tuple[int, int, int] = FILL) -> Pixels:
        return covered(covered(picture, people, 0, colour), vehicles, 0, colour)

    clean = filled(pixels)
    height_px, width_px = pixels.shape[:2]
    result = _mosaic(clean, max(1, round(CELLS_HIGH * width_px / height_px)), CELLS_HIGH)
    x0, y0, x1, y1 = _window(box, width_px, height_px)
    window, side = clean[y0:y1, x0:x1], box[2:] - box[:2]
    if window.size and side[0] * side[1] > SHARP_BOX_SHARE:
        cell_px = side * np.array([width_px, height_px]) / CELLS
        across, down = np.maximum(1, np.array([x1 - x0, y1 - y0]) // cell_px).astype(int).tolist()
        window = _mosaic(window, across, down)
    result[y0:y1, x0:x1] = window
    corners = np.round(box * np.array([width_px, height_px] * 2)).astype(int).tolist()
    cv2.rectangle(result, tuple(corners[:2]), tuple(corners[2:]), OUTLINE, 1)
    hit = filled(np.zeros_like(pixels), (255, 255, 255))[y0:y1, x0:x1]
    return filled(result), 1.0 - float(hit.mean()) / 255 if hit.size else 1.0


def _mosaic(pixels: Pixels, across: int, down: int) -> Pixels:
    """Return a picture in cells, each of one colour."""
    size = (pixels.shape[1], pixels.shape[0])
    cells = (min(across, size[0]), min(down, size[1]))
    coarse = cv2.resize(pixels, cells, interpolation=cv2.INTER_AREA)
    result: Pixels = cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST)
    return result


def _window(
    box: Float32[np.ndarray, "4"], width_px: int, height_px: int
) -> tuple[int, int, int, int]:
    """Return the sharp part of a box: shrunk about its middle where it is too large."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    share = max(1e-9, float(4 * half[0] * half[1]))
    half = half * min(1.0, (SHARP_SHARE / share) ** 0.5)
    size_px = np.array([width_px, height_px])
    x0, y0 = np.ceil((middle - half).clip(0, 1) * size_px).astype(int)
    x1, y1 = np.floor((middle + half).clip(0, 1) * size_px).astype(int)
    return int(x0), int(y0), int(x1), int(y1)
