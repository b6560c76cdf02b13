"""Somebody at work on incidents: who, when, and inside which writing transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from service.accounts.principal import Principal
from service.dispatch.targets import TargetBook
from service.errors import UnknownIncidentError
from service.incidents.history import Step
from service.incidents.lifecycle import StepKind
from service.incidents.views import within
from service.tables import incidents


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A person who acts, once let in."""

    connection: Connection
    """The writing transaction."""
    who: Principal
    """The person, as of inside the transaction."""
    book: TargetBook
    """Where orders can go."""
    now: datetime
    """When it happens."""

    def visible(self, incident_id: UUID) -> RowMapping:
        """Return an incident of the person's places. Raises ``UnknownIncidentError``."""
        return visible(self.connection, self.who, incident_id)

    def step(
        self,
        kind: StepKind,
        reason: str | None = None,
        note: str | None = None,
        **detail: Any,
    ) -> Step:
        """Return a step that this person takes now."""
        return Step(
            kind=kind, actor=self.who.login, at=self.now, reason=reason, note=note, detail=detail
        )


def visible(connection: Connection, who: Principal, incident_id: UUID) -> RowMapping:
    """Return an incident of a principal's places. Raises ``UnknownIncidentError``."""
    query = sa.select(incidents).where(incidents.c.incident_id == incident_id, within(who))
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownIncidentError(incident_id)
    return row
