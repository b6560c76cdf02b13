"""Corners that make no zone: they go round more than once, or meet themselves on the way."""

from math import cos, pi, sin
from typing import Final

Corners = list[tuple[float, float]]

_SQUARE: Final[Corners] = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]


def _ring(corners: int, rounds: int) -> Corners:
    turns = [2 * pi * rounds * place / corners for place in range(corners)]
    return [(0.5 + 0.3 * cos(turn), 0.5 + 0.3 * sin(turn)) for turn in turns]


LOOPS: Final[dict[str, Corners]] = {
    "traced twice": _SQUARE * 2,
    "traced three times": _SQUARE * 3,
    "traced there and back": _SQUARE + _SQUARE[::-1],
    "a ring traced twice": _ring(64, 2),
    "a pentagram": _ring(5, 2),
    "a second loop inside": [*_SQUARE, (0.2, 0.2), (0.7, 0.2), (0.7, 0.7), (0.2, 0.7)],
    "a second loop inside, apart": [*_SQUARE, (0.2, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)],
    "a bow": [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)],
    "a bow through a corner": [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.5, 0.5), (0.0, 1.0)],
    "two parts with a corner in common": [
        (0.0, 0.0), (0.5, 0.5), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5), (0.0, 1.0),
    ],
    "a corner on a side": [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.5, 0.2), (0.2, 0.8)],
    "a spike": [*_SQUARE, (0.2, 0.2), (0.9, 0.9)],
    "a spike along a side": [(0.2, 0.2), (0.9, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)],
    "a hole cut in by way of a bridge": [
        *_SQUARE, (0.2, 0.2), (0.4, 0.4), (0.4, 0.6), (0.6, 0.6), (0.6, 0.4), (0.4, 0.4),
    ],
    "sides that lie on each other": [
        (0.2, 0.2), (0.8, 0.2), (0.8, 0.5), (0.2, 0.5), (0.2, 0.8), (0.8, 0.8), (0.8, 0.2),
        (0.9, 0.2), (0.9, 0.9), (0.1, 0.9), (0.1, 0.2),
    ],
    "a line": [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)],
    "two corners again and again": [(0.1, 0.1), (0.9, 0.2)] * 3,
    "traced twice, the second time by less than can be seen": [
        *_SQUARE, *((x + 1e-7, y + 1e-7) for x, y in _SQUARE),
    ],
}  # fmt: skip
"""By what is wrong with them. None may be taken for a zone, in any order or place to begin."""
