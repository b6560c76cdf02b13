"""The composition root: what the service is made of, in the order of an alert's way.

alerts.priority, alerts ─► consumer ─► database ─► outbox ─► dispatch, dispatch.drill, targets
      alerts.confirmed ◄──────┘            └─► feed ─► console
"""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypedDict

from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from starlette.concurrency import run_in_threadpool

from pipelines.evidence_store import EvidenceStore
from pipelines.streams import CANDIDATES, PROBE_RESULTS, RECEIPTS, Client, connect
from service import guards, openapi, problems
from service.accounts.account_routes import account_router
from service.accounts.gate import Gate
from service.accounts.oidc_routes import oidc_router
from service.accounts.session_routes import session_router
from service.accounts.sessions import Cookies
from service.accounts.throttle import Throttle
from service.accounts.token_routes import token_router
from service.audit.heads import HeadsExporter
from service.audit.routes import audit_router
from service.cameras.bulk_routes import bulk_router
from service.cameras.figures import FiguresReader
from service.cameras.history import HistoryKeeper
from service.cameras.live import live_workers
from service.cameras.publisher import CameraPublisher
from service.cameras.routes import camera_router
from service.cameras.saved_view_routes import saved_view_router
from service.cameras.sealer import Sealer
from service.cameras.states import StateReader
from service.cameras.window_routes import window_router
from service.compression import Compression
from service.database import Database, migrate
from service.dispatch.dispatch_routes import dispatch_router
from service.dispatch.order_routes import order_router
from service.dispatch.outbox import Outbox
from service.dispatch.receipt_keeper import AT_A_TIME, ReceiptKeeper
from service.dispatch.receipt_routes import receipt_router
from service.dispatch.silence import SilenceWatch, mute
from service.dispatch.targets import TargetBook
from service.duty.routes import duty_router
from service.duty.watching import ClockWatcher
from service.evidence.door import StoreDoor, opened
from service.evidence.keeper import EvidenceKeeper
from service.evidence.routes import evidence_router
from service.evidence.viewing import Viewer
from service.feed.bell import FeedBell
from service.feed.routes import feed_router
from service.feed.tail import FeedTail
from service.housekeeping import Housekeeper
from service.imports.keeping import leave_own
from service.imports.logins_seen import LoginsSeen
from service.imports.routes import import_router
from service.imports.running import ImportRunner, Imports
from service.incidents.action_routes import action_router
from service.incidents.consumer import AlertConsumer
from service.incidents.routes import incident_router
from service.intake import Intake
from service.metrics import ServiceMetrics
from service.places.routes import place_router
from service.probes.dispatcher import ProbeDispatcher
from service.probes.pictures import PictureViewer
from service.probes.results import ResultKeeper
from service.probes.routes import probe_router
from service.settings import ServiceSettings, heads_beside, worker_key_beside
from service.statistics.routes import statistics_router
from service.status import status_router
from service.supervise import Supervised
from service.verdicts.consumer import CandidateKeeper
from service.verdicts.routes import verdict_router
from service.web.routes import web_router


class _Sending(TypedDict):
    client: Client
    database: Database
    metrics: ServiceMetrics


class _Reading(_Sending):
    settings: ServiceSettings


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: ServiceSettings,
    registry: CollectorRegistry | None = None,
    clock: Callable[[], datetime] = _now,
) -> FastAPI:
    """Return the service; its threads run between the app's startup and shutdown.

    ``clock`` is what evidence ages by. Raises ``BadSettingError`` and ``DatabaseUnusableError``.
    Redis and the evidence store may be away: they are waited for.
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
        app.include_router(router)
    return app


def _routers(
    settings: ServiceSettings,
    *,
    database: Database,
    crew: "Crew",
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
        mute=crew.mute,
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


class Crew:
    """The threads: alerts, states, scores in; orders, cameras, heads out; upkeep."""

    def __init__(
        self,
        *,
        settings: ServiceSettings,
        database: Database,
        metrics: ServiceMetrics,
        bell: FeedBell,
        store: EvidenceStore,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings, self._database, self._metrics = settings, database, metrics
        self._bell = bell
        self._stopping = threading.Event()
        self._clients: list[Client] = []
        housekeeper = Housekeeper(**self._reading(), stopping=self._stopping)
        self.vitals = housekeeper.vitals
        self.heads = HeadsExporter(
            path=settings.audit_heads or heads_beside(settings.database_url),
            database=database,
            metrics=metrics,
            stopping=self._stopping,
            every_s=settings.audit_heads_every_s,
        )
        self.evidence = EvidenceKeeper(
            store=store,
            database=database,
            settings=settings,
            metrics=metrics,
            stopping=self._stopping,
            clock=clock,
            changed=bell.ring,
        )
        self.imports = ImportRunner(
            metrics,
            self._stopping,
            replica=settings.consumer,
            at_first=partial(leave_own, database),
        )
        clocks = ClockWatcher(
            database=database,
            metrics=metrics,
            stopping=self._stopping,
            clock=clock,
            zone=settings.zone,
            committed=bell.ring,
        )
        steps = {
            **self._alerts(),
            **self._answers(clock),
            "housekeeping": housekeeper.step,
            "audit": self.heads.step,
            **self._cameras(),
            "clocks": clocks.step,
            "evidence": self.evidence.step,
            "imports": self.imports.step,
            **self._probes(),
        }
        self.threads = [
            Supervised(part, step, settings=settings, metrics=metrics)
            for part, step in steps.items()
        ]

    def _alerts(self) -> dict[str, Callable[[], None]]:
        self.book = TargetBook(
            self._settings.targets,
            client=self._sending()["client"],
            metrics=self._metrics,
            replica=self._settings.consumer,
            timezone=self._settings.timezone,
        )
        self._outbox = Outbox(
            database=self._database,
            settings=self._settings,
            metrics=self._metrics,
            book=self.book,
            committed=self._bell.ring,
        )
        consumer = AlertConsumer(
            **self._reading(), book=self.book, committed=self._alerts_committed
        )
        scores = Intake(CANDIDATES, CandidateKeeper(), **self._reading())
        return {"consumer": consumer.step, "outbox": self._outbox.tend, "scores": scores.step}

    def _answers(self, clock: Callable[[], datetime]) -> dict[str, Callable[[], None]]:
        keeper = ReceiptKeeper(self._metrics, mute=self.mute, committed=self.orders_decided)
        receipts = Intake(RECEIPTS, keeper, **self._reading(), at_a_time=AT_A_TIME)
        silence = SilenceWatch(
            database=self._database,
            metrics=self._metrics,
            stopping=self._stopping,
            silence_s=self._settings.silence_s,
            mute=self.mute,
            committed=self._bell.ring,
            clock=clock,
        )
        self.tail = FeedTail(self._database, self._bell, self._stopping)
        return {"receipts": receipts.step, "silence": silence.step, "feed": self.tail.step}

    def _cameras(self) -> dict[str, Callable[[], None]]:
        self._publisher = CameraPublisher(**self._sending())
        history = HistoryKeeper(
            database=self._database, vitals=self.vitals, stopping=self._stopping
        )
        return {
            "cameras": self._publisher.step,
            "camera_states": StateReader(**self._reading()).step,
            "camera_history": history.step,
            "camera_figures": FiguresReader(**self._reading(), stopping=self._stopping).step,
        }

    def _probes(self) -> dict[str, Callable[[], None]]:
        workers = partial(live_workers, self.vitals)
        self._prober = ProbeDispatcher(**self._reading(), live_workers=workers)
        results = Intake(PROBE_RESULTS, ResultKeeper(self._metrics), **self._reading())
        return {"probes": self._prober.step, "probe_results": results.step}

    def _sending(self) -> _Sending:
        # A client of its own: a waiting read would keep it from others.
        client = connect(self._settings.redis_url)
        self._clients.append(client)
        return {"client": client, "database": self._database, "metrics": self._metrics}

    def _reading(self) -> _Reading:
        return {**self._sending(), "settings": self._settings}

    def start(self) -> None:
        """Start every thread."""
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Let each thread finish its step; then close what they used."""
        self._stopping.set()
        for thread in self.threads:
            thread.ask_to_stop()
        self._outbox.ask_to_stop()
        self._publisher.wake()
        self._prober.wake()
        for thread in self.threads:
            thread.join()
        self._outbox.join()
        self.book.close()
        self.heads.export_last()
        for client in self._clients:
            client.close()

    def cameras_changed(self) -> None:
        """Let the workers be told. For any thread."""
        self._publisher.wake()

    def mute(self) -> frozenset[str]:
        """Return the targets that never answer. For any thread."""
        return mute(self.book)

    def orders_decided(self) -> None:
        """Let orders leave, and the feed be told of their decision. For any thread."""
        self._outbox.wake()
        self._bell.ring()

    def probes_asked(self) -> None:
        """Let probes start. For any thread."""
        self._prober.wake()

    def _alerts_committed(self) -> None:
        self._outbox.wake()
        self._bell.ring()
