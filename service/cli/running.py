"""How every command of this client runs: one language, one answer, one exit code."""

import argparse
import json
import os
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
    WORKS,
    WRONG,
    AddressError,
    CommandError,
    Patience,
    Service,
)
from service.cli.given import WrongError
from service.cli.terminal import answer, say
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
        return _fail(error.told(given.language), error.exits, given)
    except OSError as error:
        return _fail(unread(given.language, error), CANT, given)
    except KeyboardInterrupt:
        say(f"\nfengsui: {told(given.language, 'interrupted')}")
        return INTERRUPTED
    if isinstance(found, int):
        return found
    text, machine = found
    problem = machine.get("problem")
    if problem is not None:
        say(f"fengsui: {redact(problem['message'])}")
    exits = DONE if problem is None else CANT
    shown = json.dumps(machine, ensure_ascii=False) if given.json else text
    return answer(shown, exits, given.language)


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


def service_of(
    given: argparse.Namespace,
    environment: Mapping[str, str],
    scopes: Sequence[str],
    patience: Patience = WORKS,
) -> Service:
    """Return the service that is asked, by a token with these scopes. Raises ``CommandError``."""
    url = environment.get(SERVICE) or DEFAULT_SERVICE if given.service is None else given.service
    token = environment.get(TOKEN, "").strip()
    try:
        return Service(url, token, given.language, scopes=scopes, patience=patience)
    except AddressError as error:
        if given.service is not None:
            error.exits = WRONG
        raise


def _fail(said: str, exits: int, given: argparse.Namespace) -> int:
    said = redact(said)
    say(f"fengsui: {said}")
    if not given.json:
        return exits
    machine = {"problem": {"message": said}}
    return answer(json.dumps(machine, ensure_ascii=False), exits, given.language)
