"""The tree over HTTP: grown, renamed, pruned, hidden from strangers."""

import json
from typing import Any

import httpx
import pytest

from service import tables
from tests.service.cameras.kit import HERE, THERE, registered, townships
from tests.service.helpers import Parts
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
        assert admin.patch(path, json={"name": "龙井村"}).json()["name"] == "龙井村"
        assert own.get(path).json()["name"] == "龙井村"
        used = admin.delete(f"/api/places/{HERE}")
        assert (used.status_code, used.json()["code"]) == (409, "place_in_use")
        assert "places 1, cameras 2, accounts 2" in used.json()["detail"]
        assert admin.delete(path).status_code == 204
        assert admin.get(path).status_code == 404
        assert admin.delete("/api/places/0").status_code == 409
    told = [json.loads(row["body"]) for row in given.rows(tables.audit)]
    assert [one["action"] for one in told if one["object_kind"] == "place"] == [
        "place.created",
        "place.renamed",
        "place.removed",
    ]


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
                    left = own.request(method, f"/api/places{tail}", json=body)
                    other = None if body is None else json.loads(
                        json.dumps(body).replace(foreign, none) if method == "POST" else
                        json.dumps(body)
                    )  # fmt: skip
                    right = own.request(
                        method, f"/api/places{tail}".replace(foreign, none), json=other
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


def test_a_place_in_use_tells_what_its_administrator_sees(given: Parts) -> None:
    with townships(given) as (_, _, admin):
        headers = bearer(given.database, "admin", ["330106"])
        bearer(given.database, "viewer", [f"{HERE}", THERE])
        made = admin.post("/api/places", json=new("330106009", "330106", "township"))
        assert made.status_code == 201
        seen = admin.delete(f"/api/places/{HERE}", headers=headers).json()["detail"]
        # The target and the integrator, and not the viewer who has a foreign place as well.
        assert f"{HERE} is in use (cameras 1, accounts 2)" in seen
        bearer(given.database, "viewer", ["330106009", THERE])
        unseen = admin.delete("/api/places/330106009", headers=headers)
        assert (unseen.status_code, unseen.json()["code"]) == (409, "place_in_use")
        assert "330106009 is in use: " in unseen.json()["detail"]
