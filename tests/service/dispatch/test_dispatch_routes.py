"""Routes, their dry run and policies over HTTP: whose they are, and that two don't undo another."""

from typing import Any

import httpx

from service import tables
from tests.service.dispatch.test_order_routes import Site, get, site
from tests.service.estate import FOREIGN, OWN
from tests.service.helpers import ON_SQLITE, Parts

__all__ = ["site"]


def put(client: httpx.Client, what: str, body: Any, tag: str | None = None) -> httpx.Response:
    if tag is None:
        tag = client.get(f"/api/dispatch/{what}").headers["etag"]
    return client.put(f"/api/dispatch/{what}", json={what: body}, headers={"If-Match": tag})


def route(*targets: str, **values: Any) -> dict[str, Any]:
    return {"name": "route", "targets": targets or ["dispatch"], **values}


def tried(client: httpx.Client, **values: Any) -> Any:
    asked = {"hazard": "fire", "severity": "extreme", "place_code": OWN} | values
    answer = client.post("/api/dispatch/routes/try", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_routes_are_replaced_as_a_whole_by_those_who_see_their_places(
    site: Site, given: Parts
) -> None:
    assert [one["why"] for one in tried(site.own)["targets"]] == ["default"]
    foreign = put(site.all, "routes", [route(name="f", place_code=FOREIGN)])
    assert [one["why"] for one in tried(site.own)["targets"]] == ["default"]
    assert foreign.status_code == 200
    everywhere = put(site.all, "routes", [route(name="all"), route(name="f", place_code=FOREIGN)])
    assert everywhere.status_code == 200, everywhere.text
    assert get(site.own, "/api/dispatch/routes")["routes"] == []
    night = route(name="night", place_code=OWN, from_minute=1320, to_minute=360, weekdays=[5, 6])
    mine = put(site.own, "routes", [night, route(name="own", place_code=OWN, stop=True)])
    assert mine.status_code == 200, mine.text
    names = [one["name"] for one in get(site.all, "/api/dispatch/routes")["routes"]]
    assert sorted(names) == ["all", "f", "night", "own"]
    found = tried(site.own, at="2026-05-04T12:00:00+08:00")
    assert [(one["name"], one["why"]) for one in found["routes"]] == [
        ("night", "other_time"), ("own", "taken"), ("all", "stopped"),
    ]  # fmt: skip
    assert found["targets"] == [
        {"target": "dispatch", "ordered": True, "why": "route", "route": "own"}
    ]
    assert found["unconfirmed"] is False
    drill = tried(site.own, drill=True)
    assert [one["target"] for one in drill["targets"] if one["ordered"]] == ["dispatch.drill"]
    # One's own routes stay whose they are: their ids, and who changed them last.
    kept = mine.json()["routes"]
    again = put(site.own, "routes", [kept[1] | {"name": "renamed"}, kept[0]], None)
    assert again.status_code == 422  # what is told isn't what is asked
    bare = [{k: v for k, v in one.items() if not k.startswith("updated")} for one in kept]
    again = put(site.own, "routes", [bare[1] | {"name": "renamed"}, bare[0]])
    assert [one["route_id"] for one in again.json()["routes"]] == [
        kept[1]["route_id"], kept[0]["route_id"],
    ]  # fmt: skip
    assert again.json()["routes"][1]["updated_at"] == kept[0]["updated_at"]
    assert put(site.own, "routes", [], mine.headers["etag"]).status_code == 412
    assert put(site.own, "routes", [], again.headers["etag"]).status_code == 200
    assert len(get(site.all, "/api/dispatch/routes")["routes"]) == 2
    told = [one for one in given.rows(tables.audit) if one["action"] == "dispatch.routes_changed"]
    assert [one["place_code"] for one in told] == [
        FOREIGN, "0", OWN, OWN, OWN,
    ]  # fmt: skip


WRONG = [
    (route("nobody", place_code=OWN), "unknown_target"),
    (route("dispatch.drill", place_code=OWN), "target_refused"),
    (route(place_code=FOREIGN), "unknown_place"),
    (route(place_code="330199999"), "unknown_place"),
    (route(), "unknown_place"),
    (route(place_code="0"), "unknown_place"),
    (route(place_code=OWN, from_minute=5), "route_times"),
    (route(place_code=OWN, from_minute=5, to_minute=5), "route_times"),
    (route(place_code=OWN, from_minute=1440, to_minute=0), "route_times"),
    (route(place_code=OWN, from_minute=5, to_minute=1441), "invalid_request"),
    (route(place_code=OWN, weekdays=[0]), "invalid_request"),
    (route(place_code=OWN, hazards=["face"]), "invalid_request"),
    ({"name": "x", "targets": [], "place_code": OWN}, "invalid_request"),
]


@ON_SQLITE
def test_a_route_that_can_t_be_is_refused(site: Site) -> None:
    for wrong, code in WRONG:
        answer = put(site.own, "routes", [route(place_code=OWN), wrong])
        assert (answer.status_code, answer.json()["code"]) == (422, code), wrong
    assert get(site.all, "/api/dispatch/routes")["routes"] == []


def test_policies_by_hazard_and_place(site: Site, given: Parts) -> None:
    def policy(place: str, unconfirmed: bool, hazard: str = "fire") -> dict[str, Any]:
        return {"hazard": hazard, "place_code": place, "unconfirmed": unconfirmed}

    assert get(site.own, "/api/dispatch/policies")["free"] == ["camera_fault"]
    assert tried(site.own, hazard="camera_fault")["unconfirmed"] is True
    assert put(site.all, "policies", [policy("0", True)]).status_code == 200
    assert tried(site.own)["unconfirmed"] is True
    assert put(site.own, "policies", [policy("0", False)]).status_code == 422
    assert put(site.own, "policies", [policy(FOREIGN, False)]).status_code == 422
    twice = put(site.own, "policies", [policy(OWN, False), policy(OWN, True)])
    assert twice.json()["code"] == "policy_twice"
    mine = put(site.own, "policies", [policy(OWN, False), policy(OWN, False, "camera_fault")])
    assert mine.status_code == 200, mine.text
    assert tried(site.own)["unconfirmed"] is False
    assert tried(site.own, hazard="camera_fault")["unconfirmed"] is False
    assert tried(site.all, place_code=FOREIGN)["unconfirmed"] is True
    assert len(get(site.all, "/api/dispatch/policies")["policies"]) == 3
    assert put(site.own, "policies", [], '"1"').status_code == 412
    assert site.own.put("/api/dispatch/policies", json={"policies": []}).status_code == 428
    actions = [one["action"] for one in given.rows(tables.audit)]
    assert actions.count("dispatch.policies_changed") == 2
