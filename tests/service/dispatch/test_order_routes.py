"""Orders over HTTP and by the command line: where they are, the whole trail, dead letters again."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from pipelines.evidence_store import EvidenceStore
from service import tables
from service.accounts.principal import Principal
from service.accounts.roles import Role
from service.cli import orders as command
from service.dispatch import listing, receipts, trail
from service.dispatch.errors import UnknownOrderError
from service.incidents import views
from service.incidents.lifecycle import StepKind
from tests.service.dispatch import answers, kit
from tests.service.estate import (
    FOREIGN,
    OWN,
    TREE,
    Things,
    add_evidence,
    alert_columns,
    fill,
)
from tests.service.helpers import ON_SQLITE, Parts, alert
from tests.service.process import serving
from tests.service.signing_in import bearer, make_account, token


@dataclass(frozen=True, kw_only=True)
class Site:
    """A service with the two townships, and clients of it."""

    parts: Parts
    url: str
    things: dict[str, Things]
    own: httpx.Client
    """An administrator of the own township."""
    all: httpx.Client
    """Of everything."""
    ops: httpx.Client
    """Who keeps it running, everywhere."""

    def dead(self, incident: UUID, **values: Any) -> UUID:
        return answers.order(self.parts.database, incident, state="dead", sent_at=None, **values)


@pytest.fixture
def site(given: Parts, tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as undo:
        things = fill(given.database)
        add_evidence(given.database, EvidenceStore(given.settings.evidence), things[OWN])
        url = undo.enter_context(serving(given.settings))

        def client(role: Role, place: str) -> httpx.Client:
            account = make_account(given.database, role, (place,))
            headers = {"Authorization": f"Bearer {token(given.database, account)}"}
            return undo.enter_context(httpx.Client(base_url=url, headers=headers, timeout=20))

        yield Site(
            parts=given,
            url=url,
            things=things,
            own=client(Role.ADMIN, OWN),
            all=client(Role.ADMIN, "0"),
            ops=client(Role.OPS, "0"),
        )


def get(client: httpx.Client, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_whole_trail_of_an_order_is_one_statement(site: Site) -> None:
    parts, incident = site.parts, site.things[OWN].incident_id
    for kind in (StepKind.SEEN, StepKind.CONFIRMED):
        kit.step(parts, incident, kind, note="behind the gate")
    (order_id,) = kit.dispatch(parts, incident)
    parts.forward()
    with parts.database.writing() as connection:
        connection.execute(
            sa.insert(tables.receipts).values(
                receipt_id=uuid4(),
                order_id=order_id,
                target="dispatch",
                kind="accepted",
                at=kit.now(),
                received_at=kit.now(),
                text="两辆车",
                actor="target:dispatch",
            )
        )
    found = get(site.own, f"/api/orders/{order_id}")
    assert found["order"]["message"]["order_id"] == str(order_id)
    assert (found["order"]["state"], found["order"]["attempts"]) == ("sent", 1)
    assert found["incident"]["incident_id"] == str(incident)
    assert found["incident"]["opened_at"].endswith("Z")
    (alert,) = found["alerts"]
    assert (alert["camera_id"], alert["model"]) == (site.things[OWN].camera_id, "test@1")
    assert [one["action"] for one in found["steps"]] == [
        "seen", "confirmed", "dispatched", "order_sent",
    ]  # fmt: skip
    assert found["steps"][2]["detail"]["targets"] == ["dispatch"]
    assert [one["outcome"] for one in found["attempts"]] == ["sent"]
    assert [one["text"] for one in found["receipts"]] == ["两辆车"]
    assert "evidence_ref" not in json.dumps(found)
    times = [found["order"]["decided_at"], found["attempts"][0]["at"]]
    assert times == sorted(times)
    # Who may not read incidents doesn't read what people wrote about them.
    notes = [one["note"] for one in found["steps"]]
    assert notes[:2] == ["behind the gate"] * 2
    seen = get(site.ops, f"/api/orders/{order_id}")
    assert {one["note"] for one in seen["steps"]} == {None}
    # Nor whom to ring, who can't do anything about them.
    number = {"to": OWN, "on_duty": ["王芳 13800000000"]}
    kit.step(parts, incident, StepKind.ESCALATED, detail=number)
    assert get(site.own, f"/api/orders/{order_id}")["steps"][-1]["detail"] == number
    assert get(site.ops, f"/api/orders/{order_id}")["steps"][-1]["detail"] == {"to": OWN}
    statements: list[str] = []
    with parts.database.reading() as connection:
        event.listen(
            connection, "before_cursor_execute", lambda *given: statements.append(given[2])
        )
        principal = Principal(
            account_id=uuid4(), login="x", role=Role.ADMIN, permissions=frozenset(), paths=("/0/",)
        )
        whole = trail.trail(connection, principal, order_id)
    assert len(statements) == 1
    assert whole["order"][0]["order_id"] == order_id
    assert isinstance(whole["steps"][2]["detail"], dict)


def of_place(code: str) -> Principal:
    """Who sees that place and no other."""
    path = next(row[4] for row in TREE if row[0] == code)
    return Principal(
        account_id=uuid4(), login="x", role=Role.ADMIN, permissions=frozenset(), paths=(path,)
    )


def seen(parts: Parts, incident: UUID, camera: str, onset_s: float) -> None:
    with parts.database.writing() as connection:
        values = alert_columns(alert(onset_s, camera_id=camera))
        connection.execute(
            sa.insert(tables.alerts).values(**values, incident_id=incident, received_at=kit.now())
        )


def said(parts: Parts, order_id: UUID, kind: str) -> None:
    with parts.database.writing() as connection:
        told = answers.receipt(order_id, kind, target="dispatch")
        receipts.take(connection, told, "target:dispatch", kit.now())


def test_an_order_is_followed_to_where_its_incident_became_part_of_another(given: Parts) -> None:
    fill(given.database)
    first, between, last = (kit.confirmed(given, place_code=OWN) for _ in range(3))
    seen(given, first, "camera-1", 0)
    seen(given, last, "camera-2", 60)
    (order_id,) = kit.dispatch(given, first)
    given.forward()
    kit.merge(given, first, between)
    said(given, order_id, "on_site")
    kit.merge(given, between, last)
    for kind in ("report", "closed"):
        said(given, order_id, kind)
    with given.database.reading() as connection:
        whole = trail.trail(connection, of_place(OWN), order_id)
        (view,) = views.by_id(connection, [last])
        wanted = listing.Wanted(incident_id=last)
        page = listing.page(connection, of_place(OWN), wanted, 9, None)
    assert [one["incident_id"] for one in whole["order"]] == [first]
    assert [(one["incident_id"], one["state"]) for one in whole["incident"]] == [(last, "closed")]
    assert [one["camera_id"] for one in whole["alerts"]] == ["camera-1", "camera-2"]
    happened = [(one["incident_id"], one["action"]) for one in whole["steps"]]
    assert [one for one in happened if one[1] not in {"merged", "confirmed", "dispatched"}] == [
        (first, "order_sent"), (first, "closed"), (between, "arrived"), (between, "closed"),
        (last, "arrived"), (last, "reported"), (last, "closed"),
    ]  # fmt: skip
    assert len(whole["receipts"]) == 3
    assert [one["order_id"] for one in view["orders"]] == [str(order_id)]
    assert [one.order_id for one in page.orders] == [order_id]


def test_an_order_is_told_to_whoever_sees_what_it_is_about_now(given: Parts) -> None:
    fill(given.database)
    theirs, beside = (kit.confirmed(given, place_code=FOREIGN) for _ in range(2))
    mine = kit.confirmed(given, place_code=OWN)
    (order_id,) = kit.dispatch(given, theirs)
    kit.dispatch(given, beside)

    def told(code: str) -> trail.Trail:
        with given.database.reading() as connection:
            return trail.trail(connection, of_place(code), order_id)

    with pytest.raises(UnknownOrderError):
        told(OWN)
    kit.merge(given, theirs, mine)
    found = told(OWN)
    assert [one["incident_id"] for one in found["incident"]] == [mine]
    assert {one["incident_id"] for one in found["steps"]} == {mine, theirs}
    # Who saw it before, and not what it is part of, is told what was before.
    with given.database.writing() as connection:
        connection.execute(sa.delete(tables.incident_places))
    found = told(FOREIGN)
    assert [one["incident_id"] for one in found["incident"]] == [theirs]
    assert {one["incident_id"] for one in found["steps"]} == {theirs}
    assert len(found["order"]) == 1


def test_lists_and_health_by_places(site: Site, given: Parts) -> None:
    mine = answers.incident(given.database)
    for at in range(5):
        answers.order(given.database, mine, target="b" if at % 2 else "a", drill=False)
    dead = site.dead(mine, target="gone", last_error="refused")
    waiting = answers.order(given.database, mine, state="waiting", sent_at=None, target="gone")
    listed = get(site.own, "/api/orders")["orders"]
    assert len(listed) == 8
    assert {one["place_code"] for one in listed} == {OWN}
    assert len(get(site.all, "/api/orders")["orders"]) == 9
    first = get(site.own, "/api/orders", limit=3)
    rest = get(site.own, "/api/orders", before=first["orders"][-1]["order_id"])
    assert first["more"] is True
    paged = [one["order_id"] for one in (*first["orders"], *rest["orders"])]
    assert paged == [one["order_id"] for one in listed]
    assert [one["order_id"] for one in get(site.own, "/api/orders", state="dead")["orders"]] == [
        str(dead)
    ]
    assert len(get(site.own, "/api/orders", target="a", incident_id=mine)["orders"]) == 3
    assert get(site.own, "/api/orders", drill=True)["orders"] == []
    assert get(site.own, "/api/orders", target="a\0b")["orders"] == []
    foreign = site.things[FOREIGN].order_id
    assert site.own.get("/api/orders", params={"before": str(foreign)}).status_code == 404
    targets = {one["name"]: one for one in get(site.ops, "/api/dispatch/targets")["targets"]}
    assert list(targets)[:2] == ["dispatch", "dispatch.drill"]
    gone = targets["gone"]
    assert (gone["present"], gone["waiting"], gone["dead"]) == (False, 1, 1)
    assert gone["oldest_waiting_at"] is not None
    assert targets["dispatch"]["breaker"]["state"] == "closed"
    assert get(site.own, f"/api/orders/{waiting}")["order"]["state"] == "waiting"


def test_dead_letters_are_sent_again_by_the_same_id_unless_that_would_be_wrong(
    site: Site, given: Parts
) -> None:
    going, over = answers.incident(given.database), answers.incident(given.database, state="closed")
    merged = answers.incident(given.database, state="closed", merged_into=going)
    told = answers.incident(given.database)
    drill = answers.incident(given.database, state="closed", drill=True)
    later = kit.now() + timedelta(seconds=1)
    again = answers.incident(given.database, state="seen", waiting_from=later)
    merged_again = answers.incident(given.database, state="closed", merged_into=again)
    here = {
        site.dead(going, attempts=7, target="north"): True,
        site.dead(merged, target="north"): True,
        site.dead(drill, target="north", drill=True): True,
        site.dead(over, target="north"): False,
        site.dead(told, target="centre"): False,
        site.dead(going, target="centre", kind="update"): False,
        site.dead(site.things[FOREIGN].incident_id, target="north"): False,
        # Reopened since: nobody has decided again. And one that a later order stands for.
        site.dead(again, target="north"): False,
        site.dead(merged_again, target="north"): False,
        site.dead(told, target="west"): False,
        site.dead(told, target="east"): True,
    }
    answers.order(given.database, told, target="west", state="sent", decided_at=kit.now())
    answers.order(given.database, told, target="east", state="waiting", decided_at=kit.now())
    answers.order(given.database, told, target="centre", kind="cancel", decided_at=kit.now())
    answers.order(given.database, going, target="centre", kind="update", decided_at=kit.now())
    ids = [str(one) for one in here]
    answer = site.own.post("/api/orders/replay", json={"order_ids": [*ids, str(uuid4())]})
    assert answer.json() == {"replayed": 4, "left": 6}
    for one, is_replayed in here.items():
        state = kit.order(given, one)["state"]
        assert (state != "dead") is is_replayed
    row = kit.order(given, next(iter(here)))
    assert row["attempts"] >= 7
    assert row["waiting_from"] is not None
    actions = [one["action"] for one in given.rows(tables.audit)]
    assert actions.count("order.replayed") == 4
    assert site.own.post("/api/orders/replay", json={"target": "north"}).json() == {
        "replayed": 0, "left": 3,
    }  # fmt: skip
    for wrong in ({}, {"order_ids": ids, "target": "a"}, {"order_ids": []}):
        assert site.own.post("/api/orders/replay", json=wrong).status_code == 422
    viewer = make_account(given.database, Role.VIEWER, (OWN,))
    headers = {"Authorization": f"Bearer {token(given.database, viewer)}"}
    answer = httpx.post(f"{site.url}/api/orders/replay", json={"target": "a"}, headers=headers)
    assert answer.status_code == 403


@ON_SQLITE
def test_orders_by_the_command_line(
    site: Site, given: Parts, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = bearer(given.database)["Authorization"].removeprefix("Bearer ")
    environment = {"FENGSUI_SERVICE": site.url, "FENGSUI_TOKEN": secret}

    def ran(*words: str) -> Any:
        assert command.main([*words, "--json"], environment) == 0
        return json.loads(capsys.readouterr().out)

    incident = answers.incident(given.database)
    dead = [site.dead(incident, target="township") for _ in range(60)]
    over = site.dead(answers.incident(given.database, state="false"), target="township")
    assert len(ran("dead", "--limit", "10")["orders"]) == 10
    assert ran("dead", "--limit", "10")["more"] is True
    assert len(ran("dead")["orders"]) == 61
    assert ran("list", "--state", "sent", "--incident", str(incident))["orders"] == []
    assert ran("list", "--drills")["orders"] == []
    assert ran("show", str(over))["order"]["state"] == "dead"
    assert ran("replay", str(dead[0]), str(over)) == {"replayed": 1, "left": 1}
    assert ran("replay", "--all") == {"replayed": 59, "left": 1}
    assert ran("replay", "--target", "township") == {"replayed": 0, "left": 1}
    for words in (["list"], ["show", str(dead[0])], ["dead"], ["replay", "--target", "x"]):
        assert command.main([*words, "--language", "zh"], environment) == 0
        assert capsys.readouterr().out.strip()
    assert command.main(["show", str(uuid4()), "--json"], environment) == 1
    assert "No such order" in capsys.readouterr().out
    evil = answers.incident(given.database, camera_id="c\x9b31m\x1b]0;x\x07\u202e\nd")
    told = answers.order(given.database, evil)
    for words in (["list"], ["list", "--json"], ["show", str(told)], ["show", str(told), "--json"]):
        assert command.main([*words, "--language", "zh"], environment) == 0
        out = capsys.readouterr().out
        assert out.replace("\n", "").isprintable()
        assert ("\\u202e" in out, "\nd" in out) == (True, False)
    for words, needed in ((["list"], "order.read;"), (["replay", "--all"], "order.replay;")):
        assert command.main(words, {**environment, "FENGSUI_TOKEN": ""}) == 1
        said = capsys.readouterr().err
        assert (needed in said, "camera" in said) == (True, False)
    for wrong in (["replay"], ["replay", str(over), "--all"], ["list", "--limit", "0"], ["x"]):
        with pytest.raises(SystemExit) as stopped:
            command.main(wrong, environment)
        assert stopped.value.code == 2
