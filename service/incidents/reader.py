"""What the consumer group gives this process, oldest duty first.

At the start, and after every fault, that is what it took before and has not finished; from time
to time, what other consumers took and left; else new entries.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import redis
import structlog

from pipelines import streams
from pipelines.streams import Client, Stream
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings

BATCH_ENTRIES = 100
"""Entries of a stream that are read together, where nobody says otherwise."""

CLAIM_SHARE = 0.5
"""Others' entries are looked for this often, as a share of the time they may lie idle."""

GROUP_GONE = ("NOGROUP", "UNBLOCKED")
"""What Redis says when the group is not there, or its stream vanished under a waiting read."""

MAX_DELIVERIES = 20
"""An entry delivered this often has ended its reader each time: it must not do so for ever."""

FIRST, END = b"0-0", b"0-0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as delivered."""

    stream: Stream
    """Where it lies."""
    entry_id: bytes
    """Its id there, which holds the time of its arrival."""
    fields: dict[bytes, bytes] | None
    """What it holds; nothing if it was deleted while pending."""
    deliveries: int = 1
    """How often it has been given to a consumer."""

    @property
    def arrived_at(self) -> datetime:
        """When Redis took it, by Redis' clock; now, if its id says something later.

        Anybody may write an id of his own, and one beyond the year 9999 is no time at all.
        """
        now = datetime.now(UTC)
        milliseconds = int(self.entry_id.partition(b"-")[0])
        return datetime.fromtimestamp(min(milliseconds, int(now.timestamp() * 1000)) / 1000, UTC)


@dataclass(slots=True)
class _Duty:
    """How far the reading of a stream's own pending entries has come."""

    replay_from: bytes | None = FIRST
    claim_from: bytes = FIRST
    claim_at_s: float = field(default_factory=time.monotonic)


class GroupReader:
    """Reads several streams as one consumer of their group."""

    def __init__(
        self,
        client: Client,
        read: Sequence[Stream],
        *,
        part: str,
        when_lost: str,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
    ) -> None:
        """``part`` is whose log lines these are, ``when_lost`` what to know if Redis lost data."""
        self._client = client
        self._streams = {stream.name: stream for stream in read}
        self._group = str(read[0].group)
        self._settings = settings
        self._metrics = metrics
        self._when_lost = when_lost
        self._log = structlog.get_logger("service").bind(part=part)
        self._duties = {name: _Duty() for name in self._streams}
        self._groups_exist = False

    def read(self, most: int = BATCH_ENTRIES) -> list[Entry]:
        """Return the next entries, ``most`` a stream; waits ``block_s`` for new ones.

        Raises ``redis.RedisError``; the next call then begins with the pending entries again,
        because a read that failed on its way back has been delivered nevertheless.
        """
        try:
            if not self._groups_exist:
                self._create_groups()
            return self._pending(most) or self._new(most)
        except redis.ResponseError as error:
            self._start_over()
            if not str(error).startswith(GROUP_GONE):
                raise
            self._metrics.groups_recreated.inc()
            self._log.warning(
                "the consumer group is gone: Redis lost data",
                streams=", ".join(self._streams),
                next=f"the group is made anew at 0; {self._when_lost}",
            )
            return []
        except redis.RedisError:
            self._start_over()
            raise

    def _create_groups(self) -> None:
        for stream in self._streams.values():
            streams.create_group(self._client, stream)
        self._groups_exist = True

    def _start_over(self) -> None:
        self._groups_exist = False
        self._duties = {name: _Duty() for name in self._streams}

    def _pending(self, most: int) -> list[Entry]:
        entries: list[Entry] = []
        for stream in self._streams.values():
            duty = self._duties[stream.name]
            if duty.replay_from is not None:
                entries += self._own(stream, duty, most)
            elif time.monotonic() >= duty.claim_at_s:
                entries += self._left_by_others(stream, duty, most)
        return entries

    def _own(self, stream: Stream, duty: _Duty, most: int) -> list[Entry]:
        asked: dict[Any, Any] = {stream.name: duty.replay_from}
        reply: Any = self._client.xreadgroup(
            self._group, self._settings.consumer, asked, count=most
        )
        raw = [pair for _, pairs in reply or [] for pair in pairs]
        duty.replay_from = raw[-1][0] if raw else None
        return self._with_deliveries(stream, raw)

    def _left_by_others(self, stream: Stream, duty: _Duty, most: int) -> list[Entry]:
        reply: Any = self._client.xautoclaim(
            stream.name,
            self._group,
            self._settings.consumer,
            min_idle_time=int(self._settings.claim_idle_s * 1000),
            start_id=duty.claim_from,
            count=most,
        )
        # 6.2 gives (None, None) for an entry that was deleted while pending, 7 a third list.
        duty.claim_from = reply[0]
        if duty.claim_from == END:
            duty.claim_at_s = time.monotonic() + CLAIM_SHARE * self._settings.claim_idle_s
        raw = [pair for pair in reply[1] if pair[0] is not None]
        if len(raw) < len(reply[1]):
            # 6.2 does not say which, and leaves them pending: reading our own names them.
            duty.replay_from = FIRST
        elif len(reply) > 2 and reply[2]:
            self._metrics.messages.labels(stream.name, "deleted").inc(len(reply[2]))
        return self._with_deliveries(stream, raw)

    def _with_deliveries(self, stream: Stream, raw: list[Any]) -> list[Entry]:
        if not raw:
            return []
        listed: Any = self._client.xpending_range(
            stream.name,
            self._group,
            min=raw[0][0],
            max=raw[-1][0],
            count=10 * len(raw),
            consumername=self._settings.consumer,
        )
        times = {one["message_id"]: one["times_delivered"] for one in listed}
        return [
            Entry(stream=stream, entry_id=key, fields=value, deliveries=times.get(key, 1))
            for key, value in raw
        ]

    def _new(self, most: int) -> list[Entry]:
        reply: Any = self._client.xreadgroup(
            self._group,
            self._settings.consumer,
            dict.fromkeys(self._streams, ">"),
            count=most,
            block=int(self._settings.block_s * 1000),
        )
        return [
            Entry(stream=self._streams[name.decode()], entry_id=key, fields=value)
            for name, pairs in reply or []
            for key, value in pairs
        ]
