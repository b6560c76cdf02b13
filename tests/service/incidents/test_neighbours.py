"""What several cameras see belongs together: by distance, by upstream, and never for vehicles."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from pipelines.messages import Alert, AlertDetail, CameraFault, EvidenceAbsence
from service import tables
from service.accounts.principal import Principal
from service.accounts.roles import Role
from service.database import Database
from service.dispatch.targets import TargetBook
from service.evidence.rows import of_incident
from service.incidents import changing, store, views
from service.incidents.history import Step
from service.incidents.lifecycle import StepKind
from service.incidents.merge import BY_DISTANCE, Candidate, Spot, distance_m, home, opened_by
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings
from tests.service.estate import FOREIGN, OWN, TREE, camera_row
from tests.service.helpers import Parts, alert, at, migrated, settings_for
from vision.hazards import OF_VEHICLES, Hazard, Severity

METRE = 1 / 111_195.08
"""In degrees of latitude."""

LOST, COVERED = (AlertDetail(fault=one) for one in (CameraFault.LOST, CameraFault.COVERED))


def put(database: Database, stand_m: dict[str, float], code: str = OWN, **changes: Any) -> None:
    """Register cameras that stand this far to the north of the first."""
    with database.writing() as connection:
        known = connection.execute(sa.select(tables.places.c.code)).scalars().all()
        for place, parent, level, name, path in TREE:
            if place not in known:
                values = {"parent_code": parent, "level": level, "name": name, "path": path}
                connection.execute(sa.insert(tables.places).values(code=place, **values))
        for name, north_m in stand_m.items():
            row = {**camera_row(name, code), "wgs84_latitude": 30.2 + north_m * METRE, **changes}
            row["main_url"] = f"rtsp://192.0.2.1:{60000 + int(north_m / 10)}/main"  # or none
            connection.execute(sa.insert(tables.cameras).values(**row))


def fault(name: str, onset_s: float = 0.0, detail: AlertDetail = LOST, **how: Any) -> Alert:
    return alert(onset_s, camera_id=name, hazard=Hazard.CAMERA_FAULT, detail=detail, **how)


def groups(given: Parts) -> list[list[str]]:
    """Return the cameras of each incident, by its alerts."""
    found: defaultdict[Any, list[str]] = defaultdict(list)
    for row in given.rows(tables.alerts):
        found[row["incident_id"]].append(row["camera_id"])
    return sorted(sorted(set(one)) for one in found.values())


def told(given: Parts, *sent: Alert) -> list[list[str]]:
    given.send(*sent)
    given.consumer.step()
    return groups(given)


def test_a_fire_that_neighbours_see_is_one_incident_of_both_places(given: Parts) -> None:
    put(given.database, {"a": 0.0, "c": 590.0, "far": 1200.0})
    put(given.database, {"b": 295.0}, code=FOREIGN)
    sent = [alert(float(n), camera_id=name) for n, name in enumerate(("a", "b", "c", "far"))]
    assert told(given, *sent, alert(9.0, camera_id="b", zone_id="gate")) == [
        ["a", "b", "c"],
        ["far"],
    ]
    first = min(given.rows(tables.incidents), key=lambda row: row["first_seen_at"])
    assert (first["camera_id"], first["place_code"]) == ("a", OWN)
    assert (first["wgs84_latitude"], first["waiting_from"]) == (30.2, first["opened_at"])
    mine = [r["place_code"] for r in given.rows(tables.incident_places)
            if r["incident_id"] == first["incident_id"]]  # fmt: skip
    assert sorted(mine) == [OWN, FOREIGN]
    with given.database.reading() as connection:
        for code, number in ((OWN, 2), (FOREIGN, 1), ("330106", 2), ("330199", 0)):
            assert len(views.by_id(connection, incident_ids(given), viewer(code))) == number
        (view,) = views.by_id(connection, [first["incident_id"]])
    assert (view["alerts"], view["camera_count"]) == (4, 3)
    assert view["cameras"][:2] == [
        {"camera_id": "a", "alerts": 1},
        {"camera_id": "b", "alerts": 2},
    ]
    (event,) = [
        one for one in given.rows(tables.feed) if one["payload"]["camera_count"] == 3
    ]  # told once for the whole batch
    assert event["kind"] == "incident.opened"


def viewer(code: str) -> Principal:
    return Principal(
        account_id=UUID(int=1),
        login="viewer",
        role=Role.VIEWER,
        permissions=frozenset(),
        paths=(f"/0/330100/{code}/",),
    )


def incident_ids(given: Parts) -> list[UUID]:
    return [row["incident_id"] for row in given.rows(tables.incidents)]


def test_a_picture_stays_with_the_places_of_its_own_camera(lone: Parts) -> None:
    put(lone.database, {"a": 0.0})
    put(lone.database, {"b": 10.0}, code=FOREIGN)
    refs = {"a": "a" * 32, "b": "b" * 32}
    told(lone, *(alert(camera_id=name, evidence_ref=ref) for name, ref in refs.items()))
    (incident,) = incident_ids(lone)
    with lone.database.reading() as connection:
        for code, ref in ((OWN, refs["a"]), (FOREIGN, refs["b"])):
            found = of_incident(connection, viewer(code), incident, at(0), 50)
            assert [row["ref"] for row in found] == [ref]


@pytest.mark.parametrize("hazard", sorted(Hazard))
def test_who_joins_by_distance_and_zone(lone: Parts, hazard: Hazard) -> None:
    put(lone.database, {"a": 0.0, "b": 100.0})
    sent = (
        alert(camera_id="a", hazard=hazard),
        alert(1.0, camera_id="b", hazard=hazard),
        alert(2.0, camera_id="a", hazard=hazard, zone_id="gate"),
    )
    told(lone, *sent)
    expected = 1 if hazard in BY_DISTANCE else 3 if hazard in OF_VEHICLES else 2
    assert len(incident_ids(lone)) == expected


@drawn(
    st.sampled_from(sorted(OF_VEHICLES)),
    st.floats(0, 1e9),
    st.floats(0, 1e9),
    st.sampled_from([("a", "gate"), ("b", "all"), ("b", "gate")]),
)
def test_no_setting_lets_anything_follow_a_vehicle(
    hazard: Hazard, gap_s: float, far_m: float, other: tuple[str, str]
) -> None:
    reach = ServiceSettings(
        redis_url="redis://x", database_url="sqlite://",
        merge_gap_s=gap_s, merge_gaps_s={hazard: gap_s},
        merge_distance_m=far_m, merge_distances_m={hazard: far_m},
    )  # fmt: skip
    spots = {
        name: Spot(camera_id=name, place_code=OWN, wgs84_longitude=120.0, wgs84_latitude=30.0,
                   upstream="switch")
        for name in "ab"
    }  # fmt: skip
    opened = opened_by(alert(camera_id="a", hazard=hazard), spots["a"], at(0))
    camera, zone = other
    later = alert(1.0, camera_id=camera, zone_id=zone, hazard=hazard, detail=LOST)
    assert (
        home(later, spots[camera], [Candidate(incident=opened, spots=dict(spots))], reach) is None
    )


def test_drills_and_unknown_positions_stay_alone(lone: Parts) -> None:
    put(lone.database, {"a": 0.0, "b": 10.0})
    drills = [alert(float(n), camera_id=name, drill=True) for n, name in enumerate("ab")]
    strange = [alert(float(n), camera_id=name) for n, name in enumerate(("x", "y", "x"))]
    told(lone, *drills, *strange)
    assert groups(lone) == [["a"], ["b"], ["x"], ["y"]]


@pytest.mark.parametrize(("far_m", "number"), [(0.0, 2), (99.0, 2), (101.0, 1), (1e7, 1)])
def test_the_distance_is_a_setting_a_hazard(lone: Parts, far_m: float, number: int) -> None:
    put(lone.database, {"a": 0.0, "b": 100.0})
    lone.consumer._settings = replace(lone.settings, merge_distances_m={Hazard.FIRE: far_m})
    told(lone, alert(camera_id="a"))
    told(lone, alert(1.0, camera_id="b"))
    assert len(incident_ids(lone)) == number


def test_distances_are_those_on_the_globe() -> None:
    def spot(longitude: float | None, latitude: float | None) -> Spot:
        return Spot(camera_id="x", wgs84_longitude=longitude, wgs84_latitude=latitude)

    assert distance_m(spot(120, 30), spot(120, 31)) == pytest.approx(111_195, abs=1)
    assert distance_m(spot(120, 60), spot(121, 60)) == pytest.approx(55_597, rel=1e-3)
    assert distance_m(spot(179.999, 0), spot(-179.999, 0)) == pytest.approx(222, abs=1)
    assert distance_m(spot(120, 30), spot(None, None)) is None


def test_a_failing_switch_is_one_incident(given: Parts) -> None:
    names = [f"camera-{number:03}" for number in range(60)]
    put(given.database, {name: 1000.0 * n for n, name in enumerate(names)}, upstream="汇聚 1")
    put(given.database, {"other": 5e4}, upstream="汇聚 2")
    onsets = [float(number % 100) for number in range(60)]
    sent = [fault(name, onset) for name, onset in zip(names, onsets, strict=True)]
    sent = sent[37:] + sent[:37]
    assert told(given, *sent, fault("other"), fault("camera-007", detail=COVERED)) == sorted(
        [names, ["camera-007"], ["other"]]
    )
    opened, decided = (
        one for one in given.rows(tables.feed) if one["payload"]["camera_count"] == 60
    )
    assert (opened["kind"], decided["payload"]["state"]) == ("incident.opened", "dispatched")
    assert len(opened["payload"]["cameras"]) == 20
    # Sent without a person, once.
    orders = [row for row in given.rows(tables.orders) if row["kind"] == "order"]
    assert len(orders) == len(incident_ids(given)) == 3
    assert {row["decided_by"] for row in orders} == {"policy:unconfirmed"}


def test_one_long_dead_camera_swallows_no_later_fault(lone: Parts) -> None:
    put(lone.database, {name: 1000.0 * n for n, name in enumerate("abcd")}, upstream="switch")
    told(lone, fault("a", -9000.0), fault("b", -9000.0))
    # One stays dead, the other came back, and now something new fails.
    told(lone, fault("a", -9000.0, seen_s=0.0, revision=2))
    assert told(lone, fault("b", 0.0), fault("c", 5.0)) == [["a", "b"], ["b", "c"]]
    # What flaps is one thing.
    assert told(lone, fault("c", 300.0), fault("b", 301.0)) == [["a", "b"], ["b", "c"]]


def test_severity_rises_and_state_stays(lone: Parts) -> None:
    put(lone.database, {"a": 0.0, "b": 10.0})
    told(lone, replace_severity(alert(camera_id="a"), "moderate"))
    (incident,) = incident_ids(lone)
    with lone.database.writing() as connection:
        step = Step(kind=StepKind.CONFIRMED, actor="li.wei", at=at(5))
        changing.take(connection, incident, step)
    told(lone, alert(1.0, camera_id="b"))
    (row,) = lone.rows(tables.incidents)
    assert (row["severity"], row["state"], row["state_by"]) == ("extreme", "confirmed", "li.wei")


def replace_severity(one: Alert, severity: str) -> Alert:
    return msgspec.structs.replace(one, severity=Severity(severity))


def test_the_history_begins_with_the_opening(given: Parts) -> None:
    told(given, alert(drill=True), alert(camera_id="camera-2"))
    steps: defaultdict[UUID, list[tuple[str, str, str | None]]] = defaultdict(list)
    for row in sorted(given.rows(tables.incident_steps), key=lambda row: row["id"]):
        steps[row["incident_id"]].append((row["action"], row["actor"], row["from_state"]))
    by_drill = {row["drill"]: row for row in given.rows(tables.incidents)}
    drill, real = by_drill[True], by_drill[False]
    assert steps[real["incident_id"]] == [("opened", "policy:intake", None)]
    assert steps[drill["incident_id"]] == [
        ("opened", "policy:intake", None),
        ("confirmed", "policy:drill", "new"),
        ("dispatched", "policy:drill", "confirmed"),
    ]
    assert (real["due_at"], drill["due_at"]) == (real["opened_at"], None)
    assert (real["seen_at"], drill["seen_at"]) == (None, None)
    assert drill["confirmed_at"] == drill["dispatched_at"] == drill["opened_at"]
    told(given, alert(drill=True, revision=2, seen_s=5.0, ended=True))
    told(given, alert(15.0, drill=True))
    last = sorted(given.rows(tables.incident_steps), key=lambda row: row["id"])[-2:]
    assert [(row["action"], row["actor"]) for row in last] == [
        ("closed", "policy:drill"),
        ("resumed", "policy:drill"),
    ]


STAND = {f"camera-{number}": 200.0 * number for number in range(6)}
"""Each is within reach of the next and not of the one after."""

SEEN = st.lists(
    st.tuples(st.sampled_from(sorted(STAND)), st.sampled_from([0, 10, 40, 60, 2000])),
    min_size=1,
    max_size=6,
    unique=True,
)


def partition(sent: Iterable[Sequence[Alert]]) -> frozenset[frozenset[UUID]]:
    """Return which alerts belong together after these batches."""
    with TemporaryDirectory() as folder, migrated(Path(folder)) as database:
        put(database, STAND)
        book = TargetBook(None, client=None, metrics=ServiceMetrics(CollectorRegistry()))  # type: ignore[arg-type]
        rules = settings_for("redis://x", Path(folder), merge_gap_s=30.0)
        for batch in sent:
            with database.writing() as connection:
                store.take(connection, rules, batch, at(3000), book)
        with database.reading() as connection:
            rows = connection.execute(
                sa.select(tables.alerts.c.incident_id, tables.alerts.c.alert_id)
            ).all()
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for row in rows:
        found[row.incident_id].add(row.alert_id)
    return frozenset(map(frozenset, found.values()))


def hang_together(one: Alert, other: Alert) -> bool:
    apart_m = abs(STAND[one.camera_id] - STAND[other.camera_id])
    return apart_m <= 300 and abs((one.first_seen_at - other.first_seen_at).total_seconds()) <= 30


@settings(max_examples=12, deadline=None)
@drawn(SEEN, st.randoms(use_true_random=False), st.integers(1, 5))
def test_neither_repetition_nor_batches_change_what_belongs_together(
    seen: list[tuple[str, int]], chance: random.Random, size: int
) -> None:
    sent = [alert(float(onset), camera_id=name) for name, onset in seen]
    often: list[Alert] = []
    for number, one in enumerate(sent):
        often += [one, *chance.choices(sent[: number + 1], k=chance.randint(0, 2))]
    batches = [often[start : start + size] for start in range(0, len(often), size)]
    assert partition(batches) == partition([[one] for one in sent])


@settings(max_examples=12, deadline=None)
@drawn(SEEN, st.randoms(use_true_random=False))
def test_in_any_order_what_is_together_hangs_together(
    seen: list[tuple[str, int]], chance: random.Random
) -> None:
    """In a chain, whoever comes first decides where it is cut; nothing strange gets in."""
    sent = [alert(float(onset), camera_id=name) for name, onset in seen]
    chance.shuffle(sent)
    by_id = {one.alert_id: one for one in sent}
    parts = partition([sent])
    assert sorted(one for part in parts for one in part) == sorted(by_id)
    for part in parts:
        reached = {next(iter(part))}
        while more := {
            one for one in part - reached
            if any(_linked(by_id[one], by_id[other], part, by_id) for other in reached)
        }:  # fmt: skip
            reached |= more
        assert reached == part
    if all(hang_together(one, other) for one, other in combinations(sent, 2)):
        assert len(parts) == 1


def _linked(one: Alert, other: Alert, part: frozenset[UUID], by_id: dict[UUID, Alert]) -> bool:
    """Near by their cameras, and in time with anything of the incident."""
    near = abs(STAND[one.camera_id] - STAND[other.camera_id]) <= 300
    times: list[datetime] = [by_id[each].first_seen_at for each in part if by_id[each] is not one]
    gaps = (abs((one.first_seen_at - time).total_seconds()) for time in times)
    return near and min(gaps, default=0.0) <= 30


def test_a_batch_takes_few_statements_however_many_alerts(given: Parts) -> None:
    count = 0

    def counted(*_: Any) -> None:
        nonlocal count
        count += 1

    sa.event.listen(given.database.engine, "before_cursor_execute", counted)
    for number, revision in ((90, 1), (90, 2)):
        given.send(
            *(
                alert(camera_id=f"c{one}", hazard=Hazard.OBSTRUCTION, revision=revision)
                for one in range(number)
            )
        )
        count = 0
        given.consumer.step()
        assert count <= 25
    assert len(incident_ids(given)) == 90


def test_evidence_known_already_takes_no_statements(lone: Parts) -> None:
    """Every revision names the picture again."""
    sent = [alert(camera_id=f"c{one}", evidence_ref=f"{one:032}") for one in range(40)]
    told(lone, *sent)
    assert len(lone.rows(tables.evidence)) == 40
    gone = alert(camera_id="c0", revision=2, evidence_absent=EvidenceAbsence.EXPIRED)
    assert told(lone, gone)
    assert len(lone.rows(tables.evidence)) == 40
