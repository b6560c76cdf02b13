"""The composition root of a worker. It reads like the picture in the README.

cameras or registry -> estate: readers -> batcher -> detector -> rules -> alerts -> spool
-> publisher -> Redis
"""

import re
import signal
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server

from models.packs import Pack, PackError, load_pack
from pipelines import streams
from pipelines.addresses import Addresses
from pipelines.admission import Admission
from pipelines.estate import Estate
from pipelines.evidence_desk import END_PATIENCE_S, evidence_desk
from pipelines.evidence_store import EvidenceStoreError
from pipelines.faults import SourceError
from pipelines.figures import Figures
from pipelines.flow import Flow
from pipelines.heartbeat import Heart
from pipelines.keepsakes import KEEP_EVERY_S, Keepsakes
from pipelines.load import LoadMeter
from pipelines.machine import room
from pipelines.messages import Alert
from pipelines.metrics import WorkerMetrics
from pipelines.platforms import Platforms
from pipelines.probing.room import prober
from pipelines.publisher import Publisher
from pipelines.registry import Change, Registry
from pipelines.scores import ScoreKeeper, ScoreSender
from pipelines.sealing import KeyFileError
from pipelines.secrets import Secret
from pipelines.spool import Spool
from pipelines.states import States
from pipelines.supervised import leave_at_once
from pipelines.worker_settings import WorkerError, WorkerSettings
from pipelines.zones import ZoneError, zones_of

IDLE_S: Final = 0.25
"""How soon a worker without looks notices that it should stop."""

CHANGES_A_STEP: Final = 16
"""A new estate of hundreds of cameras does not keep looks waiting: between steps, so many."""

log = structlog.get_logger()


PACK_RETRY_S: Final = 10.0
"""Copying a pack takes seconds; its hash keeps half a copy from being used."""

METRICS_PORT: Final = 9600
"""Where deploy/prometheus looks for a worker."""

NAME: Final = re.compile(r"[\w.-]{1,64}")
"""A worker's id names its spool's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMetrics:
    """Metrics, and the server that shows them."""

    metrics: WorkerMetrics
    """Of one worker."""
    server: WSGIServer
    """On loopback."""
    thread: threading.Thread
    """The server's."""

    def close(self) -> None:
        """Give the port back."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Worker:
    """Watches cameras until it is stopped."""

    def __init__(
        self,
        settings: WorkerSettings,
        drills: frozenset[str] = frozenset(),
        shown: ShownMetrics | None = None,
    ) -> None:
        """``drills`` names the cameras that a drill started; no setting holds it.

        ``shown`` are metrics to count in that are shown already; by default ``run`` shows its own.

        Raises ``WorkerError``, ``PackError``, ``ZoneError``, ``SourceError`` or
        ``EvidenceStoreError`` before anything runs.
        """
        _check_name(settings.worker_id)
        self._settings, self._shown = settings, shown
        self._metrics = WorkerMetrics(CollectorRegistry()) if shown is None else shown.metrics
        pack = load_pack(settings.pack_dir)
        self._client = _connected(settings.redis_url)
        self._spool = _spool(settings.spool_dir / f"{settings.worker_id}.sqlite", self._metrics)
        epoch = self._spool.next_epoch()
        self._publisher = Publisher(self._client, self._spool, self._metrics)
        self._heart = Heart(self._client, settings.worker_id, epoch, self._metrics)
        self._states = States(self._client, settings.worker_id, epoch, self._metrics)
        self._changes: SimpleQueue[Change] = SimpleQueue()
        self._unsaved: list[Alert] = []
        self._keeps_at_s = 0.0
        self._stopping = threading.Event()
        try:
            self._put_together(pack, drills, epoch)
        except (PackError, ZoneError, SourceError, WorkerError, EvidenceStoreError):
            self._spool.close()  # a start that is tried again must not leave a file open each time
            raise

    def _put_together(self, pack: Pack, drills: frozenset[str], epoch: int) -> None:
        """Make what looks go through: from the cameras, by the rules, to scores and alerts."""
        settings, metrics = self._settings, self._metrics
        keeper, keepsakes = ScoreKeeper(metrics), Keepsakes(self._spool)
        self._scores = ScoreSender(
            self._client, settings.worker_id, epoch, keeper=keeper, metrics=metrics
        )
        self._flow = Flow(
            pack=pack,
            drills=drills,
            epoch=epoch,
            metrics=metrics,
            scores=keeper,
            keepsakes=keepsakes,
            desk=evidence_desk(settings.evidence, metrics),
        )
        self._figures = Figures(
            self._client, settings.worker_id, epoch, count=self._flow.count, metrics=metrics
        )
        addresses = _addresses(settings, metrics)
        self._estate = Estate(
            flow=self._flow,
            states=self._states,
            address=addresses.of,
            renewed=addresses.renewed,
            metrics=metrics,
            networks=settings.networks,
            jurisdictions=settings.jurisdictions,
            admission=Admission(),
        )
        self._registry = self._prober = None
        if settings.cameras is None:
            if settings.probes:
                self._prober = prober(settings, self._client, addresses, metrics)
            known = keepsakes.cameras()
            self._registry = Registry(self._client, settings.share, self._changed, metrics, known)
        else:
            self._estate.give(settings.cameras)

    def run(self) -> None:
        """Watch until ``stop``; on return every alert raised is in the spool.

        What its disk refuses even then is counted as dropped. Raises ``WorkerError`` if the
        metrics' port is taken.
        """
        shown = self._shown or _shown(self._settings.metrics_port, self._metrics)
        port = shown.server.server_port
        if self._settings.metrics_port is None and port != METRICS_PORT:
            log.warning("metrics_port_taken", taken=METRICS_PORT, instead=port)
        log.info("worker_started", cameras=len(self._estate), metrics_port=port)
        self._publisher.start()
        self._heart.start()
        self._states.start()
        self._scores.start()
        self._figures.start()
        self._estate.start()
        if self._registry is not None:
            self._registry.start()
        if self._prober is not None:
            self._prober.start()
        cores = room().cores / self._settings.processes
        meter = LoadMeter(self._flow.batcher, self._metrics, cores)
        while not self._stopping.is_set():
            self._settings.pulse.beat()
            self._apply_changes()
            if (load := meter.read()) is not None:
                self._estate.admit(load)
            self._estate.start_waiting()
            self._save(self._estate.find_lost())
            for alert in self._flow.step(IDLE_S):
                self._save([alert])
            self._save([])
            self._figures.take(self._estate.readers)
            self._keep()
        self._end()
        shown.close()

    def _end(self) -> None:
        if self._registry is not None:
            self._registry.ask_to_stop()
        if self._prober is not None:
            self._prober.ask_to_stop()
        self._estate.stop()
        self._save(self._flow.finish(END_PATIENCE_S))
        for alert in self._unsaved:
            self._metrics.spool_drop(alert.severity)
            log.error("alert_lost", alert=str(alert.alert_id), do="free space on the spool's disk")
        self._publisher.stop()
        self._states.stop()
        self._scores.stop()
        self._figures.stop()
        if self._prober is not None:
            self._prober.stop()
        if self._registry is not None:
            self._registry.join()
        self._heart.stop()
        self._client.close()
        self._spool.close()

    def stop(self) -> None:
        """Ask ``run`` to return. Safe in a signal handler."""
        self._stopping.set()

    @property
    def ended(self) -> bool:
        """Whether no thread of its own works on after ``run``; waits a little for one that does."""
        return self._flow.ended and (self._prober is None or self._prober.ended)

    def _changed(self, change: Change) -> None:
        self._changes.put(change)
        self._flow.batcher.wake()

    def _apply_changes(self) -> None:
        for _ in range(CHANGES_A_STEP):
            try:
                change = self._changes.get_nowait()
            except Empty:
                return
            self._save(self._estate.apply(change))
        self._flow.batcher.wake()

    def _keep(self) -> None:
        """Write what the rules remember, at times; a disk that refuses it keeps nobody waiting."""
        if time.monotonic() < self._keeps_at_s:
            return
        self._keeps_at_s = time.monotonic() + KEEP_EVERY_S
        try:
            self._flow.keep()
        except sqlite3.Error as error:
            self._metrics.spool_error()
            log.warning("habits", error=str(error), do="free space on the spool's disk")

    def _save(self, alerts: list[Alert]) -> None:
        """Put revisions into the spool; what a full disk refuses is kept and tried again."""
        self._unsaved += alerts
        try:
            while self._unsaved:
                self._spool.put(self._unsaved[0])
                del self._unsaved[0]
        except sqlite3.Error as error:
            if alerts:  # once a revision, not once a look
                self._metrics.spool_error()
                log.error("spool", error=str(error), do="free space on the spool's disk")


def check(settings: WorkerSettings) -> None:
    """Raise what ``Worker`` raises for a wrong setting; loads no pack and connects to nothing."""
    _check_name(settings.worker_id)
    _connected(settings.redis_url).close()
    metrics = WorkerMetrics(CollectorRegistry())
    addresses = _addresses(settings, metrics)
    for camera in settings.cameras or ():
        addresses.of(camera)
        zones_of(camera)
        settings.jurisdictions.narrow(settings.networks, camera)
    path = settings.spool_dir / f"{settings.worker_id}.sqlite"
    evidence_desk(settings.evidence, metrics)
    _spool(path, metrics).close()


def _check_name(worker_id: str) -> None:
    if not NAME.fullmatch(worker_id):
        raise WorkerError(f"worker id {worker_id!r}: use 1 to 64 letters, digits, dots, dashes")


def _connected(url: Secret) -> streams.Client:
    try:
        return streams.connect(url)
    except ValueError:  # its text can hold a piece of the password
        raise WorkerError("the Redis address is none: write redis://host:port/0") from None


def _spool(path: Path, metrics: WorkerMetrics) -> Spool:
    try:
        return Spool(path, metrics)
    except (OSError, sqlite3.Error) as error:
        raise WorkerError(
            f"spool {path}: {error}: name a directory on a disk with space that may be written"
        ) from error


def _addresses(settings: WorkerSettings, metrics: WorkerMetrics) -> Addresses:
    """Return what gives a camera's address: a file's hold their passwords, a registry's don't."""
    places = settings.jurisdictions
    platforms = Platforms(settings.platforms, metrics, settings.networks, places)
    try:
        return Addresses(settings.worker_key if settings.cameras is None else None, platforms)
    except KeyFileError as error:
        raise WorkerError(str(error)) from error


def worker_of_good_pack(settings: WorkerSettings) -> Worker:
    """Return the worker; while its pack is bad, say so once, count it where Prometheus looks, wait.

    So a pack that is installed again is taken up by itself. Raises what ``Worker`` raises but
    ``PackError``.
    """
    # Before the worker: a port that is taken is found before the spool or its epoch is touched.
    shown = _shown(settings.metrics_port, WorkerMetrics(CollectorRegistry()))
    for cause, count in settings.pulse.restarts.items():
        shown.metrics.restarted(cause, count)
    said = False
    while True:
        settings.pulse.still_starting()
        try:
            return Worker(settings, shown=shown)
        except PackError as error:
            shown.metrics.pack_refused(error.code)
            if not said:
                log.error("pack", fault=str(error), next=f"tried again every {PACK_RETRY_S:g} s")
            said = True
            time.sleep(PACK_RETRY_S)


def _shown(port: int | None, metrics: WorkerMetrics) -> ShownMetrics:
    """Show metrics; if nobody asked for a port, at the usual one or a free one."""
    asked = METRICS_PORT if port is None else port
    try:
        server, thread = start_http_server(asked, addr="127.0.0.1", registry=metrics.registry)
    except (OSError, OverflowError) as error:
        if port is None:
            return _shown(0, metrics)
        raise WorkerError(
            f"metrics port {port}: {error}: choose another, 0 for a free one"
        ) from error
    return ShownMetrics(metrics=metrics, server=server, thread=thread)


def run_until_signalled(worker: Worker) -> None:
    """Run a worker until SIGTERM or SIGINT."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker.run()
    if not worker.ended:
        leave_at_once()
