"""``wrong_way``: a vehicle drives on a carriageway against the arrow that was drawn on it.

Needs several looks a second. What looks like it and isn't: a track that jumps to the next car, a
box that grows as a vehicle comes into the picture, reversing into a space, overtaking, turning.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Float64

from pipelines.messages import ZoneKind
from pipelines.rules.events import Sighting
from pipelines.rules.moment import Moment
from pipelines.rules.settings import WrongWaySettings
from pipelines.rules.vehicles import State as Vehicles
from pipelines.rules.vehicles import feet, feet_in, shares
from pipelines.zones import Area
from vision.polygons import contains

LONGEST_STEP_S: Final = 0.75
"""Between two places of a trail: at five looks a second, two misses."""

USUAL_STEP_S: Final = 0.5
"""Of half the steps at most: with looks further apart, the next car may be taken for this one."""

EDGE: Final = 0.01
"""So near to the picture's edge a vehicle may be cut off, and its box grows as it comes in."""

JUMP_LENGTHS: Final = 1.0
"""A step of more leads to another vehicle, unless all its steps are as long."""

JUMP_STEPS: Final = 3.0
"""Times its usual step: what drives doesn't leap."""

GROWN: Final = 1.5
"""Times as wide or as high from one look to the next: the box is another vehicle's."""

END_SHARE: Final = 0.1
"""Of the zone's length: what comes in so near to its end comes in at the end, as corners are
drawn by hand."""

FEWEST_PLACES: Final = 6
"""Of a way: two seconds at five looks a second, with four misses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of one road."""

    told: frozenset[int] = frozenset()
    """The tracks that were seen to drive against the arrow; less is asked of them then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one vehicle drove of late, along the arrow, in its own lengths."""

    against: float
    """How far against the arrow, from the first place to the last."""
    aside: float
    """How far to the side."""
    backward: float
    """How far along the arrow, of all steps that went so."""
    took_s: float
    """How long it took."""
    is_from_beside: bool
    """Whether the trail shows it outside the zone before."""


def step(
    state: State, vehicles: Vehicles, moment: Moment, area: Area, settings: WrongWaySettings
) -> tuple[State, Sighting | None]:
    """Return the state after one more moment, and who has driven furthest against the arrow."""
    if area.kind is not ZoneKind.ROAD or area.direction is None:
        return state, None
    tracks, size_px = vehicles.tracks, np.array(moment.last.ref.source_size_px, np.float64)
    ahead_px = area.direction * size_px
    ahead = ahead_px / np.hypot(*ahead_px)
    ways: dict[int, Way] = {}
    for row in np.flatnonzero(feet_in(area.polygon, tracks) & vehicles.is_here):
        way = _way(tracks.trail[row], tracks.trail_s[row], area, ahead, size_px)
        was_told = int(tracks.ids[row]) in state.told
        has_stood = bool(tracks.rested_s[row] >= settings.rested_s)
        if way is not None and _is_wrong(way, was_told, has_stood, settings):
            ways[int(row)] = way
    told = state.told & set(tracks.ids.tolist()) | {int(tracks.ids[row]) for row in ways}
    after = State(told=frozenset(told))
    if not ways:
        return after, None
    worst = max(ways, key=lambda row: ways[row].against)
    box, score = shares(tracks.xyxy[worst]), float(tracks.score[worst])
    return after, Sighting(at=moment.at, score=score, box=box)


def _is_wrong(way: Way, was_told: bool, has_stood: bool, settings: WrongWaySettings) -> bool:
    lengths = settings.reversing_lengths if has_stood else settings.lengths
    seconds = settings.crossed_s if way.is_from_beside else settings.seconds
    is_straight = (
        abs(way.aside) <= settings.aside_share * way.against
        and way.backward <= settings.backward_share * way.against
    )
    if was_told:
        return is_straight and way.against >= settings.lengths / 2
    return is_straight and way.against >= lengths and way.took_s >= seconds


def _way(
    trail: Float32[np.ndarray, "k 4"],
    trail_s: Float64[np.ndarray, "k"],
    area: Area,
    ahead: Float64[np.ndarray, "2"],
    size_px: Float64[np.ndarray, "2"],
) -> Way | None:
    """Return how a vehicle drove, as far back as its trail is to be believed."""
    known = np.isfinite(trail_s)
    boxes, times_s = trail[known], trail_s[known]
    whole = ((boxes > EDGE) & (boxes < 1 - EDGE)).all(axis=1)
    inside = contains(area.polygon, feet(boxes))
    sides_px = (boxes[:, 2:] - boxes[:, :2]) * size_px
    length_px = float(np.median(sides_px @ np.abs(ahead)))
    if length_px <= 0:
        return None
    places = feet(boxes) * size_px / length_px
    begin = _trusted_from(places, times_s, sides_px)
    usable = whole & inside
    usable[:begin] = False
    first = _last_run(usable)
    if len(boxes) - first < FEWEST_PLACES or np.median(np.diff(times_s[first:])) > USUAL_STEP_S:
        return None
    steps = np.diff(places[first:], axis=0)
    along = steps @ ahead
    across = steps @ np.array([-ahead[1], ahead[0]])
    return Way(
        against=float(-along.sum()),
        aside=float(across.sum()),
        backward=float(np.clip(along, 0.0, None).sum()),
        took_s=float(times_s[-1] - times_s[first]),
        is_from_beside=bool(_is_beside(boxes[begin:first], area, ahead, size_px).any()),
    )


def _is_beside(
    boxes: Float32[np.ndarray, "p 4"],
    area: Area,
    ahead: Float64[np.ndarray, "2"],
    size_px: Float64[np.ndarray, "2"],
) -> Bool[np.ndarray, "p"]:
    """Mark places outside the zone but level with it; before and behind it is none of these."""
    ends = (area.polygon * size_px) @ ahead
    along = (feet(boxes) * size_px) @ ahead
    margin = END_SHARE * np.ptp(ends)
    level = (along > ends.min() + margin) & (along < ends.max() - margin)
    beside: Bool[np.ndarray, "p"] = level & ~contains(area.polygon, feet(boxes))
    return beside


def _trusted_from(
    places: Float64[np.ndarray, "p 2"],
    times_s: Float64[np.ndarray, "p"],
    sides_px: Float64[np.ndarray, "p 2"],
) -> int:
    """Return from which place on the trail is one vehicle's."""
    if len(places) < 2:
        return 0
    gaps_s = np.diff(times_s)
    speed = np.hypot(*np.diff(places, axis=0).T) / gaps_s
    leaps = speed > np.maximum(JUMP_LENGTHS / gaps_s, JUMP_STEPS * np.median(speed))
    grown = sides_px[1:] / np.maximum(sides_px[:-1], 1e-6)
    changes = ((grown > GROWN) | (grown < 1 / GROWN)).any(axis=1)
    broken = np.flatnonzero(leaps | changes | (gaps_s > LONGEST_STEP_S))
    return int(broken[-1]) + 1 if len(broken) else 0


def _last_run(usable: Bool[np.ndarray, "p"]) -> int:
    """Return where the run of usable places begins that ends with the last one."""
    bad = np.flatnonzero(~usable)
    return int(bad[-1]) + 1 if len(bad) else 0
