"""The newest events, read once for all: nobody is shown another's, and nobody misses one."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from service import tables
from service.accounts.principal import Principal
from service.accounts.roles import Role
from service.database import Database
from service.feed import log, tail
from service.feed.bell import FeedBell
from service.feed.tail import FeedTail
from service.places.store import inside, lies_inside
from tests.service.dispatch.answers import incident, now
from tests.service.helpers import ON_SQLITE

CODES = (
    "0", "330100", "330106", "330109", "330106004", "330106005", "330106004001", "330106004002",
    "33010600400101", "330106004001011", "441900", "441900003", "110000", "110101",
)  # fmt: skip


def principal(*codes: str) -> Principal:
    return Principal(
        account_id=uuid4(), login="t", role=Role.VIEWER, permissions=frozenset(),
        paths=tuple("/0/" if code == "0" else f"/0/{code}/" for code in codes),
    )  # fmt: skip


def tell(database: Database, about: UUID, count: int = 1) -> None:
    with database.writing() as connection:
        for number in range(count):
            log.append(connection, log.FeedKind.UPDATED, about, {"number": number}, now())


@contextmanager
def listening(database: Database) -> Iterator[FeedTail]:
    bell = FeedBell(4)
    made = FeedTail(database, bell, threading.Event())

    async def seated() -> None:
        with bell.seat(uuid4()):
            made.read()
            ready.set()
            await asyncio.to_thread(done.wait)

    ready, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(seated()))
    thread.start()
    try:
        assert ready.wait(10)
        yield made
    finally:
        done.set()
        thread.join()


def test_in_memory_a_place_is_seen_by_whom_the_database_says(database: Database) -> None:
    with database.reading() as connection:
        for own, code in product(CODES, CODES):
            who = principal(own)
            said = connection.execute(sa.select(inside(who, sa.literal(code)))).scalar_one()
            assert lies_inside(who, code) == bool(said), (own, code)
    assert lies_inside(principal("0"), None)
    assert not lies_inside(principal("330100", "441900"), None)
    assert lies_inside(principal("441900", "330106"), "330106004")


def test_each_sees_what_is_seen_from_his_places(database: Database) -> None:
    shared, nowhere = incident(database), incident(database, place_code=None)
    with database.writing() as connection:
        connection.execute(
            sa.insert(tables.incident_places).values(incident_id=shared, place_code="330109102")
        )
    with listening(database) as held:
        tell(database, shared)
        tell(database, nowhere)
        held.read()
        events = held.after(0, 10) or []
    seen = {
        codes: [one.is_for(principal(*codes)) for one in events]
        for codes in (("0",), ("330106",), ("330109",), ("330110",))
    }
    assert seen == {
        ("0",): [True, True],
        ("330106",): [True, False],
        ("330109",): [True, False],
        ("330110",): [False, False],
    }


@ON_SQLITE
def test_who_is_further_behind_than_the_tail_is_told_to_read_for_himself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "KEPT_EVENTS", 5)
    monkeypatch.setattr(tail, "READ_EVENTS", 3)
    about = incident(database)
    tell(database, about)
    with listening(database) as held:
        assert held.after(0, 10) is None
        assert list(held.after(1, 10) or []) == []
        tell(database, about, 7)
        for _ in range(3):
            held.read()
        assert held.after(2, 10) is None
        ids = [one.event_id for one in held.after(3, 10) or []]
        assert ids == [4, 5, 6, 7, 8]
        assert [one.event_id for one in held.after(6, 10) or []] == [7, 8]
        assert [one.event_id for one in held.after(3, 2) or []] == [4, 5]
        assert list(held.after(99, 10) or []) == []
    held.read()
    assert held.after(8, 10) is None
