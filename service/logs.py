"""Repeated faults summed into one line a period, and addresses without their passwords."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import structlog

FAULT_PERIOD_S = 30.0
"""A fault that goes on is one line in this time, with its count."""


def redacted(url: str) -> str:
    """Return an address without its user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"***@{host}" if "@" in parts.netloc else host
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))


class FaultLog:
    """One part's repeated fault: a line at its start, one a period, one when it's over."""

    def __init__(
        self,
        part: str,
        *,
        period_s: float = FAULT_PERIOD_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = structlog.get_logger("service").bind(part=part)
        self._period_s = period_s
        self._clock_s = clock_s
        self._count = 0
        self._began_s = 0.0
        self._said_s = 0.0

    def failed(self, fault: str, what_to_do: str, *, trace: bool = False) -> None:
        """Note one failure. ``trace`` adds the exception being handled."""
        now_s = self._clock_s()
        self._count += 1
        if self._count == 1:
            self._began_s = now_s
        elif now_s - self._said_s < self._period_s:
            return
        self._said_s = now_s
        self._log.error(fault, next=what_to_do, times=self._count, exc_info=trace)

    def recovered(self) -> None:
        """Note that it works (again)."""
        if self._count:
            lasted_s = round(self._clock_s() - self._began_s, 1)
            self._log.info("works again", times=self._count, lasted_s=lasted_s)
            self._count = 0
