"""What a person is told on stderr: lines, and how far something is."""

import sys
import time
from typing import Final

from service.cli.words import told
from service.imports.words import Language

LINE_EVERY_S: Final = 5.0
"""Where lines stay: a log of a script's run."""


def say(text: str) -> None:
    """Tell the person, not the script."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class Progress:
    """Tells how far something is: one line that moves on a terminal, else a line now and then."""

    def __init__(self, language: Language, doing: str) -> None:
        self._language = language
        self._doing = told(language, doing)
        self._moves = sys.stderr.isatty()
        self._told_s = 0.0
        self._told = ""

    def tell(self, done: int, total: int, pictures: int | None = None) -> None:
        """Say it, unless the same was said, or something just now."""
        name = "far_of" if total else "far"
        text = told(self._language, name, doing=self._doing, done=done, total=total)
        if pictures is not None:
            text = told(self._language, "far_pictures", far=text, pictures=pictures)
        now_s = time.monotonic()
        if text == self._told or (not self._moves and now_s - self._told_s < LINE_EVERY_S):
            return
        self._told, self._told_s = text, now_s
        sys.stderr.write(f"\r{text}" if self._moves else f"{text}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._moves and self._told:
            sys.stderr.write("\n")
            sys.stderr.flush()
