"""The threads of one service, what they share, and how they end."""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypedDict

from pipelines.evidence_store import EvidenceStore
from pipelines.streams import CANDIDATES, PROBE_RESULTS, RECEIPTS, Client, connect
from service.audit.heads import HeadsExporter
from service.cameras.figures import FiguresReader
from service.cameras.history import HistoryKeeper
from service.cameras.live import live_workers
from service.cameras.publisher import CameraPublisher
from service.cameras.states import StateReader
from service.database import Database
from service.dispatch.outbox import Outbox
from service.dispatch.receipt_keeper import AT_A_TIME, ReceiptKeeper
from service.dispatch.silence import SilenceWatch
from service.dispatch.targets import TargetBook
from service.duty.watching import ClockWatcher
from service.evidence.keeper import EvidenceKeeper
from service.feed.bell import FeedBell
from service.feed.tail import FeedTail
from service.housekeeping import Housekeeper
from service.imports.keeping import leave_own
from service.imports.running import ImportRunner
from service.incidents.consumer import AlertConsumer
from service.intake import Intake
from service.metrics import ServiceMetrics
from service.probes.dispatcher import ProbeDispatcher
from service.probes.results import ResultKeeper
from service.settings import ServiceSettings, heads_beside
from service.supervise import Supervised
from service.verdicts.consumer import CandidateKeeper


class _Sending(TypedDict):
    client: Client
    database: Database
    metrics: ServiceMetrics


class _Reading(_Sending):
    settings: ServiceSettings


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
        keeper = ReceiptKeeper(self._metrics, committed=self.orders_decided)
        receipts = Intake(RECEIPTS, keeper, **self._reading(), at_a_time=AT_A_TIME)
        silence = SilenceWatch(
            database=self._database,
            metrics=self._metrics,
            stopping=self._stopping,
            silence_s=self._settings.silence_s,
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
