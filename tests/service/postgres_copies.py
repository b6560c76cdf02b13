"""Migrated, empty PostgreSQL databases: one made for a test is emptied for the next one.

Making one takes a quarter of a second, and over a thousand tests ask.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import psycopg
from psycopg import sql

from service.database import migrate
from tests.service.helpers import opened
from tests.support.postgres import PostgresServer

GROWN_BYTES = 4_000_000
"""What one may have grown by: rows that were deleted stay in its files and slow what comes."""

SCHEMA = " UNION ALL ".join(
    f"SELECT '{catalog}', count(*), sum(xmin::text::bigint) FROM {catalog} WHERE {oid} >= 16384"  # noqa: S608 - of the names below
    for catalog, oid in {
        "pg_attrdef": "oid",
        "pg_attribute": "attrelid",
        "pg_class": "oid",
        "pg_constraint": "oid",
        "pg_db_role_setting": "setdatabase",
        "pg_namespace": "oid",
        "pg_proc": "oid",
        "pg_trigger": "oid",
        "pg_type": "oid",
    }.items()
)
"""Equal in two copies of one database only if nothing was made, altered or dropped in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """What a migrated, empty database holds."""

    schema: list[tuple[str, int, int]]
    """The answer to ``SCHEMA``."""
    tables: list[str]
    """All of them."""
    rows: dict[str, bytes]
    """What a migration put into tables, as COPY says it."""
    sequences: list[tuple[str, int, bool]]
    """Each with its value, and whether that one has been given out."""
    size_bytes: int
    """On disk."""


class Postgres:
    """A PostgreSQL server with a migrated, empty database to copy from."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._template = server.create()
        with opened(server.url(self._template)) as database:
            migrate(database.engine)
        with psycopg.connect(server.url(self._template)) as connection:
            self._empty = _seen(connection)
        self._spare: list[str] = []
        self._names = count()

    @contextmanager
    def copy(self) -> Iterator[str]:
        """The address of a migrated, empty database under a name that nobody has had before."""
        name = self._spare.pop() if self._spare else self.server.create(self._template)
        try:
            yield self.server.url(name)
        finally:
            self._take_back(name)

    def _take_back(self, name: str) -> None:
        # Under a new name no thread that a test left behind comes back to it.
        new = f"again_{next(self._names)}"
        if not self.server.rename(name, new):
            self.server.drop(name)
            return
        with psycopg.connect(self.server.url(new)) as connection:
            emptied = _emptied(connection, self._empty)
        if emptied:
            self._spare.append(new)
        else:
            self.server.drop(new)


def _seen(connection: psycopg.Connection) -> Empty:
    tables = [
        str(name)
        for (name,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        )
    ]
    sequences = connection.execute(
        "SELECT sequencename, coalesce(last_value, start_value), last_value IS NOT NULL"
        " FROM pg_sequences WHERE schemaname = 'public'"
    ).fetchall()
    return Empty(
        schema=_schema(connection),
        tables=tables,
        rows={name: rows for name in tables if (rows := rows_of(connection, name))},
        sequences=sequences,
        size_bytes=_size_bytes(connection),
    )


def rows_of(connection: psycopg.Connection, table: str) -> bytes:
    """Return a table's rows, as COPY says them."""
    words = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
    with connection.cursor().copy(words) as given:
        return b"".join(bytes(piece) for piece in given)


def _schema(connection: psycopg.Connection) -> list[tuple[str, int, int]]:
    return connection.execute(SCHEMA).fetchall()


def _size_bytes(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def _emptied(connection: psycopg.Connection, empty: Empty) -> bool:
    """Whether it is as it was made again: one whose schema was touched is left as it is."""
    if _schema(connection) != empty.schema:
        return False
    if _size_bytes(connection) > empty.size_bytes + GROWN_BYTES:
        return False
    words = ["SET LOCAL session_replication_role = replica"]  # no trigger, no key
    words += [f"DELETE FROM {name}" for name in empty.tables]  # noqa: S608 - tables of ours
    words += [
        f"SELECT setval('{name}', {value}, {is_used})" for name, value, is_used in empty.sequences
    ]
    connection.execute("; ".join(words))
    for name, rows in empty.rows.items():
        words = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))
        with connection.cursor().copy(words) as given:
            given.write(rows)
    return True
