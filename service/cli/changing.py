"""Many cameras changed alike; ``fengsui cameras switch`` among it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from service.cli.client import Service
from service.cli.selecting import PAGE, Row, Which
from service.cli.words import called, told
from service.imports.words import Language, said


@dataclass(slots=True, kw_only=True)
class Changed:
    """What came of it."""

    changed: int = 0
    unchanged: int = 0
    refused: int = 0


def switch(service: Service, which: Which, *, on: bool) -> tuple[str, dict[str, Any]]:
    """Switch the analysis of cameras on or off. Raises ``CommandError``."""
    done = Changed()
    change(service, which.selection(service), {"enabled": on}, done)
    name = "switched_on" if on else "switched_off"
    machine = {name: done.changed, "unchanged": done.unchanged, "refused": done.refused}
    lines = [told(service.language, name, count=done.changed)]
    if done.unchanged:
        lines.append(told(service.language, "as_before", count=done.unchanged))
    if done.refused:
        lines.append(told(service.language, "refusals", count=done.refused))
    return "\n".join(lines), machine


def change_ids(service: Service, ids: list[str], patch: Mapping[str, Any]) -> int:
    """Change these cameras alike; returns how many. What is refused is told."""
    done = Changed()
    for some in _pieces(ids):
        change(service, {"camera_ids": some}, patch, done)
    return done.changed


def change(
    service: Service, selection: Mapping[str, Any], patch: Mapping[str, Any], done: Changed
) -> None:
    """Change the cameras of a selection alike, and count them. What is refused is told."""
    body = {"selection": selection, "patch": patch, "dry_run": False}
    after: str | None = None
    while True:
        found = service.patiently("POST", "/api/cameras/bulk", json=body | {"after": after})
        done.changed += found["changed"]
        done.unchanged += found["unchanged"]
        done.refused += len(found["refused"])
        for one in found["refused"]:
            why = _why(service.language, one)
            service.say("unchanged", name=one["name"], camera_id=one["camera_id"], why=why)
        after = found["next"]
        if after is None:
            return


def _pieces(ids: list[str]) -> Iterable[list[str]]:
    return (ids[at : at + PAGE] for at in range(0, len(ids), PAGE))


def _why(language: Language, refused: Row) -> str:
    """Return why a camera stays as it is."""
    code = refused["code"]
    words = called(language, "problem", code) or said(code, refused["params"], language)
    return str(refused["message"]) if words == code or language is Language.EN else words
