"""What workers say of their cameras, through a real Redis into the API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pipelines import streams
from pipelines.messages import CameraState, Heartbeat, WatchState
from pipelines.streams import CAMERA_STATES, HEARTBEATS
from service import tables
from service.cameras.states import StateReader
from tests.service.cameras.kit import registered, townships
from tests.service.helpers import Parts
from tests.support.waiting import until


def say(given: Parts, camera_id: str, state: WatchState, **changes: Any) -> None:
    values: dict[str, Any] = {
        "worker_id": "w1",
        "epoch": 1,
        "revision": 1,
        "at": datetime.now(UTC) + timedelta(days=400),  # its clock is wrong, and serves for nothing
    }
    streams.add(
        given.client,
        CAMERA_STATES,
        CameraState(camera_id=camera_id, state=state, **(values | changes)),
    )


def beat(given: Parts, epoch: int = 1) -> None:
    streams.add(
        given.client,
        HEARTBEATS,
        Heartbeat(
            worker_id="w1", epoch=epoch, at=datetime.now(UTC), cameras=1, cameras_connected=1,
            frames_received=0, frames_decoded=0, frames_analysed=0, drops={}, alerts=0,
            spool_entries=0,
        ),
    )  # fmt: skip


def test_a_state_shows_while_its_worker_lives(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(own)
        path = f"/api/cameras/{made['camera_id']}"
        say(given, made["camera_id"], WatchState.WATCHING)
        until(lambda: given.rows(tables.camera_states), "the state")
        assert own.get(path).json()["state"] == "unwatched"  # nobody has heard of that worker
        beat(given)
        shown = until(lambda: (one := own.get(path).json())["state"] == "watching" and one, "it")
        assert shown["worker_id"] == "w1"
        assert abs(datetime.now(UTC) - datetime.fromisoformat(shown["since"])) < timedelta(
            minutes=1
        )
        say(given, made["camera_id"], WatchState.FAULT, fault="refused")
        until(lambda: own.get(path).json()["fault"] == "refused", "the fault")
        assert own.get("/api/cameras?state=fault").json()["total"] == 1
        assert own.get("/api/cameras?state=watching").json()["total"] == 0


def reader(given: Parts) -> StateReader:
    return StateReader(
        client=given.client,
        database=given.database,
        settings=given.settings,
        metrics=given.metrics,
    )


def state(given: Parts) -> str:
    (row,) = given.rows(tables.camera_states)
    return str(row["state"])


def test_the_cursor_outlives_a_restart_and_a_loss_of_redis(given: Parts) -> None:
    with townships(given) as (own, _, _):
        name = registered(own)["camera_id"]
    first = reader(given)
    say(given, name, WatchState.CONNECTING)
    say(given, "of-a-file", WatchState.WATCHING)
    given.client.xadd(CAMERA_STATES.name, {"body": b"{}"})
    given.client.xadd(CAMERA_STATES.name, {"other": b""})
    first.step()
    assert state(given) == "connecting"
    say(given, name, WatchState.WATCHING)
    second = reader(given)
    second.step()
    assert state(given) == "watching"
    given.client.flushall()
    given.client.xadd(CAMERA_STATES.name, {"body": b"{}"}, id="1-1")  # its clock was set back
    second.step()
    second.step()
    assert second._cursor.at == b"1-1"
    assert given.count("fengsui_messages_total", stream="camera.states", outcome="malformed") >= 2


def test_a_state_that_the_database_refuses_costs_no_other(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with townships(given) as (own, _, _):
        good, bad = registered(own)["camera_id"], registered(own)["camera_id"]
    one = reader(given)
    really = one._columns

    def columns(since: datetime, said: CameraState) -> dict[str, Any]:
        return really(since, said) | ({"revision": 2**63} if said.camera_id == bad else {})

    monkeypatch.setattr(one, "_columns", columns)
    for name in (bad, good):
        say(given, name, WatchState.WATCHING)
    one.step()
    assert [row["camera_id"] for row in given.rows(tables.camera_states)] == [good]
    assert given.count("fengsui_messages_total", stream="camera.states", outcome="refused") == 1
    assert one._cursor.at == given.client.xrevrange(CAMERA_STATES.name, count=1)[0][0]


def test_a_revision_beyond_any_is_malformed(given: Parts) -> None:
    with townships(given) as (own, _, _):
        name = registered(own)["camera_id"]
    say(given, name, WatchState.WATCHING)
    say(given, name, WatchState.CONNECTING, revision=2**63)
    reader(given).step()
    assert state(given) == "watching"


def shown(own: httpx.Client, name: str) -> str:
    return str(own.get(f"/api/cameras/{name}").json()["state"])


def test_what_a_worker_said_before_it_began_anew_counts_for_nothing(given: Parts) -> None:
    with townships(given) as (own, _, _):
        left, taken = registered(own)["camera_id"], registered(own)["camera_id"]
        for name in (left, taken):
            say(given, name, WatchState.WATCHING)
        beat(given)
        until(lambda: [shown(own, one) for one in (left, taken)] == ["watching"] * 2, "both")
        # The same worker, with another part of the estate: it says nothing of what it left.
        say(given, taken, WatchState.WATCHING, epoch=2)
        beat(given, epoch=2)
        until(lambda: shown(own, left) == "unwatched", "the one that it left")
        until(lambda: shown(own, taken) == "watching", "the other")
        assert own.get("/api/cameras?state=watching").json()["total"] == 1
        assert own.get("/api/cameras?state=unwatched").json()["total"] >= 1
        # Read late, as after an outage of the service: still of the earlier start.
        before = given.rows(tables.camera_states)
        say(given, left, WatchState.WATCHING, epoch=1)
        until(lambda: given.rows(tables.camera_states) != before, "it")
        assert shown(own, left) == "unwatched"
        # A spool that was lost counts its starts from 1 again.
        say(given, left, WatchState.WATCHING, epoch=1)
        beat(given, epoch=1)
        until(lambda: shown(own, left) == "watching", "its newest start")
        until(lambda: shown(own, taken) == "unwatched", "the start before")


def test_a_stream_of_another_type_says_which_key_to_delete(
    given: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    given.client.set(CAMERA_STATES.name, "x")
    one = reader(given)
    one.step()
    assert "delete the key camera.states, which holds a string" in capsys.readouterr().out
    given.client.delete(CAMERA_STATES.name)
    one.step()
    assert "works again" in capsys.readouterr().out
