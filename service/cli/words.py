"""What the command line says, in one language a run."""

import errno
import json
from collections.abc import Mapping
from importlib import resources
from typing import Final

from service.imports.words import Language, index_of

_TABLE: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = json.loads(
    resources.files("service.cli").joinpath("words.json").read_text("utf-8")
)

SAID: Final = _TABLE["said"]
"""The command's own words in Chinese and English, by name."""

CONSOLES: Final = {kind: words for kind, words in _TABLE.items() if kind != "said"}
"""Words of the console for codes, by kind and code: a test holds them equal."""

_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The first of them that says something counts, as POSIX has it."""


def language_of(environment: Mapping[str, str]) -> Language:
    """Return Chinese where the machine's language is, else English."""
    said = next((environment[one] for one in _VARIABLES if environment.get(one)), "")
    return Language.ZH if said.lower().startswith("zh") else Language.EN


def told(language: Language, name: str, /, **values: object) -> str:
    """Return words, with the values in their places."""
    return SAID[name][index_of(language)].format(**values)


def called(language: Language, kind: str, code: str) -> str | None:
    """Return what a code is called; none if there is no word for it."""
    pair = CONSOLES[kind].get(code)
    return None if pair is None else pair[index_of(language)]


def counted(language: Language, count: int, code: str, words: str | None) -> str:
    """Return a line of how often something is there, in words and with its code."""
    if words is None:
        return f"{count:>6}  {code}"
    return told(language, "counted", count=count, words=words, code=code)


def unread(language: Language, error: OSError) -> str:
    """Return what is wrong with a file."""
    file = error.filename or told(language, "a_file")
    name = errno.errorcode.get(error.errno or 0, "")
    why = told(language, name) if name in SAID else told(language, "os_fault", code=name or error)
    return told(language, "of", what=file, why=why)
