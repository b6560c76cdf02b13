"""What people do with incidents: once, in turn, with a name and a reason; and who is told no."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from service import tables
from service.incidents import action_routes, changing
from service.incidents.action_models import REASONS, Action, ActionReason
from service.incidents.actions import KINDS
from service.incidents.history import Step
from service.incidents.lifecycle import CLOCK, StepKind
from service.verdicts.models import Reason
from tests.service.estate import FOREIGN, OWN
from tests.service.helpers import Parts, alert, at
from tests.service.incidents.kit import ELSEWHERE, HERE, Centre, centre, code_of
from vision.hazards import Hazard


@pytest.fixture
def at_work(given: Parts) -> Iterator[Centre]:
    with centre(given) as made:
        yield made


@pytest.fixture
def quick(lone: Parts) -> Iterator[Centre]:
    """On SQLite: for what has nothing to do with the kind of database."""
    with centre(lone) as made:
        yield made


def test_an_incident_goes_its_way_and_everything_has_a_name_and_a_time(at_work: Centre) -> None:
    fire = at_work.opened(alert())
    assert at_work.act(fire, "see", version=None)["state"] == "seen"
    whole = at_work.act(fire, "confirm", note="看见火苗")
    assert (whole["state"], whole["state_by"], len(whole["alerts"])) == ("confirmed", "li.wei", 1)
    assert at_work.act(fire, "assign", assignee=str(at_work.people["wang.fang"].account_id))[
        "assigned_to"
    ] == str(at_work.people["wang.fang"].account_id)
    whole = at_work.act(fire, "dispatch", "wang.fang", targets=["dispatch"])
    assert (whole["state"], [one["target"] for one in whole["orders"]]) == (
        "dispatched",
        ["dispatch"],
    )
    assert at_work.act(fire, "report", "wang.fang", note="crew phoned")["reported_at"]
    assert at_work.act(fire, "arrive", "wang.fang")["state"] == "on_site"
    at_work.act(fire, "note", "wang.fang", version=None, note="two hoses")
    whole = at_work.act(fire, "close", "wang.fang", reason="handled")
    assert (whole["state"], whole["state_reason"]) == ("closed", "handled")
    whole = at_work.act(fire, "reopen", "li.wei", reason="again")
    assert (whole["state"], whole["closed_at"]) == ("seen", None)
    answer = at_work.clients["sun.yu"].get(f"/api/incidents/{fire}/steps")
    told = [(one["action"], one["actor"]) for one in answer.json()["steps"]]
    li, wang = "li.wei", "wang.fang"
    done = [
        ("seen", li), ("confirmed", li), ("assigned", li), ("dispatched", wang),
        ("reported", wang), ("arrived", wang), ("noted", wang), ("closed", wang), ("reopened", li),
    ]  # fmt: skip
    assert told[1:] == done
    named = {"on_duty": ["1"]}
    number = Step(kind=StepKind.ESCALATED, actor=CLOCK, at=datetime.now(UTC), detail=named)
    with at_work.given.database.writing() as connection:
        changing.take(connection, fire, number)
    for login, detail in (("li.wei", named), ("sun.yu", {})):
        answer = at_work.clients[login].get(f"/api/incidents/{fire}/steps")
        assert answer.json()["steps"][-1]["detail"] == detail
    audited = at_work.audit(fire)
    assert [name for name, _ in audited if name != "verdict.given"] == [
        f"incident.{kind}" for kind, _ in done
    ]
    details = dict(audited)
    assert details["incident.closed"]["close_reason"] == "handled"
    assert details["incident.assigned"]["assignee"] == "wang.fang"
    assert details["incident.confirmed"]["note"] == "given"
    assert details["verdict.given"]["verdict"] == "real"
    assert "火" not in str(audited)
    assert "hoses" not in str(audited)
    assert not at_work.faults()


def test_whoever_dismisses_says_what_it_was_and_has_judged(quick: Centre) -> None:
    lamp, old = quick.opened(alert()), quick.opened(alert(camera_id="camera-7"))
    drill = quick.opened(alert(1, drill=True))
    assert quick.refused(lamp, "dismiss") == "action_needs"
    whole = quick.act(lamp, "dismiss", reason="lamp", note="dusk")
    assert (whole["state"], whole["state_reason"]) == ("false", "lamp")
    assert quick.kinds(lamp)[-2:] == ["seen", "dismissed"]
    long_ago = datetime.now(UTC) - timedelta(days=15)
    with quick.given.database.writing() as connection:
        connection.execute(
            sa.update(tables.incidents)
            .where(tables.incidents.c.incident_id == old)
            .values(last_seen_at=long_ago)
        )
    for other, by in ((old, "chief"), (drill, "li.wei")):
        assert quick.act(other, "dismiss", by, reason="other")["state"] == "false"
    (verdict,) = quick.given.rows(tables.verdicts)
    assert (verdict["incident_id"], verdict["verdict"], verdict["reason"], verdict["note"]) == (
        lamp,
        "false",
        "lamp",
        "dusk",
    )


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("confirm", {"version": None}, "action_needs"),
    ("dismiss", {"reason": "handled"}, "action_reason"),
    ("close", {"reason": "lamp"}, "action_reason"),
    ("confirm", {"reason": "other"}, "action_reason"),
    ("reopen", {"reason": "nothing"}, "enum"),
    ("note", {"note": " "}, "action_needs"),
    ("note", {"note": "a\u202eb"}, "hostile_text"),
    ("note", {"note": "字" * 501}, "string_too_long"),
    ("assign", {}, "action_needs"),
    ("assign", {"assignee": str(uuid4())}, "assignee_unable"),
    ("merge", {}, "action_needs"),
    ("merge", {"into": str(uuid4())}, "unknown_incident"),
    ("split", {"alerts": []}, "too_short"),
    ("confirm", {"alerts": [str(uuid4())]}, "action_has_no"),
    ("confirm", {"targets": ["dispatch"]}, "action_has_no"),
    ("dispatch", {"targets": ["dispatch"]}, "incident_step_refused"),
    ("arrive", {}, "incident_step_refused"),
    ("reopen", {"reason": "again"}, "incident_step_refused"),
    ("explode", {}, "enum"),
    ("confirm", {"version": 7}, "incident_changed"),
    ("confirm", {"surprise": 1}, "extra_forbidden"),
]


def test_what_cannot_be_is_refused_in_words_and_changes_nothing(quick: Centre) -> None:
    fire = quick.opened(alert())
    for action, said, code in REFUSED:
        assert quick.refused(fire, action, **said) == code, (action, said)
    assert quick.row(fire)["state"] == "new"
    assert quick.kinds(fire) == ["opened"]
    assert {*KINDS} == {*Action}
    assert {one.value for one in REASONS[Action.DISMISS]} == {*Reason}
    assert set().union(*REASONS.values()) == {*ActionReason}


def test_others_places_are_nobody_s_business(quick: Centre) -> None:
    fire = quick.opened(alert(camera_id=ELSEWHERE))
    own = quick.opened(alert())
    assert quick.refused(fire, "confirm") == "unknown_incident"
    assert quick.refused(own, "merge", into=str(fire)) == "unknown_incident"
    assert quick.refused(own, "confirm", "sun.yu") == "forbidden"
    zhao = str(quick.people["zhao.min"].account_id)
    assert quick.refused(own, "assign", assignee=zhao) == "assignee_unable"
    assert quick.refused(own, "assign", assignee=str(quick.people["sun.yu"].account_id)) == (
        "assignee_unable"
    )
    answer = quick.clients["li.wei"].get(f"/api/incidents/{fire}/steps")
    assert (answer.status_code, code_of(answer)) == (404, "unknown_incident")
    assert not quick.audit(fire)


def test_who_may_handle_it_is_listed(quick: Centre) -> None:
    fire, far = quick.opened(alert()), quick.opened(alert(camera_id=ELSEWHERE))
    lost = quick.opened(alert(camera_id="unregistered"))

    def listed(by: str, incident: UUID | None = None) -> list[str]:
        query = "" if incident is None else f"?incident_id={incident}"
        answer = quick.clients[by].get(f"/api/colleagues{query}")
        assert answer.status_code == 200, answer.text
        return [one["login"] for one in answer.json()["colleagues"]]

    assert listed("li.wei", fire) == listed("li.wei") == ["chief", "li.wei", "wang.fang"]
    assert listed("zhao.min", far) == ["chief", "zhao.min"]
    assert listed("chief", lost) == ["chief"]
    assert listed("chief") == ["chief", "li.wei", "wang.fang", "zhao.min"]
    with quick.given.database.writing() as connection:
        connection.execute(
            sa.update(tables.accounts)
            .where(tables.accounts.c.login == "wang.fang")
            .values(disabled_at=datetime.now(UTC))
        )
    assert listed("li.wei", fire) == ["chief", "li.wei"]
    assert quick.clients["li.wei"].get(f"/api/colleagues?incident_id={far}").status_code == 404


def test_an_incident_is_taken_over_given_away_and_found_by_who_has_it(quick: Centre) -> None:
    fire, other = quick.opened(alert()), quick.opened(alert(hazard=Hazard.SMOKE))
    li, wang = (quick.people[one] for one in ("li.wei", "wang.fang"))
    quick.act(fire, "assign", "li.wei", assignee=str(li.account_id))
    version = quick.row(fire)["version"]
    quick.act(fire, "assign", "wang.fang", assignee=str(li.account_id), version=0)
    assert quick.row(fire)["version"] == version

    def found(by: str, **query: str) -> list[str]:
        answer = quick.clients[by].get("/api/incidents", params=query)
        assert answer.status_code == 200, answer.text
        return [one["incident_id"] for one in answer.json()["incidents"]]

    assert found("li.wei", assigned_to="me") == [str(fire)]
    assert found("wang.fang", assigned_to="me") == []
    assert found("wang.fang", assigned_to=str(li.account_id)) == [str(fire)]
    assert found("wang.fang", assigned_to="none") == [str(other)]
    assert found("wang.fang", hazard="smoke") == [str(other)]
    quick.act(fire, "assign", "wang.fang", assignee=str(wang.account_id))
    quick.act(fire, "assign", "wang.fang", assignee=None)
    assert quick.row(fire)["assigned_to"] is None
    quick.act(fire, "close", reason="over")
    assert found("li.wei", open="true") == [str(other)]
    assert found("li.wei", open="false") == [str(fire)]
    assert quick.refused(fire, "assign", assignee=str(li.account_id)) == "incident_step_refused"
    answer = quick.clients["li.wei"].get("/api/incidents", params={"assigned_to": "somebody"})
    assert answer.status_code == 422


def _press(
    work: Centre, fire: UUID, together: Barrier, by: str, action: str, **more: Any
) -> httpx.Response:
    together.wait()
    return work.asked(fire, action, by, version=0, **more)


def test_of_two_operators_at_once_one_wins_and_the_other_is_told(at_work: Centre) -> None:
    for number in range(4):
        fire = at_work.opened(alert(onset_s=number * 4000))
        press = partial(_press, at_work, fire, Barrier(2))

        with ThreadPoolExecutor(2) as both:
            answers = {
                "li.wei": both.submit(press, "li.wei", "confirm"),
                "wang.fang": both.submit(press, "wang.fang", "dismiss", reason="lamp"),
            }
        codes = {by: one.result().status_code for by, one in answers.items()}
        assert sorted(codes.values()) == [200, 409]
        winner, loser = sorted(codes, key=lambda by: codes[by])
        problem = answers[loser].result().json()
        (params,) = (one["params"] for one in problem["errors"])
        row = at_work.row(fire)
        assert problem["code"] == "incident_changed"
        assert (params["actor"], params["state"]) == (winner, row["state"])
        assert datetime.fromisoformat(params["at"]) <= datetime.now(UTC)
        assert (row["state_by"], row["version"]) == (winner, 1)
        assert [one["actor"] for one in at_work.steps(fire)[1:]] == [winner, winner]
    assert not at_work.faults()


def test_a_second_click_is_no_second_deed(quick: Centre) -> None:
    fire = quick.opened(alert())
    now = datetime.now(UTC)
    quick.times.append(now)
    quick.act(fire, "see")
    assert quick.act(fire, "see", "wang.fang")["state_by"] == "li.wei"
    quick.act(fire, "confirm", version=1)
    quick.times.append(now + timedelta(seconds=9))
    assert quick.act(fire, "confirm", version=1)["version"] == 2
    assert quick.refused(fire, "confirm", "wang.fang", version=1) == "incident_changed"
    assert quick.refused(fire, "confirm", version=1, note="more") == "incident_changed"
    quick.act(fire, "dispatch", version=2, targets=["dispatch"])
    assert len(quick.act(fire, "dispatch", version=2, targets=["dispatch"])["orders"]) == 1
    # Whoever has seen that it is dispatched and dispatches again means it.
    assert len(quick.act(fire, "dispatch", version=3, targets=["dispatch"])["orders"]) == 2
    for _ in range(2):
        quick.act(fire, "note", note="同一句话")
    quick.act(fire, "close", version=4, reason="handled")
    quick.times.append(now + timedelta(seconds=20))
    assert quick.refused(fire, "close", version=4, reason="handled") == "incident_changed"
    assert quick.kinds(fire)[1:] == [
        "seen", "confirmed", "dispatched", "dispatched", "noted", "closed",
    ]  # fmt: skip
    assert len(quick.audit(fire)) == len(quick.kinds(fire))  # each, and the verdict


def test_a_storm_is_handled_together_each_as_if_alone(
    at_work: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    fires = [at_work.opened(alert(onset_s=number * 4000)) for number in range(7)]
    foreign = at_work.opened(alert(camera_id=ELSEWHERE))
    monkeypatch.setattr(action_routes, "AT_A_TIME", 3)
    at_work.act(fires[1], "close", "wang.fang", reason="over")

    def asked(action: str, incidents: list[UUID], version: int = 0, **more: Any) -> httpx.Response:
        some = [{"incident_id": str(one), "version": version} for one in incidents]
        return at_work.clients["li.wei"].post(
            "/api/incidents/actions", json={"action": action, "incidents": some, **more}
        )

    some = [*fires, foreign, uuid4()]
    answer = asked("dismiss", some, reason="sunset")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["done"], found["left"]) == (6, 3)
    assert [one["incident_id"] for one in found["results"]] == [str(one) for one in some]
    left = {one["incident_id"]: one["code"] for one in found["results"] if one["code"]}
    assert left == {
        str(fires[1]): "incident_changed",
        str(foreign): "unknown_incident",
        str(some[-1]): "unknown_incident",
    }
    assert found["results"][1]["params"]["actor"] == "wang.fang"
    assert {at_work.row(one)["state"] for one in fires} == {"false", "closed"}
    assert at_work.row(foreign)["state"] == "new"
    # Of what is refused nothing stays, though its neighbours are done.
    li = at_work.people["li.wei"].account_id
    assert asked("assign", fires, version=1, assignee=str(li)).json()["left"] == 7
    assert {at_work.row(one)["assigned_to"] for one in fires} == {None}
    assert not at_work.faults()
    assert code_of(asked("dispatch", fires)) == "action_singly"
    for action in ("close", "assign"):
        assert code_of(asked(action, fires)) == "action_needs"
    assert asked("see", []).status_code == 422
    assert asked("see", [uuid4() for _ in range(101)]).status_code == 422


def test_alerts_that_come_later_never_change_what_somebody_decided(at_work: Centre) -> None:
    fire = at_work.opened(alert())
    at_work.act(fire, "dismiss", reason="sunset")
    before = at_work.row(fire)
    assert at_work.opened(alert(seen_s=30, revision=2)) == fire
    at_work.opened(alert(seen_s=40, revision=3, ended=True))
    row = at_work.row(fire)
    assert row["last_seen_at"] == at(40)
    same = ("state", "state_by", "state_reason", "version", "closed_at", "due_at")
    assert [row[name] for name in same] == [before[name] for name in same]
    again = at_work.opened(alert(onset_s=50))
    assert again != fire
    assert not at_work.faults()


def test_an_incident_outlives_its_camera_and_its_place(quick: Centre) -> None:
    fire = quick.opened(alert(camera_id=ELSEWHERE))
    with quick.given.database.writing() as connection:
        for table, column, gone in (
            (tables.cameras, "camera_id", ELSEWHERE),
            (tables.account_places, "place_code", FOREIGN),
            (tables.places, "code", FOREIGN),
        ):
            connection.execute(sa.delete(table).where(table.c[column] == gone))
    assert quick.refused(fire, "confirm", "zhao.min") == "unknown_incident"
    assert quick.act(fire, "confirm", "chief")["state"] == "confirmed"
    assert quick.act(fire, "assign", "chief", assignee=str(quick.people["chief"].account_id))
    assert quick.act(fire, "close", "chief", reason="other")["place_code"] == FOREIGN
    assert quick.row(quick.opened(alert(camera_id=HERE)))["place_code"] == OWN
    assert not quick.faults()
