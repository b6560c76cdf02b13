"""Saved views: each account's own, with the list's filters in them."""

import httpx
import pytest

from service.cameras import saved_views
from service.tables import saved_views as table
from tests.service.cameras.kit import townships
from tests.service.helpers import Parts

PATH = "/api/camera-views"

NIGHTLY = {"name": "断线的", "query": {"state": "fault", "place": "330106", "sort": "-updated_at"}}


def names(client: httpx.Client) -> list[str]:
    return [view["name"] for view in client.get(PATH).json()["views"]]


def test_a_view_comes_back_as_it_was_kept_and_to_nobody_else(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "MOST_VIEWS", 2)
    with townships(given) as (own, foreign, _):
        made = own.post(PATH, json=NIGHTLY)
        assert made.status_code == 201, made.text
        (shown,) = own.get(PATH).json()["views"]
        assert shown == made.json()
        assert {name: one for name, one in shown["query"].items() if one} == NIGHTLY["query"]
        assert names(foreign) == []
        path = f"{PATH}/{shown['view_id']}"
        assert foreign.delete(path).json()["code"] == "unknown_view"
        again = own.post(PATH, json=NIGHTLY)
        assert (again.status_code, again.json()["code"]) == (409, "view_name_taken")
        assert foreign.post(PATH, json=NIGHTLY).status_code == 201
        assert own.post(PATH, json={"name": "A", "query": {}}).status_code == 201
        full = own.post(PATH, json={"name": "B", "query": {}})
        assert (full.status_code, full.json()["code"]) == (409, "too_many_views")
        assert own.delete(path).status_code == 204
        assert own.delete(path).status_code == 404
        assert names(own) == ["A"]
        for query in ({"owner": "x"}, {"state": "lost"}, {"limit": 3}, None):
            assert own.post(PATH, json={"name": "C", "query": query}).status_code == 422


def test_what_a_later_version_no_longer_knows_is_passed_over(given: Parts) -> None:
    with townships(given) as (own, _, _):
        own.post(PATH, json=NIGHTLY)
        with given.database.writing() as connection:
            connection.execute(table.update().values(query={"gone": 1, "state": "fault"}))
        views = [one for one in own.get(PATH).json()["views"] if one["name"] == NIGHTLY["name"]]
        assert views[0]["query"]["state"] == "fault"
