"""From the spool to Redis, and the confirmations back. Redis may be away at any time."""

import random
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, cast

import redis
import structlog

from pipelines import streams
from pipelines.messages import Alert, Confirmation, MessageError, decode
from pipelines.metrics import WorkerMetrics
from pipelines.spool import Spool

BATCH: Final = 200
"""Entries a round trip: enough for thousands a second, small beside the socket's buffer."""

FIRST_RETRY_S: Final = 0.2
LONGEST_RETRY_S: Final = 5.0

log = structlog.get_logger()


class Publisher:
    """Two threads: one sends what is due, one reads what was confirmed."""

    def __init__(self, client: streams.Client, spool: Spool, metrics: WorkerMetrics) -> None:
        self._client = client
        self._spool = spool
        self._metrics = metrics
        self._redis_run: str | None = None
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._supervise, args=(name, work), name=name, daemon=True)
            for name, work in (("publish", self._send), ("confirm", self._forget))
        ]

    def start(self) -> None:
        """Begin; returns at once, with or without Redis."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what was not sent or not confirmed stays in the spool."""
        self._stopping.set()
        self._spool.arrived.set()
        for thread in self._threads:
            thread.join(timeout=streams.SOCKET_TIMEOUT_S + 1)

    def _supervise(self, name: str, work: Callable[[], None]) -> None:
        """Repeat one step of work; while Redis is away, more and more slowly."""
        retry_s = FIRST_RETRY_S
        away = False
        while not self._stopping.is_set():
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the edge of a supervised loop
                self._metrics.redis_error(name)
                if not away:
                    self._tell(name, error)
                away = True
                self._stopping.wait(retry_s * random.uniform(0.5, 1.5))  # noqa: S311
                retry_s = min(LONGEST_RETRY_S, retry_s * 2)
                continue
            if away:
                log.info("publishing_again", part=name)
            away, retry_s = False, FIRST_RETRY_S

    def _tell(self, part: str, error: Exception) -> None:
        do = "this is a bug: report it with this line"
        if isinstance(error, redis.RedisError):
            do = "start Redis or correct its address; alerts wait in the spool"
        elif isinstance(error, sqlite3.Error):
            do = "free space on the spool's disk; alerts wait"
        log.warning("publishing_fails", part=part, error=f"{type(error).__name__}: {error}", do=do)

    def _send(self) -> None:
        self._spool.arrived.wait(timeout=1.0)
        self._spool.arrived.clear()
        self._notice_restart()  # also when idle
        while entries := self._spool.due(BATCH):
            self._send_batch(entries)

    def _notice_restart(self) -> None:
        """Send all again to a Redis that was started anew: it may have lost what it had."""
        run = self._client.info("server")["run_id"]
        if self._redis_run not in {None, run}:
            self._spool.all_due()
        self._redis_run = run

    def _send_batch(self, entries: list[tuple[int, bytes]]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for _, body in entries:
            with suppress(MessageError):  # another version's: it waits, and is due later each time
                stream = streams.alert_stream(decode(body, Alert).hazard)
                pipeline.xadd(stream.name, {streams.BODY: body})
        published = len(pipeline)
        pipeline.execute()
        self._metrics.published.inc(published)
        self._metrics.unreadable.inc(len(entries) - published)
        self._spool.sent(ordinal for ordinal, _ in entries)

    def _position(self) -> str:
        """Return how far confirmations were read; the beginning, on a Redis that is behind it."""
        position = self._spool.recall("confirmed") or "0"
        newest: Any = self._client.xrevrange(streams.ALERTS_CONFIRMED.name, count=1)
        behind = not newest or streams.ordinal(newest[0][0]) < streams.ordinal(position)
        return "0" if behind else position

    def _forget(self) -> None:
        position = self._position()
        reply = self._client.xread(
            {streams.ALERTS_CONFIRMED.name: position}, count=1000, block=1000
        )
        for _, entries in cast("list[Any]", reply or []):
            confirmed = []
            for _, entry in entries:
                try:
                    confirmed.append(decode(streams.body(entry), Confirmation))
                except MessageError:
                    self._metrics.redis_error("confirmation")
            self._spool.confirm(confirmed, entries[-1][0].decode())
