"""``stopped_vehicle``: it stands on a carriageway for longer than it may, and is no queue.

What passes it tells: where traffic flows on and one stands, ten seconds are enough; where nothing
moves, a light may be red. Places at which vehicles stand again and again are learned, so that a
bus stop, a stop line or a parking bay inside the zone isn't reported each time.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64

from pipelines.messages import ZoneKind
from pipelines.rules import habits
from pipelines.rules.events import Sighting
from pipelines.rules.habits import Place, Stand
from pipelines.rules.moment import Moment
from pipelines.rules.settings import StoppedVehicleSettings
from pipelines.rules.vehicles import (
    BACK_LOOKS,
    BACK_S,
    BACK_SIZES,
    SEEN_SHARE,
    feet,
    feet_in,
    shares,
)
from pipelines.rules.vehicles import State as Vehicles
from pipelines.zones import Area
from vision.tracks import Tracks

MOST_PASSERS = 96
"""Sightings of passing vehicles remembered: a minute or two of a busy road."""

PASSING_S = 2.0
"""What was seen at one place for less was driving."""

BEYOND_SIZES = 0.75
"""Of the standing one's size: a passer nearer than that may be its own box gone astray."""

OPPOSITE_COS = -0.5
"""Of two passers seen from the standing one: on sides more than 120 degrees apart, it lies on
their way. A queue that grows comes from one side."""

FEWEST_EACH_SIDE = 2
"""Of such passers, where no direction was drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passer:
    """A moving vehicle at one moment; which one isn't known."""

    at_s: float
    """When."""
    foot: tuple[float, float]
    """Where, shares of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of one road."""

    places: tuple[Place, ...] = ()
    """Where vehicles stood in the last day."""
    standing: tuple[Stand, ...] = ()
    """What stands now."""
    passers: tuple[Passer, ...] = ()
    """What was seen moving of late."""
    queued_s: float = -np.inf
    """When a queue stood last."""
    at_s: float = -np.inf
    """The last look that was judged."""


def step(
    state: State,
    vehicles: Vehicles,
    moment: Moment,
    area: Area,
    settings: StoppedVehicleSettings,
) -> tuple[State, Sighting | None]:
    """Return the state after one more moment, and the longest of those that stand too long."""
    if area.kind is not ZoneKind.ROAD:
        return state, None
    tracks, size_px = vehicles.tracks, moment.last.ref.source_size_px
    in_zone = feet_in(area.polygon, tracks)
    state = _seen(state, vehicles, in_zone, size_px, settings)
    stands = in_zone & vehicles.stands & vehicles.is_sure & ~vehicles.wanders
    stands &= tracks.seen >= settings.fewest_looks
    late = np.zeros(len(tracks))
    for row in np.flatnonzero(stands & ~vehicles.stood_before & (tracks.stood_s > settings.lone_s)):
        flows = _flows(state, tracks, int(row), area=area, size_px=size_px, settings=settings)
        limit_s = _limit_s(state, vehicles.at_s, flows, area, settings)
        usual_s = habits.usual_s(state.places, tracks.anchor[row], settings.habit_stands)
        if tracks.stood_s[row] > max(limit_s, settings.habit_factor * usual_s):
            late[row] = tracks.stood_s[row]
    if not late.any():
        return state, None
    worst = int(late.argmax())
    box, score = shares(tracks.xyxy[worst]), float(tracks.score[worst])
    return state, Sighting(at=moment.at, score=score, box=box)


def _limit_s(
    state: State, at_s: float, flows: bool, area: Area, settings: StoppedVehicleSettings
) -> float:
    """Say how long a vehicle may stand here now."""
    permitted_s = area.permitted_s
    if _is_queue(state, at_s, settings):  # it may creep: what moves within it passes nothing
        return max(permitted_s or 0.0, settings.red_light_s)
    if permitted_s is None:
        return settings.lone_s if flows else settings.red_light_s
    return permitted_s


def _is_queue(state: State, at_s: float, settings: StoppedVehicleSettings) -> bool:
    return at_s - state.queued_s <= settings.discharge_s


def _seen(
    state: State,
    vehicles: Vehicles,
    in_zone: Bool[np.ndarray, "n"],
    size_px: tuple[int, int],
    settings: StoppedVehicleSettings,
) -> State:
    """Take in what stands, what has left and what passes."""
    tracks, at_s = vehicles.tracks, vehicles.at_s
    often = in_zone & (tracks.seen > 1) & (tracks.seen >= SEEN_SHARE * tracks.looks)
    waits = often & (tracks.stood_s >= settings.queue_after_s)
    long_s = np.where(vehicles.stood_before, PASSING_S, settings.lone_s)
    stands = often & (tracks.stood_s >= long_s)
    standing = habits.stands_of(tracks, stands, vehicles.stood_before)
    kept = {stand.key for stand in standing}
    gone = [stand for stand in state.standing if stand.key not in kept]
    moves = in_zone & _moves(state, vehicles, size_px)
    passers = tuple(
        Passer(at_s=at, foot=(x, y))
        for at, (x, y) in zip(
            tracks.last_s[moves].tolist(), feet(tracks.xyxy[moves]).tolist(), strict=True
        )
    )
    return replace(
        state,
        places=habits.learned(state.places, gone, at_s, settings.habit_s),
        standing=standing,
        passers=(*state.passers, *passers)[-MOST_PASSERS:],
        queued_s=at_s if waits.sum() > settings.queue_others else state.queued_s,
        at_s=at_s,
    )


def _moves(state: State, vehicles: Vehicles, size_px: tuple[int, int]) -> Bool[np.ndarray, "n"]:
    """Mark what drives: seen on its way, or once and at the next look no more.

    A standing vehicle that the detector had lost is seen again, and then again: it isn't among
    them.
    """
    tracks = vehicles.tracks
    was_brief = (tracks.stood_s < PASSING_S) & (tracks.last_s == state.at_s) & ~vehicles.is_here
    back_s = tracks.last_s - tracks.trail_s[:, -1 - BACK_LOOKS]
    way_px = (feet(tracks.xyxy) - feet(tracks.trail[:, -1 - BACK_LOOKS])) * np.array(size_px)
    drives = np.hypot(*way_px.T) > BACK_SIZES * _sizes_px(tracks.xyxy, size_px)
    moves: Bool[np.ndarray, "n"] = was_brief | (vehicles.is_here & (back_s <= BACK_S) & drives)
    return moves


def _flows(
    state: State,
    tracks: Tracks,
    row: int,
    *,
    area: Area,
    size_px: tuple[int, int],
    settings: StoppedVehicleSettings,
) -> bool:
    """Say whether traffic has gone on past a vehicle since it stands."""
    since_s = tracks.standing_since_s[row]
    later = [one for one in state.passers if one.at_s > since_s]
    if len(later) < settings.fewest_passers:
        return False
    feet_px = np.array([one.foot for one in later], np.float32) * np.array(size_px, np.float32)
    own = tracks.anchor[row : row + 1]
    ways_px = feet_px - feet(own)[0] * np.array(size_px, np.float32)
    far = np.hypot(*ways_px.T) > BEYOND_SIZES * _sizes_px(own, size_px)[0]
    times_s = np.array([one.at_s for one in later])[far]
    is_beyond = _is_beyond(ways_px[far], area, size_px)
    if is_beyond.sum() < settings.fewest_passers:
        return False
    return bool(np.ptp(times_s[is_beyond]) >= settings.lone_s / 2)


def _is_beyond(
    ways_px: Float32[np.ndarray, "p 2"], area: Area, size_px: tuple[int, int]
) -> Bool[np.ndarray, "p"]:
    """Mark passers that have the standing vehicle behind them, or between them and others."""
    lengths = np.maximum(np.hypot(*ways_px.T), 1e-6)
    units = ways_px / lengths[:, None]
    if area.direction is not None:
        ahead = area.direction * np.array(size_px, np.float32)
        along: Bool[np.ndarray, "p"] = units @ (ahead / np.hypot(*ahead)) > -OPPOSITE_COS
        return along
    opposite = (units @ units.T < OPPOSITE_COS).sum(axis=1)
    between: Bool[np.ndarray, "p"] = opposite >= FEWEST_EACH_SIDE
    return between


def _sizes_px(
    boxes: Float32[np.ndarray, "n 4"], size_px: tuple[int, int]
) -> Float64[np.ndarray, "n"]:
    """Return the geometric mean of width and height."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0).astype(np.float64) * np.array(size_px)
    sizes: Float64[np.ndarray, "n"] = np.sqrt(sides.prod(axis=1))
    return sizes
