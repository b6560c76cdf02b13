"""What a run has to leave behind, looked for in the database when everybody has gone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from pipelines.streams import DISPATCH, DISPATCH_DRILL
from service.database import Database
from service.incidents.lifecycle import MERGED, StepKind, is_person
from service.incidents.models import OrderState
from service.tables import alerts, incident_steps, orders, receipts
from tests.chaos.centre import Entries
from tests.chaos.crew import Got
from tests.chaos.operators import STEP_OF, Operator
from tests.chaos.planned import Plan, latest_of
from tests.support.incident_history import illegal

EXAMPLES: Final = 5
"""Of each fault, so many are named."""

CREW: Final = "crew"
"""The webhook's name."""

_UNSENT: Final = {OrderState.WAITING.value, OrderState.DEAD.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run came to."""

    alerts: int
    """How many were raised."""
    kills: int
    """How many processes died."""
    seconds: float
    """How long it took."""
    faults: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What is wrong, in words, by the figure that it counts for."""

    def figures(self) -> dict[str, Any]:
        """Return the run's line."""
        counts = {
            name: len(self.faults.get(name, ()))
            for name in ("lost", "duplicate_orders", "illegal_states")
        }
        return {
            "alerts": self.alerts,
            "kills": self.kills,
            **counts,
            "seconds": round(self.seconds, 1),
        }

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.faults.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What those outside the service know."""

    operators: Sequence[Operator] = ()
    """Who decided, and what they were told."""
    crew: Got = field(default_factory=Got)
    """What came to the webhook."""
    stream: Entries = field(default_factory=Entries)
    """What came by ``dispatch``."""
    drills: Entries = field(default_factory=Entries)
    """What stands in ``dispatch.drill``."""
    heard: frozenset[str] = frozenset()
    """Receipts that the service said yes to."""
    other: Sequence[str] = ()
    """What else went wrong."""


def faults(url: str, plan: Plan, outside: Outside) -> dict[str, list[str]]:
    """Return what is wrong after a run that is over, by the figure it counts for."""
    with closing(Database(url)) as database, database.reading() as connection:
        rows = connection.execute(sa.select(orders)).mappings().all()
        return {
            "lost": [
                *lost_alerts(connection, plan),
                *_lost_decisions(connection, outside.operators),
                *_lost_orders(connection, rows, outside),
                *_lost_receipts(connection, outside.heard),
            ],
            "duplicate_orders": [
                *_ordered_twice(rows),
                *_decided_twice(connection, outside.operators),
                *_arrived_twice(rows, outside),
            ],
            "illegal_states": illegal(connection),
            "other": [*outside.other, *_strange(outside)],
        }


def lost_alerts(connection: Connection, plan: Plan) -> list[str]:
    """Return the alerts that aren't there, or not in their latest revision."""
    rows = connection.execute(sa.select(alerts.c.alert_id, alerts.c.revision))
    known = {row.alert_id: row.revision for row in rows}
    return [
        f"alert {alert_id}: revision {known.get(alert_id, 'none')} instead of {revision}"
        for alert_id, revision in latest_of(plan).items()
        if known.get(alert_id) != revision
    ]


def _by_people(connection: Connection) -> Counter[tuple[str, str, str]]:
    # What happens to an incident only because another became part of it, nobody decided.
    columns = (incident_steps.c[name] for name in ("incident_id", "actor", "action"))
    query = sa.select(*columns).where(incident_steps.c.reason.is_distinct_from(MERGED))
    return Counter(
        (str(row.incident_id), row.actor, row.action)
        for row in connection.execute(query)
        if is_person(row.actor)
    )


def _told(operators: Iterable[Operator]) -> Counter[tuple[str, str, str]]:
    told: Counter[tuple[str, str, str]] = Counter()
    for operator in operators:
        for (incident, action), times in operator.told.done.items():
            told[incident, operator.person.login, STEP_OF[action]] += times
    return told


def _lost_decisions(connection: Connection, operators: Sequence[Operator]) -> list[str]:
    """Return what the service said yes to and its history doesn't know."""
    lost = _told(operators) - _by_people(connection)
    return [f"{actor} was told that {what} holds: {one}" for one, actor, what in lost]


def _decided_twice(connection: Connection, operators: Sequence[Operator]) -> list[str]:
    """Return decisions that were taken once and stand in the history twice."""
    done = Counter(
        {
            key: times
            for key, times in _by_people(connection).items()
            if key[2] == StepKind.DISPATCHED
        }
    )
    return [f"{actor} never decided so often: {one}" for one, actor, _ in done - _told(operators)]


def _ordered_twice(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    ids: defaultdict[tuple[UUID, str, UUID], set[UUID]] = defaultdict(set)
    for row in rows:
        ids[row["incident_id"], row["target"], row["decision_id"]].add(row["order_id"])
    return [
        f"decision {decision} of {incident}: {len(found)} orders for {target}"
        for (incident, target, decision), found in ids.items()
        if len(found) > 1
    ]


def _lost_orders(
    connection: Connection, rows: Sequence[Mapping[str, Any]], outside: Outside
) -> list[str]:
    arrived = _arrivals(outside)
    lost = [
        f"order {row['order_id']} for {row['target']} is {row['state']}: {row['last_error']}"
        for row in rows
        if row["state"] in _UNSENT
    ]
    lost += [
        f"order {row['order_id']} ({row['kind']}, {row['state']}) never came to {row['target']}"
        for row in rows
        if row["sent_at"] is not None and str(row["order_id"]) not in arrived[row["target"]]
    ]
    there = {(row["decision_id"], row["target"]) for row in rows}
    query = sa.select(incident_steps).where(
        incident_steps.c.action == StepKind.DISPATCHED.value,
        incident_steps.c.reason.is_distinct_from(MERGED),
    )
    for step in connection.execute(query).mappings():
        decision, targets = step["detail"]["decision_id"], step["detail"]["targets"]
        lost += [
            f"decision {decision} of {step['incident_id']} has no order for {target}"
            for target in targets
            if (UUID(decision), target) not in there
        ]
    return lost


def _arrived_twice(rows: Sequence[Mapping[str, Any]], outside: Outside) -> list[str]:
    known = {(row["target"], str(row["order_id"])): row for row in rows}
    found = [
        f"order {order_id} stands in the stream {len(entries)} times"
        for stream in (outside.stream, outside.drills)
        for order_id, entries in stream.by_order.items()
        if len(entries) > 1
    ]
    for target, ids in _arrivals(outside).items():
        for order_id in ids:
            row = known.get((target, order_id))
            if row is None:
                found.append(f"order {order_id} came to {target}, and nobody decided it")
            elif row["state"] == OrderState.WITHDRAWN.value:
                found.append(f"order {order_id} came to {target}, and counts as withdrawn")
    # One order a decision for a receiver that deduplicates: also by what the bodies say.
    twice = outside.crew.second_orders()
    return found + [f"decision {one} came {n} times" for one, n in twice.items()]


def _lost_receipts(connection: Connection, heard: Iterable[str]) -> list[str]:
    known = {str(one) for one in connection.execute(sa.select(receipts.c.receipt_id)).scalars()}
    return [f"receipt {one} was heard, and isn't there" for one in heard if one not in known]


def _strange(outside: Outside) -> list[str]:
    found = [words for operator in outside.operators for words in operator.told.strange]
    found += [words for operator in outside.operators for words in operator.told.unclear]
    found += [f"order {one} came with two bodies" for one in outside.crew.changed]
    if outside.crew.forged:
        found.append(f"{outside.crew.forged} events whose signature is wrong")
    return found


def _arrivals(outside: Outside) -> dict[str, set[str]]:
    return {
        DISPATCH.name: {*outside.stream.by_order},
        DISPATCH_DRILL.name: {*outside.drills.by_order},
        CREW: {*outside.crew.events},
    }
