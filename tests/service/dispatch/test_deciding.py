"""Decisions and what follows them: whose orders, what they say, and what takes them back."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa

from pipelines.messages import DispatchOrder, decode, encode
from service import tables
from service.dispatch import deciding, leasing, recording
from service.dispatch.errors import NoTargetError, TargetRefusedError, UnknownTargetError
from service.dispatch.recording import Attempt, Outcome
from service.incidents import changing, store
from service.incidents.errors import IncidentChangedError, IncidentStepError
from service.incidents.lifecycle import StepKind
from tests.service.dispatch import answers, kit
from tests.service.estate import OWN, TREE, camera_row
from tests.service.helpers import ON_SQLITE, Parts, alert
from vision.hazards import Hazard


def estate(parts: Parts) -> None:
    with parts.database.writing() as connection:
        for code, parent, level, name, path in TREE:
            values = {"code": code, "parent_code": parent, "level": level, "name": name}
            connection.execute(sa.insert(tables.places).values(**values, path=path))
        connection.execute(sa.insert(tables.cameras).values(**camera_row("camera-1", OWN)))


def routes(parts: Parts, *each: dict[str, Any]) -> None:
    whole = {
        "name": "r", "place_code": None, "hazards": [], "severities": [], "weekdays": [],
        "from_minute": None, "to_minute": None, "stop": False, "updated_at": kit.now(),
        "updated_by": "test",
    }  # fmt: skip
    with parts.database.writing() as connection:
        for position, one in enumerate(each):
            named = {"route_id": UUID(int=position), "position": position}
            connection.execute(sa.insert(tables.dispatch_routes).values(**whole | named | one))


def policy(parts: Parts, hazard: str, place: str, unconfirmed: bool) -> None:
    with parts.database.writing() as connection:
        connection.execute(
            sa.insert(tables.dispatch_policies).values(
                hazard=hazard,
                place_code=place,
                unconfirmed=unconfirmed,
                updated_at=kit.now(),
                updated_by="test",
            )
        )


def kinds(parts: Parts, incident: UUID) -> list[tuple[str, str, str]]:
    found = kit.of_incident(parts, incident)
    return [(one["target"], one["kind"], one["state"]) for one in found]


def test_a_decision_makes_an_order_that_a_crew_can_use(given: Parts) -> None:
    estate(given)
    incident = kit.confirmed(given)
    seen = alert(camera_id="camera-1")
    with given.database.writing() as connection:
        values = {**msgspec.to_builtins(seen), "incident_id": incident, "received_at": kit.now()}
        del values["schema_version"]
        values |= {"alert_id": seen.alert_id, "first_seen_at": seen.first_seen_at}
        values |= {"last_seen_at": seen.last_seen_at}
        connection.execute(sa.insert(tables.alerts).values(**values))
    (order_id,) = kit.dispatch(given, incident, note="gas bottles")
    row = kit.order(given, order_id)
    order = decode(row["body"].encode(), DispatchOrder)
    assert (order.order_id, order.target, order.decided_at) == (
        order_id, "dispatch", row["decided_at"],
    )  # fmt: skip
    assert (order.state, order.kind, order.drill) == ("dispatched", "order", False)
    assert (
        order.place_names == ("Fengsui", "杭州市", "西湖区", "灵隐街道")[-len(order.place_names) :]
    )
    assert order.place_names[-1] == "灵隐街道"
    assert (order.camera_name, order.contact_number) != (None, None)
    assert order.box == seen.box
    assert order.wgs84_longitude is not None
    said = encode(order).decode()
    assert "evidence" not in said
    assert "gas bottles" not in said  # what people tell each other stays here
    (event,) = given.rows(tables.feed)
    assert [one["order_id"] for one in event["payload"]["orders"]] == [str(order_id)]
    step = given.rows(tables.incident_steps)[-1]
    assert (step["action"], step["detail"]["targets"]) == ("dispatched", ["dispatch"])
    # A second decision is another; on an old version it is none.
    (again,) = kit.dispatch(given, incident)
    assert again != order_id
    with pytest.raises(IncidentChangedError):
        kit.dispatch(given, incident, version=0)
    assert len(given.rows(tables.orders)) == 2


def test_what_can_t_be_decided_changes_nothing(given: Parts, tmp_path: Path) -> None:
    incident, new = kit.confirmed(given), kit.confirmed(given, state="new")
    drill = kit.confirmed(given, drill=True)
    for error, which, targets in [
        (UnknownTargetError, incident, ["nobody"]),
        (TargetRefusedError, incident, ["dispatch.drill"]),
        (TargetRefusedError, drill, ["dispatch"]),
        (NoTargetError, incident, []),
        (IncidentStepError, new, None),
    ]:
        with pytest.raises(error):
            kit.dispatch(given, which, targets)
    routes(given, {"targets": ["dispatch"], "hazards": ["smoke"]})
    with pytest.raises(NoTargetError):
        kit.dispatch(given, incident)
    assert given.rows(tables.orders) == given.rows(tables.incident_steps) == []
    kit.dispatch(given, drill, [])
    assert kinds(given, drill) == [("dispatch.drill", "order", "waiting")]


def unconfirmed(parts: Parts, incident: UUID) -> list[UUID]:
    with parts.database.writing() as connection:
        row = changing.existing(connection, incident)
        rules = deciding.Rules.read(connection)
        return deciding.decide_unconfirmed(connection, parts.book, rules, row, kit.now())


def test_what_goes_without_a_person_is_a_setting_and_the_nearest_place_s_holds(
    given: Parts,
) -> None:
    def new(hazard: str, **values: Any) -> UUID:
        return kit.confirmed(given, state="new", hazard=hazard, **values)

    assert unconfirmed(given, new("fire")) == []
    assert unconfirmed(given, new("fire", drill=True)) == []
    fault = new("camera_fault")
    assert len(unconfirmed(given, fault)) == 1
    assert answers.steps(given.database, fault) == ["confirmed", "dispatched"]
    assert answers.row(given.database, tables.incidents, fault)["state_by"] == "policy:unconfirmed"
    assert unconfirmed(given, fault) == []  # once
    policy(given, "fire", "0", True)
    policy(given, "camera_fault", "330100", False)
    assert len(unconfirmed(given, new("fire"))) == 1
    assert unconfirmed(given, new("camera_fault")) == []
    policy(given, "fire", OWN, False)
    assert unconfirmed(given, new("fire")) == []
    assert len(unconfirmed(given, new("fire", place_code="330109102"))) == 1
    assert len(unconfirmed(given, new("fire", place_code=None))) == 1
    # Nobody to send it to: it waits for a person.
    routes(given, {"targets": ["dispatch"], "hazards": ["smoke"]})
    left = new("fire", place_code=None)
    assert unconfirmed(given, left) == []
    assert answers.stands(given.database, left) == "new"


@ON_SQLITE
def test_rules_are_read_and_the_feed_is_told_once_for_all_that_open_together(given: Parts) -> None:
    faults = [
        alert(camera_id=f"camera-{number}", hazard=Hazard.CAMERA_FAULT) for number in range(6)
    ]
    statements: list[str] = []
    with given.database.writing() as connection:
        sa.event.listen(
            connection, "before_cursor_execute", lambda *said: statements.append(said[2])
        )
        store.take(connection, given.settings, faults, kit.now(), given.book)
    for table in ("dispatch_routes", "dispatch_policies"):
        read = [one for one in statements if f"SELECT {table}." in one]
        assert len(read) == 1, table
    assert len([one for one in statements if one.startswith("INSERT INTO feed")]) == 2
    told = given.rows(tables.feed)
    assert [one["kind"] for one in told] == ["incident.opened"] * 6 + ["incident.updated"] * 6
    for one in told[6:]:
        assert one["payload"]["state"] == "dispatched"
        assert len(one["payload"]["orders"]) == 1


def test_a_drill_is_nothing_but_a_drill(given: Parts) -> None:
    real, drill = kit.confirmed(given, state="new"), kit.confirmed(given, state="new", drill=True)
    routes(given, {"targets": ["dispatch"], "stop": True})
    for which in (real, drill):
        with given.database.writing() as connection:
            row, rules = changing.existing(connection, which), deciding.Rules.read(connection)
            if which is real:
                with pytest.raises(ValueError, match="a person decides"):
                    deciding.decide_drill(connection, given.book, rules, row, kit.now())
                continue
            deciding.decide_drill(connection, given.book, rules, row, kit.now())
    assert kinds(given, drill) == [("dispatch.drill", "order", "waiting")]
    assert kinds(given, real) == []
    kit.step(given, drill, StepKind.CLOSED, "policy:drill")
    assert kinds(given, drill) == [("dispatch.drill", "order", "waiting")]  # it goes all the same


@pytest.mark.parametrize(
    ("tried", "steps", "expected"),
    [
        (False, ["dismissed"], [("withdrawn", "order")]),
        (True, ["dismissed"], [("waiting", "order"), ("waiting", "cancel")]),
        (True, ["closed"], [("waiting", "order"), ("waiting", "cancel")]),
        (True, ["arrived"], [("waiting", "order"), ("waiting", "update")]),
        (
            True, ["arrived", "closed"],
            [("waiting", "order"), ("waiting", "update"), ("waiting", "update")],
        ),
        (
            True, ["dismissed", "reopened", "closed"],
            [("waiting", "order"), ("waiting", "cancel")],
        ),
        (True, ["noted"], [("waiting", "order")]),
    ],
)  # fmt: skip
def test_who_wants_updates_is_told_and_what_nobody_has_is_withdrawn(
    given: Parts, tmp_path: Path, tried: bool, steps: Sequence[str], expected: list[tuple[str, str]]
) -> None:
    path = kit.webhooks(tmp_path, {"centre": "http://127.0.0.1:1"}, "updates = true")
    with kit.book_of(given, path) as book:
        incident = kit.confirmed(given)
        kit.dispatch(given, incident, ["centre", "dispatch"], book)
        with given.database.writing() as connection:
            # One who may have sent it and died counts like an attempt.
            mine = tables.orders.c.target == "centre"
            values = {"leased_by": "dead#1"} if tried else {}
            connection.execute(
                sa.update(tables.orders).where(mine).values(target="centre", **values)
            )
        for one in steps:
            reason = "handled" if one in {"dismissed", "closed", "reopened"} else None
            kit.step(given, incident, StepKind(one), reason=reason)
    found = [(state, kind) for name, kind, state in kinds(given, incident) if name == "centre"]
    assert found == expected
    # One that hears nothing later isn't sent what is over.
    over = {"dismissed", "closed"} & {*steps}
    plain = [(state, kind) for name, kind, state in kinds(given, incident) if name == "dispatch"]
    assert plain == [("withdrawn" if over else "waiting", "order")]


@ON_SQLITE
def test_a_target_is_not_told_what_it_said_itself_and_crews_follow_a_merge(
    given: Parts, tmp_path: Path
) -> None:
    path = kit.webhooks(
        tmp_path, {"a": "http://127.0.0.1:1", "b": "http://127.0.0.1:1"}, "updates = true"
    )
    with kit.book_of(given, path) as book:
        gone, living = kit.confirmed(given), kit.confirmed(given)
        kit.dispatch(given, gone, ["a", "b"], book)
        kit.dispatch(given, living, ["a"], book)
        with given.database.writing() as connection:
            connection.execute(sa.update(tables.orders).values(attempts=1))
        kit.merge(given, gone, living)
        # Said on the telephone, and written down by a person.
        kit.step(given, living, StepKind.ARRIVED, detail={"target": "a"})
    assert [kind for _, kind, _ in kinds(given, living)] == ["order"]
    told = kit.of_incident(given, gone)[-1]
    assert (told["target"], told["kind"]) == ("b", "update")
    message = decode(told["body"].encode(), DispatchOrder)
    assert (message.incident_id, message.state) == (gone, "on_site")


def test_orders_of_one_moment_are_in_the_order_they_were_decided(given: Parts) -> None:
    incident, at = kit.confirmed(given), kit.now()
    made = []
    for _ in range(5):
        with given.database.writing() as connection:
            row = changing.existing(connection, incident)
            made += deciding.decide(connection, given.book, row, by="wang", at=at)
    found = kit.of_incident(given, incident)
    assert [one["order_id"] for one in found] == made
    assert len({one["decided_at"] for one in found}) == 5


@pytest.mark.parametrize("outcome", ["sent", "refused"])
def test_what_becomes_of_an_order_after_a_merge_is_told_where_its_incident_goes_on(
    given: Parts, outcome: str
) -> None:
    left, between, into = (kit.confirmed(given) for _ in range(3))
    (order_id,) = kit.dispatch(given, left)
    kit.merge(given, left, between)
    kit.merge(given, between, into)
    before = [answers.steps(given.database, one) for one in (left, between)]
    at = kit.now()
    with given.database.writing() as connection:
        until = at + timedelta(seconds=60)
        (one,) = leasing.lease(connection, "dispatch", replica="one", now=at, until=until)
        attempt = Attempt(leased=one, outcome=Outcome(outcome), said="", at=at, seconds=0.1)
        recording.record(connection, "one", [attempt], kit.now(), given.settings)
    is_sent = outcome == "sent"
    assert answers.steps(given.database, into)[-1] == ("order_sent" if is_sent else "order_dead")
    assert [answers.steps(given.database, one) for one in (left, between)] == before
    rows = {row["incident_id"]: row["sent_at"] for row in given.rows(tables.incidents)}
    assert [rows[one] is not None for one in (left, between, into)] == [False, False, is_sent]
    told = max(given.rows(tables.feed), key=lambda row: row["id"])
    assert (told["kind"], told["incident_id"]) == (
        "order.sent" if is_sent else "incident.updated",
        into,
    )
    assert [one["order_id"] for one in told["payload"]["orders"]] == [str(order_id)]
