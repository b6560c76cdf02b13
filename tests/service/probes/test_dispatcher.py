"""What waits is sent: within the limits, by whom ever, once at least, whatever is away."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from pipelines import streams
from pipelines.streams import PROBE_JOBS, connect
from service import tables
from service.cameras import store as camera_store
from service.database import Database
from service.probes import queue
from service.probes.dispatcher import BACKLOG, ProbeDispatcher
from service.probes.limits import Limits
from service.probes.queue import ANSWER_LIMIT, CLAIM_LIMIT
from tests.service.estate import fill
from tests.service.helpers import Parts, opened
from tests.service.probes.kit import (
    add_cameras,
    address,
    asked,
    dispatcher,
    jobs,
    set_all,
    states,
)
from tests.support.redis_server import RedisServer

MANY = {"probe_subnet_per_s": 1000, "probe_platform_pulls": 1000, "probe_pulls": 1000}


@pytest.fixture(autouse=True)
def _estate(given: Parts) -> None:
    fill(given.database)


def drained(given: Parts) -> None:
    """Let a worker take every job that lies there, and answer none."""
    streams.create_group(given.client, PROBE_JOBS)
    given.client.xreadgroup("workers", "worker-1", {PROBE_JOBS.name: ">"}, count=1000)


def second_later(given: Parts) -> None:
    """Let all that was sent have been sent a second earlier."""
    with given.database.reading() as connection:
        rows = connection.execute(sa.select(tables.probes.c.probe_id, tables.probes.c.sent_at))
        moved = [(one.probe_id, one.sent_at - timedelta(seconds=2)) for one in rows if one.sent_at]
    with given.database.writing() as connection:
        for probe_id, at in moved:
            ours = tables.probes.c.probe_id == probe_id
            connection.execute(sa.update(tables.probes).where(ours).values(sent_at=at))


def test_a_job_says_what_to_look_at_also_at_a_camera_that_is_off(given: Parts) -> None:
    (camera,) = add_cameras(
        given,
        1,
        enabled=False,
        sub_url="rtsp://10.9.9.9/sub",
        upstream="平台一",
        gb_id="33010600001320000001",
        sealed_credentials="sealed",
    )
    asked(given, [camera], place_pictures=True)
    assert dispatcher(given).send() == 1
    (job,) = jobs(given)
    (row,) = given.rows(tables.probes)
    assert (job.job_id, job.camera.camera_id) == (row["probe_id"], camera)
    assert (job.camera.url, job.has_substream) == ("rtsp://10.9.9.9/sub", True)
    assert (job.camera.upstream, job.camera.gb_id) == ("平台一", "33010600001320000001")
    assert job.camera.sealed_credentials == "sealed"
    assert job.camera.place[-1] == "330106004"
    assert job.wants_place_picture
    assert job.expires_at == row["sent_at"] + ANSWER_LIMIT
    assert row["state"] == "sent"


def test_no_more_than_so_many_a_second_start_in_a_subnet(given: Parts) -> None:
    asked(given, add_cameras(given, 20, a_subnet=10))
    one = dispatcher(given)
    assert one.send() == 8
    assert Counter(job.camera.url.split(".")[2] for job in jobs(given)) == {"0": 4, "1": 4}
    assert one.send() == 0, "not within the same second"
    second_later(given)
    assert one.send() == 8


def test_no_more_than_so_many_of_a_platform_run_at_a_time(given: Parts) -> None:
    asked(given, add_cameras(given, 10, upstream="平台一"))
    asked(given, add_cameras(given, 3, main_url="rtsp://10.200.1.1/ch"))
    one = dispatcher(given, probe_platform_pulls=2)
    assert one.send() == 4
    second_later(given)
    assert one.send() == 0
    first = jobs(given)[0]
    with given.database.writing() as connection:
        ours = tables.probes.c.probe_id == first.job_id
        connection.execute(sa.update(tables.probes).where(ours).values(state="done"))
    assert one.send() == 1


def test_no_more_than_so_many_run_in_all_and_none_waits_in_the_stream_for_long(
    given: Parts,
) -> None:
    asked(given, add_cameras(given, 100))
    one = dispatcher(given, probe_pulls=40)
    assert one.send() == BACKLOG
    assert one.send() == 0, "nobody takes them"
    drained(given)
    assert one.send() == 40 - BACKLOG
    drained(given)
    assert one.send() == 0


def test_what_is_full_does_not_hold_up_the_rest(given: Parts) -> None:
    asked(given, add_cameras(given, queue.LOOKED_AT + 20, upstream="平台一"))
    late = add_cameras(given, 3, main_url="rtsp://10.77.0.1/main")
    asked(given, late, at=datetime.now(UTC) + timedelta(hours=1))
    one = dispatcher(given)
    one.send()
    one.send()
    assert {job.camera.camera_id for job in jobs(given)} >= set(late)


def test_replicas_share_the_limits(given: Parts, database_url: str) -> None:
    asked(given, add_cameras(given, 60, a_subnet=30, upstream="平台一"))
    barrier = threading.Barrier(3)

    def replica() -> None:
        client = connect(given.settings.redis_url)
        with opened(database_url) as database:
            one = ProbeDispatcher(
                client=client,
                database=database,
                settings=given.settings,
                metrics=given.metrics,
                live_workers=lambda: {"worker-1": 1},
            )
            barrier.wait()
            for _ in range(5):
                one.send()
        client.close()

    threads = [threading.Thread(target=replica) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [job.job_id for job in jobs(given)]
    assert len(ids) == len(set(ids)) == 8
    assert states(given) == {"sent": 8, "waiting": 52}


def test_what_another_replica_has_claimed_meanwhile_is_not_claimed_again(given: Parts) -> None:
    asked(given, add_cameras(given, 3))
    limits = Limits(subnet_per_s=9, platform_pulls=9, pulls=9)
    with given.database.reading() as connection:
        ids = queue.candidates(connection, limits)
    with given.database.writing() as connection:
        assert len(queue.claim(connection, ids, limits, 2)) == 2
    with given.database.writing() as connection:
        assert len(queue.claim(connection, ids, limits, 9)) == 1


def test_a_crash_before_redis_has_it_sends_it_later(given: Parts) -> None:
    asked(given, add_cameras(given, 3))
    claim(given.database)
    assert states(given) == {"sending": 3}, "and here the process died"
    one = dispatcher(given)
    one.settle()
    assert one.send() == 0, "it may be alive and slow"
    set_all(given, sent_at=datetime.now(UTC) - CLAIM_LIMIT - timedelta(seconds=1))
    one.settle()
    assert one.send() == 3
    assert states(given) == {"sent": 3}


def test_a_crash_before_it_is_ticked_off_sends_it_twice_and_never_not_at_all(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(given, add_cameras(given, 3))
    with monkeypatch.context() as patch:
        patch.setattr(queue, "tick_off", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            dispatcher(given).send()
    assert states(given) == {"sending": 3}
    set_all(given, sent_at=datetime.now(UTC) - CLAIM_LIMIT - timedelta(seconds=1))
    one = dispatcher(given)
    one.settle()
    drained(given)
    assert one.send() == 3
    assert [*Counter(job.job_id for job in jobs(given)).values()] == [2, 2, 2]


def test_while_redis_refuses_nothing_is_lost(given: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(given, add_cameras(given, 3))
    one = dispatcher(given)

    def refused(_jobs: Any) -> None:
        raise redis.ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(one, "_write", refused)
        with pytest.raises(redis.ConnectionError):
            one.send()
    assert states(given) == {"waiting": 3}
    assert one.send() == 3


def test_while_redis_is_away_nothing_is_claimed_and_all_is_sent_once_it_is_back(
    given: Parts,
) -> None:
    asked(given, add_cameras(given, 3))
    with RedisServer() as server:
        client = connect(server.url)
        one = ProbeDispatcher(
            client=client,
            database=given.database,
            settings=given.settings,
            metrics=given.metrics,
            live_workers=lambda: {"worker-1": 1},
        )
        server.stop()
        with pytest.raises(redis.RedisError):
            one.send()
        assert states(given) == {"waiting": 3}
        assert all(row["sent_at"] is None for row in given.rows(tables.probes))
        server.start()
        assert one.send() == 3
        client.close()


def test_without_a_worker_all_waits_and_nothing_runs_out_of_time(given: Parts) -> None:
    asked(given, add_cameras(given, 3))
    one = dispatcher(given, live={})
    one.wake()
    one.step()
    assert jobs(given) == []
    assert states(given) == {"waiting": 3}
    assert given.count("fengsui_probes_waiting") == 3


def test_what_nobody_answers_expires_and_makes_room(given: Parts) -> None:
    asked(given, add_cameras(given, 3, upstream="平台一"))
    one = dispatcher(given, probe_platform_pulls=2)
    assert one.send() == 2
    old = datetime.now(UTC) - ANSWER_LIMIT
    with given.database.writing() as connection:
        sent = tables.probes.c.state == "sent"
        values = {"sent_at": old + timedelta(seconds=20)}
        connection.execute(sa.update(tables.probes).where(sent).values(values))
    one.settle()
    assert states(given) == {"sent": 2, "waiting": 1}
    with given.database.writing() as connection:
        values = {"sent_at": old - timedelta(seconds=1)}
        connection.execute(sa.update(tables.probes).where(sent).values(values))
    one.settle()
    assert states(given) == {"expired": 2, "waiting": 1}
    assert given.count("fengsui_probe_states_total", state="expired") == 2
    assert one.send() == 1


def test_a_clock_that_was_set_back_keeps_nothing_for_ever(given: Parts) -> None:
    asked(given, add_cameras(given, 2, upstream="平台一"))
    one = dispatcher(given, probe_platform_pulls=1)
    assert one.send() == 1
    with given.database.writing() as connection:
        sent = tables.probes.c.state == "sent"
        values = {"sent_at": datetime.now(UTC) + timedelta(days=1)}
        connection.execute(sa.update(tables.probes).where(sent).values(values))
    one.settle()
    assert states(given) == {"expired": 1, "waiting": 1}
    assert one.send() == 1


def test_a_camera_whose_address_changed_waits_where_it_is_now(given: Parts) -> None:
    (camera,) = add_cameras(given, 1)
    asked(given, [camera])
    with given.database.writing() as connection:
        ours = tables.cameras.c.camera_id == camera
        connection.execute(sa.update(tables.cameras).where(ours).values(main_url=address(99)))
    one = dispatcher(given)
    assert one.send() == 0
    (row,) = given.rows(tables.probes)
    assert (row["state"], row["subnet"], row["sent_at"]) == ("waiting", "10.0.99.0/24", None)
    assert one.send() == 1
    assert jobs(given)[0].camera.url == address(99)


def test_a_camera_that_went_or_cannot_be_read_is_not_sent(given: Parts) -> None:
    gone, unreadable, good = add_cameras(given, 3)
    asked(given, [gone, unreadable, good])
    with given.database.writing() as connection:
        ours = tables.cameras.c.camera_id == unreadable
        values = {"hazards": ["of a later version"]}
        connection.execute(sa.update(tables.cameras).where(ours).values(values))
        connection.execute(sa.delete(tables.cameras).where(tables.cameras.c.camera_id == gone))
    assert dispatcher(given).send() == 1
    assert [job.camera.camera_id for job in jobs(given)] == [good]
    assert states(given) == {"cancelled": 2, "sent": 1}


def test_what_waits_of_a_camera_that_is_removed_is_cancelled(given: Parts) -> None:
    (camera,) = add_cameras(given, 1)
    asked(given, [camera])
    with given.database.writing() as connection:
        row = connection.execute(
            sa.select(tables.cameras).where(tables.cameras.c.camera_id == camera)
        )
        camera_store.remove(connection, row.mappings().one(), datetime.now(UTC))
    assert states(given) == {"cancelled": 1}


def claim(database: Database) -> list[queue.Claimed]:
    limits = Limits(subnet_per_s=4, platform_pulls=8, pulls=200)
    with database.reading() as connection:
        ids = queue.candidates(connection, limits)
    with database.writing() as connection:
        return queue.claim(connection, ids, limits, 100)


def test_a_batch_that_is_asked_for_later_does_not_wait_for_an_estate(given: Parts) -> None:
    asked(given, add_cameras(given, 300), at=datetime.now(UTC) - timedelta(seconds=60))
    (late,) = add_cameras(given, 1, main_url="rtsp://10.201.1.1/main")
    asked(given, [late], at=datetime.now(UTC) - timedelta(seconds=50))
    one = dispatcher(given)
    sent: list[str] = []
    for _ in range(3):
        one.send()
        drained(given)
        sent = [job.camera.camera_id for job in jobs(given)]
    assert late in sent[:45]
