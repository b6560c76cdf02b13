"""``obstruction``: a vehicle or a rock in a fire lane or before an emergency gate.

What stood there before anybody looked counts too: a lane that is blocked is blocked. Nothing but
vehicles and what the detector takes for rock can make it.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Int64

from pipelines.messages import ZoneKind
from pipelines.rules.events import Sighting
from pipelines.rules.moment import Columns, Moment
from pipelines.rules.settings import ObstructionSettings
from pipelines.rules.vehicles import State as Vehicles
from pipelines.rules.vehicles import feet_in, shares
from pipelines.rules.vehicles import step as followed
from pipelines.zones import Area
from vision.hazards import Hazard
from vision.polygons import Polygon, contains
from vision.tracks import Tracks

GRID = 32
"""Points a side that a zone is measured with: a share is right to a few hundredths."""

KEPT_FREE: Final = frozenset({ZoneKind.FIRE_LANE, ZoneKind.GATE})
"""The zones in which this rule holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of one lane or gate."""

    rocks: Vehicles = field(default_factory=Vehicles)
    """What was taken for rock, followed as vehicles are."""


def step(
    state: State, vehicles: Vehicles, moment: Moment, area: Area, settings: ObstructionSettings
) -> tuple[State, Sighting | None]:
    """Return the state after one more moment, and what has stood in the way for longest."""
    if area.kind not in KEPT_FREE:
        return state, None
    after = State(rocks=followed(state.rocks, moment, _rocks))
    limit_s = settings.permitted_s if area.permitted_s is None else area.permitted_s
    cars = vehicles.tracks.where(vehicles.stands & vehicles.is_sure)
    rocks = after.rocks.tracks.where(after.rocks.stands)
    found = [
        _longest(cars, limit_s, moment, area, settings),
        _longest(rocks, settings.rock_s, moment, area, settings),
    ]
    return after, max(
        (one for one in found if one is not None), key=lambda one: one.score, default=None
    )


def _rocks(columns: Columns) -> Bool[np.ndarray, "c"]:
    return columns.of(Hazard.DEBRIS)


def _longest(
    tracks: Tracks, limit_s: float, moment: Moment, area: Area, settings: ObstructionSettings
) -> Sighting | None:
    """Return what has stood in the zone for longer than it may, and for longest."""
    late = (tracks.stood_s > limit_s) & (tracks.seen >= settings.fewest_looks)
    if not late.any():
        return None
    blocking = tracks.where(late)
    blocking = blocking.where(_is_in_the_way(blocking, area.polygon, settings))
    if not len(blocking):
        return None
    worst = int(blocking.stood_s.argmax())
    score, box = float(blocking.score[worst]), shares(blocking.xyxy[worst])
    return Sighting(at=moment.at, score=score, box=box)


def _is_in_the_way(
    tracks: Tracks, polygon: Polygon, settings: ObstructionSettings
) -> Bool[np.ndarray, "n"]:
    """Mark what has its foot in the zone, stands in it mostly, or covers much of it.

    The lower half of a box stands for the ground it takes: the upper half of a lorry hides what
    is behind it and blocks nothing.
    """
    lower = tracks.anchor.copy()
    lower[:, 1] = (lower[:, 1] + lower[:, 3]) / 2
    corner, sides = polygon.min(axis=0), np.ptp(polygon, axis=0)
    steps = (np.arange(GRID, dtype=np.float32) + 0.5) / GRID
    points = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) * sides + corner
    points = points[contains(polygon, points)]
    under = _points_in(lower, points)
    covered = under / max(len(points), 1)
    point_area = float(sides.prod()) / GRID**2
    inside = under * point_area / np.maximum((lower[:, 2:] - lower[:, :2]).prod(axis=1), 1e-9)
    blocks: Bool[np.ndarray, "n"] = (
        feet_in(polygon, tracks)
        | (covered >= settings.covered_share)
        | (inside >= settings.inside_share)
    )
    return blocks


def _points_in(
    boxes: Float32[np.ndarray, "n 4"], points: Float32[np.ndarray, "p 2"]
) -> Int64[np.ndarray, "n"]:
    """Count the points that lie in each box."""
    above = (points >= boxes[:, None, :2]).all(axis=2)
    below = (points <= boxes[:, None, 2:]).all(axis=2)
    count: Int64[np.ndarray, "n"] = (above & below).sum(axis=1)
    return count
