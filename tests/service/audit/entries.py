"""Entries for the audit's tests, and ways to tamper with them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from service.audit.chain import Row
from service.audit.log import record
from service.audit.verify import read_rows
from service.database import Database


def add(database: Database, count: int = 1, **changes: Any) -> None:
    with database.writing() as connection:
        for _ in range(count):
            write(connection, **changes)


def write(connection: sa.Connection, **changes: Any) -> int:
    values: dict[str, Any] = {
        "actor": "wang",
        "action": "camera.changed",
        "object_kind": "camera",
        "object_id": "c1",
        "place_code": None,
        "detail": {"name": {"old": "甲", "new": "乙"}},
    }
    return record(connection, **{**values, **changes})


def rows(url: str) -> list[Row]:
    with read_rows(url) as found:
        return list(found)


def run(database: Database, *statements: str) -> None:
    with database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def without_triggers(database: Database) -> None:
    """What the database's owner can do."""
    if database.engine.dialect.name == "postgresql":
        run(database, "ALTER TABLE audit DISABLE TRIGGER ALL")
        return
    for name in ("audit_refuses_update", "audit_refuses_delete", "audit_refuses_other_numbers"):
        run(database, f"DROP TRIGGER {name}")


def refusals(database: Database, statements: Sequence[str]) -> list[str]:
    """What the database says to each statement."""
    found = []
    for statement in statements:
        try:
            run(database, statement)
        except sa.exc.DBAPIError as error:
            found.append(str(error.orig).splitlines()[0])
        else:
            found.append("done")
    return found
