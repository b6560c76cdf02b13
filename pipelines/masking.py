"""The pinned masker beside a pack that isn't the product's own.

A pack's own boxes of the role ``mask`` join the masker's, and count for nothing without it: where
people are is the pinned masker's to say.
"""

import time
from collections.abc import Sequence

import numpy as np

from pipelines.metrics import WorkerMetrics
from vision.arrays import BatchPixels, Detections
from vision.beside import Beside, canvas_px
from vision.detector import Detector, DetectorError
from vision.letterbox import Letterbox
from vision.masker import MaskRegions, joined


class MaskedDetector:
    """A foreign pack's detector, and the masker on every look in which it found something.

    Called as a ``Detector`` is, with pictures of ``input_size_px``.
    """

    def __init__(self, detector: Detector, masker: Detector, metrics: WorkerMetrics) -> None:
        """Raise ``ValueError`` if the masker's weights are not the pinned ones."""
        if not masker.masks:
            raise ValueError("only the pinned weights may say where people are")
        self.settings = detector.settings
        self.input_size_px = canvas_px(detector, masker)
        fits = detector.input_size_px == self.input_size_px
        self._detector: Detector | None = detector if fits else None
        self._shrunk = Beside(detector)
        self._masker = Beside(masker)
        self._metrics = metrics

    def __call__(
        self, pixels: BatchPixels, letterboxes: Sequence[Letterbox]
    ) -> tuple[Detections, MaskRegions | None]:
        """Return what is in the pictures and, apart, where people are, if the masker can say.

        Raises ``DetectorError`` if the pack's own network fails; ``None`` stands for a masker
        that did, and for a batch in which there is nothing to cover.
        """
        everything = np.arange(len(letterboxes))
        if self._detector is None:
            detections, more = self._shrunk(pixels, letterboxes, everything)
        else:
            detections, more = self._detector.with_regions(pixels, letterboxes)
        looks = np.unique(detections.frame_index)
        if not len(looks):
            return detections, None
        started_s = time.perf_counter()
        try:
            _, regions = self._masker(pixels, letterboxes, looks)
        except DetectorError:
            self._metrics.masker_errors.inc()
            return detections, None
        self._metrics.masker.observe(time.perf_counter() - started_s)
        return detections, joined([(regions, everything), (more, everything)])
