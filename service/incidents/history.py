"""What happened to incidents, by whom and when: rows are added, never changed."""

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.incidents.lifecycle import DECIDING, IncidentState, StepKind
from service.tables import incident_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens to an incident."""

    kind: StepKind
    """What."""
    actor: str
    """A login, or ``policy:…``, or ``target:…``."""
    at: datetime
    """When."""
    reason: str | None = None
    """A code, where people must give one."""
    note: str | None = None
    """In somebody's own words."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """JSON values that belong to this kind; no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A step of one incident, and what it made of its state."""

    incident_id: UUID
    """Which."""
    step: Step
    """What."""
    before: IncidentState | None
    """Where it stood; ``None`` as it is opened."""
    after: IncidentState
    """Where it stands."""


def append(connection: Connection, happened: Sequence[Happened]) -> None:
    """Add steps. To be called inside ``Database.writing``."""
    if not happened:
        return
    rows = [
        {
            "incident_id": one.incident_id,
            "at": one.step.at,
            "actor": one.step.actor,
            "action": one.step.kind.value,
            "from_state": None if one.before is None else one.before.value,
            "to_state": one.after.value,
            "reason": one.step.reason,
            "note": one.step.note or None,
            "detail": dict(one.step.detail),
        }
        for one in happened
    ]
    connection.execute(sa.insert(incident_steps), rows)


def newest_decision(connection: Connection, incident_id: UUID) -> tuple[str, datetime] | None:
    """Return who last changed an incident's state or hands, and when."""
    row = newest(connection, incident_id, DECIDING)
    return None if row is None else (row["actor"], row["at"])


def newest(
    connection: Connection, incident_id: UUID, kinds: Collection[StepKind]
) -> RowMapping | None:
    """Return the newest step of an incident that is of one of these kinds."""
    query = (
        sa.select(incident_steps)
        .where(
            incident_steps.c.incident_id == incident_id,
            incident_steps.c.action.in_(sorted(kinds)),
        )
        .order_by(incident_steps.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().one_or_none()


def without_numbers(step: MutableMapping[str, Any]) -> None:
    """Take the names and numbers of people on duty out: they are for who can do something."""
    step["detail"] = {name: one for name, one in step["detail"].items() if name != "on_duty"}


def of(connection: Connection, incident_id: UUID) -> Sequence[RowMapping]:
    """Return all that happened to an incident, the oldest first."""
    query = sa.select(incident_steps).where(incident_steps.c.incident_id == incident_id)
    return connection.execute(query.order_by(incident_steps.c.id)).mappings().all()
