"""Where people are, for one purpose: to be covered, and to void what they were mistaken for.

``MaskRegions`` is opaque. It has no public field, no length, no order, no text and can't be
pickled; this module alone reads it. So nothing can count, log, send or store people.
"""

from collections.abc import Iterable
from typing import NoReturn, final

import numpy as np
from jaxtyping import Bool, Float32, Int64

from vision.arrays import Boxes, Detections, Pixels
from vision.decoders import DecoderName
from vision.hazards import Hazard
from vision.roles import Label, Role

PINNED_LABELS = (
    (Role.HAZARD, Hazard.FIRE),
    (Role.HAZARD, Hazard.SMOKE),
    (Role.HAZARD, Hazard.DEBRIS),
    (Role.VEHICLE, None),
    (Role.VEHICLE, None),
    (Role.VEHICLE, None),
    (Role.VEHICLE, None),
    (Role.MASK, None),
)
"""What the columns of the pinned weights mean. No pack.toml can give them another meaning."""

PERSON_THRESHOLD = 0.02
"""Low: a region too many costs a look, a person missed may become a hazard."""

PINNED_SHA256 = "43348ebc7391854da359ee74b3529365000f892a830eef74e410d2374df98bad"
"""The product's own masker weights. Other weights may add nothing here and replace nothing."""

PINNED_DECODER = DecoderName.YOLOX
"""How the pinned weights are read. No pack.toml can have them read otherwise."""

COVERED_SHARE = 0.5
"""A box is mostly a person when more than this share of it lies in person regions."""

SAMPLES = 16
"""A box is looked at on a grid of this many points a side: a group covers what no one does."""

PADDING_SHARE = 0.1
"""Regions grow by this share of their sides before they are compared: detectors cut off limbs."""

FILL_SHARE = 0.1
"""Regions grow by this share of their sides to each side, and by two pixels, before they are
filled: no limb stays, nothing shines through where a picture is then shrunk or compressed."""


@final
class MaskRegions:
    """Person regions of a batch, to be compared and covered in this module only."""

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

    def _moved(
        self, pictures: Int64[np.ndarray, "m"]
    ) -> tuple[Int64[np.ndarray, "p"], Float32[np.ndarray, "p 4"]]:
        return pictures[self.__frame_index], self.__xyxy

    def _covered(
        self, frame_index: Int64[np.ndarray, "n"], xyxy: Boxes
    ) -> Float32[np.ndarray, "n"]:
        """Return the share of each box that lies in the union of its picture's regions."""
        sides = self.__xyxy[:, 2:] - self.__xyxy[:, :2]
        pad = np.concatenate([-sides, sides], axis=1) * np.float32(PADDING_SHARE / 2)
        regions = self.__xyxy + pad
        shares = np.zeros(len(xyxy), np.float32)
        for row, box in enumerate(xyxy):
            near = regions[self.__frame_index == frame_index[row]][:, None, :]
            points = _grid(box)
            inside = (points >= near[..., :2]) & (points <= near[..., 2:])
            shares[row] = inside.all(axis=-1).any(axis=0).mean()
        return shares

    def _filled(self, pixels: Pixels, frame_index: int, colour: tuple[int, int, int]) -> Pixels:
        """Return a copy of one picture with its regions in one colour."""
        height_px, width_px = pixels.shape[:2]
        boxes = self.__xyxy[self.__frame_index == frame_index]
        boxes = boxes * np.array([width_px, height_px] * 2, np.float32)
        grown_px = (boxes[:, 2:] - boxes[:, :2]) * FILL_SHARE + 2
        low = np.floor(boxes[:, :2] - grown_px).clip(0).astype(int)
        high = np.ceil(boxes[:, 2:] + grown_px).clip(0).astype(int)
        result = pixels.copy()
        for (x0, y0), (x1, y1) in zip(low, high, strict=True):
            result[y0:y1, x0:x1] = colour
        return result


def _grid(box: Float32[np.ndarray, "4"]) -> Float32[np.ndarray, "1 s 2"]:
    steps = (np.arange(SAMPLES, dtype=np.float32) + 0.5) / SAMPLES
    across, down = np.meshgrid(steps, steps)
    unit = np.stack([across.ravel(), down.ravel()], axis=-1)[None]
    points: Float32[np.ndarray, "1 s 2"] = box[:2] + unit * (box[2:] - box[:2])
    return points


def mostly_covered(detections: Detections, regions: MaskRegions) -> Bool[np.ndarray, "n"]:
    """Mark the detections that are mostly a person."""
    return (
        regions._covered(detections.frame_index, detections.xyxy)  # noqa: SLF001
        > COVERED_SHARE
    )


def covered(
    pixels: Pixels, regions: MaskRegions, frame_index: int, colour: tuple[int, int, int]
) -> Pixels:
    """Return a copy of one picture of the batch with its regions filled, and nothing else.

    Any size of the picture will do: regions are shares of it. ``colour`` is BGR. They are filled
    grown, so what is covered says where somebody may be, not how many or what shape.
    """
    return regions._filled(pixels, frame_index, colour)  # noqa: SLF001


def joined(parts: Iterable[tuple[MaskRegions, Int64[np.ndarray, "_"]]]) -> MaskRegions:
    """Return the regions of several passes as one batch's.

    Beside each pass's regions stand the numbers that its pictures have in the batch.
    """
    frame_indices, boxes = [np.zeros(0, np.int64)], [np.zeros((0, 4), np.float32)]
    for regions, pictures in parts:
        frame_index, xyxy = regions._moved(pictures)  # noqa: SLF001
        frame_indices.append(frame_index)
        boxes.append(xyxy)
    return MaskRegions(np.concatenate(frame_indices), np.concatenate(boxes))


def is_pinned(sha256: str, labels: tuple[Label, ...]) -> bool:
    """Say whether weights are the product's own masker's.

    Raises ``ValueError`` where they are, but a pack gives their columns another meaning.
    """
    if sha256 != PINNED_SHA256:
        return False
    if tuple((label.role, label.hazard) for label in labels) != PINNED_LABELS:
        raise ValueError(
            "these are the product's own weights, whose labels can't be given another meaning"
        )
    return True
