"""What workers say of their cameras, out of Redis into the database.

The cursor is the time of the newest state that is stored: Redis' own time, as it stands in the
entry's id. So a restart goes on where it was, and what is read twice changes nothing.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import redis
import sqlalchemy as sa
import structlog
from sqlalchemy import Connection

from pipelines import streams
from pipelines.messages import CameraState, MessageError, decode
from pipelines.streams import CAMERA_STATES, Client
from service.cameras.publisher import misused
from service.database import Database
from service.logs import FaultLog
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings
from service.tables import camera_states, cameras

BATCH_STATES: Final = 500

_KEYS: Final = {CAMERA_STATES.name: "stream"}

REFUSALS: Final = (sa.exc.DataError, sa.exc.IntegrityError, OverflowError, UnicodeError)
"""What a database says of values that it can't take; that it is away is another matter."""

log = structlog.get_logger()


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
        self._client = client
        self._database = database
        self._block_ms = max(1, int(settings.block_s * 1000))
        self._metrics = metrics
        self._cursor: bytes | None = None
        self._faults = FaultLog("camera_states")

    def step(self) -> None:
        """Store the next states; waits ``block_s`` if there are none."""
        try:
            self._follow()
        except redis.ResponseError as error:
            what_to_do = misused(error, self._client, _KEYS)
            if what_to_do is None:
                raise
            self._metrics.redis_errors.labels("camera_states").inc()
            self._faults.failed("no camera's state is read", what_to_do)
            time.sleep(self._block_ms / 1000)
        else:
            self._faults.recovered()

    def _follow(self) -> None:
        if self._cursor is None:
            self._cursor = self._start()
        found: Any = self._client.xread(
            {CAMERA_STATES.name: self._cursor}, count=BATCH_STATES, block=self._block_ms
        )
        if not found:
            self._begin_anew_after_a_loss()
            return
        entries: list[tuple[bytes, dict[bytes, bytes]]] = found[0][1]
        self._store_what_can_be(self._newest(entries))
        self._cursor = entries[-1][0]

    def _start(self) -> bytes:
        with self._database.reading() as connection:
            newest = connection.execute(sa.select(sa.func.max(camera_states.c.since))).scalar()
        if newest is None:
            return b"0-0"
        # A millisecond back: several entries can share one.
        return b"%d-0" % max(0, int(newest.timestamp() * 1000) - 1)

    def _begin_anew_after_a_loss(self) -> None:
        """Read from the beginning if the stream ends before the cursor: Redis lost its data."""
        newest: Any = self._client.xrevrange(CAMERA_STATES.name, count=1)
        if newest and streams.ordinal(newest[0][0]) < streams.ordinal(self._cursor or b"0-0"):
            self._cursor = b"0-0"

    def _newest(
        self, entries: Iterable[tuple[bytes, dict[bytes, bytes]]]
    ) -> dict[str, tuple[datetime, CameraState]]:
        found: dict[str, tuple[datetime, CameraState]] = {}
        for entry_id, entry in entries:
            try:
                state = decode(streams.body(entry), CameraState)
            except MessageError as error:
                self._metrics.messages.labels(CAMERA_STATES.name, error.code).inc()
                continue
            found[state.camera_id] = (_time_of(entry_id), state)
        return found

    def _store_what_can_be(self, newest: dict[str, tuple[datetime, CameraState]]) -> None:
        """Store all at once, or else one by one, and pass over what the database refuses."""
        try:
            self._store(newest)
        except REFUSALS:
            for camera_id, state in newest.items():
                try:
                    self._store({camera_id: state})
                except REFUSALS as error:
                    self._metrics.messages.labels(CAMERA_STATES.name, "refused").inc()
                    log.warning(
                        "camera_state_refused", camera=camera_id, error=type(error).__name__
                    )

    def _store(self, newest: dict[str, tuple[datetime, CameraState]]) -> None:
        if not newest:
            return
        with self._database.writing() as connection:
            known = _registered(connection, list(newest))
            connection.execute(sa.delete(camera_states).where(camera_states.c.camera_id.in_(known)))
            if known:
                connection.execute(
                    sa.insert(camera_states), [self._columns(*newest[one]) for one in known]
                )
        self._metrics.messages.labels(CAMERA_STATES.name, "stored").inc(len(newest))

    def _columns(self, since: datetime, state: CameraState) -> dict[str, Any]:
        return {
            "camera_id": state.camera_id,
            "worker_id": state.worker_id,
            "epoch": state.epoch,
            "state": state.state.value,
            "fault": None if state.fault is None else state.fault[:32],
            "revision": state.revision,
            "since": since,
        }


def _registered(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Return those ids that the registry knows: cameras of a file have no page to be shown on."""
    query = sa.select(cameras.c.camera_id).where(cameras.c.camera_id.in_(ids))
    return list(connection.execute(query).scalars())


def _time_of(entry_id: bytes) -> datetime:
    milliseconds, _ = streams.ordinal(entry_id)
    # An id can be set by hand, to a year that no datetime has.
    return datetime.fromtimestamp(min(milliseconds / 1000, 32_503_680_000), UTC)
