"""What cameras had and cost of late, out of Redis into the database.

Nobody waits for it, and alerts have to be written: so it is read some seconds apart, and stored
in short transactions. Times are Redis' own; a worker's clock may be wrong.
"""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines import streams
from pipelines.messages import CameraFigures, MessageError, decode
from pipelines.streams import CAMERA_FIGURES, Client
from service.cameras.answers import FiguresOut
from service.cameras.following import Cursor, Entry, time_of
from service.database import Database
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings
from service.tables import camera_figures, cameras

STALE_AFTER: Final = timedelta(minutes=5)
"""Workers tell every minute: older figures say nothing of the present."""

GATHERED_S: Final = 5.0
"""Between two reads: figures of a whole estate are then a few transactions a read."""

BATCH_MESSAGES: Final = 50

BATCH_FIGURES: Final = 500
"""In one transaction."""

SHORTEST_S: Final = 1.0
"""Of the time that figures are about; divided by less, they would say anything."""

Row = dict[str, Any]


def of(connection: Connection, camera_id: str, now: datetime) -> FiguresOut | None:
    """Return a camera's newest figures, unless they are old."""
    query = sa.select(camera_figures).where(
        camera_figures.c.camera_id == camera_id, camera_figures.c.at > now - STALE_AFTER
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return FiguresOut(**{name: row[name] for name in FiguresOut.model_fields})


class FiguresReader:
    """Follows ``camera.figures``. Not for more than one thread."""

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        stopping: threading.Event,
        gathered_s: float = GATHERED_S,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._stopping = stopping
        self._gathered_s = gathered_s
        self._cursor = Cursor(
            client,
            CAMERA_FIGURES,
            part="camera_figures",
            metrics=metrics,
            entries=BATCH_MESSAGES,
            block_s=settings.block_s,
            stored_until=self._stored_until,
        )

    def step(self) -> None:
        """Store the next figures, then let some gather."""
        if self._follow() < BATCH_MESSAGES:
            self._stopping.wait(self._gathered_s)

    def _follow(self) -> int:
        entries = self._cursor.read()
        if entries:
            newest = list(self._newest(entries).items())
            for first in range(0, len(newest), BATCH_FIGURES):
                some = dict(newest[first : first + BATCH_FIGURES])
                self._cursor.store_what_can_be(some, self._store)
            self._cursor.advance()
        return len(entries)

    def _stored_until(self) -> datetime | None:
        with self._database.reading() as connection:
            return connection.execute(sa.select(sa.func.max(camera_figures.c.at))).scalar()

    def _newest(self, entries: Iterable[Entry]) -> dict[str, Row]:
        found: dict[str, Row] = {}
        for entry_id, entry in entries:
            try:
                told = decode(streams.body(entry), CameraFigures)
            except MessageError as error:
                self._metrics.messages.labels(CAMERA_FIGURES.name, error.code).inc()
                continue
            if told.over_s < SHORTEST_S:
                self._metrics.messages.labels(CAMERA_FIGURES.name, "too_short").inc()
                continue
            found |= {row["camera_id"]: row for row in _rows(time_of(entry_id), told)}
            self._metrics.messages.labels(CAMERA_FIGURES.name, "read").inc()
        return found

    def _store(self, rows: Mapping[str, Row]) -> None:
        with self._database.writing() as connection:
            query = sa.select(cameras.c.camera_id).where(cameras.c.camera_id.in_(rows))
            known = list(connection.execute(query).scalars())
            connection.execute(
                sa.delete(camera_figures).where(camera_figures.c.camera_id.in_(known))
            )
            if known:
                connection.execute(sa.insert(camera_figures), [rows[one] for one in known])


def _rows(at: datetime, told: CameraFigures) -> list[Row]:
    return [
        {
            "camera_id": one.camera_id,
            "worker_id": told.worker_id,
            "at": at,
            "looks_per_s": one.looks / told.over_s,
            "core_share": one.core_ms / 1000 / told.over_s,
            "bit_rate_bps": int(one.received_bytes * 8 / told.over_s),
        }
        for one in told.cameras
    ]
