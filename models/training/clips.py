"""How the pack does on clips: first look, share of looks, and what persists.

A look is one frame a second. A hazard persists where three of five looks in a row show it, which
is what the product's rules ask for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

LOOKS = 5
NEEDED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFigures:
    """One hazard in one clip."""

    clip: str
    """File name."""
    hazard: str
    """Label of the pack."""
    looks: int
    """Frames looked at."""
    hits: int
    """Looks with the hazard above its threshold."""
    first_hit: int | None
    """Number of the first such look, from 1."""
    persists: bool
    """Whether three of five looks in a row had it."""


def looks(path: Path) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Yield the first frame of every second of a clip."""
    capture = cv2.VideoCapture(str(path))
    rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
    number = due = 0
    while capture.grab():
        if number >= due:
            yield capture.retrieve()[1]
            due += rate
        number += 1
    capture.release()


def figures(clip: str, hazard: str, hits: Bool[np.ndarray, "n"]) -> ClipFigures:
    """Sum up one hazard's looks."""
    return ClipFigures(
        clip=clip,
        hazard=hazard,
        looks=len(hits),
        hits=int(hits.sum()),
        first_hit=int(hits.argmax()) + 1 if hits.any() else None,
        persists=persistent(hits),
    )


def persistent(hits: Bool[np.ndarray, "n"]) -> bool:
    """Say whether any five looks in a row hold three hits."""
    if len(hits) < NEEDED:
        return False
    counts = np.convolve(hits.astype(int), np.ones(LOOKS, int))
    return bool(counts.max() >= NEEDED)
