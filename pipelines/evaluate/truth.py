"""What really happens in a clip, as a JSON or CSV file says it.

JSON: ``{"events": [{"hazard": "fire", "from_s": 4.0, "to_s": 51.0}]}``, or the list alone.
CSV: a line ``hazard,from_s,to_s``, then a line an event; without that head where it is plain which
column is which. Times have many names; what else stands there is ignored, and said.
No event at all says that the clip shows no hazard.
"""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from pipelines.evaluate.faults import EvaluationError, shown
from pipelines.evaluate.names import hazard_of
from vision.hazards import Hazard

MAX_BYTES: Final = 1 << 20

FORMS: Final = (
    'write {"events": [{"hazard": "fire", "from_s": 4.0, "to_s": 51.0}]}, or CSV with the head '
    "hazard,from_s,to_s"
)

KEYS: Final = {
    "hazard": ("hazard", "label", "class", "type"),
    "from_s": ("from_s", "from", "start_s", "start", "begin_s", "begin"),
    "to_s": ("to_s", "to", "end_s", "end"),
}
"""Names that mean the same, the first that is there taken."""

SILENT: Final = frozenset({"note", "notes", "comment"})
"""Ignored without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEvent:
    """A hazard that is there for a time."""

    hazard: Hazard
    """Which."""
    from_s: float
    """From this second of the clip on."""
    to_s: float
    """To this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a truth file says."""

    events: tuple[TrueEvent, ...]
    """By their beginning."""
    notes: tuple[str, ...]
    """What of it was left out."""


def read_truth(path: Path) -> Truth:
    """Return the events. Raises ``EvaluationError``, with the row's number."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise EvaluationError(f"{shown(path)}: the truth can't be read ({why}): {FORMS}") from error
    if len(content) > MAX_BYTES or not text.strip():
        what = "is too long" if text.strip() else "is empty"
        raise EvaluationError(f"{shown(path)}: the truth {what}: {FORMS}")
    rows = _json_rows(text, path) if text.lstrip()[0] in "{[" else _csv_rows(text, path)
    events, ignored, unknown = [], set[str](), list[str]()
    for number, row in enumerate(rows, 1):
        found = _event(row, f"{shown(path)}, event {number}", ignored)
        if isinstance(found, str):
            unknown.append(found)
        else:
            events.append(found)
    listed = ", ".join(sorted(set(unknown)))
    if unknown and not events:
        raise EvaluationError(
            f"{shown(path)}: {listed} is no hazard: there are {', '.join(Hazard)}"
        )
    notes = [f"{len(unknown)} events of the truth are left out: {listed} is no hazard"]
    notes += [f"{', '.join(sorted(ignored))}: the truth's keys that say nothing here are ignored"]
    return Truth(
        events=tuple(sorted(events, key=lambda one: one.from_s)),
        notes=tuple(
            shown(note) for note, why in zip(notes, (unknown, ignored), strict=True) if why
        ),
    )


def _json_rows(text: str, path: Path) -> list[Any]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise EvaluationError(f"{shown(path)} is no JSON: {error}: {FORMS}") from error
    if isinstance(found, dict):
        found = found.get("events")
    if not isinstance(found, list):
        raise EvaluationError(f"{shown(path)}: there is no list `events`: {FORMS}")
    return found


def _csv_rows(text: str, path: Path) -> list[Any]:
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True, skipinitialspace=True))
    except csv.Error as error:
        raise EvaluationError(f"{shown(path)} is no CSV: {error}: {FORMS}") from error
    cells = [[cell.strip() for cell in line] for line in lines if any(map(str.strip, line))]
    heads = [head.lower() for head in cells[0]]
    if not set(heads) & set(KEYS["hazard"]):
        heads = _plain_order(cells[0])
        if not heads:
            raise EvaluationError(f"{shown(path)}: the head has no `hazard`: {FORMS}")
        cells.insert(0, heads)
    for number, row in enumerate(cells[1:], 1):
        if len(row) > len(heads):
            raise EvaluationError(
                f"{shown(path)}, event {number}: more columns than the head: {FORMS}"
            )
    return [{k: v for k, v in zip(heads, row, strict=False) if v} for row in cells[1:]]


def _plain_order(cells: list[str]) -> list[str]:
    """Return the head of a line that needs none: a hazard and two times, or the other way."""
    for order in (["hazard", "from_s", "to_s"], ["from_s", "to_s", "hazard"]):
        row = dict(zip(order, cells, strict=False))
        if len(cells) == len(order) and hazard_of(row["hazard"]):
            times = [_seconds(row[key]) for key in ("from_s", "to_s")]
            return order if None not in times else []
    return []


def _seconds(value: object) -> float | None:
    """Return a number, which may stand there as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _event(row: Any, where: str, ignored: set[str]) -> TrueEvent | str:
    """Return an event, or the name of what is no hazard."""
    if not isinstance(row, dict):
        raise EvaluationError(f"{where} is no object with hazard, from_s and to_s: {FORMS}")
    given = {str(key).strip().lower(): value for key, value in row.items()}
    values = {
        key: next((given[name] for name in names if given.get(name) is not None), None)
        for key, names in KEYS.items()
    }
    ignored |= set(given) - {name for names in KEYS.values() for name in names} - SILENT
    name, from_s, to_s = values["hazard"], _seconds(values["from_s"]), _seconds(values["to_s"])
    if not isinstance(name, str):
        raise EvaluationError(f"{where}: it has no hazard: {FORMS}")
    if from_s is None or to_s is None:
        raise EvaluationError(f"{where}: it needs from_s and to_s, seconds of the clip")
    if not (math.isfinite(from_s) and math.isfinite(to_s)) or from_s < 0 or to_s <= from_s:
        raise EvaluationError(
            f"{where}: from {from_s:g} s to {to_s:g} s is no time: give 0 <= from_s < to_s"
        )
    hazard = hazard_of(name)
    return TrueEvent(hazard=hazard, from_s=from_s, to_s=to_s) if hazard else repr(name)
