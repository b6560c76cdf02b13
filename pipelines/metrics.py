"""Every number a worker counts, once. No camera is a label: ten thousand would be too many."""

import threading
import time
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS_S: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
"""From one inference on a fast core to a stream that lags badly."""

STAGES: Final = ("read", "decode", "scale", "detect", "measure", "judge")
"""From a camera's bytes to what the rules say."""


class WorkerMetrics:
    """A worker's counters; ``totals`` gives heartbeats the same numbers that Prometheus reads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._lock = threading.Lock()
        self._drops: Tally[str] = Tally()
        self._alert_total = 0
        self._count_looks()
        self._count_alerts()
        self._count_faults()
        self._count_cameras()
        self._measure_times()

    def _count_looks(self) -> None:
        counter = self._counter
        self.frames_received = counter("frames_received", "Video packets read from cameras.")
        self.frames_decoded = counter("frames_decoded", "Pictures decoded.")
        self.frames_analysed = counter("frames_analysed", "Pictures that the detector saw.")
        self.looks_unchanged = counter("looks_unchanged", "Looks that show nothing new.")
        self.too_heavy = counter("streams_too_heavy", "Streams too large to be decoded whole.")
        self.bursts = counter("bursts", "Close looks, by what became of them.", "outcome")
        self._frames_dropped = counter("frames_dropped", "Frames not analysed.", "reason")
        self._looks_with_drops = counter(
            "looks_with_drops", "Looks of which boxes were taken out before the rules.", "reason"
        )

    def _count_alerts(self) -> None:
        counter = self._counter
        self._alerts = counter("alerts", "Onsets raised.", "hazard")
        self._held_back = counter(
            "alerts_held_back", "Moments of what an open window expects.", "hazard"
        )
        self.zones_disabled = counter("zones_disabled", "Vehicle zones that fired too often.")
        self.scores_dropped = counter("scores_dropped", "Candidates' scores that were not sent.")
        self.revisions = counter("alert_revisions", "Alert revisions put into the spool.")
        self.published = counter("alerts_published", "Alert revisions written to Redis.")
        self.confirmed = counter("alerts_confirmed", "Alert revisions the service confirmed.")
        self.unreadable = counter("spool_unreadable", "Spooled revisions of another version.")
        self._evidence = counter(
            "evidence", "Pictures of alerts, by what became of them.", "outcome"
        )
        self._spool_dropped = counter(
            "spool_dropped", "Revisions lost to a full spool.", "severity"
        )
        self._spool_errors = counter("spool_errors", "Revisions the disk refused at first.")
        self.spool_entries = self._gauge("spool_entries", "Revisions not yet confirmed.")

    def _count_faults(self) -> None:
        counter = self._counter
        self._source_errors = counter("source_errors", "Broken or refused connections.", "cause")
        self._platform_requests = counter(
            "platform_requests", "Addresses asked of platforms, by what became of it.", "outcome"
        )
        self._probes = counter("probes", "Streams looked at once, by what became of it.", "outcome")
        self._place_pictures = counter(
            "place_pictures", "Place pictures asked for, by what became of them.", "outcome"
        )
        self.detector_errors = counter("detector_errors", "Batches that the detector refused.")
        self.masker_errors = counter("masker_errors", "Batches that the masker refused.")
        self._packs_refused = counter("packs_refused", "Starts put off by a bad pack.", "code")
        self._redis_errors = counter("worker_redis_errors", "Failed calls of Redis.", "part")
        self._restarts = counter("worker_restarts", "Starts after the first.", "cause")

    def _count_cameras(self) -> None:
        counter, gauge = self._counter, self._gauge
        self._registry_changes = counter(
            "registry_changes", "Registrations read, by outcome.", "outcome"
        )
        self.states_superseded = counter(
            "camera_states_superseded", "States that a newer one overtook."
        )
        self.admissions = counter("admissions", "Cameras put to rest and let back.", "outcome")
        self.cameras = gauge("cameras", "Cameras this worker was given.")
        self.cameras_connected = gauge("cameras_connected", "Cameras that send pictures.")
        self.cameras_waiting = gauge("cameras_waiting", "Cameras kept out until there is room.")
        self.capacity = gauge("worker_capacity_cameras", "Cameras this worker would bear.")
        self.busy = gauge("worker_busy_ratio", "Share of time in which the busiest part works.")

    def _measure_times(self) -> None:
        self.inference = self._histogram("inference_seconds", "Time of one batch in the detector.")
        self.masker = self._histogram("masker_seconds", "Time of the masker beside another pack.")
        self.batch_size = self._histogram(
            "batch_size", "Pictures in a batch.", buckets=(1, 2, 3, 4, 8, 16)
        )
        self.stage = self._histogram(
            "worker_stage_seconds", "Time from a frame's arrival to the end of a stage.", "stage"
        )
        self.evidence_stored = self._histogram(
            "evidence_seconds", "Time from an alert to its stored still."
        )
        self.probe_time = self._histogram("probe_seconds", "Time of one probe.")
        self.probes_running = self._gauge("probes_running", "Probes that are being done.")
        cpu = self._counter("worker_cpu_seconds", "Processor time of a stage.", "stage")
        self._stages = {stage: cpu.labels(stage) for stage in STAGES}

    @contextmanager
    def cpu(self, stage: str) -> Iterator[None]:
        """Count this thread's processor time within as that of one of ``STAGES``."""
        began_s = time.thread_time()
        try:
            yield
        finally:
            self._stages[stage].inc(time.thread_time() - began_s)

    def drop(self, reason: str, count: int = 1) -> None:
        """Count frames that will not be analysed."""
        self._frames_dropped.labels(reason).inc(count)
        with self._lock:
            self._drops[reason] += count

    def looks_with_drops(self, reason: str, count: int) -> None:
        """Count looks of which the drop test took boxes: per worker, never per camera."""
        if count:
            self._looks_with_drops.labels(reason).inc(count)

    def source_error(self, cause: str) -> None:
        """Count a broken or refused connection."""
        self._source_errors.labels(cause).inc()

    def platform_request(self, outcome: str) -> None:
        """Count an address that a platform was asked for: ``renewed``, or a fault's code."""
        self._platform_requests.labels(outcome).inc()

    def probe(self, outcome: str) -> None:
        """Count a job to look at a stream."""
        self._probes.labels(outcome).inc()

    def place_picture(self, outcome: str) -> None:
        """Count a place picture that was stored, or the reason why there is none."""
        self._place_pictures.labels(outcome).inc()

    def pack_refused(self, code: str) -> None:
        """Count an attempt to start with a pack that can't be used."""
        self._packs_refused.labels(code).inc()

    def alert(self, hazard: str) -> None:
        """Count an onset."""
        self._alerts.labels(hazard).inc()
        with self._lock:
            self._alert_total += 1

    def held_back(self, hazard: str) -> None:
        """Count a moment that showed what an open window expects."""
        self._held_back.labels(hazard).inc()

    def evidence(self, outcome: str) -> None:
        """Count a picture that was stored, or the reason why there is none."""
        self._evidence.labels(outcome).inc()

    def spool_drop(self, severity: str) -> None:
        """Count a revision that a full spool lost."""
        self._spool_dropped.labels(severity).inc()

    def spool_error(self) -> None:
        """Count a revision that the spool could not take at once."""
        self._spool_errors.inc()

    def redis_error(self, part: str) -> None:
        """Count a failed call of Redis."""
        self._redis_errors.labels(part).inc()

    def registry_change(self, outcome: str) -> None:
        """Count a registration that was read."""
        self._registry_changes.labels(outcome).inc()

    def restarted(self, cause: str, count: int) -> None:
        """Count starts that a parent made before this one, by one of ``pulse.RESTART_CAUSES``."""
        self._restarts.labels(cause).inc(count)

    @property
    def drops(self) -> dict[str, int]:
        """Frames dropped so far, by reason; ``overload`` is always there."""
        with self._lock:
            return {"overload": 0, **self._drops}

    @property
    def alert_total(self) -> int:
        """Onsets so far."""
        with self._lock:
            return self._alert_total

    def total(self, name: str) -> int:
        """Return a counter's or gauge's present value by its name in Prometheus."""
        return int(self.registry.get_sample_value(name) or 0)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"fengsui_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"fengsui_{name}", text, registry=self.registry)

    def _histogram(
        self, name: str, text: str, *labels: str, buckets: Sequence[float] = LATENCY_BUCKETS_S
    ) -> Histogram:
        return Histogram(f"fengsui_{name}", text, labels, buckets=buckets, registry=self.registry)
