"""The one way in which tests wait for what happens elsewhere."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], what: str = "it", limit_s: float = 30.0) -> T:
    """Wait until ``condition()`` is true; return what it gave."""
    ends_s = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < ends_s, f"{what} did not happen within {limit_s:.0f} s"
        time.sleep(0.02)
    return found
