"""Whether each incident's history explains how it stands: its steps, played again, lead there."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.incidents.lifecycle import (
    MERGED,
    OVER,
    IllegalStepError,
    IncidentState,
    StepKind,
    after,
)
from service.tables import alerts, incident_steps, incidents
from vision.hazards import OF_VEHICLES, Hazard

S, K = IncidentState, StepKind

FIRST = {
    K.SEEN: "seen_at",
    K.CONFIRMED: "confirmed_at",
    K.DISPATCHED: "dispatched_at",
    K.ORDER_SENT: "sent_at",
    K.ARRIVED: "reported_at",
    K.REPORTED: "reported_at",
}
"""Of which step a date is the first's."""


def illegal(connection: Connection) -> list[str]:
    """Return what is wrong, a line each: nothing, if every history explains its incident."""
    steps: defaultdict[UUID, list[RowMapping]] = defaultdict(list)
    for step in connection.execute(sa.select(incident_steps).order_by(incident_steps.c.id)):
        steps[step.incident_id].append(step._mapping)
    seen_by: defaultdict[UUID, list[RowMapping]] = defaultdict(list)
    columns = ("alert_id", "incident_id", "camera_id", "zone_id", "hazard", "drill")
    for alert in connection.execute(sa.select(*(alerts.c[name] for name in columns))):
        seen_by[alert.incident_id].append(alert._mapping)
    rows = connection.execute(sa.select(incidents)).mappings().all()
    known = {row["incident_id"]: row for row in rows}
    return [
        f"incident {row['incident_id']}: {fault}"
        for row in rows
        for fault in (
            *_chain(row, steps[row["incident_id"]]),
            *_merging(row, known, seen_by[row["incident_id"]]),
            *_alerts(row, seen_by[row["incident_id"]]),
        )
    ]


@dataclass
class _Played:
    """How an incident stands by its steps so far."""

    state: IncidentState | None = None
    was: IncidentState | None = None
    by: str | None = None
    reason: str | None = None
    dates: dict[str, datetime | None] = field(
        default_factory=lambda: dict.fromkeys([*FIRST.values(), "closed_at"])
    )

    def play(self, step: RowMapping) -> str | None:
        """Play one step; returns what is wrong with it."""
        kind = K(step["action"])
        if (self.state is None) != (kind is K.OPENED):
            return "it is opened once, at first"
        if step["from_state"] != self.state:
            return f"it goes from {step['from_state']}, but it was {self.state}"
        try:
            reached = IncidentState.NEW if self.state is None else after(self.state, kind, self.was)
        except IllegalStepError as error:
            return str(error)
        if step["to_state"] != reached:
            return f"it goes to {step['to_state']} instead of {reached}"
        if self.state is not None and reached is not self.state:
            self.by, self.reason = step["actor"], step["reason"]
        if self.state not in OVER:
            self.was = self.state
        self.state = reached
        _date(self.dates, kind, step)
        return None


def _chain(row: RowMapping, steps: Sequence[RowMapping]) -> Iterator[str]:
    played = _Played()
    for number, step in enumerate(steps, 1):
        fault = played.play(step)
        if fault is not None:
            yield f"step {number} ({step['action']} by {step['actor']}): {fault}"
            return
    if played.state != row["state"]:
        yield f"its history ends at {played.state}, but it is {row['state']}"
    if played.by is not None and (played.by, played.reason) != (
        row["state_by"],
        row["state_reason"],
    ):
        yield f"{row['state_by']} did that ({row['state_reason']}); by its history {played.by}"
    for name, at in played.dates.items():
        if row[name] != at:
            yield f"{name} is {row[name]}, by its history {at}"
    if played.state in {S.DISPATCHED, S.ON_SITE} and row["dispatched_at"] is None:
        yield f"it is {played.state}, but nobody dispatched it"
    if played.state in OVER and row["due_at"] is not None:
        yield f"it is {played.state}, and a clock still looks at it"


def _date(dates: dict[str, datetime | None], kind: StepKind, step: RowMapping) -> None:
    """Date as the steps do; what an incident that became part of it knew is in its step."""
    if kind is K.REOPENED:
        dates.update(dict.fromkeys(dates))
        dates["seen_at"] = step["at"]
    elif kind in {K.CLOSED, K.DISMISSED}:
        dates["closed_at"] = step["at"]
    elif kind is K.RESUMED:
        dates["closed_at"] = None
    elif kind is K.MERGED:
        told = step["detail"]["dates"]
        dates.update(
            {name: datetime.fromisoformat(at) for name, at in told.items() if name in dates}
        )
    elif kind in FIRST and dates[FIRST[kind]] is None:
        dates[FIRST[kind]] = step["at"]


def _merging(
    row: RowMapping, known: Mapping[UUID, RowMapping], own: Sequence[RowMapping]
) -> Iterator[str]:
    into = row["merged_into"]
    if into is None:
        if row["state_reason"] == MERGED and row["state"] == IncidentState.CLOSED:
            yield "it was closed as merged, but says not into which"
        if not own and not row["drill"]:
            yield "no alert is left of it"
        return
    if into not in known or known[into]["merged_into"] is not None:
        yield f"it became part of {into}, where nobody can go on"
    if (row["state"], row["state_reason"]) != (IncidentState.CLOSED, MERGED):
        yield f"it became part of {into}, but is {row['state']}"
    if own or row["assigned_to"] is not None:
        yield f"it became part of {into}, but still has alerts or somebody who has it"


def _alerts(row: RowMapping, own: Sequence[RowMapping]) -> Iterator[str]:
    for alert in own:
        if (alert["hazard"], alert["drill"]) != (row["hazard"], row["drill"]):
            yield f"alert {alert['alert_id']} is of another kind"
    places = {(alert["camera_id"], alert["zone_id"]) for alert in own}
    if Hazard(row["hazard"]) in OF_VEHICLES and len(places) > 1:
        yield "vehicles of several cameras or zones are together"
