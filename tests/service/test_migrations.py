"""Every step, up and down, on tables that hold rows, on both kinds of database."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from service import tables
from service.audit.log import record
from service.database import Database, migrate
from service.errors import DatabaseUnusableError
from vision.hazards import Hazard

STEPS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
MOMENT = datetime(2026, 11, 22, 8, 0, 0, 123456, tzinfo=UTC)
NAMESPACE = UUID(int=1)


@pytest.fixture
def filled(database: Database) -> Database:
    """A database at 0001, with rows in which every column says something."""
    migrate(database.engine, "0001")
    _fill(database, ["incidents", "alerts", "orders", "feed"])
    return database


def test_up_and_down_step_by_step_keeps_what_the_older_one_held(filled: Database) -> None:
    before = _all(filled)
    assert {name: len(rows) for name, rows in before.items()} == dict.fromkeys(before, 2)
    migrate(filled.engine, "0002")
    assert _revision(filled) == "0002"
    _assert_held(filled, before)
    with filled.reading() as connection:
        assert [row["path"] for row in _rows(connection, "places")] == ["/0/"]
        assert {row["place_code"] for row in _rows(connection, "incidents")} == {None}
    _fill(filled, _new_since(filled, before))
    newer = _all(filled)
    assert all(rows for rows in newer.values())
    migrate(filled.engine, "0002")  # again: nothing to do
    assert _all(filled) == newer

    migrate(filled.engine, "0001")
    assert _revision(filled) == "0001"
    assert _all(filled) == before
    migrate(filled.engine)
    _assert_held(filled, before)
    with filled.reading() as connection:
        assert _rows(connection, "audit") == []
    migrate(filled.engine, "base")
    assert _table_names(filled) == set()
    migrate(filled.engine)
    assert _models_differ(filled) == []


def test_0003_adds_what_is_drawn_and_windows_and_takes_them_away(filled: Database) -> None:
    migrate(filled.engine, "0002")
    _fill(filled, _new_since(filled, {"incidents", "alerts", "orders", "feed"}))
    before = _all(filled)
    assert all(rows for rows in before.values())
    migrate(filled.engine, "0003")
    assert _revision(filled) == "0003"
    _assert_held(filled, before)
    with filled.reading() as connection:
        query = sa.select(tables.cameras.c.water, tables.cameras.c.thresholds)
        assert connection.execute(query).all() == [(None, {})] * 2
    _fill(filled, ["camera_windows"])
    assert len(_all(filled)["camera_windows"]) == 2

    migrate(filled.engine, "0002")
    assert _all(filled) == before
    migrate(filled.engine, "0003")
    _assert_held(filled, before)


def test_0005_adds_evidence_and_leaves_nothing_that_an_older_service_can_t_read(
    filled: Database,
) -> None:
    migrate(filled.engine, "0004")
    _fill(filled, _new_since(filled, {"incidents", "alerts", "orders", "feed"}))
    before = _all(filled)
    migrate(filled.engine, "0005")
    _assert_held(filled, before)
    _fill(filled, ["evidence", "evidence_holds", "evidence_rules", "evidence_gone"])
    with filled.writing() as connection:
        connection.execute(sa.update(tables.alerts).values(evidence_absent="expired"))
    migrate(filled.engine, "0004")
    with filled.reading() as connection:
        told = {row["evidence_absent"] for row in _rows(connection, "alerts")}
    assert told == {"store_failed"}
    assert set(_all(filled)) == set(before)
    migrate(filled.engine)
    assert _models_differ(filled) == []


def test_0005_lets_what_alerts_name_already_go_in_its_time(filled: Database) -> None:
    migrate(filled.engine, "0004")
    _fill(filled, _new_since(filled, {"incidents", "alerts", "orders", "feed"}))
    with filled.writing() as connection:
        one, other = connection.execute(sa.select(tables.alerts)).all()
        for row, ref in ((one, "r" * 32), (other, "too long for a ref of ours, by far")):
            mine = tables.alerts.c.alert_id == row.alert_id
            connection.execute(sa.update(tables.alerts).where(mine).values(evidence_ref=ref))
        connection.execute(sa.update(tables.incidents).values(place_code="330100"))
    for _ in range(2):  # also a step that was taken back
        migrate(filled.engine)
        with filled.reading() as connection:
            (made,) = connection.execute(sa.select(tables.evidence)).all()
        assert (made.ref, made.removing_at) == ("r" * 32, None)
        for name in ("alert_id", "incident_id", "camera_id"):
            assert getattr(made, name) == getattr(one, name)
        assert (made.hazard, made.place_code) == (one.hazard, "330100")
        assert made.made_at == one.first_seen_at
        assert made.expires_at - made.made_at == timedelta(days=30)
        migrate(filled.engine, "0004")


def test_the_newest_step_equals_the_tables(database: Database) -> None:
    assert _models_differ(database) == []
    assert _revision(database) == STEPS[-1]


def test_a_step_that_fails_leaves_everything_as_it_was(filled: Database) -> None:
    before = _all(filled)
    with filled.writing() as connection:  # in the way of the last thing that 0002 does
        connection.execute(sa.text("CREATE INDEX ix_incidents_place_code ON incidents (zone_id)"))
    with pytest.raises(DatabaseUnusableError, match="already exists"):
        migrate(filled.engine)
    assert _revision(filled) == "0001"
    assert _all(filled) == before


def _fill(database: Database, names: list[str]) -> None:
    """Put two rows into each table, every column set, but for the audit's own writer."""
    with database.writing() as connection:
        here = sa.MetaData()
        here.reflect(connection)
        for table in (tables.metadata.tables[name] for name in names):
            if table.name == "audit":
                for number in range(2):
                    record(
                        connection,
                        actor="某人",
                        action="camera.created",
                        object_kind="camera",
                        object_id=str(number),
                        place_code="330100",
                    )
                continue
            there = {column.name for column in here.tables[table.name].columns}
            for number in range(2):
                values = {c.name: _value(c, number) for c in table.columns if c.name in there}
                connection.execute(sa.insert(table).values(**values))


def _new_since(database: Database, before: Collection[str]) -> list[str]:
    """Return the tables that are there and weren't before, each after those it refers to."""
    there = _table_names(database) - set(before)
    return [table.name for table in tables.metadata.sorted_tables if table.name in there]


def _value(column: sa.Column[Any], number: int) -> Any:  # noqa: PLR0911 - a table
    match column.type:
        case sa.Uuid():
            owner = next(iter(column.foreign_keys)).column.name if column.foreign_keys else None
            return uuid5(NAMESPACE, f"{owner or column.name} {number}")
        case tables.UtcDateTime():
            return MOMENT
        case sa.Boolean():
            return bool(number)
        case sa.JSON():
            return {"中文": [number, 0.1, None]}
        case sa.Float():
            return 0.1 + number
        case sa.Integer():
            return 2**40 + number if column.name != "id" else number + 1
    return _text(column, number)


def _text(column: sa.Column[Any], number: int) -> str:
    table = column.table.name
    if column.name in {"code", "place_code"} or (table, column.name) == ("places", "path"):
        code = f"33010{number}"
        return f"/0/{code}/" if column.name == "path" else code
    if column.name == "parent_code":
        return "0"
    if column.name == "hazard":
        return tuple(Hazard)[number].value
    limit = getattr(column.type, "length", None) or 200
    return f"{number}{column.name} 烽燧"[:limit]


def _rows(connection: sa.Connection, name: str) -> list[dict[str, Any]]:
    """Return a table's rows as they lie there, in the order of their first column."""
    query = sa.text(f"SELECT * FROM {name} ORDER BY 1")  # noqa: S608 - our own tables
    return [dict(row) for row in connection.execute(query).mappings()]


def _all(database: Database) -> dict[str, list[dict[str, Any]]]:
    with database.reading() as connection:
        return {name: _rows(connection, name) for name in sorted(_table_names(database))}


def _assert_held(database: Database, before: dict[str, list[dict[str, Any]]]) -> None:
    now = _all(database)
    for name, rows in before.items():
        kept = [{column: row[column] for column in rows[0]} for row in now[name]]
        assert kept == rows, name


def _table_names(database: Database) -> set[str]:
    own = {"alembic_version", "sqlite_sequence"}
    return set(sa.inspect(database.engine).get_table_names()) - own


def _revision(database: Database) -> str | None:
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _models_differ(database: Database) -> list[Any]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, tables.metadata))
