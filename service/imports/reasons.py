"""What a row would do, and why it can't be taken, whoever found that."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from pipelines.sealing import MAX_LOGIN_CHARS
from service.cameras.errors import CredentialsNeededError, TwoLoginsError
from service.errors import ProblemError
from service.imports.tables import too_long
from service.imports.values import choice_refused
from service.refusals import Param, Refusal, RefusedError

_COLUMNS: Final = {"position": "longitude", "credentials": "password"}
"""The column that stands for a field that has several."""

_PARTS: Final = frozenset({"longitude", "latitude", "coordinate_system", "user", "password"})

_CODES: Final = frozenset(Refusal)


class RowVerdict(StrEnum):
    """What a row would do."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a row can't be taken."""

    column: str | None
    """The field, as in ``columns.FIELDS``; none if it's the row's."""
    code: str
    """A ``Refusal``."""
    message: str
    """In English."""
    params: dict[str, Param]
    """What words about the code need."""


def reason_told(one: Mapping[str, Any]) -> Reason:
    """Return a reason as the database and the API have it."""
    return Reason(
        column=one["column"], code=one["code"], message=one["message"], params=one["params"] or {}
    )


def reason_of(error: Exception, column: str | None = None) -> Reason:
    """Return what a ``RefusedError`` or ``ProblemError`` says, as a row's reason.

    Raises any other.
    """
    if isinstance(error, TwoLoginsError):
        column = column or "password"
        error = RefusedError(Refusal.LOGINS_DIFFER, str(error))
    elif isinstance(error, CredentialsNeededError):
        column = column or "main_url"
        error = RefusedError(Refusal.LOGIN_NEEDED, str(error))
    if isinstance(error, RefusedError):
        code: str = error.code
    elif isinstance(error, ProblemError):
        code = error.reason or error.code
        column = column or _column_of(error.field)
    else:
        raise error
    return Reason(column=column, code=str(code), message=str(error), params=dict(error.params))


def reasons_of(error: ValidationError) -> Iterator[Reason]:
    """Yield what pydantic found, but for what is missing."""
    for one in error.errors(include_url=False):
        if one["type"] != "missing":
            yield _reason(one)


def _reason(one: Any) -> Reason:
    where = [str(part) for part in one["loc"]]
    column = next((part for part in where[1:] if part in _PARTS), _column_of(where[0]))
    context = one.get("ctx", {})
    if one["type"] in _CODES:
        params = dict(context.get("params", {}))
        return Reason(column=column, code=one["type"], message=one["msg"], params=params)
    return reason_of(_plain(one, where, context), column)


def _plain(one: Any, where: list[str], context: Any) -> RefusedError:
    """Return one of pydantic's own findings as ours; a login isn't repeated."""
    if where[0] == "credentials":
        return RefusedError(
            Refusal.CREDENTIALS_REFUSED,
            f"a user or password has at most {MAX_LOGIN_CHARS} characters",
            most=MAX_LOGIN_CHARS,
        )
    said = str(one.get("input", ""))
    if one["type"] == "string_too_long":
        return too_long(len(said), int(context["max_length"]))
    if one["type"] == "string_too_short":
        return RefusedError(Refusal.REQUIRED, "it must be given")
    return choice_refused(said, ())


def _column_of(field: str | None) -> str | None:
    return None if field is None else _COLUMNS.get(field, field)


@dataclass(slots=True, kw_only=True)
class Work:
    """A row on its way through the checks."""

    reasons: list[Reason]
    """What is wrong with it."""
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
                self.refuse(RefusedError(Refusal.REQUIRED, "it must be given"), name)

    def parse(self, field: str, parse: Callable[[str], Any]) -> None:
        """Turn a word into a value."""
        try:
            self.values[field] = parse(self.given[field])
        except RefusedError as error:
            self.refuse(error, field)
