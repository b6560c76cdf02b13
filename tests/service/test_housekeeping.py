import threading
from datetime import UTC, datetime, timedelta

import pytest

from pipelines import streams
from pipelines.messages import Heartbeat, decode
from pipelines.streams import ALERTS_PRIORITY, HEARTBEATS
from service import housekeeping, tables
from service.housekeeping import Housekeeper, lag_of
from service.status import _worker
from tests.service.helpers import Parts, alert

GROUP = str(ALERTS_PRIORITY.group)

redis_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is about Redis: one kind of database is enough."""


@pytest.fixture
def keeper(given: Parts) -> Housekeeper:
    stopping = threading.Event()
    stopping.set()  # no waiting
    return Housekeeper(
        client=given.client,
        database=given.database,
        settings=given.settings,
        metrics=given.metrics,
        stopping=stopping,
    )


def test_trimming_keeps_what_the_group_needs(given: Parts, keeper: Housekeeper) -> None:
    keeper.trim()  # no streams yet
    given.send(*(alert(60.0 * n, drill=True) for n in range(-5, 0)))
    keeper.trim()  # nobody has read: nothing goes
    assert given.client.xlen(ALERTS_PRIORITY.name) == 5
    given.consumer.step()
    given.send(alert(60.0, drill=True), alert(120.0, drill=True))
    given.client.xreadgroup(GROUP, "another", {ALERTS_PRIORITY.name: ">"}, count=1)
    keeper.trim()
    left = [key for key, _ in given.client.xrange(ALERTS_PRIORITY.name)]
    assert len(left) == 2  # one pending, one unread
    given.client.xack(ALERTS_PRIORITY.name, GROUP, left[0])
    given.consumer.step()
    keeper.trim()
    assert given.client.xlen(ALERTS_PRIORITY.name) == 1  # Redis keeps the read position's entry


@redis_only
def test_lag_counts_what_is_not_finished(given: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lag_of(given.client, ALERTS_PRIORITY) == 0
    given.send(*(alert(60.0 * n, drill=True) for n in range(-5, 0)))
    assert lag_of(given.client, ALERTS_PRIORITY) == 5  # no group yet
    streams.create_group(given.client, ALERTS_PRIORITY)
    given.client.xreadgroup(GROUP, "another", {ALERTS_PRIORITY.name: ">"}, count=2)
    assert lag_of(given.client, ALERTS_PRIORITY) == 5  # two pending, three unread
    monkeypatch.setattr(housekeeping, "LAG_COUNTED_ENTRIES", 2)
    assert lag_of(given.client, ALERTS_PRIORITY) == 5  # the length, which is never less


@redis_only
def test_lag_as_redis_7_tells_it(given: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    given.send(alert())
    told = {"name": b"service", "pending": 3, "lag": 4, "last-delivered-id": b"0-0"}
    monkeypatch.setattr(given.client, "xinfo_groups", lambda _name: [told])
    assert lag_of(given.client, ALERTS_PRIORITY) == 7


def entry_id(ago_s: float) -> str:
    """As Redis would have given it then."""
    return f"{int((datetime.now(UTC).timestamp() - ago_s) * 1000)}-0"


def beat(worker: str, frames: int, *, ago_s: float = 0.0) -> Heartbeat:
    return Heartbeat(
        worker_id=worker,
        epoch=1,
        at=datetime.now(UTC) - timedelta(seconds=ago_s),
        cameras=3,
        cameras_connected=3,
        frames_received=frames,
        frames_decoded=frames,
        frames_analysed=frames,
        drops={},
        alerts=0,
        spool_entries=0,
    )


@redis_only
def test_heartbeats_the_newest_of_each_worker(given: Parts, keeper: Housekeeper) -> None:
    given.client.xadd(HEARTBEATS.name, streams.fields(beat("gone", 1)), id=entry_id(ago_s=3600))
    for one in (beat("a", 1), beat("b", 5), beat("a", 2)):
        streams.add(given.client, HEARTBEATS, one)
    given.client.xadd(HEARTBEATS.name, {"body": "garbage"})
    keeper.step()
    seen = {name: one.beat.frames_analysed for name, one in keeper.vitals.workers.items()}
    assert seen == {"a": 2, "b": 5}
    streams.add(given.client, HEARTBEATS, beat("a", 3))
    keeper.step()
    assert keeper.vitals.workers["a"].beat.frames_analysed == 3
    assert given.count("fengsui_messages_total", stream="heartbeats", outcome="malformed") == 1
    assert keeper.vitals.redis_reachable


@redis_only
@pytest.mark.parametrize("error", [RecursionError("deep"), OverflowError("large")])
def test_a_heartbeat_that_cannot_be_decoded_stops_nothing(
    given: Parts, keeper: Housekeeper, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def poisoned(body: bytes, kind: type[Heartbeat]) -> Heartbeat:
        if body == b"poison":
            raise error
        return decode(body, kind)

    monkeypatch.setattr(housekeeping, "decode", poisoned)
    streams.add(given.client, HEARTBEATS, beat("a", 1))
    given.client.xadd(HEARTBEATS.name, {"body": "poison"})
    streams.add(given.client, HEARTBEATS, beat("b", 2))
    given.send(alert(drill=True), alert(60.0, drill=True))
    given.consumer.step()
    keeper.step()
    keeper.step()
    assert set(keeper.vitals.workers) == {"a", "b"}
    assert given.client.xlen(ALERTS_PRIORITY.name) == 1  # trimmed
    assert given.count("fengsui_messages_total", stream="heartbeats", outcome="unreadable") == 1


@redis_only
@pytest.mark.parametrize(
    ("said_ago_s", "ago_s", "lost"),
    [
        pytest.param(-3600.0, 11.0, True, id="an hour ahead and dead"),
        pytest.param(3600.0, 2.0, False, id="an hour behind and alive"),
        pytest.param(-7000 * 365 * 86400.0, 601.0, None, id="of a far year and forgotten"),
        pytest.param(0.0, -7000 * 365 * 86400.0, False, id="in an entry of a far year"),
    ],
)
def test_a_worker_is_judged_by_redis_clock(
    given: Parts, keeper: Housekeeper, said_ago_s: float, ago_s: float, lost: bool | None
) -> None:
    one = beat("w", 1, ago_s=said_ago_s)
    given.client.xadd(HEARTBEATS.name, streams.fields(one), id=entry_id(ago_s))
    keeper.step()
    now = datetime.now(UTC)
    assert [_worker(seen, now).lost for seen in keeper.vitals.workers.values()] == (
        [] if lost is None else [lost]
    )


@redis_only
def test_an_entry_of_a_far_year_does_not_keep_its_worker_for_ever(
    given: Parts, keeper: Housekeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = entry_id(-7000 * 365 * 86400.0)
    given.client.xadd(HEARTBEATS.name, streams.fields(beat("w", 1)), id=far)
    keeper.step()
    assert set(keeper.vitals.workers) == {"w"}
    monkeypatch.setattr(housekeeping, "WORKER_FORGOTTEN_S", 0.0)
    keeper.step()
    assert not keeper.vitals.workers


def test_a_drill_whose_worker_died_is_closed_and_may_go_on(
    given: Parts, keeper: Housekeeper
) -> None:
    given.send(alert(drill=True), alert(camera_id="real"))
    given.consumer.step()
    keeper.trim()
    keeper.trim()
    assert states(given) == {True: "closed", False: "new"}
    assert [row["kind"] for row in given.rows(tables.feed)].count("incident.closed") == 1
    given.send(alert(10.0, drill=True))  # the worker is back
    given.consumer.step()
    assert states(given) == {True: "dispatched", False: "new"}
    assert len(given.rows(tables.orders)) == 1


def states(given: Parts) -> dict[bool, str]:
    return {row["drill"]: row["state"] for row in given.rows(tables.incidents)}
