"""Incidents over HTTP, to read."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.errors import UnknownIncidentError
from service.feed import log
from service.incidents import views
from service.incidents.models import IncidentPage, IncidentWhole
from service.problems import responses

PAGE_LIMIT = 500


def incident_router(database: Database, gate: Gate) -> APIRouter:
    """Return the incidents' routes."""
    router = APIRouter(prefix="/api/incidents")

    @router.get("", response_model=IncidentPage, responses=responses(401, 403, 404))
    def incident_page(
        who: Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))],
        limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 100,
        before: UUID | None = None,
    ) -> dict[str, Any]:
        """List the incidents of one's places, newest first.

        ``feed_cursor`` belongs to the same moment: ``/api/feed?after=`` it misses nothing.
        ``before`` is the last id of the page before.
        """
        with database.reading() as connection:
            if before is not None and not views.by_id(connection, [before], who):
                raise _unknown(before)
            found = views.page(connection, who, limit, before)
            return {"incidents": found, "feed_cursor": log.newest(connection)}

    @router.get("/{incident_id}", response_model=IncidentWhole, responses=responses(401, 403, 404))
    def incident(
        incident_id: UUID,
        who: Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))],
    ) -> dict[str, Any]:
        """Show one incident with the latest revision of each of its alerts, and its orders."""
        with database.reading() as connection:
            found = views.by_id(connection, [incident_id], who)
            if not found:
                raise _unknown(incident_id)
            return {**found[0], "alerts": views.alerts_of(connection, incident_id)}

    return router


def _unknown(incident_id: UUID) -> UnknownIncidentError:
    return UnknownIncidentError(
        f"there is no incident {incident_id}: /api/incidents lists those there are"
    )
