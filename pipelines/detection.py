"""From a batch to looks: the detector, then the drop test, before any rule."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from pipelines.frames import FrameBatch, Look
from pipelines.metrics import WorkerMetrics
from vision.detector import Detector, DetectorError
from vision.droptest import DropTest

if TYPE_CHECKING:
    from pipelines.masking import MaskedDetector


class Detection:
    """The inference stage of one loop."""

    def __init__(self, detector: "Detector | MaskedDetector", metrics: WorkerMetrics) -> None:
        self._detector = detector
        self._drop_test = DropTest(detector.settings.labels)
        self._metrics = metrics

    def __call__(self, batch: FrameBatch) -> Iterator[Look]:
        """Yield a look for each picture of the batch; none if the detector refuses it."""
        started_s = time.perf_counter()
        try:
            detections, regions = self._detector(
                batch.pixels, [ref.letterbox for ref in batch.frames]
            )
        except DetectorError:
            self._metrics.detector_errors.inc()
            self._metrics.drop("detector_error", len(batch.frames))
            return
        self._metrics.inference.observe(time.perf_counter() - started_s)
        self._metrics.batch_size.observe(len(batch.frames))
        self._metrics.frames_analysed.inc(len(batch.frames))
        kept, dropped = self._drop_test(detections, regions)
        self._metrics.looks_with_drops("mostly_person", dropped.mostly_person)
        self._metrics.looks_with_drops("no_masker", dropped.no_masker)
        for row, ref in enumerate(batch.frames):
            age_s = (time.monotonic_ns() - ref.received_ns) / 1e9
            self._metrics.stage.labels("detected").observe(age_s)
            yield Look(ref=ref, detections=kept.where(np.equal(kept.frame_index, row)))
