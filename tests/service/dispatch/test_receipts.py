"""Answers out of the stream: they move orders and incidents, each once, and never back."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from structlog.testing import capture_logs

from pipelines import streams
from pipelines.messages import DeadLetter, Receipt, decode
from pipelines.streams import BODY, MAX_BODY_BYTES, RECEIPTS
from service import tables
from service.dispatch.receipt_keeper import ReceiptKeeper
from service.intake import Intake
from tests.service.dispatch.answers import (
    TARGET,
    incident,
    now,
    order,
    receipt,
    row,
    send,
    stands,
    state,
    steps,
)
from tests.service.helpers import ON_SQLITE, Parts


@pytest.fixture
def intake(given: Parts) -> Intake:
    keeper = ReceiptKeeper(given.metrics, committed=lambda: None)
    return Intake(
        RECEIPTS,
        keeper,
        client=given.client,
        database=given.database,
        settings=given.settings,
        metrics=given.metrics,
        at_a_time=20,
    )


def letters(given: Parts) -> list[DeadLetter]:
    entries: Any = given.client.xrange(RECEIPTS.dead)
    return [decode(streams.body(entry), DeadLetter) for _, entry in entries]


def test_a_crew_s_way_from_accepted_to_closed(given: Parts, intake: Intake) -> None:
    about = incident(given.database)
    sent = order(given.database, about)
    way = {
        "accepted": ("accepted", "dispatched", "receipt"),
        "on_site": ("on_site", "on_site", "arrived"),
        "report": ("reported", "on_site", "reported"),
        "closed": ("closed", "closed", "closed"),
    }
    for kind, (order_state, incident_state, _) in way.items():
        send(given.client, receipt(sent, kind, text="火已扑灭"))
        intake.step()
        assert (state(given.database, sent), stands(given.database, about)) == (
            order_state, incident_state,
        )  # fmt: skip
    assert steps(given.database, about) == [step for _, _, step in way.values()]
    after = row(given.database, tables.incidents, about)
    assert after["reported_at"] is not None
    assert (after["state_by"], after["state_reason"]) == (f"target:{TARGET}", "handled")
    assert row(given.database, tables.orders, sent)["answered_at"] is not None
    told = given.rows(tables.incident_steps)[0]
    assert (told["note"], told["detail"]["order_id"]) == ("火已扑灭", str(sent))
    assert given.rows(tables.feed)[-1]["payload"]["orders"][0]["state"] == "closed"
    assert given.count("fengsui_receipts_total", way="stream", outcome="moved") == 4
    assert given.pending(RECEIPTS) == 0


def test_late_repeated_and_out_of_order_answers_move_nothing_back(
    given: Parts, intake: Intake
) -> None:
    about = incident(given.database)
    sent = order(given.database, about)
    there = receipt(sent, "on_site")
    send(given.client, receipt(sent, "report"), there, receipt(sent, "accepted"), there)
    intake.step()
    assert state(given.database, sent) == "reported"
    assert steps(given.database, about) == ["reported", "arrived", "receipt"]
    assert stands(given.database, about) == "on_site"
    assert len(given.rows(tables.receipts)) == 3
    outcomes = ("moved", "kept", "repeated")
    counted = [given.count("fengsui_receipts_total", way="stream", outcome=o) for o in outcomes]
    assert counted == [1, 2, 1]
    send(given.client, msgspec.structs.replace(there, text="something else"))
    intake.step()
    assert [one.reason for one in letters(given)] == ["receipt_reused"]
    assert len(given.rows(tables.receipts)) == 3


@ON_SQLITE
def test_an_incident_is_closed_by_the_last_of_its_crews(given: Parts, intake: Intake) -> None:
    about = incident(given.database)
    first, second, refusing, dead = (order(given.database, about) for _ in range(4))
    order(given.database, about, target="siren", answers=False)
    update = order(given.database, about, kind="update", state="sent", decided_at=now())
    with given.database.writing() as connection:
        tables_orders = tables.orders
        connection.execute(
            tables_orders.update().where(tables_orders.c.order_id == dead).values(state="dead")
        )
    send(given.client, receipt(refusing, "refused"), receipt(first, "closed"))
    intake.step()
    assert steps(given.database, about) == ["order_refused", "receipt"]
    assert stands(given.database, about) == "dispatched"
    send(given.client, receipt(second, "closed"))
    intake.step()
    assert stands(given.database, about) == "closed"
    send(given.client, receipt(second, "report"), receipt(update, "accepted"))
    intake.step()
    assert stands(given.database, about) == "closed"
    assert steps(given.database, about)[-3:] == ["closed", "receipt", "receipt"]
    assert state(given.database, second) == "closed"


@ON_SQLITE
def test_an_answer_to_an_update_is_one_to_the_order_before_it(given: Parts, intake: Intake) -> None:
    about = incident(given.database)
    sent = order(given.database, about)
    update = order(given.database, about, kind="update", decided_at=now() - timedelta(minutes=5))
    send(given.client, receipt(update, "accepted"))
    intake.step()
    assert (state(given.database, sent), state(given.database, update)) == ("sent", "accepted")
    send(given.client, receipt(update, "closed"))
    intake.step()
    assert (state(given.database, sent), stands(given.database, about)) == ("closed", "closed")


@ON_SQLITE
def test_what_was_merged_or_opened_again_goes_on_where_it_is(given: Parts, intake: Intake) -> None:
    lives = incident(given.database)
    gone = incident(given.database, state="closed", merged_into=lives)
    reopened = incident(given.database, state="seen")
    sent, old = order(given.database, gone), order(given.database, reopened)
    send(given.client, receipt(sent, "on_site"), receipt(old, "closed"))
    intake.step()
    assert (stands(given.database, lives), stands(given.database, gone)) == ("on_site", "closed")
    assert (stands(given.database, reopened), state(given.database, old)) == ("seen", "closed")
    assert steps(given.database, reopened) == ["receipt"]
    send(given.client, receipt(sent, "closed"))
    intake.step()
    assert stands(given.database, lives) == "closed"


def test_an_answer_proves_that_its_order_arrived(given: Parts, intake: Intake) -> None:
    """The forwarder dies between sending and writing it down, or gave up too early."""
    about = incident(given.database, sent_at=None)
    unsure = {"sent_at": None, "attempts": 0, "leased_by": "replica#1"}
    leased = order(given.database, about, state="waiting", leased_until=now(), **unsure)
    dead = order(given.database, about, state="dead", sent_at=None, attempts=5)
    send(given.client, receipt(leased), receipt(dead, "report"))
    intake.step()
    assert (state(given.database, leased), state(given.database, dead)) == ("accepted", "reported")
    assert row(given.database, tables.orders, leased)["sent_at"] is not None
    assert row(given.database, tables.orders, leased)["leased_by"] is None
    assert row(given.database, tables.incidents, about)["sent_at"] is not None
    assert steps(given.database, about) == ["order_sent", "receipt", "order_sent", "reported"]


def test_bad_answers_are_dead_letters_and_keep_no_other_out(given: Parts, intake: Intake) -> None:
    about = incident(given.database)
    sent = order(given.database, about)
    fresh = order(given.database, about, state="waiting", sent_at=None, attempts=0)
    mixed = order(given.database, about, drill=True)
    good = [receipt(sent, kind) for kind in ("accepted", "on_site")]
    future = now() + timedelta(hours=1)
    bad: dict[str, Receipt] = {
        "unknown_order": receipt(uuid4()),
        "foreign_receipt": receipt(sent, target="somebody-else"),
        "order_not_sent": receipt(fresh),
        "drill_mixed": receipt(mixed),
        "receipt_time": receipt(sent, at=future),
        "hostile_text": receipt(sent, text="closed\u202e"),
        "unknown_version": msgspec.structs.replace(receipt(sent), schema_version=2),
    }
    send(given.client, good[0], *bad.values(), good[1])
    for body in (
        b"{}",
        b"\xff",
        json.dumps({"schema_version": 1, "kind": "gone_home"}).encode(),
        msgspec.json.encode(receipt(sent, text="x" * 2001)),
        b"x" * (MAX_BODY_BYTES + 1),
        msgspec.json.encode(receipt(sent, text="a\0b")),
        msgspec.json.encode(receipt(sent)).replace(b'"text":""', b'"text":"\\ud800"'),
        b"[" * 20_000,
    ):
        given.client.xadd(RECEIPTS.name, {BODY: body})
    given.client.xadd(RECEIPTS.name, {"other": b""})
    intake.step()
    reasons = [one.reason for one in letters(given)]
    assert sorted(reasons) == sorted([*bad, "hostile_text", *["malformed"] * 8])
    assert state(given.database, sent) == "on_site"
    assert state(given.database, fresh) == "waiting"
    assert {one["receipt_id"] for one in given.rows(tables.receipts)} == {
        one.receipt_id for one in good
    }
    assert given.count("fengsui_messages_total", stream=RECEIPTS.name, outcome="dead") == 16
    assert given.count("fengsui_receipts_refused_total", way="stream", code="malformed") == 8
    kept = next(one for one in letters(given) if one.reason == "order_not_sent")
    assert decode(kept.body.encode(), Receipt) == bad["order_not_sent"]
    assert given.pending(RECEIPTS) == 0


@ON_SQLITE
def test_lost_data_are_told_with_what_to_do_about_answers(given: Parts, intake: Intake) -> None:
    intake.step()
    given.client.flushall()
    with capture_logs() as said:
        intake.step()
    lost = next(line for line in said if "Redis lost data" in line["event"])
    assert (lost["part"], lost["streams"]) == ("receipts", "receipts")
    assert "send theirs again" in lost["next"]
    assert "spools" not in lost["next"]
