"""Takes probes from Redis, has them done in threads, tells what they found, and only then lets go.

A job is one worker's at a time; one whose worker is gone is another's after ``ALONE_S``. The
inference loop has no part in it.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, cast

import redis
import structlog

from pipelines import streams
from pipelines.memory import give_back
from pipelines.messages import MessageError, PlaceAbsence, ProbeJob, ProbeResult, decode
from pipelines.metrics import WorkerMetrics
from pipelines.streams import PROBE_JOBS, PROBE_RESULTS
from pipelines.supervised import Supervised

AT_ONCE: Final = 16
"""Probes of one worker: each waits for packets most of its time."""

ALONE_S: Final = 30.0
"""A job of which nobody has said for so long that it is being done is done by another."""

RENEW_S: Final = 8.0
"""How often a worker says so: a few may fail."""

MOST_TRIES: Final = 3
"""A job that was begun so often and never ended may be what ends workers."""

GAVE_UP: Final = "probe_failed"
"""Its fault then, and of one that failed in a way nobody foresaw."""

BLOCK_MS: Final = 500
"""How long a read waits for jobs, and how soon a result is told."""

NICENESS: Final = 10
"""Of the threads: sentries go first on a machine that is busy."""

PATIENCE_S: Final = 1.5
"""A worker that ends waits so long for threads that notice it; others do the rest."""

log = structlog.get_logger()


class Prober:
    """The threads of a worker that do probes, from ``start`` until ``stop``."""

    def __init__(
        self,
        client: streams.Client,
        worker_id: str,
        probe: Callable[[ProbeJob], ProbeResult],
        *,
        at_once: int,
        metrics: WorkerMetrics,
        leave_off: Callable[[], None],
    ) -> None:
        """``probe`` does one, in a thread of its own; ``leave_off`` cuts short those that run."""
        self._client, self._worker_id = client, worker_id
        self._probe, self._at_once = probe, at_once
        self._metrics, self._leave_off = metrics, leave_off
        self._stopping = threading.Event()
        self._running: dict[bytes, threading.Thread] = {}
        self._done: deque[tuple[bytes, ProbeResult]] = deque()
        self._woken = threading.Event()
        self._has_group = False
        self._cursor: bytes | str = "0-0"
        self._renew_at_s = self._claim_at_s = 0.0
        self._thread = Supervised(
            "probes",
            self.step,
            meanwhile="probes wait",
            metrics=metrics,
            keys=(PROBE_JOBS.name, PROBE_RESULTS.name),
        )

    def start(self) -> None:
        """Begin; returns at once, with or without Redis."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin to end; what isn't done yet another worker does."""
        self._stopping.set()
        self._leave_off()
        self._thread.ask_to_stop()
        self._woken.set()

    def stop(self) -> None:
        """End, and wait a little for it."""
        self.ask_to_stop()
        ends_s = time.monotonic() + PATIENCE_S
        for thread in tuple(self._running.values()):
            thread.join(max(0.0, ends_s - time.monotonic()))
        self._thread.join()  # it reads from a client that is closed next

    @property
    def ended(self) -> bool:
        """Whether no thread of its own works on."""
        return not any(thread.is_alive() for thread in tuple(self._running.values()))

    def step(self) -> None:
        """Tell what is done, take what there is to do; wait a moment for either."""
        if not self._has_group:
            streams.create_group(self._client, PROBE_JOBS)
            self._has_group = True
        try:
            self._tell()
            self._renew()
            room = self._at_once - len(self._running)
            if room <= 0:
                self._woken.wait(BLOCK_MS / 1000)
                self._woken.clear()
                return
            for entry_id, entry in self._abandoned(room) or self._new(room):
                self._take(entry_id, entry)
        except redis.ResponseError as error:
            self._has_group = not str(error).startswith("NOGROUP")  # Redis has lost its data
            raise

    def _tell(self) -> None:
        """Publish results, each before its job is let go.

        In no transaction: that would let the job go though Redis refuses the result. One may be
        told of twice; it has its job's id.
        """
        while self._done:
            entry_id, result = self._done[0]
            streams.add(self._client, PROBE_RESULTS, result)
            self._client.xack(PROBE_JOBS.name, cast("str", PROBE_JOBS.group), entry_id)
            self._done.popleft()
            self._forget(entry_id)

    def _renew(self) -> None:
        """Say of the jobs in hand that they are being done."""
        if time.monotonic() < self._renew_at_s:
            return
        self._renew_at_s = time.monotonic() + RENEW_S
        if self._running:
            self._client.xclaim(
                PROBE_JOBS.name,
                cast("str", PROBE_JOBS.group),
                self._worker_id,
                min_idle_time=0,
                message_ids=list(self._running),
                justid=True,
            )

    def _abandoned(self, room: int) -> list[tuple[bytes, Any]]:
        """Return jobs of workers that are gone."""
        if time.monotonic() < self._claim_at_s:
            return []
        reply = self._client.xautoclaim(
            PROBE_JOBS.name,
            cast("str", PROBE_JOBS.group),
            self._worker_id,
            min_idle_time=round(ALONE_S * 1000),
            start_id=self._cursor,
            count=room,
        )
        self._cursor, found = cast("Any", reply)[:2]
        if self._cursor in {b"0-0", "0-0"}:
            self._claim_at_s = time.monotonic() + RENEW_S
        return [one for one in found if one[0] is not None and one[0] not in self._running]

    def _new(self, room: int) -> list[tuple[bytes, Any]]:
        reply = self._client.xreadgroup(
            cast("str", PROBE_JOBS.group),
            self._worker_id,
            {PROBE_JOBS.name: ">"},
            count=room,
            block=BLOCK_MS,
        )
        return [entry for _, entries in cast("list[Any]", reply or []) for entry in entries]

    def _take(self, entry_id: bytes, entry: Any) -> None:
        try:
            job = decode(streams.body(entry), ProbeJob)
        except MessageError as error:
            streams.bury(self._client, PROBE_JOBS, entry_id, entry, error)
            self._let_go(entry_id, error.code)
            log.warning("probe", fault=str(error), next=f"it lies in {PROBE_JOBS.dead}")
            return
        if job.expires_at <= datetime.now(UTC):
            self._let_go(entry_id, "expired")
        elif self._tries(entry_id) > MOST_TRIES:
            self._metrics.probe("gave_up")
            log.error("probe", camera=job.camera.camera_id, fault=f"begun {MOST_TRIES} times")
            self._done.append((entry_id, self._failed(job)))
        else:
            self._begin(entry_id, job)

    def _let_go(self, entry_id: bytes, outcome: str) -> None:
        self._client.xack(PROBE_JOBS.name, cast("str", PROBE_JOBS.group), entry_id)
        self._metrics.probe(outcome)

    def _tries(self, entry_id: bytes) -> int:
        """Return how often a job was given to a worker."""
        found = self._client.xpending_range(
            PROBE_JOBS.name, cast("str", PROBE_JOBS.group), entry_id, entry_id, 1
        )
        return max((int(one["times_delivered"]) for one in cast("list[Any]", found)), default=1)

    def _begin(self, entry_id: bytes, job: ProbeJob) -> None:
        thread = threading.Thread(
            target=self._do, args=(entry_id, job), name=f"probe-{job.camera.camera_id}", daemon=True
        )
        self._running[entry_id] = thread
        try:
            thread.start()
        except RuntimeError:
            # Another worker has it, or this one again, once nobody says that it is being done.
            self._forget(entry_id)
            self._metrics.probe("no_thread")
            log.warning("probe", fault="the machine has no thread left", next="tried again")
        self._metrics.probes_running.set(len(self._running))

    def _do(self, entry_id: bytes, job: ProbeJob) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        began_s = time.monotonic()
        try:
            result = self._probe(job)
        except Exception as error:  # noqa: BLE001 - one job must not keep the others out
            self._metrics.probe("failed")
            log.error("probe", camera=job.camera.camera_id, fault=type(error).__name__)
            result = self._failed(job)
        if self._stopping.is_set():
            return  # cut short: another worker does it
        self._metrics.probe_time.observe(time.monotonic() - began_s)
        self._done.append((entry_id, result))
        self._woken.set()

    def _failed(self, job: ProbeJob) -> ProbeResult:
        return ProbeResult(
            job_id=job.job_id,
            camera_id=job.camera.camera_id,
            worker_id=self._worker_id,
            finished_at=datetime.now(UTC),
            fault=GAVE_UP,
            place_absence=PlaceAbsence.NO_STREAM if job.wants_place_picture else None,
        )

    def _forget(self, entry_id: bytes) -> None:
        self._running.pop(entry_id, None)
        self._metrics.probes_running.set(len(self._running))
        if not self._running:
            give_back()
