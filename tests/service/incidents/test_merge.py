import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.messages import Alert, incident_id
from service.database import Database
from service.dispatch.drills import drill_order
from service.incidents import store
from service.incidents.lifecycle import IncidentState
from service.incidents.merge import Incident, home, opened_by, summarised
from service.tables import alerts, feed, incidents, metadata, orders
from tests.service.helpers import alert, at, settings_for
from vision.hazards import Hazard

GAP_S = 20.0


def incident(**how: Any) -> Incident:
    return opened_by(alert(100.0, seen_s=110.0, **how), at(100.0))


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
        (alert(120.0, zone_id="gate"), False),
        (alert(120.0, drill=True), False),
    ],
)
def test_what_joins_an_incident(later: Alert, joins: bool) -> None:
    found = home(later, [incident()], GAP_S)
    assert (found is not None) == joins


def test_the_newest_incident_takes_it() -> None:
    old = incident()
    new = replace(old, incident_id=incident_id(alert(111.0).alert_id), first_seen_at=at(105.0))
    assert home(alert(112.0), [new, old], GAP_S) == new


@pytest.mark.parametrize(("by", "joins"), [("wang", False), (None, False), ("policy:drill", True)])
def test_nothing_joins_what_a_person_closed(by: str | None, joins: bool) -> None:
    closed = replace(incident(), state=IncidentState.CLOSED, state_by=by)
    assert (home(alert(112.0), [closed], GAP_S) is not None) == joins


def test_a_drill_closes_with_its_last_alert_and_opens_with_the_next() -> None:
    drill = incident(drill=True)
    going, over = alert(100.0, drill=True), alert(100.0, seen_s=120.0, ended=True, drill=True)
    assert summarised(drill, [going]).state is IncidentState.DISPATCHED
    closed = summarised(drill, [over])
    assert (closed.state, closed.ended_at) == (IncidentState.CLOSED, at(120.0))
    assert summarised(closed, [over, alert(130.0, drill=True)]).state is IncidentState.DISPATCHED


def test_a_real_incident_stays_open_when_its_alerts_end() -> None:
    over = summarised(incident(), [alert(100.0, seen_s=120.0, ended=True)])
    assert (over.state, over.ended_at) == (IncidentState.NEW, at(120.0))


def test_no_order_can_be_made_of_a_real_incident() -> None:
    for real in (incident(), incident(drill=True)):
        with pytest.raises(ValueError, match="a person decides"):
            drill_order(real, alert(100.0), datetime.now(UTC))


# Onsets in whole seconds, some within the gap of each other, some not.
CHAINS = st.lists(
    st.tuples(
        st.sampled_from([0, 15, 30, 60, 75, 120]),
        st.integers(1, 4),
        st.booleans(),
        st.sampled_from([Hazard.FIRE, Hazard.CAMERA_FAULT]),
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


def outcome_of(batches: list[list[Alert]]) -> dict[str, list[Any]]:
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/merged.db")
        metadata.create_all(database.engine)
        for batch in batches:
            with database.writing() as connection:
                store.take(connection, settings_for("redis://x", Path(folder)), batch, at(1000))
        ignored = {"received_at", "body"}
        found = {
            table.name: sorted(
                (
                    {name: value for name, value in row.items() if name not in ignored}
                    for row in read(database, table)
                ),
                key=str,
            )
            for table in (incidents, alerts, orders)
        }
        found["events"] = [row["kind"] for row in read(database, feed)]
        database.close()
        return found


def read(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


@settings(max_examples=20, deadline=None)
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


@settings(max_examples=20, deadline=None)
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


@settings(max_examples=20, deadline=None)
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
