"""``fengsui cameras probe``: streams looked at by the workers, and what follows from it."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from service.cli.client import CommandError, Service
from service.cli.terminal import Progress, say

ASKED_EVERY_S: Final = 1.0
NO_WORKER_FOR_S: Final = 60.0
"""Then nobody is there to look, and whoever waits is told."""

PAGE: Final = 500

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which cameras, and what follows."""

    gb_ids: tuple[str, ...]
    """These, by their ids."""
    place: str | None
    """Or those there and below."""
    import_id: str | None
    """Or those of a file; without any of the three, all."""
    place_pictures: bool
    """Whether a picture is taken to draw zones on."""
    take_substreams: bool
    """Whether substreams that are found are registered."""
    switch_on: bool
    """Whether those without a fault are watched from now on."""

    def queries(self) -> list[dict[str, str]]:
        """Return what lists the cameras that are meant."""
        if self.gb_ids:
            return [{"q": one} for one in self.gb_ids]
        wanted = {"place": self.place, "import_id": self.import_id}
        return [{name: value for name, value in wanted.items() if value is not None}]


def carry_out(service: Service, order: Order) -> tuple[str, dict[str, Any]]:
    """Probe, wait for the answers, and do what was wanted with them. Raises ``CommandError``."""
    asked = service.ask(
        "POST",
        "/api/probes",
        json={"selection": _selection(service, order), "place_pictures": order.place_pictures},
    )
    if asked["skipped"]:
        say(f"{asked['skipped']} are being probed already, and are left out")
    if asked["batch_id"] is None or not asked["asked"]:
        raise CommandError("no camera to probe: check which were meant, or wait for the others")
    found = _followed(service, f"/api/probes/{asked['batch_id']}")
    machine = {name: found[name] for name in _SHOWN} | {"skipped": asked["skipped"]}
    since = datetime.fromisoformat(found["asked_at"])
    if order.take_substreams:
        ids = _ids(service, order, since, {"substream": "found"})
        machine["substreams_taken"] = _changed(service, ids, {"use_found_substream": True})
    if order.switch_on:
        ids = _ids(service, order, since, {"probe": "good"})
        machine["switched_on"] = _changed(service, ids, {"enabled": True})
    return _text(machine), machine


_SHOWN: Final = (
    "batch_id", "total", "done", "good", "faults", "advice", "substreams_found", "expired",
    "cancelled",
)  # fmt: skip


def _selection(service: Service, order: Order) -> dict[str, Any]:
    if not order.gb_ids:
        return {"filter": order.queries()[0]}
    ids = []
    for gb_id in order.gb_ids:
        rows = [row for row in _rows(service, {"q": gb_id}) if row["gb_id"] == gb_id]
        if not rows:
            raise CommandError(f"no camera has the GB/T 28181 id {gb_id}: is it registered?")
        ids += [row["camera_id"] for row in rows]
    return {"camera_ids": ids}


def _followed(service: Service, path: str) -> dict[str, Any]:
    progress = Progress("probed")
    alone_since_s: float | None = None
    while True:
        found: dict[str, Any] = service.patiently("GET", path)
        open_ones = found["waiting"] + found["sent"]
        progress.tell(found["total"] - open_ones, found["total"])
        if not open_ones:
            progress.end()
            return found
        now_s = time.monotonic()
        alone_since_s = (alone_since_s or now_s) if found.get("no_worker") else None
        if alone_since_s is not None and now_s - alone_since_s > NO_WORKER_FOR_S:
            raise CommandError(
                "no worker lives, and workers do the looking: start one (fengsui worker); the "
                "probes wait for it"
            )
        time.sleep(ASKED_EVERY_S)


def _ids(service: Service, order: Order, since: datetime, more: dict[str, str]) -> list[str]:
    """Return the cameras whose probe, not an earlier one, came to what ``more`` says."""
    return [
        row["camera_id"]
        for query in order.queries()
        for row in _rows(service, query | more)
        if row["probe"] is not None and datetime.fromisoformat(row["probe"]["finished_at"]) >= since
    ]


def _rows(service: Service, query: dict[str, str]) -> Iterator[Row]:
    offset = 0
    while True:
        params = query | {"limit": str(PAGE), "offset": str(offset), "sort": "gb_id"}
        page = service.patiently("GET", "/api/cameras", params=params)
        yield from page["cameras"]
        offset += PAGE
        if offset >= page["total"]:
            return


def _changed(service: Service, ids: list[str], patch: dict[str, Any]) -> int:
    """Change these cameras alike; returns how many. What is refused is told."""
    changed = 0
    for some in _pieces(ids):
        body = {"selection": {"camera_ids": some}, "patch": patch, "dry_run": False}
        after: str | None = None
        while True:
            found = service.patiently("POST", "/api/cameras/bulk", json=body | {"after": after})
            changed += found["changed"]
            for one in found["refused"]:
                say(f"{one['name']} ({one['camera_id']}): {one['message']}")
            after = found["next"]
            if after is None:
                break
    return changed


def _pieces(ids: list[str]) -> Iterable[list[str]]:
    return (ids[at : at + PAGE] for at in range(0, len(ids), PAGE))


def _text(found: dict[str, Any]) -> str:
    lines = [f"{found['done']} of {found['total']} probed, {found['good']} good"]
    if found["expired"]:
        lines.append(f"{found['expired']} without an answer: ask again")
    for title, counts in (("faults", found["faults"]), ("advice", found["advice"])):
        if counts:
            lines.append(f"{title}:")
            by_count = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
            lines += [f"  {count:>6}  {code}" for code, count in by_count]
    lines.append(f"{found['substreams_found']} substreams found")
    if "substreams_taken" in found:
        lines.append(f"{found['substreams_taken']} substreams registered")
    if "switched_on" in found:
        lines.append(f"{found['switched_on']} cameras switched on")
    return "\n".join(lines)
