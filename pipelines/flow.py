"""The flow itself, the same in a worker and in ``watch``: looks in, alerts out."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from models.known_answers import require_known_answers
from models.packs import Pack, load_masker
from pipelines.alerts import AlertBook
from pipelines.batcher import Batcher
from pipelines.bursts import Bursts
from pipelines.daily import DAILY_MOST
from pipelines.figures import LookCount
from pipelines.frames import FrameBatch, Look
from pipelines.gate import Gate
from pipelines.judge import Judge, shows_another_place, watches_otherwise
from pipelines.keepsakes import Keepsakes
from pipelines.messages import Alert, Camera, EvidenceAbsence
from pipelines.metrics import WorkerMetrics
from pipelines.rules.events import Event
from pipelines.scores import ScoreKeeper
from pipelines.seeing import Seeing
from pipelines.zones import zones_of
from vision.detector import Detector

if TYPE_CHECKING:
    from pipelines.evidence_desk import EvidenceDesk, Outcome
    from pipelines.masking import MaskedDetector

log = structlog.get_logger()


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
        scores: ScoreKeeper | None = None,
        keepsakes: Keepsakes | None = None,
        desk: "EvidenceDesk | None" = None,
    ) -> None:
        """Raise ``PackError`` for a pack that can't be watched with.

        ``drills`` names the cameras whose alerts are drills; unless ``gated``, the detector sees
        every look, also of places in which nothing has changed. ``scores`` takes what candidates
        of hazards score, ``keepsakes`` have what the rules of an earlier process remembered.
        Without a ``desk`` nobody makes pictures, and alerts say so.
        """
        detector = detector_of(pack, metrics)
        self.input_size_px = detector.input_size_px
        self._gate = Gate(self.input_size_px) if gated else None
        self.bursts = Bursts(metrics)
        self.batcher = Batcher(self.input_size_px, pack.settings.batch_sizes, metrics, self._gate)
        self._metrics = metrics
        self._desk = desk
        if desk is not None:
            desk.open(self.bursts, self.batcher.wake)
        self._seeing = Seeing(detector, metrics, None if desk is None else desk.album)
        self._is_hazard = self._seeing.columns.hazards
        self._judges: dict[str, Judge] = {}
        self.count = LookCount()
        self._scores = scores
        self._keepsakes = keepsakes
        self._drills = drills
        self._alerts = AlertBook(
            model=pack.name,
            epoch=epoch,
            drills=drills,
            metrics=metrics,
            pictured=desk is not None,
        )

    def watch(self, camera: Camera) -> list[Alert]:
        """Watch for a camera's hazards in its zones, from now on or instead of what was before.

        Returns the ends of alerts that this leaves without a rule. Raises ``ZoneError``, and then
        nothing has changed.
        """
        zones = zones_of(camera)
        judge = self._judges.get(camera.camera_id)
        if judge is None or watches_otherwise(judge.camera, camera):
            self._seeing.watch(camera.camera_id, zones, camera.hazards)
        told = []
        if self._desk is not None:
            if judge is not None and shows_another_place(judge.camera, camera):
                told = self._pictured(self._desk.forget(camera.camera_id))
            self._desk.watch(camera.camera_id, zones)
        if judge is not None:
            return told + self._record(judge.revise(camera, zones))
        judge = self._judges[camera.camera_id] = Judge(camera, zones, self._seeing.columns)
        if self._keepsakes is not None:
            judge.recall(self._keepsakes.of(camera.camera_id))
        return []

    def keep(self) -> None:
        """Write what the rules remember to the disk. Raises ``sqlite3.Error``."""
        if self._keepsakes is not None:
            self._keepsakes.keep((name, judge.states) for name, judge in self._judges.items())

    def forget(self, camera_id: str) -> list[Alert]:
        """Watch a camera no more for now; returns the ends of its open alerts."""
        self.batcher.forget(camera_id)
        self.bursts.forget(camera_id)
        self._seeing.forget(camera_id)
        judge = self._judges.pop(camera_id, None)
        ends = [] if judge is None else self._record(judge.close())
        if self._desk is not None:
            ends += self._pictured(self._desk.forget(camera_id))
        return ends

    def remove(self, camera_id: str) -> list[Alert]:
        """Forget a camera for good, and what its rules remembered; returns the ends of alerts."""
        if self._keepsakes is not None:
            self._keepsakes.drop(camera_id)
        return self.forget(camera_id)

    def lost(self, camera_id: str) -> list[Alert]:
        """Say that a camera has sent nothing for long; returns the alert that this is worth."""
        return self._record(self._judges[camera_id].lost(datetime.now(UTC)))

    def is_calm(self, camera_id: str) -> bool:
        """Say whether nothing is on at a camera and its last looks gave no sign of anything."""
        judge = self._judges.get(camera_id)
        return judge is None or judge.is_calm

    def step(self, timeout_s: float) -> Iterator[Alert]:
        """Analyse the next batch, if one comes in time; yield each alert revision it makes."""
        batch = self.batcher.take(timeout_s)
        if batch is not None:
            yield from self._judged(batch)
        if self._desk is not None:
            yield from self._pictured(self._desk.turn())

    def finish(self, patience_s: float) -> list[Alert]:
        """Return what is still to be said of alerts' pictures; wait for them no longer than this.

        Looks that come later make no alerts.
        """
        return [] if self._desk is None else self._pictured(self._desk.finish(patience_s))

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs on after ``finish``; waits a little for what does."""
        return self._desk is None or self._desk.darkroom.ended()

    def _judged(self, batch: FrameBatch) -> Iterator[Alert]:
        self._metrics.looks_unchanged.inc(len(batch.unchanged))
        for frame in batch.unchanged:
            yield from self._judge(self._seeing.unchanged(frame))
        for look in self._seeing.looks(batch):
            yield from self._judge(look)
            judge = self._judges[look.ref.camera_id]
            self.count.detected[look.ref.camera_id] += 1
            if self._gate is not None:
                is_empty = not self._is_hazard[look.detections.label].any()
                self._gate.judged(look.ref, quiet=is_empty and judge.is_quiet)
            if judge.suspects:
                self.bursts.ask(look.ref.camera_id)

    def _judge(self, look: Look) -> list[Alert]:
        camera_id = look.ref.camera_id
        judge = self._judges[camera_id]
        self.count.looks[camera_id] += 1
        with self._metrics.cpu("judge"):
            alerts = self._record(judge.see(look))
        for hazard in judge.held_back:
            self._metrics.held_back(hazard)
        if self._scores is not None and judge.candidates and camera_id not in self._drills:
            self._scores.keep(camera_id, judge.candidates)
        self._tell_disabled(judge)
        if self._desk is not None:
            self._desk.looked(camera_id, look.ref.captured_at.timestamp())
        age_s = (time.monotonic_ns() - look.ref.received_ns) / 1e9
        self._metrics.stage.labels("judged").observe(age_s)
        return alerts

    def _tell_disabled(self, judge: Judge) -> None:
        for zone_id, hazard in judge.daily.disabled:
            self._metrics.zones_disabled.inc()
            log.warning(
                "zone_disabled",
                camera=judge.camera.camera_id,
                zone=zone_id,
                hazard=hazard.value,
                why=f"{DAILY_MOST} onsets within a day",
                do="draw the zone anew, or permit vehicles to stand longer in it",
            )
        judge.daily.disabled = ()

    def _record(self, events: Iterable[Event]) -> list[Alert]:
        alerts = []
        for event in events:
            alert = self._alerts.record(event)
            if alert is None:
                continue
            alerts.append(alert)
            is_new = alert.revision == 1 and alert.evidence_absent is EvidenceAbsence.PENDING
            if self._desk is not None and is_new:
                self._desk.began(alert, event.at.timestamp())
        return alerts

    def _pictured(self, outcomes: "Iterable[Outcome]") -> list[Alert]:
        """Return the revisions that tell what became of pictures."""
        told = [self._alerts.picture(one.alert_id, outcome) for one, outcome in outcomes]
        return [alert for alert in told if alert is not None]


def detector_of(pack: Pack, metrics: WorkerMetrics) -> "Detector | MaskedDetector":
    """Return the pack's detector; if its weights aren't the pinned masker's, with that beside it.

    Raises ``PackError``.
    """
    detector = pack.detector()
    if detector.masks:
        require_known_answers(detector)
        return detector
    # OpenCV comes with it: 16 MB and 60 ms that a worker with the product's pack saves.
    from pipelines.masking import MaskedDetector  # noqa: PLC0415

    masker = load_masker()
    require_known_answers(masker)
    return MaskedDetector(detector, masker, metrics)
