"""Verdicts and proposals over HTTP."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.cameras.registry import Registry
from service.cameras.sealer import Sealer
from service.database import Database
from service.problems import responses
from service.revisions import IfMatch, require_newest
from service.routers import take
from service.verdicts import accepting, giving
from service.verdicts.models import Accepted, ProposalsOut, VerdictIn, VerdictsOut


def verdict_router(
    *,
    database: Database,
    gate: Gate,
    sealer: Sealer,
    changed: Callable[[], None],
) -> APIRouter:
    """Return the routes; ``changed`` is called after each change of a camera."""
    router = APIRouter()
    take(router, _verdicts(database, gate))
    take(router, _proposals(database, gate, sealer, changed))
    return router


def _verdicts(database: Database, gate: Gate) -> APIRouter:
    router = APIRouter(prefix="/api/incidents/{incident_id}/verdict")
    Reader = Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))]  # noqa: N806
    Judge = Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_JUDGE))]  # noqa: N806

    @router.get("", responses=responses(401, 403, 404))
    def incident_verdicts(who: Reader, incident_id: UUID) -> VerdictsOut:
        """Tell what is said of an incident: one verdict an account."""
        with database.reading() as connection:
            return giving.given(connection, who, incident_id)

    @router.post("", responses=responses(401, 403, 404, 409, 422))
    def judge_incident(who: Judge, incident_id: UUID, given: VerdictIn) -> VerdictsOut:
        """Say whether an incident was real, in place of what one said before.

        A false one needs its reason. It can be changed until 14 days after the last sign.
        """
        with gate.writing(who, Permission.INCIDENT_JUDGE) as (connection, actor):
            giving.give(connection, actor, incident_id, given)
            return giving.given(connection, actor, incident_id)

    return router


def _proposals(
    database: Database, gate: Gate, sealer: Sealer, changed: Callable[[], None]
) -> APIRouter:
    router = APIRouter(prefix="/api/cameras/{camera_id}/proposals")
    Reader = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_READ))]  # noqa: N806
    Writer = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_WRITE))]  # noqa: N806

    @router.get("", responses=responses(401, 403, 404))
    def camera_proposals(who: Reader, camera_id: str) -> ProposalsOut:
        """Propose what would have kept the false incidents of 14 days away.

        Each proposal says what else it would have done, replayed on the scores that are kept.
        Nothing of it holds before somebody accepts it. Incidents are named to whoever may see them.
        """
        with database.reading() as connection:
            camera = Registry(connection, who, sealer).existing(camera_id)
            return accepting.proposals(connection, who, camera)

    @router.post("/accept", status_code=204, responses=responses(401, 403, 404, 409, 412, 422, 428))
    def accept_proposal(who: Writer, camera_id: str, if_match: IfMatch, yes: Accepted) -> None:
        """Say yes to a proposal, by its digest: computed anew, it must be all that was shown."""
        # Not while others wait to write: two weeks of scores take a while. The camera can't have
        # changed by the time of the change, since If-Match is looked at again, as are the verdicts.
        with database.reading() as connection:
            camera = Registry(connection, who, sealer).editable(camera_id)
            require_newest(if_match, camera["revision"])
            agreed = accepting.agreed(connection, who, camera, yes)
        with gate.writing(who, Permission.CAMERA_WRITE) as (connection, actor):
            registry = Registry(connection, actor, sealer)
            accepting.carry_out(registry, camera_id, if_match, agreed)
        changed()

    return router
