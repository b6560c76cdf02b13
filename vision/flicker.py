"""What the picture inside a box says of flames: whether it flickers, is cloth, or only glows.

Evidence for the rules, never a verdict: a codec may hold a picture, and a far fire is six pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from vision.arrays import Pixels

SIDE_PX: Final = 24
"""Side of a patch: a fire of 1 % of the picture is 51 x 29 px, so little is lost, in 1.7 kB."""

MARGIN: Final = 0.25
"""How far a patch reaches beyond its box, in sides of it: flames leap out of their box."""

SMALLEST_PX: Final = 3
"""A box with fewer rows or columns of its own has no inside to speak of."""

SAME_LEVELS: Final = 0.25
"""Mean difference below which two pictures are one, held by a codec: sensors give 0.5 and more."""

NOISE_LEVELS: Final = 5.0
"""What sensor noise and keyframe coding leave between pictures of a still thing, once smoothed."""

RESTLESS_LEVELS: Final = 20.0
"""Mean change, beyond noise, that counts as 1: flames of the clips at hand give 5 and more."""

LEAST_SHARED: Final = 0.3
"""Of a patch: where two boxes overlap less, they don't show one place."""

STRUCTURED_PX: Final = 24
"""A box must have so many rows and columns of its own before smoothness says anything."""

GLOW_LEVELS: Final = 1.6
"""Mean curvature below which a patch has no edges: a glow's is 1.3; of 867 labelled fires of 24 px
and more not one is below 1.7, and the median is 10."""

COLOURED: Final = 100
"""Saturation, of 255, from which a pixel has a hue that noise doesn't make."""

LIT: Final = 50
"""Value, of 255, from which a pixel's hue can be told."""

CORE: Final = 225
"""Red and value of a flame's burnt-out core; cloth that is lit so brightly has no hue left."""

Region = tuple[float, float, float, float]
"""x0 y0 x1 y1, as shares of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """The picture in and around one box, small."""

    pixels: UInt8[np.ndarray, "24 24 3"]
    """BGR, resampled."""
    region: Region
    """What it shows: the box, grown, as shares of the picture."""
    size_px: tuple[int, int]
    """Width and height that it had in the picture."""


def patch(pixels: Pixels, box_xyxy: Float32[np.ndarray, "4"]) -> Patch | None:
    """Return a box's picture; ``None`` for a box too small to have one. Shares of the picture."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = (float(one) for one in box_xyxy)
    if not (x1 - x0) * width >= SMALLEST_PX or not (y1 - y0) * height >= SMALLEST_PX:
        return None
    aside, above = (x1 - x0) * MARGIN, (y1 - y0) * MARGIN
    left, right = (int(np.clip(round(x * width), 0, width)) for x in (x0 - aside, x1 + aside))
    top, bottom = (int(np.clip(round(y * height), 0, height)) for y in (y0 - above, y1 + above))
    if right - left < SMALLEST_PX or bottom - top < SMALLEST_PX:
        return None
    shrinks = right - left > SIDE_PX and bottom - top > SIDE_PX
    small = cv2.resize(
        pixels[top:bottom, left:right],
        (SIDE_PX, SIDE_PX),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    return Patch(
        pixels=np.asarray(small),
        region=(left / width, top / height, right / width, bottom / height),
        size_px=(right - left, bottom - top),
    )


def restlessness(patches: Sequence[Patch]) -> float | None:
    """Return how much brightness and edges change from picture to picture: 0 a lamp, 1 flames.

    The median of neighbouring pairs, each over what both show, so that a detector's trembling
    box doesn't count. ``None`` if nothing can be told: one picture, one held by a codec, or boxes
    too far apart.
    """
    changes = [_change(one, other) for one, other in pairwise(patches)]
    told = [change for change in changes if change is not None]
    return float(np.median(told)) if told else None


def is_cloth(patches: Sequence[Patch]) -> bool:
    """Say whether most show one saturated hue without a bright core: a flag, a tarpaulin, a sign.

    A flame runs from red to yellow and burns out in its midst.
    """
    return _most([_is_one_hue(one) for one in patches])


def is_glow(patches: Sequence[Patch]) -> bool:
    """Say whether most are large and smooth, without an edge: a sunset, a lit sky, a lens flare."""
    return _most([_is_smooth(one) for one in patches])


def _most(votes: Sequence[bool]) -> bool:
    return 2 * sum(votes) > len(votes)


def _change(one: Patch, other: Patch) -> float | None:
    """Return the change between two patches where they overlap, as a share of a flame's."""
    shared = (
        max(one.region[0], other.region[0]),
        max(one.region[1], other.region[1]),
        min(one.region[2], other.region[2]),
        min(one.region[3], other.region[3]),
    )
    least = LEAST_SHARED * max(_area(one.region), _area(other.region))
    if shared[2] <= shared[0] or shared[3] <= shared[1] or _area(shared) < least:
        return None
    apart = _brightness(other, shared) - _brightness(one, shared)
    size = np.abs(apart)
    if float(size.mean()) < SAME_LEVELS:
        return None
    beyond = np.clip(size - NOISE_LEVELS, 0.0, None)
    return min(float(beyond.mean()) / RESTLESS_LEVELS, 1.0)


def _brightness(of: Patch, shared: Region) -> Float32[np.ndarray, "24 24"]:
    """Return how bright a part of what a patch shows is."""
    x0, y0, x1, y1 = of.region
    across, down = SIDE_PX / (x1 - x0), SIDE_PX / (y1 - y0)
    step_x, step_y = (shared[2] - shared[0]) / SIDE_PX, (shared[3] - shared[1]) / SIDE_PX
    first_x = (shared[0] - x0 + step_x / 2) * across - 0.5
    first_y = (shared[1] - y0 + step_y / 2) * down - 0.5
    matrix = np.array([[step_x * across, 0, first_x], [0, step_y * down, first_y]], np.float32)
    warm = _warm(of)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    side = (SIDE_PX, SIDE_PX)
    return np.asarray(
        cv2.warpAffine(warm, matrix, side, flags=how, borderMode=cv2.BORDER_REPLICATE)
    )


def _warm(of: Patch) -> Float32[np.ndarray, "24 24"]:
    """Return the mean of red and green, smoothed a little: noise goes, flames stay."""
    return np.asarray(cv2.blur(of.pixels[:, :, 1:].astype(np.float32).mean(axis=2), (3, 3)))


def _area(region: Region) -> float:
    return (region[2] - region[0]) * (region[3] - region[1])


def _is_one_hue(of: Patch) -> bool:
    edge = round(SIDE_PX * MARGIN / (1 + 2 * MARGIN))
    inside = of.pixels[edge:-edge, edge:-edge]
    hsv = cv2.cvtColor(inside, cv2.COLOR_BGR2HSV).reshape(-1, 3)
    if float((inside[:, :, 2].reshape(-1) >= CORE).mean()) > 0.01:
        return False
    coloured = (hsv[:, 1] >= COLOURED) & (hsv[:, 2] >= LIT)
    if float(coloured.mean()) < 0.4:  # the rest is what stands around it
        return False
    angle = hsv[coloured, 0].astype(np.float32) * np.float32(np.pi / 90)
    # The length of the mean direction: a spread of 3.6 degrees. Of labelled fires' boxes
    # 0.4 to 5 of 100 are of so few hues, by set: so it is never more than a doubt.
    return float(np.hypot(np.cos(angle).mean(), np.sin(angle).mean())) > 0.998


def _is_smooth(of: Patch) -> bool:
    if min(of.size_px) < STRUCTURED_PX:
        return False
    warm = _warm(of)
    bends = np.abs(cv2.Laplacian(warm, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE))
    return float(bends[2:-2, 2:-2].mean()) < GLOW_LEVELS
