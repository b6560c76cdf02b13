"""Cells that a spreadsheet would run as formulas, made harmless and made whole again."""

import re
from typing import Final

_RUN: Final = re.compile(r"'*\s*[=+\-@\t\r\n＝＋－＠]")
_UNDONE: Final = re.compile(r"'+\s*[=+\-@\t\r\n＝＋－＠]")


def neutralised(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; ``undone`` is its inverse."""
    return f"'{cell}" if _RUN.match(cell) else cell


def undone(cell: str) -> str:
    """Return what ``neutralised`` was given."""
    return cell[1:] if _UNDONE.match(cell) else cell
