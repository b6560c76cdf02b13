"""Commands for whoever has this machine's shell, and so the database anyway."""

import argparse
import getpass
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, RowMapping

from pipelines.terminal import show
from service import openapi
from service.accounts import directory, passwords, store, tokens
from service.accounts.roles import PERMISSIONS, SCOPES, Role
from service.audit.log import record
from service.cameras import drills as drill_cameras
from service.database import Database, migrate
from service.errors import BadSettingError
from service.listening import say
from service.settings import ServiceSettings, sqlite_url
from service.text import Name

Command = Callable[[Sequence[str], Mapping[str, str]], int]

LONGEST_TOKEN_DAYS: Final = 366

_NAME: Final = TypeAdapter[str](Name)


def accounts(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """``accounts reset LOGIN`` and ``accounts token LOGIN --scope status.read --days 30``."""
    parser = argparse.ArgumentParser(prog="fengsui accounts", description=accounts.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    reset = commands.add_parser(
        "reset", help="print a new one-time password, and unlock; or unbind from an identity"
    )
    reset.add_argument("--enable", action="store_true", help="also enable one that is disabled")
    token = commands.add_parser("token", help="print a new API token")
    for one in (reset, token):
        one.add_argument("login")
        _add_database(one, environment)
    token.add_argument("--scope", action="append", choices=sorted(SCOPES), required=True)
    token.add_argument("--days", type=int, default=30, help="how long it lasts (30)")
    token.add_argument("--name", default="host", help="what it is called")
    given = parser.parse_args(arguments)
    _require_there(given.database)
    with _database(given.database) as database:
        if given.command == "reset":
            _reset(database, given.login, enable=given.enable)
        else:
            _make_token(database, given)
    return 0


def drills(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """``drills``: put the drill cameras of standard input (JSON) into the registry."""
    parser = argparse.ArgumentParser(prog="python -m service drills", description=drills.__doc__)
    _add_database(parser, environment)
    given = parser.parse_args(arguments)
    found = msgspec.json.decode(sys.stdin.buffer.read(), type=list[drill_cameras.DrillCamera])
    with _database(given.database) as database, database.writing() as connection:
        drill_cameras.register(connection, found, datetime.now(UTC))
    return 0


def describe(arguments: Sequence[str], _environment: Mapping[str, str]) -> int:
    """``openapi``: print the API's description."""
    argparse.ArgumentParser(prog="fengsui openapi", description=describe.__doc__).parse_args(
        arguments
    )
    from service.app import create_app  # noqa: PLC0415 - slow, and the others do without

    with TemporaryDirectory() as folder:
        # Nothing of it is started: neither Redis nor anybody's database is touched.
        settings = ServiceSettings(
            redis_url="redis://127.0.0.1:1/0",
            database_url=sqlite_url(Path(folder) / "empty.db"),
            evidence=str(Path(folder) / "evidence"),
        )
        show(openapi.text(create_app(settings)).rstrip("\n"))
    return 0


COMMANDS: Final[Mapping[str, Command]] = {
    "accounts": accounts,
    "drills": drills,
    "openapi": describe,
}


def _reset(database: Database, login: str, *, enable: bool) -> None:
    password = passwords.one_time()
    password_hash = passwords.hashed(password)
    with database.writing() as connection:
        account = _existing(connection, login)
        if enable and account["disabled_at"] is not None:
            store.enable(connection, account["account_id"])
            _note(connection, account, "account.enabled", {"disabled": {"old": True, "new": False}})
        elif not enable:
            _require_enabled(account)
        if account["password_hash"] is None:
            detail = directory.free(connection, account["account_id"])
            _note(connection, account, "account.unbound", detail)
            said = {"event": "unbound", "login": login}
        else:
            detail = directory.reset(connection, account["account_id"], login, password_hash)
            _note(connection, account, "account.password_reset", detail)
            said = {"event": "reset", "login": login, "one_time_password": password}
    say(said)


def _make_token(database: Database, given: argparse.Namespace) -> None:
    if not 1 <= given.days <= LONGEST_TOKEN_DAYS:
        raise BadSettingError(f"--days goes from 1 to {LONGEST_TOKEN_DAYS}")
    name = _name(given.name)
    with database.writing() as connection:
        account = _existing(connection, given.login)
        _require_enabled(account)
        _require_own_password(account)
        beyond = set(given.scope) - PERMISSIONS[Role(account["role"])]
        if beyond:
            raise BadSettingError(
                f"the role {account['role']} doesn't hold {', '.join(sorted(beyond))}: leave it out"
            )
        _, secret = tokens.create(
            connection,
            account_id=account["account_id"],
            name=name,
            scopes=given.scope,
            lasts=timedelta(days=given.days),
        )
        _note(connection, account, "token.created", {"name": name, "scopes": given.scope})
    say({"event": "token", "login": given.login, "token": secret})


def _existing(connection: Connection, login: str) -> RowMapping:
    account = store.by_login(connection, login)
    if account is None:
        raise BadSettingError(f"there is no account {login!r}: check the login and --database")
    return account


def _require_enabled(account: RowMapping) -> None:
    if account["disabled_at"] is not None:
        login = account["login"]
        raise BadSettingError(
            f"{login} is disabled: an administrator can enable it again, or accounts reset {login} "
            "--enable"
        )


def _require_own_password(account: RowMapping) -> None:
    if account["password_once"]:  # nothing would let the token in
        raise BadSettingError(
            f"{account['login']} has only a one-time password: log in with it at the console, "
            "choose a password, and make the token then"
        )


def _name(text: str) -> str:
    try:
        return _NAME.validate_python(text)
    except ValidationError as error:
        raise BadSettingError(f"--name can't be taken: {error.errors()[0]['msg']}") from None


def _require_there(address: str) -> None:
    """Raise ``BadSettingError`` for a SQLite file that isn't: opening would make an empty one."""
    try:
        url = sa.make_url(_url(address))
    except sa.exc.ArgumentError:
        return  # whoever opens it says so
    file = url.database or ""
    if url.get_backend_name() == "sqlite" and not url.query and not Path(file).is_file():
        raise BadSettingError(f"there is no database {file!r}: check --database")


def _note(
    connection: Connection, account: RowMapping, action: str, detail: Mapping[str, object]
) -> None:
    record(
        connection,
        actor=f"host:{getpass.getuser()}",
        action=action,
        object_kind="account",
        object_id=str(account["account_id"]),
        place_code=store.home_of(connection, account["account_id"]),
        detail=detail,
    )


def _add_database(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    parser.add_argument(
        "--database",
        default=environment.get("FENGSUI_DATABASE", "fengsui.db"),
        help="SQLite file, or SQLAlchemy URL",
    )


@contextmanager
def _database(address: str) -> Iterator[Database]:
    database = Database(_url(address))
    try:
        migrate(database.engine)
        yield database
    finally:
        database.close()


def _url(address: str) -> str:
    return address if "://" in address else sqlite_url(Path(address))
