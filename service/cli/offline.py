"""``fengsui cameras import FILE --dry-run`` without a service: the file alone is checked."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.cli.files import whole_file
from service.cli.terminal import say
from service.imports.checking import Checked, Checker
from service.imports.errors import FileRefusedError
from service.imports.known import Defaults, NothingKnown
from service.imports.reading import read, require_small
from service.imports.reasons import Reason, Verdict
from service.imports.rows import Sheet, Source
from service.imports.sheets import annotated as annotated_table
from service.imports.sheets import write_csv, write_xlsx
from service.imports.words import Language, noted, said, said_of

_PERIOD_S: Final = 1.0
"""Between two words on how far it is."""

_SHOWN: Final = 2
"""Rows told on a screen of each reason; the annotated copy has all."""

_ALONE: Final = {
    Language.ZH: "只检查文件本身：辖区和已登记的摄像机未核对（加 --service 可核对）",
    Language.EN: "only the file is checked: places and registered cameras are not (add --service)",
}
_CHECKED: Final = {Language.ZH: "已检查 {rows} / {count} 行", Language.EN: "{rows} / {count} rows"}
_SUMMED: Final = {
    Language.ZH: "共 {rows} 行：可导入 {good}，有误 {bad}",
    Language.EN: "{rows} rows: {good} good, {bad} bad",
}
_LINE: Final = {
    Language.ZH: "第 {number} 行 {name}：{why}",
    Language.EN: "row {number} {name}: {why}",
}
_MORE: Final = {
    Language.ZH: "……另有 {more} 行有误：用 --annotated 保存标注副本",
    Language.EN: "… and {more} more bad rows: --annotated writes them all",
}
_UNREADABLE: Final = {
    Language.ZH: "无法读取 {path}：{why}",
    Language.EN: "can't read {path}: {why}",
}


@dataclass(slots=True, kw_only=True)
class _Found:
    """What was found so far."""

    language: Language
    rows: int = 0
    bad: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)
    """Bad rows, by the code of each of their reasons."""
    shown: list[str] = field(default_factory=list)

    def note(self, checked: Checked) -> None:
        """Count a row."""
        self.rows += 1
        if checked.verdict is not Verdict.BAD:
            return
        self.bad += 1
        codes = {reason.code for reason in checked.reasons}
        self.by_reason.update(codes)
        if any(self.by_reason[code] <= _SHOWN for code in codes):
            why = "; ".join(
                said_of(one.column, one.code, one.params, self.language) for one in checked.reasons
            )
            line = _LINE[self.language]
            name = checked.name or checked.gb_id or ""
            self.shown.append(line.format(number=checked.number, name=name, why=why))


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

    0: checked, whatever was found; 1: the file can't be read or is refused as a whole.
    ``annotated`` ends in ``.csv`` or ``.xlsx``.
    """
    found = _Found(language=language)
    try:
        require_small(path.stat().st_size)
        sheet = read(path.read_bytes(), source)
        say(_ALONE[language])
        for note in sheet.notes:
            say(noted(note, language))
        rows = _checked(sheet, defaults or Defaults(), found)
        if annotated is None:
            for _ in rows:
                pass
        else:
            _write(annotated, sheet, rows, language)
    except FileRefusedError as error:
        return _refused(error, as_json=as_json, language=language)
    except OSError as error:
        words = _UNREADABLE[language].format(
            path=error.filename or path, why=error.strerror or error
        )
        say(words)
        if as_json:
            _print(json.dumps({"problem": {"message": words}}, ensure_ascii=False))
        return 1
    _tell(found, as_json=as_json)
    return 0


def _checked(sheet: Sheet, defaults: Defaults, found: _Found) -> Iterator[Checked]:
    checker = Checker(sheet, defaults, NothingKnown())
    told_s = time.monotonic()
    for row in sheet.rows:
        checked = checker.check(row)
        found.note(checked)
        yield checked
        if time.monotonic() - told_s >= _PERIOD_S:
            told_s = time.monotonic()
            say(_CHECKED[found.language].format(rows=found.rows, count=sheet.count))


def _write(path: Path, sheet: Sheet, rows: Iterator[Checked], language: Language) -> None:
    """Write an annotated copy."""
    told: Iterator[tuple[Sequence[str], Verdict, Sequence[Reason]]] = (
        (one.cells, one.verdict, one.reasons) for one in rows
    )
    titles, lines = annotated_table(sheet.titles, told, language)
    write = write_csv if path.suffix.casefold() == ".csv" else write_xlsx
    with whole_file(path) as out:
        for piece in write(titles, lines):
            out.write(piece)


def _tell(found: _Found, *, as_json: bool) -> None:
    good = found.rows - found.bad
    if as_json:
        counts = {"rows": found.rows, "good": good, "bad": found.bad}
        _print(json.dumps({**counts, "by_reason": dict(found.by_reason.most_common())}))
        return
    _print(_SUMMED[found.language].format(rows=found.rows, good=good, bad=found.bad))
    for code, count in found.by_reason.most_common():
        _print(f"{count:>6}  {code}")
    for line in found.shown:
        _print(line)
    if found.bad > len(found.shown):
        _print(_MORE[found.language].format(more=found.bad - len(found.shown)))


def _refused(error: FileRefusedError, *, as_json: bool, language: Language) -> int:
    """Say why nothing of a file can be taken."""
    words = said(error.code, error.params, language)
    say(words)
    if as_json:
        problem = {"code": error.code, "message": str(error), "params": error.params}
        empty = {"rows": 0, "good": 0, "bad": 0, "by_reason": {error.code: 1}}
        _print(json.dumps({**empty, "problem": problem}))
    return 1


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
