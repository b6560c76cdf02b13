"""Scores out of a real Redis into the database, once each, for 14 days."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from pipelines import streams
from pipelines.messages import Candidate, Candidates
from pipelines.streams import CANDIDATES
from service import tables
from service.housekeeping import Housekeeper
from service.intake import Intake
from service.verdicts import kept
from service.verdicts.consumer import CandidateKeeper
from tests.service.estate import OWN, camera_row, fill
from tests.service.helpers import Parts
from tests.service.verdicts.kit import candidates


@pytest.fixture
def camera_id(given: Parts) -> str:
    return fill(given.database)[OWN].camera_id


@pytest.fixture
def consumer(given: Parts) -> Intake:
    return Intake(
        CANDIDATES,
        CandidateKeeper(),
        client=given.client,
        database=given.database,
        settings=given.settings,
        metrics=given.metrics,
    )


def send(given: Parts, camera_id: str, found: Sequence[Candidate], epoch: int = 1) -> None:
    message = Candidates(camera_id=camera_id, worker_id="w1", epoch=epoch, candidates=tuple(found))
    streams.add(given.client, CANDIDATES, message)


def some(moments: Sequence[int] = (1, 2), ago: timedelta = timedelta(0)) -> list[Candidate]:
    start = datetime.now(UTC) - timedelta(minutes=5) - ago
    return candidates([(moment, 0.7) for moment in moments], start=start)


def became(given: Parts, outcome: str) -> float:
    return given.count("fengsui_messages_total", stream="candidates", outcome=outcome)


def test_what_a_worker_sends_is_kept_as_it_was(
    given: Parts, consumer: Intake, camera_id: str
) -> None:
    found = some()
    send(given, camera_id, found)
    consumer.step()
    rows = sorted(given.rows(tables.candidates), key=lambda row: int(row["moment"]))
    assert rows[0] == {
        "camera_id": camera_id, "hazard": "fire", "zone_id": "all", "worker_id": "w1", "epoch": 1,
        "moment": 1, "at": found[0].at, "score": 0.7,
        "x0": 0.80, "y0": 0.10, "x1": 0.90, "y1": 0.20,
    }  # fmt: skip
    assert len(rows) == 2
    assert given.pending(CANDIDATES) == 0
    assert became(given, "stored") == 1


def test_what_comes_twice_is_kept_once(given: Parts, consumer: Intake, camera_id: str) -> None:
    send(given, camera_id, some([1, 2]))
    send(given, camera_id, some([2, 3]))
    consumer.step()
    send(given, camera_id, some([3, 4]))
    send(given, camera_id, some([1]), epoch=2)
    consumer.step()
    rows = given.rows(tables.candidates)
    assert sorted((row["epoch"], row["moment"]) for row in rows) == [
        (1, 1), (1, 2), (1, 3), (1, 4), (2, 1),
    ]  # fmt: skip


def test_what_is_not_to_be_kept_is_counted_and_let_go(
    given: Parts, consumer: Intake, camera_id: str
) -> None:
    with given.database.writing() as connection:
        drill = {**camera_row("drill-1", OWN), "drill": True}
        connection.execute(sa.insert(tables.cameras).values(**drill))
    send(given, "drill-1", some())
    send(given, "of-a-file", some())
    send(given, camera_id, some(ago=kept.KEPT))
    send(given, camera_id, some(ago=-timedelta(hours=1)))
    given.client.xadd(CANDIDATES.name, {"body": b"{}"})
    given.client.xadd(CANDIDATES.name, {"other": b""})
    send(given, camera_id, some())
    consumer.step()
    assert {row["camera_id"] for row in given.rows(tables.candidates)} == {camera_id}
    outcomes = ("drill", "unknown", "out_of_time", "malformed", "stored")
    assert [became(given, one) for one in outcomes] == [1, 1, 2, 2, 1]
    assert given.pending(CANDIDATES) == 0


def test_a_database_that_was_away_gets_them_afterwards(
    given: Parts, consumer: Intake, camera_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(given, camera_id, some())
    away = sa.exc.OperationalError("BEGIN", {}, Exception("gone"))

    def fail(*_: object) -> None:
        raise away

    with monkeypatch.context() as patched:
        patched.setattr(kept, "insert", fail)
        with pytest.raises(sa.exc.OperationalError):
            consumer.step()
    assert given.rows(tables.candidates) == []
    consumer.step()
    assert len(given.rows(tables.candidates)) == 2
    assert given.pending(CANDIDATES) == 0


def test_after_14_days_they_are_gone(given: Parts, consumer: Intake, camera_id: str) -> None:
    send(given, camera_id, some([1], kept.KEPT - timedelta(hours=1)))
    send(given, camera_id, some([2]))
    consumer.step()
    stopping = threading.Event()
    stopping.set()
    keeper = Housekeeper(
        client=given.client,
        database=given.database,
        settings=given.settings,
        metrics=given.metrics,
        stopping=stopping,
    )
    keeper.trim()
    assert len(given.rows(tables.candidates)) == 2
    with given.database.writing() as connection:
        kept.forget_old(connection, datetime.now(UTC) + timedelta(hours=2))
    assert [row["moment"] for row in given.rows(tables.candidates)] == [2]
