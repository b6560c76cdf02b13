"""The registry's changes to the workers, by way of Redis.

The database says what is to be told: cameras whose revision is above the published one, and those
that are gone. Each is written to the hash and to the stream in one transaction of Redis, then
ticked off. A crash in between repeats a change, which to a worker is none.

Now and then the whole hash is made equal to the database, under a mark that is new if that changed
anything: then every worker reads the hash anew, and takes it for the truth. It is new as well at
each start and for each run of Redis, since either may be a restored backup: what workers learned
after it was made is then beyond what both say.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from secrets import randbelow
from typing import Any, Final, TypeVar, cast
from uuid import uuid4

import redis
import sqlalchemy as sa
import structlog
from sqlalchemy import Connection

from pipelines import streams
from pipelines.messages import MAX_REVISION, CameraChange, ChangeKind, encode
from pipelines.streams import CAMERA_CHANGES, REGISTRY, REGISTRY_MARK, Client
from service.cameras.registrations import Registration, change_of, registrations, removal
from service.database import Database
from service.logs import FaultLog
from service.metrics import ServiceMetrics
from service.tables import camera_removals, cameras

BATCH_CAMERAS: Final = 200

POLL_S: Final = 1.0
"""Changes of another replica, or that found Redis away, are seen this late at most."""

RECONCILE_S: Final = 60.0
"""How long the hash and the database may differ by what nobody noticed."""

CHANGES: Final = CAMERA_CHANGES.name

_WRITE: Final = """
if (redis.call("HGET", KEYS[1], ARGV[1]) or "") ~= ARGV[2] then return -1 end
local written = 0
for i = 3, #ARGV, 3 do
  if (redis.call("HGET", KEYS[1], ARGV[i]) or "") == ARGV[i + 1] then
    if ARGV[i + 2] == "" then redis.call("HDEL", KEYS[1], ARGV[i])
    else redis.call("HSET", KEYS[1], ARGV[i], ARGV[i + 2]) end
    written = written + 1
  end
end
return written
"""
"""Write fields that still hold what was compared, unless the mark is another by now."""

_MARK_ANEW: Final = """
if (redis.call("HGET", KEYS[1], ARGV[1]) or "") ~= ARGV[2] then return 0 end
if redis.call("HLEN", KEYS[1]) < tonumber(ARGV[4]) then return 0 end
redis.call("HSET", KEYS[1], ARGV[1], ARGV[3])
return 1
"""
"""Set a new mark, unless it is another by now or the hash was lost while it was written."""

_T = TypeVar("_T")

log = structlog.get_logger()

_OURS: Final = cameras.c.drill.is_(False)
"""Drill cameras have a worker of their own, which is told of them as it is started."""

_WANTED: Final = (_OURS, cameras.c.enabled.is_(True))

_UNTOLD: Final = cameras.c.revision > cameras.c.published_revision


class CameraPublisher:
    """Keeps Redis equal to the registry. Not for more than one thread, but for ``wake``."""

    def __init__(self, *, client: Client, database: Database, metrics: ServiceMetrics) -> None:
        self._client = client
        self._database = database
        self._metrics = metrics
        self._woken = threading.Event()
        self._faults = FaultLog("cameras")
        self._run: str | None = None
        self._reconcile_at_s = 0.0
        self._equal: dict[str, tuple[int, int]] = {}
        """What was found equal last: its revision, and its body's hash in place of the body."""
        self._unreadable: dict[str, int] = {}

    def wake(self) -> None:
        """Tell the publisher that there may be a change. For any thread."""
        self._woken.set()

    def step(self) -> None:
        """Publish what waits; if nothing does, wait for a call or ``POLL_S``."""
        self._woken.clear()
        try:
            is_busy = self._advance()
        except redis.ResponseError as error:
            what_to_do = misused(error, self._client, {REGISTRY: "hash", CHANGES: "stream"})
            if what_to_do is None:
                raise
            self._metrics.redis_errors.labels("cameras").inc()
            self._faults.failed("no worker hears of changed cameras", what_to_do)
            is_busy = False
        else:
            self._faults.recovered()
        if not is_busy:
            self._woken.wait(POLL_S)

    def _advance(self) -> bool:
        run = str(self._client.info("server")["run_id"])
        mark = cast("bytes", self._client.hget(REGISTRY, REGISTRY_MARK)) or b""
        if run != self._run:
            warn_of_eviction(self._client)
        if run != self._run or not mark:
            self._run, self._equal = None, {}
            self._reconcile(run, mark, set())
        elif time.monotonic() >= self._reconcile_at_s:
            # What has yet to be told is no difference that nobody noticed.
            self._reconcile(run, mark, self._untold())
        return any([self._publish_changes(), self._publish_removals()])

    def _reconcile(self, run: str, mark: bytes, left: set[bytes]) -> None:
        """Make the hash equal to the database, but for the cameras that are ``left`` as they are.

        What changed since the hash was read is newer than what is written here, and stays. Where
        another replica or a loss comes between, the next step begins anew.
        """
        held = cast("dict[bytes, bytes]", self._client.hgetall(REGISTRY))
        held.pop(REGISTRY_MARK, None)
        differing, count = self._differing(held, left)
        written = 0
        for batch in _batches(list(differing.items()), BATCH_CAMERAS):
            fields = [part for name, body in batch for part in (name, held.get(name, b""), body)]
            done = int(self._client.eval(_WRITE, 1, REGISTRY, REGISTRY_MARK, mark, *fields))
            if done < 0:
                self._run = None
                return
            written += done
        if written or self._run is None:
            self._run = None
            new = uuid4().hex
            if not self._client.eval(_MARK_ANEW, 1, REGISTRY, REGISTRY_MARK, mark, new, count):
                return
            log.info("registry_marked_anew", mended=written, next="every worker reads it again")
        self._run, self._reconcile_at_s = run, time.monotonic() + RECONCILE_S

    def _differing(
        self, held: Mapping[bytes, bytes], left: set[bytes]
    ) -> tuple[dict[bytes, bytes], int]:
        """Return what has to be written, nothing for what has to go, and how many must be there.

        Whole rows are read of those only that weren't equal last time.
        """
        query = sa.select(cameras.c.camera_id, cameras.c.revision).where(*_WANTED)
        with self._database.reading() as connection:
            wanted = {row.camera_id: row.revision for row in connection.execute(query)}
        names = {one.encode() for one in wanted}
        found = dict.fromkeys(held.keys() - names - left, b"")
        equal, suspects = {}, []
        for camera_id, revision in wanted.items():
            seen = (revision, hash(held.get(camera_id.encode())))
            if self._equal.get(camera_id) == seen:
                equal[camera_id] = seen
            elif camera_id.encode() not in left:
                suspects.append(camera_id)
        for batch in _batches(suspects, BATCH_CAMERAS):
            for row in self._rows(*_WANTED, cameras.c.camera_id.in_(batch)):
                camera_id = row["camera_id"]
                change = self._read(row)
                if change is None:
                    continue
                body = encode(change)
                if held.get(camera_id.encode()) == body:
                    equal[camera_id] = (row["revision"], hash(body))
                else:
                    found[camera_id.encode()] = body
        self._equal = equal
        return found, len(equal) + sum(map(bool, found.values()))

    def _rows(self, *conditions: sa.ColumnElement[bool]) -> list[Registration]:
        with self._database.reading() as connection:
            return registrations(connection, BATCH_CAMERAS, *conditions)

    def _untold(self) -> set[bytes]:
        changed = sa.select(cameras.c.camera_id).where(_OURS, _UNTOLD)
        query = sa.union_all(changed, sa.select(camera_removals.c.camera_id))
        with self._database.reading() as connection:
            return {one.encode() for one in connection.execute(query).scalars()}

    def _read(self, row: Registration) -> CameraChange | None:
        """Return a camera's registration; of one that can't be read, tell once and return none."""
        try:
            return change_of(row)
        except (ValueError, TypeError) as error:
            camera_id, revision = row["camera_id"], row["revision"]
            if self._unreadable.get(camera_id) != revision:
                self._unreadable[camera_id] = revision
                self._metrics.messages.labels(CHANGES, "unreadable").inc()
                log.error(
                    "camera_unreadable",
                    camera=camera_id,
                    error=str(error),
                    next="upgrade this service to the version that registered it, or save it "
                    "again in the console; until then its worker is told nothing new of it",
                )
            return None

    def _publish_changes(self) -> bool:
        rows = self._rows(_OURS, _UNTOLD)
        if not rows:
            return False
        self._send([change for row in rows if (change := self._read(row)) is not None])
        self._tick_off(rows)
        return True

    def _tick_off(self, rows: Sequence[Registration]) -> None:
        """Note what was told. The last word to Redis must be the newest, whichever replica has it.

        Where another replica ticked something off since we read, ours may have come after: the
        newest is told again. The number that says so is no other's, so that a replica which has
        yet to tick off what it sent before ours finds out as well.
        """
        published = cameras.c.published_revision
        with self._database.writing() as connection:
            for row in rows:
                as_read = published == row["published_revision"]
                again = -1 - randbelow(MAX_REVISION)
                done = connection.execute(
                    sa.update(cameras)
                    .where(cameras.c.camera_id == row["camera_id"])
                    .values(published_revision=sa.case((as_read, row["revision"]), else_=again))
                )
                if done.rowcount == 0:
                    _remove_again(connection, row)

    def _publish_removals(self) -> bool:
        query = sa.select(camera_removals).limit(BATCH_CAMERAS)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return False
        self._send([removal(row.camera_id, row.revision) for row in rows])
        with self._database.writing() as connection:
            for row in rows:
                connection.execute(
                    sa.delete(camera_removals).where(
                        camera_removals.c.camera_id == row.camera_id,
                        camera_removals.c.revision == row.revision,
                    )
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
                pipe.xadd(CHANGES, streams.fields(change), minid=str(minid_ms), approximate=True)
            results: list[Any] = pipe.execute()
        self._metrics.camera_changes.inc(len(results) // 2)


def _batches(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def misused(error: redis.ResponseError, client: Client, keys: Mapping[str, str]) -> str | None:
    """Return what to do if ``error`` says that one of our keys is of another type than here."""
    if "WRONGTYPE" not in str(error):
        return None
    for key, kind in keys.items():
        found = cast("bytes", client.type(key)).decode()
        if found not in {kind, "none"}:
            return f"delete the key {key}, which holds a {found} and no {kind}: it is filled again"
    return None


def warn_of_eviction(client: Client) -> None:
    """Say so in the log if Redis may throw our keys away when its memory is full."""
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except redis.ResponseError:
        return  # whoever forbids CONFIG answers for it
    if policy != "noeviction":
        log.warning(
            "redis_may_evict",
            policy=policy,
            next="set maxmemory-policy noeviction: else alerts and the registry can be lost",
        )


def _remove_again(connection: Connection, row: Registration) -> None:
    """Let the removal of a camera that is gone be told once more, after what was told of it."""
    ours = camera_removals.c.camera_id == row["camera_id"]
    later = {"revision": camera_removals.c.revision + 1}
    if connection.execute(sa.update(camera_removals).where(ours).values(later)).rowcount == 0:
        connection.execute(
            sa.insert(camera_removals).values(
                camera_id=row["camera_id"],
                revision=row["revision"] + 1,
                removed_at=datetime.now(UTC),
            )
        )
