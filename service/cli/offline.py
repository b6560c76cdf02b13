"""``fengsui cameras import FILE --dry-run`` without a service: the file alone is checked."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.cli.bad_rows import BadRows
from service.cli.files import require_writable, whole_file
from service.cli.terminal import answer, say
from service.cli.words import told, unread
from service.imports.checking import Checked, Checker
from service.imports.errors import FileRefusedError
from service.imports.known import Defaults, NothingKnown
from service.imports.notes import notes_of
from service.imports.reading import read, require_small
from service.imports.reasons import RowVerdict
from service.imports.rows import Sheet, Source
from service.imports.sheets import AnnotatedRow, write_csv, write_xlsx
from service.imports.sheets import annotated as annotated_table
from service.imports.words import Language, noted, said

_PERIOD_S: Final = 1.0
"""Between two words on how far it is."""


@dataclass(slots=True, kw_only=True)
class _Found:
    """What was found so far."""

    bad_rows: BadRows
    rows: int = 0
    bad: int = 0

    def note(self, checked: Checked) -> None:
        """Count a row."""
        self.rows += 1
        if checked.verdict is RowVerdict.BAD:
            self.bad += 1
            self.bad_rows.note(checked.number, checked.gb_id, checked.name, checked.reasons)


def dry_run(
    path: Path,
    *,
    source: Source = Source.AUTO,
    defaults: Defaults | None = None,
    as_json: bool = False,
    annotated: Path | None = None,
    language: Language = Language.ZH,
) -> int:
    """Check a file; progress goes to stderr, the result to stdout. Return the exit code.

    0: checked, whatever was found; 1: the file can't be read or is refused as a whole, or the copy
    can't be written. ``annotated`` ends in ``.csv`` or ``.xlsx``.
    """
    found = _Found(bad_rows=BadRows(language=language))
    problem = None
    try:
        if annotated is not None:
            require_writable(annotated)
        require_small(path.stat().st_size)
        sheet = read(path.read_bytes(), source, name=path.name)
        say(told(language, "alone"))
        for note in notes_of(sheet, defaults or Defaults()):
            say(noted(note, language))
        rows = _checked(sheet, defaults or Defaults(), found)
        if annotated is not None:
            problem = _copied(annotated, sheet, rows, language)
        for _ in rows:  # those that no copy has taken
            pass
    except FileRefusedError as error:
        return _refused(error, as_json=as_json, language=language)
    except OSError as error:
        words = unread(language, error)
        say(words)
        if not as_json:
            return 1
        return answer(json.dumps({"problem": {"message": words}}, ensure_ascii=False), 1, language)
    if problem is not None:
        say(problem)
    text = _as_json(found, problem) if as_json else _text(found, annotated, problem)
    return answer(text, 0 if problem is None else 1, language)


def _copied(path: Path, sheet: Sheet, rows: Iterator[Checked], language: Language) -> str | None:
    """Write an annotated copy; returns why it is none, for what was found is told all the same."""
    try:
        _write(path, sheet, rows, language)
    except OSError as error:
        return unread(language, error)
    return None


def _checked(sheet: Sheet, defaults: Defaults, found: _Found) -> Iterator[Checked]:
    checker = Checker(sheet, defaults, NothingKnown())
    told_s = time.monotonic()
    for row in sheet.rows:
        checked = checker.check(row)
        found.note(checked)
        yield checked
        if time.monotonic() - told_s >= _PERIOD_S:
            told_s = time.monotonic()
            say(told(found.bad_rows.language, "checked_rows", rows=found.rows, count=sheet.count))


def _write(path: Path, sheet: Sheet, rows: Iterator[Checked], language: Language) -> None:
    """Write an annotated copy."""
    told: Iterator[AnnotatedRow] = (
        (one.number, one.cells, one.verdict, one.reasons) for one in rows
    )
    titles, lines = annotated_table(sheet.titles, told, language, sheet.titles_at_row)
    above = max(0, sheet.titles_at_row - 1)
    is_csv = path.suffix.casefold() == ".csv"
    pieces = (
        write_csv(titles, lines, above=above)
        if is_csv
        else write_xlsx(titles, lines, language, above=above)
    )
    with whole_file(path) as out:
        for piece in pieces:
            out.write(piece)


def _as_json(found: _Found, problem: str | None) -> str:
    bad = found.bad_rows
    machine = {
        "rows": found.rows,
        "good": found.rows - found.bad,
        "bad": found.bad,
        "by_reason": dict(bad.seen.most_common()),
        "bad_rows": bad.listed,
        **({} if problem is None else {"problem": {"message": problem}}),
    }
    return json.dumps(machine, ensure_ascii=False)


def _text(found: _Found, annotated: Path | None, problem: str | None) -> str:
    bad, good = found.bad_rows, found.rows - found.bad
    copy = annotated if problem is None else None
    lines = [
        told(bad.language, "summed", rows=found.rows, good=good, bad=found.bad),
        *bad.lines(bad.seen, found.bad, copy),
    ]
    if copy is not None:
        lines.append(told(bad.language, "annotated", file=annotated))
    return "\n".join(lines)


def _refused(error: FileRefusedError, *, as_json: bool, language: Language) -> int:
    """Say why nothing of a file can be taken."""
    words = said(error.code, error.params, language)
    say(words)
    if not as_json:
        return 1
    problem = {"code": error.code, "message": str(error), "params": error.params}
    empty = {"rows": 0, "good": 0, "bad": 0, "by_reason": {error.code: 1}}
    return answer(json.dumps({**empty, "problem": problem}), 1, language)
