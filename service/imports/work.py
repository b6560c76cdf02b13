"""A row on its way through the checks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from service.imports.reasons import Reason, reason_of, required
from service.refusals import RefusedError


@dataclass(slots=True, kw_only=True)
class Work:
    """What cells say, what it means, and what is wrong with it."""

    reasons: list[Reason]
    given: dict[str, str]
    """What the cells say, by field; none is empty."""
    values: dict[str, Any]
    """The same as the models take it."""
    is_masked: bool = False
    """Whether a login was taken out of the row before it came here."""

    @property
    def refused(self) -> set[str | None]:
        """The columns that something is wrong with."""
        return {reason.column for reason in self.reasons}

    def refuse(self, error: Exception, column: str | None) -> None:
        """Note what is wrong."""
        self.add(reason_of(error, column))

    def add(self, reason: Reason) -> None:
        """Note what is wrong, once a column."""
        if reason.column is None or reason.column not in self.refused:
            self.reasons.append(reason)

    def require(self, names: Sequence[str]) -> None:
        """Note which of these say nothing."""
        for name in names:
            if name not in self.given and name not in self.values:
                self.add(required(name))

    def parse(self, field: str, parse: Callable[[str], Any]) -> None:
        """Turn a word into a value."""
        try:
            self.values[field] = parse(self.given[field])
        except RefusedError as error:
            self.refuse(error, field)
