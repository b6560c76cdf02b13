"""Progress on standard error, with the seconds since the start."""

import sys
import time

_BEGAN_S = time.monotonic()


def say(text: str) -> None:
    """Write a line."""
    sys.stderr.write(f"[{time.monotonic() - _BEGAN_S:7.1f} s] {text}\n")
    sys.stderr.flush()
