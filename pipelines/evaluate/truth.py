"""What really happens in a clip, as a JSON or CSV file says it.

JSON: ``{"events": [{"hazard": "fire", "from_s": 4.0, "to_s": 51.0}]}``, or the list alone.
CSV: a line ``hazard,from_s,to_s``, then a line an event. ``start_s`` and ``end_s`` mean the same.
No event at all says that the clip shows no hazard.
"""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from models.labels import KNOWN
from pipelines.evaluate.faults import EvaluationError, shown
from vision.hazards import Hazard

MAX_BYTES: Final = 1 << 20

FORMS: Final = (
    'write {"events": [{"hazard": "fire", "from_s": 4.0, "to_s": 51.0}]}, or CSV with the head '
    "hazard,from_s,to_s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEvent:
    """A hazard that is there for a time."""

    hazard: Hazard
    """Which."""
    from_s: float
    """From this second of the clip on."""
    to_s: float
    """To this one."""


class _Row(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    hazard: str
    from_s: float | None = None
    to_s: float | None = None
    start_s: float | None = None
    end_s: float | None = None
    note: str | None = None


def read_truth(path: Path) -> tuple[TrueEvent, ...]:
    """Return the events, by their beginning. Raises ``EvaluationError``, with the row's number."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(
            f"{shown(path)}: the truth can't be read ({type(error).__name__}): {FORMS}"
        ) from error
    if len(content) > MAX_BYTES or not text.strip():
        what = "is too long" if text.strip() else "is empty"
        raise EvaluationError(f"{shown(path)}: the truth {what}: {FORMS}")
    is_json = text.lstrip()[0] in "{["
    rows = _json_rows(text, path) if is_json else _csv_rows(text, path)
    events = [_event(row, f"{shown(path)}, event {n}", lax=not is_json) for n, row in rows]
    return tuple(sorted(events, key=lambda one: one.from_s))


def _json_rows(text: str, path: Path) -> list[tuple[int, Any]]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise EvaluationError(f"{shown(path)} is no JSON: {error}: {FORMS}") from error
    if isinstance(found, dict):
        found = found.get("events")
    if not isinstance(found, list):
        raise EvaluationError(f"{shown(path)}: there is no list `events`: {FORMS}")
    return list(enumerate(found, 1))


def _csv_rows(text: str, path: Path) -> list[tuple[int, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True, skipinitialspace=True)
        heads = [head.strip().lower() for head in reader.fieldnames or ()]
        reader.fieldnames = heads
        rows = [{k: v.strip() for k, v in row.items() if v} for row in _whole(reader, path)]
    except csv.Error as error:
        raise EvaluationError(f"{shown(path)} is no CSV: {error}: {FORMS}") from error
    if "hazard" not in heads:
        raise EvaluationError(f"{shown(path)}: the head has no `hazard`: {FORMS}")
    return list(enumerate(rows, 1))


def _whole(reader: "csv.DictReader[str]", path: Path) -> list[dict[str, str]]:
    rows = list(reader)
    for number, row in enumerate(rows, 1):
        if None in row:
            raise EvaluationError(
                f"{shown(path)}, event {number}: more columns than the head: {FORMS}"
            )
    return rows


def _event(row: Any, where: str, *, lax: bool) -> TrueEvent:
    try:
        given = msgspec.convert(row, _Row, strict=not lax)
    except msgspec.ValidationError as error:
        raise EvaluationError(f"{where}: {error}: {FORMS}") from error
    word = given.hazard.strip().lower()
    known = KNOWN.get(word)
    hazard = known.hazard if known else next((one for one in Hazard if one == word), None)
    if hazard is None:
        raise EvaluationError(
            f"{where}: {given.hazard!r} is no hazard: there are {', '.join(Hazard)}"
        )
    from_s = given.start_s if given.from_s is None else given.from_s
    to_s = given.end_s if given.to_s is None else given.to_s
    if from_s is None or to_s is None:
        raise EvaluationError(f"{where}: it needs from_s and to_s, seconds of the clip")
    if not (math.isfinite(from_s) and math.isfinite(to_s)) or from_s < 0 or to_s <= from_s:
        raise EvaluationError(
            f"{where}: from {from_s:g} s to {to_s:g} s is no time: give 0 <= from_s < to_s"
        )
    return TrueEvent(hazard=hazard, from_s=from_s, to_s=to_s)
