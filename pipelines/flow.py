"""The flow itself, the same in a worker and in ``watch``: looks in, alerts out."""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from models.packs import Pack, PackRefusedError
from pipelines.alerts import AlertBook
from pipelines.batcher import Batcher
from pipelines.detection import Detection
from pipelines.messages import Alert, Camera, Zone
from pipelines.metrics import WorkerMetrics
from pipelines.rules.persistence import CameraRules
from vision.polygons import WHOLE_PICTURE, Polygon, PolygonError, polygon

WHOLE_PICTURE_ZONE = "all"
"""The zone of a camera for which none was drawn."""


class ZoneError(ValueError):
    """A camera's zone can't be used. The text names both and says what to do."""


class Flow:
    """Batcher, detector, drop test, rules and alerts of a set of cameras, in one thread."""

    def __init__(
        self,
        *,
        pack: Pack,
        cameras: Sequence[Camera],
        drills: frozenset[str],
        epoch: int,
        metrics: WorkerMetrics,
    ) -> None:
        """Raise ``ZoneError`` or ``PackError`` for what can't be watched or watched with.

        ``drills`` names the cameras whose alerts are drills.
        """
        size_px = (pack.settings.input_height_px, pack.settings.input_width_px)
        self.input_size_px = size_px
        detector = pack.detector()
        if not detector.masks:
            raise PackRefusedError(
                f"{pack.name}: only the product's own pack watches cameras, until its masker can "
                "run beside another"
            )
        self.batcher = Batcher(size_px, pack.settings.batch_sizes, metrics)
        self._metrics = metrics
        self._detection = Detection(detector, metrics)
        self._rules = {
            camera.camera_id: CameraRules(
                camera_id=camera.camera_id,
                zones=_zones(camera),
                hazards=camera.hazards,
                labels=pack.settings.labels,
            )
            for camera in cameras
        }
        self._alerts = AlertBook(model=pack.name, epoch=epoch, drills=drills, metrics=metrics)

    def step(self, timeout_s: float) -> Iterator[Alert]:
        """Analyse the next batch, if one comes in time; yield each alert revision it makes."""
        batch = self.batcher.take(timeout_s)
        if batch is None:
            return
        for look in self._detection(batch):
            for event in self._rules[look.ref.camera_id].see(look):
                alert = self._alerts.record(event)
                if alert is not None:
                    yield alert
            age_s = (time.monotonic_ns() - look.ref.received_ns) / 1e9
            self._metrics.stage.labels("judged").observe(age_s)


def _zones(camera: Camera) -> dict[str, Polygon]:
    if not camera.zones:
        return {WHOLE_PICTURE_ZONE: WHOLE_PICTURE}
    zones = {zone.zone_id: _polygon(camera, zone) for zone in camera.zones}
    if len(zones) < len(camera.zones):
        raise ZoneError(f"{camera.camera_id}: a zone_id is used twice: give each zone its own")
    return zones


def _polygon(camera: Camera, zone: Zone) -> Polygon:
    try:
        return polygon(np.array(zone.polygon, np.float32))
    except PolygonError as error:
        raise ZoneError(f"{camera.camera_id}, zone {zone.zone_id}: {error}") from error
