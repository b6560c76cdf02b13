"""Known pictures that the masker answers at every start: who can't see people watches nothing.

A processor that computes wrongly, or a runtime that does, shows here and not in an incident. The
pictures are drawn by ``models.training.known``; nobody is in them.
"""

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from models.packs import PackError
from vision.arrays import BatchPixels
from vision.detector import Detector, DetectorError
from vision.letterbox import fit
from vision.masker import covered

PICTURES: Final = Path(__file__).parent / "hazard_nano" / "known.npz"

FILL: Final = (255, 0, 255)
"""No drawn street has it."""

LEAST_COVERED: Final = 0.6
"""Of each drawn person's box: the pinned weights cover 80 % and more of every one."""

MOST_COVERED: Final = 0.1
"""Of the street without anybody: who covers everything sees nobody."""


class KnownAnswersError(PackError):
    """The masker doesn't answer its known pictures."""

    code = "known_answers"


def require_known_answers(masker: Detector) -> None:
    """Raise ``KnownAnswersError`` unless the masker covers the people in its known pictures."""
    pictures, boxes, rows = _known()
    height_px, width_px = pictures.shape[1:3]
    letterbox = fit((width_px, height_px), *masker.input_size_px)
    for row in range(len(pictures)):
        try:
            _, regions = masker(pictures[row : row + 1], [letterbox])
        except DetectorError as error:
            raise KnownAnswersError(f"the masker: {error}") from error
        if regions is None:
            raise KnownAnswersError("only the pinned weights may say where people are")
        filled = (covered(pictures[row], regions, 0, FILL) == FILL).all(axis=-1)
        shares = [_share(filled, box) for box in boxes[rows == row]]
        if min(shares, default=1.0) < LEAST_COVERED or (
            not shares and filled.mean() > MOST_COVERED
        ):
            raise KnownAnswersError(
                f"the masker doesn't cover what it should in known picture {row}: install the "
                "product again; if that doesn't help, this machine computes wrongly"
            )


def _share(filled: np.ndarray, box: np.ndarray) -> float:
    height_px, width_px = filled.shape
    x0, y0, x1, y1 = (box * [width_px, height_px, width_px, height_px]).round().astype(int)
    return float(filled[y0:y1, x0:x1].mean())


@cache
def _known() -> tuple[BatchPixels, np.ndarray, np.ndarray]:
    """Return pictures, boxes of drawn people (0-1) and the picture of each box."""
    try:
        with np.load(PICTURES, allow_pickle=False) as file:
            return file["pictures"], file["boxes"], file["rows"]
    except (OSError, ValueError, KeyError) as error:
        raise KnownAnswersError(f"{PICTURES}: {error}: install the product again") from error
