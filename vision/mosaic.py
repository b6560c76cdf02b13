"""Pictures made coarse, laid side by side, and what stays of many: arrays in, arrays out."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from vision.arrays import BatchPixels, Pixels

OUTLINE = (0, 215, 255)
"""BGR."""

GAP_PX = 2
"""Between the pictures of a strip."""

GAP = (24, 24, 24)
"""BGR."""


Other = UInt8[np.ndarray, "oh ow 3"]
"""A picture of another size."""


def even_size_px(pixels: Pixels, longest_px: int) -> tuple[int, int]:
    """Return height and width of a picture with even sides no longer than this; never larger."""
    height_px, width_px = pixels.shape[:2]
    scale = min(1.0, longest_px / width_px, longest_px / height_px)
    return max(2, int(height_px * scale) // 2 * 2), max(2, int(width_px * scale) // 2 * 2)


def resized(pixels: Pixels, size_px: tuple[int, int]) -> Other:
    """Return a picture of (height, width)."""
    if pixels.shape[:2] == size_px:
        return pixels
    is_smaller = size_px[0] < pixels.shape[0]
    interpolation = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    result: Other = cv2.resize(pixels, size_px[::-1], interpolation=interpolation)
    return result


def coarsened(pixels: Pixels, cell_px: float) -> Pixels:
    """Return a mosaic whose cells are at least so large."""
    height_px, width_px = pixels.shape[:2]
    if cell_px <= 1.0:
        return pixels.copy()
    cells = (max(1, int(width_px / cell_px)), max(1, int(height_px / cell_px)))
    few = cv2.resize(pixels, cells, interpolation=cv2.INTER_AREA)
    return cv2.resize(few, (width_px, height_px), interpolation=cv2.INTER_NEAREST)


def pixel_box(
    box: Float32[np.ndarray, "4"], height_px: int, width_px: int
) -> tuple[int, int, int, int]:
    """Return x0 y0 x1 y1 in pixels of a box of shares: at least one pixel, inside the picture."""
    x0, y0 = int(box[0] * width_px), int(box[1] * height_px)
    x0, y0 = min(x0, width_px - 1), min(y0, height_px - 1)
    x1, y1 = int(np.ceil(box[2] * width_px)), int(np.ceil(box[3] * height_px))
    return x0, y0, max(x0 + 1, min(x1, width_px)), max(y0 + 1, min(y1, height_px))


def outlined(pixels: Pixels, box_px: tuple[int, int, int, int]) -> Pixels:
    """Draw a line about a box, into the picture itself, and return it."""
    x0, y0, x1, y1 = box_px
    return cv2.rectangle(pixels, (x0 - 1, y0 - 1), (x1, y1), OUTLINE, 1)


def tiled(pictures: Sequence[Pixels], longest_px: int) -> Other:
    """Return up to four pictures as one, two by two, with even sides no longer than this."""
    height_px, width_px = pictures[0].shape[:2]
    columns = 1 if len(pictures) == 1 else 2
    rows = -(-len(pictures) // columns)
    sheet = np.full(
        (rows * (height_px + GAP_PX) - GAP_PX, columns * (width_px + GAP_PX) - GAP_PX, 3),
        GAP,
        np.uint8,
    )
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        y0, x0 = row * (height_px + GAP_PX), column * (width_px + GAP_PX)
        sheet[y0 : y0 + height_px, x0 : x0 + width_px] = picture
    return resized(sheet, even_size_px(sheet, longest_px))


def median_but(
    pictures: BatchPixels, without: Bool[np.ndarray, "b h w"]
) -> tuple[Pixels, Bool[np.ndarray, "h w"]]:
    """Return the median of each pixel over the pictures where it isn't marked.

    Besides, where most of the pictures are marked: there the median is of nothing.
    """
    height_px, width_px = pictures.shape[1:3]
    result = np.zeros((height_px, width_px, 3), np.uint8)
    left = (~without).sum(axis=0)
    for y in range(height_px):  # a row at a time: all at once is a hundred megabytes
        row: UInt8[np.ndarray, "b w 3"] = pictures[:, y]
        marked = np.where(without[:, y, :, None], np.uint16(256), row)
        middle = np.maximum(left[y] - 1, 0) // 2
        ordered = np.sort(marked, axis=0)
        picked = np.take_along_axis(ordered, middle[None, :, None], axis=0)[0]
        result[y] = np.minimum(picked, 255)
    return result, left * 2 < len(pictures)
