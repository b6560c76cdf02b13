"""What has to be looked at now and then: streams to trim, lag, workers' heartbeats, old events."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from pipelines import streams
from pipelines.messages import Heartbeat, MessageError, decode
from pipelines.streams import (
    ALERTS_CONFIRMED,
    DISPATCH_DRILL,
    HEARTBEATS,
    PROBE_JOBS,
    PROBE_RESULTS,
    Client,
    Stream,
)
from service.accounts import oidc_flows, sessions, throttle
from service.database import Database
from service.feed import log
from service.imports.keeping import forget_old_imports
from service.incidents import store
from service.incidents.consumer import ALERT_STREAMS
from service.metrics import ServiceMetrics
from service.probes import store as probe_store
from service.settings import ServiceSettings
from service.verdicts import kept

LAG_COUNTED_ENTRIES = 1000
"""How far lag is counted on a Redis that can't tell it (before 7); above, the stream's length."""

HEARTBEATS_READ = 1000
"""Heartbeats taken at once: one a second from each of a thousand workers."""

DRILL_SILENCE_S = 120.0
"""A drill lasts half a minute: one without a sign for this long has lost its worker."""

WORKER_FORGOTTEN_S = 600.0
"""A worker silent for this long is no longer listed."""


UNREADABLE_HEARTBEAT = "unreadable"
"""What becomes of a heartbeat whose decoding fails in a way that nobody expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSeen:
    """A worker's newest heartbeat."""

    beat: Heartbeat
    """What it said. Its own clock may be wrong, so its time serves for nothing."""
    heard_at: datetime
    """When Redis took it, on this machine's clock."""


@dataclass(slots=True)
class Vitals:
    """What was seen last of Redis and the workers; written by one thread, read by others."""

    redis_reachable: bool = False
    """Whether the last look succeeded."""
    lag_entries: Mapping[str, int] = field(default_factory=dict)
    """Entries not finished, by stream."""
    workers: Mapping[str, WorkerSeen] = field(default_factory=dict)
    """The newest heartbeat of each worker."""


class Housekeeper:
    """Looks after Redis. Not for more than one thread, but for ``vitals``."""

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        stopping: threading.Event,
    ) -> None:
        self.vitals = Vitals()
        self._client = client
        self._database = database
        self._settings = settings
        self._metrics = metrics
        self._stopping = stopping
        self._heartbeat_cursor = "-"
        self._trim_at_s = 0.0

    def step(self) -> None:
        """Look once, trim if it's time, then wait ``watch_every_s``."""
        try:
            self.watch()
            self._trim_if_due()
        except redis.RedisError:
            self.vitals.redis_reachable = False
            raise
        self.vitals.redis_reachable = True
        self._stopping.wait(self._settings.watch_every_s)

    def watch(self) -> None:
        """Read lag and heartbeats."""
        lag = {stream.name: lag_of(self._client, stream) for stream in ALERT_STREAMS}
        for name, entries in lag.items():
            self._metrics.consumer_lag_entries.labels(name).set(entries)
        self.vitals.lag_entries = lag
        self._read_heartbeats()

    def trim(self) -> None:
        """Remove what is finished from the alert streams and what is old elsewhere."""
        for stream in (*ALERT_STREAMS, ALERTS_CONFIRMED, DISPATCH_DRILL, PROBE_JOBS, PROBE_RESULTS):
            if self._client.exists(stream.name):
                streams.trim(self._client, stream)
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            log.forget_before(connection, now - timedelta(seconds=self._settings.feed_keep_s))
            sessions.forget_old(connection, now)
            throttle.forget_old(connection, now)
            oidc_flows.forget_old(connection, now)
            kept.forget_old(connection, now)
            probe_store.forget_old(connection, now)
            silent_since = now - timedelta(seconds=DRILL_SILENCE_S)
            store.close_silent_drills(connection, silent_since, now)
        forget_old_imports(self._database, now)

    def _trim_if_due(self) -> None:
        if time.monotonic() >= self._trim_at_s:
            self.trim()
            self._trim_at_s = time.monotonic() + self._settings.trim_every_s

    def _read_heartbeats(self) -> None:
        newest_first: Any = self._client.xrevrange(
            HEARTBEATS.name, max="+", min=self._heartbeat_cursor, count=HEARTBEATS_READ
        )
        now = datetime.now(UTC)
        if newest_first:
            seconds, microseconds = self._client.time()
            # Before they are decoded: what can't be must not be met again for ever.
            self._heartbeat_cursor = f"({newest_first[0][0].decode()}"
            redis_ms = seconds * 1000 + microseconds // 1000
            workers = dict(self.vitals.workers)
            for entry_id, entry in reversed(newest_first):
                beat = self._decoded(entry)
                if beat is not None:
                    heard_at = now - _age(entry_id, redis_ms)
                    workers[beat.worker_id] = WorkerSeen(beat=beat, heard_at=heard_at)
            self.vitals.workers = workers
        oldest = now - timedelta(seconds=WORKER_FORGOTTEN_S)
        self.vitals.workers = {
            name: seen for name, seen in self.vitals.workers.items() if seen.heard_at > oldest
        }

    def _decoded(self, entry: dict[bytes, bytes]) -> Heartbeat | None:
        try:
            return decode(streams.body(entry), Heartbeat)
        except MessageError as error:
            outcome = error.code
        except (ValueError, RecursionError, OverflowError):
            outcome = UNREADABLE_HEARTBEAT
        self._metrics.messages.labels(HEARTBEATS.name, outcome).inc()
        return None


def _age(entry_id: bytes, redis_ms: int) -> timedelta:
    # By Redis' clock alone. An id from the future has no age; one of 1970 is still a duration.
    return timedelta(milliseconds=max(0, redis_ms - int(entry_id.partition(b"-")[0])))


def lag_of(client: Client, stream: Stream) -> int:
    """Return how many entries the stream's group has not finished, pending ones included.

    Before Redis 7 it is counted up to ``LAG_COUNTED_ENTRIES``; above that the stream's length
    stands for it, which is never less. 0 if there is no stream.
    """
    if not client.exists(stream.name):
        return 0
    groups: Any = client.xinfo_groups(stream.name)
    group = next((one for one in groups if one["name"] == str(stream.group).encode()), None)
    if group is None:
        return int(client.xlen(stream.name))
    waiting = group.get("lag")
    if waiting is None:
        after = f"({group['last-delivered-id'].decode()}"
        unread: Any = client.xrange(stream.name, min=after, count=LAG_COUNTED_ENTRIES)
        waiting = len(unread)
        if waiting == LAG_COUNTED_ENTRIES:
            return int(client.xlen(stream.name))
    return int(waiting) + int(group["pending"])
