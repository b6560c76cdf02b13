"""The composition root: what the service is made of, in the order of an alert's way.

alerts.priority, alerts ─► consumer ─► database ─► outbox ─► dispatch, dispatch.drill, targets
      alerts.confirmed ◄──────┘            └─► feed ─► console
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.concurrency import run_in_threadpool

from service import guards, openapi, problems
from service.accounts.account_routes import account_router
from service.accounts.gate import Gate
from service.accounts.oidc_routes import oidc_router
from service.accounts.session_routes import session_router
from service.accounts.sessions import Cookies
from service.accounts.throttle import Throttle
from service.accounts.token_routes import token_router
from service.audit.routes import audit_router
from service.cameras.bulk_routes import bulk_router
from service.cameras.routes import camera_router
from service.cameras.saved_view_routes import saved_view_router
from service.cameras.sealer import Sealer
from service.cameras.window_routes import window_router
from service.compression import Compression
from service.crew import Crew
from service.database import Database, migrate
from service.dispatch.dispatch_routes import dispatch_router
from service.dispatch.order_routes import order_router
from service.dispatch.receipt_routes import receipt_router
from service.duty.routes import duty_router
from service.evidence.door import StoreDoor, opened
from service.evidence.routes import evidence_router
from service.evidence.viewing import Viewer
from service.feed.bell import FeedBell
from service.feed.routes import feed_router
from service.imports.logins_seen import LoginsSeen
from service.imports.routes import import_router
from service.imports.running import Imports
from service.incidents.action_routes import action_router
from service.incidents.routes import incident_router
from service.metrics import ServiceMetrics
from service.places.routes import place_router
from service.probes.pictures import PictureViewer
from service.probes.routes import probe_router
from service.routers import take
from service.settings import ServiceSettings, worker_key_beside
from service.statistics.routes import statistics_router
from service.status import status_router
from service.verdicts.routes import verdict_router
from service.web.routes import web_router


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: ServiceSettings,
    registry: CollectorRegistry | None = None,
    clock: Callable[[], datetime] = _now,
) -> FastAPI:
    """Return the service; its threads run between the app's startup and shutdown.

    ``clock`` is what evidence ages and deadlines run by. Raises ``BadSettingError`` and
    ``DatabaseUnusableError``. Redis and the evidence store may be away: they are waited for.
    """
    metrics = ServiceMetrics(registry or CollectorRegistry())
    database = Database(settings.database_url)
    migrate(database.engine)
    bell = FeedBell(settings.feed_clients)
    store = opened(settings.evidence)
    crew = Crew(
        settings=settings, database=database, metrics=metrics, bell=bell, store=store, clock=clock
    )

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        crew.start()
        try:
            yield
        finally:
            bell.close()
            await run_in_threadpool(crew.stop)
            database.close()

    app = FastAPI(
        title="Fengsui",
        lifespan=running,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=openapi.operation_id,
    )
    openapi.install(app)
    app.state.bell = bell
    app.state.database = database
    problems.install(app, metrics)
    app.add_middleware(Compression)
    app.add_middleware(guards.BodyLimit)
    app.add_middleware(guards.OriginGuard, settings=settings)
    app.add_middleware(guards.HostGuard, settings=settings)
    app.add_middleware(guards.BrowserRules, settings=settings)
    door = StoreDoor(store, metrics, settings.evidence_limit_s)
    for router in _routers(
        settings,
        database=database,
        crew=crew,
        metrics=metrics,
        bell=bell,
        door=door,
        clock=clock,
    ):
        take(app.router, router)
    return app


def _routers(
    settings: ServiceSettings,
    *,
    database: Database,
    crew: Crew,
    metrics: ServiceMetrics,
    bell: FeedBell,
    door: StoreDoor,
    clock: Callable[[], datetime],
) -> Iterator[APIRouter]:
    gate = Gate(database, metrics, Cookies(secure=settings.secure))
    yield session_router(database, gate, Throttle(database, metrics))
    yield oidc_router(database, gate, settings)
    yield token_router(database, gate)
    yield account_router(database, gate, settings.oidc.issuer if settings.oidc else None)
    yield place_router(database, gate)
    sealer = Sealer(settings.worker_key or worker_key_beside(settings.database_url))
    yield import_router(
        Imports(
            database=database,
            gate=gate,
            sealer=sealer,
            runner=crew.imports,
            logins_seen=LoginsSeen(),
            vitals=crew.vitals,
            changed=crew.cameras_changed,
        )
    )
    yield camera_router(
        database=database,
        gate=gate,
        sealer=sealer,
        vitals=crew.vitals,
        changed=crew.cameras_changed,
    )
    yield bulk_router(
        database=database,
        gate=gate,
        sealer=sealer,
        vitals=crew.vitals,
        changed=crew.cameras_changed,
    )
    yield saved_view_router(database, gate)
    yield window_router(database=database, gate=gate, sealer=sealer, changed=crew.cameras_changed)
    yield incident_router(database, gate)
    yield action_router(
        database=database,
        gate=gate,
        book=crew.book,
        zone=settings.zone,
        clock=clock,
        acted=crew.orders_decided,
    )
    yield receipt_router(
        gate=gate,
        metrics=metrics,
        clock=clock,
        book=crew.book,
        committed=crew.orders_decided,
    )
    yield verdict_router(database=database, gate=gate, sealer=sealer, changed=crew.cameras_changed)
    yield order_router(database=database, gate=gate, metrics=metrics, decided=crew.orders_decided)
    yield dispatch_router(database=database, gate=gate, book=crew.book, clock=clock)
    viewer = Viewer(database=database, gate=gate, door=door, metrics=metrics, clock=clock)
    yield evidence_router(database=database, gate=gate, viewer=viewer, clock=clock)
    yield probe_router(
        database=database,
        gate=gate,
        viewer=PictureViewer(database=database, gate=gate, door=door, metrics=metrics, clock=clock),
        vitals=crew.vitals,
        clock=clock,
        asked=crew.probes_asked,
    )
    yield feed_router(database=database, gate=gate, bell=bell, tail=crew.tail, metrics=metrics)
    yield status_router(
        database=database,
        gate=gate,
        vitals=crew.vitals,
        bell=bell,
        metrics=metrics,
        threads=crew.threads,
        evidence=crew.evidence.health,
    )
    yield duty_router(database=database, gate=gate, settings=settings, clock=clock)
    yield statistics_router(database=database, gate=gate, zone=settings.zone, clock=clock)
    yield audit_router(database, gate, crew.heads)
    yield web_router()
