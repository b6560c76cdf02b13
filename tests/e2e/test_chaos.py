"""``make chaos`` in small: the same code, minutes of it in seconds.

Here it is about what must hold; how fast it goes is for the campaign on a machine of its own.
"""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from service.tables import alerts
from tests.chaos import campaign, load, sick
from tests.chaos.centre import Entries
from tests.chaos.checking import Outside, faults
from tests.chaos.crew import Got
from tests.chaos.estate import Person
from tests.chaos.operators import Operator
from tests.chaos.planned import Plan, latest_of
from tests.service.dispatch import kit
from tests.service.helpers import parts, settings_for, sqlite_copy
from tests.support.redis_server import RedisServer

SMALL = campaign.Size(alerts=1000, kills=6, seed=7, cameras=16, decisions=10)


def test_killed_six_times_nothing_is_lost_and_nothing_sent_twice(tmp_path: Path) -> None:
    verdict = campaign.run(SMALL, tmp_path)
    assert verdict.faults == {"lost": [], "duplicate_orders": [], "illegal_states": [], "other": []}
    assert verdict.figures() | {"seconds": 0} == {
        "alerts": 1000,
        "kills": 6,
        "lost": 0,
        "duplicate_orders": 0,
        "illegal_states": 0,
        "seconds": 0,
    }


@pytest.mark.alone
def test_fires_pass_a_flood_of_which_nothing_is_lost(tmp_path: Path) -> None:
    flood = load.Flood(per_s=500, for_s=3, cameras=60)
    figures = load.run(flood, tmp_path)
    assert (figures["persisted"], figures["lost"]) == (1500, 0)
    assert figures["confirmed"] == 1500 + figures["priority"]
    assert figures["priority_max_s"] < load.FEED_LIMIT_S
    for p95_s, is_good in ((0.999, True), (1.0, False), (None, False)):
        assert load.is_good(flood, figures | {"priority_p95_s": p95_s}) is is_good
    assert load.share_of([0.1, float("inf")], 0.95) is None


@pytest.mark.alone
def test_sick_targets_keep_nothing_from_a_healthy_one(tmp_path: Path) -> None:
    figures = sick.run(sick.Ward(orders=12), tmp_path)
    assert (figures["orders"], figures["lost"], figures["twice"]) == (24, 0, 0)
    # Each attempt at the one that hangs takes 3 s; the healthy one must wait for none of them.
    assert sick.is_good(figures), figures
    for wrong in ({"among_sick_max_s": sick.TIMEOUT_S}, {"twice": 1}, {"changed": 1}, {"lost": 1}):
        assert not sick.is_good(figures | wrong)
    left = figures["waiting_or_dead"]
    assert left == {"healthy": 0, "hangs": 12, "lies": 0, "fails": 12, "drops every second": 0}


def test_a_second_order_of_one_decision_is_one_whatever_its_id() -> None:
    events = {
        str(n): {"data": {"decision_id": decision, "kind": kind}}
        for n, (decision, kind) in enumerate(
            [("a", "order"), ("a", "order"), ("b", "order"), ("b", "update"), ("b", "cancel")]
        )
    }
    assert Got(events=events, changed=["0"]).second_orders() == {"a": 2}


def test_the_check_finds_what_is_missing_and_what_came_twice(tmp_path: Path) -> None:
    plan = Plan(seed=1, alerts=20, workers=1, cameras=2, starts_at=datetime.now(UTC))
    wanted = [one for number in range(plan.steps(0)) for one in plan.step(0, number)]
    assert {one.alert_id for one in wanted} == {*latest_of(plan)}
    with RedisServer() as redis:
        settings = settings_for(redis.url, tmp_path, database_url=sqlite_copy(tmp_path))
        with parts(settings) as given:
            given.send(*wanted[:-1])
            given.consumer.step()
            with given.database.writing() as connection:
                first = sa.select(alerts.c.alert_id).limit(1).scalar_subquery()
                connection.execute(sa.delete(alerts).where(alerts.c.alert_id == first))
    stream = Entries()
    stream.by_order[str(uuid4())] |= {b"1-0", b"2-0"}
    outside = Outside(stream=stream, heard=frozenset({str(uuid4())}))
    found = faults(settings.database_url, plan, outside)
    assert len([line for line in found["lost"] if line.startswith("alert ")]) == 2
    assert any("was heard, and isn't there" in line for line in found["lost"])
    assert any("stands in the stream 2 times" in line for line in found["duplicate_orders"])
    assert any("nobody decided it" in line for line in found["duplicate_orders"])


def test_what_a_merge_brings_about_is_no_decision_of_anybody_s(tmp_path: Path) -> None:
    plan = Plan(seed=1, alerts=0, workers=1, cameras=2, starts_at=datetime.now(UTC))
    person = Person(login="chief", headers={}, account_id="")
    operator = Operator(person, ["http://127.0.0.1:1"], 1, [])
    with RedisServer() as redis:
        settings = settings_for(redis.url, tmp_path, database_url=sqlite_copy(tmp_path))
        with parts(settings) as given:
            left, into = kit.confirmed(given), kit.confirmed(given)
            kit.dispatch(given, left)  # by somebody else
            kit.merge(given, left, into)
    operator.told.done[str(into), "merge"] += 1
    found = faults(settings.database_url, plan, Outside(operators=[operator]))
    said = [one for one in (*found["lost"], *found["duplicate_orders"]) if "chief" in one]
    assert said == []
    operator.told.done[str(into), "merge"] += 1
    found = faults(settings.database_url, plan, Outside(operators=[operator]))
    assert [one for one in found["lost"] if "chief was told that merged holds" in one]
