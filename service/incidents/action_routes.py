"""What people do with incidents, over HTTP; and what was done."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.dispatch.targets import TargetBook
from service.duty.rosters import on_duty_accounts
from service.errors import ProblemError
from service.incidents import changing, colleagues, history, views
from service.incidents.action_models import (
    ActionResult,
    ActionResults,
    BulkAction,
    Colleague,
    Colleagues,
    IncidentAction,
    IncidentStep,
    IncidentSteps,
    VersionedIncident,
)
from service.incidents.actions import act
from service.incidents.desk import Desk, visible
from service.incidents.models import IncidentWhole
from service.problems import responses
from service.routers import take

AT_A_TIME: Final = 20
"""Incidents of one transaction: it is the only writer meanwhile."""


def action_router(
    *,
    database: Database,
    gate: Gate,
    book: TargetBook,
    zone: ZoneInfo,
    clock: Callable[[], datetime],
    acted: Callable[[], None],
) -> APIRouter:
    """Return the routes; ``acted`` is called after each commit that may have changed something."""
    router = APIRouter()
    take(router, _acting(gate, book, clock, acted))
    take(router, _looking(database, gate, zone, clock))
    return router


def _acting(
    gate: Gate, book: TargetBook, clock: Callable[[], datetime], acted: Callable[[], None]
) -> APIRouter:
    router = APIRouter(prefix="/api/incidents")
    Handler = Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_HANDLE))]  # noqa: N806

    @router.post("/actions", responses=responses(401, 403, 422))
    def act_on_incidents(who: Handler, asked: BulkAction) -> ActionResults:
        """See, confirm, dismiss, close or assign many incidents, each as if alone.

        Those that can't be are left, and say why; the others are done.
        """
        results: list[ActionResult] = []
        for start in range(0, len(asked.incidents), AT_A_TIME):
            some = asked.incidents[start : start + AT_A_TIME]
            try:
                with gate.writing(who, Permission.INCIDENT_HANDLE) as (connection, actor):
                    desk = Desk(connection=connection, who=actor, book=book, now=clock())
                    done = [_one_of_many(desk, asked, one) for one in some]
            except ProblemError as error:
                if not results:
                    raise
                done = [_left(one.incident_id, error) for one in some]
            acted()
            results += done
        left = sum(one.code is not None for one in results)
        return ActionResults(done=len(results) - left, left=left, results=results)

    @router.post(
        "/{incident_id}/actions",
        response_model=IncidentWhole,
        responses=responses(401, 403, 404, 409, 422),
    )
    def act_on_incident(who: Handler, incident_id: UUID, asked: IncidentAction) -> dict[str, Any]:
        """Do something with an incident: see, confirm, dismiss, dispatch, …; answers it whole.

        Of two people who decide on the same version one wins, the other is told who and when.
        Whoever asks for the same again within 10 s is told that it is so. ``merge`` and ``split``
        name the other incident in the newest step's ``detail``.
        """
        with gate.writing(who, Permission.INCIDENT_HANDLE) as (connection, actor):
            desk = Desk(connection=connection, who=actor, book=book, now=clock())
            act(desk, incident_id, asked)
            # Also if it has just left the places of whoever split it.
            (view,) = views.by_id(connection, [incident_id])
            found = {**view, "alerts": views.alerts_of(connection, incident_id)}
        acted()
        return found

    return router


def _looking(
    database: Database, gate: Gate, zone: ZoneInfo, clock: Callable[[], datetime]
) -> APIRouter:
    router = APIRouter(prefix="/api")
    Reader = Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))]  # noqa: N806
    Handler = Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_HANDLE))]  # noqa: N806

    @router.get("/incidents/{incident_id}/steps", responses=responses(401, 403, 404))
    def incident_steps(who: Reader, incident_id: UUID) -> IncidentSteps:
        """Tell what happened to an incident: who did what, when and why, the oldest first.

        Who was on duty is told to those who may handle incidents.
        """
        with database.reading() as connection:
            visible(connection, who, incident_id)
            steps = [dict(one) for one in history.of(connection, incident_id)]
        if Permission.INCIDENT_HANDLE not in who.permissions:
            for one in steps:
                history.without_numbers(one)
        return IncidentSteps(steps=[IncidentStep.model_validate(one) for one in steps])

    @router.get("/colleagues", responses=responses(401, 403, 404, 422))
    def list_colleagues(
        who: Handler,
        incident_id: Annotated[
            UUID | None, Query(description="Those who may handle this one; else anything near")
        ] = None,
    ) -> Colleagues:
        """List the accounts that may handle an incident, those on duty first.

        Without one: those who may handle something in one of one's own places.
        """
        with database.reading() as connection:
            if incident_id is None:
                found = colleagues.around(connection, who)
                codes: Sequence[str | None] = colleagues.own_places(who)
            else:
                incident = visible(connection, who, incident_id)
                found = colleagues.of_incident(connection, incident)
                codes = sorted(colleagues.codes_of(connection, incident))
            now = clock()
            duty = {
                account
                for code in codes
                for account in on_duty_accounts(connection, code, now, zone)
            }
        listed = [
            Colleague(
                account_id=one["account_id"],
                login=one["login"],
                name=one["name"],
                on_duty=one["account_id"] in duty,
            )
            for one in found
        ]
        return Colleagues(colleagues=sorted(listed, key=lambda one: (not one.on_duty, one.login)))

    return router


def _one_of_many(desk: Desk, asked: BulkAction, one: VersionedIncident) -> ActionResult:
    try:
        with desk.connection.begin_nested():
            act(desk, one.incident_id, asked.of(one))
    except ProblemError as error:
        return _left(one.incident_id, error)
    row = changing.existing(desk.connection, one.incident_id)
    return ActionResult(incident_id=one.incident_id, version=row["version"], state=row["state"])


def _left(incident_id: UUID, error: ProblemError) -> ActionResult:
    return ActionResult(
        incident_id=incident_id, code=error.code, message=str(error), params=error.params or None
    )
