"""Names and texts that people type: lengths, and the characters that only deceive the reader.

Markup is text like any other: nothing here interprets it, and no client may. What is refused has
no place in a name: characters that can't be seen, and those that turn the line around, so that
what is read is not what is stored.
"""

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

NAME_LENGTH: Final = 128
WORD_LENGTH: Final = 32
TEXT_LENGTH: Final = 2000

_HIDDEN: Final = {
    "Cc": "a control character",
    "Cf": "an invisible or direction-changing character",
    "Cs": "half of a character",
    "Cn": "a character that Unicode doesn't have",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
}
_BLANKS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters by category, blank on every screen."""


def fault_of(text: str, *, lines: bool = False) -> str | None:
    """Tell what a text holds that it must not, in words; ``lines`` allows line breaks."""
    for place, character in enumerate(text, 1):
        if lines and character == "\n":
            continue
        said = _HIDDEN.get(unicodedata.category(character))
        if character in _BLANKS:
            said = "a blank that passes for a letter"
        if said is not None:
            return f"character {place} is {said} (U+{ord(character):04X}): type the text anew"
    return None


def _line(text: str) -> str:
    fault = fault_of(text)
    if fault is not None:
        raise PydanticCustomError("hostile_text", "{fault}", {"fault": fault})
    return text


def _paragraph(text: str) -> str:
    text = text.replace("\r\n", "\n")
    fault = fault_of(text, lines=True)
    if fault is not None:
        raise PydanticCustomError("hostile_text", "{fault}", {"fault": fault})
    return text


def _limits(longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest)


Name = Annotated[
    str, Field(description="Any script, no hidden character"), _limits(NAME_LENGTH),
    AfterValidator(_line),
]  # fmt: skip
"""What a person, a place, a camera or a token is called."""

Word = Annotated[
    str, Field(description="One short line"), _limits(WORD_LENGTH), AfterValidator(_line)
]
"""A number or code that somebody else gave."""

Line = Annotated[
    str, Field(description="One line of text"), _limits(TEXT_LENGTH), AfterValidator(_line)
]
"""A sentence."""

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
