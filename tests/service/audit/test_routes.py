"""``GET /api/audit``: what lies inside one's places, newest first."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from service.accounts.roles import Role
from service.database import Database
from service.settings import ServiceSettings
from tests.service import estate
from tests.service.audit.entries import add, run, without_triggers
from tests.service.helpers import opened, settings_for, sqlite_copy
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.support.waiting import until


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system("postgresql"))],
)
def settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceSettings]:
    """Of one service on each kind of database: reading the audit changes nothing."""
    directory = tmp_path_factory.mktemp("audit")
    with ExitStack() as undo:
        url = (
            sqlite_copy(directory)
            if request.param == "sqlite"
            else undo.enter_context(request.getfixturevalue("postgres").copy())
        )
        yield settings_for("redis://127.0.0.1:1/0", directory, database_url=url)


@pytest.fixture(scope="module")
def filled(settings: ServiceSettings) -> Iterator[Database]:
    with opened(settings.database_url) as database:
        fill(database)
        yield database


def fill(database: Database) -> None:
    estate.fill(database)
    for number in range(3):
        add(database, place_code=estate.OWN, object_id=f"own-{number}")
        add(database, place_code=estate.FOREIGN, object_id=f"foreign-{number}", actor="li")
        add(database, action="account.changed", object_kind="account", detail={"half": "\ud800"})


@pytest.fixture(scope="module")
def url(settings: ServiceSettings, filled: Database) -> Iterator[str]:
    with serving(settings) as found:
        yield found


@pytest.fixture
def everywhere(url: str, filled: Database) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers=bearer(filled)) as client:
        yield client


def ids(client: httpx.Client, **query: object) -> list[str]:
    answer = client.get("/api/audit", params={"limit": 500, **query})  # type: ignore[dict-item]
    assert answer.status_code == 200, answer.text
    return [one["object_id"] for one in answer.json()["entries"]]


def test_pages_meet_and_filters_choose(everywhere: httpx.Client) -> None:
    whole = ids(everywhere)
    assert len(whole) >= 9
    seen: list[str] = []
    before: dict[str, int] = {}
    while True:
        page = everywhere.get("/api/audit", params={"limit": 4, **before}).json()
        seen += [one["object_id"] for one in page["entries"]]
        if page["next_before"] is None:
            break
        before = {"before": page["next_before"]}
    assert seen == whole
    assert ids(everywhere, actor="li") == ["foreign-2", "foreign-1", "foreign-0"]
    assert ids(everywhere, object_kind="camera", object_id="own-1") == ["own-1"]
    assert len(ids(everywhere, action="account.changed")) == 3
    newest = everywhere.get("/api/audit").json()["entries"][0]["seq"]
    assert len(ids(everywhere, after=newest - 1)) == 1
    assert ids(everywhere, after=newest) == []


def test_an_actor_is_found_by_how_the_login_begins(
    everywhere: httpx.Client, filled: Database
) -> None:
    add(filled, actor="Zhang_3", object_id="by-zhang")
    add(filled, actor="zhangX3", object_id="by-another")
    assert ids(everywhere, actor="zHANG") == ["by-another", "by-zhang"]
    assert ids(everywhere, actor="zhang_") == ["by-zhang"], "no letter stands for others"
    assert ids(everywhere, actor="hang") == []
    assert ids(everywhere, actor="%") == []


def test_a_time_range_is_from_its_beginning_up_to_its_end(everywhere: httpx.Client) -> None:
    entries = everywhere.get("/api/audit", params={"limit": 500}).json()["entries"]
    middle = entries[len(entries) // 2]["at"]
    later = [one["object_id"] for one in entries if one["at"] >= middle]
    assert ids(everywhere, since=middle) == later
    assert ids(everywhere, until=middle) == [
        one["object_id"] for one in entries if one["at"] < middle
    ]
    assert ids(everywhere, since=middle, until=middle) == []
    assert ids(everywhere, until="2020-01-01T00:00:00+08:00") == []


def test_an_entry_is_shown_whole_with_its_head(everywhere: httpx.Client) -> None:
    until(lambda: everywhere.get("/api/audit").json()["exported"], "the first export")
    page = everywhere.get("/api/audit", params={"object_id": "own-0"}).json()
    (entry,) = page["entries"]
    assert entry.pop("at").endswith("Z")
    assert entry.pop("seq") > 0
    assert entry == {
        "actor": "wang",
        "action": "camera.changed",
        "object_kind": "camera",
        "object_id": "own-0",
        "place_code": estate.OWN,
        "detail": {"name": {"old": "甲", "new": "乙"}},
    }
    assert page["head"]["seq"] >= 9
    assert len(page["head"]["hash"]) == 64
    assert page["exported"]["seq"] <= page["head"]["seq"]


def test_only_one_s_own_places_are_seen(url: str, filled: Database) -> None:
    headers = bearer(filled, Role.OPS, [estate.OWN])
    with httpx.Client(base_url=url, headers=headers) as client:
        assert ids(client) == ["own-2", "own-1", "own-0"]
        assert ids(client, object_id="foreign-1") == []
        assert ids(client, action="account.changed") == []  # without a place
        page = client.get("/api/audit").json()
        assert (page["head"], page["exported"]) == (None, None)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.INTEGRATOR])
def test_who_may_not_is_told_so(url: str, filled: Database, role: Role) -> None:
    answer = httpx.get(f"{url}/api/audit", headers=bearer(filled, role))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert httpx.get(f"{url}/api/audit").status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "before=-1",
        f"after={2**63}",
        "actor=%00",
        "actor=" + "x" * 129,
        "since=2026-01-01",
        "since=2026-01-01T00:00:00",
        "since=1700000000",
        "until=0001-01-01T00:00:00%2B14:00",
        "until=yesterday",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(everywhere: httpx.Client, query: str) -> None:
    answer = everywhere.get(f"/api/audit?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_tampered_entry_is_still_shown(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    fill(database)
    without_triggers(database)
    bodies = [
        "gone", "[]", "7", '"x"', "null", "{}", '{"detail":5}', '{"detail":[]}', '{"detail":null}',
        "[" * 5000, "[" * 5000 + "]" * 5000,
        *('{"detail":{"a":' + "[" * deep + "1" + "]" * deep + "}}" for deep in (40, 300, 50_000)),
    ]  # fmt: skip
    settings = settings_for("redis://127.0.0.1:1/0", tmp_path, database_url=database_url)
    with (
        serving(settings) as url,
        httpx.Client(base_url=url, headers=bearer(database)) as everywhere,
    ):
        for body in bodies:
            run(database, f"UPDATE audit SET body = '{body}' WHERE object_id = 'own-1'")  # noqa: S608
            answer = everywhere.get("/api/audit", params={"limit": 500})
            assert answer.status_code == 200, body[:40]
            details = {one["object_id"]: one["detail"] for one in answer.json()["entries"]}
            assert details["own-1"] == {"unreadable": body}
            assert details["own-2"] == {"name": {"old": "甲", "new": "乙"}}


def test_bytes_in_place_of_a_text_are_shown_as_such(tmp_path: Path) -> None:
    settings = settings_for("redis://127.0.0.1:1/0", tmp_path)
    with serving(settings) as url, opened(settings.database_url) as database:
        add(database)
        without_triggers(database)
        run(database, "UPDATE audit SET body = x'ff80'")
        answer = httpx.get(f"{url}/api/audit?action=camera.changed", headers=bearer(database))
    assert [one["detail"] for one in answer.json()["entries"]] == [{"unreadable": "b'\\xff\\x80'"}]
