"""The open sea around China, coarsely: where no public place is, so no camera either.

Drawn by hand, at least 20 km off every coast and every island that people live on, so that no
bridge, port or fishing village is refused; near the shore a slip therefore goes unnoticed. Shoals
and islands are left out with as much room, whoever holds them: this is about slips, not borders.
"""

from collections.abc import Sequence
from typing import Final

Point = tuple[float, float]
"""Longitude and latitude, WGS-84."""

OPEN_SEA: Final[dict[str, tuple[Point, ...]]] = {
    "bohai": (
        (119.3, 38.5), (120.1, 38.5), (120.3, 39.0), (120.8, 39.4), (120.9, 39.8),
        (120.6, 39.7), (119.9, 39.1), (119.4, 38.9),
    ),
    "yellow": (
        (122.6, 38.3), (123.4, 38.6), (124.0, 38.4), (124.0, 37.5), (124.4, 36.9),
        (124.9, 36.5), (124.9, 35.6), (124.3, 35.0), (124.3, 34.0), (124.8, 33.4),
        (124.7, 32.0), (122.8, 32.0), (122.6, 32.6), (122.4, 33.2), (122.4, 34.0),
        (122.0, 34.6), (121.2, 34.9), (121.6, 35.4), (122.2, 35.9), (123.0, 36.4),
        (123.5, 37.0), (123.6, 37.5), (123.0, 37.9),
    ),
    "east_china": (
        (123.3, 31.9), (124.6, 31.6), (126.5, 31.0), (127.0, 29.5), (126.5, 28.5),
        (125.5, 27.3), (124.0, 27.0), (122.5, 26.7), (121.4, 26.5), (121.6, 27.0),
        (122.2, 27.7), (122.6, 28.3), (123.1, 28.9), (123.2, 29.8), (123.4, 30.3),
        (123.5, 30.9),
    ),
    "pacific": (
        (122.1, 23.4), (125.5, 23.6), (125.5, 18.5), (123.2, 18.5), (123.0, 20.8),
        (122.4, 21.6), (122.1, 22.6),
    ),
    "south_china": (
        (112.0, 20.7), (113.4, 21.2), (115.5, 21.9), (116.2, 22.1), (116.2, 20.2),
        (117.3, 20.2), (117.3, 22.3), (119.4, 22.2), (120.6, 21.0), (120.5, 19.2),
        (119.6, 18.2), (119.0, 16.4), (118.4, 15.8), (113.4, 15.8), (113.4, 17.6), (111.5, 17.7),
        (110.6, 17.8), (111.3, 18.6), (111.6, 19.4),
    ),
    "southern_south_china": (
        (110.6, 15.0), (117.0, 14.6), (117.5, 12.8), (115.0, 12.2), (112.5, 12.0),
        (110.6, 12.0),
    ),
    "beibu": (
        (106.7, 19.6), (108.1, 19.6), (108.1, 18.9), (107.6, 18.3), (106.9, 18.9),
    ),
}  # fmt: skip
"""Corners in order, by the sea's code."""

NAMES: Final = {
    "bohai": "the Bohai Sea",
    "yellow": "the Yellow Sea",
    "east_china": "the East China Sea",
    "pacific": "the Pacific east of Taiwan",
    "south_china": "the South China Sea",
    "southern_south_china": "the southern South China Sea",
    "beibu": "the Beibu Gulf",
}
"""What each is called in English."""


def sea_at(longitude: float, latitude: float) -> str | None:
    """Return the code of the sea in whose open part a WGS-84 position lies, if it lies in one."""
    for name, corners in OPEN_SEA.items():
        if _inside(corners, longitude, latitude):
            return name
    return None


def _inside(corners: Sequence[Point], x: float, y: float) -> bool:
    inside = False
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
    return inside
