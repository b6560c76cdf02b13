"""A detector fed from another's pictures: the pinned masker, beside a pack that isn't its own.

Cameras' pictures are scaled once, by FFmpeg, into a canvas that is at least as large as each
network's input. So whoever needs less gets it by shrinking: a pack with a small input can't blur
what the masker sees.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Int64

from vision.arrays import BatchPixels, Detections
from vision.detector import Detector
from vision.letterbox import PAD_VALUE, Letterbox, fit
from vision.masker import MaskRegions, joined


def canvas_px(detector: Detector, masker: Detector) -> tuple[int, int]:
    """Return height and width of the smallest picture that holds both networks' inputs."""
    own, other = detector.input_size_px, masker.input_size_px
    return max(own[0], other[0]), max(own[1], other[1])


class Beside:
    """A detector that looks at chosen pictures of a batch whose size isn't its own.

    Not thread-safe, as the detector itself.
    """

    def __init__(self, detector: Detector) -> None:
        self.settings = detector.settings
        self._detector = detector
        size = (self.settings.batch_sizes[-1], *detector.input_size_px, 3)
        self._arena = np.full(size, PAD_VALUE, np.uint8)

    def __call__(
        self,
        pixels: BatchPixels,
        letterboxes: Sequence[Letterbox],
        pictures: Int64[np.ndarray, "m"],
    ) -> tuple[Detections, MaskRegions]:
        """Return what is in the chosen pictures, under their numbers in the batch.

        ``letterboxes`` say how each picture lies in ``pixels``; ``pictures`` are the chosen rows.
        Mask regions are those of ``Detector.with_regions``. Raises ``DetectorError``.
        """
        at_once = self.settings.batch_sizes[-1]
        things: list[Detections] = []
        regions: list[tuple[MaskRegions, Int64[np.ndarray, "_"]]] = []
        for start in range(0, len(pictures), at_once):
            rows = pictures[start : start + at_once]
            found, where = self._look(pixels, [letterboxes[row] for row in rows], rows)
            things.append(found)
            regions.append((where, rows))
        return _one_table(things), joined(regions)

    def _look(
        self,
        pixels: BatchPixels,
        letterboxes: Sequence[Letterbox],
        rows: Int64[np.ndarray, "k"],
    ) -> tuple[Detections, MaskRegions]:
        size = next(size for size in self.settings.batch_sizes if size >= len(rows))
        own = [
            self._copy(pixels[row], letterbox, place)
            for place, (row, letterbox) in enumerate(zip(rows, letterboxes, strict=True))
        ]
        found, regions = self._detector.with_regions(self._arena[:size], own)
        moved = Detections(
            frame_index=rows[found.frame_index],
            xyxy=found.xyxy,
            score=found.score,
            label=found.label,
        )
        return moved, regions

    def _copy(self, picture: np.ndarray, letterbox: Letterbox, place: int) -> Letterbox:
        """Scale one picture's content into the arena; return how it lies there."""
        content_px = (letterbox.content_width_px, letterbox.content_height_px)
        own = fit(content_px, *self._detector.input_size_px)
        target = self._arena[place]
        target[:] = PAD_VALUE
        target[: own.content_height_px, : own.content_width_px] = cv2.resize(
            picture[: letterbox.content_height_px, : letterbox.content_width_px],
            (own.content_width_px, own.content_height_px),
            interpolation=cv2.INTER_AREA,
        )
        return own


def _one_table(tables: Sequence[Detections]) -> Detections:
    return Detections(
        frame_index=np.concatenate([np.zeros(0, np.int64), *(t.frame_index for t in tables)]),
        xyxy=np.concatenate([np.zeros((0, 4), np.float32), *(t.xyxy for t in tables)]),
        score=np.concatenate([np.zeros(0, np.float32), *(t.score for t in tables)]),
        label=np.concatenate([np.zeros(0, np.int64), *(t.label for t in tables)]),
    )
