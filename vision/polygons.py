"""Zones on a picture: validated polygons, points tested against them in one go."""

from typing import Final

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int8, Int64

Polygon = Float32[np.ndarray, "v 2"]
"""Corners x y in order, shares 0-1 of the source; closed by itself."""

WHOLE_PICTURE: Polygon = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)

SMALLEST_AREA_SHARE = 1e-4
"""A zone smaller than a hundredth of the width and height of a picture is a slip of the hand."""

GRID: Final = 2**20
"""Steps to a side on which sides are held against each other: a 270th of a pixel of a 4K
picture, and whole numbers, so that what touches is known for sure."""

GROWN_PX = 2
"""A mask grows by this: one pixel because OpenCV rounds a side to the nearest one and leaves the
other that it touches, one because scaling mixes neighbours."""

_SUBPIXEL_BITS: Final = 8
"""Of the corners that OpenCV is given: a 256th of a pixel."""


class PolygonError(ValueError):
    """The corners do not make a zone. The text says what to do."""


def polygon(corners: Float32[np.ndarray, "v 2"]) -> Polygon:
    """Return the corners as a zone.

    Raises ``PolygonError`` for fewer than three corners, corners off the picture, sides that
    meet elsewhere than at the corner between them, and areas too small to be meant. So the curve
    goes round once, and every rule of filling means the same by its inside.
    """
    if len(corners) < 3:
        raise PolygonError(f"a zone has at least 3 corners, not {len(corners)}")
    if not (np.isfinite(corners).all() and (corners >= 0).all() and (corners <= 1).all()):
        raise PolygonError("a zone's corners lie on the picture: x and y between 0 and 1")
    if _meets_itself(corners):
        raise PolygonError(
            "the zone's sides cross, touch or lie on each other: give the corners in order, once "
            "around it"
        )
    x, y = corners.T.astype(np.float64)
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    if area < SMALLEST_AREA_SHARE:
        raise PolygonError(f"the zone covers {area:.5f} of the picture: draw it larger")
    return corners


def contains(zone: Polygon, points: Float32[np.ndarray, "n 2"]) -> Bool[np.ndarray, "n"]:
    """Mark the points that the zone goes round; a point on a side may go either way.

    A zone that went round twice would hold what it goes round all the same.
    """
    x0, y0 = zone[:, 0], zone[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    px, py = points[:, :1], points[:, 1:]
    straddles = (y0 > py) != (y1 > py)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = px < (x1 - x0) * (py - y0) / (y1 - y0) + x0
    inside: Bool[np.ndarray, "n"] = (straddles & left) @ _downwards(y0, y1) != 0
    return inside


def mask(
    polygons: tuple[Polygon, ...], height_px: int, width_px: int
) -> Bool[np.ndarray, "{height_px} {width_px}"]:
    """Mark every pixel that a zone touches, and those beside it: too many rather than too few."""
    touched = np.zeros((height_px, width_px), np.uint8)
    for zone in polygons:  # one by one: where two overlap, filled together they would leave a hole
        corners = zone.astype(np.float64) * (width_px, height_px) - 0.5  # a pixel's centre is at 0
        fixed = np.rint(corners * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(touched, [fixed], color=1, shift=_SUBPIXEL_BITS)
        touched |= _gone_round(corners, height_px, width_px)
    square = np.ones((2 * GROWN_PX + 1, 2 * GROWN_PX + 1), np.uint8)
    return np.asarray(cv2.dilate(touched, square), dtype=bool)


def _downwards(y0: Float32[np.ndarray, "v"], y1: Float32[np.ndarray, "v"]) -> Int8[np.ndarray, "v"]:
    return np.asarray(np.sign(y1 - y0), np.int8)


def _gone_round(
    corners_px: Float64[np.ndarray, "v 2"], height_px: int, width_px: int
) -> Bool[np.ndarray, "{height_px} {width_px}"]:
    """Mark the pixels whose centres the corners go round, once or more often.

    OpenCV's rule is even-odd: it would leave out what is gone round twice. No zone does that, but
    what should be private isn't left to one check alone.
    """
    rows = np.arange(height_px)
    turns = np.zeros((height_px, width_px + 1), np.int16)
    for (x0, y0), (x1, y1) in zip(corners_px, np.roll(corners_px, -1, axis=0), strict=True):
        crossed = rows[(y0 > rows) != (y1 > rows)]
        across = (x1 - x0) * (crossed - y0) / (y1 - y0) + x0 if len(crossed) else crossed
        columns = np.clip(np.ceil(across), 0, width_px).astype(np.intp)
        turns[crossed, columns] += 1 if y1 > y0 else -1
    return np.asarray(turns.cumsum(axis=1, dtype=np.int16)[:, :-1] != 0)


def _meets_itself(corners: Float32[np.ndarray, "v 2"]) -> bool:
    """Say whether two sides meet elsewhere than neighbours do: at the corner between them."""
    marks = np.rint(corners.astype(np.float64) * GRID).astype(np.int64)
    start = marks[(marks != np.roll(marks, 1, axis=0)).any(axis=1)]  # one clicked twice is one
    end = np.roll(start, -1, axis=0)
    along = end - start
    following = np.roll(along, -1, axis=0)
    turns_back = (_cross(along, following) == 0) & ((along * following).sum(axis=1) < 0)
    place = np.arange(len(start))
    apart = (place - place[:, None]) % max(len(start), 1)
    are_neighbours = (apart <= 1) | (apart == len(start) - 1)
    return bool(turns_back.any() or (_meet(start, end) & ~are_neighbours).any())


def _meet(
    start: Int64[np.ndarray, "v 2"], end: Int64[np.ndarray, "v 2"]
) -> Bool[np.ndarray, "v v"]:
    """Mark each pair of sides that have a point in common, their ends included."""
    along = (end - start)[:, None]
    to_start = np.sign(_cross(along, start - start[:, None]))
    to_end = np.sign(_cross(along, end - start[:, None]))
    reaches = to_start * to_end <= 0  # the line through side i is reached by side j
    low, high = np.minimum(start, end), np.maximum(start, end)
    is_near = ((low <= high[:, None]) & (low[:, None] <= high)).all(axis=-1)
    return np.asarray(reaches & reaches.T & is_near)


def _cross(
    a: Int64[np.ndarray, "... 2"], b: Int64[np.ndarray, "... 2"]
) -> Int64[np.ndarray, "..."]:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])
