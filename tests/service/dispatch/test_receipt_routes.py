"""Answers by the API: what a person or a program says of an order, within their places."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from service import tables
from tests.service.dispatch import kit
from tests.service.dispatch.answers import TARGET, incident, now, order, stands, state, steps
from tests.service.dispatch.parcels import written
from tests.service.estate import FOREIGN, OWN, fill
from tests.service.helpers import Parts
from tests.service.process import serving
from tests.service.signing_in import bearer, make_account, token


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    given: Parts
    client: httpx.Client

    def say(self, order_id: UUID, kind: str, **values: Any) -> httpx.Response:
        said = {"receipt_id": str(uuid4()), "kind": kind, "at": now().isoformat()} | values
        return self.client.post(f"/api/orders/{order_id}/receipts", json=said)


@pytest.fixture
def crew(given: Parts) -> Iterator[Crew]:
    fill(given.database)
    who = bearer(given.database, "operator", (OWN,))
    with (
        serving(given.settings) as url,
        httpx.Client(base_url=url, headers=who, timeout=10) as client,
    ):
        yield Crew(given=given, client=client)


def figures(crew: Crew) -> list[str]:
    said = crew.client.get("/metrics", headers=bearer(crew.given.database))
    assert said.status_code == 200
    return said.text.splitlines()


def test_what_a_person_says_moves_order_and_incident_once(crew: Crew) -> None:
    database = crew.given.database
    about = incident(database)
    sent = order(database, about)
    same = {"receipt_id": str(uuid4()), "at": now().isoformat()}
    first = crew.say(sent, "on_site", text="到达现场", **same)
    assert first.status_code == 200, first.text
    assert first.json() == {
        "receipt_id": same["receipt_id"],
        "outcome": "moved",
        "order_state": "on_site",
        "incident_id": str(about),
        "incident_state": "on_site",
    }
    again = crew.say(sent, "on_site", text="到达现场", **same)
    assert (again.status_code, again.json()["outcome"]) == (200, "repeated")
    other = crew.say(sent, "on_site", text="别的", **same)
    assert (other.status_code, other.json()["code"]) == (409, "receipt_reused")
    assert crew.say(sent, "accepted").json()["outcome"] == "kept"
    assert steps(database, about) == ["arrived", "receipt"]
    entries = [one for one in crew.given.rows(tables.audit) if one["action"] == "order.answered"]
    assert [one["object_id"] for one in entries] == [str(sent)] * 2
    assert "到达现场" not in entries[0]["body"]


def test_a_closed_incident_stays_so_and_the_answer_says_it(crew: Crew) -> None:
    about = incident(crew.given.database, state="closed")
    sent = order(crew.given.database, about)
    said = crew.say(sent, "report", text="late").json()
    assert (said["order_state"], said["incident_state"]) == ("reported", "closed")
    assert steps(crew.given.database, about) == ["receipt"]


def test_who_has_what_an_incident_has_become_part_of_answers_its_orders(crew: Crew) -> None:
    left, into = incident(crew.given.database, place_code=FOREIGN), incident(crew.given.database)
    sent = order(crew.given.database, left)
    assert crew.say(sent, "accepted").status_code == 404
    kit.merge(crew.given, left, into)
    assert crew.say(sent, "on_site").json()["incident_id"] == str(into)


def test_what_cant_be_taken_is_refused_in_words_and_changes_nothing(crew: Crew) -> None:
    database = crew.given.database
    about = incident(database)
    sent = order(database, about)
    fresh = order(database, about, state="waiting", sent_at=None, attempts=0)
    foreign = order(database, incident(database, place_code=FOREIGN))
    ahead = (now() + timedelta(hours=1)).isoformat()
    refused = (
        (crew.say(uuid4(), "accepted"), 404, "unknown_order"),
        (crew.say(foreign, "accepted"), 404, "unknown_order"),
        (crew.say(fresh, "accepted"), 409, "order_not_sent"),
        (crew.say(sent, "accepted", at=ahead), 422, "receipt_time"),
        (crew.say(sent, "accepted", at="0001-01-01T00:00:00+14:00"), 422, "receipt_time"),
        (crew.say(sent, "accepted", at="2026-01-01T00:00:00"), 422, "invalid_request"),
        (crew.say(sent, "gone_home"), 422, "invalid_request"),
        (crew.say(sent, "accepted", text="a\u202eb"), 422, "invalid_request"),
        (crew.say(sent, "accepted", text="x" * 2001), 422, "invalid_request"),
        (crew.say(sent, "accepted", target="other"), 422, "invalid_request"),
    )
    for answer, status, code in refused:
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert crew.given.rows(tables.receipts) == []
    assert state(database, sent) == "sent"
    assert stands(database, about) == "dispatched"
    counted = figures(crew)
    for code, times in {"unknown_order": 2, "order_not_sent": 1, "receipt_time": 2}.items():
        assert f'fengsui_receipts_refused_total{{code="{code}",way="api"}} {times}.0' in counted


def test_a_target_may_name_who_answers_for_it(given: Parts, tmp_path: Path) -> None:
    fill(given.database)
    station, other = (
        {"Authorization": f"Bearer {token(given.database, account)}"}
        for account in (
            make_account(given.database, "operator", (OWN,), login="station"),
            make_account(given.database, "operator", (OWN,)),
        )
    )
    file = written(
        tmp_path,
        f'[targets.{TARGET}]\nkind = "stream"\nstream = "dispatch.a"\nreceipts_from = ["station"]',
    )
    about = incident(given.database)
    theirs, anybodys = order(given.database, about), order(given.database, about, target="b")
    with (
        serving(replace(given.settings, targets=file)) as url,
        httpx.Client(base_url=url, timeout=10) as client,
    ):
        crew = Crew(given=given, client=client)
        client.headers.update(other)
        refused = crew.say(theirs, "closed")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_order")
        assert "receipts_from" in refused.json()["detail"]
        assert state(given.database, theirs) == "sent"
        assert crew.say(anybodys, "accepted").status_code == 200
        client.headers.update(station)
        assert crew.say(theirs, "on_site").json()["outcome"] == "moved"
        line = 'fengsui_receipts_refused_total{code="not_your_order",way="api"} 1.0'
        assert line in figures(crew)
