"""``fengsui cameras probe``: streams looked at by the workers, and what follows from it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from service.cli.changing import change_ids
from service.cli.client import CommandError, Service
from service.cli.selecting import Row, Which
from service.cli.terminal import Progress
from service.cli.words import called, counted, told
from service.imports.words import Language

ASKED_EVERY_S: Final = 1.0
NO_WORKER_FOR_S: Final = 60.0
"""Then nobody is there to look, and whoever waits is told."""

MOST_FAILED: Final = 1000
"""Told one by one; an export has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which cameras, and what follows."""

    which: Which
    """Those."""
    place_pictures: bool
    """Whether a picture is taken to draw zones on."""
    take_substreams: bool
    """Whether substreams that are found are registered."""
    switch_on: bool
    """Whether those without a fault are watched from now on."""


def carry_out(service: Service, order: Order) -> tuple[str, dict[str, Any]]:
    """Probe, wait for the answers, and do what was wanted with them. Raises ``CommandError``."""
    selection = order.which.selection(service)
    asked = service.ask(
        "POST",
        "/api/probes",
        json={"selection": selection, "place_pictures": order.place_pictures},
    )
    if asked["skipped"]:
        service.say("probing_already", count=asked["skipped"])
    if asked["batch_id"] is None or not asked["asked"]:
        raise CommandError("none_to_probe")
    found = _followed(service, f"/api/probes/{asked['batch_id']}", order)
    machine = {name: found[name] for name in _SHOWN} | {"skipped": asked["skipped"]}
    if order.place_pictures:
        machine["place_pictures"] = found["pictures_made"]
        machine["place_pictures_refused"] = asked["place_pictures_refused"]
    since = datetime.fromisoformat(found["asked_at"])
    machine["failed"] = _failed(service, order, since) if found["faults"] else []
    if order.take_substreams:
        ids = [row["camera_id"] for row in _probed(service, order, since, substream="found")]
        machine["substreams_taken"] = change_ids(service, ids, {"use_found_substream": True})
    if order.switch_on:
        ids = [row["camera_id"] for row in _probed(service, order, since, probe="good")]
        machine["switched_on"] = change_ids(service, ids, {"enabled": True})
    return _text(machine, service.language), machine


_SHOWN: Final = (
    "batch_id", "total", "done", "good", "faults", "advice", "substreams_found", "expired",
    "cancelled",
)  # fmt: skip


def _failed(service: Service, order: Order, since: datetime) -> list[dict[str, Any]]:
    """Return the first cameras that failed: which, why, and what to do about it."""
    language = service.language
    rows = islice(_probed(service, order, since, probe="fault"), MOST_FAILED)
    return [
        {
            "camera_id": row["camera_id"],
            "gb_id": row["gb_id"],
            "name": row["name"],
            "code": (code := row["probe"]["fault"]),
            "what_to_do": called(language, "fault_advice", code)
            or called(language, "fault_advice", "unknown"),
        }
        for row in rows
    ]


def _followed(service: Service, path: str, order: Order) -> dict[str, Any]:
    progress = Progress(service.language, "probed")
    alone_since_s: float | None = None
    while True:
        found: dict[str, Any] = service.patiently("GET", path)
        open_ones = found["waiting"] + found["sent"]
        pictures = found["pictures_made"] if order.place_pictures else None
        progress.tell(found["total"] - open_ones, found["total"], pictures)
        if not open_ones:
            progress.end()
            return found
        now_s = time.monotonic()
        alone_since_s = (alone_since_s or now_s) if found.get("no_worker") else None
        if alone_since_s is not None and now_s - alone_since_s > NO_WORKER_FOR_S:
            raise CommandError("no_worker")
        time.sleep(ASKED_EVERY_S)


def _probed(service: Service, order: Order, since: datetime, **more: str) -> Iterable[Row]:
    """Yield the cameras whose probe, not an earlier one, came to what ``more`` says."""
    for row in order.which.rows(service, **more):
        probe = row["probe"]
        if probe is not None and datetime.fromisoformat(probe["finished_at"]) >= since:
            yield row


def _text(found: dict[str, Any], language: Language) -> str:
    done = {name: found[name] for name in ("done", "total", "good")}
    lines = [told(language, "probes", **done)]
    if found["expired"]:
        lines.append(told(language, "expired", count=found["expired"]))
    for title, kind in (("faults", "fault"), ("advice", "advice")):
        if counts := found[title]:
            lines.append(told(language, title))
            by_count = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
            lines += [
                f"  {counted(language, count, code, called(language, kind, code))}"
                for code, count in by_count
            ]
    lines += _failures(found, language)
    for name in ("place_pictures", "substreams_found", "substreams_taken", "switched_on"):
        if name in found:
            lines.append(told(language, name, count=found[name]))
    if found.get("place_pictures_refused"):
        lines.append(told(language, "pictures_refused", count=found["place_pictures_refused"]))
    return "\n".join(lines)


def _failures(found: dict[str, Any], language: Language) -> list[str]:
    """Return a line for each camera that failed, and how many more did."""
    lines = [
        told(
            language,
            "failed_camera",
            name=one["name"],
            gb_id=one["gb_id"] or one["camera_id"],
            why=called(language, "fault", one["code"]) or one["code"],
            todo=one["what_to_do"],
        )
        for one in found["failed"]
    ]
    more = sum(found["faults"].values()) - len(lines)
    if lines:
        lines.insert(0, told(language, "failed"))
    if more > 0:
        lines.append(told(language, "more_failed", more=more))
    return lines
