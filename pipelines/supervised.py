"""A thread that repeats one step of work; while Redis is away, more and more slowly."""

import os
import random
import sqlite3
import sys
import threading
from collections.abc import Callable
from typing import Final, NoReturn

import redis
import structlog

from pipelines import streams
from pipelines.metrics import WorkerMetrics

FIRST_RETRY_S: Final = 0.2
LONGEST_RETRY_S: Final = 5.0

log = structlog.get_logger()


def leave_at_once() -> NoReturn:
    """End the process, in good order, beside a thread that is still in C++.

    Python's own end would throw that thread out of a call that must not throw, and abort.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class Supervised:
    """One thread, from ``start`` until ``stop``."""

    def __init__(
        self,
        part: str,
        step: Callable[[], None],
        *,
        meanwhile: str,
        metrics: WorkerMetrics,
        keys: tuple[str, ...] = (),
    ) -> None:
        """``meanwhile`` says what holds while the step fails: a fault is told with it.

        ``keys`` are those in Redis that can be deleted, if they hold something of another type.
        """
        self._part = part
        self._step = step
        self._meanwhile = meanwhile
        self._metrics = metrics
        self._keys = keys
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=part, daemon=True)

    def start(self) -> None:
        """Begin; returns at once, with or without Redis."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let the present step be the last."""
        self._stopping.set()

    def join(self) -> None:
        """Wait for the last step."""
        self._thread.join(timeout=streams.SOCKET_TIMEOUT_S + 1)

    @property
    def alive(self) -> bool:
        """Whether its last step hasn't ended."""
        return self._thread.is_alive()

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        away = False
        while not self._stopping.is_set():
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 - the edge of a supervised loop
                self._metrics.redis_error(self._part)
                if not away:
                    self._tell(error)
                away = True
                self._stopping.wait(retry_s * random.uniform(0.5, 1.5))  # noqa: S311
                retry_s = min(LONGEST_RETRY_S, retry_s * 2)
                continue
            if away:
                log.info("works_again", part=self._part)
            away, retry_s = False, FIRST_RETRY_S

    def _tell(self, error: Exception) -> None:
        do = "this is a bug: report it with this line"
        if isinstance(error, redis.ResponseError) and "WRONGTYPE" in str(error):
            which = " or ".join(self._keys) or "that the error names"
            do = (
                f"delete the key {which}, whichever is of another type (TYPE tells): "
                f"it is filled again; {self._meanwhile}"
            )
        elif isinstance(error, redis.RedisError):
            do = f"start Redis or correct its address; {self._meanwhile}"
        elif isinstance(error, sqlite3.Error):
            do = f"free space on the spool's disk; {self._meanwhile}"
        fault = f"{type(error).__name__}: {error}"
        log.warning("part_fails", part=self._part, error=fault, do=do)
