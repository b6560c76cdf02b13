"""The door to an incident's state: dated, written down, told, and one of two wins."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.errors import UnknownIncidentError
from service.incidents import changing
from service.incidents.errors import IncidentChangedError, IncidentStepError, MergedIncidentError
from service.incidents.history import Step
from service.incidents.lifecycle import StepKind
from service.tables import feed, incident_steps, incidents
from tests.service.helpers import Parts, alert, at

K = StepKind


@pytest.fixture
def opened(given: Parts) -> UUID:
    given.send(alert())
    given.consumer.step()
    with given.database.reading() as connection:
        return connection.execute(sa.select(incidents.c.incident_id)).scalar_one()


def _take(given: Parts, incident_id: UUID, kind: StepKind, **more: Any) -> RowMapping:
    version = more.pop("version", None)
    step = Step(kind=kind, **{"actor": "li.wei", "at": at(100), **more})
    with given.database.writing() as connection:
        return changing.take(connection, incident_id, step, version=version)


def _steps(connection: Connection) -> list[tuple[str, str | None, str]]:
    query = sa.select(
        incident_steps.c.action, incident_steps.c.from_state, incident_steps.c.to_state
    ).order_by(incident_steps.c.id)
    return [(row.action, row.from_state, row.to_state) for row in connection.execute(query)]


def test_a_step_is_dated_written_down_and_told(given: Parts, opened: UUID) -> None:
    row = _take(given, opened, K.CONFIRMED, note="看见火苗")
    assert (row["state"], row["state_by"], row["version"]) == ("confirmed", "li.wei", 1)
    assert row["seen_at"] == row["confirmed_at"] == row["due_at"] == at(100)
    row = _take(given, opened, K.DISPATCHED, at=at(120))
    _take(given, opened, K.REPORTED, at=at(130))
    row = _take(given, opened, K.ARRIVED, at=at(140))
    assert (row["reported_at"], row["dispatched_at"]) == (at(130), at(120))
    row = _take(given, opened, K.CLOSED, at=at(150), reason="handled")
    assert (row["closed_at"], row["due_at"], row["state_reason"]) == (at(150), None, "handled")
    with given.database.reading() as connection:
        assert _steps(connection)[-6:] == [
            ("seen", "new", "seen"),
            ("confirmed", "seen", "confirmed"),
            ("dispatched", "confirmed", "dispatched"),
            ("reported", "dispatched", "dispatched"),
            ("arrived", "dispatched", "on_site"),
            ("closed", "on_site", "closed"),
        ]
        told = connection.execute(sa.select(feed.c.kind, feed.c.payload).order_by(feed.c.id)).all()
    assert [row.kind for row in told][-2:] == ["incident.updated", "incident.closed"]
    assert told[-1].payload["version"] == row["version"] == 5


def test_reopened_it_waits_again(given: Parts, opened: UUID) -> None:
    _take(given, opened, K.DISMISSED, reason="light")
    row = _take(given, opened, K.REOPENED, at=at(200), reason="mistake")
    assert row["state"] == "seen"
    assert row["waiting_from"] == row["seen_at"] == row["due_at"] == at(200)
    assert (row["closed_at"], row["confirmed_at"]) == (None, None)


def test_of_two_one_wins_and_the_other_is_told_who(given: Parts, opened: UUID) -> None:
    _take(given, opened, K.CONFIRMED, version=0)
    with pytest.raises(IncidentChangedError, match=r"li\.wei was faster") as caught:
        _take(given, opened, K.DISMISSED, version=0, actor="wang.fang")
    assert caught.value.params["state"] == "confirmed"
    _take(given, opened, K.NOTED, version=1)
    assert _take(given, opened, K.DISPATCHED, version=1)["version"] == 2


def test_what_is_refused_leaves_nothing(given: Parts, opened: UUID) -> None:
    for kind in (K.DISPATCHED, K.ARRIVED, K.REOPENED):
        with pytest.raises(IncidentStepError):
            _take(given, opened, kind)
    with pytest.raises(UnknownIncidentError):
        _take(given, uuid4(), K.CONFIRMED)
    with given.database.writing() as connection:
        changing.write(connection, opened, {"merged_into": uuid4()})
    with pytest.raises(MergedIncidentError):
        _take(given, opened, K.CONFIRMED)
    with given.database.reading() as connection:
        row = changing.existing(connection, opened)
        assert {action for action, _, _ in _steps(connection)} <= {"opened"}
    assert (row["state"], row["version"], row["seen_at"]) == ("new", 0, None)


def test_a_policy_sees_nothing_for_people(given: Parts, opened: UUID) -> None:
    row = _take(given, opened, K.CONFIRMED, actor="policy:unconfirmed")
    assert (row["seen_at"], row["confirmed_at"]) == (None, at(100))
    row = _take(given, opened, K.ORDER_SENT, actor="target:dispatch", at=at(100) + timedelta(1))
    assert (row["sent_at"], row["version"]) == (at(100) + timedelta(1), 1)
