"""Non-maximum suppression over a whole batch at once."""

import numpy as np
from jaxtyping import Bool, Float32, Int64

from vision.arrays import Boxes

INSIDE_SHARE = 0.7
"""Of the smaller of two boxes of one hazard: so much in common, and they are one."""


def overlap(a: Boxes, b: Float32[np.ndarray, "m 4"]) -> Float32[np.ndarray, "n m"]:
    """Return the intersection area of every pair, in the boxes' unit squared."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = np.clip(high - low, 0.0, None)
    common: Float32[np.ndarray, "n m"] = sides[..., 0] * sides[..., 1]
    return common


def area(boxes: Boxes) -> Float32[np.ndarray, "n"]:
    """Return each box's area; 0 for a box turned inside out."""
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None)
    areas: Float32[np.ndarray, "n"] = sides[:, 0] * sides[:, 1]
    return areas


def suppress(
    xyxy: Boxes,
    score: Float32[np.ndarray, "n"],
    group: Int64[np.ndarray, "n"],
    iou_limit: float,
    in_parts: Bool[np.ndarray, "n"] | None = None,
) -> Bool[np.ndarray, "n"]:
    """Mark the boxes that no better box of the same group covers.

    Greedy by score, as everyone's; boxes of different groups (a picture and a label) never
    meet, so one pass serves the batch. Ties go to the earlier row. Of what comes ``in_parts`` the
    worse box goes also where one lies in the other by ``INSIDE_SHARE``: a fire and its brightest
    part are one fire, a heap of rocks is one; a car before a bus is two vehicles.
    """
    order = np.argsort(-score, kind="stable")
    boxes, groups, areas = xyxy[order], group[order], area(xyxy)[order]
    inside = np.full(len(order), 2.0, np.float32)  # a share above 1 is never reached
    if in_parts is not None:
        inside[in_parts[order]] = INSIDE_SHARE
    alive = np.ones(len(order), bool)
    keep = np.zeros(len(order), bool)
    for row in range(len(order)):
        if not alive[row]:
            continue
        keep[order[row]] = True
        rest = slice(row + 1, None)
        common = overlap(boxes[row : row + 1], boxes[rest])[0]
        union = areas[row] + areas[rest] - common
        covered = common > iou_limit * np.maximum(union, np.float32(1e-12))
        covered |= common > inside[rest] * np.minimum(areas[row], areas[rest])
        alive[rest] &= ~(covered & (groups[rest] == groups[row]))
    return keep
