"""The database: how it's opened, how its transactions begin, how it's brought up to date."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, event

from service.errors import DatabaseUnusableError

BUSY_TIMEOUT_MS = 5000
"""Readers never wait; one writer waits this long for another."""

FORGOTTEN_TRANSACTION_MS = 60_000
"""PostgreSQL ends a transaction whose client has said nothing for this long: a frozen machine must
not keep the writers of all others out."""

CONNECT_LIMIT_S = 5
"""PostgreSQL's host may be gone without an answer."""

WRITERS_LOCK = 0x66656E67
"""PostgreSQL's advisory lock that lets writers through one at a time."""

_WRITES = "fengsui_writes"

_READS: Final[Mapping[str, Mapping[str, Any]]] = {
    "sqlite": {},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
_CHANGES: Final[Mapping[str, Mapping[str, Any]]] = {
    "sqlite": {_WRITES: True},
    # Each statement sees what is committed: the first of them waits for the lock, and what the
    # writer before it did must be seen after that.
    "postgresql": {"isolation_level": "READ COMMITTED"},
}


class Database:
    """One engine, and two kinds of transaction."""

    def __init__(self, url: str) -> None:
        """Raise ``DatabaseUnusableError`` for an address that no engine can be made of."""
        self.engine = _engine(url)
        self._turns = _Turns()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that sees one state of the database throughout."""
        with self._connected(_READS) as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the only writing transaction there is at this moment.

        One at a time, also on PostgreSQL: two merges of one place must see each other, and feed
        ids must become visible in their order, or a client's cursor would skip some.
        """
        with self._turns.mine(), self._connected(_CHANGES) as connection, connection.begin():
            _take_writers_lock(connection)
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _connected(self, options: Mapping[str, Mapping[str, Any]]) -> Connection:
        return self.engine.connect().execution_options(**options[self.engine.dialect.name])


class _Turns:
    """Lets the writers of this process through in the order in which they came.

    SQLite lets through whoever asks at the right moment: beside a thread that writes all the time
    the others were refused after five seconds, the operators' decisions among them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for one's turn, as long as the database would be waited for; then go ahead."""
        turn = threading.Event()
        with self._lock:
            self._waiting.append(turn)
            self._waiting[0].set()
        try:
            turn.wait(BUSY_TIMEOUT_MS / 1000)
            yield
        finally:
            with self._lock:
                self._waiting.remove(turn)
                if self._waiting:
                    self._waiting[0].set()


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision, up or down, wholly or not at all.

    Replicas that start together wait for each other. Raises ``DatabaseUnusableError``.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    try:
        with (
            engine.connect().execution_options(**_CHANGES[engine.dialect.name]) as connection,
            connection.begin(),
        ):
            _require_utf8(connection)
            _take_writers_lock(connection)
            config.attributes["connection"] = connection
            run = (
                command.downgrade if _lies_below(connection, config, revision) else command.upgrade
            )
            run(config, revision)
    except CommandError as error:
        raise DatabaseUnusableError(
            f"the database {engine.url.render_as_string(hide_password=True)} can't be migrated: "
            f"{error}; was it made by a newer version? Run that one, or give another --database"
        ) from error
    except sa.exc.DatabaseError as error:
        raise DatabaseUnusableError(
            f"the database {engine.url.render_as_string(hide_password=True)} can't be opened or "
            f"migrated: {error.orig}; check that its directory exists, is writable and has space"
        ) from error


def _lies_below(connection: Connection, config: Config, revision: str) -> bool:
    current = MigrationContext.configure(connection).get_current_revision()
    if revision in {"base", "head"} or current is None:
        return revision == "base"
    script = ScriptDirectory.from_config(config)
    return revision in {step.down_revision for step in script.iterate_revisions(current, "base")}


def _require_utf8(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        name = connection.engine.url.database
        raise DatabaseUnusableError(
            f"the database {name} is encoded as {encoding}, which can't hold every name: make one "
            "with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and give that as --database"
        )


def _take_writers_lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITERS_LOCK)))


def _engine(url: str) -> Engine:
    try:
        address = sa.make_url(url.replace("postgres://", "postgresql://", 1))
        if address.drivername == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        return _ENGINES[address.get_backend_name()](address)
    except ModuleNotFoundError as error:
        raise DatabaseUnusableError(
            f"the database's driver {error.name} is not installed: install that Python package, "
            "or give --database the path of a SQLite file"
        ) from error
    except (sa.exc.ArgumentError, ValueError, KeyError):
        # Nothing of the cause is repeated: it can hold a piece of the password.
        raise DatabaseUnusableError(
            "the database's address is none: give --database the path of a SQLite file, or "
            "postgresql://user:password@host:port/name"
        ) from None


def _sqlite_engine(address: sa.URL) -> Engine:
    memory = not address.database or ":memory:" in address.database
    if memory or address.query.get("mode") == "memory":
        raise DatabaseUnusableError(
            "a SQLite database in memory is empty for every thread and gone at the end: give "
            "--database the path of a SQLite file"
        )
    engine = sa.create_engine(
        address, connect_args={"check_same_thread": False}, json_serializer=_json
    )
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql_engine(address: sa.URL) -> Engine:
    arguments: dict[str, Any] = {"client_encoding": "utf8"}  # whatever the environment says
    if "connect_timeout" not in address.query:
        arguments["connect_timeout"] = CONNECT_LIMIT_S
    engine = sa.create_engine(
        address, pool_pre_ping=True, connect_args=arguments, json_serializer=_json
    )
    event.listen(engine, "connect", _set_up_postgresql)
    return engine


def _json(value: Any) -> str:
    """Return JSON in which Chinese takes half the place; escaped only where it must be."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a character
        return json.dumps(value)
    return text


_ENGINES: Final = {"sqlite": _sqlite_engine, "postgresql": _postgresql_engine}


def _set_up_postgresql(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {FORGOTTEN_TRANSACTION_MS}")
    connection.commit()


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    # None: the driver begins no transaction behind our back; _begin_sqlite does.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a confirmed alert survives a loss of power
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns into a writer can fail at once with "database is locked",
    # whatever the busy timeout; an immediate one waits.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
