"""A worker's alerts on its own disk until the service has them in its database.

Redis is the way, never the place: an entry leaves the spool when ``alerts.confirmed`` names it
and not before. SQLite, synced at every commit, so that neither ``kill -9`` nor a power cut
takes an alert that was raised.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pipelines.messages import Alert, Confirmation, encode
from pipelines.metrics import WorkerMetrics
from vision.hazards import Severity

CAPACITY: Final = 50_000
"""Revisions, some 50 MB: a day of a storm in which ten cameras of a worker revise all the time."""

FIRST_AGAIN_S: Final = 30.0
"""An entry that nobody confirmed for so long is sent again; the service knows it by its key."""

LONGEST_AGAIN_S: Final = 3600.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    alert_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    urgency INTEGER NOT NULL,
    body BLOB NOT NULL,
    due REAL NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    UNIQUE (alert_id, revision)
) STRICT;
CREATE INDEX IF NOT EXISTS entry_due ON entry (due);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

_URGENCY = {severity: index for index, severity in enumerate(reversed(Severity))}


class Spool:
    """One file, used by the inference loop and the publisher's threads."""

    def __init__(self, path: Path, metrics: WorkerMetrics, capacity: int = CAPACITY) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # its log takes the mode over
        self._metrics = metrics
        self._capacity = capacity
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.executescript(_SCHEMA)
        # The times of the last process mean nothing to this one: everything is due at once.
        self._database.execute("UPDATE entry SET due = 0")
        self.arrived = threading.Event()
        self._count()

    def next_epoch(self) -> int:
        """Return this start's number, one more than the last start's."""
        epoch = int(self.recall("epoch") or 0) + 1
        self.remember("epoch", str(epoch))
        return epoch

    def put(self, alert: Alert) -> None:
        """Keep a revision; on return it is on disk."""
        with self._lock:
            if len(self) >= self._capacity:
                self._make_room()
            self._database.execute(
                "INSERT OR IGNORE INTO entry (alert_id, revision, urgency, body)"
                " VALUES (?, ?, ?, ?)",
                (str(alert.alert_id), alert.revision, _URGENCY[alert.severity], encode(alert)),
            )
            self._count()
        self.arrived.set()

    def due(self, limit: int) -> list[tuple[int, bytes]]:
        """Return ordinals and bodies that wait to be sent, in the order they were raised."""
        with self._lock:
            rows = self._database.execute(
                "SELECT ordinal, body FROM entry WHERE due <= ? ORDER BY ordinal LIMIT ?",
                (time.monotonic(), limit),
            )
            return rows.fetchall()

    def sent(self, ordinals: Iterable[int]) -> None:
        """Note that entries were sent; unless confirmed they are due again, later each time.

        An alert that the service refuses therefore stays here, for a replay once the reason is
        mended, without filling the dead letters.
        """
        now_s = time.monotonic()
        with self._lock, self._database:
            self._database.execute("BEGIN")
            self._database.executemany(
                "UPDATE entry SET due = ? + min(?, ? * (1 << min(tries, 20))), tries = tries + 1"
                " WHERE ordinal = ?",
                [(now_s, LONGEST_AGAIN_S, FIRST_AGAIN_S, one) for one in ordinals],
            )

    def all_due(self) -> None:
        """Send everything again: Redis was away and may have lost what it had."""
        with self._lock:
            self._database.execute("UPDATE entry SET due = 0")
        self.arrived.set()

    def confirm(self, confirmations: Iterable[Confirmation], read_up_to: str) -> None:
        """Forget what the service has, and how far the confirmations were read."""
        with self._lock, self._database:
            self._database.execute("BEGIN")
            gone = self._database.executemany(
                "DELETE FROM entry WHERE alert_id = ? AND revision = ?",
                [(str(one.alert_id), one.revision) for one in confirmations],
            ).rowcount
            self._remember("confirmed", read_up_to)
            self._metrics.confirmed.inc(max(0, gone))
            self._count()

    def recall(self, name: str) -> str | None:
        """Return a remembered value."""
        with self._lock:
            row = self._database.execute(
                "SELECT value FROM state WHERE name = ?", (name,)
            ).fetchone()
        return row[0] if row else None

    def remember(self, name: str, value: str) -> None:
        """Remember a value over restarts."""
        with self._lock:
            self._remember(name, value)

    def remember_all(self, values: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        """Remember many values over restarts and forget others: all or none.

        Raises ``sqlite3.Error``.
        """
        with self._lock, self._database:
            self._database.execute("BEGIN")
            self._database.executemany("DELETE FROM state WHERE name = ?", [(one,) for one in gone])
            for name, value in values.items():
                self._remember(name, value)

    def remembered(self, prefix: str) -> tuple[str, ...]:
        """Return the names of remembered values that begin so."""
        with self._lock:
            rows = self._database.execute(
                "SELECT name FROM state WHERE substr(name, 1, ?) = ?", (len(prefix), prefix)
            )
            return tuple(name for (name,) in rows)

    def __len__(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM entry").fetchone()
        return int(count)

    def close(self) -> None:
        """Close the file; everything in it stays."""
        with self._lock:
            self._database.close()

    def _remember(self, name: str, value: str) -> None:
        self._database.execute(
            "INSERT INTO state VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def _make_room(self) -> None:
        """Drop the oldest revision of the lowest severity; an onset is never dropped."""
        row = self._database.execute(
            "DELETE FROM entry WHERE ordinal = (SELECT ordinal FROM entry WHERE revision > 1"
            " ORDER BY urgency, ordinal LIMIT 1) RETURNING urgency"
        ).fetchone()
        if row is not None:
            self._metrics.spool_drop(list(reversed(Severity))[row[0]])

    def _count(self) -> None:
        self._metrics.spool_entries.set(len(self))
