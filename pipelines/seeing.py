"""From a batch to looks: the detector, the drop test, the voids and the measures, in this order.

Whatever depends on where people are is done here; what leaves holds nothing of it.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float32

from pipelines.detection import Detection, Found
from pipelines.eyes import Eyes
from pipelines.frames import Frame, FrameBatch, Look, Sighted
from pipelines.messages import BoxShares
from pipelines.metrics import WorkerMetrics
from pipelines.rules.moment import Columns
from pipelines.voids import Voids
from pipelines.zones import Zones
from vision.arrays import Detections
from vision.detector import Detector
from vision.hazards import Hazard
from vision.masker import touched

if TYPE_CHECKING:
    from pipelines.album import Album
    from pipelines.masking import MaskedDetector

NOTHING: Final = Detections(
    frame_index=np.zeros(0, np.int64),
    xyxy=np.zeros((0, 4), np.float32),
    score=np.zeros(0, np.float32),
    label=np.zeros(0, np.int64),
)
"""What is found where nothing has changed since nothing was found."""


class Seeing:
    """The stages before the rules, of a worker's cameras. Used by one thread."""

    def __init__(
        self,
        detector: "Detector | MaskedDetector",
        metrics: WorkerMetrics,
        album: "Album | None" = None,
    ) -> None:
        """``album`` keeps the frames that alerts' pictures are made of, if somebody makes any."""
        self.columns = Columns(labels=detector.settings.labels)
        self._metrics = metrics
        self._album = album
        self._hazards = [label.hazard for label in detector.settings.labels]
        self._detection = Detection(detector, metrics)
        self._eyes = Eyes(self.columns)
        self._voids = Voids(self.columns, metrics)
        self._is_vehicle = self.columns.vehicles
        self._standing: dict[str, Detections] = {}

    def watch(self, camera_id: str, zones: Zones, hazards: tuple[Hazard, ...]) -> None:
        """Measure what these hazards need, from now on."""
        # What is new on the ground may be a person. Nobody says so but the product's own masker,
        # and that doesn't see every look of a foreign pack.
        measured = zones if self._detection.is_own else replace(zones, areas=())
        self._eyes.watch(camera_id, measured, hazards)

    def forget(self, camera_id: str) -> None:
        """Forget a camera that is watched no more."""
        self._eyes.forget(camera_id)
        self._voids.forget(camera_id)
        self._standing.pop(camera_id, None)

    def looks(self, batch: FrameBatch) -> list[Look]:
        """Return a look of each picture of the batch, but those that the detector refuses."""
        if not batch.frames:
            return []
        with self._metrics.cpu("detect"):
            found = list(self._detection(batch))
        with self._metrics.cpu("measure"):
            return [self._measured(batch, one) for one in found]

    def unchanged(self, frame: Frame) -> Look:
        """Return the look of a place in which nothing has changed: what stood there stands."""
        found = self._standing.get(frame.ref.camera_id, NOTHING)
        if self._album is not None:
            self._album.turn(frame.ref.camera_id, frame.ref.captured_at.timestamp())
        with self._metrics.cpu("measure"):
            self._voids.remember_again(frame.ref.camera_id, frame.ref.captured_at)
            measures = self._eyes.see(frame.ref, frame.pixels, found)
            return self._voids.cleaned(Look(ref=frame.ref, detections=found, measures=measures))

    def _measured(self, batch: FrameBatch, found: Found) -> Look:
        ref, box = found.ref, found.ref.letterbox
        if found.regions is not None:
            self._voids.remember(
                ref.camera_id, found.regions, found.picture, ref.captured_at, found.detections
            )
        pixels = batch.pixels[found.row, : box.content_height_px, : box.content_width_px]
        measures = self._eyes.see(ref, pixels, found.detections)
        if found.regions is None:  # nobody can say whether what is new is a person
            measures = replace(measures, things=None)
        elif self._hides_the_scale(found):
            measures = replace(measures, water=None)
        is_vehicle = self._is_vehicle[found.detections.label]
        self._standing[ref.camera_id] = found.detections.where(is_vehicle)
        look = self._voids.cleaned(Look(ref=ref, detections=found.detections, measures=measures))
        self._keep(batch, found, look)
        return look

    def _keep(self, batch: FrameBatch, found: Found, look: Look) -> None:
        """Keep the look's picture for evidence, if it brought one."""
        if self._album is None:
            return
        self._album.turn(look.ref.camera_id, look.ref.captured_at.timestamp())
        closeup = batch.evidence[found.row] if batch.evidence else None
        if closeup is not None:
            vehicles = found.detections.xyxy[self._is_vehicle[found.detections.label]]
            self._album.put(found, closeup, vehicles, self._seen(look))

    def _seen(self, look: Look) -> tuple[Sighted, ...]:
        rows = zip(look.detections.label, look.detections.xyxy, look.detections.score, strict=True)
        named = ((self._hazards[label], box, score) for label, box, score in rows)
        return tuple(
            Sighted(hazard=hazard, box=_shares(box), score=float(score))
            for hazard, box, score in named
            if hazard is not None
        )

    def _hides_the_scale(self, found: Found) -> bool:
        """Say whether somebody stands before the water scale: legs are no waterline."""
        strip = self._eyes.strip(found.ref.camera_id)
        if strip is None or found.regions is None:
            return False
        return bool(touched(found.regions, found.picture, strip).any())


def _shares(box: Float32[np.ndarray, "4"]) -> BoxShares:
    x0, y0, x1, y1 = np.clip(box, 0.0, 1.0).tolist()
    return x0, y0, x1, y1
