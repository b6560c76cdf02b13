"""How every command of this client runs: one language, one answer, one exit code."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.secrets import redact
from service.cli.client import (
    CANT,
    DEFAULT_SERVICE,
    DONE,
    INTERRUPTED,
    SERVICE,
    TOKEN,
    CommandError,
    Service,
)
from service.cli.given import WrongError
from service.cli.terminal import say
from service.cli.words import language_of, told, unread
from service.imports.words import Language

Found = tuple[str, dict[str, Any]]
"""What a person reads, and what a script does."""


def run(
    parser: argparse.ArgumentParser,
    words: Sequence[str],
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run a command; returns 0 done, 1 it can't go on, 2 wrong arguments."""
    environment = os.environ if environment is None else environment
    given = parser.parse_args(words)
    given.language = Language(given.language) if given.language else language_of(environment)
    try:
        found = given.run(given, environment)
    except WrongError as error:
        parser.error(str(error))
    except CommandError as error:
        return _fail(error.told(given.language), error.exits, as_json=given.json)
    except OSError as error:
        return _fail(unread(given.language, error), CANT, as_json=given.json)
    except KeyboardInterrupt:
        say(f"\nfengsui: {told(given.language, 'interrupted')}")
        return INTERRUPTED
    if isinstance(found, int):
        return found
    text, machine = found
    problem = machine.get("problem")
    if problem is not None:
        say(f"fengsui: {redact(problem['message'])}")
    sys.stdout.write(f"{json.dumps(machine, ensure_ascii=False) if given.json else text}\n")
    return DONE if problem is None else CANT


def add_common(parser: argparse.ArgumentParser) -> None:
    """Let be said which service is asked, and how it is spoken."""
    parser.add_argument(
        "--service",
        metavar="URL",
        help=f"or {SERVICE} (default: {DEFAULT_SERVICE})",
    )
    add_speech(parser)


def add_speech(parser: argparse.ArgumentParser) -> None:
    """Let be said how it is spoken."""
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    parser.add_argument(
        "--language",
        choices=[one.value for one in Language],
        help="of all that is said, and of titles in files (default: zh where LC_ALL, LC_MESSAGES "
        "or LANG says so, else en)",
    )


def service_of(given: argparse.Namespace, environment: Mapping[str, str]) -> Service:
    """Return the service that is asked. Raises ``CommandError``."""
    url = given.service or environment.get(SERVICE) or DEFAULT_SERVICE
    return Service(url, environment.get(TOKEN, "").strip(), given.language)


def _fail(said: str, exits: int, *, as_json: bool) -> int:
    said = redact(said)
    say(f"fengsui: {said}")
    if as_json:
        sys.stdout.write(f"{json.dumps({'problem': {'message': said}}, ensure_ascii=False)}\n")
    return exits
