"""Changes to the workers through a real Redis: soon, once, and to nobody else."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import httpx
import msgspec
import pytest
import redis
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from pipelines.messages import MAX_REVISION, ChangeKind, encode
from pipelines.metrics import WorkerMetrics
from pipelines.registry import Change, Part, Registry
from pipelines.sealing import host_of, open_sealed, private_key
from pipelines.streams import REGISTRY, REGISTRY_WHOLE, connect
from service import tables
from service.cameras import publisher as publisher_module
from service.cameras.publisher import CameraPublisher
from tests.service.cameras.kit import PASSWORD, described, held, match, registered, told, townships
from tests.service.estate import OWN, camera_row, fill
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

SOON_S = 0.5
"""A worker has the rest of the two seconds."""


@contextmanager
def publisher(given: Parts) -> Iterator[CameraPublisher]:
    """One to be stepped by hand: woken beforehand, so that no step waits."""
    made = CameraPublisher(client=given.client, database=given.database, metrics=given.metrics)
    made._woken.set = lambda: None  # type: ignore[method-assign]
    made._woken.wait = lambda _s=None: True  # type: ignore[method-assign]
    yield made


def rows(given: Parts, *names: str, **changes: object) -> None:
    with given.database.writing() as connection:
        for name in names:
            values = camera_row(name, "0") | changes
            connection.execute(sa.insert(tables.cameras).values(**values))


def edited(given: Parts, name: str, /, **values: object) -> None:
    with given.database.writing() as connection:
        connection.execute(
            sa.update(tables.cameras)
            .where(tables.cameras.c.camera_id == name)
            .values(**values, revision=tables.cameras.c.revision + 1)
        )


def test_a_change_is_out_within_milliseconds_and_touches_no_other(given: Parts) -> None:
    with townships(given) as (own, _, _):
        until(lambda: given.client.get(REGISTRY_WHOLE), "the first fill")
        before_s = time.monotonic()
        made = registered(
            own,
            main_url=f"rtsp://admin:{PASSWORD}@192.0.2.10/main",
            sub_url="rtsp://192.0.2.10/sub",
            zones=[{"zone_id": "z", "polygon": [[0, 0], [1, 0], [1, 1]]}],
        )
        name = made["camera_id"]
        (change,) = until(lambda: told(given.client, name), "the change")
        assert time.monotonic() - before_s < SOON_S
        assert held(given.client)[name] == change
        assert change.camera is not None
        assert change.camera.url == "rtsp://192.0.2.10/sub"
        assert change.camera.zones[0].zone_id == "z"
        sealed = str(change.camera.sealed_credentials)
        key = private_key(given.settings.worker_key.with_name("worker.key"))  # type: ignore[union-attr]
        user, password = open_sealed([key], sealed, name, host_of(change.camera.url))
        assert (user, password.reveal()) == ("admin", PASSWORD)
        assert PASSWORD not in str(given.client.xrange("camera.changes"))
        others = [one.camera_id for one in told(given.client) if one.camera_id != name]
        disabled = own.patch(f"/api/cameras/{name}", json={"enabled": False}, headers=match(made))
        assert disabled.json()["state"] == "disabled"
        until(lambda: name not in held(given.client), "the removal")
        assert [one.kind for one in told(given.client, name)] == [
            ChangeKind.UPSERTED,
            ChangeKind.REMOVED,
        ]
        assert [one.camera_id for one in told(given.client) if one.camera_id != name] == others


def test_a_removed_camera_leaves_and_its_row_is_forgotten(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(own)
        name = made["camera_id"]
        until(lambda: name in held(given.client), "the camera")
        own.delete(f"/api/cameras/{name}", headers=match(made))
        until(lambda: len(told(given.client, name)) == 2, "the removal")
        last = told(given.client, name)[-1]
        assert (last.kind, last.revision) == (ChangeKind.REMOVED, 2)
        assert name not in held(given.client)
        until(lambda: not given.rows(tables.camera_removals), "the row")


def test_a_restart_tells_nothing(given: Parts) -> None:
    fill(given.database)
    with serving(given.settings):
        until(lambda: len(held(given.client)) == 2, "the cameras")
        until(lambda: all(row["published_revision"] for row in given.rows(tables.cameras)), "ticks")
    before, mark = told(given.client), given.client.get(REGISTRY_WHOLE)
    with serving(given.settings) as url:
        rows(given, "later")
        until(lambda: told(given.client, "later"), "a later one", limit_s=5)
        assert url
    assert [one for one in told(given.client) if one.camera_id != "later"] == before
    assert given.client.get(REGISTRY_WHOLE) == mark


def test_an_emptied_redis_is_filled_again_under_a_new_mark(given: Parts) -> None:
    rows(given, "a", "b")
    with publisher(given) as one:
        one.step()
        mark = given.client.get(REGISTRY_WHOLE)
        given.client.flushall()
        one.step()
        assert set(held(given.client)) == {"a", "b"}
        assert given.client.get(REGISTRY_WHOLE) not in {None, mark}
        assert told(given.client) == []  # workers compare themselves to the hash


def test_nothing_is_ticked_off_that_redis_did_not_take(given: Parts) -> None:
    with publisher(given) as one:
        one.step()
        rows(given, "a", "b")
        given.client.set("camera.changes", "of another type")
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            one.step()
        assert all(row["published_revision"] == 0 for row in given.rows(tables.cameras))
        given.client.delete("camera.changes")
        one.step()
        assert {change.camera_id for change in told(given.client)} == {"a", "b"}
        assert all(row["published_revision"] == 1 for row in given.rows(tables.cameras))


def test_what_differs_after_a_restored_database_is_told(given: Parts) -> None:
    rows(given, "same", "older", "gone")
    with publisher(given) as one:
        one.step()
    edited(given, "older", name="other", main_url="rtsp://192.0.2.9/x", published_revision=9)
    with given.database.writing() as connection:
        connection.execute(sa.delete(tables.cameras).where(tables.cameras.c.camera_id == "gone"))
    before = len(told(given.client))
    with publisher(given) as one:
        one.step()
        one.step()
    since = {(one.camera_id, one.kind) for one in told(given.client)[before:]}
    assert since == {("older", ChangeKind.UPSERTED), ("gone", ChangeKind.REMOVED)}
    assert set(held(given.client)) == {"same", "older"}


def test_drill_cameras_are_never_told(given: Parts) -> None:
    rows(given, "drill-1", drill=True)
    rows(given, "a")
    with publisher(given) as one:
        one.step()
        edited(given, "drill-1", name="x")
        one.step()
    assert set(held(given.client)) == {"a"}
    assert told(given.client, "drill-1") == []


def test_an_overtaken_replica_has_the_newest_told_again(given: Parts) -> None:
    rows(given, "a")
    with publisher(given) as slow, publisher(given) as fast:
        fast.step()
        with given.database.reading() as connection:
            stale = connection.execute(sa.select(tables.cameras)).mappings().all()
        edited(given, "a", main_url="rtsp://192.0.2.9/new")
        fast.step()
        slow._send([publisher_module._change(stale[0])])  # after the newer one
        slow._tick_off(stale)
        fast.step()
    camera = held(given.client)["a"].camera
    assert camera is not None
    assert camera.url == "rtsp://192.0.2.9/new"


def test_changes_wait_while_redis_is_away(given: Parts) -> None:
    fill(given.database)
    away = replace(given.settings, redis_url="redis://127.0.0.1:1/0")
    who = bearer(given.database, "integrator", [OWN])
    with serving(away) as url:
        made = httpx.post(f"{url}/api/cameras", json=described(), headers=who, timeout=10)
        assert made.status_code == 201
    with serving(given.settings):
        until(lambda: made.json()["camera_id"] in held(given.client), "the camera")


def test_a_server_that_crashed_and_lost_its_last_second_is_compared_anew(given: Parts) -> None:
    """Its mark survives, being older: only that it is another run tells."""
    rows(given, "kept", "lost")
    with RedisServer() as server, closing(connect(server.url)) as client:
        made = CameraPublisher(client=client, database=given.database, metrics=given.metrics)
        made._woken.wait = lambda _s=None: True  # type: ignore[method-assign]
        made.step()
        client.hdel(REGISTRY, "lost")
        made.step()
        assert set(held(client)) == {"kept"}, "nobody looks while it is the same run"
        server.kill()
        server.start()
        made.step()
        assert set(held(client)) == {"kept", "lost"}
        assert [one.camera_id for one in told(client)][-1] == "lost"


def restored(given: Parts, name: str, **values: object) -> None:
    """Set a camera's row back, as an older copy of the database has it."""
    with given.database.writing() as connection:
        connection.execute(
            sa.update(tables.cameras)
            .where(tables.cameras.c.camera_id == name)
            .values(**values, revision=2, published_revision=2)
        )


def test_after_a_restore_a_running_worker_hears_of_edits_again(given: Parts) -> None:
    rows(given, "edited", "same", revision=9, main_url="rtsp://192.0.2.9/new")
    seen: list[Change] = []
    follower = Registry(given.client, Part(), seen.append, WorkerMetrics(CollectorRegistry()))
    with publisher(given) as one:
        one.step()
    follower.step()
    restored(given, "edited", main_url="rtsp://192.0.2.9/old")
    restored(given, "same")
    with publisher(given) as one:
        one.step()
        follower.step()
        edited(given, "same", main_url="rtsp://192.0.2.9/later")
        one.step()
        follower.step()
    wanted = {change.camera_id: change.camera.url for change in seen if change.camera}
    assert wanted == {"edited": "rtsp://192.0.2.9/old", "same": "rtsp://192.0.2.9/later"}
    assert {row["revision"] for row in given.rows(tables.cameras)} == {10, 11}


def test_an_impossible_revision_holds_a_camera_no_longer_than_a_step(given: Parts) -> None:
    rows(given, "a", "b")
    seen: list[Change] = []
    follower = Registry(given.client, Part(), seen.append, WorkerMetrics(CollectorRegistry()))
    with publisher(given) as one:
        one.step()
    poison = msgspec.structs.replace(held(given.client)["a"], revision=MAX_REVISION)
    given.client.hset(REGISTRY, "a", encode(poison))
    follower.step()
    assert max(change.revision for change in seen) == MAX_REVISION
    with publisher(given) as one:
        one.step()
        follower.step()
        edited(given, "a", main_url="rtsp://192.0.2.9/later")
        one.step()
        follower.step()
    assert (seen[-1].camera_id, seen[-1].revision) == ("a", 2)
    assert {row["revision"] for row in given.rows(tables.cameras)} == {1, 2}


def test_a_field_that_is_no_name_is_taken_out_and_stops_nothing(given: Parts) -> None:
    rows(given, "a")
    with publisher(given) as one:
        one.step()
    given.client.hset(REGISTRY, b"\xff", "x")
    rows(given, "b")
    with publisher(given) as one:
        one.step()
    assert sorted(given.client.hkeys(REGISTRY)) == [b"a", b"b"]
    assert given.count("fengsui_messages_total", stream=REGISTRY, outcome="unreadable") == 1
