"""Where people were in the last minutes, to void what lies there: as opaque as the regions."""

from typing import NoReturn, final

import numpy as np
from jaxtyping import Float32

from vision.arrays import Boxes
from vision.masker import MEMORY_GRID, NO_BOXES, Grid, MaskRegions

VOID_S = 300.0
"""How long a place where somebody was is void: whoever put down a stall or a tent is back by then,
and what a person leaves lying is not what fell."""

DOUBT_S = 60.0
"""How long one doubtful look voids a place."""

AGAIN_S = 4.0
"""A doubtful region is there again after this long: later than what passes or tumbles."""

LINGER_GAP_S = 15.0
"""Who lingers is seen again within this time: the masker misses one that sits for some looks."""

LINGERED_S = 60.0
"""For so long after he was last seen, a place is one where somebody lingered."""


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


def _share(void: Grid, xyxy: Boxes) -> Float32[np.ndarray, "n"]:
    """Return which share of each box's cells is void."""
    rows, columns = MEMORY_GRID
    size = np.array([columns, rows] * 2, np.float32)
    cells = (xyxy * size).clip(0)
    low = np.floor(cells[:, :2]).astype(int)
    high = np.ceil(cells[:, 2:]).astype(int)
    places = (void[y0:y1, x0:x1] for (x0, y0), (x1, y1) in zip(low, high, strict=True))
    return np.array([place.mean() if place.size else 0.0 for place in places], np.float32)
