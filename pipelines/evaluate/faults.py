"""What can be wrong with what `eval` is given, and what it says on stderr meanwhile.

```
EvaluationError          nothing can be said; the command ends
LeftOutError             one file can't be used; it is told, counted, and the rest goes on
```
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

EVERY_S: Final = 0.2


class EvaluationError(Exception):
    """Nothing can be said of what was given. The text names the file and says what to do."""

    code = "evaluation"


class LeftOutError(Exception):
    """One file can't be used. ``reason`` is for machines and counted, the text says what to do."""

    def __init__(self, path: Path, reason: str, text: str) -> None:
        self.reason = reason
        super().__init__(f"{shown(path)}: {text}")


def shown(path: Path | str) -> str:
    """Return a path that is safe to print: names may hold line breaks and broken bytes."""
    text = str(path).encode("utf-8", "replace").decode()
    return "".join(one if one.isprintable() else "?" for one in text)


@dataclass(slots=True, kw_only=True)
class LeftOut:
    """Tells of each file that is left out, and counts."""

    tell: Callable[[str], None]
    """Takes a line for people."""
    reasons: Counter[str] = field(default_factory=Counter)
    """How many, by reason."""

    def note(self, error: LeftOutError) -> None:
        """Tell and count."""
        self.reasons[error.reason] += 1
        self.tell(f"left out: {error}")


class Progress:
    """How far it is: a line that rewrites itself on a terminal, else one line at the end."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._live = sys.stderr.isatty()
        self._text = ""
        self._began_s = time.monotonic()
        self._shown_s = 0.0

    def __call__(self, done: float, total: float | None) -> None:
        """Take a number of pictures, or of seconds of a clip."""
        self._text = f"{done:.0f} of {total or 0:.0f} {self._unit}"
        now_s = time.monotonic()
        if self._live and now_s - self._shown_s >= EVERY_S:
            self._shown_s = now_s
            sys.stderr.write(f"\r\x1b[K{self._text}")
            sys.stderr.flush()

    def tell(self, line: str) -> None:
        """Write a line of its own."""
        sys.stderr.write(("\r\x1b[K" if self._live else "") + line + "\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Say how long it took."""
        self.tell(f"{self._text}, {time.monotonic() - self._began_s:.0f} s")
