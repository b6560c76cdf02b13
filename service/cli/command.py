"""``fengsui cameras import|export|probe``: estates by the command line, for scripts."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, NoReturn
from uuid import UUID

from pipelines.secrets import redact
from service.cli import importing, probing
from service.cli.client import DEFAULT_SERVICE, SERVICE, TOKEN, CommandError, Service
from service.cli.offline import dry_run
from service.cli.terminal import say
from service.imports.known import Defaults
from service.imports.rows import Source
from service.imports.words import Language

DONE, CANT, WRONG, INTERRUPTED = 0, 1, 2, 130

DEFAULTS: Final = tuple(one.name for one in fields(Defaults) if one.name != "watch")
"""What ``--default`` may say. Kind of place and sign stand in each row."""

FILTERS: Final = {
    "q": "part of the name or of the GB/T 28181 id",
    "place": "code of a place: there and below",
    "programme": "xueliang, tianwang or other",
    "state": "watching, connecting, fault, unwatched or disabled",
    "place_type": "kind of place",
    "upstream": "the platform or switch, exactly",
    "hazard": "one that is looked for",
    "fault": "a fault's code",
    "probe": "never, good, fault or advice",
    "substream": "yes, no or found",
    "zones": "yes or no",
    "import_id": "cameras of that import",
}
"""The list's, with what each says."""


class _WrongError(Exception):
    """Arguments that don't go together."""


def main(words: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Run the command; returns 0 done, 1 it can't go on, 2 wrong arguments."""
    environment = os.environ if environment is None else environment
    parser = _parser()
    given = parser.parse_args(words)
    try:
        found = given.run(given, environment)
    except _WrongError as error:
        parser.error(str(error))
    except CommandError as error:
        return _fail(str(error), as_json=given.json)
    except OSError as error:
        said = f"{error.filename or 'a file'}: {error.strerror or error}"
        return _fail(said, as_json=given.json)
    except KeyboardInterrupt:
        say("\nfengsui: interrupted; what was begun goes on in the service")
        return INTERRUPTED
    if isinstance(found, int):
        return found
    text, machine = found
    sys.stdout.write(f"{json.dumps(machine, ensure_ascii=False) if given.json else text}\n")
    return DONE


def _fail(said: str, *, as_json: bool) -> int:
    said = redact(said)
    say(f"fengsui: {said}")
    if as_json:
        sys.stdout.write(f"{json.dumps({'problem': {'message': said}}, ensure_ascii=False)}\n")
    return CANT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fengsui cameras",
        description="Register an estate: files of cameras in and out, and looks at their streams.",
        epilog=f"The token of whoever asks goes into {TOKEN}, with the scopes camera.read"
        " and camera.write. Exit codes: 0 done (an import: whatever was found), 1 it can't go on, 2"
        " wrong arguments.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_import(commands.add_parser("import", help="check a file of cameras, and register them"))
    _add_export(commands.add_parser("export", help="the registry as a file, without logins"))
    _add_probe(commands.add_parser("probe", help="look at streams: reachable, good, substream"))
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--service",
        metavar="URL",
        help=f"or {SERVICE} (default: {DEFAULT_SERVICE})",
    )
    parser.add_argument("--json", action="store_true", help="one object on stdout")


def _add_language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--language", choices=[one.value for one in Language], default=Language.ZH.value,
        help="of reasons and titles (default: %(default)s)",
    )  # fmt: skip


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV, XLSX, or an export of WVP")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help=f"only check; without --service and {SERVICE} the file alone, here",
    )
    parser.add_argument("--source", choices=[one.value for one in Source], default="auto")
    parser.add_argument(
        "--coordinate-system", metavar="SYSTEM", help="wgs84, gcj02 or bd09, where no row says it"
    )
    parser.add_argument(
        "--default",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"where no row says it; of {', '.join(DEFAULTS)}",
    )
    parser.add_argument(
        "--watch", action="store_true", help="watch cameras at once, unless their row says no"
    )
    parser.add_argument(
        "--annotated", type=Path, metavar="OUT.csv|OUT.xlsx", help="a copy with what is wrong"
    )
    _add_language(parser)
    _add_common(parser)
    parser.set_defaults(run=_import)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv|OUT.xlsx")
    for name, text in FILTERS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=name.upper(), help=text)
    _add_language(parser)
    _add_common(parser)
    parser.set_defaults(run=_export)


def _add_probe(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--all", action="store_true", help="every camera of the account")
    which.add_argument("--gb-id", action="append", metavar="ID", help="this one; may be repeated")
    which.add_argument("--place", metavar="CODE", help="those there and below")
    which.add_argument("--import", dest="import_id", type=UUID, metavar="ID", help="of that file")
    parser.add_argument(
        "--place-pictures", action="store_true", help="also a picture to draw zones on"
    )
    parser.add_argument(
        "--take-substreams", action="store_true", help="register the substreams that are found"
    )
    parser.add_argument(
        "--switch-on", action="store_true", help="watch those whose probe found no fault"
    )
    _add_common(parser)
    parser.set_defaults(run=_probe)


Found = tuple[str, dict[str, Any]]


def _import(given: argparse.Namespace, environment: Mapping[str, str]) -> Found | int:
    _require_ending(given.annotated)
    defaults = _defaults(given)
    if given.dry_run and not (given.service or environment.get(SERVICE)):
        return dry_run(
            given.file,
            source=Source(given.source),
            defaults=Defaults(**defaults, watch=given.watch),
            as_json=given.json,
            annotated=given.annotated,
            language=Language(given.language),
        )
    order = importing.Order(
        file=given.file,
        source=given.source,
        watch=given.watch,
        defaults=defaults,
        commit=not given.dry_run,
        annotated=given.annotated,
        language=Language(given.language),
    )
    with _service(given, environment) as service:
        return importing.carry_out(service, order)


def _export(given: argparse.Namespace, environment: Mapping[str, str]) -> Found:
    _require_ending(given.out)
    wanted = {name: getattr(given, name) for name in FILTERS}
    params = {name: value for name, value in wanted.items() if value is not None}
    with _service(given, environment) as service:
        written = service.download(
            f"/api/cameras/export{given.out.suffix.lower()}",
            {**params, "language": given.language},
            given.out,
        )
    return f"{given.out}: {written} bytes", {"file": str(given.out), "bytes": written}


def _probe(given: argparse.Namespace, environment: Mapping[str, str]) -> Found:
    order = probing.Order(
        gb_ids=tuple(given.gb_id or ()),
        place=given.place,
        import_id=given.import_id and str(given.import_id),
        place_pictures=given.place_pictures,
        take_substreams=given.take_substreams,
        switch_on=given.switch_on,
    )
    with _service(given, environment) as service:
        return probing.carry_out(service, order)


def _service(given: argparse.Namespace, environment: Mapping[str, str]) -> Service:
    url = given.service or environment.get(SERVICE) or DEFAULT_SERVICE
    return Service(url, environment.get(TOKEN, "").strip())


def _defaults(given: argparse.Namespace) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given.default:
        name, is_said, value = one.partition("=")
        if name not in DEFAULTS or not is_said or not value.strip():
            _wrong(f"--default {one}: give NAME=VALUE, of {', '.join(DEFAULTS)}")
        found[name] = value.strip()
    if given.coordinate_system:
        found["coordinate_system"] = given.coordinate_system
    return found


def _require_ending(path: Path | None) -> None:
    if path is not None and path.suffix.lower() not in {".csv", ".xlsx"}:
        _wrong(f"{path}: the name of a file to be written ends in .csv or .xlsx")


def _wrong(text: str) -> NoReturn:
    raise _WrongError(text)
