"""The only way to the evidence store: from requests with patience, and how it is known to be.

A store may hang for minutes. Requests that ask it wait on the event loop, in no thread of the
pool that serves everything else, and not for long. What hangs keeps its seat until it ends, so
that no pile of threads grows behind a store that never answers.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from pipelines.evidence_store import EvidenceStore, EvidenceStoreError
from service.errors import BadSettingError
from service.evidence.errors import EvidenceStoreAwayError
from service.logs import FaultLog
from service.metrics import ServiceMetrics

SEATS: Final = 8
"""Questions at once. A still takes milliseconds: it's a console's page of them at once."""

_BUG: Final = EvidenceStoreError("the store's answer can't be read: please report the log's trace")

T = TypeVar("T")


def opened(url: str) -> EvidenceStore:
    """Return the store of a setting; nothing is asked yet. Raises ``BadSettingError``."""
    try:
        return EvidenceStore(url)
    except EvidenceStoreError as error:
        raise BadSettingError(f"--evidence: {error}") from None


class StoreHealth:
    """Whether the store answers. Written by one thread, read by others."""

    def __init__(self, limit_s: float, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._clock_s = clock_s
        self._asked_s: float | None = None
        self._answers: bool | None = None

    @property
    def reachable(self) -> bool | None:
        """Whether it answered last; False while an answer is overdue, None before the first."""
        asked_s = self._asked_s
        if asked_s is not None and self._clock_s() - asked_s > self._limit_s:
            return False
        return self._answers

    def asked(self) -> None:
        """Note that a question is on its way."""
        self._asked_s = self._clock_s()

    def told(self, *, answers: bool) -> None:
        """Note what came of it."""
        self._answers = answers
        self._asked_s = None


class StoreDoor:
    """Asks the store for requests. Belongs to the event loop."""

    def __init__(
        self, store: EvidenceStore, metrics: ServiceMetrics, limit_s: float, seats: int = SEATS
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._limit_s = limit_s
        self._seats = asyncio.Semaphore(seats)
        self._faults = FaultLog("evidence")

    async def ask(self, call: str, question: Callable[[EvidenceStore], T]) -> T:
        """Return the store's answer. Raises ``EvidenceStoreAwayError`` for a refusal or delay."""
        (answer,) = await self.ask_each(call, [question])
        return answer

    async def ask_each(
        self, call: str, questions: Sequence[Callable[[EvidenceStore], T]]
    ) -> list[T]:
        """Return the answers to all; in no longer than one may take, and one fault for them all.

        Raises ``EvidenceStoreAwayError``.
        """
        try:
            async with asyncio.timeout(self._limit_s):
                answers = await asyncio.gather(*map(self._seated, questions))
        except TimeoutError:
            fault = f"the evidence store took longer than {self._limit_s:g} s"
        except EvidenceStoreError as error:
            fault = str(error)
        else:
            self._faults.recovered()
            return answers
        self._metrics.evidence_store_errors.labels(call).inc()
        self._faults.failed(fault, "clients are told to ask again; alerts come without the store")
        raise EvidenceStoreAwayError

    async def _seated(self, question: Callable[[EvidenceStore], T]) -> T:
        await self._seats.acquire()
        return await self._asked(question)

    def _asked(self, question: Callable[[EvidenceStore], T]) -> "asyncio.Future[T]":
        """Ask in a thread of its own, which gives the seat back when the store is done with it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def finish(answer: T | None, error: EvidenceStoreError | None) -> None:
            self._seats.release()
            if future.done():
                return  # whoever asked has gone
            if error is None:
                future.set_result(answer)  # type: ignore[arg-type]
            else:
                future.set_exception(error)

        def run() -> None:
            answer: T | None = None
            fault: EvidenceStoreError | None = _BUG
            try:
                answer = question(self._store)
                fault = None
            except EvidenceStoreError as error:
                fault = error
            finally:  # also after a bug, which the end of the thread tells of
                with suppress(RuntimeError):  # the service has ended meanwhile
                    loop.call_soon_threadsafe(finish, answer, fault)

        try:
            threading.Thread(target=run, name="fengsui-evidence-store", daemon=True).start()
        except RuntimeError:
            self._seats.release()
            raise
        return future
