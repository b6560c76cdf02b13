"""Imports go by themselves: old ones, and of many the oldest; nobody's that is worked on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from service.accounts.principal import Principal
from service.cameras.selecting import Filter, Selection, selected
from service.database import Database
from service.imports import keeping, store
from service.imports.errors import GoneCameraImportError, UnknownCameraImportError
from service.imports.gone import GONE, KEPT_OF_ONE_ACCOUNT, ROWS_OF_ONE_ACCOUNT
from service.imports.keeping import forget_old_imports, leave_own
from service.imports.reasons import RowVerdict
from service.imports.store import CheckedRow
from service.refusals import Refusal
from service.tables import camera_import_rows, camera_imports
from tests.service.cameras.crowd import principal
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
            number=2, cells=["a"], verdict=RowVerdict.BAD, reasons=[], camera_id=None, wanted=None,
            sealed=None,
        )  # fmt: skip
        store.insert_rows(connection, import_id, [row])
    return import_id


def left(database: Database) -> set[UUID]:
    with database.reading() as connection:
        query = sa.select(camera_imports.c.import_id).where(camera_imports.c.state != GONE)
        there = set(connection.execute(query).scalars())
        rows = sa.select(camera_import_rows.c.import_id)
        assert set(connection.execute(rows).scalars()) == there
    return there


def why_gone(database: Database, who: Principal, import_id: UUID) -> str | None:
    """What whoever asks for it is told: why it is gone, or that there is none."""
    with database.reading() as connection, pytest.raises(UnknownCameraImportError) as caught:
        store.existing(connection, who, import_id)
    with database.reading() as connection:
        assert import_id not in {one.import_id for one in store.own(connection, who)}
    assert caught.value.code == "unknown_camera_import"
    return caught.value.reason


def test_old_imports_go_with_their_rows(database: Database) -> None:
    account = make_account(database, "integrator").account_id
    old = add(database, account, timedelta(days=7, seconds=1))
    new = add(database, account, timedelta(days=6))
    worked_on = add(database, account, timedelta(days=8), state="committing", moved_at=NOW)
    forget_old_imports(database, NOW)
    assert left(database) == {new, worked_on}
    who = replace(principal(), account_id=account)
    assert why_gone(database, who, old) == Refusal.IMPORT_OLD
    assert why_gone(database, principal(), old) is None
    with database.reading() as connection, pytest.raises(GoneCameraImportError):
        selected(connection, who, Selection(filter=Filter(import_id=old)), {})
    forget_old_imports(database, NOW + timedelta(days=29))
    assert why_gone(database, who, old) == Refusal.IMPORT_OLD
    forget_old_imports(database, NOW + timedelta(days=31))
    assert why_gone(database, who, old) is None


def test_of_many_the_newest_are_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (KEPT_OF_ONE_ACCOUNT, ROWS_OF_ONE_ACCOUNT) == (200, 1_000_000)
    monkeypatch.setattr(keeping, "KEPT_OF_ONE_ACCOUNT", 20)
    monkeypatch.setattr(keeping, "TOLD_OF_ONE_ACCOUNT", 23)
    account = make_account(database, "integrator").account_id
    other = add(database, make_account(database, "integrator").account_id, timedelta(days=5))
    made = [add(database, account, timedelta(minutes=one)) for one in range(25)]
    forget_old_imports(database, NOW)
    assert left(database) == {other, *made[:20]}
    who = replace(principal(), account_id=account)
    whys = [why_gone(database, who, one) for one in made[20:]]
    assert whys == [Refusal.IMPORT_MANY] * 3 + [None] * 2


def test_rows_of_one_account_have_a_bound(database: Database) -> None:
    account = make_account(database, "integrator").account_id
    large = [add(database, account, timedelta(minutes=one), checked=50_000) for one in range(22)]
    forget_old_imports(database, NOW)
    assert left(database) == set(large[:20])


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
