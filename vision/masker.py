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

SURE_SCORE = 0.2
"""From this score on one look is enough. Below, one look in twenty takes something else, such as a
tumbling rock, for a person: it voids the place for ``DOUBT_S`` alone, unless it comes again."""

COVERING_PERSON = 0.0075
"""From this score on somebody is covered in the part of evidence that stays sharp. Lower than what
rules go by: a picture is made once an alert, and a region too many costs a piece of it. Of 648
labelled people of 32 px and more on ``road`` (81 of them unseen) one look at all of the picture
fills 93 % by nine tenths, with a second one at the hazard's surroundings at 0.02 98.9 %, at this
99.4 %, at 0.005 99.7 % and a fifth more of all flames."""

COVERING_VEHICLE = 0.01
"""From this score on a vehicle is made coarse there; a box too many costs no more than that. Of 369
labelled ones of 48 px and more, unseen, on three sets 98 % are covered by more than half; at 0.05
96 %."""

VOID_SHARE = 0.25
"""Places grow by this share of a sure region's sides to each side: what lies at somebody's feet.
A doubtful one voids the place itself: of the rocks that the detector sees beside it, more are
rocks."""

ABOARD_SHARE = 0.15
"""Of a vehicle's box, that those within it may cover: more is a group that is taken for one."""

ABOVE_SHARE = 0.2
"""Who ends above a vehicle's foot by this share of its height sits in it, or stands behind it."""

CUT_OFF = 0.99
"""A vehicle that ends below this share of the picture's height has its foot outside."""

MEMORY_GRID = (36, 64)
"""Rows and columns of a camera's memory of where people were: too coarse to tell who or how many.
A cell is 8 px of the network's input, half of the smallest thing it finds."""

NO_BOXES: Boxes = np.zeros((0, 4), np.float32)
"""Where nobody says what drives."""

COINCIDES_IOU = 0.4
"""Overlap with a light from which on a doubtful region is the light, not who stands by it."""

WITHIN_SHARE = 0.5
"""Likewise where more of it lies within a light: flames are taken for people part by part."""

DOUBTFUL_SHARE = 0.4
"""Of a picture, that a doubtful region covers at most: whoever stands so near is seen for sure.
Flames and smoke near a camera make larger ones, which would hide all of them."""

Grid = Bool[np.ndarray, "36 64"]
"""Cells of a picture."""

_Mask = Bool[np.ndarray, "h w"]


@final
class MaskRegions:
    """Person regions of a batch, to be compared and covered in this module only."""

    __slots__ = ("__frame_index", "__score", "__xyxy")

    def __init__(
        self,
        frame_index: Int64[np.ndarray, "p"],
        xyxy: Float32[np.ndarray, "p 4"],
        score: Float32[np.ndarray, "p"] | None = None,
    ):
        """Without a ``score`` every region is a sure one."""
        self.__frame_index = frame_index
        self.__xyxy = xyxy
        self.__score = np.ones(len(xyxy), np.float32) if score is None else score

    def __repr__(self) -> str:
        return "MaskRegions(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("mask regions stay in the worker's memory: they can't be pickled")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        self.__reduce__()

    def _moved(
        self, pictures: Int64[np.ndarray, "m"]
    ) -> tuple[Int64[np.ndarray, "p"], Float32[np.ndarray, "p 4"], Float32[np.ndarray, "p"]]:
        return pictures[self.__frame_index], self.__xyxy, self.__score

    def _cells(self, frame_index: int, vehicles: Boxes) -> tuple[Grid, Grid]:
        """Return which cells of ``MEMORY_GRID`` one picture's regions touch: all, and sure ones."""
        here = self.__frame_index == frame_index
        here &= (self.__score >= SURE_SCORE) | ~_on_board(self.__xyxy, vehicles)
        is_sure = self.__score[here] >= SURE_SCORE
        sides = self.__xyxy[here, 2:] - self.__xyxy[here, :2]
        rows, columns = MEMORY_GRID
        size = np.array([columns, rows], np.float32)
        # A doubtful region's cells are those that it covers to the half, and one at least.
        grown = np.where(is_sure[:, None], sides * VOID_SHARE, 0.0)
        slack = np.where(is_sure, 0.0, 0.5)[:, None]
        low = np.floor((self.__xyxy[here, :2] - grown) * size + slack).clip(0).astype(int)
        high = np.ceil((self.__xyxy[here, 2:] + grown) * size - slack).astype(int)
        high = np.maximum(high, low + 1)
        every, sure = np.zeros(MEMORY_GRID, np.bool_), np.zeros(MEMORY_GRID, np.bool_)
        for (x0, y0), (x1, y1), certain in zip(low, high, is_sure, strict=True):
            every[y0:y1, x0:x1] = True
            sure[y0:y1, x0:x1] |= certain
        return every, sure

    def _sure(self) -> "MaskRegions":
        sure = self.__score >= SURE_SCORE
        return MaskRegions(self.__frame_index[sure], self.__xyxy[sure], self.__score[sure])

    def _covered(
        self, frame_index: Int64[np.ndarray, "n"], xyxy: Boxes
    ) -> Float32[np.ndarray, "n"]:
        """Return the share of each box that lies in the union of its picture's regions."""
        sides = self.__xyxy[:, 2:] - self.__xyxy[:, :2]
        pad = np.concatenate([-sides, sides], axis=1) * np.float32(PADDING_SHARE / 2)
        regions = self.__xyxy + pad
        shares = np.zeros(len(xyxy), np.float32)
        for row, box in enumerate(xyxy):
            near = regions[self.__frame_index == frame_index[row]]
            shares[row] = _inside(_grid(box), near).mean()
        return shares

    def _fill(self, frame_index: int, where: _Mask) -> None:
        """Mark what one picture's regions fill, in a mask of any size."""
        height_px, width_px = where.shape
        boxes = self.__xyxy[self.__frame_index == frame_index]
        boxes = boxes * np.array([width_px, height_px] * 2, np.float32)
        grown_px = (boxes[:, 2:] - boxes[:, :2]) * FILL_SHARE + 2
        low = np.floor(boxes[:, :2] - grown_px).clip(0).astype(int)
        high = np.ceil(boxes[:, 2:] + grown_px).clip(0).astype(int)
        for (x0, y0), (x1, y1) in zip(low, high, strict=True):
            where[y0:y1, x0:x1] = True

    def _tallest(self, frame_index: int) -> float:
        """Return the height of one picture's tallest region, as a share of it."""
        here = self.__frame_index == frame_index
        return float((self.__xyxy[here, 3] - self.__xyxy[here, 1]).max(initial=0.0))

    def _apart(
        self, frame_index: int, lights: Float32[np.ndarray, "l 4"]
    ) -> "tuple[MaskRegions, MaskRegions]":
        """Return one picture's regions, and apart those that are likelier a light than somebody.

        Of neither are doubtful ones that are vast.
        """
        here = self.__frame_index == frame_index
        low = np.maximum(self.__xyxy[:, None, :2], lights[:, :2])
        high = np.minimum(self.__xyxy[:, None, 2:], lights[:, 2:])
        shared = (high - low).clip(0).prod(axis=-1)
        areas = [(one[:, 2:] - one[:, :2]).prod(axis=-1) for one in (self.__xyxy, lights)]
        either = areas[0][:, None] + areas[1] - shared
        is_doubtful = self.__score < SURE_SCORE
        is_within = shared > WITHIN_SHARE * areas[0][:, None]
        coincides = (shared > COINCIDES_IOU * either) | is_within
        is_light = coincides.any(axis=1) & is_doubtful
        is_vast = (areas[0] > DOUBTFUL_SHARE) & is_doubtful
        rest, apart = here & ~is_light & ~is_vast, here & is_light & ~is_vast
        return (
            MaskRegions(self.__frame_index[rest], self.__xyxy[rest], self.__score[rest]),
            MaskRegions(self.__frame_index[apart], self.__xyxy[apart], self.__score[apart]),
        )

    def _placed(self, windows: Float32[np.ndarray, "b 4"]) -> "MaskRegions":
        """Return regions of windows as shares of the pictures that these were cut from."""
        own = windows[self.__frame_index]
        sides = np.tile(own[:, 2:] - own[:, :2], 2)
        xyxy = (self.__xyxy * sides + np.tile(own[:, :2], 2)).astype(np.float32)
        return MaskRegions(self.__frame_index, xyxy, self.__score)


def _on_board(people: Boxes, vehicles: Float32[np.ndarray, "v 4"]) -> Bool[np.ndarray, "n"]:
    """Mark the regions within a vehicle that end above its foot: who drives isn't on the road."""
    centre = (people[:, None, :2] + people[:, None, 2:]) / 2
    within = ((centre >= vehicles[:, :2]) & (centre <= vehicles[:, 2:])).all(axis=-1)
    height = vehicles[:, 3] - vehicles[:, 1]
    is_above = people[:, None, 3] <= vehicles[:, 3] - ABOVE_SHARE * height
    covered = [
        _inside(_grid(vehicle), people[inside]).mean()
        for vehicle, inside in zip(vehicles, within.T, strict=True)
    ]
    is_vehicle = np.array(covered, np.float32) <= ABOARD_SHARE
    aboard = within & (is_above | (vehicles[:, 3] >= CUT_OFF)) & is_vehicle
    return np.asarray(aboard.any(axis=1))


def _grid(box: Float32[np.ndarray, "4"]) -> Float32[np.ndarray, "1 s 2"]:
    steps = (np.arange(SAMPLES, dtype=np.float32) + 0.5) / SAMPLES
    across, down = np.meshgrid(steps, steps)
    unit = np.stack([across.ravel(), down.ravel()], axis=-1)[None]
    points: Float32[np.ndarray, "1 s 2"] = box[:2] + unit * (box[2:] - box[:2])
    return points


def _inside(points: Float32[np.ndarray, "1 s 2"], boxes: Boxes) -> Bool[np.ndarray, "s"]:
    """Mark the points that lie in any of the boxes."""
    within = (points >= boxes[:, None, :2]) & (points <= boxes[:, None, 2:])
    return np.asarray(within.all(axis=-1).any(axis=0))


Part = tuple[MaskRegions, int]
"""Regions of a batch, and which of its pictures is meant."""


def mostly_covered(detections: Detections, regions: MaskRegions) -> Bool[np.ndarray, "n"]:
    """Mark the detections that are mostly a person."""
    return (
        regions._covered(detections.frame_index, detections.xyxy)  # noqa: SLF001
        > COVERED_SHARE
    )


def touched(regions: MaskRegions, frame_index: int, xyxy: Boxes) -> Bool[np.ndarray, "n"]:
    """Mark the boxes in one picture that somebody stands before, in part or whole.

    Of whom the masker is sure: a gauge is weakly taken for a person look after look.
    """
    rows = np.full(len(xyxy), frame_index, np.int64)
    return np.asarray(regions._sure()._covered(rows, xyxy) > 0)  # noqa: SLF001


def surely_covered(detections: Detections, regions: MaskRegions) -> Bool[np.ndarray, "n"]:
    """Mark the detections that are mostly a person of whom the masker is sure."""
    return mostly_covered(detections, regions._sure())  # noqa: SLF001


def covered(
    pixels: Pixels, regions: MaskRegions, frame_index: int, colour: tuple[int, int, int]
) -> Pixels:
    """Return a copy of one picture of the batch with its regions filled, and nothing else.

    Any size of the picture will do: regions are shares of it. ``colour`` is BGR. They are filled
    grown, so what is covered says where somebody may be, not how many or what shape.
    """
    result = pixels.copy()
    result[filled([(regions, frame_index)], pixels.shape[:2])] = colour
    return result


def filled(parts: Iterable[Part], size_px: tuple[int, int]) -> _Mask:
    """Mark what the regions of some pictures fill together, in a picture of (height, width)."""
    where = np.zeros(size_px, np.bool_)
    for regions, frame_index in parts:
        regions._fill(frame_index, where)  # noqa: SLF001
    return where


def tallest(parts: Iterable[Part]) -> float:
    """Return the height of the tallest region, as a share of the picture: what a mosaic needs."""
    return max((regions._tallest(index) for regions, index in parts), default=0.0)  # noqa: SLF001


def apart(part: Part, lights: Float32[np.ndarray, "l 4"]) -> tuple[Part, Part]:
    """Return one picture's regions as they are filled, and apart doubtful ones that are a light.

    ``lights`` are flames and smoke that the detector itself found: one doubtful region in twenty
    is of something else, and of those most are they. Vast doubtful ones are in neither.
    """
    regions, index = part
    rest, others = regions._apart(index, lights)  # noqa: SLF001
    return (rest, index), (others, index)


def placed(regions: MaskRegions, windows: Float32[np.ndarray, "b 4"]) -> MaskRegions:
    """Return what was found in windows as regions of the pictures that they were cut from.

    ``windows`` are shares (x0 y0 x1 y1) of these, one a picture of the batch.
    """
    return regions._placed(windows)  # noqa: SLF001


def joined(parts: Iterable[tuple[MaskRegions, Int64[np.ndarray, "_"]]]) -> MaskRegions:
    """Return the regions of several passes as one batch's.

    Beside each pass's regions stand the numbers that its pictures have in the batch.
    """
    frame_indices, boxes = [np.zeros(0, np.int64)], [np.zeros((0, 4), np.float32)]
    scores = [np.zeros(0, np.float32)]
    for regions, pictures in parts:
        frame_index, xyxy, score = regions._moved(pictures)  # noqa: SLF001
        frame_indices.append(frame_index)
        boxes.append(xyxy)
        scores.append(score)
    return MaskRegions(np.concatenate(frame_indices), np.concatenate(boxes), np.concatenate(scores))


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
