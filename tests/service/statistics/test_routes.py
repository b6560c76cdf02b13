"""A period's figures on both databases, against what was put in by hand."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from service import tables
from service.statistics.making import Asked, make
from service.statistics.models import By
from tests.service.dispatch.answers import incident
from tests.service.estate import FOREIGN, OWN, fill
from tests.service.helpers import ON_SQLITE, Parts
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.service.statistics.century import ZONE, somebody

DAY = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Midnight in Shanghai: the 2nd of March begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    given: Parts
    url: str

    def ask(self, what: str = "", role: str = "viewer", place: str = "0") -> httpx.Response:
        who = bearer(self.given.database, role, (place,))
        query = f"?from=2026-03-01&to=2026-03-03{what}"
        return httpx.get(f"{self.url}/api/statistics{query}", headers=who, timeout=20)

    def rows(self, what: str, **who: str) -> dict[str | None, Any]:
        answer = self.ask(what, **who)
        assert answer.status_code == 200, answer.text
        return {row["key"]: row for row in answer.json()["rows"]}


@pytest.fixture
def centre(given: Parts) -> Iterator[Centre]:
    fill(given.database)
    # A clock from before it all: the service itself finds no deadline that has passed.
    with serving(given.settings, clock=lambda: DAY - timedelta(days=9)) as url:
        yield Centre(given=given, url=url)


def happened(given: Parts, minute: float = 0, **values: Any) -> UUID:
    """An incident, by minutes after ``DAY``; what it waited for is in seconds."""
    at = DAY + timedelta(minutes=minute)
    waits = {name: values.pop(name, None) for name in ("seen", "sent", "reported")}
    dates = {
        f"{name}_at": None if s is None else at + timedelta(seconds=s) for name, s in waits.items()
    }
    row = {
        "opened_at": at, "waiting_from": at, "confirmed_at": None, "dispatched_at": None,
        "state": "new", **dates,
    }  # fmt: skip
    return incident(given.database, **row | values)


def saw(given: Parts, about: UUID, model: str, at: datetime) -> None:
    row = {
        "alert_id": uuid4(), "incident_id": about, "revision": 1, "camera_id": "c",
        "hazard": "fire", "zone_id": "all", "severity": "extreme", "first_seen_at": at,
        "last_seen_at": at, "score": 0.8, "model": model, "drill": False, "epoch": 1,
        "trace_id": "0" * 32, "received_at": at,
    }  # fmt: skip
    with given.database.writing() as connection:
        connection.execute(sa.insert(tables.alerts).values(**row))


def test_figures_of_a_period_by_hazard(centre: Centre) -> None:
    given = centre.given
    for seconds in range(1, 21):
        happened(given, seconds, seen=seconds, sent=10 * seconds, state="closed",
                 confirmed_at=DAY)  # fmt: skip
    false = happened(given, 30, hazard="smoke", state="false", confirmed_at=DAY, seen=2)
    happened(given, 31, hazard="camera_fault", seen=90_000)
    reopened = DAY + timedelta(days=1)
    happened(given, 32, state="seen", waiting_from=reopened, seen_at=reopened, sent=None)
    # What doesn't count: a drill, a part of another, the day before and after.
    happened(given, 33, drill=True)
    happened(given, 34, merged_into=false, state="closed")
    happened(given, -24 * 60 - 0.001)
    happened(given, 48 * 60)
    with given.database.writing() as connection:
        late = tables.incident_breaches
        for clock, due in (("seen", DAY), ("report", DAY), ("seen", DAY + timedelta(hours=1))):
            connection.execute(
                sa.insert(late).values(
                    incident_id=false, clock=clock, due_at=due, at=due, hazard="smoke"
                )
            )
    whole = centre.ask().json()
    total = whole["total"]
    assert (whole["first_day"], whole["last_day"]) == ("2026-03-01", "2026-03-03")
    assert whole["timezone"] == "Asia/Shanghai"
    assert total["incidents"] == 23
    assert {name: n for name, n in total["states"].items() if n} == {
        "closed": 20, "false": 1, "new": 1, "seen": 1,
    }  # fmt: skip
    assert (total["confirmed"], total["false_share"]) == (20, 0.0435)
    # 1, 2, 2, 3 … 20: neither the fault's day nor what was opened again.
    assert total["seen"] == {"count": 21, "median_s": 10.0, "p95_s": 19.0, "breaches": 1}
    assert total["sent"] == {"count": 20, "median_s": 100.0, "p95_s": 190.0, "breaches": 0}
    assert total["reported"] == {"count": 0, "median_s": None, "p95_s": None, "breaches": 1}
    rows = centre.rows("&by=hazard")
    assert list(rows) == ["fire", "smoke", "camera_fault"]
    assert (rows["fire"]["incidents"], rows["fire"]["closed_share"]) == (21, 0.9524)
    assert rows["camera_fault"]["seen"]["median_s"] == 90_000


def test_hours_and_days_are_local(centre: Centre) -> None:
    for minute in (-0.001, 0, 59.999, 60, 24 * 60):
        happened(centre.given, minute)
    hours = centre.rows("&by=hour")
    assert len(hours) == 24
    assert {key: row["incidents"] for key, row in hours.items() if row["incidents"]} == {
        "00": 3, "01": 1, "23": 1,
    }  # fmt: skip
    days = centre.rows("&by=day")
    assert {key: row["incidents"] for key, row in days.items()} == {
        "2026-03-01": 1, "2026-03-02": 3, "2026-03-03": 1,
    }  # fmt: skip


def test_each_sees_his_places_one_level_below(centre: Centre) -> None:
    given = centre.given
    for code in (OWN, OWN, FOREIGN, None, "330106", "330106777"):
        happened(given, place_code=code)

    def by_place(what: str = "", **who: str) -> dict[str | None, int]:
        return {
            key: row["incidents"] for key, row in centre.rows(f"&by=place{what}", **who).items()
        }

    assert by_place() == {"330100": 5, None: 1}
    assert by_place("&place=330100") == {"330100": 0, "330106": 4, "330109": 1}
    # One whose place is gone stays with the place above it.
    assert by_place("&place=330106") == {"330106": 2, OWN: 2}
    assert by_place(place="330109") == {FOREIGN: 1, "330109": 0}
    assert by_place(place=OWN) == {OWN: 2}
    assert centre.ask(place=OWN).json()["total"]["incidents"] == 2
    foreign = centre.ask("&place=330109", place=OWN)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "unknown_place")
    assert centre.rows("&by=place")["330100"]["name"] == "杭州市"
    assert centre.ask(role="integrator").status_code == 403


def test_false_alarms_a_camera_and_day_by_pack_version(centre: Centre) -> None:
    given = centre.given
    false = [happened(given, n, state="false") for n in range(3)]
    real = happened(given, state="closed")
    saw(given, false[0], "pack@1", DAY - timedelta(minutes=1))
    saw(given, false[0], "pack@1", DAY)
    for one in false:
        saw(given, one, "pack@2", DAY)
    saw(given, real, "pack@1", DAY + timedelta(hours=25))
    saw(given, real, "pack@3", DAY)
    # Not those of camera faults, of drills alone, or of other days.
    saw(given, happened(given, hazard="camera_fault"), "faults@1", DAY)
    saw(given, happened(given, drill=True), "pack@4", DAY)
    saw(given, happened(given, -48 * 60), "pack@5", DAY - timedelta(days=2))
    answer = centre.ask().json()
    assert answer["cameras"] == 2
    assert answer["packs"] == [
        {"model": "pack@1", "false_alarms": 1, "first_day": "2026-03-01",
         "last_day": "2026-03-03", "camera_days": 6, "per_camera_day": 0.1667},
        {"model": "pack@2", "false_alarms": 3, "first_day": "2026-03-02",
         "last_day": "2026-03-02", "camera_days": 2, "per_camera_day": 1.5},
        # The best one: without a false alarm, it's there all the same.
        {"model": "pack@3", "false_alarms": 0, "first_day": "2026-03-02",
         "last_day": "2026-03-02", "camera_days": 2, "per_camera_day": 0.0},
    ]  # fmt: skip
    assert centre.ask(place=OWN).json()["packs"][1]["per_camera_day"] == 3.0
    assert centre.ask(place=FOREIGN).json()["packs"] == []


@ON_SQLITE
def test_a_spreadsheet_has_the_same_and_runs_nothing(centre: Centre) -> None:
    given = centre.given
    one = happened(given, seen=5, state="false")
    saw(given, one, "=cmd|' /C calc'!A0", DAY)
    with given.database.writing() as connection:
        named = tables.places.update().where(tables.places.c.code == "330100")
        connection.execute(named.values(name="=1+1"))
    who = bearer(given.database)
    base = f"{centre.url}/api/statistics.csv?from=2026-03-01&to=2026-03-03"
    answer = httpx.get(f"{base}&by=place", headers=who, timeout=20)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8", answer.text
    assert (
        'filename="statistics-2026-03-01-2026-03-03-place.csv"'
        in answer.headers["content-disposition"]
    )
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:3] == ["辖区代码", "名称", "事件数"]
    assert rows[1][:3] == ["330100", "'=1+1", "1"]
    assert rows[2][0] == "合计"
    assert rows[4][0] == "模型包版本"
    assert rows[5][0].startswith("'=cmd")
    assert len({len(row) for row in rows[:3]}) == 1
    english = httpx.get(f"{base}&by=hazard&language=en", headers=who, timeout=20).text
    assert "Seen: median, s" in english
    assert "fire,fire,1" in english


@ON_SQLITE
@pytest.mark.parametrize(
    ("paths", "read"),
    [(("/0/",), "opened_at>? AND opened_at<?"), (("/0/330100/330106/",), "place_code>?")],
)
def test_of_many_years_the_period_is_read_or_the_place(
    given: Parts, paths: tuple[str, ...], read: str
) -> None:
    asked: list[tuple[str, Any]] = []
    with given.database.reading() as connection:
        event.listen(
            connection,
            "before_cursor_execute",
            lambda _connection, _cursor, words, given, *_: asked.append((words, given)),
        )
        wanted = Asked(first=None, last=None, place=None, by=By.DAY)
        make(connection, somebody(*paths), wanted, ZONE, DAY)
        read_by_day = [one for one in asked if " incidents.opened_at >= " in one[0]]
        assert len(read_by_day) == 4
        for words, values in read_by_day:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values)
            lines = " ".join(row[3] for row in plan)
            assert read in lines, lines


@ON_SQLITE
def test_what_is_no_period_is_said_so(centre: Centre) -> None:
    who = bearer(centre.given.database)
    for query in (
        "from=2026-03-02&to=2026-03-01",
        "from=2024-01-01&to=2026-01-01",
        "to=9999-12-31",
    ):
        answer = httpx.get(f"{centre.url}/api/statistics?{query}", headers=who, timeout=20)
        assert (answer.status_code, answer.json()["code"]) == (422, "statistics_period"), query
