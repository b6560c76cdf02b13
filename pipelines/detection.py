"""From a batch to looks: the detector, then the drop test, before any rule."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipelines.frames import FrameBatch, FrameRef, Look
from pipelines.metrics import WorkerMetrics
from vision.arrays import BatchPixels
from vision.detector import Detector, DetectorError
from vision.droptest import FOREIGN, OWN, Dropped, DropTest

if TYPE_CHECKING:
    from pipelines.masking import MaskedDetector


class Detection:
    """The inference stage of one loop."""

    def __init__(self, detector: "Detector | MaskedDetector", metrics: WorkerMetrics) -> None:
        self._detector = detector
        is_own = isinstance(detector, Detector) and detector.masks
        self._drop_test = DropTest(detector.settings.labels, OWN if is_own else FOREIGN)
        self._metrics = metrics

    def __call__(self, batch: FrameBatch) -> Iterator[Look]:
        """Yield a look for each picture of the batch, but those that the detector refuses."""
        try:
            looks = self._looks(batch.pixels, batch.frames)
        except DetectorError:
            self._metrics.detector_errors.inc()
            looks = self._singly(batch)
        yield from looks

    def _singly(self, batch: FrameBatch) -> list[Look]:
        """Return the looks of a refused batch: one bad picture must not blind its neighbours."""
        size = self._detector.settings.batch_sizes[0]
        looks = []
        for row, ref in enumerate(batch.frames):
            try:
                looks += self._looks(batch.pixels[row : row + 1].repeat(size, axis=0), [ref])
            except DetectorError:
                self._metrics.drop("detector_error")
        return looks

    def _looks(self, pixels: BatchPixels, frames: Sequence[FrameRef]) -> list[Look]:
        started_s = time.perf_counter()
        detections, regions = self._detector(pixels, [ref.letterbox for ref in frames])
        self._metrics.inference.observe(time.perf_counter() - started_s)
        self._metrics.batch_size.observe(len(frames))
        self._metrics.frames_analysed.inc(len(frames))
        kept, dropped = self._drop_test(detections, regions)
        self._count(dropped)
        for ref in frames:
            age_s = (time.monotonic_ns() - ref.received_ns) / 1e9
            self._metrics.stage.labels("detected").observe(age_s)
        return [
            Look(ref=ref, detections=kept.where(np.equal(kept.frame_index, row)))
            for row, ref in enumerate(frames)
        ]

    def _count(self, dropped: Dropped) -> None:
        self._metrics.looks_with_drops("mostly_person", dropped.mostly_person)
        self._metrics.looks_with_drops("no_masker", dropped.no_masker)
        self._metrics.looks_with_drops("foreign_pack", dropped.foreign_pack)
