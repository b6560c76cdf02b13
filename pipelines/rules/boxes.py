"""Boxes compared: sizes, overlaps, whether two may show one thing."""

from datetime import datetime
from typing import Final

from pipelines.messages import BoxShares

REACH: Final = 0.75
"""Centres nearer than this, in sides of the larger box, are one place: boxes of one fire tremble
by half their side, lights that pass move by several."""

ALIKE_AREAS: Final = 6.0
"""Boxes of areas farther apart are two things, so that a plume in front of fog is a new one."""


def near(one: BoxShares, other: BoxShares) -> bool:
    """Say whether two boxes may show one thing."""
    areas = sorted((size(one), size(other)))
    if areas[1] > ALIKE_AREAS * areas[0]:
        return False
    return all(
        abs(one[low] + one[low + 2] - other[low] - other[low + 2]) / 2
        <= REACH * max(one[low + 2] - one[low], other[low + 2] - other[low])
        for low in (0, 1)
    )


def size(box: BoxShares) -> float:
    """Return a box's share of the picture."""
    return max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)


def shared(one: BoxShares, other: BoxShares) -> float:
    """Return the area that two boxes share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(tall, 0.0)


def covered(one: BoxShares, other: BoxShares) -> float:
    """Return how much of the first the second covers."""
    return shared(one, other) / size(one) if size(one) else 0.0


def overlap(one: BoxShares, other: BoxShares) -> float:
    """Return the intersection over the union."""
    both = shared(one, other)
    return both / (size(one) + size(other) - both) if both else 0.0


def seconds(then: datetime, now: datetime) -> float:
    """Return how long ago something was; a clock that went back says: just now."""
    return max((now - then).total_seconds(), 0.0)
