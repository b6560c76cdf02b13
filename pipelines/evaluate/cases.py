"""From a folder to cases: each picture read, looked at and forgotten; what was found is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64

from models.scoring import Found, longer_side
from pipelines.evaluate.faults import LeftOut, LeftOutError
from pipelines.evaluate.folder import Entry, Labels, read_labels
from pipelines.evaluate.looker import Looker
from pipelines.evaluate.names import PERSON, ClassList
from pipelines.evaluate.pictures import read_picture
from vision.arrays import Boxes, Detections
from vision.detector import DetectorError
from vision.masker import MaskRegions, mostly_covered

Told = Callable[[int, int], None]
"""Is told how many pictures of how many are done."""

Read = tuple[Entry, Labels]
"""A picture's file and its labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is labelled and what was found in one picture; the picture itself is not kept."""

    picture: Path
    """Its file."""
    found: Found
    """Hazards and vehicles, in source pixels."""
    boxes: Float32[np.ndarray, "n 4"]
    """Labelled, in source pixels; people and what the pack doesn't know among them."""
    meanings: Int64[np.ndarray, "n"]
    """The pack's label of each, or ``PERSON``, ``VEHICLE`` or ``UNKNOWN``."""
    covered: Bool[np.ndarray, "p"] | None
    """Which of the labelled people are covered; ``None`` without a masker."""

    @property
    def people_px(self) -> Float32[np.ndarray, "p"]:
        """The longer side of each labelled person."""
        return longer_side(self.boxes[self.meanings == PERSON])


def read_all(entries: Sequence[Entry], left_out: LeftOut) -> list[Read]:
    """Read every label file before the first picture: a wrong class list shows at once."""
    found = []
    for entry in entries:
        try:
            found.append((entry, read_labels(entry.labels)))
        except LeftOutError as error:
            left_out.note(error)
    return found


def look_at(
    read: Sequence[Read],
    looker: Looker,
    classes: ClassList,
    left_out: LeftOut,
    told: Told,
    *,
    hazard_free: bool,
) -> tuple[Case, ...]:
    """Look at each picture. What can't be used is left out; so is a hazard that is none."""
    cases = []
    for number, (entry, labels) in enumerate(read, 1):
        try:
            (_require_no_hazard if hazard_free else _require_known)(entry, labels, looker, classes)
            cases.append(_case(entry, labels, looker, classes))
        except LeftOutError as error:
            left_out.note(error)
        told(number, len(read))
    return tuple(cases)


def _require_no_hazard(entry: Entry, labels: Labels, looker: Looker, classes: ClassList) -> None:
    meanings = classes.meant(labels.numbers)
    if looker.is_hazard[meanings[meanings >= 0]].any():
        what = "a hazard is labelled: take it out of --negatives, or correct its labels"
        raise LeftOutError(entry.picture, "negative_shows_hazard", what)


def _require_known(entry: Entry, labels: Labels, _: Looker, classes: ClassList) -> None:
    highest, count = labels.numbers.max(initial=0), len(classes.names)
    if entry.labels and highest >= count:
        what = f"class {highest} is none of the {count} of the class list: correct one of them"
        raise LeftOutError(entry.labels, "label_class", what)


def _case(entry: Entry, labels: Labels, looker: Looker, classes: ClassList) -> Case:
    pixels = read_picture(entry.picture)
    try:
        seen = looker(pixels)
    except DetectorError as error:
        raise LeftOutError(entry.picture, "detector_error", str(error)) from error
    size_px = np.array([pixels.shape[1], pixels.shape[0]] * 2, np.float32)
    meanings = classes.meant(labels.numbers)
    people = labels.boxes[meanings == PERSON]
    return Case(
        picture=entry.picture,
        found=seen.found,
        boxes=labels.boxes * size_px,
        meanings=meanings,
        covered=None if seen.people is None else covered_by(people, seen.people),
    )


def covered_by(boxes: Boxes, regions: MaskRegions) -> Bool[np.ndarray, "n"]:
    """Mark the boxes of picture 0 that are mostly covered by regions."""
    nothing = np.zeros(len(boxes), np.int64)
    asked = Detections(
        frame_index=nothing, xyxy=boxes, score=np.ones(len(boxes), np.float32), label=nothing
    )
    return mostly_covered(asked, regions)
