"""From the spool to Redis, and the confirmations back. Redis may be away at any time."""

from contextlib import suppress
from typing import Any, Final, cast

from pipelines import streams
from pipelines.messages import Alert, Confirmation, MessageError, decode
from pipelines.metrics import WorkerMetrics
from pipelines.spool import Spool
from pipelines.supervised import Supervised

BATCH: Final = 200
"""Entries a round trip: enough for thousands a second, small beside the socket's buffer."""


class Publisher:
    """Two threads: one sends what is due, one reads what was confirmed."""

    def __init__(self, client: streams.Client, spool: Spool, metrics: WorkerMetrics) -> None:
        self._client = client
        self._spool = spool
        self._metrics = metrics
        self._redis_run: str | None = None
        self._parts = [
            Supervised(name, step, meanwhile="alerts wait in the spool", metrics=metrics)
            for name, step in (("publish", self._send), ("confirm", self._forget))
        ]

    def start(self) -> None:
        """Begin; returns at once, with or without Redis."""
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        """End; what was not sent or not confirmed stays in the spool."""
        for part in self._parts:
            part.ask_to_stop()
        self._spool.arrived.set()
        for part in self._parts:
            part.join()

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
