"""The composition root: what the service is made of, in the order of an alert's way.

alerts.priority, alerts ─► consumer ─► database ─► outbox ─► dispatch.drill
      alerts.confirmed ◄──────┘            └─► feed ─► console
"""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.concurrency import run_in_threadpool

from pipelines.streams import connect
from service import guards, problems
from service.database import Database, migrate
from service.dispatch.outbox import DrillOutbox
from service.feed.bell import FeedBell
from service.feed.routes import feed_router
from service.housekeeping import Housekeeper
from service.incidents.consumer import AlertConsumer
from service.incidents.routes import incident_router
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings
from service.status import status_router
from service.supervise import Supervised
from service.web.routes import web_router


def create_app(settings: ServiceSettings, registry: CollectorRegistry | None = None) -> FastAPI:
    """Return the service; its threads run between the app's startup and shutdown.

    Raises ``DatabaseUnusableError``. Redis may be away: it is waited for.
    """
    metrics = ServiceMetrics(registry or CollectorRegistry())
    database = Database(settings.database_url)
    migrate(database.engine)
    bell = FeedBell(settings.feed_clients)
    crew = Crew(settings=settings, database=database, metrics=metrics, bell=bell)

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
    )
    app.state.bell = bell
    problems.install(app)
    app.add_middleware(guards.HostGuard)
    app.add_middleware(guards.BrowserRules)
    app.include_router(incident_router(database))
    app.include_router(feed_router(database, bell, metrics))
    app.include_router(status_router(database, crew.vitals, bell, metrics, crew.threads))
    app.include_router(web_router())
    return app


class Crew:
    """The three threads: one takes alerts in, one sends orders out, one keeps house."""

    def __init__(
        self,
        *,
        settings: ServiceSettings,
        database: Database,
        metrics: ServiceMetrics,
        bell: FeedBell,
    ) -> None:
        self._stopping = threading.Event()
        self._clients = [connect(settings.redis_url) for _ in range(3)]
        to_consume, to_send, to_watch = self._clients
        self._bell = bell
        self._outbox = DrillOutbox(
            client=to_send, database=database, metrics=metrics, committed=bell.ring
        )
        consumer = AlertConsumer(
            client=to_consume,
            database=database,
            settings=settings,
            metrics=metrics,
            committed=self._alerts_committed,
        )
        housekeeper = Housekeeper(
            client=to_watch,
            database=database,
            settings=settings,
            metrics=metrics,
            stopping=self._stopping,
        )
        self.vitals = housekeeper.vitals
        steps = {
            "consumer": consumer.step,
            "outbox": self._outbox.step,
            "housekeeping": housekeeper.step,
        }
        self.threads = [
            Supervised(part, step, settings=settings, metrics=metrics)
            for part, step in steps.items()
        ]

    def start(self) -> None:
        """Start every thread."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Let each thread finish its step; then close what they used."""
        self._stopping.set()
        for thread in self.threads:
            thread.ask_to_stop()
        self._outbox.wake()
        for thread in self.threads:
            thread.join()
        for client in self._clients:
            client.close()

    def _alerts_committed(self) -> None:
        self._outbox.wake()
        self._bell.ring()
