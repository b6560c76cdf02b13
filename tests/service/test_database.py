from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from service import tables
from service.database import Database, migrate
from service.errors import DatabaseUnusableError
from service.settings import sqlite_url
from tests.service.helpers import migrated


def test_up_equals_the_tables_and_down_leaves_nothing(tmp_path: Path) -> None:
    with migrated(tmp_path) as database:
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, tables.metadata) == []
            assert context.get_current_revision() == "0001"
        migrate(database.engine)  # again: nothing to do
        migrate(database.engine, "base")
        assert set(sa.inspect(database.engine).get_table_names()) <= {
            "alembic_version",
            "sqlite_sequence",
        }
        migrate(database.engine)
        assert "incidents" in sa.inspect(database.engine).get_table_names()


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


def test_writers_exclude_each_other_from_their_first_statement(tmp_path: Path) -> None:
    with migrated(tmp_path) as database, database.writing():
        with database.engine.connect() as other:
            other.exec_driver_sql("PRAGMA busy_timeout=0")
        with pytest.raises(sa.exc.OperationalError, match="locked"), database.writing():
            pass


def test_a_database_that_cant_be_opened_is_said_in_words(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "absent" / "fengsui.db"))
    with pytest.raises(DatabaseUnusableError, match="check that its directory exists"):
        migrate(database.engine)
    database.close()
