"""Merged and split by hand: what goes along, what stays, and what may never be joined."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from pipelines.messages import incident_id
from service import tables
from service.duty import looking
from service.incidents import changing, store
from service.incidents.joining import living
from tests.service.estate import FOREIGN, OWN
from tests.service.helpers import Parts, alert, at
from tests.service.incidents.kit import ELSEWHERE, HERE, NEXT, Centre, centre
from vision.hazards import OF_VEHICLES, Hazard


@pytest.fixture
def at_work(given: Parts) -> Iterator[Centre]:
    with centre(given) as made:
        yield made


@pytest.fixture
def quick(lone: Parts) -> Iterator[Centre]:
    """On SQLite: for what has nothing to do with the kind of database."""
    with centre(lone) as made:
        yield made


def _evidence(work: Centre, ref: str) -> tuple[UUID, str | None]:
    query = sa.select(tables.evidence).where(tables.evidence.c.ref == ref)
    with work.given.database.reading() as connection:
        row = connection.execute(query).one()
    return row.incident_id, row.place_code


def test_two_become_one_with_all_that_belongs_to_them(at_work: Centre) -> None:
    ref = token_urlsafe(24)
    near, far = alert(seen_s=5), alert(20, seen_s=60, camera_id=ELSEWHERE, evidence_ref=ref)
    into, left = at_work.opened(near), at_work.opened(far)
    at_work.act(left, "assign", "chief", assignee=str(at_work.people["zhao.min"].account_id))
    assert at_work.refused(left, "merge", "li.wei", into=str(into)) == "unknown_incident"
    assert at_work.refused(left, "merge", "chief", into=str(into), into_version=9) == (
        "incident_changed"
    )
    before = at_work.row(left)
    whole = at_work.act(left, "merge", "chief", into=str(into), into_version=0, note="one fire")
    assert (whole["merged_into"], whole["state"], whole["alerts"]) == (str(into), "closed", [])
    assert (whole["state_reason"], whole["assigned_to"]) == ("merged", None)
    row = at_work.row(into)
    assert (row["state"], row["first_seen_at"], row["last_seen_at"]) == ("seen", at(0), at(60))
    assert row["waiting_from"] <= before["waiting_from"]
    assert at_work.places(into) == {OWN, FOREIGN}
    assert _evidence(at_work, ref) == (into, FOREIGN)
    assert at_work.steps(left)[-1]["detail"] == {"into": str(into)}
    told = at_work.steps(into)[-1]
    assert (told["action"], told["note"], told["detail"]["from"]) == (
        "merged",
        "one fire",
        str(left),
    )
    assert at_work.audit(left)[-1][0] == "incident.merged"
    # Both townships see it now, and what comes later goes where the alert is.
    assert at_work.act(into, "see", "zhao.min")["alerts"]
    assert at_work.opened(alert(20, seen_s=90, revision=2, camera_id=ELSEWHERE)) == into
    assert at_work.row(into)["last_seen_at"] == at(90)
    for action, more in (("confirm", {}), ("reopen", {"reason": "again"})):
        assert at_work.refused(left, action, "chief", **more) == "incident_merged"
    assert at_work.refused(into, "merge", "chief", into=str(left)) == "incident_merged"
    at_work.act(left, "note", "chief", note="still here")
    third = at_work.opened(alert(9000))
    at_work.act(into, "merge", "chief", into=str(third))
    with at_work.given.database.reading() as connection:
        assert living(connection, left) == living(connection, into) == third
        payloads = connection.execute(
            sa.select(tables.feed.c.payload).order_by(tables.feed.c.id.desc()).limit(2)
        ).scalars()
        newest = {one["incident_id"]: one for one in payloads}
    assert newest[str(into)]["merged_into"] == str(third)
    assert newest[str(third)]["alerts"] == 3
    assert not at_work.faults()


def test_whoever_is_on_the_way_stays_so_and_nobody_s_lateness_goes(quick: Centre) -> None:
    late, sent = quick.opened(alert()), quick.opened(alert(9000))
    long_ago = datetime.now(UTC) - timedelta(minutes=20)
    with quick.given.database.writing() as connection:
        connection.execute(
            sa.update(tables.incidents)
            .where(tables.incidents.c.incident_id == late)
            .values(waiting_from=long_ago)
        )
    quick.act(sent, "confirm")
    orders = quick.act(sent, "dispatch", targets=["dispatch"])["orders"]
    quick.act(sent, "arrive")
    before = quick.row(sent)
    quick.act(sent, "merge", into=str(late))
    row = quick.row(late)
    assert (row["state"], row["waiting_from"]) == ("on_site", long_ago)
    for name in ("seen_at", "confirmed_at", "dispatched_at", "reported_at"):
        assert row[name] == before[name], name
    assert quick.kinds(late)[1:] == ["seen", "merged", "confirmed", "dispatched", "arrived"]
    # What was ordered stays ordered: no word of an end goes to the crew, none is called twice.
    rows = quick.given.rows(tables.orders)
    assert [(str(one["order_id"]), one["kind"], one["state"]) for one in rows] == [
        (orders[0]["order_id"], "order", "waiting"),
        *[(str(one["order_id"]), "update", "waiting") for one in rows[1:]],
    ]
    assert not quick.faults()


def test_what_may_never_be_one(quick: Centre) -> None:
    def refused(one: UUID, other: UUID, **more: int) -> str:
        return quick.refused(one, "merge", "chief", into=str(other), **more)

    fire, smoke = quick.opened(alert()), quick.opened(alert(hazard=Hazard.SMOKE))
    assert refused(fire, fire) == "merge_itself"
    assert refused(fire, smoke) == "merge_hazards"
    drill = quick.opened(alert(1, drill=True))
    assert refused(drill, fire) == refused(fire, drill) == "merge_drill"
    for number, hazard in enumerate(sorted(OF_VEHICLES)):
        here = quick.opened(alert(number, hazard=hazard, zone_id="lane"))
        beside = quick.opened(alert(number + 50, hazard=hazard, zone_id="gate"))
        there = quick.opened(alert(number, hazard=hazard, zone_id="lane", camera_id=NEXT))
        assert {refused(here, beside), refused(here, there), refused(there, here)} == {
            "merge_vehicles"
        }
        later = quick.opened(alert(number + 9000, hazard=hazard, zone_id="lane"))
        quick.act(later, "merge", into=str(here))
    quick.act(smoke, "close", reason="over")
    gone = quick.opened(alert(9000, hazard=Hazard.SMOKE))
    assert refused(gone, smoke) == refused(smoke, gone) == "incident_step_refused"
    assert quick.row(gone)["state"] == "new"
    assert not quick.faults()


def test_what_was_never_one_is_parted_again(at_work: Centre) -> None:
    ref = token_urlsafe(24)
    first, second = alert(seen_s=5, score=0.9), alert(10, seen_s=20, evidence_ref=ref)
    away = alert(9000, camera_id=ELSEWHERE, score=0.7)
    one = at_work.opened(first)
    assert at_work.opened(second) == one
    other = at_work.opened(away)
    at_work.act(other, "merge", "chief", into=str(one))
    at_work.act(one, "confirm", "chief")
    chosen = [str(second.alert_id), str(away.alert_id)]
    for alerts, code in (
        ([*chosen, str(uuid4())], "split_foreign"),
        ([*chosen, str(first.alert_id)], "split_all"),
    ):
        assert at_work.refused(one, "split", "chief", alerts=alerts) == code
    at_work.act(one, "split", "chief", alerts=[str(away.alert_id)])
    # The merged one has the id that follows from the alert: this one's follows from that.
    new = UUID(at_work.steps(one)[-1]["detail"]["into"])
    assert new == incident_id(incident_id(away.alert_id)) != other
    row = at_work.row(new)
    assert (row["state"], row["camera_id"], row["place_code"]) == ("seen", ELSEWHERE, FOREIGN)
    assert (row["score"], row["version"], row["wgs84_longitude"]) == (0.7, 1, 120.12)
    assert row["seen_at"] == row["waiting_from"] <= row["due_at"]
    assert (at_work.places(one), at_work.places(new)) == ({OWN}, {FOREIGN})
    assert (at_work.row(one)["state"], at_work.row(one)["score"]) == ("confirmed", 0.9)
    assert at_work.row(one)["last_seen_at"] == at(20)
    at_work.act(one, "split", alerts=[str(first.alert_id)])
    parted = UUID(at_work.steps(one)[-1]["detail"]["into"])
    assert (at_work.of(first), at_work.of(second)) == (parted, one)
    assert _evidence(at_work, ref)[0] == one
    assert at_work.kinds(parted) == ["opened", "seen"]
    assert at_work.refused(one, "split", alerts=[str(second.alert_id)]) == "split_all"
    assert at_work.opened(alert(seen_s=30, revision=2)) == parted
    with at_work.given.database.reading() as connection:
        query = sa.select(tables.feed.c.kind).where(tables.feed.c.incident_id == parted)
        assert connection.execute(query.order_by(tables.feed.c.id)).scalars().first() == (
            "incident.opened"
        )
    assert not at_work.faults()


def test_what_leaves_a_place_leaves_its_people_too(quick: Centre) -> None:
    here, away = quick.opened(alert()), quick.opened(alert(9000, camera_id=ELSEWHERE))
    quick.act(here, "merge", "chief", into=str(away))
    mine = str(quick.people["li.wei"].account_id)
    quick.act(away, "assign", assignee=mine)
    cursor = quick.clients["chief"].get("/api/incidents").json()["feed_cursor"]
    quick.act(away, "split", "chief", alerts=[str(alert().alert_id)])
    told = {}
    for login, client in quick.clients.items():
        events = client.get("/api/feed/events", params={"after": cursor}).json()["events"]
        told[login] = [one["kind"] for one in events if one["incident"]["incident_id"] == str(away)]
        left = [one["incident"] for one in events if one["kind"] == "incident.left"]
        assert [one["assigned_to"] for one in left] == [mine] * len(left)  # as it was before
    assert told["li.wei"] == told["sun.yu"] == ["incident.left"]
    assert told["zhao.min"] == told["chief"] == ["incident.updated"]
    assert quick.row(away)["assigned_to"] is None
    assert quick.kinds(away)[-2:] == ["split", "assigned"]
    assert quick.clients["li.wei"].get(f"/api/incidents/{away}").status_code == 404
    # Whoever may still handle what stays keeps it.
    more = quick.opened(alert(40_000), alert(40_010, seen_s=40_020))
    quick.act(more, "assign", assignee=mine)
    quick.act(more, "split", alerts=[str(alert(40_010).alert_id)])
    assert str(quick.row(more)["assigned_to"]) == mine
    assert not quick.faults()


def test_nobody_is_late_twice_for_what_became_one(quick: Centre) -> None:
    late, into = quick.opened(alert()), quick.opened(alert(9000))
    since = quick.row(late)["waiting_from"]

    def looked(seconds: float) -> list[tuple[UUID, str]]:
        now = since + timedelta(seconds=seconds)
        with quick.given.database.writing() as connection:
            looking.look_at(connection, [late, into], now, ZoneInfo("Asia/Shanghai"))
        rows = quick.given.rows(tables.incident_breaches)
        return sorted((one["incident_id"], one["clock"]) for one in rows)

    with quick.given.database.writing() as connection:
        changing.write(connection, into, {"waiting_from": since + timedelta(seconds=50)})
    assert looked(65) == [(late, "seen")]
    quick.times.append(since + timedelta(seconds=65))
    quick.act(late, "merge", into=str(into))
    assert looked(70) == sorted([(late, "seen"), (into, "seen")])
    assert quick.row(into)["escalations"] == 0
    told = [one for one in quick.steps(into) if one["action"] in {"breached", "escalated"}]
    assert told == []


def test_a_drill_is_never_parted_and_goes_on_where_it_stood(quick: Centre) -> None:
    first, second = alert(drill=True), alert(15, seen_s=20, drill=True)
    drill = quick.opened(first, second)
    assert quick.refused(drill, "split", alerts=[str(second.alert_id)]) == "split_drill"
    quick.act(drill, "close", reason="over")
    quick.act(drill, "reopen", reason="mistake")
    assert quick.row(drill)["dispatched_at"] is None
    ended = [replace(one, revision=2, ended_at=at(30)) for one in (first, second)]
    quick.opened(*ended)
    assert quick.row(drill)["state"] == "closed"
    quick.opened(replace(second, revision=3, last_seen_at=at(40)))
    assert quick.row(drill)["state"] == "seen"
    assert quick.kinds(drill)[-2:] == ["closed", "resumed"]

    def silent(ago_s: float) -> int:
        now = datetime.now(UTC)
        with quick.given.database.writing() as connection:
            return store.close_silent_drills(connection, now - timedelta(seconds=ago_s), now)

    assert silent(300) == 0  # somebody has just opened it again
    assert silent(-60) == 1
    assert quick.row(drill)["state"] == "closed"
    assert not quick.faults()


def test_a_second_click_joins_and_parts_nothing_more(quick: Centre) -> None:
    into, left = quick.opened(alert()), quick.opened(alert(9000))
    for _ in range(2):
        quick.act(left, "merge", into=str(into), version=0)
    other = quick.opened(alert(30_000))
    assert quick.refused(left, "merge", into=str(other), version=0) == "incident_merged"
    moved = str(alert(9000).alert_id)
    for _ in range(2):
        quick.act(into, "split", alerts=[moved], version=1)
    assert quick.kinds(into) == ["opened", "seen", "merged", "split"]
    assert len(quick.given.rows(tables.incidents)) == 4
    assert not quick.faults()


def test_an_incident_whose_first_camera_s_alerts_left_is_the_others(quick: Centre) -> None:
    here, there = alert(), alert(9000, camera_id=NEXT)
    one, other = quick.opened(here), quick.opened(there)
    quick.act(other, "merge", into=str(one))
    quick.act(one, "split", alerts=[str(here.alert_id)])
    assert quick.row(one)["camera_id"] == NEXT
    assert quick.row(quick.of(here))["camera_id"] == HERE
    assert {row["camera_id"] for row in quick.given.rows(tables.incident_cameras)} == set()
    assert not quick.faults()


def test_a_legal_hold_goes_wherever_its_pictures_go(quick: Centre) -> None:
    ref = token_urlsafe(24)
    held, into = quick.opened(alert(evidence_ref=ref)), quick.opened(alert(9000))
    answer = quick.clients["chief"].put(
        f"/api/incidents/{held}/evidence/hold", json={"reason": "case 7"}
    )
    assert answer.status_code in {200, 403}, answer.text
    with quick.given.database.writing() as connection:
        connection.execute(sa.delete(tables.evidence_holds))
        connection.execute(
            sa.insert(tables.evidence_holds).values(
                incident_id=held, held_by="chief", reason="case 7", held_at=datetime.now(UTC)
            )
        )
    quick.act(held, "merge", into=str(into))
    quick.act(into, "split", alerts=[str(alert().alert_id)])
    (new,) = {quick.of(alert())}
    holds = {row["incident_id"] for row in quick.given.rows(tables.evidence_holds)}
    assert {into, new} <= holds
    assert _evidence(quick, ref)[0] == new


def test_hundreds_of_alerts_move_at_once_and_briefly(at_work: Centre) -> None:
    many = [alert(number, score=0.5) for number in range(300)]
    one, other = at_work.opened(*many), at_work.opened(alert(9000))
    began = datetime.now(UTC)
    at_work.act(one, "merge", into=str(other))
    ids = [str(one.alert_id) for one in many]
    at_work.act(other, "split", alerts=ids)
    assert datetime.now(UTC) - began < timedelta(seconds=3)  # each may take 0.3 s by itself
    assert at_work.row(at_work.of(many[0]))["state"] == "seen"
    assert not at_work.faults()
