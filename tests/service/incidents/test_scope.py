"""Incidents and their feed are shown in the places of who asks, and nowhere else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import sqlalchemy as sa
from starlette.requests import Request

from service import tables
from service.accounts.gate import Gate
from service.accounts.roles import Role
from service.accounts.sessions import Cookies
from service.feed import log
from service.feed.rechecks import GOOD_FOR_S
from tests.service.cameras.kit import HERE, THERE
from tests.service.estate import camera_row, fill
from tests.service.helpers import Parts, alert
from tests.service.process import feed, serving
from tests.service.signing_in import bearer, log_in, make_account
from tests.support.waiting import until


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    url: str
    own: httpx.Client
    """A viewer of HERE."""
    everywhere: httpx.Client
    """A viewer of everything."""


@contextmanager
def scene(given: Parts) -> Iterator[Scene]:
    fill(given.database)
    with given.database.writing() as connection:
        connection.execute(sa.delete(tables.orders))
        connection.execute(sa.delete(tables.incidents))
        for name, code, latitude in (("here", HERE, 30.2), ("there", THERE, 30.3)):
            row = {**camera_row(name, code), "wgs84_latitude": latitude}
            connection.execute(sa.insert(tables.cameras).values(**row))
    with (
        serving(given.settings) as url,
        httpx.Client(base_url=url, headers=bearer(given.database, Role.VIEWER, [HERE])) as own,
        httpx.Client(base_url=url, headers=bearer(given.database, Role.VIEWER)) as everywhere,
    ):
        yield Scene(url=url, own=own, everywhere=everywhere)


def opened(given: Parts, *names: str, onset_s: float = 0.0) -> None:
    before = len(given.rows(tables.incidents))
    given.send(*(alert(onset_s, camera_id=name) for name in names))
    until(lambda: len(given.rows(tables.incidents)) == before + len(names), "the incidents")


def cameras(page: httpx.Response) -> list[str]:
    return sorted(one["camera_id"] for one in page.json()["incidents"])


def test_an_incident_belongs_to_its_cameras_place_at_its_opening(given: Parts) -> None:
    with scene(given) as at:
        opened(given, "here", "there", "of-a-file")
        assert cameras(at.own.get("/api/incidents")) == ["here"]
        assert cameras(at.everywhere.get("/api/incidents")) == ["here", "of-a-file", "there"]
        with given.database.writing() as connection:
            connection.execute(
                sa.update(tables.cameras)
                .where(tables.cameras.c.camera_id == "here")
                .values(place_code=THERE)
            )
        given.send(alert(camera_id="here", revision=2, seen_s=5.0))
        until(lambda: max(one["revision"] for one in given.rows(tables.alerts)) == 2, "revision")
        assert cameras(at.own.get("/api/incidents")) == ["here"]


def test_a_foreign_incident_is_like_none(given: Parts) -> None:
    with scene(given) as at:
        opened(given, "there", "of-a-file")
        for row in given.rows(tables.incidents):
            one, none = str(row["incident_id"]), str(uuid4())
            for path in ("/api/incidents/", "/api/incidents?before="):
                left, right = at.own.get(path + one), at.own.get(path + none)
                assert (left.status_code, right.status_code) == (404, 404)
                assert left.content.replace(one.encode(), b"") == right.content.replace(
                    none.encode(), b""
                )
            assert at.everywhere.get(f"/api/incidents/{one}").status_code == 200


def kinds(given: Parts, at: Scene, cursor: int, number: int) -> list[Any]:
    with feed(f"{at.url}/api/feed?after={cursor}", **dict(at.own.headers)) as reader:
        return reader.events(number)


def test_the_feed_tells_of_ones_own_only(given: Parts) -> None:
    with scene(given) as at:
        opened(given, "there", "of-a-file", onset_s=-5000.0)
        opened(given, "here", onset_s=-4000.0)
        opened(given, "there", onset_s=-3000.0)
        opened(given, "here", onset_s=-2000.0)
        told = kinds(given, at, 0, 2)
    assert [payload["camera_id"] for _, payload in told] == ["here", "here"]


def test_a_reads_cursor_passes_what_is_not_for_the_reader(given: Parts) -> None:
    with scene(given) as at:
        for number in range(5):
            opened(given, "there", onset_s=-1000.0 * number)
        request = Request(
            {
                "type": "http",
                "method": "GET",
                "headers": [
                    (b"authorization", at.own.headers["authorization"].encode()),
                ],
            }
        )
        gate = Gate(given.database, given.metrics, Cookies(secure=False))
        who = gate.recheck(request, None)
        assert who is not None
        with given.database.reading() as connection:
            events, cursor = log.read_after(connection, who, 0, 3)
            assert (events, cursor) == ([], 3)
            events, cursor = log.read_after(connection, who, cursor, 100)
            assert events == []
            assert cursor == log.newest(connection)
            assert log.read_after(connection, who, cursor, 100) == ([], cursor)


def test_the_feed_ends_with_its_session(given: Parts) -> None:
    with scene(given) as at:
        account = make_account(given.database, Role.VIEWER, [HERE])
        with httpx.Client(base_url=at.url) as browser:
            log_in(browser, account)
            cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
            with feed(f"{at.url}/api/feed?after=0", Cookie=cookie) as reader:
                opened(given, "here")
                assert reader.events(1)[0][1]["camera_id"] == "here"
                assert browser.delete("/api/session").status_code == 204
                time.sleep(GOOD_FOR_S)
                opened(given, "here", onset_s=-5000.0)
                for line in reader._lines:
                    assert not line.startswith("event:"), "the feed goes on"


def test_a_moved_cameras_next_alert_is_the_new_places(given: Parts) -> None:
    with scene(given) as at:
        opened(given, "here", "of-a-file")
        with given.database.writing() as connection:
            connection.execute(
                sa.update(tables.cameras)
                .where(tables.cameras.c.camera_id == "here")
                .values(place_code=THERE)
            )
        opened(given, "here", onset_s=5.0)
        assert cameras(at.own.get("/api/incidents")) == ["here"]
        assert cameras(at.everywhere.get("/api/incidents")) == ["here", "here", "of-a-file"]
        given.send(*(alert(9.0, camera_id=name) for name in ("here", "of-a-file")))
        until(lambda: len(given.rows(tables.alerts)) == 5, "the alerts")
        assert len(given.rows(tables.incidents)) == 3  # each merged into that of its place now


def test_a_drill_that_turns_real_after_a_move_is_lost_to_nobody(given: Parts) -> None:
    with scene(given) as at:
        sent = [alert(float(number), camera_id="here", drill=True) for number in range(3)]
        given.send(*sent)
        until(lambda: len(given.rows(tables.alerts)) == 3, "the drill's alerts")
        for number, code in enumerate((HERE, THERE, "330106")):
            with given.database.writing() as connection:
                connection.execute(
                    sa.update(tables.cameras)
                    .where(tables.cameras.c.camera_id == "here")
                    .values(place_code=code)
                )
            given.send(alert(float(number), camera_id="here"))
            until(
                lambda number=number: len(given.rows(tables.incidents)) == number + 2, "an incident"
            )
        real = [one for one in given.rows(tables.incidents) if not one["drill"]]
        assert {one["place_code"] for one in real} == {HERE, THERE, "330106"}
        assert at.own.get("/api/incidents").status_code == 200
