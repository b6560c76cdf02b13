"""The vehicles of one camera, followed: what the three rules of vehicles go by.

No class, colour, plate or speed is kept, and nothing of this leaves the worker.
"""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of the vehicles on a camera's picture."""

    tracks: Tracks = field(default=NO_TRACKS)
    """All that were seen lately."""
    began_s: float | None = None
    """The first look; ``None`` before it."""
    moment_s: float = -np.inf
    """The first look of the last moment: what was seen since is seen now."""

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
    def stood_before(self) -> Bool[np.ndarray, "n"]:
        """Mark what stood already when the looks began."""
        began_s = np.inf if self.began_s is None else self.began_s
        since_s, arrived_s = self.tracks.standing_since_s, self.tracks.first_s + ARRIVING_S
        before: Bool[np.ndarray, "n"] = (since_s <= began_s + SETTLE_S) & (since_s <= arrived_s)
        return before


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
        state = State(
            tracks=follow(state.tracks, boxes, score, at_s),
            began_s=state.began_s,
            moment_s=at_s if is_first else state.moment_s,
        )
        is_first = False
    return state


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
