"""A worker's pulse as its parent sees it, with or without Redis: a few numbers in shared memory.

The inference loop itself writes, so that a loop that hangs is silent: in C with Python's lock held,
waiting for ever, or stopped by a signal. A thread that beats beside it would go on beating.
"""

import mmap
import os
import time
from typing import Final

RESTART_CAUSES: Final = ("died", "hung")
"""Why a parent started a worker again: it ended by itself, or it was killed for its silence."""

_WORDS: Final = 1 + len(RESTART_CAUSES)
_BYTES: Final = 8 * _WORDS


class Pulse:
    """Either end of it: the parent's, or that of the worker that was given the descriptor."""

    def __init__(self, descriptor: int | None = None) -> None:
        """Without a ``descriptor`` nobody listens."""
        memory = mmap.mmap(-1 if descriptor is None else descriptor, _BYTES)
        self._words = memoryview(memory).cast("q")  # each is stored in one piece

    def beat(self) -> None:
        """Say that the loop took another turn; costs less than a microsecond."""
        self._words[0] = time.monotonic_ns()

    def still_starting(self) -> None:
        """Say that there is no loop yet, and that this is no fault."""
        self._words[0] = -time.monotonic_ns()

    @property
    def last(self) -> int:
        """What was written last: it differs from beat to beat. Above 0 the loop runs."""
        return self._words[0]

    @property
    def restarts(self) -> dict[str, int]:
        """How often the parent started this worker again, by cause."""
        return dict(zip(RESTART_CAUSES, self._words[1:], strict=True))

    def expect_start(self) -> None:
        """Forget the last process's beats."""
        self._words[0] = 0

    def count_restart(self, cause: str) -> None:
        """Count one of ``RESTART_CAUSES``, for the next process to show."""
        self._words[1 + RESTART_CAUSES.index(cause)] += 1


def descriptor_of_new_pulse() -> int:
    """Return memory that a child can inherit; it has no name and is gone with its last user."""
    descriptor = os.memfd_create("fengsui-pulse")
    os.ftruncate(descriptor, _BYTES)
    return descriptor
