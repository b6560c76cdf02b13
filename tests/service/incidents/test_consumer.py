import pytest
import redis
import sqlalchemy as sa

import service.database
from pipelines import streams
from pipelines.messages import Alert, DeadLetter, decode, encode
from pipelines.streams import ALERTS, ALERTS_PRIORITY
from service import tables
from service.dispatch import deciding
from service.incidents import consumer as consuming
from service.incidents import views
from service.incidents.consumer import AlertConsumer
from service.incidents.reader import MAX_DELIVERIES
from tests.service.helpers import Parts, alert, confirmed, opened
from vision.hazards import Hazard


def raw(given: Parts, body: bytes, stream: streams.Stream = ALERTS_PRIORITY) -> bytes:
    return given.client.xadd(stream.name, {streams.BODY: body})


def dead(given: Parts, stream: streams.Stream = ALERTS_PRIORITY) -> list[DeadLetter]:
    return [
        decode(streams.body(entry), DeadLetter) for _, entry in given.client.xrange(stream.dead)
    ]


def test_a_drill_becomes_one_incident_one_order_one_confirmation(given: Parts) -> None:
    given.send(alert(drill=True), alert(drill=True, revision=2, seen_s=5))
    given.consumer.step()
    given.forward()
    (incident,) = given.rows(tables.incidents)
    (order,) = given.orders_sent()
    assert (incident["state"], incident["state_by"]) == ("dispatched", "policy:drill")
    assert (order.incident_id, order.drill) == (incident["incident_id"], True)
    assert [revision for _, revision in confirmed(given.client)] == [1, 2]
    assert given.pending(ALERTS_PRIORITY) == 0
    assert given.count("fengsui_incidents_total", hazard="fire", drill="true") == 1
    assert given.count("fengsui_orders_total", target="dispatch.drill") == 1


@pytest.mark.parametrize("hazard", sorted(set(Hazard) - {Hazard.CAMERA_FAULT}))
def test_a_real_alert_makes_no_order_by_itself(given: Parts, hazard: Hazard) -> None:
    given.send(alert(hazard=hazard), alert(hazard=hazard, revision=2, seen_s=9, ended=True))
    given.consumer.step()
    given.forward()
    (incident,) = given.rows(tables.incidents)
    assert incident["state"] == "new"
    assert given.rows(tables.orders) == []
    assert given.client.exists("dispatch", "dispatch.drill") == 0


def test_a_drill_never_merges_with_the_real_thing(given: Parts) -> None:
    given.send(alert(drill=True), alert(1.0))
    given.consumer.step()
    assert len(given.rows(tables.incidents)) == 2
    assert len(given.rows(tables.orders)) == 1


def test_redelivery_changes_nothing_and_confirms_again(given: Parts) -> None:
    for _ in range(3):
        given.send(alert(drill=True), alert(drill=True, revision=2, seen_s=5))
        given.consumer.step()
        given.forward()
    assert len(given.orders_sent()) == 1
    assert len(given.rows(tables.incidents)) == 1
    assert len(confirmed(given.client)) == 6
    assert given.count("fengsui_messages_total", stream="alerts.priority", outcome="stale") == 4


def test_crash_between_commit_and_confirm(given: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    given.send(alert(drill=True))

    def crash(self: AlertConsumer, alerts: object) -> None:
        raise redis.ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(AlertConsumer, "_confirm", crash)
        with pytest.raises(redis.ConnectionError):
            given.consumer.step()
    assert len(given.rows(tables.orders)) == 1
    assert confirmed(given.client) == []
    again = AlertConsumer(  # another process: nothing is left in memory
        client=given.client,
        database=given.database,
        settings=given.settings,
        metrics=given.metrics,
        book=given.book,
        committed=lambda: None,
    )
    again.step()
    assert len(confirmed(given.client)) == 1
    assert len(given.rows(tables.orders)) == 1
    assert given.pending(ALERTS_PRIORITY) == 0


def test_a_locked_database_delays_and_loses_nothing(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.database, "BUSY_TIMEOUT_MS", 20)
    given.send(alert(drill=True))
    with given.database.writing() as holder, opened(given.settings.database_url) as locked:
        monkeypatch.setattr(given.consumer, "_database", locked)
        with pytest.raises(sa.exc.OperationalError, match="lock"):
            given.consumer.step()
        assert holder.in_transaction()
    with opened(given.settings.database_url) as free:
        monkeypatch.setattr(given.consumer, "_database", free)
        given.consumer.step()
    assert len(given.rows(tables.incidents)) == 1
    assert dead(given) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff\x00 garbage", "malformed"),
        (b'{"schema_version": 99}', "unknown_version"),
        (b" " * (streams.MAX_BODY_BYTES + 1), "malformed"),
        (encode(alert(10_000.0)), "future"),
        (encode(alert(revision=2**70)), "malformed"),
        # Its id follows from these: a revision can't change them, nor anybody make one up.
        (encode(alert(revision=2)).replace(b'"all"', b'"gate"'), "malformed"),
        (encode(alert(revision=2)).replace(b'"fire"', b'"debris"'), "malformed"),
        (encode(alert(revision=2)).replace(b"camera-1", b"camera-2"), "malformed"),
    ],
    ids=[
        "garbage",
        "unknown version",
        "oversized",
        "future",
        "a revision beyond counting",
        "another zone",
        "another hazard",
        "another camera",
    ],
)
def test_dead_letters(given: Parts, body: bytes, reason: str) -> None:
    entry_id = raw(given, body)
    given.send(alert(drill=True))  # the one after it gets through
    given.consumer.step()
    (letter,) = dead(given)
    assert (letter.reason, letter.entry_id) == (reason, entry_id.decode())
    assert given.count("fengsui_dead_letters_total", stream="alerts.priority", reason=reason) == 1
    assert given.pending(ALERTS_PRIORITY) == 0
    assert len(given.rows(tables.orders)) == 1


def test_an_entry_without_a_body_is_dead(given: Parts) -> None:
    given.client.xadd(ALERTS.name, {"other": "x"})
    given.consumer.step()
    assert [letter.reason for letter in dead(given, ALERTS)] == ["malformed"]


def test_what_comes_as_a_drill_after_the_real_thing_is_dead(given: Parts) -> None:
    given.send(alert(), alert(drill=True, revision=2))
    given.consumer.step()
    assert [letter.reason for letter in dead(given)] == ["drill_changed"]
    assert [row["drill"] for row in given.rows(tables.alerts)] == [False]
    assert given.rows(tables.orders) == []


@pytest.mark.parametrize("revision", [1, 2])
def test_a_drill_that_turns_out_to_be_real_is_a_real_incident(given: Parts, revision: int) -> None:
    given.send(alert(drill=True))
    given.consumer.step()
    given.forward()
    given.send(alert(revision=revision))
    given.consumer.step()
    given.send(alert(drill=True, revision=3))  # too late: it is real now
    given.consumer.step()
    given.forward()
    drill, real = sorted(given.rows(tables.incidents), key=lambda row: not row["drill"])
    assert (drill["drill"], drill["state"], drill["state_by"]) == (True, "closed", "policy:drill")
    assert (real["drill"], real["state"], real["state_by"]) == (False, "new", None)
    (row,) = given.rows(tables.alerts)
    assert (row["drill"], row["incident_id"]) == (False, real["incident_id"])
    assert len(given.orders_sent()) == len(given.rows(tables.orders)) == 1  # the drill's own
    assert given.count("fengsui_incidents_total", hazard="fire", drill="false") == 1
    assert [letter.reason for letter in dead(given)] == ["drill_changed"]
    assert [revision for _, revision in confirmed(given.client)] == [1, revision]
    events = sorted(given.rows(tables.feed), key=lambda row: int(row["id"]))
    kinds = [(event["kind"], event["payload"]["drill"]) for event in events]
    assert kinds[-2:] == [("incident.opened", False), ("incident.closed", True)]
    with given.database.reading() as connection:  # also the one that has no alert left
        shown = views.by_id(connection, [drill["incident_id"], real["incident_id"]])
        assert [view["alerts"] for view in shown] == [0, 1]


def test_what_turns_out_to_be_real_joins_the_open_real_incident(given: Parts) -> None:
    given.send(alert(), alert(5.0, drill=True), alert(6.0, drill=True), alert(5.0, revision=2))
    given.consumer.step()
    alerts = {row["incident_id"]: 0 for row in given.rows(tables.incidents)}
    assert len(alerts) == 2
    rows = given.rows(tables.alerts)
    assert [row["drill"] for row in sorted(rows, key=lambda r: r["first_seen_at"])] == [
        False, False, True,
    ]  # fmt: skip
    states = {row["drill"]: row["state"] for row in given.rows(tables.incidents)}
    assert states == {True: "dispatched", False: "new"}


@pytest.mark.parametrize("error", [RecursionError("deep"), KeyError("\ud800")])
def test_a_poisonous_entry_is_dead_and_the_rest_go_on(
    given: Parts, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def poisoned(body: bytes, kind: type[Alert]) -> Alert:
        if body == b"poison":
            raise error
        return decode(body, kind)

    monkeypatch.setattr(consuming, "decode", poisoned)
    given.send(alert(drill=True))
    entry_id = raw(given, b"poison")
    given.send(alert(60.0, drill=True))
    given.consumer.step()
    (letter,) = dead(given)
    assert (letter.reason, letter.entry_id) == ("unprocessable", entry_id.decode())
    assert type(error).__name__ in letter.explanation
    assert len(given.rows(tables.orders)) == 2
    assert given.pending(ALERTS_PRIORITY) == 0
    name = "fengsui_dead_letters_total"
    assert given.count(name, stream="alerts.priority", reason="unprocessable") == 1


def test_an_entry_with_an_id_beyond_all_time_is_an_alert_like_any_other(given: Parts) -> None:
    fields = streams.fields(alert(drill=True))
    given.client.xadd(ALERTS_PRIORITY.name, fields, id="999999999999999999-1")
    given.consumer.step()
    assert dead(given) == []
    assert len(given.rows(tables.orders)) == 1


def test_an_entry_delivered_too_often_is_dead(given: Parts) -> None:
    given.send(alert(drill=True))
    streams.create_group(given.client, ALERTS_PRIORITY)
    group = str(ALERTS_PRIORITY.group)
    for start in (">", *["0"] * MAX_DELIVERIES):
        given.client.xreadgroup(group, given.settings.consumer, {ALERTS_PRIORITY.name: start})
    given.consumer.step()
    assert [letter.reason for letter in dead(given)] == ["too_many_deliveries"]
    assert given.rows(tables.incidents) == []


def test_no_alert_is_lost_for_a_policy_that_fails(
    lone: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("routes")

    monkeypatch.setattr(deciding, "decide_unconfirmed", broken)
    lone.send(alert(hazard=Hazard.CAMERA_FAULT), alert(hazard=Hazard.CAMERA_FAULT, revision=2))
    lone.consumer.step()
    assert [row["state"] for row in lone.rows(tables.incidents)] == ["new"]
    assert (dead(lone, ALERTS), len(confirmed(lone.client))) == ([], 2)
    assert lone.count("fengsui_incidents_undecided_total") == 1


def test_finished_entries_are_trimmed_in_a_flood(
    lone: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "TRIM_EVERY_ENTRIES", 50)
    for number in range(4):
        lone.send(*(alert(camera_id=f"{number}-{one}") for one in range(60)))
        lone.consumer.step()
    assert lone.client.xlen(ALERTS_PRIORITY.name) <= 110


def test_priority_is_handled_first(given: Parts) -> None:
    given.send(alert(hazard=Hazard.OBSTRUCTION), alert(hazard=Hazard.FIRE))
    given.consumer.step()
    events = given.rows(tables.feed)
    assert [event["payload"]["hazard"] for event in events] == ["fire", "obstruction"]
