"""Routes that answer at once."""

from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest

from service import tables
from tests.service.helpers import Parts, alert
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.support.waiting import until


@pytest.fixture
def http(given: Parts) -> Iterator[httpx.Client]:
    headers = bearer(given.database)
    with serving(given.settings) as url, httpx.Client(base_url=url, headers=headers) as client:
        yield client


def filled(given: Parts) -> None:
    given.send(*(alert(60.0 * n, drill=True) for n in range(5)), alert(camera_id="real"))
    until(lambda: len(given.rows(tables.incidents)) == 6, "six incidents")


def test_pages_of_incidents_meet_without_overlap(given: Parts, http: httpx.Client) -> None:
    filled(given)
    seen: list[str] = []
    before = ""
    while True:
        page = http.get(f"/api/incidents?limit=2{before}").json()["incidents"]
        if not page:
            break
        seen += [one["incident_id"] for one in page]
        before = f"&before={seen[-1]}"
    assert len(seen) == len(set(seen)) == 6


def test_one_incident_with_its_alerts_and_orders(given: Parts, http: httpx.Client) -> None:
    filled(given)
    drill = next(one for one in http.get("/api/incidents").json()["incidents"] if one["drill"])
    shown = http.get(f"/api/incidents/{drill['incident_id']}").json()
    assert [one["evidence_absent"] for one in shown["alerts"]] == ["no_masker"]
    assert [one["target"] for one in shown["orders"]] == ["dispatch.drill"]
    assert shown["first_seen_at"].endswith("Z")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/api/incidents/{UUID(int=1)}", 404, "unknown_incident"),
        (f"/api/incidents?before={UUID(int=1)}", 404, "unknown_incident"),
        ("/api/incidents?limit=0", 422, "invalid_request"),
        ("/api/incidents/not-an-id", 422, "invalid_request"),
        ("/api/feed?after=-1", 422, "invalid_request"),
        ("/nothing", 404, "http_error"),
        ("/..%2fpyproject.toml", 404, "http_error"),
    ],
)
def test_errors_are_problem_details(quiet: httpx.Client, path: str, status: int, code: str) -> None:
    response = quiet.get(path)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8600", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8600", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8600", 421),
        ("127.0.0.1@evil.example", 421),
        ("[", 421),
        ("", 421),
    ],
)
def test_only_this_machines_names_are_answered(quiet: httpx.Client, host: str, status: int) -> None:
    assert quiet.get("/healthz", headers={"host": host}).status_code == status


def test_metrics_are_the_registrys_own(quiet: httpx.Client) -> None:
    text = quiet.get("/metrics").text
    for name in (
        "fengsui_outbox_entries",
        "fengsui_consumer_lag_entries",
        "fengsui_feed_clients",
        "fengsui_stage_seconds",
    ):
        assert f"# TYPE {name}" in text
    assert "python_info" not in text


def test_status_lists_lag_and_workers(quiet: httpx.Client) -> None:
    status = quiet.get("/api/status").json()
    assert status["totals"] == {"alerts": 0, "incidents": 0, "orders": 0}
    assert set(status) >= {"redis_reachable", "consumer_lag_entries", "workers", "feed_clients"}
