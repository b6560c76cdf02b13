"""The flow itself, the same in a worker and in ``watch``: looks in, alerts out."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from models.packs import Pack, load_masker
from pipelines.alerts import AlertBook
from pipelines.batcher import Batcher
from pipelines.bursts import Bursts
from pipelines.detection import Detection
from pipelines.frames import FrameBatch, Look
from pipelines.gate import Gate
from pipelines.messages import Alert, Camera, Zone
from pipelines.metrics import WorkerMetrics
from pipelines.rules.persistence import CameraRules, Event
from vision.arrays import Detections
from vision.detector import Detector
from vision.polygons import WHOLE_PICTURE, Polygon, PolygonError, polygon
from vision.roles import Role

if TYPE_CHECKING:
    from pipelines.masking import MaskedDetector

NOTHING: Final = Detections(
    frame_index=np.zeros(0, np.int64),
    xyxy=np.zeros((0, 4), np.float32),
    score=np.zeros(0, np.float32),
    label=np.zeros(0, np.int64),
)
"""What is found where nothing has changed since nothing was found."""

WHOLE_PICTURE_ZONE = "all"
"""The zone of a camera for which none was drawn."""


class ZoneError(ValueError):
    """A camera's zone can't be used. The text names both and says what to do."""

    code = "bad_zone"


class Flow:
    """Batcher, detector, drop test, rules and alerts of a set of cameras, in one thread."""

    def __init__(
        self,
        *,
        pack: Pack,
        drills: frozenset[str],
        epoch: int,
        metrics: WorkerMetrics,
        gated: bool = True,
    ) -> None:
        """Raise ``PackError`` for a pack that can't be watched with.

        ``drills`` names the cameras whose alerts are drills; unless ``gated``, the detector sees
        every look, also of places in which nothing has changed.
        """
        detector = _detector(pack, metrics)
        self.input_size_px = detector.input_size_px
        self._gate = Gate(self.input_size_px) if gated else None
        self.bursts = Bursts(metrics)
        self.batcher = Batcher(self.input_size_px, pack.settings.batch_sizes, metrics, self._gate)
        self._metrics = metrics
        self._detection = Detection(detector, metrics)
        self._labels = pack.settings.labels
        self._is_hazard = np.array([label.role is Role.HAZARD for label in self._labels])
        self._rules: dict[str, CameraRules] = {}
        self._alerts = AlertBook(model=pack.name, epoch=epoch, drills=drills, metrics=metrics)

    def watch(self, camera: Camera) -> list[Alert]:
        """Watch for a camera's hazards in its zones, from now on or instead of what was before.

        Returns the ends of alerts that this leaves without a rule. Raises ``ZoneError``, and then
        nothing has changed.
        """
        zones = zones_of(camera)
        rules = self._rules.get(camera.camera_id)
        if rules is not None:
            return self._record(rules.revise(zones, camera.hazards))
        self._rules[camera.camera_id] = CameraRules(
            camera_id=camera.camera_id, zones=zones, hazards=camera.hazards, labels=self._labels
        )
        return []

    def forget(self, camera_id: str) -> list[Alert]:
        """Watch a camera no more; returns the ends of its open alerts."""
        self.batcher.forget(camera_id)
        self.bursts.forget(camera_id)
        rules = self._rules.pop(camera_id, None)
        return [] if rules is None else self._record(rules.revise({}, ()))

    def is_calm(self, camera_id: str) -> bool:
        """Say whether nothing is on at a camera and its last looks gave no sign of anything."""
        rules = self._rules.get(camera_id)
        return rules is None or rules.is_calm

    def step(self, timeout_s: float) -> Iterator[Alert]:
        """Analyse the next batch, if one comes in time; yield each alert revision it makes."""
        batch = self.batcher.take(timeout_s)
        if batch is None:
            return
        self._metrics.looks_unchanged.inc(len(batch.unchanged))
        for ref in batch.unchanged:
            yield from self._judge(Look(ref=ref, detections=NOTHING))
        for look in self._looks(batch):
            yield from self._judge(look)
            rules = self._rules[look.ref.camera_id]
            if self._gate is not None and look.ref.is_due:
                is_empty = not self._is_hazard[look.detections.label].any()
                self._gate.judged(look.ref, quiet=is_empty and rules.is_calm)
            if rules.suspects:
                self.bursts.ask(look.ref.camera_id)

    def _looks(self, batch: FrameBatch) -> list[Look]:
        if not batch.frames:
            return []
        with self._metrics.cpu("detect"):
            return list(self._detection(batch))

    def _judge(self, look: Look) -> list[Alert]:
        with self._metrics.cpu("judge"):
            alerts = self._record(self._rules[look.ref.camera_id].see(look))
        age_s = (time.monotonic_ns() - look.ref.received_ns) / 1e9
        self._metrics.stage.labels("judged").observe(age_s)
        return alerts

    def _record(self, events: Iterable[Event]) -> list[Alert]:
        alerts = [self._alerts.record(event) for event in events]
        return [alert for alert in alerts if alert is not None]


def _detector(pack: Pack, metrics: WorkerMetrics) -> "Detector | MaskedDetector":
    """Return the pack's detector; if its weights aren't the pinned masker's, with that beside it.

    Raises ``PackError``.
    """
    detector = pack.detector()
    if detector.masks:
        return detector
    # OpenCV comes with it: 16 MB and 60 ms that a worker with the product's pack saves.
    from pipelines.masking import MaskedDetector  # noqa: PLC0415

    return MaskedDetector(detector, load_masker(), metrics)


def zones_of(camera: Camera) -> dict[str, Polygon]:
    """Return a camera's zones by their ids. Raises ``ZoneError``."""
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
