"""The thread that lets evidence go: what is due, and what lies in the store without a row.

Several services may run it on one database and one store: marks are made one writer at a time,
deleting what is gone is fine, and only who removes a row counts it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final

from pipelines.evidence_store import EvidenceStore, EvidenceStoreError
from service.database import Database
from service.evidence import expiry, place_pictures
from service.evidence.door import StoreHealth
from service.logs import FaultLog
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings

BATCH: Final = 100
"""Rows of a transaction: alerts wait behind it."""

ORPHAN_AFTER: Final = timedelta(days=7)
"""A worker puts pictures first and tells later: its spool may be cut off from Redis for days."""

FEW_ORPHANS: Final = 20
"""So many are deleted whatever there is besides."""

ORPHANS_SHARE: Final = 0.5
"""Of a store, that may be orphans: workers that die leave single ones."""

SWEEP_EVERY_S: Final = 3600.0
"""How often the whole store is listed."""

PROBE: Final = "0" * 32
"""A name that nothing has: asking for its parts shows whether the store answers."""


class EvidenceKeeper:
    """Deletes evidence. Not for more than one thread, but for ``health``."""

    def __init__(
        self,
        *,
        store: EvidenceStore,
        database: Database,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        stopping: threading.Event,
        clock: Callable[[], datetime],
        changed: Callable[[], None],
    ) -> None:
        self.health = StoreHealth(settings.evidence_limit_s)
        self._store = store
        self._database = database
        self._every_s = settings.evidence_every_s
        self._metrics = metrics
        self._stopping = stopping
        self._clock = clock
        self._changed = changed
        self._sweep_at_s = 0.0
        self._faults = FaultLog("evidence")

    def step(self) -> None:
        """Do what there is to do, then wait ``evidence_every_s``.

        Raises what the database raises. A store that refuses is counted and asked again.
        """
        self.mark()
        self._ask("probe", lambda: self._store.parts(PROBE))
        if self.health.reachable:
            self.delete()
            if time.monotonic() >= self._sweep_at_s and self.sweep():
                self._sweep_at_s = time.monotonic() + SWEEP_EVERY_S
        self._stopping.wait(self._every_s)

    def mark(self) -> None:
        """Mark what is due: from then on it is shown to nobody, whatever the store does."""
        count = BATCH
        while count == BATCH and not self._stopped():
            with self._database.writing() as connection:
                count = expiry.mark(connection, self._clock(), BATCH)
            if count:
                self._changed()
        count = BATCH
        while count == BATCH and not self._stopped():
            with self._database.writing() as connection:
                count = place_pictures.mark(connection, self._clock(), BATCH)

    def delete(self) -> None:
        """Delete from the store what is marked, then the rows, until the store refuses."""
        self._delete_evidence()
        self._delete_place_pictures()
        with self._database.reading() as connection:
            count = expiry.waiting(connection) + place_pictures.waiting(connection)
        self._metrics.evidence_waiting.set(count)

    def _delete_evidence(self) -> None:
        goes_on = True
        while goes_on:
            with self._database.reading() as connection:
                refs = expiry.marked(connection, BATCH)
            deleted = self._deleted(refs)
            if refs:
                with self._database.writing() as connection:
                    count = expiry.forget(connection, deleted, self._clock())
                    # What is stuck goes to the end: it must not keep the others.
                    expiry.put_off(connection, set(refs) - set(deleted), self._clock())
                self._metrics.evidence_deleted.labels("expired").inc(count)
            goes_on = bool(deleted) and len(refs) == BATCH

    def _delete_place_pictures(self) -> None:
        goes_on = True
        while goes_on:
            with self._database.reading() as connection:
                refs = place_pictures.marked(connection, BATCH)
            deleted = self._deleted(refs)
            if refs:
                with self._database.writing() as connection:
                    count = place_pictures.forget(connection, deleted)
                    left = set(refs) - set(deleted)
                    place_pictures.put_off(connection, left, self._clock())
                self._metrics.evidence_deleted.labels("place").inc(count)
            goes_on = bool(deleted) and len(refs) == BATCH

    def sweep(self) -> bool:
        """Delete what lies in the store without a row for a week; tells whether all was seen.

        A database that doesn't know most of a store is another's, or an empty one: nothing goes.
        """
        with self._database.writing() as connection:
            expiry.forget_old(connection, self._clock())
        old, unknown, count = self._old_refs(), list[str](), 0
        try:
            while some := list(islice(old, BATCH)):
                count += len(some)
                with self._database.reading() as connection:
                    unknown += expiry.without_row(connection, some)
        except EvidenceStoreError as error:
            self._failed("sweep", error)
            return False
        with self._database.reading() as connection:
            stranger = count > 1 and not expiry.knows_any(connection)
        if stranger or len(unknown) > max(FEW_ORPHANS, count * ORPHANS_SHARE):
            self._metrics.evidence_store_errors.labels("sweep").inc()
            self._faults.failed(
                f"the database knows {count - len(unknown)} of {count} in the evidence store",
                "nothing is deleted as an orphan: give the database that belongs to this store",
            )
            return not self._stopped()
        batches = [unknown[start : start + BATCH] for start in range(0, len(unknown), BATCH)]
        return all(map(self._let_go, batches)) and not self._stopped()

    def _old_refs(self) -> Iterator[str]:
        before = self._clock() - ORPHAN_AFTER
        found = iter(self._store.refs())
        while not self._stopped():
            self.health.asked()
            one = next(found, None)
            self.health.told(answers=True)
            if one is None:
                return
            ref, newest_at = one
            if newest_at < before:
                yield ref

    def _let_go(self, refs: Sequence[str]) -> bool:
        """Delete those that have no row; tells whether the store deleted all of them."""
        with self._database.writing() as connection:
            orphans = expiry.orphans(connection, refs)
        deleted = self._deleted(orphans)
        with self._database.writing() as connection:
            count = expiry.settle(connection, deleted, self._clock())
        self._metrics.evidence_deleted.labels("orphan").inc(count)
        return len(deleted) == len(orphans)

    def _deleted(self, refs: Sequence[str]) -> list[str]:
        """Delete refs from the store until it refuses; returns those that are gone."""
        gone = []
        for ref in refs:
            if self._stopped():
                break
            if self._ask("delete", partial(self._store.delete, ref)):
                gone.append(ref)
            elif not self._ask("probe", lambda: self._store.parts(PROBE)):
                break  # the store is away, not this one stuck
        return gone

    def _ask(self, call: str, question: Callable[[], object]) -> bool:
        self.health.asked()
        try:
            question()
        except EvidenceStoreError as error:
            self._failed(call, error)
            return False
        self.health.told(answers=True)
        self._faults.recovered()
        return True

    def _failed(self, call: str, error: EvidenceStoreError) -> None:
        self.health.told(answers=False)
        self._metrics.evidence_store_errors.labels(call).inc()
        self._faults.failed(str(error), "nothing that is due is shown; deleting is tried again")

    def _stopped(self) -> bool:
        return self._stopping.is_set()
