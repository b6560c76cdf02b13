"""How many deadlines passed, by place, clock and hazard."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from service.accounts.principal import Principal
from service.duty.clocks import Clock
from service.places.store import inside
from service.tables import incident_breaches
from vision.hazards import Hazard


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaches:
    """The breaches of one clock, hazard and place."""

    place_code: str | None
    """Where the incidents' cameras stand."""
    clock: Clock
    """Which deadline."""
    hazard: Hazard
    """Of what."""
    count: int
    """How many passed."""


def breaches(
    connection: Connection, who: Principal, since: datetime, until: datetime
) -> list[Breaches]:
    """Return the breaches of the principal's places whose deadline lies in ``[since, until)``.

    A deadline counts where it passed, not where it was noticed.
    """
    columns = (
        incident_breaches.c.place_code,
        incident_breaches.c.clock,
        incident_breaches.c.hazard,
    )
    query = (
        sa.select(*columns, sa.func.count().label("count"))
        .where(
            inside(who, incident_breaches.c.place_code),
            incident_breaches.c.due_at >= since,
            incident_breaches.c.due_at < until,
        )
        .group_by(*columns)
        .order_by(*columns)
    )
    return [
        Breaches(
            place_code=row["place_code"],
            clock=Clock(row["clock"]),
            hazard=Hazard(row["hazard"]),
            count=row["count"],
        )
        for row in connection.execute(query).mappings()
    ]
