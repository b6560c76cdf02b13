"""The tree over HTTP: grown, renamed, pruned, hidden from strangers."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.accounts.principal import Principal
from service.accounts.roles import Role
from service.database import Database
from service.places import store
from service.places.codes import lies_within
from tests.service.audit.entries import add
from tests.service.cameras.kit import HERE, THERE, match, registered, townships
from tests.service.helpers import NOW, ON_SQLITE, Parts
from tests.service.signing_in import bearer


def new(code: str, parent: str, level: str, name: str = "新") -> dict[str, str]:
    return {"code": code, "parent_code": parent, "level": level, "name": name}


def test_a_tree_is_walked_grown_and_pruned(given: Parts) -> None:
    with townships(given) as (own, foreign, admin):
        registered(own)
        registered(foreign, place_code=THERE)
        (root,) = admin.get("/api/places").json()["places"]
        assert (root["code"], root["parent_code"], root["children"]) == ("0", None, 1)
        assert root["cameras"] == 4
        counties = admin.get("/api/places?parent=330100").json()["places"]
        assert [(one["code"], one["cameras"]) for one in counties] == [("330106", 2), ("330109", 2)]
        made = admin.post("/api/places", json=new(f"{HERE}001", HERE, "village", "<i>村</i>"))
        assert made.status_code == 201, made.text
        assert made.json()["name"] == "<i>村</i>"
        assert made.json()["path_names"] == ["全部 All", "杭州市", "西湖区", "灵隐街道"]
        path = f"/api/places/{HERE}001"
        renamed = admin.patch(path, json={"name": "龙井村"}, headers=match(made.json()))
        assert renamed.json()["name"] == "龙井村"
        shown = own.get(path)
        assert shown.json()["name"] == "龙井村"
        assert shown.headers["etag"] == renamed.headers["etag"] != made.headers["etag"]
        here = admin.get(f"/api/places/{HERE}").json()
        used = admin.delete(f"/api/places/{HERE}", headers=match(here))
        assert (used.status_code, used.json()["code"]) == (409, "place_in_use")
        assert "places 1, cameras 2, accounts 2" in used.json()["detail"]
        assert admin.delete(path, headers=match(made.json())).status_code == 412
        assert admin.delete(path, headers=match(shown.json())).status_code == 204
        assert admin.get(path).status_code == 404
        assert admin.delete("/api/places/0", headers=match(root)).status_code == 409
    told = [json.loads(row["body"]) for row in given.rows(tables.audit)]
    assert [one["action"] for one in told if one["object_kind"] == "place"] == [
        "place.created",
        "place.renamed",
        "place.removed",
    ]


def test_two_people_rename_one_place(given: Parts) -> None:
    with townships(given) as (_, _, admin):
        path = f"/api/places/{HERE}"
        seen = admin.get(path).json()
        names = [f"名 {number}" for number in range(8)]

        def rename(name: str) -> httpx.Response:
            return admin.patch(path, json={"name": name}, headers=match(seen))

        with ThreadPoolExecutor(len(names)) as pool:
            answers = list(pool.map(rename, names))
        assert sorted(one.status_code for one in answers) == [200] + [412] * 7
        (won,) = [one.json() for one in answers if one.status_code == 200]
        assert admin.get(path).json()["name"] == won["name"]
        late = rename("晚")
        assert (late.status_code, late.json()["code"]) == (412, "edited_meanwhile")
        assert admin.delete(path, headers=match(seen)).json()["code"] == "edited_meanwhile"
        for blind in (admin.patch(path, json={"name": "盲"}), admin.delete(path)):
            assert (blind.status_code, blind.json()["code"]) == (428, "if_match_required")
        again = admin.patch(path, json={"name": seen["name"]}, headers=match(won))
        assert (again.status_code, again.json()) == (200, seen)


@ON_SQLITE
def test_levels_may_be_left_out(given: Parts) -> None:
    with townships(given) as (_, _, admin):
        assert admin.post("/api/places", json=new("441900", "0", "city", "东莞")).status_code == 201
        town = admin.post("/api/places", json=new("441900003", "441900", "township", "东城"))
        assert town.status_code == 201
        assert town.json()["path_names"][-1] == "东莞"


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        (new("330106", "330100", "county"), 409, "place_taken", "rename it"),
        (new("330106009", "330100", "township"), 409, "place_between", "330106 lies between"),
        (new("330106009", "330109", "township"), 422, "place_code", "does not lie in 330109"),
        (new("330107", "330100", "township"), 422, "place_code", "code of a county"),
        (new("330106000", "330100", "township"), 422, "place_code", "written 330106"),
        (new("330206", "330200", "county"), 422, "unknown_place", "330200"),
        (new("0", "0", "installation"), 422, "place_code", "does not lie in 0"),
        (new("330107", "330100", "county", "a\u202eb"), 422, "invalid_request", "direction"),
        (new("330107", "330100", "county", "长" * 10_000), 422, "invalid_request", "128"),
        (new("330107", "330100", "galaxy"), 422, "invalid_request", "county"),
        ({**new("330107", "330100", "county"), "path": "/0/"}, 422, "invalid_request", "extra"),
    ],
)
def test_what_can_not_be_added(
    tree: httpx.Client, body: dict[str, Any], status: int, code: str, said: str
) -> None:
    answer = tree.post("/api/places", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert said in answer.json()["detail"].lower()


def test_nothing_comes_between_a_parent_and_its_children(given: Parts) -> None:
    with townships(given) as (_, _, admin):
        admin.post("/api/places", json=new("330200", "0", "city"))
        admin.post("/api/places", json=new("330206001", "330200", "township"))
        refused = admin.post("/api/places", json=new("330206", "330200", "county"))
        assert (refused.status_code, refused.json()["code"]) == (409, "place_between")
        assert "330206001 hangs under 330200" in refused.json()["detail"]


def test_a_foreign_place_is_like_none(given: Parts) -> None:
    with townships(given) as (_, _, _any):
        headers = bearer(given.database, "admin", ["330106"])
        own = httpx.Client(base_url=_any.base_url, headers=headers)
        with own:
            assert [one["code"] for one in own.get("/api/places").json()["places"]] == ["330106"]
            for foreign, none in ((THERE, "330109999"), ("330100", "330200")):
                for method, tail, body in (
                    ("GET", f"/{foreign}", None),
                    ("PATCH", f"/{foreign}", {"name": "x"}),
                    ("DELETE", f"/{foreign}", None),
                    ("GET", f"?parent={foreign}", None),
                    ("POST", "", new("330106009", foreign, "township")),
                ):
                    edit = {"If-Match": '"1"'}
                    left = own.request(method, f"/api/places{tail}", json=body, headers=edit)
                    other = None if body is None else json.loads(
                        json.dumps(body).replace(foreign, none) if method == "POST" else
                        json.dumps(body)
                    )  # fmt: skip
                    right = own.request(
                        method,
                        f"/api/places{tail}".replace(foreign, none),
                        json=other,
                        headers=edit,
                    )
                    assert left.json()["code"] == "unknown_place"
                    assert left.status_code == right.status_code
                    assert left.text.replace(foreign, "") == right.text.replace(none, "")
            assert own.get("/api/places?q=楼塔").json()["places"] == []
            found = own.get("/api/places?q=灵").json()["places"]
            assert [one["code"] for one in found] == [HERE]
            assert [one["code"] for one in own.get("/api/places?q=3301").json()["places"]] == [
                "330106",
                HERE,
            ]


def test_a_search_that_is_cut_off_says_so(given: Parts) -> None:
    def grow(numbers: range) -> None:
        with given.database.writing() as connection:
            rows = [(f"{HERE}{number:03}", f"第 {number} 村") for number in numbers]
            connection.execute(
                sa.insert(tables.places),
                [
                    {
                        "code": code,
                        "parent_code": HERE,
                        "level": "village",
                        "name": name,
                        "path": f"/0/330100/330106/{HERE}/{code}/",
                    }
                    for code, name in rows
                ],
            )

    with townships(given) as (own, _, _):
        grow(range(1, 51))
        found = own.get("/api/places?q=村").json()
        assert (len(found["places"]), found["more"]) == (50, False)
        grow(range(51, 52))
        found = own.get("/api/places?q=村").json()
        assert (len(found["places"]), found["more"]) == (50, True)
        below = own.get(f"/api/places?parent={HERE}").json()
        assert (len(below["places"]), below["more"]) == (51, False)


def test_a_place_in_use_tells_what_its_administrator_sees(given: Parts) -> None:
    with townships(given) as (_, _, admin):
        headers = bearer(given.database, "admin", ["330106"])
        bearer(given.database, "viewer", [f"{HERE}", THERE])
        made = admin.post("/api/places", json=new("330106009", "330106", "township"))
        assert made.status_code == 201
        here = match(admin.get(f"/api/places/{HERE}").json())
        seen = admin.delete(f"/api/places/{HERE}", headers=headers | here).json()["detail"]
        # The target and the integrator, and not the viewer who has a foreign place as well.
        assert f"{HERE} is in use (cameras 1, accounts 2)" in seen
        bearer(given.database, "viewer", ["330106009", THERE])
        unseen = admin.delete("/api/places/330106009", headers=headers | match(made.json()))
        assert (unseen.status_code, unseen.json()["code"]) == (409, "place_in_use")
        assert "330106009 is in use: " in unseen.json()["detail"]


def seen(client: httpx.Client, headers: dict[str, str], object_id: str) -> tuple[int, int]:
    """How many audit entries on an object, and how many incidents, somebody sees."""
    audit = client.get("/api/audit", params={"object_id": object_id}, headers=headers).json()
    page = client.get("/api/incidents", headers=headers).json()
    return len(audit["entries"]), len(page["incidents"])


def test_what_was_done_at_a_place_that_is_gone_stays_with_those_above(given: Parts) -> None:
    with townships(given) as (_, _, admin):
        with given.database.writing() as connection:
            connection.execute(sa.update(tables.incidents).values(place_code="330106009"))
        above, beside = (bearer(given.database, Role.ADMIN, [one]) for one in ("330106", "330109"))
        place = new("330106009", "330106", "township")
        for _ in range(2):
            made = admin.post("/api/places", json=place).json()
            add(given.database, place_code="330106009", object_id="hidden")
            inside = bearer(given.database, Role.ADMIN, ["330106009"])
            before = seen(admin, above, "hidden")
            assert seen(admin, inside, "hidden") == before  # the code's, whoever had it before
            with given.database.writing() as connection:  # the account is moved away
                connection.execute(
                    sa.update(tables.account_places)
                    .where(tables.account_places.c.place_code == "330106009")
                    .values(place_code="330109")
                )
            removed = admin.delete("/api/places/330106009", headers=match(made))
            assert removed.status_code == 204
            assert seen(admin, above, "hidden") == before
            assert seen(admin, inside, "hidden") == seen(admin, beside, "hidden") == (0, 0)
        assert before == (2, 2)


CODES = (
    "330100", "330106", "330109", "330106004", "330106005", "330106004001", "330106004002",
    "33010600400101", "3301060040010101", "330200", "339900", "340100", "110000", "110101",
    "120101", "441900", "441900003", "441901", "820100", "829900",
)  # fmt: skip


def test_a_code_alone_tells_what_lies_inside(database: Database) -> None:
    with database.writing() as connection:
        for code in (*CODES, None):
            row = {"place_code": code, "camera_id": "c", "hazard": "fire", "zone_id": "all"}
            moments = dict.fromkeys(("opened_at", "first_seen_at", "last_seen_at"), NOW)
            state = {"drill": False, "severity": "x", "state": "new", "score": 1.0}
            connection.execute(
                sa.insert(tables.incidents).values(incident_id=uuid4(), **row, **moments, **state)
            )
    column = tables.incidents.c.place_code
    with database.reading() as connection:
        for own in CODES:
            expected = {one for one in CODES if one == own or lies_within(one, own)}
            query = sa.select(column).where(store.inside(principal(f"/0/{own}/"), column))
            assert set(connection.execute(query).scalars()) == expected, own
        for paths, number in (((), 0), (("/0/",), 21), (("/0/330100/", "/0/110000/"), 11)):
            query = sa.select(column).where(store.inside(principal(*paths), column))
            assert len(connection.execute(query).all()) == number


def principal(*paths: str) -> Principal:
    return Principal(
        account_id=uuid4(), login="x", role=Role.OPS, permissions=frozenset(), paths=paths
    )
