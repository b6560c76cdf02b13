"""Cameras over HTTP: registered, changed by two at once, hidden from strangers."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.places.codes import ROOT_CODE
from tests.service.cameras.kit import (
    GB_ID,
    HERE,
    PASSWORD,
    THERE,
    described,
    match,
    registered,
    townships,
)
from tests.service.helpers import ON_SQLITE, Parts
from tests.service.signing_in import bearer, make_account, token
from vision.hazards import Hazard


def test_a_camera_from_registration_to_removal(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(
            own,
            gb_id=GB_ID,
            main_url=f"rtsp://admin:{PASSWORD.replace('!', '%21')}@192.0.2.10:8554/main?channel=1",
            zones=[{"zone_id": "路", "polygon": [[0, 0], [1, 0], [1, 1]]}],
            position={"longitude": 120.1598, "latitude": 30.2718, "coordinate_system": "gcj02"},
        )
        assert made["main_url"] == "rtsp://192.0.2.10:8554/main?channel=1"
        assert made["has_credentials"]
        assert made["place"] == {"code": HERE, "name": "灵隐街道"}
        assert made["place_path_names"] == ["全部 All", "杭州市", "西湖区", "灵隐街道"]
        assert made["state"] == "unwatched"
        assert made["position"]["wgs84_longitude"] == pytest.approx(120.1551, abs=1e-4)
        assert {one["code"] for one in made["warnings"]} == {"no_substream"}
        path = f"/api/cameras/{made['camera_id']}"
        changed = own.patch(path, json={"name": "<b>新名</b>"}, headers=match(made))
        assert changed.status_code == 200, changed.text
        assert changed.headers["etag"] == '"2"'
        shown = own.get(path)
        assert shown.json()["name"] == "<b>新名</b>"  # text, and never more than that
        assert shown.headers["etag"] == '"2"'
        assert own.delete(path, headers=match(made)).json()["code"] == "edited_meanwhile"
        assert own.delete(path, headers=match(changed.json())).status_code == 204
        assert own.get(path).json()["code"] == "unknown_camera"
    actions = [json.loads(row["body"]) for row in given.rows(tables.audit)]
    assert [one["action"] for one in actions] == [
        "camera.created",
        "camera.changed",
        "camera.removed",
    ]
    assert actions[1]["detail"] == {"name": {"old": "灵隐路口", "new": "<b>新名</b>"}}


def test_two_people_edit_one_camera(given: Parts) -> None:
    with townships(given) as (own, _, admin):
        made = registered(own)
        path = f"/api/cameras/{made['camera_id']}"
        patches = [(own, {"name": "一"}), (admin, {"owner": "二"})] * 4
        with ThreadPoolExecutor(len(patches)) as pool:
            answers = list(
                pool.map(lambda one: one[0].patch(path, json=one[1], headers=match(made)), patches)
            )
        assert sorted(one.status_code for one in answers) == [200] + [412] * 7
        assert {one.json()["code"] for one in answers if one.status_code == 412} == {
            "edited_meanwhile"
        }
        won = next(one for one in answers if one.status_code == 200).json()
        shown = own.get(path).json()
        assert shown["revision"] == 2
        assert (shown["name"], shown["owner"]) == (won["name"], won["owner"])
        assert own.patch(path, json={"name": "三"}).json()["code"] == "if_match_required"
        for useless in ("*", "2", 'W/"2"', '"2", "1"'):
            answer = own.patch(path, json={"name": "三"}, headers={"If-Match": useless})
            assert answer.status_code == 412


def test_a_foreign_camera_is_like_none(given: Parts) -> None:
    with townships(given) as (own, foreign, _):
        hidden = registered(foreign, place_code=THERE, gb_id=GB_ID)
        one, none = hidden["camera_id"], str(uuid4())
        for method, tail, body in (
            ("GET", "", None),
            ("PATCH", "", {"name": "x"}),
            ("DELETE", "", None),
            ("PUT", "/credentials", {"user": "u", "password": "p"}),
            ("DELETE", "/credentials", None),
        ):
            answers = [
                own.request(
                    method, f"/api/cameras/{name}{tail}", json=body, headers={"If-Match": '"1"'}
                )
                for name in (one, none)
            ]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].content.replace(one.encode(), b"") == answers[1].content.replace(
                none.encode(), b""
            )
        assert one not in own.get("/api/cameras?limit=500").text
        assert own.get(f"/api/cameras?q={GB_ID}").json()["total"] == 0
        # The id that a foreign camera has can be given: a refusal would tell of it.
        mine = registered(own, gb_id=GB_ID)
        assert "gb_id_shared" not in {one["code"] for one in mine["warnings"]}
        again = own.post("/api/cameras", json=described(gb_id=GB_ID))
        assert (again.status_code, again.json()["code"]) == (409, "gb_id_taken")
        assert again.json()["errors"][0]["field"] == "gb_id"


def test_whoever_sees_both_is_warned_of_a_shared_id(given: Parts) -> None:
    with townships(given) as (own, foreign, admin):
        hidden = registered(foreign, place_code=THERE, gb_id=GB_ID, name="彼")
        mine = registered(own, gb_id=GB_ID)
        for one in (hidden, mine):
            shown = admin.get(f"/api/cameras/{one['camera_id']}").json()
            assert "gb_id_shared" in {warning["code"] for warning in shown["warnings"]}


def test_a_place_that_is_foreign_or_none_is_the_same(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(own)
        path = f"/api/cameras/{made['camera_id']}"
        for code, none in ((THERE, "330109999"), (ROOT_CODE, "999999")):
            answers = [
                own.post("/api/cameras", json=described(place_code=one)) for one in (code, none)
            ]
            answers += [
                own.patch(path, json={"place_code": one}, headers=match(made))
                for one in (code, none)
            ]
            answers += [own.get(f"/api/cameras?place={one}") for one in (code, none)]
            for left, right in zip(answers[::2], answers[1::2], strict=True):
                assert (left.status_code, left.json()["code"]) == (422, "unknown_place")
                assert left.text.replace(code, "") == right.text.replace(none, "")


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": "路\u202egnp.口"}, "name", "direction-changing"),
        ({"name": "路\u200b口"}, "name", "invisible"),
        ({"name": "a\u0000b"}, "name", "control character"),
        ({"name": "长" * 10_000}, "name", "at most 128"),
        ({"name": "\u3164"}, "name", "blank"),
        ({"name": "  "}, "name", "at least 1"),
        ({"name": None}, "name", "string"),
        ({"purpose": "x\u2029y"}, "purpose", "separator"),
        ({"purpose": "长" * 10_000}, "purpose", "at most 2000"),
        ({"gb_id": "33010600001180000001"}, "gb_id", "NVR"),
        ({"gb_id": "33010600002000000001"}, "gb_id", "SIP server"),
        ({"gb_id": "99010600001320000001"}, "gb_id", "province"),
        ({"gb_id": "3.30106E+19"}, "gb_id", "spreadsheet"),
        ({"gb_id": 33010600001320000001}, "gb_id", "quotes"),
        ({"gb_id": 3.30106e19}, "gb_id", "quotes"),
        ({"gb_id": True}, "gb_id", "string"),
        ({"credentials": {"user": "a", "password": [PASSWORD]}}, "credentials.password", "string"),
        ({"position": {"longitude": 124, "latitude": 30, "coordinate_system": "wgs84"}},
         "position", "East China Sea"),
        ({"position": {"longitude": 30.2, "latitude": 120.1, "coordinate_system": "gcj02"}},
         "position", "swapped"),
        ({"position": {"longitude": 0, "latitude": 0, "coordinate_system": "bd09"}},
         "position", "unknown position"),
        ({"position": {"longitude": 120, "latitude": 30, "coordinate_system": "mars"}},
         "position.coordinate_system", "wgs84"),
        ({"place_type": "ward"}, "place_type", "not watched"),
        ({"place_type": "place_of_petition"}, "place_type", "no setting"),
        ({"place_type": "moon"}, "place_type", "camera-choices"),
        ({"sign_confirmed": False}, "sign_confirmed", "True"),
        ({"main_url": "http://192.0.2.1/x"}, "main_url", "rtsp://"),
        ({"main_url": "rtsp://192.0.2.1/a b"}, "main_url", "blank"),
        ({"main_url": f"rtsp://192.0.2.1/a?password={PASSWORD}"}, "main_url", "login"),
        ({"main_url": f"rtsp://192.0.2.1/user=admin&password={PASSWORD}&channel=1"},
         "main_url", "login"),
        ({"main_url": 7}, "main_url", "text"),
        ({"hazards": ["face"]}, "hazards.0", "fire"),
        ({"hazards": []}, "hazards", "at least 1"),
        ({"zones": [{"zone_id": "z", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}]},
         "zones.0", "cross"),
        ({"zones": [{"zone_id": "z", "polygon": [[0, 0], [1, 1]]}]}, "zones.0", "at least 3"),
        ({"zones": [{"zone_id": "all", "polygon": [[0, 0], [1, 0], [1, 1]]}]}, "zones.0", "whole"),
        ({"zones": [{"zone_id": "z", "polygon": [[0, 0], [1, 0], [1, 1]]}] * 2}, "zones", "two"),
        ({"contact_number": "call me"}, "contact_number", "number"),
        ({"drill": True}, "drill", "not permitted"),
        ({"camera_id": "drill-1"}, "camera_id", "not permitted"),
    ],
)  # fmt: skip
def test_bad_input_is_said_at_its_field(
    refusing: httpx.Client, changes: dict[str, Any], field: str, said: str
) -> None:
    answer = refusing.post("/api/cameras", content=json.dumps(described(**changes)))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    errors = {one["field"]: one["message"] for one in answer.json()["errors"]}
    assert said in errors[field]
    assert PASSWORD not in answer.text


@ON_SQLITE
def test_a_password_stays_with_its_host(given: Parts) -> None:
    with townships(given) as (own, _, admin):
        made = registered(own, credentials={"user": "admin", "password": PASSWORD})
        path = f"/api/cameras/{made['camera_id']}"
        for elsewhere in (
            {"main_url": "rtsp://192.0.2.66/main"},
            {"main_url": "rtsp://192.0.2.10:8554/main"},
            {"sub_url": "rtsp://192.0.2.66/sub"},
        ):
            refused = admin.patch(path, json=elsewhere, headers=match(made))
            assert (refused.status_code, refused.json()["code"]) == (422, "credentials_needed")
        other_path = own.patch(path, json={"main_url": "rtsp://192.0.2.10/2"}, headers=match(made))
        assert other_path.status_code == 200
        moved = own.patch(
            path,
            json={"main_url": f"rtsp://admin:{PASSWORD}@192.0.2.66/main"},
            headers=match(other_path.json()),
        ).json()
        assert (moved["main_url"], moved["has_credentials"]) == ("rtsp://192.0.2.66/main", True)
        freed = own.patch(
            path,
            json={"main_url": "rtsp://192.0.2.67/main", "credentials": None},
            headers=match(moved),
        ).json()
        assert not freed["has_credentials"]
        login = {"user": "a", "password": PASSWORD}
        given_anew = own.put(path + "/credentials", json=login, headers=match(freed))
        assert given_anew.status_code == 204
        shown = own.get(path).json()
        assert shown["has_credentials"]
        assert own.delete(path + "/credentials", headers=match(shown)).status_code == 204
        assert not own.get(path).json()["has_credentials"]
        two = own.post(
            "/api/cameras",
            json=described(
                main_url=f"rtsp://a:{PASSWORD}@192.0.2.1/1", sub_url="rtsp://a:other@192.0.2.1/2"
            ),
        )
        assert (two.status_code, two.json()["code"]) == (422, "two_logins")
        everything = own.get(path).text + own.get("/api/cameras").text + two.text
    everything += json.dumps([row["body"] for row in given.rows(tables.audit)])
    everything += str(given.rows(tables.cameras))
    assert PASSWORD not in everything


@pytest.mark.parametrize("field", ["user", "password"])
def test_a_login_has_at_most_256_characters_of_any_kind(given: Parts, field: str) -> None:
    def bodies(longest: str) -> list[dict[str, Any]]:
        login = {"user": "管@/?#%", "password": PASSWORD} | {field: longest}
        quoted = ":".join(quote(login[one], safe="") for one in ("user", "password"))
        return [{"credentials": login}, {"main_url": f"rtsp://{quoted}@h/"}]

    longest = ("密@/ 🔥" * 52)[:256]
    with townships(given) as (own, _, _):
        for fits in bodies(longest):
            assert registered(own, **fits)["has_credentials"]
        made = registered(own)
        path = f"/api/cameras/{made['camera_id']}"
        apart, in_address = bodies(longest + "x")
        login = apart["credentials"]
        refused = [
            own.post("/api/cameras", json=described(**apart)),
            own.patch(path, json=apart, headers=match(made)),
            own.put(f"{path}/credentials", json=login, headers=match(made)),
        ]
        long_address = own.post("/api/cameras", json=described(**in_address))
        assert own.get(path).json()["revision"] == 1
    for answer in refused:
        assert answer.status_code == 422
        (said,) = answer.json()["errors"]
        assert said["field"] in {field, f"credentials.{field}"}
        assert (said["code"], said["params"]) == ("string_too_long", {"max_length": 256})
    (said,) = long_address.json()["errors"]
    assert long_address.json()["code"] == said["code"] == "credentials_refused"
    assert said["params"] == {"most": 256}
    for answer in (*refused, long_address):
        assert longest not in answer.text
        assert quote(longest, safe="") not in answer.text


@pytest.mark.parametrize("user", ['a"b', "a:b"])
def test_a_login_that_would_be_sent_as_another_is_refused(
    refusing: httpx.Client, user: str
) -> None:
    for body in (
        {"credentials": {"user": user, "password": PASSWORD}},
        {"main_url": f"rtsp://{quote(user)}:{quote(PASSWORD)}@192.0.2.10/main"},
    ):
        answer = refusing.post("/api/cameras", content=json.dumps(described(**body)))
        assert (answer.status_code, answer.json()["code"]) == (422, "credentials_refused")
        assert answer.json()["errors"][0]["code"] == "credentials_refused"
        assert PASSWORD not in answer.text


@ON_SQLITE
def test_addresses_are_shown_to_who_registers_them_only(given: Parts) -> None:
    with townships(given) as (own, _, _):
        made = registered(own)
        viewer = bearer(given.database, "viewer", [HERE])
        shown = own.get(f"/api/cameras/{made['camera_id']}", headers=viewer).json()
        assert (shown["main_url"], shown["sub_url"]) == (None, None)


def test_pages_filters_and_orders(given: Parts) -> None:
    with townships(given) as (own, foreign, admin):
        for number in range(7):
            registered(own, name=f"own {number}%", programme="tianwang")
        registered(foreign, place_code=THERE, name="foreign")
        pages = [
            own.get(f"/api/cameras?limit=3&offset={start}&q=OWN").json() for start in (0, 3, 6)
        ]
        assert [page["total"] for page in pages] == [7, 7, 7]
        names = [one["name"] for page in pages for one in page["cameras"]]
        assert names == [f"own {number}%" for number in range(7)]
        assert own.get("/api/cameras?q=%25").json()["total"] == 7  # no wildcard
        assert own.get("/api/cameras?q=_").json()["total"] == 0
        down = own.get("/api/cameras?sort=-name&q=own&limit=1").json()["cameras"]
        assert [one["name"] for one in down] == ["own 6%"]
        for sort in ("place", "gb_id", "updated_at", "-updated_at"):
            assert admin.get(f"/api/cameras?sort={sort}").json()["total"] == 10
        assert admin.get("/api/cameras?place=330106").json()["total"] == 8
        assert admin.get("/api/cameras?place=330100").json()["total"] == 10
        assert admin.get("/api/cameras?programme=tianwang").json()["total"] == 7
        assert admin.get("/api/cameras?state=unwatched").json()["total"] == 10
        assert admin.get("/api/cameras?state=watching").json()["total"] == 0
        for bad in ("limit=501", "offset=-1", "sort=password", "q=%E2%80%AE", "state=x"):
            assert admin.get(f"/api/cameras?{bad}").status_code == 422


@ON_SQLITE
def test_choices_say_why_a_place_is_refused(given: Parts) -> None:
    with townships(given) as (own, _, _):
        choices = own.get("/api/camera-choices").json()
    assert "home" in choices["refused_place_types"]
    assert not set(choices["refused_place_types"]) & set(choices["place_types"])
    assert all("not watched" in one["reason"] for one in choices["refusals"])
    assert set(choices["hazards"]) == set(Hazard)
    assert choices["usual_hazards"] == ["fire", "smoke", "debris", "camera_fault"]
    assert {"road", "privacy"} <= set(choices["zone_kinds"])
    assert choices["window_kinds"] == ["planned_burn", "roadworks", "maintenance"]


@ON_SQLITE
def test_a_password_is_given_for_the_address_that_its_giver_has_seen(given: Parts) -> None:
    with townships(given) as (own, _, admin):
        made = registered(own)
        path = f"/api/cameras/{made['camera_id']}"
        admin.patch(path, json={"main_url": "rtsp://192.0.2.66/x"}, headers=match(made))
        login = {"user": "admin", "password": PASSWORD}
        for method, body in (("PUT", login), ("DELETE", None)):
            blind = own.request(method, f"{path}/credentials", json=body)
            assert (blind.status_code, blind.json()["code"]) == (428, "if_match_required")
            late = own.request(method, f"{path}/credentials", json=body, headers=match(made))
            assert (late.status_code, late.json()["code"]) == (412, "edited_meanwhile")
        assert not own.get(path).json()["has_credentials"]


@ON_SQLITE
def test_a_password_given_for_tls_stays_in_tls(given: Parts) -> None:
    with townships(given) as (own, _, admin):
        made = registered(
            own,
            main_url="rtsps://192.0.2.10:322/main",
            credentials={"user": "admin", "password": PASSWORD},
        )
        path = f"/api/cameras/{made['camera_id']}"
        plain = {"main_url": "rtsp://192.0.2.10:322/main"}
        refused = admin.patch(path, json=plain, headers=match(made))
        assert (refused.status_code, refused.json()["code"]) == (422, "credentials_needed")
        other = admin.patch(
            path, json={"main_url": "rtsps://192.0.2.10:322/2"}, headers=match(made)
        )
        assert other.status_code == 200, other.text


def test_a_move_tells_each_place_of_its_own_side(given: Parts) -> None:
    with townships(given) as (own, _, admin):
        made = registered(own)
        path = f"/api/cameras/{made['camera_id']}"
        moved = admin.patch(path, json={"place_code": THERE, "name": "新"}, headers=match(made))
        assert moved.status_code == 200, moved.text
        told = {
            code: own.get("/api/audit", headers=bearer(given.database, "ops", [code])).json()
            for code in (HERE, THERE)
        }
    here, there = (told[code]["entries"] for code in (HERE, THERE))
    assert [(one["action"], one["detail"]) for one in here][:-1] == [
        ("camera.moved_out", {"moved_out": HERE})
    ]
    assert [(one["action"], one["detail"]) for one in there] == [
        ("camera.changed", {"name": {"old": "灵隐路口", "new": "新"}}),
        ("camera.moved_in", {"moved_in": THERE}),
    ]
    assert {one["object_id"] for one in here + there} == {made["camera_id"]}
    assert THERE not in json.dumps(here)
    assert HERE not in json.dumps(there)


def test_the_audit_hides_addresses_where_the_camera_does(given: Parts) -> None:
    with townships(given) as (own, _, admin):
        made = registered(own, sub_url="rtsp://192.0.2.10/sub")
        path = f"/api/cameras/{made['camera_id']}"
        admin.patch(path, json={"main_url": "rtsp://192.0.2.10/2"}, headers=match(made))
        ops = own.get("/api/audit", headers=bearer(given.database, "ops", [HERE]))
        everything = admin.get(f"/api/audit?object_id={made['camera_id']}").json()["entries"]
    assert len(ops.json()["entries"]) == 2
    assert "192.0.2" not in ops.text
    assert ops.json()["entries"][1]["detail"]["name"] == "灵隐路口"
    assert everything[0]["detail"]["main_url"]["new"] == "rtsp://192.0.2.10/2"


@pytest.mark.parametrize("kind", ["cameras", "places"])
def test_who_was_disabled_while_waiting_for_the_lock_changes_nothing(
    given: Parts, kind: str
) -> None:
    with townships(given) as (_, _, admin):
        account = make_account(given.database, "admin", [HERE])
        late = {"Authorization": f"Bearer {token(given.database, account)}"}
        admin.get("/api/cameras", headers=late)  # its use has been noted
        body = described() if kind == "cameras" else {
            "code": f"{HERE}001", "parent_code": HERE, "level": "village", "name": "村"
        }  # fmt: skip
        with ThreadPoolExecutor(1) as pool:
            with given.database.writing() as connection:
                asked = pool.submit(admin.post, f"/api/{kind}", json=body, headers=late)
                time.sleep(0.7)
                assert not asked.done()
                connection.execute(
                    sa.update(tables.accounts)
                    .where(tables.accounts.c.account_id == account.account_id)
                    .values(disabled_at=datetime.now(UTC))
                )
            answer = asked.result()
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert not given.rows(tables.audit)
