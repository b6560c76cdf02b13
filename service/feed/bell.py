"""Wakes the feeds that wait in the server's event loop when another thread has committed."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import FeedFullError


class FeedBell:
    """Knows who waits, and how many may."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self.closed = False

    @property
    def clients(self) -> int:
        """How many feeds are being served."""
        return len(self._waiting)

    @contextmanager
    def seat(self) -> Iterator[asyncio.Event]:
        """Give one feed its event; to be called in the event loop. Raises ``FeedFullError``."""
        event = asyncio.Event()
        with self._lock:
            if len(self._waiting) >= self._limit:
                raise FeedFullError(
                    f"{self._limit} live feeds are open, which is all this service serves; close "
                    "one that nobody watches, or try again in a moment"
                )
            self._waiting[event] = asyncio.get_running_loop()
        try:
            yield event
        finally:
            with self._lock:
                del self._waiting[event]

    def ring(self) -> None:
        """Wake every feed. For any thread."""
        with self._lock:
            for event, loop in self._waiting.items():
                loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """Let every feed end; none starts any more."""
        self.closed = True
        self.ring()
