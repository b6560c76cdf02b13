"""Incidents over HTTP, to read."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.errors import UnknownIncidentError
from service.feed import log
from service.incidents import views
from service.incidents.choosing import Chosen
from service.incidents.lifecycle import IncidentState
from service.incidents.models import IncidentPage, IncidentWhole
from service.problems import responses
from service.text import NAME_LENGTH
from vision.hazards import Hazard

PAGE_LIMIT = 500


def incident_router(database: Database, gate: Gate) -> APIRouter:
    """Return the incidents' routes."""
    router = APIRouter(prefix="/api/incidents")

    @router.get("", response_model=IncidentPage, responses=responses(401, 403, 404))
    def incident_page(
        *,
        who: Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))],
        limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="Incidents on a page")] = 100,
        before: Annotated[UUID | None, Query(description="The page before's last id")] = None,
        drill: Annotated[bool | None, Query(description="Only drills, or only real ones")] = None,
        state: Annotated[
            list[IncidentState] | None, Query(description="Only of this state, or of one of these")
        ] = None,
        open: Annotated[  # noqa: A002 - as it is called in the address
            bool | None, Query(description="Only those that wait for somebody, or only the others")
        ] = None,
        hazard: Annotated[
            list[Hazard] | None, Query(description="Only of this hazard, or of one of these")
        ] = None,
        assigned_to: Annotated[
            UUID | Literal["me", "none"] | None,
            Query(description="Only this account's, one's own, or what nobody has"),
        ] = None,
        camera_id: Annotated[
            str | None, Query(max_length=NAME_LENGTH, description="Only those it sees")
        ] = None,
    ) -> dict[str, Any]:
        """List the incidents of one's places, newest first.

        ``feed_cursor`` belongs to the same moment: ``/api/feed?after=`` it misses nothing. With
        ``more``, go on with ``before``: what waits for a person may be older than a page of drills,
        so ask for ``drill=false&state=new`` to the end.
        """
        account = who.account_id if assigned_to == "me" else assigned_to
        chosen = Chosen(
            drill=drill,
            states=state or (),
            open=open,
            camera_id=camera_id,
            hazards=hazard or (),
            assigned_to=account if isinstance(account, UUID) else None,
            unassigned=account == "none",
        )
        with database.reading() as connection:
            if before is not None and not views.by_id(connection, [before], who):
                raise UnknownIncidentError(before)
            found = views.page(connection, who, limit + 1, before, chosen.condition())
            return {
                "incidents": found[:limit],
                "more": len(found) > limit,
                "feed_cursor": log.newest(connection),
            }

    @router.get("/{incident_id}", response_model=IncidentWhole, responses=responses(401, 403, 404))
    def incident(
        incident_id: UUID,
        who: Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))],
    ) -> dict[str, Any]:
        """Show one incident with the latest revision of each of its alerts, and its orders."""
        with database.reading() as connection:
            found = views.by_id(connection, [incident_id], who)
            if not found:
                raise UnknownIncidentError(incident_id)
            return {**found[0], "alerts": views.alerts_of(connection, incident_id)}

    return router
