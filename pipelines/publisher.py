"""From the spool to Redis, and the confirmations back. Redis may be away at any time."""

import random
import threading
from collections.abc import Callable
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
        """Send what is due once more, if Redis is there, and end."""
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
            except redis.RedisError as error:
                self._metrics.redis_error(name)
                if not away:
                    log.warning(
                        "redis_away",
                        part=name,
                        error=type(error).__name__,
                        do="start Redis or correct its address; alerts wait in the spool",
                    )
                away = True
                self._stopping.wait(retry_s * random.uniform(0.5, 1.5))  # noqa: S311
                retry_s = min(LONGEST_RETRY_S, retry_s * 2)
                continue
            if away:
                log.info("redis_back", part=name)
                self._spool.all_due()
            away, retry_s = False, FIRST_RETRY_S

    def _send(self) -> None:
        self._spool.arrived.wait(timeout=1.0)
        self._spool.arrived.clear()
        if self._client.ping():  # also when idle: a Redis that came back empty is noticed
            while entries := self._spool.due(BATCH):
                self._send_batch(entries)

    def _send_batch(self, entries: list[tuple[int, bytes]]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for _, body in entries:
            stream = streams.alert_stream(decode(body, Alert).hazard)
            pipeline.xadd(stream.name, {streams.BODY: body})
        pipeline.execute()
        self._metrics.published.inc(len(entries))
        self._spool.sent(ordinal for ordinal, _ in entries)

    def _forget(self) -> None:
        position = self._spool.recall("confirmed") or "0"
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
