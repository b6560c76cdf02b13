"""Places at which vehicles stand again and again: bus stops, stop lines, parking bays."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32

from pipelines.messages import BoxShares
from pipelines.rules.vehicles import shares
from vision.tracks import Tracks

MOST_PLACES: Final = 64
"""Of a zone; those forgotten first where nothing stood for longest."""

LAST_STANDS: Final = 5
"""Remembered of a place: three of five make what is usual there."""

SAME_PLACE_IOU: Final = 0.4
"""Of two vehicles that stood there: one stops a metre before the other."""

FOR_EVER_S: Final = np.inf
"""How long it stood is not known: it was there before anybody looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where vehicles stood."""

    box: BoxShares
    """Of the last that stood there."""
    stands_s: tuple[float, ...]
    """How long the last ones stood, newest last."""
    last_s: float
    """When the last one was seen to have left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A vehicle that stands."""

    track_id: int
    """Whose."""
    since_s: float
    """Since when."""
    box: BoxShares
    """Where."""
    stood_s: float
    """For how long so far."""

    @property
    def key(self) -> tuple[int, float]:
        """Return what tells it from the same vehicle's next stand."""
        return self.track_id, self.since_s


def stands_of(
    tracks: Tracks, chosen: Bool[np.ndarray, "n"], is_habit: Bool[np.ndarray, "n"]
) -> tuple[Stand, ...]:
    """Return the chosen tracks as stands; how long the habitual ones stood, nobody knows."""
    return tuple(
        Stand(
            track_id=int(tracks.ids[row]),
            since_s=float(tracks.standing_since_s[row]),
            box=shares(tracks.anchor[row]),
            stood_s=FOR_EVER_S if is_habit[row] else float(tracks.stood_s[row]),
        )
        for row in np.flatnonzero(chosen)
    )


def learned(
    places: tuple[Place, ...], gone: Iterable[Stand], at_s: float, memory_s: float
) -> tuple[Place, ...]:
    """Return the places after vehicles have left theirs.

    What stood since before the looks began counts as often as it takes: its place is a habit at
    once, until as many others have shown how long one usually stands there.
    """
    kept = [place for place in places if at_s - place.last_s <= memory_s]
    for stand in gone:
        here = [place for place in kept if _iou(place.box, stand.box) >= SAME_PLACE_IOU]
        before = max(here, key=lambda place: _iou(place.box, stand.box), default=None)
        if before is not None:
            kept.remove(before)
        known = () if before is None else before.stands_s
        times = LAST_STANDS if stand.stood_s == FOR_EVER_S else 1
        stands = (*known, *(stand.stood_s,) * times)[-LAST_STANDS:]
        kept.append(Place(box=stand.box, stands_s=stands, last_s=at_s))
    return tuple(kept[-MOST_PLACES:])


def usual_s(places: tuple[Place, ...], box: Float32[np.ndarray, "4"], fewest_stands: int) -> float:
    """Return how long vehicles usually stand at a place; 0 where none usually do."""
    here = [
        median(place.stands_s)
        for place in places
        if len(place.stands_s) >= fewest_stands and _iou(place.box, shares(box)) >= SAME_PLACE_IOU
    ]
    return max(here, default=0.0)


def _iou(a: BoxShares, b: BoxShares) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    common = wide * high
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return common / (both - common)
