"""How far it is, on stderr: a line that rewrites itself on a terminal, else one line at the end."""

import sys
import time
from typing import Final

EVERY_S: Final = 0.2


class Progress:
    """Shares stderr with the lines that name what was left out."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._live = sys.stderr.isatty()
        self._text = ""
        self._began_s = time.monotonic()
        self._shown_s = 0.0

    def pictures(self, done: int, total: int) -> None:
        """Take a number of pictures."""
        self._say(f"{done} of {total} {self._unit}")

    def seconds(self, done_s: float, total_s: float | None) -> None:
        """Take the time of a clip."""
        self._say(f"{done_s:.0f} of {total_s or 0:.0f} {self._unit}")

    def tell(self, line: str) -> None:
        """Write a line of its own."""
        self._clear()
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Say how long it took."""
        self._clear()
        self.tell(f"{self._text}, {time.monotonic() - self._began_s:.0f} s")

    def _say(self, text: str) -> None:
        self._text = text
        now_s = time.monotonic()
        if self._live and now_s - self._shown_s >= EVERY_S:
            self._shown_s = now_s
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def _clear(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")
