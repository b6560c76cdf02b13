"""What commands say to whoever started them: figures to the output, everything else beside it.

Names and texts of other people are among it: what would move a terminal's cursor, or turn a line
around, is shown as its JSON escape. So JSON stays the JSON it was, also where the output's
encoding lacks a character.
"""

import codecs
import errno
import os
import re
import sys
import unicodedata
from typing import Final

_UNUSUAL: Final = re.compile("[^\n -~\u3000-\u303f\u4e00-\u9fff\uff01-\uff5e]")
"""What is looked at: most text is none of it."""

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, direction-changing and invisible ones, halves, and what ends a line."""


def tell(line: str) -> None:
    """Say something beside the figures."""
    beside(plain(line) + "\n")


def beside(text: str) -> None:
    """Write to the errors' stream as it is; where that is closed or full, nothing."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except OSError:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for the interpreter's own flush


def show(figures: str) -> bool:
    """Print what was asked for; returns whether anybody still reads. Ends with 1 if it can't be."""
    try:
        return write(figures)
    except OSError as error:
        tell(f"fengsui: the output can't be written: {error.strerror}: send it elsewhere")
        raise SystemExit(1) from None


def write(text: str) -> bool:
    """Print a text, now; returns whether anybody still reads, for ``head`` does not to its end.

    Raises ``OSError`` if the output is closed or its disk full.
    """
    out = sys.stdout
    if out is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    try:
        out.write(plain(text, out.encoding or "utf-8") + "\n")
        out.flush()
    except BrokenPipeError:
        stop_showing()
        return False
    except OSError:
        stop_showing()
        raise
    return True


def stop_showing() -> None:
    """Print no more: whoever read it has gone, as ``head`` does, and that is no fault."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - for the interpreter's own flush


def plain(text: str, encoding: str = "utf-8") -> str:
    """Return a text without hidden characters but for line breaks, and such as can be encoded."""
    shown = _UNUSUAL.sub(_looked_at, text)
    return shown.encode(encoding, _ESCAPES).decode(encoding)


def one_line(text: str) -> str:
    """Return a text as ``plain`` does, without line breaks: one row of a table."""
    return plain(text).replace("\n", _escaped("\n"))


def _looked_at(found: re.Match[str]) -> str:
    character = found[0]
    return _escaped(character) if unicodedata.category(character) in _HIDDEN else character


def _escaped(text: str) -> str:
    halves = text.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{halves[at : at + 4]}" for at in range(0, len(halves), 4))


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return _escaped(error.object[error.start : error.end]), error.end


_ESCAPES: Final = "fengsui.escapes"
codecs.register_error(_ESCAPES, _escape)
