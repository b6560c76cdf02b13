import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

import service.database
from service import tables
from service.database import Database, migrate
from service.errors import DatabaseUnusableError
from service.settings import sqlite_url
from service.tables import places
from tests.service.helpers import migrated, opened
from tests.service.postgres_copies import Postgres
from tests.support.postgres import PostgresServer


def test_sqlite_is_durable_and_strict(tmp_path: Path) -> None:
    with migrated(tmp_path) as database, database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    assert pragmas == expected


def test_times_come_back_in_utc_and_naive_ones_are_refused() -> None:
    kind, dialect = tables.UtcDateTime(), sa.create_engine("sqlite://").dialect
    local = datetime(2026, 11, 22, 8, 0, tzinfo=timezone(timedelta(hours=8)))
    stored = kind.process_bind_param(local, dialect)
    assert kind.process_result_value(stored, dialect) == datetime(2026, 11, 22, tzinfo=UTC)
    with pytest.raises(ValueError, match="naive"):
        kind.process_bind_param(local.replace(tzinfo=None), dialect)


def test_writers_exclude_each_other_from_their_first_statement(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.database, "BUSY_TIMEOUT_MS", 50)
    with opened(database_url) as database:
        with database.writing(), pytest.raises(sa.exc.OperationalError, match="lock"):
            database.writing().__enter__()
        with database.writing() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(places)).scalar() == 1


def test_a_writer_sees_what_the_one_before_it_committed(database: Database) -> None:
    """Two merges of one place must see each other: the wait must come before the first look."""
    waiting, seen = threading.Event(), []

    def second() -> None:
        waiting.set()
        with database.writing() as connection:
            seen.append(connection.execute(sa.select(places.c.name)).scalar_one())

    with database.writing() as connection:
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait(5)
        connection.execute(sa.update(places).values(name="renamed"))
        time.sleep(0.05)  # the other one is at the lock by now; if not, the test can't fail wrongly
    thread.join(5)
    assert seen == ["renamed"]


def test_writers_come_in_turn(database: Database) -> None:
    """Whoever writes all the time must not keep those out who decide about an incident."""
    came: list[int] = []
    started = [threading.Event(), threading.Event()]

    def write(number: int) -> None:
        started[number].set()
        with database.writing():
            came.append(number)

    with database.writing():
        others = [threading.Thread(target=write, args=(number,)) for number in (0, 1)]
        for other, begun in zip(others, started, strict=True):
            other.start()
            begun.wait(5)
            time.sleep(0.05)  # it stands in line
    with database.writing():
        came.append(2)
    for other in others:
        other.join(5)
    assert came == [0, 1, 2]


def test_a_reader_sees_one_state_throughout_and_cant_write(database: Database) -> None:
    name = sa.select(places.c.name)
    with database.reading() as reader:
        before = reader.execute(name).scalar_one()
        with database.writing() as writer:
            writer.execute(sa.update(places).values(name="renamed"))
        assert reader.execute(name).scalar_one() == before
    with database.reading() as reader:
        assert reader.execute(name).scalar_one() == "renamed"
    if database.engine.dialect.name == "postgresql":
        with pytest.raises(sa.exc.DBAPIError, match="read-only"), database.reading() as reader:
            reader.execute(sa.update(places).values(name="again"))


def test_replicas_that_start_together_migrate_once(database_url: str) -> None:
    with opened(database_url) as one, opened(database_url) as other:
        migrate(one.engine, "base")
        threads = [threading.Thread(target=migrate, args=(each.engine,)) for each in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        with one.reading() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(places)).scalar() == 1


@pytest.mark.parametrize(
    "url", ["postgresql://me@h/x", "postgres://me@h/x", "postgresql+psycopg://me@h/x"]
)
def test_postgresql_is_spoken_to_by_psycopg(url: str) -> None:
    with opened(url) as database:
        assert database.engine.url.drivername == "postgresql+psycopg"


def test_no_other_kind_of_database_is_taken() -> None:
    with pytest.raises(DatabaseUnusableError, match="postgresql://user"):
        Database("mysql+pymysql://me:hunter2@h/x")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite+pysqlite:///:memory:",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:x?mode=memory&uri=true",
    ],
)
def test_a_database_that_lasts_no_longer_than_a_connection_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUnusableError, match="the path of a SQLite file"):
        Database(url)


@pytest.mark.system("postgresql")
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_can_t_hold_every_name_is_refused(
    postgres: Postgres, encoding: str
) -> None:
    name = f"as_{encoding.lower()}"
    with psycopg.connect(postgres.server.url("postgres"), autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C' "
            "TEMPLATE template0"
        )
    try:
        with opened(postgres.server.url(name)) as database:
            with pytest.raises(DatabaseUnusableError, match=f"{encoding}.*ENCODING 'UTF8'"):
                migrate(database.engine)
            assert sa.inspect(database.engine).get_table_names() == []
    finally:
        postgres.server.drop(name)


@pytest.mark.system("postgresql")
def test_whatever_the_environment_says_utf_8_is_spoken(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with postgres.copy() as url, opened(url) as database, database.reading() as connection:
        assert connection.execute(sa.select(places.c.name)).scalar_one() == "全部 All"


@pytest.mark.system("postgresql")
def test_a_server_killed_and_started_again_is_found_again() -> None:
    with PostgresServer() as server, opened(server.url(server.create())) as database:
        migrate(database.engine)
        with database.writing() as connection:
            connection.execute(sa.update(places).values(name="kept"))
        with pytest.raises(sa.exc.OperationalError):
            _change_and(database, server.kill)
        with pytest.raises(sa.exc.OperationalError), database.reading():
            pass
        server.start()
        with database.reading() as connection:
            assert connection.execute(sa.select(places.c.name)).scalar_one() == "kept"
        server.kill()
        server.start()  # before anybody noticed: no request has to fail for it
        with database.reading() as connection:
            assert connection.execute(sa.select(places.c.name)).scalar_one() == "kept"


def _change_and(database: Database, then: Callable[[], None]) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(places).values(name="never committed"))
        then()
        ends_s = time.monotonic() + 30  # a server's children outlive it for a moment
        while time.monotonic() < ends_s:
            connection.execute(sa.select(places))
            time.sleep(0.05)


def test_a_database_that_cant_be_opened_is_said_in_words(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "absent" / "fengsui.db"))
    with pytest.raises(DatabaseUnusableError, match="check that its directory exists"):
        migrate(database.engine)
    database.close()
