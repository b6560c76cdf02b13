"""The detector over single pictures, with its thresholds lowered so that whole curves show.

People come out as ever: as opaque regions, at the masker's own threshold, from the pinned weights
alone. Beside another's pack the product's own runs for that.
"""

import time
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from models.packs import Pack, load_masker
from models.scoring import Found
from vision.arrays import BatchPixels, Detections, Pixels
from vision.detector import Detector, DetectorError, DetectorSettings
from vision.letterbox import PAD_VALUE, Letterbox, fit
from vision.masker import MaskRegions
from vision.roles import Role

LEAST_SCORE: Final = 0.02
"""Where curves end: below, boxes are noise by the thousand."""

TIMED_LOOKS: Final = 60
"""So many looks are timed: their median no longer moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one look gave."""

    found: Found
    """Hazards and vehicles in source pixels, strongest first."""
    people: MaskRegions | None
    """Opaque; ``None`` where there is no masker."""


class Looker:
    """A pack's detector, for one picture at a time."""

    def __init__(self, pack: Pack) -> None:
        """Raise ``PackError`` for a pack that can't run."""
        self.pack = pack
        self._settings = pack.settings
        self._product = pack.detector()
        labels = tuple(replace(one, threshold=LEAST_SCORE) for one in pack.settings.labels)
        self._detector = replace(pack, settings=replace(pack.settings, labels=labels)).detector()
        self._masker = None if self._detector.masks else load_masker()
        self._spans_ms: list[float] = []
        self.is_hazard: Bool[np.ndarray, "c"] = self._of(Role.HAZARD)
        self.is_vehicle: Bool[np.ndarray, "c"] = self._of(Role.VEHICLE)
        self.thresholds = np.array([one.threshold for one in pack.settings.labels], np.float32)
        """The pack's own, by label."""

    def _of(self, role: Role) -> Bool[np.ndarray, "c"]:
        return np.array([one.role is role for one in self._settings.labels])

    def __call__(self, picture: Pixels) -> Seen:
        """Look at a picture. Raises ``DetectorError`` for output that isn't finite."""
        batch, box = _input(picture, self._settings)
        if len(self._spans_ms) < TIMED_LOOKS:
            started_s = time.perf_counter()
            self._product(batch, [box])
            self._spans_ms.append((time.perf_counter() - started_s) * 1e3)
        detections, people = self._detector(batch, [box])
        if self._masker is not None:
            people = self._regions(picture, self._masker)
        return Seen(found=_in_pixels(detections, picture), people=people)

    @property
    def ms_per_image(self) -> float:
        """The median of the detector as the product runs it, on one thread; no decoding."""
        return float(np.median(self._spans_ms)) if self._spans_ms else 0.0

    @staticmethod
    def _regions(picture: Pixels, masker: Detector) -> MaskRegions | None:
        batch, box = _input(picture, masker.settings)
        try:
            return masker(batch, [box])[1]
        except DetectorError:
            return None


def _input(
    picture: UInt8[np.ndarray, "H W 3"], settings: DetectorSettings
) -> tuple[BatchPixels, Letterbox]:
    """Return a picture in the model's input, as FFmpeg's scaler and the batcher would put it."""
    height_px, width_px = settings.input_height_px, settings.input_width_px
    box = fit((picture.shape[1], picture.shape[0]), height_px, width_px)
    size = (box.content_width_px, box.content_height_px)
    smaller = size[0] < picture.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    batch = np.full((settings.batch_sizes[0], height_px, width_px, 3), PAD_VALUE, np.uint8)
    batch[0, : size[1], : size[0]] = cv2.resize(picture, size, interpolation=way)
    return batch, box


def _in_pixels(detections: Detections, picture: Pixels) -> Found:
    order = np.argsort(-detections.score, kind="stable")
    size_px = np.array([picture.shape[1], picture.shape[0]] * 2, np.float32)
    return Found(
        boxes=detections.xyxy[order] * size_px,
        labels=detections.label[order],
        scores=detections.score[order],
    )
