"""What is told: the answer on stdout; to the person, on stderr, lines and how far something is."""

import sys
import time
from typing import Final

from pipelines.terminal import beside, tell, write
from service.cli.words import told, unread
from service.imports.words import Language

LINE_EVERY_S: Final = 5.0
"""Where lines stay: a log of a script's run."""

UNWRITTEN: Final = 1
"""Exit code of a command whose answer nobody can have."""


def say(text: str) -> None:
    """Tell the person, not the script."""
    tell(text)


def answer(text: str, exits: int, language: Language) -> int:
    """Print what was asked for; returns the exit code, another if it can't be written."""
    try:
        write(text)
    except OSError as error:
        error.filename = told(language, "the_output")
        say(f"fengsui: {unread(language, error)}")
        return UNWRITTEN
    return exits


class Progress:
    """Tells how far something is: one line that moves on a terminal, else a line now and then."""

    def __init__(self, language: Language, doing: str) -> None:
        self._language = language
        self._doing = told(language, doing)
        self._moves = sys.stderr is not None and sys.stderr.isatty()
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
        beside(f"\r{text}" if self._moves else f"{text}\n")

    def end(self) -> None:
        """Leave the line."""
        if self._moves and self._told:
            beside("\n")
