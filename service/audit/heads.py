"""The file of heads: every minute, the newest entry's hash outside the database."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
import structlog

from service.audit.chain import Head, head_line, parse_head
from service.audit.log import newest
from service.database import Database
from service.logs import FaultLog
from service.metrics import ServiceMetrics
from service.tables import audit

TAIL_BYTES = 4096
"""The last whole line lies in here, torn ones after it included."""

LOCK_LIMIT_S = 2.0


class HeadsFile:
    """Lines that are only ever added. Several processes may share one: each holds a lock."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held(self) -> Iterator["Held"]:
        """Hold the file alone; it's made if it isn't there. Raises ``OSError``."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o640)
        try:
            _lock(descriptor)
            yield Held(descriptor)
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Held:
    """The open, locked file."""

    descriptor: int

    def last(self) -> Head | None:
        """Return the last head; None in a file without one."""
        return next((head for line in reversed(self._tail()) if (head := parse_head(line))), None)

    def append(self, head: Head) -> None:
        """Add a line, on disk when this returns. A torn line before it is ended first."""
        tail = self._tail()
        torn = bool(tail) and not tail[-1].endswith("\n")
        line = (("\n" if torn else "") + head_line(head)).encode()
        written = os.write(self.descriptor, line)
        os.fsync(self.descriptor)
        if written != len(line):
            raise OSError(f"{written} of {len(line)} bytes written: the disk is full")

    def _tail(self) -> list[str]:
        size = os.fstat(self.descriptor).st_size
        data = os.pread(self.descriptor, TAIL_BYTES, max(0, size - TAIL_BYTES))
        return data.decode("ascii", errors="replace").splitlines(keepends=True)


def _lock(descriptor: int) -> None:
    # Another replica's turn is over in milliseconds; one that is frozen must not freeze this one.
    ends_s = time.monotonic() + LOCK_LIMIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends_s:
                raise
            time.sleep(0.01)
        else:
            return


class HeadsExporter:
    """Notes the newest entry's hash in the file. One thread steps it; others read ``exported``."""

    def __init__(
        self,
        *,
        path: Path,
        database: Database,
        metrics: ServiceMetrics,
        stopping: threading.Event,
        every_s: float,
    ) -> None:
        self.exported: Head | None = None
        self._file = HeadsFile(path)
        self._database = database
        self._metrics = metrics
        self._stopping = stopping
        self._every_s = every_s
        self._faults = FaultLog("audit")
        self._log = structlog.get_logger("service").bind(part="audit")
        self._contradicted = False

    def step(self) -> None:
        """Export, then wait for the next minute."""
        self.export()
        self._stopping.wait(self._every_s)

    def export_last(self) -> None:
        """Export at the end, when nothing more is going to be written."""
        try:
            self.export()
        except sa.exc.SQLAlchemyError as error:
            self._faults.failed(
                f"the database fails: {error}", "the newest entries are exported at the next start"
            )

    def export(self) -> None:
        """Append the newest entry if it's newer than the last line.

        A file that can't be written is counted and said, no more. Raises what the database raises.
        """
        try:
            with self._file.held() as held:
                self._bring_up_to_date(held)
        except OSError as error:
            self._metrics.audit_export_errors.inc()
            self._faults.failed(
                f"the audit's head can't be written to {self._file.path}: {error}",
                "make space or give the service's user the right to append; until then a cut of "
                "the newest entries would not be found",
            )
        else:
            self._faults.recovered()

    def _bring_up_to_date(self, held: Held) -> None:
        last = held.last()
        # The database after the file: whoever wrote the file had seen no more than this.
        with self._database.reading() as connection:
            seq, digest = newest(connection)
            fits = last is None or _hash_at(connection, last.seq) == last.hash
        if fits and seq > (last.seq if last else 0):
            last = Head(seq=seq, hash=digest, at=datetime.now(UTC))
            held.append(last)
        self.exported = last
        self._tell(fits, seq, last)

    def _tell(self, fits: bool, seq: int, last: Head | None) -> None:
        self._metrics.audit_entries.set(seq)
        self._metrics.audit_exported_entries.set(last.seq if last else 0)
        self._metrics.audit_contradicted.set(not fits)
        if not fits and not self._contradicted and last is not None:
            self._log.error(
                f"the audit contradicts its file of heads: entry {last.seq}, exported at "
                f"{last.at.isoformat()}, is gone or another; the newest is {seq}",
                next="run fengsui audit verify. If an old backup was restored on purpose, keep "
                f"{self._file.path} under another name and a new one begins; if not, somebody "
                "cut or rewrote the audit. Nothing is exported until then",
            )
        self._contradicted = not fits


def _hash_at(connection: sa.Connection, seq: int) -> str | None:
    return connection.execute(sa.select(audit.c.hash).where(audit.c.seq == seq)).scalar()
