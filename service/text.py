"""Names and texts that people type: lengths, and the characters that only deceive the reader.

Markup is text like any other: nothing here interprets it, and no client may. What is refused has
no place in a name: characters that can't be seen, and those that turn the line around, so that
what is read is not what is stored.
"""

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from pipelines.sealing import MAX_LOGIN_CHARS
from service.refusals import Refusal, RefusedError

NAME_LENGTH: Final = 128
WORD_LENGTH: Final = 32
TEXT_LENGTH: Final = 2000

HIDDEN: Final = {
    "control": "a control character",
    "invisible": "an invisible or direction-changing character",
    "half": "half of a character",
    "unassigned": "a character that Unicode doesn't have",
    "line_separator": "a line separator",
    "paragraph_separator": "a paragraph separator",
    "blank": "a blank that passes for a letter",
}
"""What a text may not hold, by code."""

_KINDS: Final = {
    "Cc": "control",
    "Cf": "invisible",
    "Cs": "half",
    "Cn": "unassigned",
    "Zl": "line_separator",
    "Zp": "paragraph_separator",
}
_BLANKS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters by category, blank on every screen."""


def require_plain(text: str, *, lines: bool = False) -> None:
    """Raise ``RefusedError`` for what a text must not hold; ``lines`` allows line breaks."""
    for at, character in enumerate(text, 1):
        if lines and character == "\n":
            continue
        kind = "blank" if character in _BLANKS else _KINDS.get(unicodedata.category(character))
        if kind is not None:
            sign = f"U+{ord(character):04X}"
            raise RefusedError(
                Refusal.HOSTILE_TEXT,
                f"character {at} is {HIDDEN[kind]} ({sign}): type the text anew",
                at=at,
                hidden=kind,
                sign=sign,
            )


def _line(text: str, *, lines: bool = False) -> str:
    try:
        require_plain(text, lines=lines)
    except RefusedError as error:
        raise error.for_pydantic() from None
    return text


def _paragraph(text: str) -> str:
    return _line(text.replace("\r\n", "\n"), lines=True)


def _limits(longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest)


Name = Annotated[
    str, Field(description="Any script, no hidden character"), _limits(NAME_LENGTH),
    AfterValidator(_line),
]  # fmt: skip
"""What a person, a place, a camera or a token is called."""

User = Annotated[
    str, Field(description="Any script, no hidden character"), _limits(MAX_LOGIN_CHARS),
    AfterValidator(_line),
]  # fmt: skip
"""Whom a camera lets in."""

Word = Annotated[
    str, Field(description="One short line"), _limits(WORD_LENGTH), AfterValidator(_line)
]
"""A number or code that somebody else gave."""

Paragraph = Annotated[
    str, Field(description="Text, line breaks allowed"), _limits(TEXT_LENGTH),
    AfterValidator(_paragraph),
]  # fmt: skip
"""A note of some lines."""

Query = Annotated[str, StringConstraints(max_length=NAME_LENGTH), AfterValidator(_line)]
"""What somebody searches for; may be empty."""


def pattern_of(query: str) -> str:
    """Return the LIKE pattern, in lower case, of texts that hold ``query``; a backslash escapes."""
    for special in "\\%_":
        query = query.replace(special, f"\\{special}")
    return f"%{query.lower()}%"
