"""``fengsui cameras template|import|export|probe|switch``: estates by the command line."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from service.cli import importing, probing
from service.cli.changing import switch
from service.cli.client import SERVICE, TOKEN, CommandError
from service.cli.files import whole_file
from service.cli.given import (
    DEFAULTS,
    FILTERS,
    add_filters,
    add_which,
    defaults_of,
    filters_of,
    require_ending,
    require_other,
    which_of,
)
from service.cli.offline import dry_run
from service.cli.running import Found, add_common, add_speech, run, service_of
from service.cli.words import told
from service.imports import sheets
from service.imports.known import Defaults
from service.imports.rows import Source

READS: Final = ("camera.read",)
CHANGES: Final = ("camera.read", "camera.write")
"""The scopes of a token for it."""


def main(words: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Run the command; returns 0 done, 1 it can't go on, 2 wrong arguments."""
    return run(_parser(), words, environment)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fengsui cameras",
        description="Register an estate: files of cameras in and out, and looks at their streams.",
        epilog=f"The token of whoever asks goes into {TOKEN}, with the scopes camera.read"
        " and camera.write. Exit codes: 0 done (an import: whatever was found), 1 it can't go on, 2"
        " wrong arguments.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_template(commands.add_parser("template", help="an empty file to fill in, for import"))
    _add_import(commands.add_parser("import", help="check a file of cameras, and register them"))
    _add_export(commands.add_parser("export", help="the registry as a file, without logins"))
    _add_probe(commands.add_parser("probe", help="look at streams: reachable, good, substream"))
    _add_switch(commands.add_parser("switch", help="watch cameras, or watch them no more"))
    return parser


def _add_template(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="FILE.csv|FILE.xlsx")
    add_speech(parser)
    parser.set_defaults(run=_template)


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
    add_common(parser)
    parser.set_defaults(run=_import)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT.csv|OUT.xlsx")
    add_filters(parser)
    add_common(parser)
    parser.set_defaults(run=_export)


def _add_probe(parser: argparse.ArgumentParser) -> None:
    add_which(parser)
    parser.add_argument(
        "--place-pictures", action="store_true", help="also a picture to draw zones on"
    )
    parser.add_argument(
        "--take-substreams", action="store_true", help="register the substreams that are found"
    )
    parser.add_argument(
        "--switch-on",
        action="store_true",
        help="watch those whose probe found no fault, also such as somebody had switched off",
    )
    add_common(parser)
    parser.set_defaults(run=_probe)


def _add_switch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("to", choices=["on", "off"])
    add_which(parser)
    parser.add_argument(
        "--probe",
        choices=FILTERS["probe"].choices,
        help="only those whose last probe came to that",
    )
    add_common(parser)
    parser.set_defaults(run=_switch)


def _import(given: argparse.Namespace, environment: Mapping[str, str]) -> Found | int:
    require_ending(given.annotated)
    require_other(given.file, given.annotated)
    defaults = defaults_of(given)
    if given.dry_run and not (given.service or environment.get(SERVICE)):
        return dry_run(
            given.file,
            source=Source(given.source),
            defaults=Defaults(**defaults, watch=given.watch),
            as_json=given.json,
            annotated=given.annotated,
            language=given.language,
        )
    order = importing.Order(
        file=given.file,
        source=given.source,
        watch=given.watch,
        defaults=defaults,
        commit=not given.dry_run,
        annotated=given.annotated,
        language=given.language,
    )
    with service_of(given, environment, CHANGES) as service:
        return importing.carry_out(service, order)


def _template(given: argparse.Namespace, _environment: Mapping[str, str]) -> Found:
    require_ending(given.out)
    if given.out.exists():  # perhaps with cameras in it
        raise CommandError("there_already", file=given.out)
    is_csv = given.out.suffix.lower() == ".csv"
    write = sheets.template_csv if is_csv else sheets.template_xlsx
    with whole_file(given.out) as file:
        written = file.write(write(given.language))
    machine = {"file": str(given.out), "bytes": written}
    return told(given.language, "template", file=given.out), machine


def _export(given: argparse.Namespace, environment: Mapping[str, str]) -> Found:
    require_ending(given.out)
    with service_of(given, environment, READS) as service:
        written = service.download(
            f"/api/cameras/export{given.out.suffix.lower()}",
            {**filters_of(given), "language": given.language.value},
            given.out,
        )
    machine = {"file": str(given.out), "bytes": written}
    return told(given.language, "written", **machine), machine


def _probe(given: argparse.Namespace, environment: Mapping[str, str]) -> Found:
    order = probing.Order(
        which=which_of(given),
        place_pictures=given.place_pictures,
        take_substreams=given.take_substreams,
        switch_on=given.switch_on,
    )
    with service_of(given, environment, CHANGES) as service:
        return probing.carry_out(service, order)


def _switch(given: argparse.Namespace, environment: Mapping[str, str]) -> Found:
    which = which_of(given)
    with service_of(given, environment, CHANGES) as service:
        return switch(service, which, on=given.to == "on")
