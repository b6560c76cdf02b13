"""Changes to the workers through a real Redis: soon, once, and to nobody else."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, cast

import httpx
import msgspec
import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from pipelines.messages import MAX_REVISION, CameraChange, ChangeKind, decode, encode
from pipelines.metrics import WorkerMetrics
from pipelines.registry import Change, Part, Registry
from pipelines.sealing import host_of, open_sealed, private_key
from pipelines.streams import CAMERA_CHANGES, REGISTRY, REGISTRY_MARK, Client, connect
from service import tables
from service.cameras import publisher as publisher_module
from service.cameras.publisher import CameraPublisher
from service.cameras.registrations import change_of
from tests.service.cameras.kit import (
    HERE,
    PASSWORD,
    THERE,
    described,
    match,
    registered,
    told,
    townships,
)
from tests.service.estate import OWN, camera_row, fill
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.support.redis_server import RedisServer
from tests.support.waiting import until


def held(client: Client) -> dict[str, CameraChange]:
    """What the hash holds of cameras."""
    raw: Any = client.hgetall(REGISTRY)
    return {
        name.decode(): decode(body, CameraChange)
        for name, body in raw.items()
        if name != REGISTRY_MARK
    }


def mark(client: Client) -> bytes | None:
    found: Any = client.hget(REGISTRY, REGISTRY_MARK)
    return cast("bytes | None", found)


SOON_S = 2.0
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


def test_a_change_is_out_soon_and_touches_no_other(given: Parts) -> None:
    with townships(given) as (own, _, _):
        until(lambda: mark(given.client), "the first fill")
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


def test_a_camera_s_place_is_told_and_so_is_its_move(given: Parts) -> None:
    with townships(given) as (_, _, admin):
        made = registered(admin, place_code=HERE)
        name = made["camera_id"]
        until(lambda: told(given.client, name), "the camera")
        moved = admin.patch(f"/api/cameras/{name}", json={"place_code": THERE}, headers=match(made))
        assert moved.status_code == 200
        until(lambda: len(told(given.client, name)) == 2, "the move")
        before, after = told(given.client, name)
        assert before.camera is not None
        assert after.camera is not None
        assert before.camera.place == ("0", "330100", "330106", HERE)
        assert after.camera.place == ("0", "330100", "330109", THERE)
        assert after.revision > before.revision
        assert held(given.client)[name] == after


def test_what_was_told_without_a_place_is_told_with_it_after_an_upgrade(given: Parts) -> None:
    rows(given, "a")
    with publisher(given) as one:
        one.step()
    change = held(given.client)["a"]
    older = msgspec.to_builtins(change)
    del older["camera"]["place"]
    given.client.hset(REGISTRY, "a", msgspec.json.encode(older))
    assert held(given.client)["a"].camera.place == ()  # type: ignore[union-attr]
    before = mark(given.client)
    with publisher(given) as one:
        one.step()
    assert held(given.client)["a"] == change
    assert change.camera is not None
    assert change.camera.place == ("0",)
    assert mark(given.client) != before


def test_a_restart_tells_nothing(given: Parts) -> None:
    fill(given.database)
    with serving(given.settings):
        until(lambda: len(held(given.client)) == 2, "the cameras")
        until(lambda: all(row["published_revision"] for row in given.rows(tables.cameras)), "ticks")
    before = told(given.client)
    with serving(given.settings) as url:
        rows(given, "later")
        until(lambda: told(given.client, "later"), "a later one", limit_s=5)
        assert url
    assert [one for one in told(given.client) if one.camera_id != "later"] == before


def test_an_emptied_redis_is_filled_again_under_a_new_mark(given: Parts) -> None:
    rows(given, "a", "b")
    with publisher(given) as one:
        one.step()
        before = mark(given.client)
        given.client.flushall()
        one.step()
        assert set(held(given.client)) == {"a", "b"}
        assert mark(given.client) not in {None, before}
        assert told(given.client) == []  # workers compare themselves to the hash


def test_nothing_is_ticked_off_that_redis_did_not_take(
    given: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    with publisher(given) as one:
        one.step()
        rows(given, "a", "b")
        given.client.set("camera.changes", "of another type")
        one.step()
        assert "delete the key camera.changes" in capsys.readouterr().out
        given.client.delete("camera.changes")
        one.step()
        assert {change.camera_id for change in told(given.client)} == {"a", "b"}
        assert all(row["published_revision"] == 1 for row in given.rows(tables.cameras))


def test_what_differs_after_a_restored_database_is_mended_under_a_new_mark(given: Parts) -> None:
    rows(given, "same", "older", "gone")
    with publisher(given) as one:
        one.step()
    edited(given, "older", name="other", main_url="rtsp://192.0.2.9/x", published_revision=9)
    with given.database.writing() as connection:
        connection.execute(sa.delete(tables.cameras).where(tables.cameras.c.camera_id == "gone"))
    before = mark(given.client)
    with publisher(given) as one:
        one.step()
    assert set(held(given.client)) == {"same", "older"}
    assert held(given.client)["older"].revision == 2
    assert mark(given.client) != before


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
        stale = slow._rows()
        edited(given, "a", main_url="rtsp://192.0.2.9/new")
        fast.step()
        slow._send([change_of(stale[0])])  # after the newer one
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
    rows(given, "kept", "lost")
    with RedisServer() as server, closing(connect(server.url)) as client:
        made = CameraPublisher(client=client, database=given.database, metrics=given.metrics)
        made._woken.wait = lambda _s=None: True  # type: ignore[method-assign]
        made.step()
        before = mark(client)
        client.hdel(REGISTRY, "lost")
        made.step()
        assert set(held(client)) == {"kept"}, "nobody looks so soon"
        server.kill()
        server.start()
        made.step()
        assert set(held(client)) == {"kept", "lost"}
        assert mark(client) != before


def restored(given: Parts, name: str, **values: object) -> None:
    """Set a camera's row back, as an older copy of the database has it."""
    with given.database.writing() as connection:
        connection.execute(
            sa.update(tables.cameras)
            .where(tables.cameras.c.camera_id == name)
            .values(**({"revision": 2, "published_revision": 2} | values))
        )


def follower(given: Parts, seen: list[Change]) -> Registry:
    return Registry(given.client, Part(), seen.append, WorkerMetrics(CollectorRegistry()))


def test_after_both_are_restored_from_one_backup_a_running_worker_hears_of_changes(
    given: Parts,
) -> None:
    """The hash equals the database, and both are behind what the worker knows."""
    rows(given, "a", "b")
    seen: list[Change] = []
    running = follower(given, seen)
    with publisher(given) as one:
        one.step()
        backup = {key: given.client.dump(key) for key in (REGISTRY, CAMERA_CHANGES.name)}
        for number in range(8):
            edited(given, "a", main_url=f"rtsp://192.0.2.9/{number}")
        rows(given, "later")
        one.step()
        running.step()
    for key, value in backup.items():
        given.client.restore(key, 0, value, replace=True)
    restored(given, "a", revision=1, published_revision=1, main_url="rtsp://192.0.2.1/main")
    with given.database.writing() as connection:
        connection.execute(sa.delete(tables.cameras).where(tables.cameras.c.camera_id == "later"))
    seen.clear()
    running.step()
    assert [one.camera_id for one in seen] == ["b"], "an old mark proves nothing"
    with publisher(given) as one:
        one.step()
        running.step()
        assert {(c.camera_id, c.revision) for c in seen if c.camera} == {("a", 1), ("b", 1)}
        assert [c.camera_id for c in seen if c.camera is None] == ["later"]
        edited(given, "a", enabled=False)
        one.step()
        running.step()
    assert (seen[-1].camera_id, seen[-1].revision, seen[-1].camera) == ("a", 2, None)


def test_after_a_restore_a_running_worker_hears_of_edits_again(given: Parts) -> None:
    rows(given, "edited", "same", revision=9, main_url="rtsp://192.0.2.9/new")
    seen: list[Change] = []
    running = follower(given, seen)
    with publisher(given) as one:
        one.step()
    running.step()
    restored(given, "edited", main_url="rtsp://192.0.2.9/old")
    restored(given, "same")
    with publisher(given) as one:
        one.step()
        running.step()
        edited(given, "same", main_url="rtsp://192.0.2.9/later")
        one.step()
        running.step()
    wanted = {change.camera_id: change.camera.url for change in seen if change.camera}
    assert wanted == {"edited": "rtsp://192.0.2.9/old", "same": "rtsp://192.0.2.9/later"}
    assert {row["revision"] for row in given.rows(tables.cameras)} == {2, 3}


def test_an_impossible_revision_holds_a_camera_no_longer_than_a_reconciliation(
    given: Parts,
) -> None:
    rows(given, "a", "b")
    seen: list[Change] = []
    running = follower(given, seen)
    with publisher(given) as one:
        one.step()
        poison = msgspec.structs.replace(held(given.client)["a"], revision=MAX_REVISION)
        given.client.hset(REGISTRY, "a", encode(poison))
        running.step()
        assert max(change.revision for change in seen) == MAX_REVISION
        one._reconcile_at_s = 0.0
        one.step()
        running.step()
        edited(given, "a", main_url="rtsp://192.0.2.9/later")
        one.step()
        running.step()
    assert (seen[-1].camera_id, seen[-1].revision) == ("a", 2)


def test_what_is_no_camera_s_is_taken_out(given: Parts) -> None:
    rows(given, "a")
    with publisher(given) as one:
        one.step()
        given.client.hset(REGISTRY, mapping={b"\xff": "x", "foreign": "y"})
        one._reconcile_at_s = 0.0
        one.step()
    assert set(held(given.client)) == {"a"}


def test_a_look_that_finds_nothing_changes_nothing(given: Parts) -> None:
    rows(given, "a", "b")
    with publisher(given) as one:
        one.step()
        before, stream = given.client.hgetall(REGISTRY), told(given.client)
        for _ in range(2):
            one._reconcile_at_s = 0.0
            one.step()
    assert given.client.hgetall(REGISTRY) == before
    assert told(given.client) == stream


def test_a_lost_hash_is_filled_again_by_the_next_step(given: Parts) -> None:
    rows(given, "a", "b")
    with publisher(given) as one:
        one.step()
        given.client.delete(REGISTRY)
        one.step()
    assert set(held(given.client)) == {"a", "b"}
    assert mark(given.client)


def test_a_hash_that_is_lost_while_it_is_written_gets_no_mark(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(given, *(f"c{number}" for number in range(5)))
    monkeypatch.setattr(publisher_module, "BATCH_CAMERAS", 2)
    really, calls = given.client.eval, []

    def lossy(script: str, *rest: Any) -> Any:
        calls.append(script)
        if len(calls) == 3:
            given.client.delete(REGISTRY)
        return really(script, *rest)

    monkeypatch.setattr(given.client, "eval", lossy)
    with publisher(given) as one:
        one.step()
        assert mark(given.client) is None, "a worker would let go of what is missing"
        one.step()
    assert len(held(given.client)) == 5
    assert mark(given.client)


def test_what_another_replica_wrote_meanwhile_is_newer_and_stays(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(given, "a")
    with publisher(given) as slow, publisher(given) as fast:
        fast.step()
        slow.step()
        given.client.hset(REGISTRY, "a", "garbage")
        really = slow._differing

        def meanwhile(*args: Any) -> Any:
            found = really(*args)
            edited(given, "a", main_url="rtsp://192.0.2.9/new")
            fast.step()
            return found

        monkeypatch.setattr(slow, "_differing", meanwhile)
        slow._reconcile_at_s = 0.0
        slow.step()
    assert held(given.client)["a"].revision == 2


@pytest.mark.parametrize("gone", [False, True])
def test_the_newest_is_told_last_whichever_replica_ticks_off_first(
    given: Parts, *, gone: bool
) -> None:
    seen: list[Change] = []
    running = follower(given, seen)
    rows(given, "v", published_revision=1)
    with publisher(given) as slow, publisher(given) as fast:
        for one in (slow, fast):
            one.step()
        running.step()
        edited(given, "v", main_url="rtsp://192.0.2.9/r2")
        late = slow._rows(publisher_module._UNTOLD)
        if gone:
            with given.database.writing() as connection:
                connection.execute(sa.delete(tables.cameras))
                connection.execute(
                    sa.insert(tables.camera_removals).values(
                        camera_id="v", revision=3, removed_at=late[0]["updated_at"]
                    )
                )
            fast.step()
        else:
            edited(given, "v", enabled=False)
            newest = fast._rows(publisher_module._UNTOLD)
            fast._send([change_of(row) for row in newest])
        slow._send([change_of(row) for row in late])
        running.step()
        assert seen[-1].camera is None, "what comes late is stale"
        slow._tick_off(late)
        if not gone:
            fast._tick_off(newest)
        for one in (slow, fast):
            one.step()
    assert held(given.client) == {}
    assert told(given.client)[-1].kind is ChangeKind.REMOVED
    assert given.rows(tables.camera_removals) == []


def test_a_removal_does_not_wait_for_changes_to_end(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with publisher(given) as one:
        one.step()
        monkeypatch.setattr(publisher_module, "BATCH_CAMERAS", 1)
        rows(given, "a", "b")
        with given.database.writing() as connection:
            now = given.rows(tables.cameras)[0]["updated_at"]
            connection.execute(
                sa.insert(tables.camera_removals).values(camera_id="x", revision=2, removed_at=now)
            )
        one.step()
        assert [change.camera_id for change in told(given.client)][1:] == ["x"]


def test_a_row_that_can_t_be_read_costs_no_other_and_can_still_go(
    given: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    rows(given, "bad", "good")
    with publisher(given) as one:
        one.step()
        edited(given, "bad", hazards=["lava"])
        edited(given, "good", main_url="rtsp://192.0.2.9/new")
        one.step()
        said = capsys.readouterr().out
        assert said.count("camera_unreadable") == 1
        assert "camera=bad" in said
        assert "Traceback" not in said
        for _ in range(2):
            one._reconcile_at_s = 0.0
            one.step()
        assert {name: c.revision for name, c in held(given.client).items()} == {
            "bad": 1,
            "good": 2,
        }
        assert "camera_unreadable" not in capsys.readouterr().out
        label = {"stream": CAMERA_CHANGES.name, "outcome": "unreadable"}
        assert given.count("fengsui_messages_total", **label) == 1
        edited(given, "bad", enabled=False)
        one.step()
    assert set(held(given.client)) == {"good"}
    assert told(given.client, "bad")[-1].kind is ChangeKind.REMOVED


def test_a_redis_that_may_evict_is_warned_of_and_one_that_does_not_say_is_not(
    given: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    with RedisServer() as server, closing(connect(server.url)) as client:

        def start() -> str:
            made = CameraPublisher(client=client, database=given.database, metrics=given.metrics)
            made._woken.wait = lambda _s=None: True  # type: ignore[method-assign]
            made.step()
            return capsys.readouterr().out

        assert "redis_may_evict" not in start()
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert "set maxmemory-policy noeviction" in start()
        client.acl_setuser("default", enabled=True, nopass=True, commands=["-config"])
        assert "redis_may_evict" not in start()


def test_a_registry_of_another_type_says_which_key_to_delete(
    given: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    given.client.set(REGISTRY, "x")
    rows(given, "a")
    with publisher(given) as one:
        one.step()
        said = capsys.readouterr().out
        assert "delete the key camera.registry, which holds a string" in said
        given.client.delete(REGISTRY)
        one.step()
    assert set(held(given.client)) == {"a"}
