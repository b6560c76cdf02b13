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

VOID_S = 300.0
"""How long a place where somebody was is void: whoever put down a stall or a tent is back by then,
and what a person leaves lying is not what fell."""

SURE_SCORE = 0.2
"""From this score on one look is enough. Below, one look in twenty takes something else, such as a
tumbling rock, for a person: it voids the place for ``DOUBT_S`` alone, unless it comes again."""

DOUBT_S = 60.0
"""How long one doubtful look voids a place."""

AGAIN_S = 4.0
"""A doubtful region is there again after this long: later than what passes or tumbles."""

VOID_SHARE = 0.25
"""Places grow by this share of a sure region's sides to each side: what lies at somebody's feet.
A doubtful one voids the place itself: of the rocks that the detector sees beside it, more are
rocks."""

LINGER_GAP_S = 15.0
"""Who lingers is seen again within this time: the masker misses one that sits for some looks."""

LINGERED_S = 60.0
"""For so long after he was last seen, a place is one where somebody lingered."""

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

_Grid = Bool[np.ndarray, "36 64"]


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

    def _cells(self, frame_index: int, vehicles: Boxes) -> tuple[_Grid, _Grid]:
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


@final
class MaskMemory:
    """Where people were at one camera in the last minutes: opaque, to void what lies there."""

    __slots__ = (
        "__came_s",
        "__first_s",
        "__lingered_s",
        "__seen_s",
        "__sure_until_s",
        "__until_s",
    )

    def __init__(self) -> None:
        self.__came_s = np.full(MEMORY_GRID, -np.inf)
        self.__first_s = np.full(MEMORY_GRID, -np.inf)
        self.__lingered_s = np.full(MEMORY_GRID, -np.inf)
        self.__seen_s = np.full(MEMORY_GRID, -np.inf)
        self.__sure_until_s = -np.inf
        self.__until_s = np.full(MEMORY_GRID, -np.inf)

    def __repr__(self) -> str:
        return "MaskMemory(...)"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("where people were stays in the worker's memory: it can't be pickled")

    def remember(
        self, regions: MaskRegions, frame_index: int, at_s: float, vehicles: Boxes = NO_BOXES
    ) -> None:
        """Take in where people are in one picture of a batch, at a second of any clock.

        Doubtful ones within ``vehicles`` are left out: a driver voids no road.
        """
        every, sure = regions._cells(frame_index, vehicles)  # noqa: SLF001
        # A clock that was set back must not void a place for as long as it was set.
        np.minimum(self.__until_s, at_s + VOID_S, out=self.__until_s)
        self.__sure_until_s = min(self.__sure_until_s, at_s + VOID_S)
        if sure.any():
            self.__sure_until_s = at_s + VOID_S
        begins = every & (self.__until_s <= at_s)
        self.__first_s[begins | (self.__first_s > at_s)] = at_s
        again = every & (at_s - self.__first_s >= AGAIN_S)
        self.__until_s[every] = np.maximum(self.__until_s[every], at_s + DOUBT_S)
        self.__until_s[sure | again] = at_s + VOID_S
        stays = np.abs(at_s - self.__seen_s) <= LINGER_GAP_S
        self.__came_s[every & ~(stays & (self.__came_s <= at_s))] = at_s
        self.__seen_s[every] = at_s
        self.__lingered_s[every & (at_s - self.__came_s >= AGAIN_S)] = at_s

    def voided(self, xyxy: Boxes, at_s: float) -> Float32[np.ndarray, "n"]:
        """Return which share of each box is a place where somebody was in the last minutes."""
        return _share(self.__until_s > at_s, xyxy)

    def voided_about(self, xyxy: Boxes, about: Boxes, at_s: float) -> Float32[np.ndarray, "n"]:
        """Return likewise of what is about each box, if anybody was surely seen in the picture.

        Where nobody was, doubtful regions are of something else: they void no more than they cover.
        """
        return self.voided(about if self.__sure_until_s > at_s else xyxy, at_s)

    def seen_lately(self, xyxy: Boxes, at_s: float) -> Float32[np.ndarray, "n"]:
        """Return which share of each box is a place where somebody was just now."""
        return _share(np.abs(at_s - self.__seen_s) <= LINGER_GAP_S, xyxy)

    def lingered(self, xyxy: Boxes, at_s: float) -> Float32[np.ndarray, "n"]:
        """Return which share of each box is a place where somebody stayed, until lately."""
        return _share(np.abs(at_s - self.__lingered_s) <= LINGERED_S, xyxy)


def _share(void: _Grid, xyxy: Boxes) -> Float32[np.ndarray, "n"]:
    """Return which share of each box's cells is void."""
    rows, columns = MEMORY_GRID
    size = np.array([columns, rows] * 2, np.float32)
    cells = (xyxy * size).clip(0)
    low = np.floor(cells[:, :2]).astype(int)
    high = np.ceil(cells[:, 2:]).astype(int)
    places = (void[y0:y1, x0:x1] for (x0, y0), (x1, y1) in zip(low, high, strict=True))
    return np.array([place.mean() if place.size else 0.0 for place in places], np.float32)


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
    return regions._filled(pixels, frame_index, colour)  # noqa: SLF001


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
