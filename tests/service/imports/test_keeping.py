"""Imports go by themselves: old ones, and of many the oldest; nobody's that is worked on."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from service.database import Database
from service.imports import store
from service.imports.keeping import forget_old_imports, leave_own
from service.imports.reasons import Verdict
from service.imports.store import CheckedRow
from service.tables import camera_import_rows, camera_imports
from tests.service.signing_in import make_account

NOW = datetime.now(UTC)


def add(database: Database, account_id: UUID, age: timedelta, **changes: Any) -> UUID:
    import_id = uuid4()
    with database.writing() as connection:
        connection.execute(
            sa.insert(camera_imports).values(
                **{
                    "import_id": import_id,
                    "account_id": account_id,
                    "created_by": "test",
                    "created_at": NOW - age,
                    "moved_at": NOW - age,
                    "file_name": "f.csv",
                    "digest": "",
                    "options": {"source": "auto", "watch": False, "defaults": {}},
                    "state": "checked",
                    "titles": [],
                    "rows": 0,
                    "checked": 0,
                    "committed": 0,
                    "counts": {},
                    "by_reason": {},
                    **changes,
                }
            )
        )
        row = CheckedRow(
            number=2, cells=["a"], verdict=Verdict.BAD, reasons=[], camera_id=None, wanted=None,
            sealed=None,
        )  # fmt: skip
        store.insert_rows(connection, import_id, [row])
    return import_id


def left(database: Database) -> set[UUID]:
    with database.reading() as connection:
        there = set(connection.execute(sa.select(camera_imports.c.import_id)).scalars())
        rows = sa.select(camera_import_rows.c.import_id)
        assert set(connection.execute(rows).scalars()) == there
    return there


def test_old_imports_go_with_their_rows(database: Database) -> None:
    account = make_account(database, "integrator").account_id
    add(database, account, timedelta(days=7, seconds=1))
    new = add(database, account, timedelta(days=6))
    worked_on = add(database, account, timedelta(days=8), state="committing", moved_at=NOW)
    forget_old_imports(database, NOW)
    assert left(database) == {new, worked_on}


def test_of_many_the_newest_are_kept(database: Database) -> None:
    account = make_account(database, "integrator").account_id
    other = add(database, make_account(database, "integrator").account_id, timedelta(days=5))
    made = [add(database, account, timedelta(minutes=one)) for one in range(25)]
    forget_old_imports(database, NOW)
    assert left(database) == {other, *made[:20]}


def test_what_a_replica_left_behind_is_known_as_stalled_once_it_is_back(
    database: Database,
) -> None:
    account = make_account(database, "integrator").account_id
    options = {"source": "auto", "watch": False, "defaults": {}}
    mine = options | {"claim": f"service-1:{uuid4()}"}
    others = options | {"claim": f"service-11:{uuid4()}"}
    at_work = {"state": "committing", "moved_at": datetime.now(UTC)}
    own = add(database, account, timedelta(minutes=1), options=mine, **at_work)
    other = add(database, account, timedelta(minutes=1), options=others, **at_work)
    leave_own(database, "service-1")
    with database.reading() as connection:
        found = {one: store.found(connection, one) for one in (own, other)}
    assert [store.is_stalled(row) for row in found.values() if row is not None] == [True, False]
