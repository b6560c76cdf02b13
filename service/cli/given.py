"""Arguments held to what they may say, before anything is sent or written."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, NoReturn
from uuid import UUID

from service.cameras.models import Programme, State
from service.cameras.place_types import PlaceType
from service.cli.selecting import Which
from service.cli.words import CONSOLES
from service.imports.defaults import require_possible
from service.imports.errors import DefaultRefusedError
from service.imports.known import Defaults, NothingKnown
from service.imports.values import coordinate_system_of, programme_of
from vision.hazards import Hazard

DEFAULTS: Final = tuple(one.name for one in fields(Defaults) if one.name != "watch")
"""What ``--default`` may say. Kind of place and sign stand in each row."""

_FAULTS: Final = tuple(CONSOLES["fault"])
_PROBES: Final = ("never", "good", "fault", "advice")


class WrongError(Exception):
    """Arguments that don't go together, or say what nothing could mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One of the list's filters, as an argument."""

    help: str
    """What it says."""
    choices: tuple[str, ...] | None = None
    """All that it may say; none if it's a text."""


FILTERS: Final[Mapping[str, Filter]] = {
    "q": Filter(help="part of the name or of the GB/T 28181 id"),
    "place": Filter(help="code of a place: there and below"),
    "programme": Filter(help="xueliang, tianwang or other", choices=tuple(Programme)),
    "state": Filter(
        help="watching, connecting, fault, unwatched or disabled", choices=tuple(State)
    ),
    "place_type": Filter(help="kind of place", choices=tuple(PlaceType)),
    "upstream": Filter(help="the platform or switch, exactly"),
    "hazard": Filter(help="one that is looked for", choices=tuple(Hazard)),
    "fault": Filter(help="code of a fault that is there now", choices=_FAULTS),
    "probe": Filter(help="of the last: never, good, fault or advice", choices=_PROBES),
    "probe_fault": Filter(help="code of a fault that the last probe found", choices=_FAULTS),
    "substream": Filter(help="yes, no or found", choices=("yes", "no", "found")),
    "zones": Filter(help="yes or no", choices=("yes", "no")),
    "import_id": Filter(help="cameras of that import"),
}
"""The list's."""


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Let the list's filters be given."""
    for name, one in FILTERS.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            metavar=name.upper(),
            help=one.help,
            choices=one.choices and [str(choice) for choice in one.choices],
            type=UUID if name == "import_id" else str,
        )


def filters_of(given: argparse.Namespace) -> dict[str, str]:
    """Return the list's filters that are given."""
    wanted = {name: getattr(given, name) for name in FILTERS}
    return {name: str(value) for name, value in wanted.items() if value is not None}


def add_which(parser: argparse.ArgumentParser) -> None:
    """Let it be said which cameras a command is about."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="every camera of the account")
    which.add_argument("--gb-id", action="append", metavar="ID", help="this one; may be repeated")
    which.add_argument("--place", metavar="CODE", help="those there and below")
    which.add_argument("--import", dest="import_id", type=UUID, metavar="ID", help="of that file")
    parser.add_argument(
        "--only-changed",
        action="store_true",
        help="with --import: only cameras whose rows were new or changed something",
    )


def which_of(given: argparse.Namespace) -> Which:
    """Return which cameras are meant. Raises ``WrongError``."""
    if given.only_changed and not given.import_id:
        _wrong("--only-changed goes with --import ID alone")
    return Which(
        gb_ids=tuple(dict.fromkeys(given.gb_id or ())),
        place=given.place,
        import_id=given.import_id and str(given.import_id),
        import_changed=given.only_changed,
        probe=getattr(given, "probe", None),
    )


def defaults_of(given: argparse.Namespace) -> dict[str, str]:
    """Return what counts where no row says it, as the API takes it. Raises ``WrongError``."""
    found: dict[str, str] = {}
    for one in given.default:
        name, is_said, value = one.partition("=")
        if name not in DEFAULTS or not is_said or not value.strip():
            _wrong(f"--default {one}: give NAME=VALUE, of {', '.join(DEFAULTS)}")
        found[name] = value.strip()
    if given.coordinate_system:
        found["coordinate_system"] = given.coordinate_system
    try:
        require_possible(Defaults(**found, watch=False), NothingKnown())
    except DefaultRefusedError as error:
        _wrong(str(error))
    for name, parse in (("programme", programme_of), ("coordinate_system", coordinate_system_of)):
        if name in found:
            found[name] = parse(found[name])
    return found


def require_ending(path: Path | None) -> None:
    """Raise ``WrongError`` for a file that is written and has another ending than these."""
    if path is not None and path.suffix.lower() not in {".csv", ".xlsx"}:
        _wrong(f"{path}: the name of a file to be written ends in .csv or .xlsx")


def require_other(file: Path, annotated: Path | None) -> None:
    """Raise ``WrongError`` for a copy that would replace its own original."""
    if annotated is None:
        return
    try:
        is_same = annotated.samefile(file)
    except OSError:
        is_same = annotated.absolute() == file.absolute()
    if is_same:
        _wrong(
            f"--annotated {annotated}: that is the file itself, whose passwords the copy lacks: "
            "give another name"
        )


def _wrong(text: str) -> NoReturn:
    raise WrongError(text)
