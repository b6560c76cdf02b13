"""Deadlines, rosters and handovers over HTTP."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.duty import handovers, rosters, rules
from service.duty.models import (
    ClocksIn,
    ClocksOut,
    DutyNow,
    HandoverIn,
    HandoverList,
    HandoverOut,
    OnDutyOut,
    PostOut,
    RosterIn,
    RosterOut,
    SignatureIn,
)
from service.duty.rosters import Post
from service.places.tree import existing
from service.problems import responses
from service.revisions import IfMatch, etag
from service.routers import take
from service.settings import ServiceSettings

PAGE_LIMIT = 200

PlaceCode = Annotated[str, Query(max_length=32, description="One of one's own places, or below")]


def duty_router(
    *,
    database: Database,
    gate: Gate,
    settings: ServiceSettings,
    clock: Callable[[], datetime],
) -> APIRouter:
    """Return the routes of duty."""
    router = APIRouter(tags=["duty"])
    take(router, _clocks(database, gate, clock))
    take(router, _duty(database, gate, settings, clock))
    take(router, _handovers(database, gate, clock))
    return router


def _clocks(database: Database, gate: Gate, clock: Callable[[], datetime]) -> APIRouter:
    router = APIRouter(prefix="/api/clocks")
    may = Permission.DUTY_WRITE

    @router.get("", responses=responses(401, 403))
    def clock_rule_list(
        who: Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))],
        response: Response,
    ) -> ClocksOut:
        """Tell how soon an incident must be seen, sent and reported in one's places."""
        with database.reading() as connection:
            found = rules.shown(connection, who)
        response.headers["ETag"] = etag(found.revision)
        return found

    @router.put("", responses=responses(401, 403, 412, 422, 428))
    def set_clock_rules(
        who: Annotated[Principal, Depends(gate.allows(may))],
        if_match: IfMatch,
        given: ClocksIn,
        response: Response,
    ) -> ClocksOut:
        """Put these rules in place of those of one's own places; all others stay.

        They hold at once, also for what waits already; a breach that was told stays told.
        """
        with gate.writing(who, may) as (connection, actor):
            found = rules.replace(connection, actor, if_match, given.rules, clock())
        response.headers["ETag"] = etag(found.revision)
        return found

    return router


def _duty(
    database: Database, gate: Gate, settings: ServiceSettings, clock: Callable[[], datetime]
) -> APIRouter:
    router = APIRouter(prefix="/api/duty")
    Handler = Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_HANDLE))]  # noqa: N806
    may = Permission.DUTY_WRITE

    @router.get("", responses=responses(401, 403, 404, 422))
    def duty_roster(who: Handler, place_code: PlaceCode, response: Response) -> RosterOut:
        """Show a place's duty roster; its ETag is what a change has to send as If-Match."""
        with database.reading() as connection:
            found = rosters.shown(connection, who, place_code, settings.timezone)
        response.headers["ETag"] = etag(found.revision)
        return found

    @router.put("", responses=responses(401, 403, 404, 412, 422, 428))
    def set_duty_roster(
        who: Annotated[Principal, Depends(gate.allows(may))],
        place_code: PlaceCode,
        if_match: IfMatch,
        given: RosterIn,
        response: Response,
    ) -> RosterOut:
        """Put these shifts in place of a place's. Without any it counts as always on duty."""
        with gate.writing(who, may) as (connection, actor):
            found = rosters.replace(
                connection,
                actor,
                place_code,
                if_match,
                given.shifts,
                timezone=settings.timezone,
                now=clock(),
            )
        response.headers["ETag"] = etag(found.revision)
        return found

    @router.get("/now", responses=responses(401, 403, 404, 422))
    def duty_now(who: Handler, place_code: PlaceCode) -> DutyNow:
        """Tell who is on duty at a place and at each level above it."""
        at = clock()
        with database.reading() as connection:
            existing(connection, who, place_code)
            posts = rosters.upward(connection, place_code, at, settings.zone)
        return DutyNow(at=at, timezone=settings.timezone, posts=[_shown(one) for one in posts])

    return router


def _shown(post: Post) -> PostOut:
    return PostOut(
        place_code=post.place_code,
        level=post.level,
        name=post.name,
        roster=post.roster,
        manned=post.manned,
        on_duty=[
            OnDutyOut(account_id=one.account_id, name=one.name, number=one.number)
            for one in post.on_duty
        ],
    )


def _handovers(database: Database, gate: Gate, clock: Callable[[], datetime]) -> APIRouter:
    router = APIRouter(prefix="/api/handovers")
    may = Permission.INCIDENT_HANDLE
    Handler = Annotated[Principal, Depends(gate.allows(may))]  # noqa: N806
    # A signature is a person's: a token may have been lent.
    Signer = Annotated[Principal, Depends(gate.person(may))]  # noqa: N806

    @router.get("", responses=responses(401, 403, 404, 422))
    def handover_list(
        who: Handler,
        limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="On a page")] = 50,
        before: Annotated[UUID | None, Query(description="The page before's last id")] = None,
    ) -> HandoverList:
        """List the handovers of one's places, newest first."""
        with database.reading() as connection:
            rows = handovers.page(connection, who, limit + 1, before)
        found = [handovers.brief(row) for row in rows[:limit]]
        return HandoverList(handovers=found, more=len(rows) > limit)

    @router.post("", status_code=201, responses=responses(401, 403, 409, 422))
    def give_handover(who: Signer, given: HandoverIn) -> HandoverOut:
        """End one's shift: list what is open and hand it to a colleague, who has to sign."""
        with gate.writing(who, may) as (connection, actor):
            return handovers.give(connection, actor, given, clock())

    @router.get("/{handover_id}", responses=responses(401, 403, 404))
    def handover(who: Handler, handover_id: UUID) -> HandoverOut:
        """Show a handover with what was open then."""
        with database.reading() as connection:
            return handovers.whole(handovers.existing(connection, who, handover_id))

    @router.post("/{handover_id}/sign", responses=responses(401, 403, 404, 409, 422))
    def sign_handover(who: Signer, handover_id: UUID, given: SignatureIn) -> HandoverOut:
        """Take over, or decline: by the taker alone. What the giver still has passes with it."""
        now = clock()
        more = given.accept
        while more:
            with gate.writing(who, may) as (connection, actor):
                more = handovers.pass_some(connection, actor, handover_id, now)
        if not given.accept:
            with gate.writing(who, may) as (connection, actor):
                handovers.decline(connection, actor, handover_id, now)
        with database.reading() as connection:
            return handovers.whole(handovers.existing(connection, who, handover_id))

    @router.post("/{handover_id}/withdraw", responses=responses(401, 403, 404, 409))
    def withdraw_handover(who: Signer, handover_id: UUID) -> HandoverOut:
        """Take one's own handover back before it is signed."""
        with gate.writing(who, may) as (connection, actor):
            return handovers.withdraw(connection, actor, handover_id, clock())

    return router
