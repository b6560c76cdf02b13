import random
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from pipelines.messages import Alert, incident_id
from pipelines.streams import connect
from service.database import Database
from service.dispatch.targets import TargetBook
from service.incidents import store
from service.incidents.lifecycle import IncidentState
from service.incidents.merge import Candidate, Incident, Spot, home, opened_by
from service.metrics import ServiceMetrics
from service.settings import ServiceSettings
from service.tables import alerts, feed, incidents, orders
from tests.service.helpers import alert, at, migrated, settings_for
from vision.hazards import Hazard

REACH = ServiceSettings(redis_url="redis://x", database_url="sqlite://", merge_gap_s=20.0)
NOWHERE = Spot(camera_id="camera-1")


def incident(**how: Any) -> Incident:
    return opened_by(alert(100.0, seen_s=110.0, **how), NOWHERE, at(100.0))


def found(later: Alert, *known: Incident) -> Incident | None:
    """Return what an alert of a camera that isn't registered joins."""
    candidates = [
        Candidate(incident=one, spots={one.camera_id: Spot(camera_id=one.camera_id)})
        for one in known
    ]
    taken = home(later, Spot(camera_id=later.camera_id), candidates, REACH)
    return None if taken is None else taken.incident


@pytest.mark.parametrize(
    ("later", "joins"),
    [
        (alert(110.0), True),
        (alert(130.0), True),  # exactly the gap
        (alert(130.001), False),
        (alert(80.0), True),  # replayed late: its onset was before
        (alert(79.0), False),
        (alert(0.0, seen_s=85.0), True),
        (alert(120.0, camera_id="camera-2"), False),
        (alert(120.0, hazard=Hazard.SMOKE), False),
        (alert(120.0, zone_id="gate"), True),
        (alert(120.0, drill=True), False),
    ],
)
def test_what_joins_an_incident(later: Alert, joins: bool) -> None:
    assert (found(later, incident()) is not None) == joins


def test_a_drill_stays_within_its_zone() -> None:
    drill = incident(drill=True)
    assert found(alert(120.0, drill=True), drill) is not None
    assert found(alert(120.0, drill=True, zone_id="gate"), drill) is None


def test_the_newest_incident_takes_it() -> None:
    old = incident()
    new = replace(old, incident_id=incident_id(alert(111.0).alert_id), first_seen_at=at(105.0))
    assert found(alert(112.0), new, old) == new


@pytest.mark.parametrize(
    ("by", "joins"), [("wang", False), (None, False), ("target:x", False), ("policy:drill", True)]
)
def test_nothing_joins_what_somebody_ended(by: str | None, joins: bool) -> None:
    for state in (IncidentState.CLOSED, IncidentState.FALSE):
        over = replace(incident(), state=state, state_by=by)
        assert (found(alert(112.0), over) is not None) == joins


@pytest.mark.parametrize("state", ["seen", "confirmed", "dispatched", "on_site"])
def test_what_somebody_works_on_takes_more(state: str) -> None:
    worked_on = replace(incident(), state=IncidentState(state), state_by="wang")
    assert found(alert(112.0), worked_on) is not None
    merged = replace(worked_on, merged_into=incident_id(alert(0.0).alert_id))
    assert found(alert(112.0), merged) is None


# Onsets in whole seconds, some within the gap of each other, some not.
CHAINS = st.lists(
    st.tuples(
        st.sampled_from([0, 15, 30, 60, 75, 120]),
        st.integers(1, 4),
        st.booleans(),
        st.sampled_from([Hazard.FIRE, Hazard.OBSTRUCTION]),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda chain: (chain[0], chain[3]),
)


def revisions(chain: tuple[int, int, bool, Hazard]) -> list[Alert]:
    onset, count, drill, hazard = chain
    return [
        alert(
            onset,
            seen_s=onset + 2 * number,
            revision=number,
            drill=drill,
            hazard=hazard,
            ended=number == count,
        )
        for number in range(1, count + 1)
    ]


def taken(database: Database, batch: list[Alert]) -> None:
    client = connect("redis://x")
    book = TargetBook(None, client=client, metrics=ServiceMetrics(CollectorRegistry()))
    with database.writing() as connection:
        store.take(connection, settings_for("redis://x", Path()), batch, at(1000), book)
    client.close()


def outcome_of(batches: list[list[Alert]]) -> dict[str, list[Any]]:
    with TemporaryDirectory() as folder, migrated(Path(folder)) as database:
        for batch in batches:
            taken(database, batch)
        # A drill that ended and went on within a batch has done neither.
        ignored = {"received_at", "body", "version"}
        return {
            table.name: sorted(
                (
                    {name: value for name, value in row.items() if name not in ignored}
                    for row in read(database, table)
                    if row.get("kind") in {None, "order"}
                ),
                key=str,
            )
            for table in (incidents, alerts, orders)
        } | {"events": [row["kind"] for row in read(database, feed)]}


def read(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


@settings(max_examples=12, deadline=None)
@given(CHAINS, st.randoms(use_true_random=False), st.integers(1, 7))
def test_repetition_and_batching_change_nothing(
    chains: list[tuple[int, int, bool, Hazard]], chance: random.Random, size: int
) -> None:
    sent = sorted((one for chain in chains for one in revisions(chain)), key=by_time)
    repeated: list[Alert] = []
    for index, one in enumerate(sent):
        repeated.append(one)
        repeated.extend(chance.choices(sent[: index + 1], k=chance.randint(0, 3)))
    batches = [repeated[start : start + size] for start in range(0, len(repeated), size)]
    once, often = outcome_of([[one] for one in sent]), outcome_of(batches)
    for table in ("incidents", "alerts", "orders"):
        assert often[table] == once[table]


@settings(max_examples=12, deadline=None)
@given(CHAINS, st.randoms(use_true_random=False))
def test_revisions_in_any_order_end_the_same(
    chains: list[tuple[int, int, bool, Hazard]], chance: random.Random
) -> None:
    # One alert each: between alerts the order of arrival decides who opens the incident.
    sent = revisions(chains[0]) * 2
    chance.shuffle(sent)
    clean, mixed = outcome_of([revisions(chains[0])]), outcome_of([[one] for one in sent])
    for table in ("incidents", "alerts", "orders"):
        assert mixed[table] == clean[table]


@settings(max_examples=12, deadline=None)
@given(CHAINS, st.randoms(use_true_random=False))
def test_whatever_the_order_each_drill_has_one_order_and_nothing_else_any(
    chains: list[tuple[int, int, bool, Hazard]], chance: random.Random
) -> None:
    sent = [one for chain in chains for one in revisions(chain)] * 2
    chance.shuffle(sent)
    found = outcome_of([[one] for one in sent])
    drills = {row["incident_id"] for row in found["incidents"] if row["drill"]}
    assert sorted(map(str, drills)) == sorted(str(row["incident_id"]) for row in found["orders"])
    assert all(row["target"] == "dispatch.drill" for row in found["orders"])
    latest = {row["alert_id"]: row["revision"] for row in found["alerts"]}
    assert latest == {revisions(chain)[-1].alert_id: chain[1] for chain in chains}


def by_time(one: Alert) -> tuple[datetime, str, int]:
    return one.last_seen_at, str(one.alert_id), one.revision
