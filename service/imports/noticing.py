"""What is odd about a file's good rows together, though none of them is refused for it."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.cameras.gb_id import civil_code_fits
from service.imports.checking import Checked
from service.imports.reasons import RowVerdict
from service.imports.rows import Note
from service.refusals import Param

MOST_TOLD: Final = 10
"""Rows, or groups of rows, that a note names."""

_DIGEST_BYTES: Final = 8
"""A stream is told from 50,000 others by so much."""


class Noticing:
    """Looks at each row once it is checked; keeps some bytes of it."""

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}
        self._shared: dict[int, list[int]] = {}
        self._elsewhere: list[int] = []

    def see(self, checked: Checked, row: Mapping[str, Any] | None) -> None:
        """Take a row; ``row`` is that of the camera, if it is registered."""
        if checked.verdict is RowVerdict.BAD or checked.gb_id is None:
            return
        place_code = _said(checked, row, "place_code")
        if place_code is not None and not civil_code_fits(checked.gb_id, place_code):
            self._elsewhere.append(checked.number)
        address = _said(checked, row, "main_url")
        if address is not None:
            digest = hashlib.blake2b(address.encode(), digest_size=_DIGEST_BYTES).digest()
            first = self._first.setdefault(digest, checked.number)
            if first != checked.number:
                self._shared.setdefault(first, [first]).append(checked.number)

    def notes(self) -> list[Note]:
        """Return what was noticed of all rows."""
        found: list[Note] = []
        if self._shared:
            groups = [_listed(some, ", ") for some in self._shared.values()]
            found.append(Note(code="streams_shared", params={"rows": _listed(groups, "; ")}))
        if self._elsewhere:
            params: dict[str, Param] = {
                "count": len(self._elsewhere),
                "rows": _listed(self._elsewhere, ", "),
            }
            found.append(Note(code="gb_ids_elsewhere", params=params))
        return found


def _said(checked: Checked, row: Mapping[str, Any] | None, name: str) -> str | None:
    """Return what the camera will have: what the row says, or what it has already."""
    wanted = checked.wanted or {}
    said = wanted[name] if name in wanted else (row or {}).get(name)
    return None if said is None else str(said)


def _listed(some: Iterable[object], comma: str) -> str:
    words = [str(one) for one in some]
    return comma.join(words[:MOST_TOLD]) + ("…" if len(words) > MOST_TOLD else "")
