"""``fengsui eval evidence``: whether evidence shows anybody, on labelled pictures.

Each labelled person, and each labelled vehicle, is taken for a hazard in turn: the box that stays
sharp is laid right over him. Nothing of the pictures is written anywhere.
"""

import runpy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from models.packs import load_masker, load_pack
from pipelines.evaluate.cases import Read, Told, read_all
from pipelines.evaluate.faults import EvaluationError, LeftOut, LeftOutError, shown
from pipelines.evaluate.figures import Figures, rounded
from pipelines.evaluate.folder import Labels, entries, spread
from pipelines.evaluate.names import PERSON, class_list
from pipelines.evaluate.pictures import read_picture
from vision.arrays import Boxes, Pixels
from vision.covering import PEOPLE_FILL, Box
from vision.evidence import EvidenceFrame, EvidenceMaker
from vision.hazards import Hazard
from vision.letterbox import PAD_VALUE, fit
from vision.roles import Role

LEAST_PERSON_PX: Final = 32.0
"""Smaller ones show no face."""

LEAST_VEHICLE_PX: Final = 48.0
"""Smaller ones show no plate."""

FILLED: Final = 0.9
"""Of a labelled person's box: what is left is no one."""

PLATE_SHARE: Final = (0.26, 0.065)
"""Of a vehicle's width: how wide and high the plate is that is drawn on it, 440 mm of 1.7 m."""

MOST_PLATE_PX: Final = 16
"""One that has no more pixels of its own across can't be read."""

FULL_SIZE_PX: Final = (1920, 1080)

TIMED: Final = 30

Judge = Callable[[Pixels], Sequence[tuple[float, ...]]]
"""Finds people in a BGR picture; an own detector's, of another family."""


@dataclass(slots=True, kw_only=True)
class _Tally:
    filled: list[float] = field(default_factory=list)
    plates: list[int] = field(default_factory=list)
    found_before: int = 0
    found_after: int = 0


class _Stage:
    """A worker's look at a picture, and the maker of evidence."""

    def __init__(self) -> None:
        self._detector, self._maker = load_masker(), EvidenceMaker(load_masker(covering=True))

    def frame(self, pixels: Pixels) -> EvidenceFrame:
        """Look at a picture as a worker does."""
        height_px, width_px = self._detector.input_size_px
        box = fit((pixels.shape[1], pixels.shape[0]), height_px, width_px)
        batch = np.full((1, height_px, width_px, 3), PAD_VALUE, np.uint8)
        content = (box.content_width_px, box.content_height_px)
        batch[0, : content[1], : content[0]] = cv2.resize(
            pixels, content, interpolation=cv2.INTER_AREA
        )
        things, regions = self._detector(batch, [box])
        vehicles = things.xyxy[self._detector.is_vehicle[things.label]]
        return EvidenceFrame(pixels=pixels, regions=regions, picture=0, vehicles=vehicles, at_s=0.0)

    def shown(self, frame: EvidenceFrame, box: Box | None, hazard: Hazard) -> Pixels:
        """Return the evidence of it."""
        return next(self._maker.still([frame], box, hazard).pictures())


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRequest:
    """What the command was asked."""

    folder: Path
    """The labelled pictures."""
    names: str | None
    """The class list, or a file that holds it."""
    limit: int | None
    """At most so many pictures."""
    judge: Path | None
    """A Python file whose ``people`` finds people."""


def measure(asked: EvidenceRequest, tell: Callable[[str], None], told: Told) -> Figures:
    """Mask every picture of a folder once for each labelled person and vehicle in it.

    Raises ``EvaluationError`` or ``PackError``.
    """
    left_out, stage, tally = LeftOut(tell=tell), _Stage(), _Tally()
    labels = load_pack().settings.labels
    classes = class_list(asked.names, asked.folder, labels)
    is_vehicle = [label.role is Role.VEHICLE for label in labels]
    finds = None if asked.judge is None else _judge(asked.judge)
    every = entries(asked.folder, left_out, labelled=True)
    read = read_all(spread(every, asked.limit), left_out)
    for number, (one, pixels) in enumerate(_pictures(read, left_out), 1):
        meant = classes.meant(one.numbers)
        of_vehicles = np.array([row >= 0 and is_vehicle[row] for row in meant], np.bool_)
        _people(pixels, one.boxes[meant == PERSON], stage, tally, finds)
        _plates(pixels, one.boxes[of_vehicles], stage, tally)
        told(number, len(read))
    return {**_figures(tally), "left_out": dict(sorted(left_out.reasons.items()))}


def _pictures(read: Sequence[Read], left_out: LeftOut) -> Iterator[tuple[Labels, Pixels]]:
    for entry, labels in read:
        try:
            yield labels, read_picture(entry.picture)
        except LeftOutError as error:
            left_out.note(error)


def _people(
    pixels: Pixels, boxes: Boxes, stage: _Stage, tally: _Tally, finds: Judge | None
) -> None:
    large = boxes[_longer_px(boxes, pixels) >= LEAST_PERSON_PX]
    if not len(large):
        return
    frame = stage.frame(pixels)
    for box in large:
        picture = stage.shown(frame, _box(box), Hazard.FIRE)
        tally.filled.append(float((_part(picture, box) == PEOPLE_FILL).all(axis=-1).mean()))
    if finds is not None and finds(pixels):
        tally.found_before += 1
        # Without a sharp part: what lies about it is what must show nobody.
        tally.found_after += bool(finds(stage.shown(frame, None, Hazard.FIRE)))


def _plates(pixels: Pixels, boxes: Boxes, stage: _Stage, tally: _Tally) -> None:
    for box in boxes[_longer_px(boxes, pixels) >= LEAST_VEHICLE_PX]:
        drawn, plate = _with_plate(pixels, box)
        picture = stage.shown(stage.frame(drawn), _box(box), Hazard.FIRE)
        tally.plates.append(_across(_part(picture, plate)))


def _across(plate: Pixels) -> int:
    """Return how many pixels of its own a plate of noise has left across: cells of a mosaic."""
    if not plate.size:
        return 0
    changes = (np.diff(plate.astype(np.int16), axis=1) != 0).any(axis=2).sum(axis=1)
    return 1 + int(changes.max(initial=0))


def _with_plate(
    pixels: Pixels, box: Float32[np.ndarray, "4"]
) -> tuple[Pixels, Float32[np.ndarray, "4"]]:
    """Draw a plate of noise at a vehicle's foot; return the picture and where the plate is."""
    wide, high = (box[2] - box[0]) * np.array(PLATE_SHARE)
    x, y = (box[0] + box[2]) / 2, box[3] - (box[3] - box[1]) * 0.2
    high *= pixels.shape[1] / pixels.shape[0]
    plate = np.array([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2], np.float32)
    plate = plate.clip(0.0, 1.0)
    result = pixels.copy()
    part = _part(result, plate)
    part[:] = np.random.default_rng(0).integers(0, 256, part.shape)
    return result, plate


def _figures(tally: _Tally) -> Figures:
    filled, plates = np.array(tally.filled), np.array(tally.plates)
    return {
        "people": len(filled),
        "filled_share": rounded(float((filled >= FILLED).mean())) if len(filled) else None,
        "least_filled": rounded(float(filled.min())) if len(filled) else None,
        "plates": len(plates),
        "plates_wider_than_16_px": int((plates > MOST_PLATE_PX).sum()),
        "found_before": tally.found_before,
        "found_after": tally.found_after,
        "ms_per_picture": rounded(_ms_at_full_size()),
    }


def _ms_at_full_size() -> float:
    """Return what masking a 1080p frame takes of one thread, the shrinking and JPEG included."""
    stage, pixels = _Stage(), np.full((*FULL_SIZE_PX[::-1], 3), 90, np.uint8)
    pixels[300:700, 600:1200] = np.random.default_rng(0).integers(0, 255, (400, 600, 3))
    frame, times_s = stage.frame(pixels), []
    for _ in range(TIMED):
        began_s = time.thread_time()
        stage.shown(frame, (0.3, 0.3, 0.6, 0.6), Hazard.FIRE)
        times_s.append(time.thread_time() - began_s)
    return float(np.median(times_s)) * 1e3


def _judge(path: Path) -> Judge:
    """Return ``people`` of a Python file. Raises ``EvaluationError``."""
    try:
        finds = runpy.run_path(str(path))["people"]
    except Exception as error:
        raise EvaluationError(
            f"--judge {shown(path)}: {type(error).__name__}: {error}: give a Python file with "
            "`people(bgr) -> boxes`"
        ) from error
    if not callable(finds):
        raise EvaluationError(f"--judge {shown(path)}: `people` is no function")
    found: Judge = finds
    return found


def _longer_px(boxes: Boxes, pixels: Pixels) -> Float32[np.ndarray, "n"]:
    size = np.array([pixels.shape[1], pixels.shape[0]], np.float32)
    return np.asarray(((boxes[:, 2:] - boxes[:, :2]) * size).max(axis=1, initial=0.0))


def _box(box: Float32[np.ndarray, "4"]) -> Box:
    x0, y0, x1, y1 = map(float, box)
    return x0, y0, x1, y1


def _part(picture: Pixels, box: Float32[np.ndarray, "4"]) -> UInt8[np.ndarray, "oh ow 3"]:
    height_px, width_px = picture.shape[:2]
    x0, y0, x1, y1 = (box * ([width_px, height_px] * 2)).round().astype(int)
    return picture[y0:y1, x0:x1]
