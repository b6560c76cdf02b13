"""Windows: opened by somebody for a time, told to the worker, ended, kept."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from pipelines.messages import MAX_WINDOWS, Expected, Window
from pipelines.windows import held_back
from service import tables
from service.cameras.registrations import registrations
from service.cameras.windows import LISTED
from tests.service.cameras.kit import HERE, count, match, registered, told, townships
from tests.service.estate import camera_row
from tests.service.helpers import ON_SQLITE, Parts
from tests.service.signing_in import bearer
from tests.support.waiting import until
from vision.hazards import Hazard


def asked(starts_h: float = -1, ends_h: float = 1, **changes: Any) -> dict[str, Any]:
    """A window around now, in hours from now, written in Beijing's time."""
    now = datetime.now(UTC).astimezone(datetime.strptime("+0800", "%z").tzinfo)
    return {
        "kind": "planned_burn",
        "starts_at": (now + timedelta(hours=starts_h)).isoformat(),
        "ends_at": (now + timedelta(hours=ends_h)).isoformat(),
        **changes,
    }


@pytest.fixture
def own(given: Parts) -> Iterator[httpx.Client]:
    with townships(given) as (client, _, _):
        yield client


@pytest.fixture
def made(own: httpx.Client) -> dict[str, Any]:
    return registered(own)


@pytest.fixture
def path(made: dict[str, Any]) -> str:
    return f"/api/cameras/{made['camera_id']}/windows"


def newest_windows(given: Parts, name: str, revision: int) -> tuple[Window, ...]:
    """What the worker was told with this revision."""
    found = until(
        lambda: [one for one in told(given.client, name) if one.revision == revision], "the change"
    )
    assert found[-1].camera is not None
    return found[-1].camera.windows


def test_a_window_from_its_opening_to_its_end(
    given: Parts, own: httpx.Client, made: dict[str, Any], path: str
) -> None:
    name = made["camera_id"]
    answer = own.post(path, json=asked(note="秸秆计划烧除"))
    assert answer.status_code == 201, answer.text
    opened = answer.json()
    assert (opened["state"], opened["note"], opened["ended_by"]) == ("open", "秸秆计划烧除", None)
    assert opened["author"]
    (window,) = newest_windows(given, name, 2)
    assert (window.kind, window.author) == (Expected.PLANNED_BURN, opened["author"])
    assert Hazard.FIRE in held_back([window], datetime.now(UTC))
    shown = own.get(f"/api/cameras/{name}").json()
    assert shown["revision"] == 2
    assert [one["window_id"] for one in shown["windows"]] == [opened["window_id"]]
    ended = own.delete(f"{path}/{opened['window_id']}")
    assert ended.status_code == 204
    assert newest_windows(given, name, 3) == ()
    (kept,) = own.get(path).json()["windows"]
    assert (kept["state"], kept["ended_by"]) == ("over", opened["author"])
    assert kept["ends_at"] == opened["ends_at"]  # what was meant stays beside what was done
    assert own.get(f"/api/cameras/{name}").json()["windows"] == []
    again = own.delete(f"{path}/{opened['window_id']}")
    assert (again.status_code, again.json()["code"]) == (409, "window_over")
    bodies = [json.loads(row["body"]) for row in given.rows(tables.audit)]
    assert [one["action"] for one in bodies] == [
        "camera.created",
        "camera.window_opened",
        "camera.window_ended",
    ]
    assert bodies[1]["detail"]["window_kind"] == "planned_burn"
    assert bodies[1]["detail"]["note"] == "秸秆计划烧除"
    assert bodies[1]["object_id"] == name


def test_a_window_may_come_later_and_be_ended_before(own: httpx.Client, path: str) -> None:
    coming = own.post(path, json=asked(24, 48, kind="maintenance")).json()
    assert coming["state"] == "coming"
    assert own.delete(f"{path}/{coming['window_id']}").status_code == 204
    assert own.get(path).json()["windows"][0]["state"] == "over"


@ON_SQLITE
def test_an_edit_begun_before_a_window_opened_is_refused(
    own: httpx.Client, made: dict[str, Any], path: str
) -> None:
    """Otherwise two registrations would have one number."""
    own.post(path, json=asked())
    answer = own.patch(path.removesuffix("/windows"), json={"name": "新"}, headers=match(made))
    assert answer.status_code == 412


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        (asked(1, -1), "ends_at", "window_turned"),
        (asked(1, 1) | {"ends_at": "2020-01-01T00:00:00Z"}, "ends_at", "window_turned"),
        (asked(-3, -1), "ends_at", "window_past"),
        (asked(0, 24 * 30 + 1), "ends_at", "window_long"),
        (asked(24 * 360, 24 * 370), "ends_at", "window_far"),
        (asked(starts_at="2026-05-01"), "starts_at", "time_unreadable"),
        (asked(starts_at="2026-05-01T08:00:00"), "starts_at", "time_unreadable"),
        (asked(ends_at="9999-12-31T23:59:59-12:00"), "ends_at", "time_unreadable"),
        (asked(starts_at=1_780_000_000), "starts_at", "time_unreadable"),
        (asked(kind="holiday"), "kind", "enum"),
        (asked(note="a\u202eb"), "note", "hostile_text"),
        (asked(author="somebody else"), "author", "extra_forbidden"),
    ],
)
def test_what_is_no_window(
    refusing: httpx.Client, changes: dict[str, Any], field: str, code: str
) -> None:
    camera_id = refusing.get("/api/cameras").json()["cameras"][0]["camera_id"]
    path = f"/api/cameras/{camera_id}/windows"
    before = refusing.get(path).json()
    answer = refusing.post(path, json=changes)
    assert answer.status_code == 422, answer.text
    said = {one["field"]: one["code"] for one in answer.json()["errors"]}
    assert said == {field: code}
    assert refusing.get(path).json() == before


def test_no_more_windows_than_a_worker_takes(
    given: Parts, own: httpx.Client, made: dict[str, Any], path: str
) -> None:
    for hour in range(MAX_WINDOWS):
        answer = own.post(path, json=asked(hour, hour + 1))
        assert answer.status_code == 201, answer.text
    full = own.post(path, json=asked())
    assert (full.status_code, full.json()["code"]) == (409, "too_many_windows")
    last = answer.json()["window_id"]
    assert own.delete(f"{path}/{last}").status_code == 204
    assert own.post(path, json=asked()).status_code == 201
    revision = 1 + MAX_WINDOWS + 2
    assert len(newest_windows(given, made["camera_id"], revision)) == MAX_WINDOWS


@ON_SQLITE
def test_who_may_and_where(given: Parts, own: httpx.Client, path: str) -> None:
    opened = own.post(path, json=asked()).json()
    viewer = bearer(given.database, "viewer", [HERE])
    assert len(own.get(path, headers=viewer).json()["windows"]) == 1
    for answer in (
        own.post(path, json=asked(), headers=viewer),
        own.delete(f"{path}/{opened['window_id']}", headers=viewer),
    ):
        assert answer.status_code == 403
    other = registered(own, name="另一台")
    elsewhere = own.delete(f"/api/cameras/{other['camera_id']}/windows/{opened['window_id']}")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "unknown_window")
    assert own.delete(f"{path}/{uuid4()}").json()["code"] == "unknown_window"
    assert own.get(f"/api/cameras/{uuid4()}/windows").json()["code"] == "unknown_camera"


@ON_SQLITE
def test_a_drill_camera_has_none(given: Parts, own: httpx.Client) -> None:
    with given.database.writing() as connection:
        values = camera_row("drill-1", HERE) | {"drill": True}
        connection.execute(sa.insert(tables.cameras).values(**values))
    answer = own.post("/api/cameras/drill-1/windows", json=asked())
    assert (answer.status_code, answer.json()["code"]) == (409, "drill_camera")


def test_a_removed_camera_takes_its_windows_along(
    given: Parts, own: httpx.Client, path: str
) -> None:
    before = count(given.database, tables.camera_windows)
    own.post(path, json=asked())
    shown = own.get(path.removesuffix("/windows")).json()
    assert own.delete(path.removesuffix("/windows"), headers=match(shown)).status_code == 204
    assert count(given.database, tables.camera_windows) == before


def test_what_is_told_of_a_revision_does_not_change_as_time_goes_by(given: Parts) -> None:
    """A window over by the clock, and open when the registration last changed, is told on."""
    now = datetime.now(UTC)
    with given.database.writing() as connection:
        values = camera_row("a", "0") | {"updated_at": now - timedelta(hours=3)}
        connection.execute(sa.insert(tables.cameras).values(**values))
        for ends_h, ended in ((-4, None), (-2, None), (2, None), (1, now)):
            connection.execute(
                sa.insert(tables.camera_windows).values(
                    window_id=uuid4(),
                    camera_id="a",
                    kind="roadworks",
                    starts_at=now - timedelta(hours=5),
                    ends_at=now + timedelta(hours=ends_h),
                    author="li",
                    created_at=now - timedelta(hours=5),
                    ended_at=ended,
                )
            )
        (found,) = registrations(connection, 10)
    ends = [round((one["ends_at"] - now).total_seconds() / 3600) for one in found["windows"]]
    assert ends == [2, -2]


def test_a_list_shows_current_ones_before_all_that_are_over(
    given: Parts, own: httpx.Client, made: dict[str, Any], path: str
) -> None:
    now = datetime.now(UTC)
    coming = own.post(path, json=asked(-5, 1)).json()
    with given.database.writing() as connection:
        connection.execute(
            sa.insert(tables.camera_windows),
            [
                {
                    "window_id": uuid4(),
                    "camera_id": made["camera_id"],
                    "kind": "roadworks",
                    "starts_at": now - timedelta(minutes=number + 2),
                    "ends_at": now - timedelta(minutes=1),
                    "author": "li",
                    "created_at": now,
                }
                for number in range(LISTED + 5)
            ],
        )
    windows = own.get(path).json()["windows"]
    assert len(windows) == LISTED
    assert windows[0]["window_id"] == coming["window_id"]
    starts = [one["starts_at"] for one in windows[1:]]
    assert starts == sorted(starts, reverse=True)
