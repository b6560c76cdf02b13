"""Zones on a picture: validated polygons, points tested against them in one go."""

from typing import Final

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64

Polygon = Float32[np.ndarray, "v 2"]
"""Corners x y in order, shares 0-1 of the source; closed by itself."""

_Point = Float64[np.ndarray, "2"]

WHOLE_PICTURE: Polygon = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)

SMALLEST_AREA_SHARE = 1e-4
"""A zone smaller than a hundredth of the width and height of a picture is a slip of the hand."""


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
    cross and areas too small to be meant.
    """
    if len(corners) < 3:
        raise PolygonError(f"a zone has at least 3 corners, not {len(corners)}")
    if not (np.isfinite(corners).all() and (corners >= 0).all() and (corners <= 1).all()):
        raise PolygonError("a zone's corners lie on the picture: x and y between 0 and 1")
    if _crosses_itself(corners):
        raise PolygonError("the zone's sides cross: give the corners in order around it")
    x, y = corners.T.astype(np.float64)
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    if area < SMALLEST_AREA_SHARE:
        raise PolygonError(f"the zone covers {area:.5f} of the picture: draw it larger")
    return corners


def contains(zone: Polygon, points: Float32[np.ndarray, "n 2"]) -> Bool[np.ndarray, "n"]:
    """Mark the points inside, by the even-odd rule; a point on a side may go either way."""
    x0, y0 = zone[:, 0], zone[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    px, py = points[:, :1], points[:, 1:]
    straddles = (y0 > py) != (y1 > py)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = px < (x1 - x0) * (py - y0) / (y1 - y0) + x0
    inside: Bool[np.ndarray, "n"] = (straddles & left).sum(axis=1) % 2 == 1
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
    square = np.ones((2 * GROWN_PX + 1, 2 * GROWN_PX + 1), np.uint8)
    return np.asarray(cv2.dilate(touched, square), dtype=bool)


def _crosses_itself(corners: Float32[np.ndarray, "v 2"]) -> bool:
    start = corners.astype(np.float64)
    end = np.roll(start, -1, axis=0)
    count = len(corners)
    for first in range(count):
        for second in range(first + 2, count):
            if first == 0 and second == count - 1:
                continue  # neighbours around the end
            if _cross(start[first], end[first], start[second], end[second]):
                return True
    return False


def _cross(a: _Point, b: _Point, c: _Point, d: _Point) -> bool:
    def side(p: _Point, q: _Point, r: _Point) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
