"""Managing accounts, over real HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.accounts.roles import SCOPES, Role
from tests.service.helpers import ON_SQLITE, Parts
from tests.service.process import serving
from tests.service.signing_in import (
    PASSWORD,
    Account,
    bearer,
    log_in,
    make_account,
    signed_in,
    token,
)

CITY, COUNTY, OTHER, TOWN = "330100", "330106", "330110", "330106109"


@pytest.fixture
def url(given: Parts) -> Iterator[str]:
    rows = [(CITY, "0", "city"), (COUNTY, CITY, "county"), (OTHER, CITY, "county")]
    rows.append((TOWN, COUNTY, "township"))
    with given.database.writing() as connection:
        for code, parent, level in rows:
            above = connection.execute(
                sa.select(tables.places.c.path).where(tables.places.c.code == parent)
            ).scalar_one()
            connection.execute(
                sa.insert(tables.places).values(
                    code=code, parent_code=parent, level=level, name=code, path=f"{above}{code}/"
                )
            )
    with serving(given.settings) as served:
        yield served


@contextmanager
def admin_of(given: Parts, url: str, *places: str) -> Iterator[httpx.Client]:
    with signed_in(url, make_account(given.database, Role.ADMIN, places)) as client:
        yield client


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def new(**changes: Any) -> dict[str, Any]:
    wanted = {"login": "zhang.san", "name": "张三", "role": "operator", "places": [COUNTY]}
    return wanted | changes


def rev(answer: httpx.Response) -> dict[str, str]:
    return {"If-Match": answer.headers["etag"]}


def test_an_account_from_its_making_to_its_end(given: Parts, url: str) -> None:
    with admin_of(given, url, "0") as admin:
        made = admin.post("/api/accounts", json=new())
        assert made.status_code == 201
        account = made.json()
        assert account["places"] == [{"code": COUNTY, "name": COUNTY, "level": "county"}]
        assert (account["way"], account["password_once"]) == ("password", True)
        where = f"/api/accounts/{account['account_id']}"
        shown = admin.get(where)
        assert shown.json() == {k: v for k, v in account.items() if k != "one_time_password"}
        assert [one["login"] for one in admin.get("/api/accounts?q=ZHANG").json()["accounts"]] == [
            "zhang.san"
        ]
        assert admin.get("/api/accounts?q=%25").json()["accounts"] == []

        changed = admin.patch(where, json={"name": "张三丰", "role": "ops"}, headers=rev(shown))
        assert (changed.json()["name"], changed.json()["role"]) == ("张三丰", "ops")
        stale = admin.patch(where, json={"name": "李四"}, headers=rev(shown))
        assert code(stale) == (412, "edited_meanwhile")
        assert code(admin.patch(where, json={"name": "x"})) == (428, "if_match_required")
        assert admin.delete(where, headers=rev(changed)).status_code == 204
        gone = admin.get(where)
        assert gone.json()["disabled"] is True
        again = admin.patch(where, json={"disabled": False}, headers=rev(gone))
        assert again.json()["disabled"] is False
    audited = [row for row in given.rows(tables.audit) if row["action"].startswith("account.")]
    assert [row["action"] for row in audited] == [
        "account.created",
        "account.changed",
        "account.disabled",
        "account.enabled",
    ]
    assert {row["place_code"] for row in audited} == {COUNTY}
    assert account["one_time_password"] not in repr(audited)
    assert '"role":{"new":"ops","old":"operator"}' in audited[1]["body"]


def test_what_lies_beyond_ones_places_does_not_exist(given: Parts, url: str) -> None:
    foreign = make_account(given.database, Role.VIEWER, [OTHER])
    both = make_account(given.database, Role.VIEWER, [TOWN, OTHER])
    above = make_account(given.database, Role.ADMIN, [CITY])
    own = make_account(given.database, Role.VIEWER, [TOWN])
    with admin_of(given, url, COUNTY) as admin:
        listed = {one["login"] for one in admin.get("/api/accounts").json()["accounts"]}
        assert own.login in listed
        assert listed.isdisjoint({foreign.login, both.login, above.login})
        for hidden in (foreign, both, above):
            for method, path, body in (
                ("GET", "", None),
                ("PATCH", "", {"name": "x"}),
                ("DELETE", "", None),
                ("POST", "/one-time-password", None),
            ):
                answers = []
                for one in (hidden.account_id, uuid4()):
                    answer = admin.request(
                        method,
                        f"/api/accounts/{one}{path}",
                        json=body,
                        headers={"If-Match": '"1"'},
                    )
                    assert code(answer) == (404, "unknown_account")
                    answers.append(answer.text.replace(str(one), "ID"))
                assert answers[0] == answers[1]


def test_places_are_given_inside_ones_own_only(given: Parts, url: str) -> None:
    own = make_account(given.database, Role.VIEWER, [TOWN])
    with admin_of(given, url, COUNTY) as admin:
        for places in (["0"], [CITY], [OTHER], [COUNTY, OTHER], ["999999"], ["x"]):
            refused = admin.post("/api/accounts", json=new(places=places))
            assert code(refused) == (422, "unknown_place"), places
            where = f"/api/accounts/{own.account_id}"
            moved = admin.patch(where, json={"places": places}, headers={"If-Match": '"1"'})
            assert code(moved) == (422, "unknown_place"), places
            assert [one["code"] for one in admin.get(where).json()["places"]] == [TOWN], places


def test_the_last_administrator_stays(given: Parts, url: str) -> None:
    make_account(given.database, Role.ADMIN, [CITY])
    with admin_of(given, url, "0") as admin:
        own = admin.get("/api/session").json()["account"]["account_id"]
        where = f"/api/accounts/{own}"
        tag = rev(admin.get(where))
        for change in ({"role": "ops"}, {"places": [CITY]}, {"disabled": True}):
            assert code(admin.patch(where, json=change, headers=tag)) == (409, "last_admin")
        assert code(admin.delete(where, headers=tag)) == (409, "last_admin")
        assert admin.patch(where, json={"name": "still here"}, headers=tag).status_code == 200
        other = make_account(given.database, Role.ADMIN)
        stepped = admin.patch(where, json={"role": "ops"}, headers=rev(admin.get(where)))
        assert stepped.status_code == 200
        assert code(admin.get("/api/accounts")) == (403, "forbidden")
    assert other.role == Role.ADMIN


def move(
    given: Parts, url: str, old: list[str], new: list[str], **also: Any
) -> tuple[UUID, dict[str, list[dict[str, Any]]]]:
    """Give an account other places; returns its id and what auditors of each place then read."""
    account = make_account(given.database, Role.VIEWER, old)
    where = f"/api/accounts/{account.account_id}"
    with admin_of(given, url, "0") as admin:
        moved = admin.patch(where, json={"places": new} | also, headers={"If-Match": '"1"'})
        assert moved.status_code == 200, moved.text
    query = {"object_id": str(account.account_id)}
    return account.account_id, {
        place: httpx.get(
            f"{url}/api/audit", params=query, headers=bearer(given.database, Role.OPS, [place])
        ).json()["entries"]
        for place in (CITY, COUNTY, OTHER, TOWN)
    }


def told(entries: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(one["action"], one["detail"]) for one in entries]


def test_a_move_tells_each_place_of_its_own_side(given: Parts, url: str) -> None:
    account_id, read = move(given, url, [TOWN], [OTHER], role="operator", disabled=True)
    assert told(read[TOWN]) == told(read[COUNTY]) == [("account.moved_out", {"moved_out": [TOWN]})]
    assert told(read[OTHER]) == [
        (
            "account.disabled",
            {
                "role": {"old": "viewer", "new": "operator"},
                "disabled": {"old": False, "new": True},
            },
        ),
        ("account.moved_in", {"moved_in": [OTHER]}),
    ]
    assert told(read[CITY]) == told(read[OTHER]) + told(read[TOWN])
    kept = {place: json.dumps(read[place]).replace(str(account_id), "") for place in read}
    assert OTHER not in kept[TOWN] + kept[COUNTY]
    assert COUNTY not in kept[OTHER]  # nor what lies below: its code begins so


def test_a_move_down_the_tree_tells_nothing_of_above(given: Parts, url: str) -> None:
    _, read = move(given, url, [COUNTY], [TOWN])
    moved_in = ("account.moved_in", {"moved_in": [TOWN]})
    assert told(read[TOWN]) == [moved_in]
    assert told(read[COUNTY]) == [moved_in, ("account.moved_out", {"moved_out": [COUNTY]})]
    assert read[OTHER] == []


def test_other_places_inside_the_same_one_are_no_move(given: Parts, url: str) -> None:
    _, read = move(given, url, [COUNTY, OTHER], [TOWN, OTHER])
    places = {"old": [COUNTY, OTHER], "new": [TOWN, OTHER]}
    assert told(read[CITY]) == [("account.changed", {"places": places})]
    assert read[COUNTY] == read[OTHER] == read[TOWN] == []


def test_disabling_ends_sessions_and_tokens_for_good(given: Parts, url: str) -> None:
    viewer = make_account(given.database, Role.VIEWER)
    headers = {"Authorization": f"Bearer {token(given.database, viewer)}"}
    with admin_of(given, url, "0") as admin, signed_in(url, viewer) as client:
        assert httpx.get(f"{url}/api/incidents", headers=headers).status_code == 200
        where = f"/api/accounts/{viewer.account_id}"
        admin.delete(where, headers=rev(admin.get(where)))
        assert client.get("/api/incidents").status_code == 401
        assert httpx.get(f"{url}/api/incidents", headers=headers).status_code == 401
        admin.patch(where, json={"disabled": False}, headers=rev(admin.get(where)))
        assert client.get("/api/incidents").status_code == 401
        assert httpx.get(f"{url}/api/incidents", headers=headers).status_code == 401


def test_a_new_one_time_password_replaces_the_old_one(given: Parts, url: str) -> None:
    viewer = make_account(given.database, Role.VIEWER)
    with admin_of(given, url, "0") as admin, signed_in(url, viewer) as client:
        where = f"/api/accounts/{viewer.account_id}/one-time-password"
        once = admin.post(where).json()["one_time_password"]
        assert client.get("/api/session").status_code == 401
        old = {"login": viewer.login, "password": PASSWORD}
        assert code(client.post("/api/session", json=old)) == (401, "wrong_login")
        got = Account(
            account_id=viewer.account_id, login=viewer.login, role=viewer.role, password=once
        )
        with signed_in(url, got) as again:
            assert again.get("/api/session").json()["password_once"] is True
        assert admin.post(where).json()["one_time_password"] != once
        assert httpx.post(f"{url}/api/session", json=old | {"password": once}).status_code == 401


HOSTILE = ["", " ", "张三", "a b", "a\x00", "<b>", "a\u202eb", "-a", "a/b", "host:root", "a\n"]


@ON_SQLITE
def test_hostile_logins(given: Parts, url: str) -> None:
    with admin_of(given, url, "0") as admin:
        for login in [*HOSTILE, "x" * 65, "x" * 10_000]:
            answer = admin.post("/api/accounts", json=new(login=login))
            assert code(answer) == (422, "invalid_request"), login
            assert [one["field"] for one in answer.json()["errors"]] == ["login"]


def test_hostile_names(given: Parts, url: str) -> None:
    with admin_of(given, url, "0") as admin:
        for name in ("a\u202eb", "x" * 129, "\u200b", "a\nb", "", "x" * 10_000):
            answer = admin.post("/api/accounts", json=new(name=name))
            assert code(answer) == (422, "invalid_request"), name
        markup = new(name="<img src=x onerror=alert(1)>")
        assert admin.post("/api/accounts", json=markup).json()["name"] == markup["name"]


def test_logins_that_are_somebody_elses(given: Parts, url: str) -> None:
    make_account(given.database, Role.VIEWER, login="taken")
    with admin_of(given, url, "0") as admin:
        for login in ("service", "Host", "TAKEN"):
            refused = admin.post("/api/accounts", json=new(login=login))
            assert code(refused) == (409, "login_taken"), login


def test_an_account_of_the_identity_provider_has_no_password(given: Parts, url: str) -> None:
    with admin_of(given, url, "0") as admin:
        made = admin.post("/api/accounts", json=new(way="oidc")).json()
        assert (made["way"], made["one_time_password"]) == ("oidc", None)
        answer = admin.post(f"/api/accounts/{made['account_id']}/one-time-password")
        assert code(answer) == (409, "no_password")
        login = {"login": made["login"], "password": ""}
        assert code(admin.post("/api/session", json=login)) == (401, "wrong_login")


@ON_SQLITE
def test_nobody_else_manages_accounts(given: Parts, url: str) -> None:
    for role in set(Role) - {Role.ADMIN}:
        account = make_account(given.database, role)
        with signed_in(url, account) as client:
            where = f"/api/accounts/{account.account_id}"
            for answer in (
                client.get("/api/accounts"),
                client.get(where),
                client.post("/api/accounts", json=new()),
                client.patch(where, json={"role": "admin"}, headers={"If-Match": '"1"'}),
                client.delete(where, headers={"If-Match": '"1"'}),
                client.post(f"{where}/one-time-password"),
            ):
                assert code(answer) == (403, "forbidden"), role


@ON_SQLITE
def test_a_one_time_password_is_for_others_only(given: Parts, url: str) -> None:
    admin = make_account(given.database, Role.ADMIN)
    before = given.rows(tables.accounts)
    with signed_in(url, admin) as client:
        own = client.post(f"/api/accounts/{admin.account_id}/one-time-password")
        assert code(own) == (409, "own_password")
    assert given.rows(tables.accounts) == before


@ON_SQLITE
def test_a_token_manages_neither_accounts_nor_passwords(given: Parts, url: str) -> None:
    admin, viewer = (make_account(given.database, role) for role in (Role.ADMIN, Role.VIEWER))
    before = given.rows(tables.accounts)
    headers = {"Authorization": f"Bearer {token(given.database, admin, SCOPES)}"}
    with httpx.Client(base_url=url, headers=headers) as client:
        assert client.get("/api/accounts").status_code == 200
        assert code(client.post("/api/accounts", json=new(places=["0"]))) == (403, "session_needed")
        for one in (admin, viewer):
            where = f"/api/accounts/{one.account_id}"
            for answer in (
                client.patch(where, json={"role": "admin"}, headers={"If-Match": '"1"'}),
                client.delete(where, headers={"If-Match": '"1"'}),
                client.post(f"{where}/one-time-password"),
            ):
                assert code(answer) == (403, "session_needed")
    assert given.rows(tables.accounts) == before


def test_a_one_time_password_ends_tokens_as_well(given: Parts, url: str) -> None:
    viewer, other = (make_account(given.database, Role.VIEWER) for _ in range(2))
    stolen, foreign = (
        {"Authorization": f"Bearer {token(given.database, one)}"} for one in (viewer, other)
    )
    token(given.database, viewer)
    with admin_of(given, url, "0") as admin:
        where = f"/api/accounts/{viewer.account_id}/one-time-password"
        once = admin.post(where).json()["one_time_password"]
    assert httpx.get(f"{url}/api/incidents", headers=stolen).status_code == 401
    assert httpx.get(f"{url}/api/incidents", headers=foreign).status_code == 200
    with httpx.Client(base_url=url) as client:
        log_in(client, replace(viewer, password=once))
        change = {"current_password": once, "new_password": "a river under the slope"}
        assert client.post("/api/session/password", json=change).status_code == 200
    assert httpx.get(f"{url}/api/incidents", headers=stolen).status_code == 401
    (reset,) = (r for r in given.rows(tables.audit) if r["action"] == "account.password_reset")
    assert '"tokens_revoked":2' in reset["body"]
