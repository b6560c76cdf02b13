"""The database: how it's opened, how its transactions begin, how it's brought up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, event

from service.errors import DatabaseUnusableError

BUSY_TIMEOUT_MS = 5000
"""Readers never wait in WAL mode; one writer waits this long for another."""

WRITERS_LOCK = 0x66656E67
"""PostgreSQL's advisory lock that lets writers through one at a time."""

_WRITES = "fengsui_writes"


class Database:
    """One engine, and two kinds of transaction."""

    def __init__(self, url: str) -> None:
        """Raise ``DatabaseUnusableError`` for an address that no engine can be made of."""
        self.engine = _engine(url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that sees one state of the database throughout."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the only writing transaction there is at this moment.

        One at a time, also on PostgreSQL: two merges of one place must see each other, and feed
        ids must become visible in their order, or a client's cursor would skip some.
        """
        with (
            self.engine.connect().execution_options(**{_WRITES: True}) as connection,
            connection.begin(),
        ):
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITERS_LOCK)))
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision, up or down. Raises ``DatabaseUnusableError``."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    run = command.downgrade if revision == "base" else command.upgrade
    try:
        with engine.connect().execution_options(**{_WRITES: True}) as connection:
            config.attributes["connection"] = connection
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


def _engine(url: str) -> Engine:
    try:
        if sa.make_url(url).get_backend_name() != "sqlite":
            return sa.create_engine(url, pool_pre_ping=True)
        engine = sa.create_engine(url, connect_args={"check_same_thread": False})
    except ModuleNotFoundError as error:
        raise DatabaseUnusableError(
            f"the database's driver {error.name} is not installed: install that Python package, "
            "or give --database the path of a SQLite file"
        ) from error
    except (sa.exc.ArgumentError, ValueError):
        # Nothing of the cause is repeated: it can hold a piece of the password.
        raise DatabaseUnusableError(
            "the database's address is none: give --database the path of a SQLite file, or "
            "postgresql://user:password@host:port/name"
        ) from None
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


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
