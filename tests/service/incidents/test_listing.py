"""What waits for a person can be asked for, however many drills are newer."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.incidents.choosing import Chosen
from tests.service.helpers import NOW, Parts
from tests.service.process import serving
from tests.service.signing_in import bearer


def put(given: Parts, count: int, *, minutes: float = 0.0, **changes: Any) -> list[str]:
    """Put incidents of one kind into the database; the first is the newest."""
    rows = [
        {
            "incident_id": uuid4(),
            "camera_id": "camera-1",
            "hazard": "fire",
            "zone_id": "all",
            "drill": False,
            "severity": "extreme",
            "state": "new",
            "opened_at": NOW + timedelta(minutes=minutes, seconds=-number),
            "first_seen_at": NOW,
            "last_seen_at": datetime.now(UTC),  # or drills are closed meanwhile
            "score": 0.8,
            **changes,
        }
        for number in range(count)
    ]
    with given.database.writing() as connection:
        connection.execute(sa.insert(tables.incidents), rows)
    return [str(row["incident_id"]) for row in rows]


@contextmanager
def asking(given: Parts) -> Iterator[httpx.Client]:
    with (
        serving(given.settings) as url,
        httpx.Client(base_url=url, headers=bearer(given.database), timeout=30) as client,
    ):
        yield client


def ids(page: dict[str, Any]) -> list[str]:
    return [one["incident_id"] for one in page["incidents"]]


def test_a_waiting_incident_is_found_behind_any_number_of_drills(given: Parts) -> None:
    (waiting,) = put(given, 1, minutes=-5)
    closed = put(given, 2, minutes=-3, state="closed")
    put(given, 201, drill=True, state="closed")
    drills = put(given, 1, minutes=-10, drill=True, state="dispatched")

    def asked(**query: Any) -> Any:
        return client.get("/api/incidents", params=query).raise_for_status().json()

    with asking(given) as client:
        newest = asked(limit=200)
        assert waiting not in ids(newest)
        assert newest["more"] is True
        for found, more in (
            (asked(drill="false", state="new"), False),
            (asked(drill="false", limit=1, before=closed[-1]), False),
        ):
            assert (ids(found), found["more"]) == ([waiting], more)
        assert ids(asked(drill="false")) == [*closed, waiting]
        assert ids(asked(drill="true", state="dispatched")) == drills
        both = asked(state=["new", "dispatched", "new"])
        assert ids(both) == [waiting, *drills]


def test_the_pages_of_a_kind_end_where_the_kind_ends(given: Parts) -> None:
    real = put(given, 6)
    put(given, 6, drill=True)
    found: list[str] = []
    before: dict[str, str] = {}
    with asking(given) as client:
        for more in (True, True, False):
            query = {"drill": "false", "state": "new", "limit": "2", **before}
            page = client.get("/api/incidents", params=query).json()
            assert page["more"] is more
            found += ids(page)
            before = {"before": str(UUID(found[-1]))}
    assert found == real


@pytest.mark.parametrize("query", ["state=open", "state=new&state=", "drill=maybe"])
def test_a_kind_that_is_none_is_refused(quiet: httpx.Client, query: str) -> None:
    answer = quiet.get(f"/api/incidents?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_open_real_ones_are_found_by_an_index(given: Parts) -> None:
    on_sqlite = given.database.engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN" if on_sqlite else "EXPLAIN"
    query = sa.select(tables.incidents).where(Chosen(drill=False, states=["new"]).condition())
    said = query.compile(given.database.engine, compile_kwargs={"literal_binds": True})
    with given.database.reading() as connection:
        if not on_sqlite:  # so small a table would be read whole
            connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        plan = connection.execute(sa.text(f"{explain} {said}")).all()
    assert any("ix_incidents_drill_state" in str(row) for row in plan), plan
