"""What whoever sends a file should know of it, once it is known what counts for its rows."""

from collections.abc import Iterable
from dataclasses import fields

from service.imports.columns import REQUIRED
from service.imports.known import Defaults, words_for
from service.imports.rows import Note, Sheet

_MAY_BE_DEFAULT = frozenset(one.name for one in fields(Defaults))


def notes_of(sheet: Sheet, defaults: Defaults) -> list[Note]:
    """Return a file's notes, and which columns are absent that new cameras need.

    Those that a default stands in for aren't missed.
    """
    given = set(sheet.columns) | set(words_for(sheet, defaults))
    missing = [one for one in REQUIRED if one not in given]
    may = [one for one in missing if one in _MAY_BE_DEFAULT]
    must = [one for one in missing if one not in _MAY_BE_DEFAULT]
    return [*sheet.notes, *_note("columns_absent", may), *_note("columns_needed", must)]


def _note(code: str, names: list[str]) -> Iterable[Note]:
    if names:
        yield Note(code=code, params={"fields": " ".join(names)})
