"""Deadlines, rosters and handovers as people set and sign them: own places, named, audited."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.accounts.roles import Role
from service.database import Database
from service.duty import handovers
from service.incidents.lifecycle import StepKind
from tests.service.duty.kit import CITY, COUNTY, EVERY_DAY, START, VILLAGE, World
from tests.service.estate import FOREIGN, OWN
from tests.service.helpers import ON_SQLITE, settings_for
from tests.service.process import serving
from tests.service.signing_in import Account, bearer, make_account, signed_in, token
from tests.support.waiting import until

CLOCKS, DUTY, NOW, HANDOVERS = "/api/clocks", "/api/duty", "/api/duty/now", "/api/handovers"
SHIFT = {"weekdays": EVERY_DAY, "from_minute": 480, "to_minute": 1020}
RULE = {"hazard": "fire", "place_code": OWN, "seen_s": 30, "sent_s": 90, "report_s": None}


@dataclass
class Scene:
    """A service whose time stands still, and three people."""

    world: World
    url: str
    accounts: dict[str, Account]
    admin: httpx.Client
    """Of everything."""
    local: httpx.Client
    """An administrator of the county."""
    giver: httpx.Client
    taker: httpx.Client

    def put(self, client: httpx.Client, path: str, body: Any, **params: str) -> httpx.Response:
        """Change something on its newest revision."""
        tag = client.get(path, params=params).headers["ETag"]
        return client.put(path, json=body, params=params, headers={"If-Match": tag})

    def audited(self, action: str) -> list[dict[str, Any]]:
        entries = self.admin.get("/api/audit", params={"action": action}).json()["entries"]
        return [one for one in entries if one["action"] == action]


@pytest.fixture
def scene(database: Database, database_url: str, tmp_path: Path) -> Iterator[Scene]:
    world = World(database)
    accounts = {
        "admin": make_account(database, Role.ADMIN),
        "local": make_account(database, Role.ADMIN, (COUNTY,)),
        "giver": make_account(database, Role.OPERATOR, (OWN,), login="li.wei"),
        "taker": make_account(database, Role.OPERATOR, (COUNTY,), login="wang.fang"),
    }
    settings = settings_for("redis://127.0.0.1:1/0", tmp_path, database_url=database_url)
    with ExitStack() as undo:
        url = undo.enter_context(serving(settings, clock=lambda: world.now))
        clients = {name: undo.enter_context(signed_in(url, one)) for name, one in accounts.items()}
        yield Scene(world=world, url=url, accounts=accounts, **clients)


def test_whoever_sees_a_place_sets_its_deadlines(scene: Scene) -> None:
    shown = scene.local.get(CLOCKS).json()
    assert shown["usual"] == {"seen_s": 60, "sent_s": 180, "report_s": 300}
    assert (shown["rules"], shown["inherited"]) == ([], [])
    assert shown["without"] == ["camera_fault"]
    of_all = {**RULE, "hazard": None, "place_code": "0"}
    foreign = {**RULE, "place_code": FOREIGN}
    assert scene.put(scene.admin, CLOCKS, {"rules": [of_all, foreign]}).status_code == 200
    set_here = scene.put(scene.local, CLOCKS, {"rules": [RULE]})
    assert set_here.status_code == 200, set_here.text
    assert set_here.json()["rules"] == [RULE]
    assert set_here.json()["inherited"] == [{**of_all, "place_code": None}]
    assert len(scene.admin.get(CLOCKS).json()["rules"]) == 3
    assert FOREIGN not in scene.local.get(CLOCKS).text

    refused = scene.put(scene.local, CLOCKS, {"rules": [foreign]})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_place")
    assert refused.json()["errors"][0]["field"] == "rules.0.place_code"
    assert scene.put(scene.local, CLOCKS, {"rules": [of_all]}).status_code == 403
    for wrong, code in (
        ([RULE, RULE], "clock_rule_twice"),
        ([{**RULE, "seen_s": 9}], "greater_than_equal"),
        ([{**RULE, "sent_s": 86_401}], "less_than_equal"),
    ):
        answer = scene.put(scene.local, CLOCKS, {"rules": wrong})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    old = {"If-Match": '"1"'}
    assert scene.local.put(CLOCKS, json={"rules": []}, headers=old).status_code == 412
    assert scene.local.put(CLOCKS, json={"rules": []}).status_code == 428
    assert scene.giver.put(CLOCKS, json={"rules": []}, headers=old).status_code == 403

    assert scene.put(scene.local, CLOCKS, {"rules": []}).json()["rules"] == []
    assert len(scene.admin.get(CLOCKS).json()["rules"]) == 2  # others' stay
    newest = scene.audited("clocks.changed")[0]
    assert (newest["place_code"], newest["detail"]) == (COUNTY, {"old": [RULE], "new": []})


@ON_SQLITE
def test_new_deadlines_reach_what_waits_in_a_running_service(scene: Scene) -> None:
    incident = scene.world.opened(due_at=None)
    rule = {**RULE, "place_code": COUNTY}
    assert scene.put(scene.local, CLOCKS, {"rules": [rule]}).status_code == 200
    until(lambda: scene.world.row(incident)["due_at"] is not None, "the next look")
    scene.world.now = START.replace(minute=1)
    until(lambda: scene.world.row(incident)["escalated_to"] == VILLAGE, "the escalation")
    text = scene.admin.get("/metrics").text
    assert 'fengsui_clock_breaches_total{clock="seen"} 1.0' in text
    shown = scene.giver.get(f"/api/incidents/{incident}").json()
    assert (shown["escalated_to"], shown["escalations"]) == (VILLAGE, 1)


def test_a_roster_says_who_is_there(scene: Scene) -> None:
    giver = scene.accounts["giver"]
    shifts = [
        {**SHIFT, "account_id": str(giver.account_id)},
        {**SHIFT, "name": "村值班室", "number": "0571-88888888", "weekdays": [7, 1, 1]},
        {**SHIFT, "name": "夜班", "number": "13800000000", "from_minute": 1200, "to_minute": 480},
    ]
    made = scene.put(scene.local, DUTY, {"shifts": shifts}, place_code=OWN)
    assert made.status_code == 200, made.text
    assert made.json()["timezone"] == "Asia/Shanghai"
    found = {one["name"]: one for one in made.json()["shifts"]}
    assert found["li.wei 某"]["login"] == "li.wei"
    assert found["村值班室"]["weekdays"] == [1, 7]
    now = scene.giver.get(NOW, params={"place_code": VILLAGE})
    posts = {one["place_code"]: one for one in now.json()["posts"]}
    assert list(posts) == [VILLAGE, OWN, COUNTY, CITY]
    assert [one["name"] for one in posts[OWN]["on_duty"]] == ["li.wei 某", "村值班室"]
    assert (posts[CITY]["roster"], posts[CITY]["manned"]) == (False, True)
    again = scene.put(scene.local, DUTY, {"shifts": shifts}, place_code=OWN)
    assert again.json()["revision"] == made.json()["revision"]
    assert len(scene.audited("duty.changed")) == 1  # nothing was another
    (told,) = scene.audited("duty.changed")
    assert (told["place_code"], told["detail"]) == (OWN, {"shifts": {"old": 0, "new": 3}})

    with scene.world.database.writing() as connection:
        mine = tables.accounts.c.account_id == giver.account_id
        connection.execute(sa.update(tables.accounts).where(mine).values(disabled_at=START))
    shown = scene.taker.get(DUTY, params={"place_code": OWN})
    assert [one["login"] for one in shown.json()["shifts"] if one["disabled"]] == ["li.wei"]
    posts = {
        one["place_code"]: one
        for one in scene.taker.get(NOW, params={"place_code": OWN}).json()["posts"]
    }
    assert [one["name"] for one in posts[OWN]["on_duty"]] == ["村值班室"]
    # Whoever is gone from it can stay in it; new, nobody puts them there.
    assert scene.put(scene.local, DUTY, {"shifts": shifts}, place_code=OWN).status_code == 200
    refused = scene.put(scene.local, DUTY, {"shifts": shifts}, place_code=COUNTY)
    assert (refused.status_code, refused.json()["code"]) == (422, "duty_account")
    used = scene.admin.get(f"/api/places/{OWN}")
    with scene.world.database.writing() as connection:
        for table in (tables.cameras, tables.account_places):
            connection.execute(sa.delete(table).where(table.c.place_code == OWN))
    kept = scene.admin.delete(
        f"/api/places/{OWN}", headers={"If-Match": used.headers["ETag"]}
    ).json()
    assert (kept["code"], kept["errors"][0]["params"]["shifts"]) == ("place_in_use", 3)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "shift_nobody"),
        ({"name": "值班室"}, "shift_nobody"),
        ({"name": "值班室", "number": "12"}, "contact_number"),
        ({"first_day": "2026-05-02", "last_day": "2026-05-01"}, "shift_turned"),
        ({"weekdays": []}, "too_short"),
        ({"weekdays": [0]}, "greater_than_equal"),
        ({"from_minute": 1440}, "less_than"),
        ({"to_minute": 1441}, "less_than_equal"),
    ],
)
def test_a_shift_that_is_none_is_refused(
    quiet: httpx.Client, changes: dict[str, Any], code: str
) -> None:
    someone = {"name": "值班室", "number": "119"} if code != "shift_nobody" else {}
    body = {"shifts": [{**SHIFT, **someone, **changes}]}
    answer = quiet.put(DUTY, json=body, params={"place_code": "0"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["code"] == code


@ON_SQLITE
def test_a_foreign_place_s_roster_is_none(scene: Scene) -> None:
    for path in (DUTY, NOW):
        for code in (FOREIGN, "330199999", "\0", "灵隐"):
            answer = scene.taker.get(path, params={"place_code": code})
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_place")
    path, old = f"{DUTY}?place_code={FOREIGN}", {"If-Match": '"1"'}
    assert scene.local.put(path, json={"shifts": []}, headers=old).status_code == 404


def test_a_shift_is_handed_over_and_signed_by_both(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handovers, "PASSED_AT_ONCE", 2)
    world, mine = scene.world, scene.accounts["giver"].account_id
    ours = [
        world.opened(number, assigned_to=mine, state="seen", seen_at=START) for number in range(5)
    ]
    free = world.opened()
    world.opened(place=FOREIGN)
    world.opened(drill=True, assigned_to=mine)
    closed = world.opened(state="closed", assigned_to=mine)
    given = scene.giver.post(HANDOVERS, json={"to_login": "wang.fang", "note": "东山有烟"})
    assert given.status_code == 201, given.text
    body = given.json()
    assert (body["state"], body["place_code"], body["from_login"]) == ("given", OWN, "li.wei")
    listed = body["listed"]
    assert (listed["open"], listed["mine"], listed["by_state"]) == (6, 5, {"new": 1, "seen": 5})
    assert [one["incident_id"] for one in listed["incidents"]] == [
        str(one) for one in (*ours, free)
    ]
    assert [one["clock"] for one in listed["incidents"][-1]["clocks"]] == ["seen", "sent", "report"]
    assert listed["incidents"][0]["assigned_to"] == "li.wei"

    path = f"{HANDOVERS}/{body['handover_id']}"
    for client in (scene.giver, scene.local):
        own = client.post(f"{path}/sign", json={"accept": True})
        assert (own.status_code, own.json()["code"]) == (409, "handover_signature")
    lent = {"Authorization": f"Bearer {token(world.database, scene.accounts['taker'])}"}
    by_token = httpx.post(f"{scene.url}{path}/sign", json={"accept": True}, headers=lent)
    assert by_token.json()["code"] == "session_needed"
    world.take(ours[0], StepKind.CLOSED, 30, reason="handled")  # meanwhile
    signed = scene.taker.post(f"{path}/sign", json={"accept": True})
    assert signed.status_code == 200, signed.text
    assert (signed.json()["state"], signed.json()["listed"]) == ("taken", listed)
    taker = scene.accounts["taker"].account_id
    assert [world.row(one)["assigned_to"] for one in ours] == [mine, *[taker] * 4]
    assert world.row(closed)["assigned_to"] == mine
    assert world.row(free)["assigned_to"] is None
    steps = world.steps(StepKind.ASSIGNED)
    assert {(one["actor"], one["detail"]["from"], one["detail"]["login"]) for one in steps} == {
        ("wang.fang", "li.wei", "wang.fang")
    }
    assert len(steps) == 4
    twice = scene.taker.post(f"{path}/sign", json={"accept": True})
    assert (twice.status_code, twice.json()["code"]) == (409, "handover_over")
    assert scene.taker.post(f"{path}/sign", json={"accept": False}).status_code == 409
    assert scene.giver.post(f"{path}/withdraw").status_code == 409
    (entry,) = scene.audited("handover.given")
    assert (entry["actor"], entry["place_code"]) == ("li.wei", OWN)
    assert "东山有烟" not in str(entry)
    assert [one["actor"] for one in scene.audited("handover.taken")] == ["wang.fang"]


def test_a_handover_is_declined_or_withdrawn_and_then_all_is_as_before(scene: Scene) -> None:
    world, mine = scene.world, scene.accounts["giver"].account_id
    incident = world.opened(assigned_to=mine)
    first = scene.giver.post(HANDOVERS, json={"to_login": "wang.fang"}).json()
    another = scene.giver.post(HANDOVERS, json={"to_login": "wang.fang"})
    assert (another.status_code, another.json()["code"]) == (409, "handover_waiting")
    declined = scene.taker.post(f"{HANDOVERS}/{first['handover_id']}/sign", json={"accept": False})
    assert declined.json()["state"] == "declined"
    world.now = START.replace(minute=30)
    second = scene.giver.post(HANDOVERS, json={"to_login": "wang.fang"}).json()
    path = f"{HANDOVERS}/{second['handover_id']}"
    assert scene.taker.post(f"{path}/withdraw").json()["code"] == "handover_signature"
    assert scene.giver.post(f"{path}/withdraw").json()["state"] == "withdrawn"
    assert scene.taker.post(f"{path}/sign", json={"accept": True}).status_code == 409
    assert world.row(incident)["assigned_to"] == mine
    page = scene.taker.get(HANDOVERS, params={"limit": 1}).json()
    assert [one["state"] for one in page["handovers"]] == ["withdrawn"]
    assert page["more"]
    older = scene.taker.get(HANDOVERS, params={"before": second["handover_id"]}).json()
    assert [one["state"] for one in older["handovers"]] == ["declined"]
    stranger = bearer(world.database, Role.OPERATOR, (FOREIGN,))
    assert httpx.get(f"{scene.url}{path}", headers=stranger).status_code == 404
    assert httpx.get(scene.url + HANDOVERS, headers=stranger).json()["handovers"] == []


def test_what_has_begun_to_pass_is_signed_to_the_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handovers, "PASSED_AT_ONCE", 1)
    world, mine = scene.world, scene.accounts["giver"].account_id
    ours = [world.opened(number, assigned_to=mine) for number in range(3)]
    given = scene.giver.post(HANDOVERS, json={"to_login": "wang.fang"}).json()
    path = f"{HANDOVERS}/{given['handover_id']}"
    pass_some = handovers.pass_some
    with monkeypatch.context() as patched:  # the service ends after the first
        patched.setattr(handovers, "pass_some", lambda *given: pass_some(*given) and False)
        broken = scene.taker.post(f"{path}/sign", json={"accept": True})
    assert (broken.status_code, broken.json()["state"]) == (200, "given")
    for answer in (
        scene.giver.post(f"{path}/withdraw"),
        scene.taker.post(f"{path}/sign", json={"accept": False}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "handover_begun")
    # Nobody is held up by who never goes on.
    assert scene.giver.post(HANDOVERS, json={"to_login": "wang.fang"}).status_code == 201
    signed = scene.taker.post(f"{path}/sign", json={"accept": True})
    assert signed.json()["state"] == "taken"
    assert {world.row(one)["assigned_to"] for one in ours} == {scene.accounts["taker"].account_id}


def test_only_whoever_can_handle_the_place_takes_over(scene: Scene) -> None:
    database = scene.world.database
    make_account(database, Role.OPERATOR, (FOREIGN,), login="far.away")
    make_account(database, Role.OPERATOR, (VILLAGE,), login="too.small")
    make_account(database, Role.VIEWER, (OWN,), login="looks.only")
    for login in ("nobody", "far.away", "too.small", "looks.only", "li.wei"):
        answer = scene.giver.post(HANDOVERS, json={"to_login": login})
        assert (answer.status_code, answer.json()["code"]) == (422, "handover_taker"), login
    body = {"to_login": "wang.fang", "place_code": COUNTY}
    assert scene.giver.post(HANDOVERS, json=body).json()["code"] == "unknown_place"
    small = scene.giver.post(HANDOVERS, json={"to_login": "too.small", "place_code": VILLAGE})
    assert small.status_code == 201, small.text
    two = make_account(database, Role.OPERATOR, (OWN, FOREIGN), login="two.places")
    with signed_in(scene.url, two) as client:
        answer = client.post(HANDOVERS, json={"to_login": "wang.fang"})
        assert (answer.status_code, answer.json()["code"]) == (422, "handover_place")
