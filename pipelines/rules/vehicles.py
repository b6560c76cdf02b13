"""The vehicles of one camera, followed: what the three rules of vehicles go by.

No class, colour, plate or speed is kept, and nothing of this leaves the worker.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Float64

from pipelines.frames import Look
from pipelines.messages import BoxShares
from pipelines.rules.moment import Columns, Moment
from vision.polygons import Polygon, contains
from vision.suppression import suppress
from vision.tracks import NO_TRACKS, Tracks, follow

LONGEST_GAP_S: Final = 60.0
"""After a longer silence, or a clock set by more, nobody knows what stood there meanwhile."""

ONE_VEHICLE_IOU: Final = 0.6
"""Two kinds of vehicle found in one place by so much are one vehicle; two cars of which one hides
the other overlap by less."""

SETTLE_S: Final = 10.0
"""What stands when the looks begin is found within so long; it stood before anybody looked."""

SEEN_SHARE: Final = 0.4
"""Of the looks since it stands: a parked car that flickers and is hidden at times shows in more,
the place where a lane's cars pass one by one in a third at most."""

ARRIVING_S: Final = 1.0
"""What was followed for longer before it stood came and stopped; it didn't stand before."""


SURE_SCORE: Final = 0.7
"""Standing vehicles of the drills score 0.8 and more on average, but for lorries from behind and
rain by night; a stall with its goods reached 0.62, somebody who sits 0.7 in single looks."""

DRIVER_SCORE: Final = 0.6
"""A vehicle on its way scores more in one look of two; the parts of a stall 0.5."""

COMING_S: Final = 8.0
"""Whoever comes to stand was on the picture so shortly before: four looks of a sentry."""

AWAY_SIZES: Final = 0.75
"""In sizes of the standing one: what was nearer may have been its own box gone astray."""

COMING_SIZES: Final = 6.0
"""In sizes of the standing one: whoever brakes was so near in one of the last looks. What drives
farther off is another vehicle: a car on the next road made a stall that was put up one that came.
"""

COMING_AREAS: Final = 4.0
"""One that comes from twice as far looks a quarter as large; what differs by more is another."""

QUICK_S: Final = 0.5
"""Within so short a time a box that was seen once has flickered, not driven on."""

BACK_LOOKS: Final = 4
"""How many looks of a moving vehicle's trail lie between two of its places: 0.8 s at 5 a second."""

BACK_S: Final = 1.6
"""The longest that they may take: of looks further apart, the trail says nothing."""

BACK_SIZES: Final = 0.5
"""So far it gets in that time, in its own sizes, if it drives: 10 km/h."""

MOST_DRIVERS: Final = 64
"""Sightings of what drives that are remembered: eight seconds of a full road."""


WANDERS: Final = 0.1
"""Of its sides: so far the foot of a standing vehicle's box, or both its sides, jump from one look
to the next in one of twenty at most, rain by night included."""

WANDERS_SHARE: Final = 0.15
"""Of the looks at a place, that such jumps lie between: one vehicle after another stops there."""

WANDERS_LOOKS: Final = 4
"""That follow on another: fewer tell nothing."""

WHOLE_SHARE: Final = 0.75
"""A smaller box than so much of the usual one shows a part: something hides the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """Something on its way at one look; which vehicle isn't known."""

    at_s: float
    """When."""
    box: BoxShares
    """Where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of the vehicles on a camera's picture."""

    tracks: Tracks = field(default=NO_TRACKS)
    """All that were seen lately."""
    began_s: float | None = None
    """The first look; ``None`` before it."""
    moment_s: float = -np.inf
    """The first look of the last moment: what was seen since is seen now."""
    drivers: tuple[Driver, ...] = ()
    """What was seen on its way, lately."""
    arrived: frozenset[int] = frozenset()
    """The ids of standing tracks that something sure drove before: they may have come so."""

    @property
    def at_s(self) -> float:
        """Return when the last look was taken."""
        return self.tracks.at_s

    @property
    def is_here(self) -> Bool[np.ndarray, "n"]:
        """Mark what the last moment showed."""
        here: Bool[np.ndarray, "n"] = self.tracks.last_s >= self.moment_s
        return here

    @property
    def stands(self) -> Bool[np.ndarray, "n"]:
        """Mark what the last moment showed where it was before, as most looks did."""
        tracks = self.tracks
        stands: Bool[np.ndarray, "n"] = (
            (tracks.near_s >= self.moment_s)
            & (tracks.seen > 1)
            & (tracks.seen >= SEEN_SHARE * tracks.looks)
        )
        return stands

    @property
    def wanders(self) -> Bool[np.ndarray, "n"]:
        """Mark places where one vehicle after another stops: what stands has one box.

        Traffic that moves on in step with the looks shows something at the same place each time.
        """
        tracks = self.tracks
        is_here = tracks.trail_s >= tracks.standing_since_s[:, None]
        boxes = np.where(is_here[:, :, None], tracks.trail, np.nan)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of those that have no box there yet
            usual = np.nanmedian(boxes, axis=1)
        sides = np.maximum(usual[:, 2:] - usual[:, :2], 1e-6)
        size = np.clip(boxes[:, :, 2:] - boxes[:, :, :2], 0, None).prod(axis=2)
        is_whole = is_here & (size >= WHOLE_SHARE * sides.prod(axis=1)[:, None])
        both = is_whole[:, 1:] & is_whole[:, :-1]
        # In rain by night the roof and one side tremble; what drives on takes both sides along.
        apart = np.abs(np.diff(boxes, axis=1)) / np.tile(sides, 2)[:, None]
        jumps = np.maximum(np.minimum(apart[:, :, 0], apart[:, :, 2]), apart[:, :, 3])
        count = both.sum(axis=1)
        far = (both & (jumps > WANDERS)).sum(axis=1)
        wanders: Bool[np.ndarray, "n"] = (count >= WANDERS_LOOKS) & (far >= WANDERS_SHARE * count)
        return wanders

    @property
    def stood_before(self) -> Bool[np.ndarray, "n"]:
        """Mark what stood already when the looks began."""
        began_s = np.inf if self.began_s is None else self.began_s
        since_s, arrived_s = self.tracks.standing_since_s, self.tracks.first_s + ARRIVING_S
        before: Bool[np.ndarray, "n"] = (since_s <= began_s + SETTLE_S) & (since_s <= arrived_s)
        return before

    @property
    def is_sure(self) -> Bool[np.ndarray, "n"]:
        """Mark what is a vehicle beyond doubt: it scores high, or came as vehicles come.

        A stall is put up where it stands, and whoever sits down came on foot.
        """
        came = np.isin(self.tracks.ids, list(self.arrived))
        sure: Bool[np.ndarray, "n"] = came | (self.tracks.score >= SURE_SCORE)
        return sure


def of_vehicles(columns: Columns) -> Bool[np.ndarray, "c"]:
    """Mark the labels that this is about."""
    return columns.vehicles


def step(
    state: State,
    moment: Moment,
    marked: Callable[[Columns], Bool[np.ndarray, "c"]] = of_vehicles,
) -> State:
    """Return what is known after one more moment; after a gap or a jump it begins anew.

    ``marked`` says which labels are followed; other rules follow other things in the same way.
    """
    is_first = True
    for look in moment.looks:
        at_s = look.ref.captured_at.timestamp()
        gap_s = at_s - state.at_s
        if state.began_s is None or abs(gap_s) > LONGEST_GAP_S:
            state = State(began_s=at_s)
        elif gap_s <= 0:  # a clock that was set back a little: until it is past, nothing is new
            continue
        boxes, score = _found(look, marked(moment.columns))
        tracks = follow(state.tracks, boxes, score, at_s)
        drivers = _drivers(state, tracks)
        state = State(
            tracks=tracks,
            began_s=state.began_s,
            moment_s=at_s if is_first else state.moment_s,
            drivers=drivers,
            arrived=_arrived(state.arrived, tracks, drivers),
        )
        is_first = False
    return state


def _drivers(before: State, tracks: Tracks) -> tuple[Driver, ...]:
    """Return what was lately seen on its way: look after look, or once between two sentry looks."""
    before_s, at_s = before.at_s, tracks.at_s
    was_brief = (tracks.seen == 1) & (tracks.last_s == before_s) & (at_s - before_s > QUICK_S)
    came_s = tracks.last_s - tracks.trail_s[:, -1 - BACK_LOOKS]
    way = np.abs(feet(tracks.xyxy) - feet(tracks.trail[:, -1 - BACK_LOOKS]))
    drives = (way / _sides(tracks.xyxy)).max(axis=1, initial=0.0) > BACK_SIZES
    moves = was_brief | ((tracks.last_s == at_s) & (came_s <= BACK_S) & drives)
    new = [
        Driver(at_s=float(tracks.last_s[row]), box=shares(tracks.xyxy[row]))
        for row in np.flatnonzero(moves & (tracks.score >= DRIVER_SCORE))
    ]
    recent = [one for one in before.drivers if at_s - one.at_s <= COMING_S]
    return tuple([*recent, *new][-MOST_DRIVERS:])


def _arrived(before: frozenset[int], tracks: Tracks, drivers: tuple[Driver, ...]) -> frozenset[int]:
    """Return which tracks came to stand where something that drove may have come to stand."""
    known = np.isin(tracks.ids, list(before))
    begins = (tracks.standing_since_s == tracks.at_s) & ~known
    if drivers and begins.any():
        boxes, sides = np.array([one.box for one in drivers], np.float32), _sides(tracks.anchor)
        apart = np.abs(feet(tracks.anchor)[:, None] - feet(boxes)) / sides[:, None]
        sizes = apart.max(axis=2)
        larger = _sides(boxes).prod(axis=1) / sides.prod(axis=1)[:, None]
        is_alike = np.maximum(larger, 1 / larger) <= COMING_AREAS
        came = (sizes > AWAY_SIZES) & (sizes <= COMING_SIZES) & is_alike
        known |= begins & came.any(axis=1)
    return frozenset(tracks.ids[known].tolist())


def _sides(boxes: Float32[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n 2"]:
    sides: Float32[np.ndarray, "n 2"] = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)
    return sides


def feet_in(polygon: Polygon, tracks: Tracks) -> Bool[np.ndarray, "n"]:
    """Mark the vehicles that touch the ground in a zone."""
    return contains(polygon, feet(tracks.xyxy))


def feet(boxes: Float32[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n 2"]:
    """Return where vehicles touch the ground: the middle of the box's lower side."""
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)


def shares(box: Float32[np.ndarray, "4"] | Float64[np.ndarray, "4"]) -> BoxShares:
    """Return a box as messages carry it."""
    x0, y0, x1, y1 = np.clip(box, 0.0, 1.0).tolist()
    return (x0, y0, x1, y1)


def _found(
    look: Look, marked: Bool[np.ndarray, "c"]
) -> tuple[Float32[np.ndarray, "n 4"], Float32[np.ndarray, "n"]]:
    """Return each thing once, whatever kinds the detector took it for."""
    found = look.detections
    if len(found):
        found = found.where(marked[found.label])
    if len(found) > 1:
        one_group = np.zeros(len(found), np.int64)
        found = found.where(suppress(found.xyxy, found.score, one_group, ONE_VEHICLE_IOU))
    return found.xyxy, found.score
