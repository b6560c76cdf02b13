"""Entries in the real databases: appended with what they tell, and never changed."""

import threading
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from service.audit.chain import verify
from service.audit.log import record
from service.database import Database
from service.tables import audit, places
from tests.service.audit.entries import add, refusals, rows, run, write

NEXT_ONLY = "the audit takes the next number only"
APPEND_ONLY = "the audit is append-only"


def again(number: int, verb: str = "INSERT") -> str:
    """A statement that puts the first entry in once more."""
    columns = "at, actor, action, object_kind, object_id, body, hash"
    first = f"SELECT {number}, {columns} FROM audit WHERE seq = 1"  # noqa: S608
    return f"{verb} INTO audit (seq, {columns}) {first}"


def test_what_is_written_can_be_neither_changed_nor_removed(database: Database) -> None:
    add(database, 3)
    statements = ["UPDATE audit SET actor = 'li' WHERE seq = 2", "DELETE FROM audit WHERE seq = 3"]
    statements += [again(2), again(0), again(9)]
    expected = [APPEND_ONLY] * 2 + [NEXT_ONLY] * 3
    if database.engine.dialect.name == "postgresql":
        statements += ["TRUNCATE audit", "TRUNCATE audit, feed CASCADE"]
        expected += [APPEND_ONLY] * 2
        statements += [f"{again(2)} ON CONFLICT (seq) DO UPDATE SET actor = 'li'"]
        expected += [NEXT_ONLY]
    else:
        statements += ["UPDATE OR REPLACE audit SET seq = 2 WHERE seq = 1"]
        statements += [again(3, "REPLACE")]
        expected += [APPEND_ONLY, NEXT_ONLY]
    assert refusals(database, statements) == expected
    with database.reading() as connection:
        assert connection.execute(sa.select(audit.c.actor)).scalars().all() == ["wang"] * 3


def test_the_next_number_may_be_written_by_hand(database: Database) -> None:
    """What the trigger lets through is what the chain then refuses: it isn't the protection."""
    add(database, 2)
    run(database, again(3))
    add(database)
    with database.reading() as connection:
        assert connection.execute(sa.select(sa.func.max(audit.c.seq))).scalar_one() == 4


def test_what_cant_be_audited_does_not_happen(database: Database) -> None:
    def rename(**entry: Any) -> None:
        with database.writing() as connection:
            connection.execute(sa.update(places).values(name="renamed"))
            write(connection, **entry)

    def name() -> str:
        with database.reading() as connection:
            return str(connection.execute(sa.select(places.c.name)).scalar_one())

    before = name()
    for wrong in (float("nan"), object(), {1, 2}):
        with pytest.raises((TypeError, ValueError)):
            rename(detail={"value": wrong})
        assert name() == before
    run(database, "ALTER TABLE audit RENAME TO elsewhere")
    with pytest.raises(sa.exc.DBAPIError):
        rename()
    assert name() == before
    run(database, "ALTER TABLE elsewhere RENAME TO audit")
    rename()
    assert name() == "renamed"


def test_what_does_not_happen_is_not_audited(database: Database, database_url: str) -> None:
    add(database)

    def give_up() -> None:
        with database.writing() as connection:
            write(connection)
            raise KeyError

    with pytest.raises(KeyError):
        give_up()
    add(database)
    assert [row.seq for row in rows(database_url)] == [1, 2]


def test_writers_at_the_same_time_make_one_chain(database: Database, database_url: str) -> None:
    threads = [threading.Thread(target=add, args=(database, 5)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    verdict = verify(rows(database_url), [])
    assert (verdict.entries, verdict.fault) == (30, None)


TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
VALUES_OF_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip
NAMES = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=128
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@drawn(st.dictionaries(TEXTS, VALUES_OF_JSON, max_size=5), NAMES)
def test_any_detail_survives(
    database: Database, database_url: str, detail: dict[str, Any], name: str
) -> None:
    import json

    with database.writing() as connection:
        seq = record(
            connection,
            actor=name,
            action="test",
            object_kind="test",
            object_id=str(uuid4()),
            detail=detail,
        )
    found = rows(database_url)
    assert verify(found, []).fault is None
    # Two halves of a surrogate pair in a row are one character to every reader of JSON.
    meant = json.loads(json.dumps(detail))
    assert json.loads(str(found[seq - 1].body))["detail"] == meant
    assert found[seq - 1].actor == name
