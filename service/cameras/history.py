"""The cameras' history where no message tells: workers that fall silent, cameras switched off.

A camera whose worker is gone is unwatched, whatever that said last; it is watched again once the
same worker is heard anew, which then says nothing of what hasn't changed. What is old goes.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from service.cameras import health, store
from service.cameras.health import Change
from service.cameras.live import live_workers
from service.cameras.models import State
from service.database import Database
from service.housekeeping import Vitals
from service.status import STALE_WORKER_S
from service.tables import camera_health, camera_states, cameras

EVERY_S: Final = 15.0

COMPARED_EVERY_S: Final = 300.0
"""Cameras and history are compared this often even if neither workers nor registry changed: it
takes a second of a database's time for tens of thousands."""

FORGOTTEN_EVERY_S: Final = 600.0

SETTLED_AFTER_S: Final = 2 * STALE_WORKER_S
"""How long Redis must have answered before a silence is a worker's rather than Redis' own."""

_AT_ONCE: Final = 250
"""Changes in one transaction."""

_MOST: Final = 5000
"""Changes found by one look; the rest are found by the next."""


class HistoryKeeper:
    """Keeps the cameras' history true, and no longer than promised. For one thread."""

    def __init__(
        self,
        *,
        database: Database,
        vitals: Vitals,
        stopping: threading.Event,
        every_s: float = EVERY_S,
        settled_after_s: float = SETTLED_AFTER_S,
    ) -> None:
        self._database = database
        self._vitals = vitals
        self._stopping = stopping
        self._every_s = every_s
        self._settled_after_s = settled_after_s
        self._reachable_since_s: float | None = None
        self._compared: tuple[Mapping[str, int], datetime | None] | None = None
        self._compare_at_s = 0.0
        self._forget_at_s = 0.0

    def step(self) -> None:
        """Wait; then compare if the workers can be heard, and forget what is old."""
        self._stopping.wait(self._every_s)
        if self._stopping.is_set():
            return
        if self._has_settled():
            self._compare_if_due()
        if time.monotonic() >= self._forget_at_s:
            health.forget_before(self._database, datetime.now(UTC) - health.KEPT)
            self._forget_at_s = time.monotonic() + FORGOTTEN_EVERY_S

    def _has_settled(self) -> bool:
        now_s = time.monotonic()
        if not self._vitals.redis_reachable:
            self._reachable_since_s = None
        elif self._reachable_since_s is None:
            self._reachable_since_s = now_s
        since_s = self._reachable_since_s
        return since_s is not None and now_s - since_s >= self._settled_after_s

    def _compare_if_due(self) -> None:
        live = live_workers(self._vitals)
        with self._database.reading() as connection:
            edited = connection.execute(sa.select(sa.func.max(cameras.c.updated_at))).scalar()
        if self._compared == (live, edited) and time.monotonic() < self._compare_at_s:
            return
        self.compare(live)
        self._compared = (live, edited)
        self._compare_at_s = time.monotonic() + COMPARED_EVERY_S

    def compare(self, live: Mapping[str, int]) -> None:
        """Note every camera that stands otherwise than its history says."""
        with self._database.reading() as connection:
            found = _otherwise(connection, live)
        for first in range(0, len(found), _AT_ONCE):
            if self._stopping.is_set():
                return
            with self._database.writing() as connection:
                # Meanwhile its worker may have said something.
                ids = found[first : first + _AT_ONCE]
                health.note(connection, self._changes(connection, live, ids))

    def _changes(
        self, connection: Connection, live: Mapping[str, int], ids: Sequence[str]
    ) -> list[Change]:
        rows = connection.execute(_differing(live).where(cameras.c.camera_id.in_(ids))).mappings()
        now = datetime.now(UTC)
        return [
            Change(
                camera_id=row["camera_id"],
                at=self._when(row["worker_id"], row["at"], now),
                worker_id=row["worker_id"],
                state=row["state"],
                fault=row["fault"],
            )
            for row in rows
        ]

    def _when(self, worker_id: str, after: datetime | None, now: datetime) -> datetime:
        """Return when the change happened: as its worker was heard last, if it's silent."""
        seen = self._vitals.workers.get(worker_id)
        is_silent = seen is not None and now - seen.heard_at > timedelta(seconds=STALE_WORKER_S)
        at = seen.heard_at if seen is not None and is_silent else now
        # Never before what is known already: Redis' clock and ours may differ.
        return at if after is None else max(at, after + timedelta(milliseconds=1))


def _otherwise(connection: Connection, live: Mapping[str, int]) -> list[str]:
    query = _differing(live).limit(_MOST)
    return [row["camera_id"] for row in connection.execute(query).mappings()]


def _differing(live: Mapping[str, int]) -> sa.Select[tuple[object, ...]]:
    """Return the cameras whose newest row isn't how they stand, and how they do."""
    known = store.state_of(live)
    state = sa.case((known == State.DISABLED.value, State.UNWATCHED.value), else_=known)
    fault = store.fault_of(live)
    is_same = sa.and_(
        camera_health.c.state == state,
        sa.func.coalesce(camera_health.c.fault, "") == sa.func.coalesce(fault, ""),
    )
    return (
        sa.select(
            cameras.c.camera_id,
            camera_states.c.worker_id,
            camera_health.c.at,
            state.label("state"),
            fault.label("fault"),
        )
        .join(camera_states, camera_states.c.camera_id == cameras.c.camera_id)
        .outerjoin(camera_health, health.is_newest(cameras.c.camera_id))
        .where(sa.or_(camera_health.c.at.is_(None), sa.not_(is_same)))
    )
