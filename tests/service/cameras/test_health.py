"""How it stood with cameras: noted once, in order, and told in shares of time."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from pipelines.messages import Heartbeat, WatchState
from service import tables
from service.cameras import health
from service.cameras.health import CameraHealth, Change
from service.cameras.history import HistoryKeeper
from service.database import Database
from service.housekeeping import Vitals, WorkerSeen
from tests.service.cameras.crowd import add, plant
from tests.service.cameras.kit import match, registered, townships
from tests.service.cameras.test_states import reader, say
from tests.service.helpers import Parts

NOW = datetime.now(UTC).replace(microsecond=0)

Told = Sequence[tuple[float, str, str | None]]
"""Minutes ago, state, fault."""


def changes(*told: tuple[float, str, str | None], camera_id: str = "a") -> list[Change]:
    return [
        Change(
            camera_id=camera_id,
            at=NOW - timedelta(minutes=ago),
            worker_id="w1",
            state=state,
            fault=fault,
        )
        for ago, state, fault in told
    ]


def note(database: Database, *told: tuple[float, str, str | None]) -> int:
    with database.writing() as connection:
        return health.note(connection, changes(*told))


def noted(database: Database, camera_id: str = "a") -> list[tuple[float, str, str | None]]:
    query = sa.select(tables.camera_health).where(tables.camera_health.c.camera_id == camera_id)
    with database.reading() as connection:
        rows = connection.execute(query.order_by(tables.camera_health.c.at)).mappings().all()
    return [((NOW - row["at"]).total_seconds() / 60, row["state"], row["fault"]) for row in rows]


def report(database: Database, days: int = 1, age: timedelta = timedelta(days=9)) -> CameraHealth:
    with database.reading() as connection:
        return health.report(connection, "a", days, NOW - age, NOW)


@pytest.fixture
def one(database: Database) -> Database:
    plant(database)
    add(database, "a")
    return database


def test_what_changes_is_noted_and_what_is_read_again_is_not(one: Database) -> None:
    told = [
        (60, "connecting", None),
        (59, "fault", "unreachable"),
        (58, "fault", "unreachable"),
        (57, "fault", "unauthorized"),
        (50, "watching", None),
    ]
    kept = [row for row in told if row[0] != 58]
    assert note(one, *told[:2]) == 0
    assert note(one, *told) == 0
    assert noted(one) == kept
    note(one, *told)
    note(one, *told[:3])
    assert noted(one) == kept
    assert [change.state for change in report(one).changes] == [
        "watching", "fault", "fault", "connecting",
    ]  # fmt: skip


def test_of_one_millisecond_the_last_counts(one: Database) -> None:
    note(one, (9, "connecting", None), (9, "fault", "refused"), (8, "connecting", None))
    note(one, (8, "watching", None))
    assert noted(one) == [(9, "fault", "refused"), (8, "watching", None)]


def test_a_camera_that_comes_and_goes_all_day_fills_no_disk(one: Database) -> None:
    flapping = [(60 - n / 2, "watching" if n % 2 else "connecting", None) for n in range(100)]
    assert note(one, *flapping) == 70
    assert note(one, (1, "fault", "unreachable")) == 1
    assert len(noted(one)) == health.MOST_AN_HOUR
    assert note(one, (-60, "fault", "unreachable")) == 0


def test_shares_are_of_the_time_asked_for(one: Database) -> None:
    day = 24 * 60
    assert report(one).shares.unwatched == 1
    note(one, (3 * day, "fault", "unreachable"))
    assert report(one).shares.fault == 1
    note(one, (day * 3 / 4, "watching", None), (day / 2, "unwatched", None))
    note(one, (day / 4, "connecting", None))
    found = report(one).shares
    assert (found.fault, found.watching, found.unwatched, found.connecting) == pytest.approx(
        (0.25, 0.25, 0.25, 0.25)
    )
    # Of what lies before these days the last is told: it is how they began.
    assert [change.state for change in report(one).changes][-1] == "fault"
    young = report(one, age=timedelta(hours=12)).shares
    assert (young.unwatched, young.connecting) == pytest.approx((0.5, 0.5))
    assert sum(report(one, days=30).shares.model_dump().values()) == pytest.approx(1)


def test_what_is_old_goes_but_for_how_the_time_kept_began(
    one: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "FORGOTTEN_AT_ONCE", 2)
    note(one, *[(100 - n, "watching" if n % 2 else "connecting", None) for n in range(10)])
    health.forget_before(one, NOW - timedelta(minutes=94.5))
    assert [ago for ago, _, _ in noted(one)] == [95, 94, 93, 92, 91]
    health.forget_before(one, NOW)
    assert [ago for ago, _, _ in noted(one)] == [91]


class Watch:
    """The keeper of the history, and what it hears of one worker."""

    def __init__(self, database: Database) -> None:
        self.vitals = Vitals(redis_reachable=True)
        self.keeper = HistoryKeeper(
            database=database,
            vitals=self.vitals,
            stopping=threading.Event(),
            every_s=0,
            settled_after_s=0,
        )

    def heard(self, ago_s: float, epoch: int = 7) -> None:
        beat = Heartbeat(
            worker_id="w1", epoch=epoch, at=NOW, cameras=1, cameras_connected=1,
            frames_received=0, frames_decoded=0, frames_analysed=0, drops={}, alerts=0,
            spool_entries=0,
        )  # fmt: skip
        heard_at = datetime.now(UTC) - timedelta(seconds=ago_s)
        self.vitals.workers = {"w1": WorkerSeen(beat=beat, heard_at=heard_at)}


def states(database: Database) -> list[str]:
    return [state for _, state, _ in noted(database)]


def test_a_silent_worker_s_cameras_are_unwatched_until_it_is_heard_again(one: Database) -> None:
    watch = Watch(one)
    with one.writing() as connection:
        values = {"worker_id": "w1", "epoch": 7, "state": "fault", "fault": "x", "revision": 1}
        since = NOW - timedelta(minutes=5)
        connection.execute(
            sa.insert(tables.camera_states).values(camera_id="a", since=since, **values)
        )
    note(one, (5, "fault", "x"))
    watch.heard(0)
    watch.keeper.step()
    assert states(one) == ["fault"]
    watch.heard(120)
    watch.keeper.step()
    watch.keeper.step()
    assert states(one) == ["fault", "unwatched"]
    ago, _, fault = noted(one)[-1]
    ago += (datetime.now(UTC) - NOW).total_seconds() / 60
    assert (1.9 < ago < 3, fault) == (True, None)  # as it was heard last
    watch.heard(0)
    watch.keeper.step()
    assert [row[1:] for row in noted(one)] == [("fault", "x"), ("unwatched", None), ("fault", "x")]
    watch.heard(60)  # before what is known already: our clock and Redis' may differ
    watch.keeper.step()
    assert states(one)[-1] == "unwatched"
    watch.heard(0)
    watch.keeper.step()
    assert states(one)[-1] == "fault"
    watch.heard(0, epoch=8)  # it began anew, and says nothing of this camera any more
    watch.keeper.step()
    assert states(one)[-1] == "unwatched"
    watch.heard(0)
    watch.keeper.step()
    with one.writing() as connection:
        later = datetime.now(UTC)
        connection.execute(sa.update(tables.cameras).values(enabled=False, updated_at=later))
    watch.keeper.step()
    assert states(one)[-2:] == ["fault", "unwatched"]


def test_while_redis_is_away_nobody_is_called_silent(one: Database) -> None:
    watch = Watch(one)
    with one.writing() as connection:
        values = {"worker_id": "w1", "epoch": 7, "state": "watching", "revision": 1, "since": NOW}
        connection.execute(sa.insert(tables.camera_states).values(camera_id="a", **values))
    note(one, (5, "watching", None))
    watch.vitals.redis_reachable = False
    watch.keeper.step()
    assert states(one) == ["watching"]
    watch.vitals.redis_reachable = True
    watch.keeper.step()
    assert states(one) == ["watching", "unwatched"]


def test_from_a_worker_s_word_to_the_api_and_gone_with_the_camera(given: Parts) -> None:
    with townships(given) as (own, foreign, _):
        made = registered(own)
        path = f"/api/cameras/{made['camera_id']}"
        for state, fault in (
            (WatchState.CONNECTING, None),
            (WatchState.FAULT, "unreachable"),
            (WatchState.FAULT, "unreachable"),
        ):
            say(given, made["camera_id"], state, fault=fault)
        say(given, "of-a-file", WatchState.WATCHING)
        for _ in range(2):
            reader(given).step()
        shown = own.get(f"{path}/health?days=30").json()
        told = [(change["state"], change["fault"]) for change in shown["changes"]]
        assert told[0] == ("fault", "unreachable")
        assert len(told) <= 2  # one, if both came in one millisecond
        assert sum(shown["shares"].values()) == pytest.approx(1)
        assert own.get(f"{path}/health").json()["days"] == 7
        assert own.get(f"{path}/health?days=31").status_code == 422
        assert foreign.get(f"{path}/health").json()["code"] == "unknown_camera"
        assert {row["camera_id"] for row in given.rows(tables.camera_health)} == {made["camera_id"]}
        assert own.delete(path, headers=match(made)).status_code == 204
        assert given.rows(tables.camera_health) == []
