"""Rows counted by what becomes of them, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from service.errors import ProblemError
from service.imports.reasons import Reason, RowVerdict, reason_of


class Tally:
    """The counts of one import, as its columns keep them."""

    def __init__(self, counts: Mapping[str, int], by_reason: Mapping[str, int]) -> None:
        self._counts = Counter(counts)
        self._by_reason = Counter(by_reason)

    @property
    def rows(self) -> int:
        """How many were checked."""
        return sum(self._counts[one.value] for one in RowVerdict)

    def count(self, verdict: RowVerdict, reasons: Iterable[Reason]) -> None:
        """Count a row."""
        self._counts[verdict.value] += 1
        if verdict is RowVerdict.BAD:
            self._by_reason.update({one.code for one in reasons})

    def refuse(self, before: RowVerdict, reasons: Iterable[Reason]) -> None:
        """Count a row that was good, and can't be taken any more."""
        self._counts[before.value] -= 1
        self._counts["refused"] += 1
        self.count(RowVerdict.BAD, reasons)

    def switch(self, patch: Mapping[str, Any] | None, by: int = 1) -> None:
        """Count that a changed row switches its camera on or off, if it does."""
        if patch is not None and "enabled" in patch:
            self._counts["switched_on" if patch["enabled"] else "switched_off"] += by

    def found_registered(self, before: RowVerdict) -> None:
        """Count a row that somebody has registered meanwhile."""
        self._counts[before.value] -= 1
        self._counts[RowVerdict.UNCHANGED.value] += 1

    def columns(self) -> dict[str, Any]:
        """Return the columns of ``camera_imports``."""
        return {"counts": dict(self._counts), "by_reason": dict(self._by_reason)}


def told(reason: Reason) -> dict[str, Any]:
    """Return a reason as the database keeps it."""
    return {
        "column": reason.column,
        "code": reason.code,
        "message": reason.message,
        "params": dict(reason.params) or None,
    }


def problem_of(error: Exception) -> dict[str, Any]:
    """Return why a whole import can't go on, as the database keeps it."""
    if isinstance(error, ProblemError) and error.reason is None:
        return {"code": error.code, "message": str(error), "params": dict(error.params) or None}
    found = told(reason_of(error))
    del found["column"]
    return found
