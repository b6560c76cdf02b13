"""A database that is lent again is as empty as a new one, and what isn't is never lent again."""

import psycopg
import pytest
import sqlalchemy as sa

from service import tables
from service.audit.log import record
from tests.service.estate import fill
from tests.service.helpers import opened
from tests.service.postgres_copies import Postgres, _seen
from tests.service.signing_in import make_account, token

pytestmark = pytest.mark.system("postgresql")


def dirty(url: str) -> None:
    """Leave rows, some of them in the audit, which nobody can delete."""
    with opened(url) as database:
        fill(database)
        token(database, make_account(database, "admin"))
        with database.writing() as connection:
            place = {"object_kind": "place", "object_id": "0", "place_code": "0"}
            record(connection, actor="other", action="place.created", **place)
        with database.reading() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(tables.audit))


def test_what_is_lent_again_is_as_it_was_made(postgres: Postgres) -> None:
    for _ in range(3):
        with postgres.copy() as url:
            with psycopg.connect(url) as connection:
                found = _seen(connection)
            assert (found.schema, found.rows) == (postgres._empty.schema, postgres._empty.rows)
            assert found.sequences == postgres._empty.sequences
            dirty(url)
        assert postgres._spare, "it is kept for the next"


def test_who_still_holds_the_last_one_is_cut_off_and_does_not_come_back(
    postgres: Postgres,
) -> None:
    with postgres.copy() as url:
        held = psycopg.connect(url)
    with postgres.copy() as other:
        assert other != url
        with pytest.raises(psycopg.OperationalError):
            held.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
    held.close()


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE left_over (number int)",
        "ALTER TABLE places ADD COLUMN left_over int",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "CREATE SCHEMA left_over",
    ],
)
def test_one_whose_schema_was_touched_is_not_lent_again(postgres: Postgres, change: str) -> None:
    spare = list(postgres._spare)
    with postgres.copy() as url, psycopg.connect(url) as connection:
        connection.execute(change)
    assert postgres._spare == spare[:-1]
