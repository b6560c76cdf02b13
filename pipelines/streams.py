"""The one table of Redis streams: name, message, consumer group, trimming rule.

Nobody caps a stream by length: that removes entries which nobody has read, silently. A stream
is trimmed by ``MINID``, either below the oldest entry that its group still needs or below an
age, where an old entry has no reader by design. Commands of Redis 6.2 only.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry

from pipelines.messages import (
    Alert,
    CameraChange,
    CameraFigures,
    CameraState,
    Candidates,
    Confirmation,
    DeadLetter,
    DispatchOrder,
    Heartbeat,
    Message,
    MessageError,
    ProbeJob,
    ProbeResult,
    Receipt,
    encode,
)
from pipelines.secrets import Secret
from vision.hazards import PRIORITY, Hazard

BODY: Final = "body"
"""The one field of every entry: the message as JSON."""

SOCKET_TIMEOUT_S: Final = 5.0
"""XREADGROUP can outlast its BLOCK when the server hangs: no read waits longer than this."""

MAX_BODY_BYTES: Final = 64 * 1024
"""The largest message is an order of some 2 kB: a bigger body is an error or an attack."""

DEAD_BODY_BYTES: Final = MAX_BODY_BYTES // 8
"""What a dead letter keeps of a body: a byte may take six when escaped, and the letter itself
must be a message that can be read. Every message of ours is far smaller, so it's kept whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One row of the table."""

    name: str
    """The key in Redis."""
    message: type[Message]
    """What its entries hold."""
    group: str | None = None
    """The consumer group that must see every entry, if one must."""
    keep_s: float | None = None
    """Entries older than this are trimmed; ``None``: only what the group has finished."""

    @property
    def dead(self) -> str:
        """The stream that takes what could not be taken."""
        return f"dead.{self.name}"


ALERTS_PRIORITY = Stream(name="alerts.priority", message=Alert, group="service")
ALERTS = Stream(name="alerts", message=Alert, group="service")
ALERTS_CONFIRMED = Stream(name="alerts.confirmed", message=Confirmation, keep_s=3600)
CAMERA_CHANGES = Stream(name="camera.changes", message=CameraChange, keep_s=24 * 3600)
CAMERA_STATES = Stream(name="camera.states", message=CameraState, keep_s=24 * 3600)
CAMERA_FIGURES = Stream(name="camera.figures", message=CameraFigures, keep_s=3600)
PROBE_JOBS = Stream(name="probe.jobs", message=ProbeJob, group="workers")
PROBE_RESULTS = Stream(name="probe.results", message=ProbeResult, group="service")
HEARTBEATS = Stream(name="heartbeats", message=Heartbeat, keep_s=600)
DISPATCH = Stream(name="dispatch", message=DispatchOrder, group="centre")
DISPATCH_DRILL = Stream(name="dispatch.drill", message=DispatchOrder, keep_s=7 * 24 * 3600)
CANDIDATES = Stream(name="candidates", message=Candidates, group="service", keep_s=3600)
RECEIPTS = Stream(name="receipts", message=Receipt, group="service")

STREAMS: Final = {
    stream.name: stream
    for stream in (
        ALERTS_PRIORITY,
        ALERTS,
        ALERTS_CONFIRMED,
        CAMERA_CHANGES,
        CAMERA_STATES,
        CAMERA_FIGURES,
        PROBE_JOBS,
        PROBE_RESULTS,
        HEARTBEATS,
        CANDIDATES,
        DISPATCH,
        DISPATCH_DRILL,
        RECEIPTS,
    )
}
"""Every stream there is, by name, most urgent first. ``dead.*`` follow from it."""

REGISTRY: Final = "camera.registry"
"""A hash: each camera's newest upsert, an encoded ``CameraChange``, by camera id. Written in one
transaction with the entry of ``camera.changes``."""

REGISTRY_MARK: Final = b"camera.registry.whole"
"""A field of it, there while it holds every camera; its value differs each time that the service
has made it equal to the database. Without it, absence removes nobody."""

Client = redis.Redis


def connect(url: str | Secret) -> Client:
    """Return a client of the Redis at ``url``; nothing is sent before its first command.

    Replies are bytes in RESP2's shapes on every server version. It doesn't retry by itself: that
    would hide that a command may have run twice, and sleep where a stop can't reach. Raises
    ``ValueError`` for an address that isn't one.
    """
    return redis.Redis.from_url(
        url.reveal() if isinstance(url, Secret) else url,
        protocol=2,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 0),
    )


def alert_stream(hazard: Hazard) -> Stream:
    """Return the stream that alerts of a hazard travel on."""
    return ALERTS_PRIORITY if hazard in PRIORITY else ALERTS


def fields(message: Message) -> dict[Any, Any]:
    """Return an entry's fields for a message."""
    return {BODY: encode(message)}


def body(entry: dict[bytes, bytes] | None) -> bytes:
    """Return the message's bytes of an entry as read. Raises ``MessageError``."""
    found = (entry or {}).get(BODY.encode())
    if found is None:
        raise MessageError(f"the entry has no field {BODY!r}: it was not written by this product")
    if len(found) > MAX_BODY_BYTES:
        raise MessageError(f"the body has {len(found)} bytes, {MAX_BODY_BYTES} are allowed")
    return found


def add(client: Client, stream: Stream, message: Message) -> bytes:
    """Append a message; a stream kept by age is trimmed in passing. Returns the entry's id."""
    return cast("bytes", _append(client, stream, message))


def add_later(pipeline: Pipeline, stream: Stream, message: Message) -> None:
    """Append a message when the pipeline is executed, as ``add`` does."""
    _append(pipeline, stream, message)


def _append(client: Client, stream: Stream, message: Message) -> object:
    minid = None if stream.keep_s is None else _minid_of_age(stream.keep_s)
    return client.xadd(stream.name, fields(message), minid=minid, approximate=True)


def bury(client: Client, stream: Stream, entry_id: bytes, entry: Any, error: MessageError) -> None:
    """Put an entry that can't be taken on the dead-letter stream, whole unless it is oversized."""
    raw = (entry or {}).get(BODY.encode(), b"")
    letter = DeadLetter(
        stream=stream.name,
        entry_id=entry_id.decode(),
        reason=error.code,
        explanation=str(error)[:2000],
        body=raw[:DEAD_BODY_BYTES].decode(errors="replace"),
        at=datetime.now(UTC),
    )
    client.xadd(stream.dead, fields(letter))


def create_group(client: Client, stream: Stream) -> None:
    """Create the stream's group at its beginning, unless it is there.

    At 0, never at ``$``: after a loss of data the spools replay, and nothing may be skipped.
    """
    if stream.group is None:
        raise ValueError(f"the stream {stream.name} has no group in the table")
    try:
        client.xgroup_create(stream.name, stream.group, id="0", mkstream=True)
    except redis.ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


def trim(client: Client, stream: Stream) -> int:
    """Remove what nobody needs any more; returns how many entries went.

    With a group, that is what lies below both its oldest pending entry and its read position.
    """
    if stream.keep_s is not None:
        minid: bytes | str = _minid_of_age(stream.keep_s)
    else:
        groups = client.xinfo_groups(stream.name)
        if not groups:
            return 0
        minid = min((_needed_from(client, stream, group) for group in groups), key=ordinal)
    return client.xtrim(stream.name, minid=minid, approximate=False)


def _needed_from(client: Client, stream: Stream, group: dict[str, Any]) -> bytes:
    pending = client.xpending(stream.name, group["name"])
    return cast("bytes", pending["min"] or group["last-delivered-id"])


def ordinal(entry_id: bytes | str) -> tuple[int, int]:
    """Return an entry id as what it is ordered by: milliseconds and sequence."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    milliseconds, _, sequence = text.partition("-")
    return int(milliseconds), int(sequence or 0)


def _minid_of_age(age_s: float) -> str:
    return str(max(0, int((datetime.now(UTC).timestamp() - age_s) * 1000)))
