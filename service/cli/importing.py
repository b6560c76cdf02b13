"""``fengsui cameras import``: a file sent to the service, its verdicts, its good rows committed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.cli.bad_rows import MOST_ROWS, ROWS_A_REASON, BadRows
from service.cli.client import AwayError, CommandError, RefusedAnswerError, Service, WrongValueError
from service.cli.files import require_writable
from service.cli.terminal import Progress
from service.cli.words import told, unread
from service.imports.reasons import RowVerdict, reason_told
from service.imports.rows import MOST_BYTES, Note
from service.imports.words import Language, judged, noted, said

ASKED_EVERY_S: Final = 0.5
ROWS_AT_ONCE: Final = 500
STALLS_MENDED: Final = 5

_IMPORTS: Final = "/api/camera-imports"
_OF_A_PLACE: Final = frozenset({"place_unknown", "place_ambiguous"})
"""What is wrong with a place. Of a whole file it is the default's: the one that can't be told here,
where ``given`` checks the others.
"""

_OVER: Final = frozenset({"checked", "done", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be done with a file."""

    file: Path
    """The file."""
    source: str
    """What it is."""
    watch: bool
    """Whether cameras are watched at once."""
    defaults: Mapping[str, str]
    """What counts where no row says it."""
    commit: bool
    """Whether good rows are registered."""
    annotated: Path | None
    """Where the copy goes that says what is wrong."""
    language: Language
    """Of the reasons."""


def carry_out(service: Service, order: Order) -> tuple[str, dict[str, Any]]:
    """Check a file, and commit it if that is wanted. Raises ``CommandError`` and ``OSError``.

    What goes wrong once rows are registered stands beside the counts, as ``problem``.
    """
    if order.annotated is not None:
        require_writable(order.annotated)
    body = order.file.read_bytes() if order.file.stat().st_size <= MOST_BYTES else None
    if body is None:
        raise CommandError("file_large", file=order.file, most_mb=MOST_BYTES // 1024 // 1024)
    path = _begun(service, order)
    found = _checked(service, path, body)
    _require_taken(service, found)
    for one in found["notes"]:
        note = Note(code=one["code"], params=one["params"] or {})
        service.say("note", note=noted(note, order.language))
    if order.commit:
        found = _committed(service, path)
    bad = BadRows(language=order.language)
    problem = _told_more(service, path, order, found, bad)
    machine = {**_machine(found), "bad_rows": bad.listed}
    if problem is not None:
        machine["problem"] = {"message": problem}
    copy = order.annotated if problem is None else None
    return _text(found, order, bad, copy), machine


def _begun(service: Service, order: Order) -> str:
    begun = service.ask(
        "POST",
        _IMPORTS,
        json={
            "file_name": order.file.name[-128:],
            "source": order.source,
            "watch": order.watch,
            "defaults": dict(order.defaults),
        },
    )
    return f"{_IMPORTS}/{begun['import_id']}"


def _told_more(
    service: Service, path: str, order: Order, found: Mapping[str, Any], bad: BadRows
) -> str | None:
    """Take the bad rows and the copy; returns why one of them can't be had."""
    try:
        _note_bad(service, path, found, bad)
        if order.annotated is not None:
            kind = order.annotated.suffix.lower()
            language = {"language": order.language.value}
            service.download(f"{path}/annotated{kind}", language, order.annotated)
    except CommandError as error:
        return error.told(order.language)
    except OSError as error:
        return unread(order.language, error)
    return None


def _checked(service: Service, path: str, body: bytes) -> dict[str, Any]:
    progress = Progress(service.language, "checked")
    for _ in range(STALLS_MENDED):
        _send(service, path, body)
        found = _followed(service, path, "checked", progress)
        if not found["stalled"]:
            progress.end()
            return found
        service.say("sending_again")
    raise CommandError("ends_reading")


def _send(service: Service, path: str, body: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    try:
        service.patiently("PUT", f"{path}/file", content=body, headers=headers)
    except RefusedAnswerError as error:
        if error.code != "camera_import_state":  # it came, and the answer was lost on its way
            raise


def _committed(service: Service, path: str) -> dict[str, Any]:
    progress = Progress(service.language, "registered")
    for _ in range(STALLS_MENDED):
        try:
            service.patiently("POST", f"{path}/commit")
        except RefusedAnswerError as error:
            if error.code != "camera_import_state":
                raise
        found = _followed(service, path, "committed", progress)
        if found["state"] == "done":
            progress.end()
            return found
        _require_taken(service, found)
        service.say("going_on")
    raise CommandError("ends_registering")


def _followed(service: Service, path: str, what: str, progress: Progress) -> dict[str, Any]:
    """Ask how far it is until it is over, or stalled."""
    while True:
        found: dict[str, Any] = service.patiently("GET", path)
        counts = found["counts"]
        total = found["rows"]
        if what == "committed":
            total = counts["new"] + counts["changed"]
        progress.tell(found[what], total)
        if found["state"] in _OVER or found["stalled"] or found["state"] == "waiting":
            return found
        time.sleep(ASKED_EVERY_S)


def _require_taken(service: Service, found: Mapping[str, Any]) -> None:
    problem = found["problem"]
    if problem is not None:
        words = said(problem["code"], problem["params"] or {}, service.language)
        why = problem["message"] if words == problem["code"] else words
        if problem["code"] in _OF_A_PLACE:
            raise WrongValueError("of", what="--default place_code", why=why)
        raise CommandError("of", what=found["file_name"], why=why)
    if found["state"] == "waiting":
        raise AwayError("file_lost")


def _note_bad(service: Service, path: str, found: Mapping[str, Any], bad: BadRows) -> None:
    """Take the first bad rows, and some of each reason that none of these has."""
    for offset in range(0, min(found["counts"]["bad"], MOST_ROWS), ROWS_AT_ONCE):
        _note_page(service, path, bad, {"offset": offset, "limit": ROWS_AT_ONCE})
    for code, count in found["by_reason"].items():
        if bad.seen[code] < min(count, ROWS_A_REASON):
            _note_page(service, path, bad, {"reason": code, "limit": ROWS_A_REASON})


def _note_page(service: Service, path: str, bad: BadRows, wanted: dict[str, Any]) -> None:
    page = service.patiently("GET", f"{path}/rows", params={"verdict": "bad", **wanted})
    for row in page["rows"]:
        reasons = [reason_told(one) for one in row["reasons"]]
        bad.note(row["number"], row["gb_id"], row["name"], reasons)


def _machine(found: Mapping[str, Any]) -> dict[str, Any]:
    counts = found["counts"]
    return {
        "rows": found["rows"],
        "good": found["rows"] - counts["bad"],
        "bad": counts["bad"],
        "by_reason": found["by_reason"],
        "new": counts["new"],
        "changed": counts["changed"],
        "unchanged": counts["unchanged"],
        "refused": counts["refused"],
        "committed": found["committed"],
        "import_id": found["import_id"],
    }


def _text(found: Mapping[str, Any], order: Order, bad: BadRows, copy: Path | None) -> str:
    counts, language = found["counts"], order.language
    comma = "，" if language is Language.ZH else ", "
    verdicts = comma.join(f"{judged(one, language)} {counts[one.value]}" for one in RowVerdict)
    lines = [told(language, "rows", rows=found["rows"], verdicts=verdicts)]
    lines += bad.lines(found["by_reason"], counts["bad"], copy)
    if order.commit:
        done = {"committed": found["committed"], "refused": counts["refused"]}
        lines.append(told(language, "committed", **done))
    else:
        lines.append(told(language, "nothing_registered"))
    if copy is not None:
        lines.append(told(language, "annotated", file=copy))
    lines.append(told(language, "import_id", import_id=found["import_id"]))
    return "\n".join(lines)
