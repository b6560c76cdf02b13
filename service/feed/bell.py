"""Wakes the feeds that wait in the server's event loop when another thread has committed."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from service.errors import FeedFullError, TooManyFeedsError

PER_ACCOUNT: Final = 16
"""Feeds of one account: enough for a centre's wall; one gone wild or stolen leaves the others
theirs."""


@dataclass(frozen=True, slots=True)
class _Seat:
    account_id: UUID
    loop: asyncio.AbstractEventLoop


class FeedBell:
    """Knows who waits, and how many may."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Event, _Seat] = {}
        self.rung = threading.Event()
        """Set when there may be something new; whoever reads it for all clears it."""
        self.closed = False

    @property
    def clients(self) -> int:
        """How many feeds are being served."""
        return len(self._waiting)

    @contextmanager
    def seat(self, account_id: UUID) -> Iterator[asyncio.Event]:
        """Give one feed its event; to be called in the event loop.

        Raises ``FeedFullError`` and ``TooManyFeedsError``.
        """
        event = asyncio.Event()
        with self._lock:
            own = sum(seat.account_id == account_id for seat in self._waiting.values())
            if own >= PER_ACCOUNT:
                raise TooManyFeedsError(
                    f"this account has {PER_ACCOUNT} live feeds open, as many as one may: close "
                    "one that nobody watches, or try again in a moment"
                )
            if len(self._waiting) >= self._limit:
                raise FeedFullError(
                    f"{self._limit} live feeds are open, which is all this service serves; close "
                    "one that nobody watches, or try again in a moment"
                )
            self._waiting[event] = _Seat(account_id, asyncio.get_running_loop())
        try:
            yield event
        finally:
            with self._lock:
                del self._waiting[event]

    def ring(self) -> None:
        """Tell that something was committed. For any thread."""
        self.rung.set()

    def wake(self) -> None:
        """Wake every feed. For any thread."""
        with self._lock:
            by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Event]] = {}
            for event, seat in self._waiting.items():
                by_loop.setdefault(seat.loop, []).append(event)
            for loop, events in by_loop.items():
                loop.call_soon_threadsafe(_set_all, events)

    def close(self) -> None:
        """Let every feed end; none starts any more."""
        self.closed = True
        self.ring()
        self.wake()


def _set_all(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        event.set()
