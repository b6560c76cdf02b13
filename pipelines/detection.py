"""From a batch to looks: the detector, then the drop test, before any rule."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pipelines.frames import FrameBatch, FrameRef
from pipelines.metrics import WorkerMetrics
from vision.arrays import BatchPixels, Detections
from vision.detector import Detector, DetectorError
from vision.droptest import FOREIGN, OWN, Dropped, DropTest
from vision.masker import MaskRegions

if TYPE_CHECKING:
    from pipelines.masking import MaskedDetector


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one picture of a batch gave."""

    ref: FrameRef
    """Whose and when."""
    row: int
    """Where its pixels are in the batch."""
    detections: Detections
    """After the drop test."""
    regions: MaskRegions | None
    """Where people are, for the memory of such places alone; ``None``: nobody can say."""
    picture: int
    """Its number among the pictures of ``regions``."""


class Detection:
    """The inference stage of one loop."""

    def __init__(self, detector: "Detector | MaskedDetector", metrics: WorkerMetrics) -> None:
        self._detector = detector
        self.is_own = isinstance(detector, Detector) and detector.masks
        """Whether the weights are the product's own, which say where people are in every look."""
        self._drop_test = DropTest(detector.settings.labels, OWN if self.is_own else FOREIGN)
        self._metrics = metrics

    def __call__(self, batch: FrameBatch) -> Iterator[Found]:
        """Yield what each picture of the batch gave, but those that the detector refuses."""
        try:
            found = self._found(batch.pixels, batch.frames)
        except DetectorError:
            self._metrics.detector_errors.inc()
            found = self._singly(batch)
        yield from found

    def _singly(self, batch: FrameBatch) -> list[Found]:
        """Return what a refused batch gives: one bad picture must not blind its neighbours."""
        size = self._detector.settings.batch_sizes[0]
        found = []
        for row, ref in enumerate(batch.frames):
            pixels = batch.pixels[row : row + 1].repeat(size, axis=0)
            try:
                found += [replace(one, row=row) for one in self._found(pixels, [ref])]
            except DetectorError:
                self._metrics.drop("detector_error")
        return found

    def _found(self, pixels: BatchPixels, frames: Sequence[FrameRef]) -> list[Found]:
        started_s = time.perf_counter()
        detections, regions = self._detector(pixels, [ref.letterbox for ref in frames])
        self._metrics.inference.observe(time.perf_counter() - started_s)
        self._metrics.batch_size.observe(len(frames))
        self._metrics.frames_analysed.inc(len(frames))
        # A foreign pack's masker saw no other pictures than those in which that found something.
        looked_at = frozenset(detections.frame_index.tolist())
        close = np.array([ref.is_burst for ref in frames], np.bool_)
        kept, dropped = self._drop_test(detections, regions, close)
        self._count(dropped)
        for ref in frames:
            age_s = (time.monotonic_ns() - ref.received_ns) / 1e9
            self._metrics.stage.labels("detected").observe(age_s)
        return [
            Found(
                ref=ref,
                row=row,
                detections=kept.where(np.equal(kept.frame_index, row)),
                regions=regions if self.is_own or row in looked_at else None,
                picture=row,
            )
            for row, ref in enumerate(frames)
        ]

    def _count(self, dropped: Dropped) -> None:
        self._metrics.looks_with_drops("mostly_person", dropped.mostly_person)
        self._metrics.looks_with_drops("no_masker", dropped.no_masker)
        self._metrics.looks_with_drops("foreign_pack", dropped.foreign_pack)
