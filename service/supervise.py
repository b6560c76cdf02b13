"""Threads that go on: a step again and again, with patience when something is away."""

import random
import threading
import time
from collections.abc import Callable

import redis
import sqlalchemy as sa

from service.logs import FaultLog, redacted
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings

STOP_LIMIT_S = 10.0
"""A step ends within a blocking read and a socket timeout; past this a thread is left behind."""


STUCK_S = 30.0
"""A part whose every step has met a bug for this long does no work: whoever probes must know."""


class Supervised:
    """One thread that calls ``step`` until it is stopped.

    A step that returns has done what there was to do and waits by itself for more. A step that
    raises is called again after a growing, jittered wait; nothing it does may depend on being
    called only once.
    """

    def __init__(
        self,
        part: str,
        step: Callable[[], None],
        *,
        settings: ServiceSettings,
        metrics: ServiceMetrics,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._part = part
        self._step = step
        self._metrics = metrics
        self._redis_address = redacted(settings.redis_url)
        self._floor_s = settings.retry_floor_s
        self._ceiling_s = settings.retry_ceiling_s
        self._faults = FaultLog(part)
        self._clock_s = clock_s
        self._bugs_since_s: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"fengsui-{part}", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def part(self) -> str:
        """What it is called in logs and metrics."""
        return self._part

    @property
    def stuck(self) -> bool:
        """Whether nothing but unexpected faults has come of its steps for ``STUCK_S``.

        Redis or the database being away is expected, and ends such a run.
        """
        since_s = self._bugs_since_s
        return since_s is not None and self._clock_s() - since_s >= STUCK_S

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let the current step be the last."""
        self._stopping.set()

    def join(self) -> None:
        """Wait for the last step."""
        self._thread.join(STOP_LIMIT_S)

    def _run(self) -> None:
        wait_s = self._floor_s
        while not self._stopping.is_set():
            if self._succeeds():
                wait_s = self._floor_s
                continue
            # Half of the wait is chance, so that parts and replicas don't return as one.
            self._stopping.wait(wait_s * random.uniform(0.5, 1.0))  # noqa: S311
            wait_s = min(2 * wait_s, self._ceiling_s)

    def _succeeds(self) -> bool:
        bugs_since_s: float | None = None
        try:
            self._step()
        except redis.RedisError as error:
            self._metrics.redis_errors.labels(self._part).inc()
            self._faults.failed(
                f"Redis at {self._redis_address} fails: {type(error).__name__}: {error}",
                "start it or mend its address; the service retries and loses nothing",
            )
        except sa.exc.SQLAlchemyError as error:
            self._metrics.database_errors.labels(self._part).inc()
            self._faults.failed(
                f"the database fails: {error}",
                "look for a full disk or another process that holds it; the service retries",
            )
        except Exception as error:  # noqa: BLE001 - the edge of a supervised loop
            bugs_since_s = self._bugs_since_s
            if bugs_since_s is None:
                bugs_since_s = self._clock_s()
            self._metrics.loop_errors.labels(self._part).inc()
            self._faults.failed(
                f"unexpected {type(error).__name__}: {error}",
                "this is a bug: please report it with this line",
                trace=True,
            )
        else:
            self._faults.recovered()
            return True
        finally:
            self._bugs_since_s = bugs_since_s
        return False
