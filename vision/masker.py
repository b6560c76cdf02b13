"""Where people are, for one purpose: to be covered, and to void what they were mistaken for.

``MaskRegions`` is opaque. It has no public field, no length, no order, no text and can't be
pickled; this module alone reads it. So nothing can count, log, send or store people.
"""

from typing import NoReturn, final

import numpy as np
from jaxtyping import Bool, Float32, Int64

from vision.arrays import Boxes, Detections
from vision.suppression import area, overlap

PINNED_SHA256 = "76eabcbd9f65dd46e77ce3b7f7e16583a123a77991d8bbc3ee53bf13e06251aa"
"""The product's own masker weights. Other weights may add nothing here and replace nothing."""

COVERED_SHARE = 0.5
"""A box is mostly a person when more than this share of it lies in person regions."""

PADDING_SHARE = 0.1
"""Regions grow by this share of their sides before they are compared: detectors cut off limbs."""


@final
class MaskRegions:
    """Person regions of a batch, for ``mostly_covered`` only."""

    __slots__ = ("__frame_index", "__xyxy")

    def __init__(self, frame_index: Int64[np.ndarray, "p"], xyxy: Float32[np.ndarray, "p 4"]):
        self.__frame_index = frame_index
        self.__xyxy = xyxy

    def __repr__(self) -> str:
        return "MaskRegions(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("mask regions stay in the worker's memory: they can't be pickled")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        self.__reduce__()

    def _covered(
        self, frame_index: Int64[np.ndarray, "n"], xyxy: Boxes
    ) -> Float32[np.ndarray, "n"]:
        sides = self.__xyxy[:, 2:] - self.__xyxy[:, :2]
        pad = np.concatenate([-sides, sides], axis=1) * np.float32(PADDING_SHARE / 2)
        common = overlap(xyxy, self.__xyxy + pad)
        common[frame_index[:, None] != self.__frame_index[None, :]] = 0.0
        # The largest region alone: adding overlapping ones would count their common part twice.
        largest: Float32[np.ndarray, "n"] = common.max(axis=1, initial=0.0)
        shares: Float32[np.ndarray, "n"] = largest / np.maximum(area(xyxy), np.float32(1e-12))
        return shares


def mostly_covered(detections: Detections, regions: MaskRegions) -> Bool[np.ndarray, "n"]:
    """Mark the detections that are mostly a person."""
    return (
        regions._covered(detections.frame_index, detections.xyxy)  # noqa: SLF001
        > COVERED_SHARE
    )
