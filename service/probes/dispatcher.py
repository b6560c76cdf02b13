"""Probes that wait, to the workers: as many as networks and platforms may be asked for.

The order is the whole point: claim in the database, write to Redis, tick off in the database. A
crash after any of them leads to a claim that nobody ticks off, and the job is sent again; to a
worker that is one more look at a stream.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import redis
import structlog

from pipelines import streams
from pipelines.messages import ProbeJob
from pipelines.streams import PROBE_JOBS, Client
from service.cameras.registrations import Registration, camera_of, registrations, watched_url
from service.database import Database
from service.metrics import ServiceMetrics
from service.probes import queue
from service.probes.limits import Limits, keys_of
from service.probes.queue import ANSWER_LIMIT, Claimed
from service.settings import ServiceSettings
from service.tables import cameras

BACKLOG: Final = 32
"""Jobs that no worker has taken yet: more of them would run out of time before their turn."""

IDLE_S: Final = 1.0
"""How often an idle dispatcher looks: another replica may have been asked."""

BUSY_S: Final = 0.25
"""How often it looks while some wait for their second or their platform."""

log = structlog.get_logger("service").bind(part="probes")


class ProbeDispatcher:
    """Sends jobs. Not for more than one thread, but for ``wake``."""

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        live_workers: Callable[[], dict[str, int]],
    ) -> None:
        self._client = client
        self._database = database
        self._metrics = metrics
        self._live_workers = live_workers
        self._limits = Limits(
            subnet_per_s=settings.probe_subnet_per_s,
            platform_pulls=settings.probe_platform_pulls,
            pulls=settings.probe_pulls,
        )
        self._woken = threading.Event()

    def wake(self) -> None:
        """Tell it that there may be something to send. For any thread."""
        self._woken.set()

    def step(self) -> None:
        """Send what may start; then wait for a call, or a while.

        Raises what Redis or the database raises; what was claimed is then sent later.
        """
        self._woken.clear()
        self.settle()
        with self._database.reading() as connection:
            waiting = queue.waiting(connection)
        self._metrics.probes_waiting.set(waiting)
        if waiting and self._live_workers():
            self.send()
        self._woken.wait(BUSY_S if waiting else IDLE_S)

    def settle(self) -> None:
        """Give up on what nobody answers any more, and take back what nobody sent."""
        with self._database.reading() as connection:
            if not queue.is_overdue(connection):
                return
        with self._database.writing() as connection:
            expired = queue.settle(connection)
        self._metrics.probe_states.labels("expired").inc(expired)

    def send(self) -> int:
        """Send what may start now; returns how many jobs."""
        room = BACKLOG - self._backlog()  # asks Redis first: while it is away nothing is claimed
        if room <= 0:
            return 0
        with self._database.reading() as connection:
            ids = queue.candidates(connection, self._limits)
        if not ids:
            return 0
        with self._database.writing() as connection:
            claimed = queue.claim(connection, ids, self._limits, room)
        if not claimed:
            return 0
        jobs = self._jobs(claimed)
        try:
            self._write(list(jobs.values()))
        except redis.RedisError:
            with self._database.writing() as connection:
                queue.give_back(connection, list(jobs))
            raise
        with self._database.writing() as connection:
            queue.tick_off(connection, list(jobs))
        self._metrics.probe_states.labels("sent").inc(len(jobs))
        return len(jobs)

    def _backlog(self) -> int:
        """Return how many jobs lie in the stream that no worker has taken, as far as it matters."""
        after = "-"
        if self._client.exists(PROBE_JOBS.name):
            groups: Any = self._client.xinfo_groups(PROBE_JOBS.name)
            ours = [one for one in groups if one["name"] == str(PROBE_JOBS.group).encode()]
            after = f"({ours[0]['last-delivered-id'].decode()}" if ours else "-"
        found: Any = self._client.xrange(PROBE_JOBS.name, min=after, count=BACKLOG)
        return len(found)

    def _jobs(self, claimed: Sequence[Claimed]) -> dict[Claimed, ProbeJob]:
        """Return the jobs of what was claimed; what can't be sent as it was asked is settled."""
        ids = [one.camera_id for one in claimed]
        with self._database.reading() as connection:
            found = registrations(connection, len(ids), cameras.c.camera_id.in_(ids))
        rows = {row["camera_id"]: row for row in found}
        jobs: dict[Claimed, ProbeJob] = {}
        moved: dict[Claimed, tuple[str, str]] = {}
        unsendable = []
        for one in claimed:
            row = rows.get(one.camera_id)
            job = None if row is None else self._job(one, row)
            if row is None or job is None:
                unsendable.append(one)
            elif (keys := keys_of(watched_url(row), row["upstream"])) != (one.subnet, one.platform):
                moved[one] = keys
            else:
                jobs[one] = job
        if moved or unsendable:
            with self._database.writing() as connection:
                queue.move_to(connection, moved)
                queue.cancel(connection, unsendable)
            self._metrics.probe_states.labels("cancelled").inc(len(unsendable))
        return jobs

    def _job(self, one: Claimed, row: Registration) -> ProbeJob | None:
        try:
            camera = camera_of(row)
        except (ValueError, TypeError) as error:
            log.error(
                "camera_unreadable",
                camera=one.camera_id,
                error=str(error),
                next="upgrade this service to the version that registered it, or save it again in "
                "the console; it can't be probed until then",
            )
            return None
        return ProbeJob(
            job_id=one.probe_id,
            camera=camera,
            has_substream=row["sub_url"] is not None,
            wants_place_picture=one.wants_place_picture,
            requested_at=one.asked_at,
            expires_at=one.sent_at + ANSWER_LIMIT,
        )

    def _write(self, jobs: Sequence[ProbeJob]) -> None:
        if not jobs:
            return
        with self._client.pipeline(transaction=True) as pipe:
            for job in jobs:
                streams.add_later(pipe, PROBE_JOBS, job)
            pipe.execute()
