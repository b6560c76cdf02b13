"""The bad rows of a file, told alike whoever checked it: some of each reason, many to a script."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipelines.terminal import one_line
from service.cli.words import called, counted, told
from service.imports.reasons import Reason
from service.imports.words import Language, said, said_of

ROWS_A_REASON: Final = 2
"""Told on a screen; the annotated copy has all."""

MOST_ROWS: Final = 1000
"""Told to a script."""


@dataclass(slots=True, kw_only=True)
class BadRows:
    """What is told of a file's bad rows, in their order."""

    language: Language
    seen: Counter[str] = field(default_factory=Counter)
    """How many had which reason, by its code."""
    listed: list[dict[str, Any]] = field(default_factory=list)
    """The first of them, as JSON."""
    shown: list[str] = field(default_factory=list)
    """Some of each reason, as lines."""
    _numbers: set[int] = field(default_factory=set)

    def note(
        self, number: int, gb_id: str | None, name: str | None, reasons: Sequence[Reason]
    ) -> None:
        """Take a row, unless it was taken before."""
        if number in self._numbers:
            return
        self._numbers.add(number)
        codes = {one.code for one in reasons}
        self.seen.update(codes)
        why = [_why(one, self.language) for one in reasons]
        if any(self.seen[code] <= ROWS_A_REASON for code in codes):
            comma = "；" if self.language is Language.ZH else "; "
            values = {"number": number, "name": name or gb_id or "", "why": comma.join(why)}
            self.shown.append(one_line(told(self.language, "bad_row", **values)))
        if len(self.listed) < MOST_ROWS:
            said_of_it = [
                {"column": one.column, "code": one.code, "message": words}
                for one, words in zip(reasons, why, strict=True)
            ]
            row = {"row": number, "gb_id": gb_id, "name": name, "reasons": said_of_it}
            self.listed.append(row)

    def lines(self, by_reason: Mapping[str, int], bad: int, copy: Path | None) -> list[str]:
        """Return how often each reason is there, the rows that show it, and how many more are.

        ``copy`` is the file that has them all, if there is one.
        """
        language = self.language
        often = sorted(by_reason.items(), key=lambda one: (-one[1], one[0]))
        lines = [
            counted(language, count, code, reason_called(code, language)) for code, count in often
        ]
        lines += self.shown
        if bad > len(self.shown):
            name = "more_bad" if copy is None else "more_in_copy"
            lines.append(told(language, name, more=bad - len(self.shown)))
        return lines


def reason_called(code: str, language: Language) -> str | None:
    """Return a reason in a word or two; none if no words do without a row's values."""
    words = called(language, "row_fault", code) or said(code, {}, language)
    return None if words == code or "?" in words else words


def _why(reason: Reason, language: Language) -> str:
    """Return a reason in words; a newer service's, which has none here, in the service's own."""
    if said(reason.code, reason.params, language) == reason.code:
        return reason.message
    return said_of(reason.column, reason.code, reason.params, language)
