"""From a folder to cases: each picture read, looked at and forgotten; what was found is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64

from models.scoring import Found, longer_side
from pipelines.evaluate.faults import LeftOut, LeftOutError
from pipelines.evaluate.folder import Entry
from pipelines.evaluate.labels import NOTHING, read_labels
from pipelines.evaluate.looker import Looker
from pipelines.evaluate.names import PERSON, ClassList
from pipelines.evaluate.pictures import read_picture
from vision.arrays import Boxes, Detections
from vision.detector import DetectorError
from vision.masker import MaskRegions, mostly_covered

Progress = Callable[[int, int], None]
"""Is told how many pictures of how many are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is labelled and what was found in one picture; the picture itself is not kept."""

    picture: Path
    """Its file."""
    found: Found
    """Hazards and vehicles, in source pixels."""
    boxes: Float32[np.ndarray, "n 4"]
    """Labelled, in source pixels; people among them."""
    meanings: Int64[np.ndarray, "n"]
    """The pack's label of each, or ``PERSON`` or ``VEHICLE``."""
    covered: Bool[np.ndarray, "p"] | None
    """Which of the labelled people are covered; ``None`` without a masker."""

    @property
    def people_px(self) -> Float32[np.ndarray, "p"]:
        """The longer side of each labelled person."""
        return longer_side(self.boxes[self.meanings == PERSON])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """A folder's cases, and what its labels held besides."""

    cases: tuple[Case, ...]
    """In the order of the files."""
    unknown_boxes: int
    """Labelled boxes of classes that the pack doesn't know."""


def look_at(
    entries: list[Entry],
    looker: Looker,
    classes: ClassList,
    left_out: LeftOut,
    progress: Progress,
    *,
    hazard_free: bool,
) -> Cases:
    """Look at each picture. What can't be used is left out; so is a hazard that is none."""
    cases, unknown = [], 0
    for number, entry in enumerate(entries, 1):
        try:
            case, boxes = _case(entry, looker, classes)
            if hazard_free:
                _require_no_hazard(case, looker)
            cases.append(case)
            unknown += boxes
        except LeftOutError as error:
            left_out.note(error)
        progress(number, len(entries))
    return Cases(cases=tuple(cases), unknown_boxes=unknown)


def _require_no_hazard(case: Case, looker: Looker) -> None:
    if looker.is_hazard[case.meanings[case.meanings >= 0]].any():
        what = "a hazard is labelled: take it out of --negatives, or correct its labels"
        raise LeftOutError(case.picture, "negative_shows_hazard", what)


def _case(entry: Entry, looker: Looker, classes: ClassList) -> tuple[Case, int]:
    labels = NOTHING if entry.labels is None else read_labels(entry.labels, classes)
    pixels = read_picture(entry.picture)
    try:
        seen = looker(pixels)
    except DetectorError as error:
        raise LeftOutError(entry.picture, "detector_error", str(error)) from error
    size_px = np.array([pixels.shape[1], pixels.shape[0]] * 2, np.float32)
    people = labels.boxes[labels.meanings == PERSON]
    case = Case(
        picture=entry.picture,
        found=seen.found,
        boxes=labels.boxes * size_px,
        meanings=labels.meanings,
        covered=None if seen.people is None else covered_by(people, seen.people),
    )
    return case, labels.unknown


def covered_by(boxes: Boxes, regions: MaskRegions) -> Bool[np.ndarray, "n"]:
    """Mark the boxes of picture 0 that are mostly covered by regions."""
    nothing = np.zeros(len(boxes), np.int64)
    asked = Detections(
        frame_index=nothing, xyxy=boxes, score=np.ones(len(boxes), np.float32), label=nothing
    )
    return mostly_covered(asked, regions)
