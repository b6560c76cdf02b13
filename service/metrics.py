"""Every metric of the service, in a registry that the caller owns."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

STAGE_BUCKETS_S = (0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0, 60.0, 300.0)
"""Fine where a healthy path lies, up to the five minutes after which nobody waits any more."""


class ServiceMetrics:
    """The counters, gauges and histograms; one object a service."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._count_what_happens(partial(Counter, registry=registry))
        self._gauge_what_waits(partial(Gauge, registry=registry))
        self.stage_seconds = Histogram(
            "fengsui_stage_seconds",
            "Time a stage took: alert_to_incident from the entry's arrival in Redis to the commit, "
            "decision_to_order from the decision to the entry in the dispatch stream, "
            "onset_to_order from the hazard's first sight to that.",
            ["stage"],
            buckets=STAGE_BUCKETS_S,
            registry=registry,
        )

    def _count_what_happens(self, counter: Callable[..., Counter]) -> None:
        self.messages = counter(
            "fengsui_messages", "Entries read, by what became of them.", ["stream", "outcome"]
        )
        self.dead_letters = counter(
            "fengsui_dead_letters", "Entries put on a dead-letter stream.", ["stream", "reason"]
        )
        self.incidents = counter("fengsui_incidents", "Incidents opened.", ["hazard", "drill"])
        self.incidents_undecided = counter(
            "fengsui_incidents_undecided", "New incidents that a policy failed to decide about."
        )
        self.orders = counter("fengsui_orders", "Orders that a target took.", ["target"])
        self.order_attempts = counter(
            "fengsui_order_attempts",
            "Attempts to send an order, by what became of them.",
            ["target", "outcome"],
        )
        self.orders_buried = counter(
            "fengsui_orders_buried", "Orders that became dead letters.", ["target"]
        )
        self.orders_replayed = counter(
            "fengsui_orders_replayed", "Dead letters sent anew by hand.", ["target"]
        )
        self.orders_silent = counter(
            "fengsui_orders_silent", "Orders that nobody answered in time.", ["target"]
        )
        self.receipts = counter(
            "fengsui_receipts",
            "Answers to orders, by the way they came and what became of them.",
            ["way", "outcome"],
        )
        self.receipts_refused = counter(
            "fengsui_receipts_refused",
            "Answers to orders that were not taken, by the way they came and why.",
            ["way", "code"],
        )
        self.clock_breaches = counter(
            "fengsui_clock_breaches", "Deadlines of incidents that passed.", ["clock"]
        )
        self.escalations = counter(
            "fengsui_escalations", "Levels told because a deadline had passed.", ["level"]
        )
        self.targets_file_errors = counter(
            "fengsui_targets_file_errors",
            "Readings of the file of targets that failed; the last good one holds.",
        )
        self.camera_changes = counter(
            "fengsui_camera_changes", "Changes of registered cameras told to the workers."
        )
        self.redis_errors = counter(
            "fengsui_redis_errors", "Failed exchanges with Redis.", ["part"]
        )
        self.database_errors = counter("fengsui_database_errors", "Failed transactions.", ["part"])
        self.loop_errors = counter(
            "fengsui_loop_errors", "Faults that no part expected: each is a bug.", ["part"]
        )
        self.groups_recreated = counter(
            "fengsui_groups_recreated", "Consumer groups found missing: Redis lost data."
        )
        self.feed_evictions = counter(
            "fengsui_feed_evictions", "Live feeds ended because nobody read."
        )
        self.refused_logins = counter(
            "fengsui_refused_logins", "Passwords, sessions and tokens not let in.", ["reason"]
        )
        self.refused_requests = counter(
            "fengsui_refused_requests", "Requests answered with a problem, by its code.", ["code"]
        )
        self.evidence_views = counter(
            "fengsui_evidence_views", "Pictures and clips shown.", ["part", "why"]
        )
        self.evidence_refused = counter(
            "fengsui_evidence_refused", "Views of evidence that were refused.", ["code"]
        )
        self.evidence_untaken = counter(
            "fengsui_evidence_untaken", "Alerts taken without the evidence they name.", ["reason"]
        )
        self.evidence_deleted = counter(
            "fengsui_evidence_deleted", "Evidence that the store has deleted.", ["reason"]
        )
        self.evidence_store_errors = counter(
            "fengsui_evidence_store_errors", "Refusals and delays of the evidence store.", ["call"]
        )
        self.probe_states = counter(
            "fengsui_probe_states", "Probes of cameras that came to a state.", ["state"]
        )
        self.camera_imports = counter(
            "fengsui_camera_imports",
            "Files of cameras checked or committed, by what became of them.",
            ["outcome"],
        )
        self.camera_import_rows = counter(
            "fengsui_camera_import_rows", "Their good rows, by what became of them.", ["outcome"]
        )
        self.audit_export_errors = counter(
            "fengsui_audit_export_errors", "Heads of the audit that could not be written."
        )

    def _gauge_what_waits(self, gauge: Callable[..., Gauge]) -> None:
        self.audit_entries = gauge("fengsui_audit_entries", "Number of the audit's newest entry.")
        self.audit_exported_entries = gauge(
            "fengsui_audit_exported_entries", "Number of the entry in the last line of heads."
        )
        self.audit_contradicted = gauge(
            "fengsui_audit_contradicted", "1 if the audit and its file of heads don't fit."
        )
        self.evidence_waiting = gauge(
            "fengsui_evidence_waiting", "Evidence due that the store has still to delete."
        )
        self.probes_waiting = gauge(
            "fengsui_probes_waiting", "Probes that were asked for and not sent yet."
        )
        self.clock_lag = gauge(
            "fengsui_clock_lag_seconds", "How late the longest-waiting look at a deadline is."
        )
        self.outbox_entries = gauge("fengsui_outbox_entries", "Orders that have not left yet.")
        self.orders_waiting = gauge(
            "fengsui_orders_waiting", "Orders that wait for their target.", ["target"]
        )
        self.orders_dead = gauge("fengsui_orders_dead", "Orders that are dead letters.", ["target"])
        self.orders_without_target = gauge(
            "fengsui_orders_without_target",
            "Orders that wait for a target which the file doesn't have.",
        )
        self.breaker_open = gauge(
            "fengsui_breaker_open", "1 while a target is left alone because it fails.", ["target"]
        )
        self.consumer_lag_entries = gauge(
            "fengsui_consumer_lag_entries",
            "Entries of a stream that the service has not finished.",
            ["stream"],
        )
        self.feed_clients = gauge("fengsui_feed_clients", "Live feeds being served.")

    def observe_since(self, stage: str, start: datetime) -> None:
        """Record the time from ``start`` until now; never below 0, clocks differ."""
        elapsed_s = (datetime.now(UTC) - start).total_seconds()
        self.stage_seconds.labels(stage).observe(max(0.0, elapsed_s))
