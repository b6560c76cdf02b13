"""``fengsui cameras import``: a file sent to the service, its verdicts, its good rows committed."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.cli.client import AwayError, CommandError, RefusedAnswerError, Service
from service.cli.terminal import Progress, say
from service.imports.reasons import Verdict
from service.imports.rows import MOST_BYTES
from service.imports.words import Language, said

ASKED_EVERY_S: Final = 0.5
ROWS_A_REASON: Final = 2
STALLS_MENDED: Final = 5

_IMPORTS: Final = "/api/camera-imports"
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
    """Check a file, and commit it if that is wanted. Raises ``CommandError``."""
    body = order.file.read_bytes() if order.file.stat().st_size <= MOST_BYTES else None
    if body is None:
        raise CommandError(
            f"{order.file} has more than {MOST_BYTES // 1024 // 1024} MB: split it, a county a file"
        )
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
    path = f"{_IMPORTS}/{begun['import_id']}"
    found = _checked(service, path, body)
    _require_taken(found)
    for note in found["notes"]:
        say(f"note: {note['message']}")
    if found["counts"]["bad"]:
        _show_faults(service, path, found["by_reason"], order.language)
    if order.commit:
        found = _committed(service, path)
    if order.annotated is not None:
        kind = order.annotated.suffix.lower()
        language = {"language": order.language.value}
        service.download(f"{path}/annotated{kind}", language, order.annotated)
    return _text(found, order), _machine(found)


def _checked(service: Service, path: str, body: bytes) -> dict[str, Any]:
    progress = Progress("checked")
    for _ in range(STALLS_MENDED):
        _send(service, path, body)
        found = _followed(service, path, "checked", progress)
        if not found["stalled"]:
            progress.end()
            return found
        say("the service was restarted: sending the file again")
    raise CommandError("the service ends again and again while it reads the file: see its log")


def _send(service: Service, path: str, body: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    try:
        service.patiently("PUT", f"{path}/file", content=body, headers=headers)
    except RefusedAnswerError as error:
        if error.code != "camera_import_state":  # it came, and the answer was lost on its way
            raise


def _committed(service: Service, path: str) -> dict[str, Any]:
    progress = Progress("registered")
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
        _require_taken(found)
        say("the service was restarted: going on")
    raise CommandError("the service ends again and again while it registers: see its log")


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


def _require_taken(found: Mapping[str, Any]) -> None:
    problem = found["problem"]
    if problem is not None:
        raise CommandError(f"{found['file_name']}: {problem['message']}")
    if found["state"] == "waiting":
        raise AwayError("the file did not arrive: try again")


def _show_faults(
    service: Service, path: str, by_reason: Mapping[str, int], language: Language
) -> None:
    """Say of each reason how often it is there, with a row or two that have it."""
    for code, count in sorted(by_reason.items(), key=lambda one: (-one[1], one[0])):
        params = {"verdict": "bad", "reason": code, "limit": ROWS_A_REASON}
        page = service.patiently("GET", f"{path}/rows", params=params)
        say(f"{count:>6}  {code}")
        for row in page["rows"]:
            for one in row["reasons"]:
                if one["code"] == code:
                    words = said(code, one["params"] or {}, language)
                    column = f"{one['column']}: " if one["column"] else ""
                    say(f"        row {row['number']}: {column}{words}")


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


def _text(found: Mapping[str, Any], order: Order) -> str:
    counts = found["counts"]
    verdicts = ", ".join(f"{counts[one.value]} {one.value}" for one in Verdict)
    lines = [f"{found['rows']} rows: {verdicts}"]
    if order.commit:
        lines.append(f"{found['committed']} registered, {counts['refused']} refused meanwhile")
    else:
        lines.append("nothing registered: leave out --dry-run")
    if order.annotated is not None:
        lines.append(f"what is wrong stands in {order.annotated}")
    lines.append(f"import {found['import_id']}")
    return "\n".join(lines)
