"""How the service and what it sees of the workers are doing: for people, probes and Prometheus."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.errors import EverywhereOnlyError
from service.evidence.door import StoreHealth
from service.feed.bell import FeedBell
from service.housekeeping import Vitals, WorkerSeen
from service.incidents.views import within
from service.metrics import ServiceMetrics
from service.problems import answer, responses
from service.supervise import Supervised
from service.tables import alerts, incidents, orders

STALE_WORKER_S = 10.0
"""Heartbeats come every second: a worker silent for this long is shown as lost."""


class Totals(BaseModel):
    """What the database holds of one's places; the service's counters begin anew at each start."""

    alerts: int
    incidents: int
    orders: int


class WorkerStatus(BaseModel):
    """A worker's newest heartbeat."""

    worker_id: str
    epoch: int
    cameras: int
    cameras_connected: int
    cameras_waiting: Annotated[int, Field(description="Not started yet, or kept out: full")]
    frames_analysed: int
    drops: dict[str, int]
    alerts: int
    spool_entries: int
    last_seen_at: datetime
    lost: bool


class Status(BaseModel):
    """How the service and the workers that it hears are doing.

    Lag, feeds and workers are the whole installation's: nothing to who doesn't see all of it.
    """

    at: datetime
    redis_reachable: bool
    evidence_store_reachable: Annotated[
        bool | None, Field(description="Null before it was asked for the first time")
    ]
    consumer_lag_entries: dict[str, int]
    feed_clients: int | None
    totals: Totals
    workers: list[WorkerStatus]


class Health(BaseModel):
    """The service's threads run and get on."""

    status: Literal["ok"]


def status_router(
    *,
    database: Database,
    gate: Gate,
    vitals: Vitals,
    bell: FeedBell,
    metrics: ServiceMetrics,
    threads: Sequence[Supervised],
    evidence: StoreHealth,
) -> APIRouter:
    """Return the routes that tell the state."""
    router = APIRouter()

    @router.get("/api/status", responses=responses(401, 403))
    def status(who: Annotated[Principal, Depends(gate.allows(Permission.STATUS_READ))]) -> Status:
        """Tell whether Redis and the evidence store answer, the lag, and which workers live."""
        now = datetime.now(UTC)
        heard = vitals.workers if who.everywhere else {}
        return Status(
            at=now,
            redis_reachable=vitals.redis_reachable,
            evidence_store_reachable=evidence.reachable,
            consumer_lag_entries=dict(vitals.lag_entries) if who.everywhere else {},
            feed_clients=bell.clients if who.everywhere else None,
            totals=_totals(database, who),
            workers=[_worker(seen, now) for _, seen in sorted(heard.items())],
        )

    @router.get("/healthz", response_model=Health, responses=responses(503))
    async def health() -> JSONResponse:
        """Answer 200 while all of the service's threads run and get on.

        Without a thread of its own: requests that hold all of them are no reason to restart.
        Redis or the database being away is not its fault.
        """
        if not all(thread.alive for thread in threads):
            what = "restart the service, keep its log"
            return answer(503, "thread_ended", "A part has ended", what)
        if stuck := [thread.part for thread in threads if thread.stuck]:
            what = f"{', '.join(stuck)}: report the fault in the service's log, then restart it"
            return answer(503, "thread_stuck", "A part does nothing but fail", what)
        return JSONResponse({"status": "ok"})

    @router.get("/metrics", response_class=PlainTextResponse, responses=responses(401, 403))
    def prometheus(
        who: Annotated[Principal, Depends(gate.allows(Permission.STATUS_READ))],
    ) -> Response:
        """Show the whole installation's metrics, to who sees all of it, in Prometheus' format."""
        if not who.everywhere:
            raise EverywhereOnlyError
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _totals(database: Database, who: Principal) -> Totals:
    own = within(who)
    queries = {
        "incidents": sa.select(sa.func.count()).select_from(incidents).where(own),
        **{
            table.name: sa.select(sa.func.count())
            .select_from(table.join(incidents, incidents.c.incident_id == table.c.incident_id))
            .where(own)
            for table in (alerts, orders)
        },
    }
    with database.reading() as connection:
        return Totals(
            **{name: connection.execute(query).scalar_one() for name, query in queries.items()}
        )


def _worker(seen: WorkerSeen, now: datetime) -> WorkerStatus:
    beat = seen.beat
    return WorkerStatus(
        worker_id=beat.worker_id,
        epoch=beat.epoch,
        cameras=beat.cameras,
        cameras_connected=beat.cameras_connected,
        cameras_waiting=beat.cameras_waiting,
        frames_analysed=beat.frames_analysed,
        drops=beat.drops,
        alerts=beat.alerts,
        spool_entries=beat.spool_entries,
        last_seen_at=seen.heard_at,
        lost=(now - seen.heard_at).total_seconds() > STALE_WORKER_S,
    )
