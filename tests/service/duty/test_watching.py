"""The clock thread: each breach once, one level after another, by nobody's leave but time's."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service import tables
from service.accounts.roles import Role
from service.database import Database
from service.duty import rosters
from service.duty.watching import BATCH
from service.feed import log
from service.incidents.lifecycle import StepKind
from tests.service.duty.kit import (
    CELL,
    CITY,
    COUNTY,
    LAST_YEAR,
    START,
    VILLAGE,
    World,
    after,
    at_night,
)
from tests.service.estate import FOREIGN, OWN
from tests.service.helpers import ON_SQLITE, opened
from tests.service.signing_in import make_account

K = StepKind


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_unseen_it_goes_up_level_by_level_to_the_city(world: World) -> None:
    incident = world.opened()
    world.look(1)
    assert world.row(incident)["due_at"] == after(60)
    assert world.look(59) == 0
    assert world.look(60) == 1
    row = world.row(incident)
    assert (row["escalated_to"], row["escalations"], row["due_at"]) == (VILLAGE, 1, after(120))
    assert (row["state"], row["version"]) == ("new", 0)  # nobody has decided anything
    (breached,) = world.steps(K.BREACHED)
    assert breached["actor"] == "policy:clock"
    assert breached["detail"] == {"clock": "seen", "due_at": "2026-05-04T02:01:00Z"}
    (escalated,) = world.steps(K.ESCALATED)
    assert escalated["detail"] == {
        "to": VILLAGE,
        "to_name": f"village {VILLAGE}",
        "level": "village",
        "clock": "seen",
        "on_duty": [],
    }
    told = world.rows(tables.feed, "id")
    assert [one["kind"] for one in told] == ["incident.updated"]
    assert told[0]["payload"]["escalated_to"] == VILLAGE
    assert world.told == 1

    world.look(120)
    world.look(180)  # the second clock runs out at the moment the first is told again: one level
    assert world.levels() == ["village", "township", "county"]
    assert world.row(incident)["due_at"] == after(240)
    world.look(240)
    row = world.row(incident)
    assert (row["escalated_to"], row["escalations"], row["due_at"]) == (CITY, 4, after(300))
    world.look(300)
    assert world.row(incident)["due_at"] is None  # the last clock; nobody is above
    assert world.look(9999) == 0
    assert world.levels() == ["village", "township", "county", "city"]
    assert world.breaches() == [("seen", after(60)), ("sent", after(180)), ("report", after(300))]
    assert world.count("fengsui_clock_breaches_total", clock="sent") == 1
    assert world.count("fengsui_escalations_total", level="city") == 1


def test_what_happens_stops_its_clock(world: World) -> None:
    incident = world.opened()
    world.take(incident, K.CONFIRMED, 30)
    world.look(61)
    assert (world.breaches(), world.row(incident)["due_at"]) == ([], after(180))
    world.take(incident, K.ORDER_SENT, 90, actor="target:dispatch")
    world.take(incident, K.DISPATCHED, 91)
    world.take(incident, K.REPORTED, 301, actor="target:dispatch")
    world.look(302)
    # It came a second late: that is kept, and nobody is told of what is done.
    assert (world.breaches(), world.levels()) == ([("report", after(300))], [])
    assert world.row(incident)["due_at"] is None


def test_what_is_over_or_a_drill_has_no_clocks(world: World) -> None:
    over = world.opened()
    world.look(1)
    world.take(over, K.DISMISSED, 20, reason="light")
    world.opened(drill=True)
    world.opened(merged_into=over)
    world.opened(state="closed")
    world.opened(hazard="camera_fault")
    world.opened(waiting_from=None)
    assert world.look(9999) == 5
    assert world.look(99999) == 0
    assert (world.breaches(), world.steps(K.ESCALATED)) == ([], [])
    world.take(over, K.REOPENED, 100_000, reason="mistake")
    world.look(100_100)
    assert world.row(over)["due_at"] == after(100_180)
    world.look(100_181)
    assert world.breaches() == [("sent", after(100_180))]


def test_reopened_it_may_be_late_again(world: World) -> None:
    incident = world.opened()
    world.look(200)
    world.take(incident, K.CLOSED, 250, reason="handled")
    world.take(incident, K.REOPENED, 260, reason="again")
    world.look(440)
    assert [one for one in world.breaches() if one[0] == "sent"] == [
        ("sent", after(180)),
        ("sent", after(440)),
    ]
    # From below again, and not at once up to where it had come.
    assert world.levels() == ["village", "village"]
    assert world.row(incident)["escalations"] == 2


def test_after_hours_of_silence_every_breach_has_its_time_and_one_level_is_told(
    world: World,
) -> None:
    incident = world.opened()
    world.look(60)
    world.look(5 * 3600)
    assert world.breaches() == [("seen", after(60)), ("sent", after(180)), ("report", after(300))]
    assert {row["at"] for row in world.rows(tables.incident_breaches)[1:]} <= {
        after(60),
        after(5 * 3600),
    }
    assert world.levels() == ["village", "township"]
    assert world.row(incident)["due_at"] == after(5 * 3600 + 60)
    world.take(incident, K.ASSIGNED, 5 * 3600 + 10, actor="policy:test")  # looked at once more
    world.look(5 * 3600 + 30)
    assert world.levels() == ["village", "township"]
    assert world.row(incident)["due_at"] == after(5 * 3600 + 60)
    new = world.opened()
    world.look(6 * 3600)
    assert len(world.steps(K.ESCALATED)) == 4
    assert world.row(new)["escalated_to"] == VILLAGE


def test_levels_that_are_not_there_are_passed_over(world: World) -> None:
    with world.database.writing() as connection:
        for code in (CELL, OWN):  # the incident's own place is gone as well
            tree = tables.places
            own = sa.update(tree).where(tree.c.parent_code == code)
            connection.execute(own.values(parent_code=COUNTY))
        gone = tables.places.c.code.in_([CELL, OWN])
        connection.execute(sa.delete(tables.cameras))
        connection.execute(sa.delete(tables.account_places))
        connection.execute(sa.delete(tables.places).where(gone))
    world.opened()
    world.opened(place=None)
    world.opened(place=CITY)
    for seconds in range(60, 600, 60):
        world.look(seconds)
    assert world.levels() == ["village", "county", "city"]
    assert len(world.breaches()) == 9


def test_only_whoever_is_there_is_told_and_by_name(world: World) -> None:
    world.add_shift(VILLAGE, **at_night())
    gone = make_account(world.database, Role.OPERATOR, (OWN,), login="zhao.lei")
    world.add_shift(OWN, account_id=gone.account_id, name="赵磊", number=None)
    with world.database.writing() as connection:
        mine = tables.accounts.c.account_id == gone.account_id
        connection.execute(sa.update(tables.accounts).where(mine).values(disabled_at=START))
    # Of two who had their duty when they could: one has other places now, one another role.
    moved = make_account(world.database, Role.OPERATOR, (FOREIGN,), login="wu.min")
    lesser = make_account(world.database, Role.VIEWER, (OWN,), login="he.jun")
    for one in (moved, lesser):
        world.add_shift(VILLAGE, account_id=one.account_id, name=one.login, number=None)
    there = make_account(world.database, Role.OPERATOR, (COUNTY,), login="sun.li")
    world.add_shift(COUNTY, account_id=there.account_id, name="孙丽", number=None)
    world.add_shift(COUNTY)
    world.add_shift(COUNTY, name="钱", **at_night())
    world.opened()
    world.look(60)
    (step,) = world.steps(K.ESCALATED)
    assert (step["detail"]["level"], step["detail"]["to"]) == ("county", COUNTY)
    assert sorted(step["detail"]["on_duty"]) == ["孙丽", "王芳 13800000000"]
    with world.database.reading() as connection:
        zone = world.watcher._zone
        assert rosters.on_duty_accounts(connection, CELL, START, zone) == {there.account_id}
        assert rosters.on_duty_accounts(connection, None, START) == set()


def test_a_roster_of_last_year_is_none_and_with_nobody_anywhere_the_top_is_told(
    world: World,
) -> None:
    world.add_shift(VILLAGE, last_day=LAST_YEAR)
    world.opened()
    world.look(60)
    assert world.levels() == ["village"]
    for place in (OWN, COUNTY, CITY):
        world.add_shift(place, **at_night())
    world.look(120)
    assert world.levels() == ["village", "city"]
    # The whole installation is a level where it has a roster.
    world.add_shift("0")
    world.opened()
    world.opened(place=CITY)
    world.look(180)
    assert sorted(world.levels()[2:]) == ["installation", "installation", "village"]


def test_the_zone_decides_who_is_there(world: World) -> None:
    world.add_shift(VILLAGE, from_minute=600, to_minute=660)  # 10 to 11
    world.opened()
    world.look(60)
    assert world.levels() == ["village"]
    world.timezone = "Europe/Berlin"
    world.watcher = world.another()
    world.opened()
    world.look(120)
    assert sorted(world.levels()) == ["township", "township", "village"]


def test_two_replicas_write_each_breach_once(world: World, database_url: str) -> None:
    ids = {world.opened() for _ in range(2 * BATCH + 10)}
    world.now = after(60)
    start = threading.Barrier(2)
    faults: list[Exception] = []

    def run(database: Database) -> None:
        watcher = world.another(database)
        start.wait()
        try:
            while watcher.look_once():
                pass
        except Exception as error:  # noqa: BLE001 - told below
            faults.append(error)

    with opened(database_url) as one, opened(database_url) as other:
        threads = [threading.Thread(target=run, args=(each,)) for each in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not faults
    for kind in (K.BREACHED, K.ESCALATED):
        found = [row["incident_id"] for row in world.steps(kind)]
        assert (len(found), set(found)) == (len(ids), ids)
    assert world.count("fengsui_clock_breaches_total", clock="seen") == len(ids)


def test_killed_over_it_nothing_was_done_and_then_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = world.opened()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as changes:
        changes.setattr(log, "append_all", killed)
        with pytest.raises(KeyboardInterrupt):
            world.look(60)
    assert (world.breaches(), world.steps(K.BREACHED), world.rows(tables.feed)) == ([], [], [])
    world.look(70)
    world.look(71)
    assert world.breaches() == [("seen", after(60))]
    assert world.row(incident)["escalations"] == 1


def test_one_that_can_not_be_looked_at_keeps_nobody_waiting(world: World) -> None:
    ill, well = world.opened(), world.opened(1)
    with world.database.writing() as connection:
        connection.execute(
            sa.text("UPDATE incidents SET hazard = 'nonsense' WHERE waiting_from = :at").bindparams(
                sa.bindparam("at", START, type_=tables.incidents.c.waiting_from.type)
            )
        )
    world.now = after(62)
    assert world.watcher.look_once() == 2
    assert world.row(well)["escalations"] == 1
    assert world.row(ill)["due_at"] == after(62) + timedelta(minutes=1)
    assert world.count("fengsui_loop_errors_total", part="clocks") == 1
    assert world.watcher.look_once() == 0


def test_other_rules_hold_at_once_for_what_waits(world: World) -> None:
    fire, fault = world.opened(), world.opened(hazard="camera_fault")
    over = world.opened(state="closed", due_at=None)
    world.look(1)
    assert (world.row(fire)["due_at"], world.row(fault)["due_at"]) == (after(60), None)
    world.now = after(2)
    world.add_rule(place_code=COUNTY, seen_s=20)
    world.add_rule(hazard="camera_fault", report_s=40)
    world.look(2)
    assert (world.row(fire)["due_at"], world.row(fault)["due_at"]) == (after(20), after(40))
    assert world.row(over)["due_at"] is None
    # By a replica whose clock is behind.
    newer = sa.update(tables.clock_rules).where(tables.clock_rules.c.hazard == "camera_fault")
    with world.database.writing() as connection:
        connection.execute(newer.values(report_s=30, updated_at=after(1)))
    world.look(3)
    assert world.row(fault)["due_at"] == after(30)
    world.look(40)
    assert world.breaches() != []
    # A breach is one: also by a rule that gives another time.
    with world.database.writing() as connection:
        of_place = sa.update(tables.clock_rules).where(tables.clock_rules.c.hazard.is_(None))
        connection.execute(of_place.values(seen_s=30, updated_at=after(41)))
    world.look(50)
    world.another().follow_rules()  # as a service that starts anew
    assert [one for one in world.breaches() if one[0] == "seen"] == [("seen", after(20))]
    assert sorted(clock for clock, _ in world.breaches()) == ["report", "seen"]


def test_how_late_it_is_can_be_seen(world: World) -> None:
    world.opened()
    world.now = after(90)
    world.watcher.look_once()
    assert world.count("fengsui_clock_lag_seconds") == 90
    world.watcher.look_once()
    assert world.count("fengsui_clock_lag_seconds") == 0


@ON_SQLITE
def test_with_nothing_due_an_index_says_so(world: World) -> None:
    said: list[str] = []
    sa.event.listen(
        world.database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: said.append(statement),
    )
    world.opened(10)
    world.now = START
    said.clear()
    assert world.watcher.look_once() == 0
    asked = [one for one in said if not one.startswith("BEGIN")]
    assert len(asked) == 1
    with world.database.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", (START, 1, 0)).all()
    assert "USING COVERING INDEX ix_incidents_due_at" in str(plan)
