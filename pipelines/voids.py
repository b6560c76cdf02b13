"""Places that held a person in the last minutes: nothing that came there later is a hazard.

Beside the drop test, which goes by one picture, this goes by all of the last minutes: what somebody
puts down, sits in or lies under is no hazard. Where people are stays in ``MaskMemory``.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
from jaxtyping import Bool, Float32, Float64

from pipelines.frames import Look, Things
from pipelines.metrics import WorkerMetrics
from pipelines.rules.moment import Columns
from vision.arrays import Boxes, Detections
from vision.hazards import Hazard
from vision.mask_memory import MaskMemory
from vision.masker import NO_BOXES, MaskRegions
from vision.suppression import area, overlap

NEIGHBOURHOOD: Final = 1.0
"""A thing's box grows by so many of its own sides to each side before it is compared: who sits down
or lies down was seen as he came, a step from where he is not seen any more."""

AMONG_SHARE: Final = 0.2
"""No driver stops where people stay on so much of the place: it is they who are taken for a
vehicle, or a stall or a tent that they put up."""

DRIVES_S: Final = 4.5
"""A vehicle that comes was seen elsewhere in one of the two looks before."""

DRIVES_SIDES: Final = 6.0
"""Not further away than so many of its longer sides: 25 m in two looks."""

DRIVES_FACTOR: Final = 3.0
"""And not so many times as large or as small: it turns, and comes nearer."""

STEPS: Final = 1.5
"""Of a rock's longer side, about it: two seconds of walking, since who sits is half as high."""

PICTURE: Final = np.array([16.0, 9.0], np.float32)
"""Proportions of most pictures: a share of the height is fewer pixels than one of the width."""

SURE_ROCK: Final = 0.85
"""Score of a rock that is one: near anybody none scored 0.6 on 777 pictures of roads."""

SAME: Final = 0.3
"""Overlap (IoU) from which a thing is one that was seen before."""

HIDDEN_S: Final = 60.0
"""For so long it may be hidden by what passes and still be the same."""

MOST: Final = 64
"""Of a camera that are remembered: more than are told of in one look."""


@dataclass(slots=True)
class _Known:
    """What lies or stands at one camera, and whether it is somebody's."""

    boxes: Boxes = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    seen_s: Float64[np.ndarray, "k"] = field(default_factory=lambda: np.zeros(0))
    theirs: Bool[np.ndarray, "k"] = field(default_factory=lambda: np.zeros(0, np.bool_))
    among: Bool[np.ndarray, "k"] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """Whether people stayed where it was, when it was last seen."""

    def recall(
        self, xyxy: Boxes, at_s: float
    ) -> tuple[Bool[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
        """Say which boxes were seen before, and which of these are somebody's."""
        alike = self._alike(xyxy) & (np.abs(at_s - self.seen_s) <= HIDDEN_S)
        known, theirs = alike.any(axis=1), (alike & self.theirs).any(axis=1)
        return np.asarray(known), np.asarray(theirs)

    def came(
        self, xyxy: Boxes, is_new: Bool[np.ndarray, "n"], at_s: float
    ) -> Bool[np.ndarray, "n"]:
        """Say which new boxes are where one drove that has just left the place where it was seen.

        Of several that it may be, it is the one most like it: what drives on has not stopped.
        """
        has_left = ~self._alike(xyxy).any(axis=0) & ~self.theirs & ~self.among
        has_left &= np.abs(at_s - self.seen_s) <= DRIVES_S
        before, sizes = self.boxes[has_left], np.maximum(area(xyxy), 1e-9)[:, None]
        ways = (xyxy[:, None, :2] + xyxy[:, None, 2:] - before[:, :2] - before[:, 2:]) / 2
        sides = (xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, initial=0.0)[:, None]
        is_near = np.hypot(ways[..., 0], ways[..., 1]) <= DRIVES_SIDES * sides
        factor = np.exp(np.abs(np.log(np.maximum(area(before), 1e-9) / sizes)))
        fits = is_near & (factor <= DRIVES_FACTOR) & is_new[:, None]
        factor = np.where(fits, factor, np.inf)
        best = factor == factor.min(axis=0, initial=np.inf)
        return np.asarray((fits & best).any(axis=1))

    def keep(
        self,
        xyxy: Boxes,
        theirs: Bool[np.ndarray, "n"],
        at_s: float,
        among: Bool[np.ndarray, "n"],
    ) -> None:
        """Remember these, and the others for as long as they may be hidden."""
        left = ~self._alike(xyxy).any(axis=0) & (np.abs(at_s - self.seen_s) <= HIDDEN_S)
        now_s = np.full(len(xyxy), at_s)
        self.boxes = np.concatenate([xyxy, self.boxes[left]])[:MOST]
        self.seen_s = np.concatenate([now_s, self.seen_s[left]])[:MOST]
        self.theirs = np.concatenate([theirs, self.theirs[left]])[:MOST]
        self.among = np.concatenate([among, self.among[left]])[:MOST]

    def _alike(self, xyxy: Boxes) -> Bool[np.ndarray, "n k"]:
        shared = overlap(xyxy, self.boxes)
        union = area(xyxy)[:, None] + area(self.boxes) - shared
        return np.asarray(shared >= SAME * np.maximum(union, 1e-9))


@dataclass(slots=True)
class _Memory:
    """Of one camera."""

    people: MaskMemory = field(default_factory=MaskMemory)
    last: tuple[MaskRegions, int, Boxes] | None = None
    """Where people were in the last picture that the masker has seen."""
    things: _Known = field(default_factory=_Known)
    rocks: _Known = field(default_factory=_Known)
    vehicles: _Known = field(default_factory=_Known)


class Voids:
    """The memories of a worker's cameras. Used by one thread."""

    def __init__(self, columns: Columns, metrics: WorkerMetrics) -> None:
        self._is_debris = columns.of(Hazard.DEBRIS)
        self._is_vehicle = columns.vehicles
        self._thresholds = columns.thresholds
        self._metrics = metrics
        self._memories: dict[str, _Memory] = {}

    def remember(
        self,
        camera_id: str,
        regions: MaskRegions,
        row: int,
        at: datetime,
        found: Detections | None = None,
    ) -> None:
        """Take in where people are in one picture of a batch; ``found`` says what drives in it."""
        vehicles = NO_BOXES
        if found is not None:
            is_vehicle = self._is_vehicle[found.label]
            is_vehicle &= found.score >= self._thresholds[found.label]
            vehicles = found.xyxy[is_vehicle]
        memory = self._memories.setdefault(camera_id, _Memory())
        memory.last = (regions, row, vehicles)
        memory.people.remember(regions, row, at.timestamp(), vehicles)

    def remember_again(self, camera_id: str, at: datetime) -> None:
        """Take it in that nothing has changed: whoever was there is there still."""
        memory = self._memories.get(camera_id)
        if memory is not None and memory.last is not None:
            regions, row, vehicles = memory.last
            memory.people.remember(regions, row, at.timestamp(), vehicles)

    def cleaned(self, look: Look) -> Look:
        """Return the look without what is somebody's; what else there is stays."""
        memory = self._memories.get(look.ref.camera_id)
        if memory is None:
            return look
        at_s = look.ref.captured_at.timestamp()
        found, things = look.detections, look.measures.things
        under = np.zeros(0, np.bool_)
        if things is not None:
            under = _lying(memory, things.xyxy, at_s)
            things = Things(xyxy=things.xyxy[~under], still_s=things.still_s[~under])
        void = np.zeros(len(found), np.bool_)
        is_debris, is_vehicle = self._is_debris[found.label], self._is_vehicle[found.label]
        void[is_debris] = _rocks(memory, found.xyxy[is_debris], found.score[is_debris], at_s)
        self._metrics.looks_with_drops("void", int(void.any() or under.any()))
        # Vehicles go uncounted: what stands where people were would tell of people only.
        void[is_vehicle] = _put_up(memory, found.xyxy[is_vehicle], at_s)
        return look.without(void, things)

    def forget(self, camera_id: str) -> None:
        """Forget a camera that is watched no more."""
        self._memories.pop(camera_id, None)


def _lying(memory: _Memory, xyxy: Boxes, at_s: float) -> Bool[np.ndarray, "n"]:
    """Mark the things that lie where somebody was, or did when they came to lie there.

    Whoever lies down isn't seen for long; what he is stays his for as long as it lies there.
    """
    sides = xyxy[:, 2:] - xyxy[:, :2]
    grown = xyxy + np.concatenate([-sides, sides], axis=1) * np.float32(NEIGHBOURHOOD)
    _, was_theirs = memory.things.recall(xyxy, at_s)
    theirs = was_theirs | (memory.people.voided(grown.clip(0, 1), at_s) > 0)
    memory.things.keep(xyxy, theirs, at_s, theirs)
    return theirs


def _rocks(
    memory: _Memory, xyxy: Boxes, score: Float32[np.ndarray, "n"], at_s: float
) -> Bool[np.ndarray, "n"]:
    """Mark the rocks where somebody was, and those that are a thing of somebody's.

    Whoever sits down is taken for a rock a few steps from where he was seen; but what is surely a
    rock is nobody's for lying there.
    """
    _, was_theirs = memory.rocks.recall(xyxy, at_s)
    _, is_a_thing = memory.things.recall(xyxy, at_s)
    sides = (xyxy[:, 2:] - xyxy[:, :2]) * PICTURE
    reach = STEPS * sides.max(axis=1, initial=0.0)[:, None] / PICTURE
    about = np.concatenate([xyxy[:, :2] - reach, xyxy[:, 2:] + reach], axis=1).astype(np.float32)
    theirs = was_theirs | is_a_thing
    theirs |= memory.people.voided_about(xyxy, about.clip(0, 1), at_s) > 0
    theirs &= score < SURE_ROCK
    memory.rocks.keep(xyxy, theirs, at_s, theirs)
    return np.asarray(theirs | (memory.people.voided(xyxy, at_s) > 0))


def _put_up(memory: _Memory, xyxy: Boxes, at_s: float) -> Bool[np.ndarray, "n"]:
    """Mark the vehicles among people, and those that were put up where people stayed.

    What was driven there is a vehicle for as long as it stands, but while people hide it: whoever
    sits where a car stood may be taken for it.
    """
    is_known, was_theirs = memory.vehicles.recall(xyxy, at_s)
    among = memory.people.lingered(xyxy, at_s) >= AMONG_SHARE
    # Who lies down is seen there for a moment, and from then on taken for something else.
    just_now = memory.people.seen_lately(xyxy, at_s) >= AMONG_SHARE
    came = memory.vehicles.came(xyxy, ~is_known, at_s)
    theirs = np.where(is_known, was_theirs, (among | just_now) & ~came)
    memory.vehicles.keep(xyxy, theirs, at_s, among)
    return theirs | among
