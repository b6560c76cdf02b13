"""What an alert's revision does to the evidence it names: once, in any order, never another's."""

from datetime import timedelta
from itertools import permutations

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from pipelines.messages import Alert, DeadLetter, EvidenceAbsence, decode
from pipelines.streams import ALERTS_PRIORITY, body
from service import tables
from service.evidence import holds
from service.evidence.models import DEFAULT_DAYS
from tests.service.evidence.kit import Clock, keeper, new_ref, one_row, rows_of, taken, townships
from tests.service.helpers import Parts, alert, at, confirmed

PENDING = EvidenceAbsence.PENDING


def dead(given: Parts) -> list[DeadLetter]:
    entries = given.client.xrange(ALERTS_PRIORITY.dead)
    return [decode(body(entry), DeadLetter) for _, entry in entries]


def revisions(ref: str, *, drill: bool = False) -> list[Alert]:
    return [
        alert(drill=drill, evidence_absent=PENDING),
        alert(drill=drill, revision=2, seen_s=2.0, evidence_ref=ref),
        alert(drill=drill, revision=3, seen_s=9.0, evidence_ref=ref, ended=True),
    ]


@pytest.mark.parametrize("drill", [False, True])
def test_a_row_is_made_once_however_often_it_comes(given: Parts, drill: bool) -> None:
    townships(given)
    ref = new_ref()
    for _ in range(2):
        taken(given, *revisions(ref, drill=drill))
    (row,) = given.rows(tables.evidence)
    (incident,) = given.rows(tables.incidents)
    assert row["ref"] == ref
    assert row["incident_id"] == incident["incident_id"]
    assert (row["camera_id"], row["hazard"], row["removing_at"]) == ("camera-1", "fire", None)
    assert row["made_at"] == at(0.0)
    assert (row["expires_at"] - row["made_at"]).days == DEFAULT_DAYS
    assert given.rows(tables.alerts)[0]["evidence_ref"] == ref
    assert dead(given) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_revisions_in_any_order_leave_one_row(given: Parts, order: tuple[int, ...]) -> None:
    ref = new_ref()
    sent = revisions(ref)
    for number in order:
        taken(given, sent[number])
    assert [row["ref"] for row in given.rows(tables.evidence)] == [ref]
    assert given.rows(tables.alerts)[0]["evidence_ref"] == ref


def test_a_row_has_the_place_of_its_incident(given: Parts) -> None:
    townships(given)
    one = alert(camera_id="here", evidence_ref=new_ref())
    taken(given, one)
    assert one_row(given, one)["place_code"] == given.rows(tables.incidents)[0]["place_code"]
    assert one_row(given, one)["place_code"] is not None


def absences(given: Parts) -> dict[str, str | None]:
    return {row["camera_id"]: row["evidence_absent"] for row in given.rows(tables.alerts)}


def test_an_alert_that_names_another_s_evidence_is_taken_without_it(given: Parts) -> None:
    ref = new_ref()
    one = alert(evidence_ref=ref)
    forged = alert(camera_id="camera-2", evidence_ref=ref)
    fine = alert(camera_id="camera-3", evidence_ref=new_ref())
    with capture_logs() as told:
        taken(given, one, forged, fine)
    assert dead(given) == []
    assert one_row(given, one)["alert_id"] == one.alert_id
    assert absences(given) == {"camera-1": None, "camera-2": "store_failed", "camera-3": None}
    assert len(given.rows(tables.incidents)) == 3
    assert untaken(given, "evidence_taken") == 1
    (line,) = (row for row in told if row["log_level"] == "error")
    assert "camera-2" in line["event"]
    assert "can't be guessed" in line["event"]
    assert ref not in str(told)
    assert confirmed(given.client) == [(str(one_.alert_id), 1) for one_ in (one, forged, fine)]
    taken(given, alert(10.0, camera_id="camera-1", evidence_ref=ref))  # nor of the same camera
    assert untaken(given, "evidence_taken") == 2
    assert one_row(given, one)["alert_id"] == one.alert_id


def untaken(given: Parts, reason: str) -> float:
    return given.count("fengsui_evidence_untaken_total", reason=reason)


def test_an_alert_goes_on_and_ends_whatever_it_names(given: Parts) -> None:
    ref = new_ref()
    taken(given, alert(camera_id="camera-2", evidence_ref=ref))
    taken(given, alert(evidence_absent=PENDING))
    taken(given, alert(revision=2, seen_s=5.0, evidence_ref=ref))
    taken(given, alert(revision=3, seen_s=9.0, evidence_ref=ref, ended=True))
    row = next(one for one in given.rows(tables.incidents) if one["camera_id"] == "camera-1")
    assert (row["last_seen_at"], row["ended_at"]) == (at(9.0), at(9.0))
    assert absences(given)["camera-1"] == "store_failed"


@pytest.mark.parametrize("drill", [False, True])
def test_what_the_database_can_t_read_or_write_costs_the_picture_alone(
    given: Parts, drill: bool
) -> None:
    rule = sa.insert(tables.evidence_rules)
    ref = new_ref()
    if drill:  # whose evidence has to move
        taken(given, alert(drill=True, evidence_ref=ref))
    with given.database.writing() as connection:  # no rule of ours: nothing keeps for so long
        connection.execute(rule.values(id=1, hazard=None, place_code=None, days=365))
    taken(given, alert(evidence_ref=ref if drill else new_ref()))
    assert dead(given) == []
    assert untaken(given, "unprocessable") == 1
    real = next(one for one in given.rows(tables.incidents) if not one["drill"])
    (row,) = given.rows(tables.alerts)
    assert row["incident_id"] == real["incident_id"]
    assert row["evidence_absent"] == (None if drill else "store_failed")


def test_a_picture_that_replaces_another_leaves_both_to_be_deleted(given: Parts) -> None:
    first, second = new_ref(), new_ref()
    taken(given, alert(evidence_ref=first), alert(revision=2, evidence_ref=second))
    assert {row["ref"] for row in given.rows(tables.evidence)} == {first, second}
    assert given.rows(tables.alerts)[0]["evidence_ref"] == second


def test_evidence_of_an_overruled_drill_follows_into_the_real_incident(given: Parts) -> None:
    townships(given)
    ref = new_ref()
    taken(given, alert(camera_id="here", drill=True, revision=2, evidence_ref=ref))
    (drill,) = given.rows(tables.incidents)
    taken(given, alert(camera_id="here", evidence_absent=PENDING))  # older, and real
    row = rows_of(given, ref)[0]
    real = next(one for one in given.rows(tables.incidents) if not one["drill"])
    assert row["incident_id"] == real["incident_id"] != drill["incident_id"]
    assert row["place_code"] == real["place_code"]
    taken(given, alert(camera_id="here", revision=2, evidence_ref=ref))
    assert [one["ref"] for one in given.rows(tables.evidence)] == [ref]
    assert given.rows(tables.alerts)[0]["evidence_ref"] == ref


def test_a_hold_goes_along_with_an_overruled_drill(given: Parts) -> None:
    ref = new_ref()
    taken(given, alert(drill=True, evidence_ref=ref))
    (drill,) = given.rows(tables.incidents)
    with given.database.writing() as connection:
        connection.execute(
            tables.evidence_holds.insert().values(
                incident_id=drill["incident_id"], held_by="x", reason="case 7", held_at=at(0)
            )
        )
    taken(given, alert(evidence_ref=ref))
    real = next(one for one in given.rows(tables.incidents) if not one["drill"])
    held = {row["incident_id"]: row["held_by"] for row in given.rows(tables.evidence_holds)}
    assert held == {drill["incident_id"]: "x", real["incident_id"]: "x"}
    (entry,) = given.rows(tables.audit)
    assert (entry["action"], entry["actor"]) == ("evidence.held", holds.OVERRULED)


def test_what_is_gone_does_not_come_back_with_a_late_revision(given: Parts) -> None:
    clock, ref = Clock(), new_ref()
    taken(given, alert(evidence_ref=ref))
    clock.go_to(rows_of(given, ref)[0]["expires_at"] + timedelta(seconds=1))
    made = keeper(given, clock)
    made.mark()
    taken(given, alert(revision=2, seen_s=5.0, evidence_ref=ref))  # being deleted
    assert given.rows(tables.alerts)[0]["evidence_absent"] == "expired"
    made.delete()
    taken(given, alert(revision=3, seen_s=6.0, evidence_ref=ref))  # deleted
    assert rows_of(given, ref) == []
    (row,) = given.rows(tables.alerts)
    assert (row["evidence_ref"], row["evidence_absent"]) == (None, "expired")
    taken(given, alert(camera_id="camera-2", evidence_ref=ref))
    assert absences(given) == {"camera-1": "expired", "camera-2": "store_failed"}
    assert untaken(given, "evidence_taken") == 1


def test_its_time_runs_from_what_it_shows_not_from_when_it_came(given: Parts) -> None:
    days = 40 * 24 * 3600.0
    one = alert(-days, evidence_ref=new_ref())  # out of a spool that was cut off
    on = alert(-days, seen_s=0.0, camera_id="on", revision=500, evidence_ref=new_ref())
    taken(given, one, on)
    for late in (one, on):
        assert one_row(given, late)["made_at"] == late.first_seen_at
    keeper(given, Clock()).mark()
    assert absences(given) == {"camera-1": "expired", "on": "expired"}
