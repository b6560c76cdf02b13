"""What can be wrong with what `eval` is given.

```
EvaluationError          nothing can be said; the command ends
LeftOutError             one file can't be used; it is told, counted, and the rest goes on
```
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


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

    def in_words(self) -> str:
        """Return the counts in words."""
        return ", ".join(f"{count} {reason}" for reason, count in sorted(self.reasons.items()))
