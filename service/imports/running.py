"""The one import that a replica works on: its place, its thread, its patience with the database."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.accounts.gate import Gate
from service.cameras.sealer import Sealer
from service.database import Database
from service.housekeeping import Vitals
from service.imports.errors import CameraImportBusyError, UnwantedError
from service.imports.logins_seen import LoginsSeen
from service.metrics import ServiceMetrics

MOST_ARRIVING: Final = 2
"""Files in memory besides the one being worked on, one an account; each has 32 MB at most."""

LOOKED_FOR_EVERY_S: Final = 0.2

PATIENCE_S: Final = 60.0
"""With a database that is away or busy; then the import stalls, and somebody asks again."""

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 3.0

_BUGS: Final = (IntegrityError, ProgrammingError, sa.exc.DataError)

Made = TypeVar("Made")


class StoppingError(UnwantedError):
    """The service ends; what is done stays done."""


class SupersededError(UnwantedError):
    """Another piece of work has the import now, or it was deleted: this one counts no more."""


class ImportRunner:
    """Does one job at a time; ``step`` is its thread's. Thread-safe."""

    def __init__(
        self,
        metrics: ServiceMetrics,
        stopping: threading.Event,
        *,
        replica: str,
        at_first: Callable[[str], None],
    ) -> None:
        """``at_first`` is called with the replica's name before the thread does anything."""
        self.metrics = metrics
        self.replica = replica
        self._at_first: Callable[[str], None] | None = at_first
        self._stopping = stopping
        self._busy = threading.Lock()
        self._arriving: set[UUID] = set()
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def step(self) -> None:
        """Do the job that waits, or wait a little for one."""
        if self._at_first is not None:
            self._at_first(self.replica)
            self._at_first = None
        try:
            job = self._jobs.get(timeout=LOOKED_FOR_EVERY_S)
        except queue.Empty:
            return
        try:
            job()
        except StoppingError:
            pass
        finally:
            self._busy.release()

    @contextmanager
    def arriving(self, account_id: UUID) -> Iterator[None]:
        """Hold an account's place while its file arrives. Raises ``CameraImportBusyError``."""
        with self._lock:
            is_full = len(self._arriving) >= MOST_ARRIVING or account_id in self._arriving
            if is_full or self._busy.locked():
                raise CameraImportBusyError
            self._arriving.add(account_id)
        try:
            yield
        finally:
            with self._lock:
                self._arriving.remove(account_id)

    def begin(self, prepare: Callable[[], Callable[[], None]]) -> None:
        """Take the place, ``prepare`` a job and let the thread do it.

        Raises ``CameraImportBusyError``, and what ``prepare`` raises: then the place is free again.
        """
        if self._stopping.is_set() or not self._busy.acquire(blocking=False):
            raise CameraImportBusyError
        with ExitStack() as unless_done:
            unless_done.callback(self._busy.release)
            self._jobs.put(prepare())
            unless_done.pop_all()

    def claim(self) -> str:
        """Return a new name for a piece of work of this replica."""
        return f"{self.replica}:{uuid4()}"

    def pause(self, wait_s: float) -> None:
        """Let others write. Raises ``StoppingError`` once the service ends."""
        if self._stopping.wait(wait_s):
            raise StoppingError

    def patiently(self, work: Callable[[], Made]) -> Made:
        """Return what a transaction returns, trying it again while the database is away.

        Raises what it raised last after ``PATIENCE_S``, and ``StoppingError``.
        """
        gives_up_at_s = time.monotonic() + PATIENCE_S
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return work()
            except (DBAPIError, PoolTimeoutError) as error:
                if isinstance(error, _BUGS) or time.monotonic() > gives_up_at_s:
                    raise
                self.metrics.database_errors.labels("imports").inc()
            self.pause(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """What the routes of imports work with."""

    database: Database
    """Where imports and cameras are."""
    gate: Gate
    """Who may."""
    sealer: Sealer
    """Seals the files' logins."""
    runner: ImportRunner
    """The thread."""
    logins_seen: LoginsSeen
    """So that a file sent again changes nothing."""
    vitals: Vitals
    """Which workers are heard of: the list's filters ask."""
    changed: Callable[[], None]
    """Called after each commit of cameras."""
