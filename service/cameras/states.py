"""What workers say of their cameras, out of Redis into the database.

The cursor is the time of the newest state that is stored: Redis' own time, as it stands in the
entry's id. So a restart goes on where it was, and what is read twice changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines import streams
from pipelines.messages import CameraState, MessageError, decode
from pipelines.streams import CAMERA_STATES, Client
from service.cameras import health
from service.cameras.following import Cursor, Entry, time_of
from service.cameras.health import Change
from service.database import Database
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings
from service.tables import camera_states, cameras

BATCH_STATES: Final = 500

Said = tuple[datetime, CameraState]
"""When Redis took it, and what it was."""


class StateReader:
    """Follows ``camera.states``. Not for more than one thread."""

    def __init__(
        self,
        *,
        client: Client,
        database: Database,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._cursor = Cursor(
            client,
            CAMERA_STATES,
            part="camera_states",
            metrics=metrics,
            entries=BATCH_STATES,
            block_s=settings.block_s,
            stored_until=self._stored_until,
        )

    def step(self) -> None:
        """Store the next states; waits ``block_s`` if there are none."""
        if entries := self._cursor.read():
            self._cursor.store_what_can_be(self._said(entries), self._store)
            self._cursor.advance()

    def _stored_until(self) -> datetime | None:
        with self._database.reading() as connection:
            return connection.execute(sa.select(sa.func.max(camera_states.c.since))).scalar()

    def _said(self, entries: Iterable[Entry]) -> dict[str, list[Said]]:
        """Return what was said of each camera, in its order."""
        found: dict[str, list[Said]] = {}
        for entry_id, entry in entries:
            try:
                state = decode(streams.body(entry), CameraState)
            except MessageError as error:
                self._metrics.messages.labels(CAMERA_STATES.name, error.code).inc()
                continue
            found.setdefault(state.camera_id, []).append((time_of(entry_id), state))
        return found

    def _store(self, said: Mapping[str, list[Said]]) -> None:
        if not said:
            return
        with self._database.writing() as connection:
            known = _registered(connection, list(said))
            connection.execute(sa.delete(camera_states).where(camera_states.c.camera_id.in_(known)))
            if known:
                newest = [self._columns(*said[one][-1]) for one in known]
                connection.execute(sa.insert(camera_states), newest)
            changes = [_change(*state) for one in known for state in said[one]]
            untold = health.note(connection, changes)
        self._metrics.messages.labels(CAMERA_STATES.name, "stored").inc(len(said))
        if untold:
            self._metrics.messages.labels(CAMERA_STATES.name, "history_full").inc(untold)

    def _columns(self, since: datetime, state: CameraState) -> dict[str, Any]:
        return {
            "camera_id": state.camera_id,
            "worker_id": state.worker_id,
            "epoch": state.epoch,
            "state": state.state.value,
            "fault": _word(state.fault),
            "revision": state.revision,
            "since": since,
        }


def _change(at: datetime, state: CameraState) -> Change:
    return Change(
        camera_id=state.camera_id,
        at=at,
        worker_id=state.worker_id,
        state=state.state.value,
        fault=_word(state.fault),
    )


def _word(fault: str | None) -> str | None:
    return None if fault is None else fault[:32]


def _registered(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Return those ids that the registry knows: cameras of a file have no page to be shown on."""
    query = sa.select(cameras.c.camera_id).where(cameras.c.camera_id.in_(ids))
    return list(connection.execute(query).scalars())
