"""How the service and what it sees of the workers are doing: for people, probes and Prometheus."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from service.database import Database
from service.feed.bell import FeedBell
from service.housekeeping import Vitals, WorkerSeen
from service.metrics import ServiceMetrics
from service.problems import answer
from service.supervise import Supervised
from service.tables import alerts, incidents, orders

STALE_WORKER_S = 10.0
"""Heartbeats come every second: a worker silent for this long is shown as lost."""


def status_router(
    database: Database,
    vitals: Vitals,
    bell: FeedBell,
    metrics: ServiceMetrics,
    threads: Sequence[Supervised],
) -> APIRouter:
    """Return the routes that tell the state."""
    router = APIRouter()

    @router.get("/api/status")
    def status() -> dict[str, Any]:
        """Tell whether Redis answers, how far behind the service is, and which workers live."""
        now = datetime.now(UTC)
        return {
            "at": now.isoformat(),
            "redis_reachable": vitals.redis_reachable,
            "consumer_lag_entries": dict(vitals.lag_entries),
            "feed_clients": bell.clients,
            "totals": _totals(database),
            "workers": [_worker(seen, now) for _, seen in sorted(vitals.workers.items())],
        }

    @router.get("/healthz")
    def health() -> JSONResponse:
        """Answer 200 while all of the service's threads run and get on.

        Redis or the database being away is not its fault.
        """
        if not all(thread.alive for thread in threads):
            what = "restart the service, keep its log"
            return answer(503, "thread_ended", "A part has ended", what)
        if stuck := [thread.part for thread in threads if thread.stuck]:
            what = f"{', '.join(stuck)}: report the fault in the service's log, then restart it"
            return answer(503, "thread_stuck", "A part does nothing but fail", what)
        return JSONResponse({"status": "ok"})

    @router.get("/metrics")
    def prometheus() -> Response:
        """Show the metrics in Prometheus' text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _totals(database: Database) -> dict[str, int]:
    """Count what the database holds; the service's counters begin anew at each start."""
    with database.reading() as connection:
        return {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()
            or 0
            for table in (alerts, incidents, orders)
        }


def _worker(seen: WorkerSeen, now: datetime) -> dict[str, Any]:
    beat = seen.beat
    silent_s = max(0.0, (now - seen.heard_at).total_seconds())
    return {
        "worker_id": beat.worker_id,
        "epoch": beat.epoch,
        "cameras": beat.cameras,
        "cameras_connected": beat.cameras_connected,
        "frames_analysed": beat.frames_analysed,
        "drops": beat.drops,
        "alerts": beat.alerts,
        "spool_entries": beat.spool_entries,
        "last_seen_at": seen.heard_at.isoformat(),
        "lost": silent_s > STALE_WORKER_S,
    }
