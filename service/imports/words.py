"""What is said of files and rows, in Chinese and English."""

import json
from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from string import Formatter
from typing import Any, Final

from service.imports.columns import BY_NAME
from service.imports.rows import Note
from service.refusals import Param


class Language(StrEnum):
    """What annotated copies and the command line speak."""

    ZH = "zh"
    EN = "en"


_TABLE: Final = json.loads(
    resources.files("service.imports").joinpath("words.json").read_text("utf-8")
)

REFUSALS: Final[Mapping[str, tuple[str, str]]] = _TABLE["refusals"]
"""The console's words in Chinese and English, by code: a test holds them equal."""

CODES: Final[Mapping[str, tuple[str, str]]] = _TABLE["codes"]
"""What stands for a code among the values of a refusal."""

VERDICTS: Final[Mapping[str, tuple[str, str]]] = {
    "new": ("可导入", "new"),
    "changed": ("将更新", "changes"),
    "unchanged": ("未变", "unchanged"),
    "bad": ("有误", "bad"),
}

NOTES: Final[Mapping[str, tuple[str, str]]] = {
    "titles_in_row": ("列名在第 {row} 行", "The titles are in line {row}"),
    "columns_unknown": (
        "不认得的列，不导入，标注副本中保留：{columns}",
        "Columns that are not known, and are kept in the annotated copy only: {columns}",
    ),
    "columns_absent": (
        "文件中没有这些列，新摄像机需要默认值：{columns}",
        "Columns that are absent, for which new cameras need defaults: {columns}",
    ),
    "sheet_chosen": (
        "读取工作表“{sheet}”，另外 {others} 个工作表未读",
        "The sheet “{sheet}” was read, {others} others were not",
    ),
}

_CODED: Final = {
    "hidden": "hidden",
    "device": "device",
    "refused_place": "refused_place",
    "sea": "sea",
    "level": "level",
    "wanted_level": "level",
}
"""Values that are codes, with the words that stand for each kind."""


class _Filling(Formatter):
    """Fills in what there is, and nothing but by name."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:  # noqa: ARG002
        return kwargs.get(field_name, "?"), field_name


def said(code: str, params: Mapping[str, Param], language: Language) -> str:
    """Return the words of a refusal; the code itself if there are none."""
    words = REFUSALS.get(code)
    return code if words is None else _filled(words[_at(language)], params, language)


def said_of(column: str | None, code: str, params: Mapping[str, Param], language: Language) -> str:
    """Return the words of a row's reason, with the column's title before them."""
    words = said(code, params, language)
    title = titled(column, language) if column is not None else None
    if title is None:
        return words
    return f"{title}：{words}" if language is Language.ZH else f"{title}: {words}"


def titled(column: str, language: Language) -> str | None:
    """Return a field's title."""
    known = BY_NAME.get(column)
    return None if known is None else (known.zh, known.en)[_at(language)]


def judged(verdict: str, language: Language) -> str:
    """Return the words of a verdict."""
    return VERDICTS[verdict][_at(language)]


def noted(note: Note, language: Language) -> str:
    """Return the words of a note."""
    return _filled(NOTES[note.code][_at(language)], note.params, language)


def _at(language: Language) -> int:
    return 0 if language is Language.ZH else 1


def _filled(words: str, params: Mapping[str, Param], language: Language) -> str:
    values = {name: _value(name, one, language) for name, one in params.items()}
    return _Filling().vformat(words, (), values)


def _value(name: str, value: Param, language: Language) -> str:
    kind = _CODED.get(name)
    words = None if kind is None else CODES.get(f"{kind}.{value}")
    return str(value) if words is None else words[_at(language)]
