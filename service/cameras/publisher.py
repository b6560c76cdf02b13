"""The registry's changes to the workers, by way of Redis.

The database says what is to be told: cameras whose revision is above the published one, and those
that are gone. Each is written to the hash and to the stream in one transaction of Redis, then
ticked off. A crash in between repeats a change, which to a worker is none.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast
from uuid import uuid4

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from pipelines import streams
from pipelines.messages import (
    MAX_REVISION,
    Camera,
    CameraChange,
    ChangeKind,
    MessageError,
    Zone,
    decode,
    encode,
)
from pipelines.streams import CAMERA_CHANGES, REGISTRY, REGISTRY_WHOLE, Client
from service.database import Database
from service.metrics import ServiceMetrics
from service.tables import camera_removals, cameras
from vision.hazards import Hazard

BATCH_CAMERAS: Final = 200

IMPLAUSIBLE: Final = MAX_REVISION // 2
"""No camera was changed so often: a revision from here on is somebody's mistake in Redis."""

POLL_S: Final = 1.0
"""Changes of another replica, or that found Redis away, are seen this late at most."""

_COLUMNS: Final = tuple(
    cameras.c[name]
    for name in (
        "camera_id",
        "main_url",
        "sub_url",
        "sealed_credentials",
        "hazards",
        "zones",
        "enabled",
        "revision",
        "updated_at",
    )
)

_OURS: Final = cameras.c.drill.is_(False)
"""Drill cameras have a worker of their own, which is told of them as it is started."""


class CameraPublisher:
    """Keeps Redis equal to the registry. Not for more than one thread, but for ``wake``."""

    def __init__(self, *, client: Client, database: Database, metrics: ServiceMetrics) -> None:
        self._client = client
        self._database = database
        self._metrics = metrics
        self._woken = threading.Event()
        self._compared: tuple[bytes, str] | None = None
        """The hash's mark and the server's run when they were last compared. Another mark asks for
        a new look, and so does another run: a server that crashed may have lost its last second."""

    def wake(self) -> None:
        """Tell the publisher that there may be a change. For any thread."""
        self._woken.set()

    def step(self) -> None:
        """Publish everything that waits; then wait for a call or ``POLL_S``."""
        self._woken.clear()
        mark = cast("bytes | None", self._client.get(REGISTRY_WHOLE))
        run = str(self._client.info("server")["run_id"])
        if mark is None:
            self._compared = (self._fill(), run)
        elif (mark, run) != self._compared:
            self._compared = (self._reconcile(mark), run)
        while self._publish_changes() or self._publish_removals():
            pass
        self._woken.wait(POLL_S)

    def _fill(self) -> bytes:
        """Fill the hash of a Redis that is new or lost its data; return its mark.

        Nothing goes to the stream: the new mark makes every worker compare itself to the hash.
        """
        changes = self._wanted()
        held = set(self._held())
        with self._client.pipeline(transaction=True) as pipe:
            if gone := held - {one.encode() for one in changes}:
                pipe.hdel(REGISTRY, *gone)
            for camera_id, change in changes.items():
                pipe.hset(REGISTRY, camera_id, encode(change))
            mark = uuid4().hex.encode()
            pipe.set(REGISTRY_WHOLE, mark)
            pipe.execute()
        return mark

    def _reconcile(self, mark: bytes) -> bytes:
        """Publish where the hash differs from the registry, as after the database was restored.

        What is equal is not sent again: a restart of the service touches no camera. Returns the
        hash's mark: a new one where only that makes workers let go of what they were told.
        """
        held = self._named()
        if any(_revision_of(body) >= IMPLAUSIBLE for body in held.values()):
            return self._fill()
        wanted = self._wanted()
        differing = [
            change for name, change in wanted.items() if not _is_told(held.get(name), change)
        ]
        behind = {
            one.camera_id: revision
            for one in differing
            if (revision := _revision_of(held.get(one.camera_id))) >= one.revision
        }
        self._raise(behind)
        now = [one for one in differing if one.camera_id not in behind]
        now += [
            _removal(name, _revision_of(body) + 1)
            for name, body in held.items()
            if name not in wanted
        ]
        for start in range(0, len(now), BATCH_CAMERAS):
            self._send(now[start : start + BATCH_CAMERAS])
        return mark

    def _raise(self, told: Mapping[str, int]) -> None:
        """Lift cameras above what workers were told, who would take them for stale.

        They count as unpublished from then on: a crash here leaves nothing untold.
        """
        if not told:
            return
        with self._database.writing() as connection:
            for camera_id, revision in told.items():
                connection.execute(
                    sa.update(cameras)
                    .where(cameras.c.camera_id == camera_id, cameras.c.revision <= revision)
                    .values(revision=revision + 1, published_revision=revision)
                )

    def _named(self) -> dict[str, bytes]:
        """Return what the hash holds, by camera; what is no name is taken out of it."""
        found = {}
        for raw, body in self._held().items():
            try:
                found[raw.decode()] = body
            except UnicodeDecodeError:
                self._client.hdel(REGISTRY, raw)
                self._metrics.messages.labels(REGISTRY, "unreadable").inc()
        return found

    def _publish_changes(self) -> bool:
        query = (
            sa.select(*_COLUMNS)
            .where(_OURS, cameras.c.revision > cameras.c.published_revision)
            .order_by(cameras.c.updated_at, cameras.c.camera_id)
            .limit(BATCH_CAMERAS)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        if not rows:
            return False
        self._send([_change(row) for row in rows])
        self._tick_off(rows)
        return True

    def _tick_off(self, rows: Sequence[RowMapping]) -> None:
        """Note what was told. The last word to Redis must be the newest, whichever replica has it.

        Where another replica was ahead of us, ours may have come after: the newest is told again.
        """
        with self._database.writing() as connection:
            for row in rows:
                camera = cameras.c.camera_id == row["camera_id"]
                done = connection.execute(
                    sa.update(cameras)
                    .where(camera, cameras.c.published_revision < row["revision"])
                    .values(published_revision=row["revision"])
                )
                if done.rowcount == 0:
                    connection.execute(
                        sa.update(cameras)
                        .where(camera, cameras.c.revision > row["revision"])
                        .values(published_revision=row["revision"])
                    )
                    _remove_again(connection, row)

    def _publish_removals(self) -> bool:
        query = sa.select(camera_removals).limit(BATCH_CAMERAS)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return False
        self._send([_removal(row.camera_id, row.revision) for row in rows])
        with self._database.writing() as connection:
            ids = [row.camera_id for row in rows]
            connection.execute(
                sa.delete(camera_removals).where(camera_removals.c.camera_id.in_(ids))
            )
        return True

    def _send(self, changes: Iterable[CameraChange]) -> None:
        """Write changes to hash and stream: all of these or none."""
        keep = timedelta(seconds=CAMERA_CHANGES.keep_s or 0)
        minid_ms = int((datetime.now(UTC) - keep).timestamp() * 1000)
        with self._client.pipeline(transaction=True) as pipe:
            for change in changes:
                if change.kind is ChangeKind.UPSERTED:
                    pipe.hset(REGISTRY, change.camera_id, encode(change))
                else:
                    pipe.hdel(REGISTRY, change.camera_id)
                entry = streams.fields(change)
                pipe.xadd(CAMERA_CHANGES.name, entry, minid=str(minid_ms), approximate=True)
            results: list[Any] = pipe.execute()
        self._metrics.camera_changes.inc(len(results) // 2)

    def _held(self) -> Mapping[bytes, bytes]:
        return cast("dict[bytes, bytes]", self._client.hgetall(REGISTRY))

    def _wanted(self) -> dict[str, CameraChange]:
        query = sa.select(*_COLUMNS).where(_OURS, cameras.c.enabled.is_(True))
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["camera_id"]: _change(row) for row in rows}


def _remove_again(connection: Connection, row: RowMapping) -> None:
    """Let a camera's removal be told once more, if it is gone."""
    for table in (cameras, camera_removals):
        there = sa.select(table.c.camera_id).where(table.c.camera_id == row["camera_id"])
        if connection.execute(there).one_or_none() is not None:
            return
    connection.execute(
        sa.insert(camera_removals).values(
            camera_id=row["camera_id"], revision=row["revision"] + 1, removed_at=datetime.now(UTC)
        )
    )


def _change(row: RowMapping) -> CameraChange:
    if not row["enabled"]:
        return _removal(row["camera_id"], row["revision"])
    return CameraChange(
        camera_id=row["camera_id"],
        kind=ChangeKind.UPSERTED,
        revision=row["revision"],
        changed_at=row["updated_at"],
        camera=Camera(
            camera_id=row["camera_id"],
            # Looks are small pictures: the substream has enough in it, at a fraction of the cost.
            url=row["sub_url"] or row["main_url"],
            sealed_credentials=row["sealed_credentials"],
            hazards=tuple(Hazard(one) for one in row["hazards"]),
            zones=tuple(msgspec.convert(one, Zone) for one in row["zones"]),
        ),
    )


def _removal(camera_id: str, revision: int) -> CameraChange:
    return CameraChange(
        camera_id=camera_id,
        kind=ChangeKind.REMOVED,
        revision=revision,
        changed_at=datetime.now(UTC),
    )


def _told(body: bytes | None) -> CameraChange | None:
    try:
        return None if body is None else decode(body, CameraChange)
    except MessageError:
        return None


def _is_told(body: bytes | None, change: CameraChange) -> bool:
    told = _told(body)
    return told is not None and (told.camera, told.revision) == (change.camera, change.revision)


def _revision_of(body: bytes | None) -> int:
    told = _told(body)
    return 0 if told is None else told.revision
