"""Evidence over HTTP."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from pipelines.messages import EvidencePart
from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.evidence import expiry, holds, retention
from service.evidence.models import (
    EvidenceList,
    HoldOut,
    Reasoned,
    Ref,
    RetentionIn,
    RetentionOut,
    Why,
)
from service.evidence.viewing import Viewer
from service.problems import responses
from service.routers import take

AlertPart = Literal[EvidencePart.STILL, EvidencePart.CLIP, EvidencePart.STRIP]
"""What an alert may have; place pictures have a route of their own."""

MEDIA_TYPES: Final = {
    EvidencePart.STILL: "image/jpeg",
    EvidencePart.CLIP: "video/mp4",
    EvidencePart.STRIP: "image/jpeg",
}

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Disposition": "inline",
    "Accept-Ranges": "none",
    "X-Content-Type-Options": "nosniff",
}
"""Each look is a request of its own: nobody on the way keeps one, nothing comes by pieces."""

_BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The picture or clip, whole",
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}}
            for media in sorted(set(MEDIA_TYPES.values()))
        },
    }
}


def evidence_router(
    *, database: Database, gate: Gate, viewer: Viewer, clock: Callable[[], datetime]
) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    # Before the pictures: "retention" must not be taken for a ref.
    take(router, _retention(database, gate, clock))
    take(router, _pictures(gate, viewer))
    take(router, _holds(gate, clock))
    return router


def _pictures(gate: Gate, viewer: Viewer) -> APIRouter:
    router = APIRouter()
    Reader = Annotated[Principal, Depends(gate.allows(Permission.INCIDENT_READ))]  # noqa: N806

    @router.get("/api/incidents/{incident_id}/evidence", responses=responses(401, 403, 404, 503))
    async def incident_evidence(who: Reader, incident_id: UUID) -> EvidenceList:
        """List an incident's pictures, the newest 50 first, and why the latest alert has none.

        What is due is not listed, even where it has still to be deleted.
        """
        return await viewer.listed(who, incident_id)

    @router.get(
        "/api/evidence/{ref}/{part}",
        response_class=Response,
        responses={**_BYTES, **responses(401, 403, 404, 503)},
    )
    async def view_evidence(
        who: Reader,
        ref: Ref,
        part: AlertPart,
        why: Why,
    ) -> Response:
        """Show a picture or clip, once the audit has who, what, when and ``why``.

        Without that entry nothing is shown: 503 ``audit``. There are no ranges and no HEAD.
        """
        content = await viewer.view(who, ref, part, why)
        return Response(content, media_type=MEDIA_TYPES[part], headers=HEADERS)

    return router


def _holds(gate: Gate, clock: Callable[[], datetime]) -> APIRouter:
    router = APIRouter(prefix="/api/incidents/{incident_id}/evidence/hold")
    # A stolen token must neither keep pictures for ever nor let go what a court waits for.
    Holder = Annotated[Principal, Depends(gate.person(Permission.EVIDENCE_HOLD))]  # noqa: N806

    @router.put("", responses=responses(401, 403, 404, 422))
    def hold_evidence(who: Holder, incident_id: UUID, given: Reasoned) -> HoldOut:
        """Keep an incident's evidence, what is there and what comes, until it is released."""
        with gate.writing(who, Permission.EVIDENCE_HOLD) as (connection, actor):
            now = clock()
            expiry.mark_all_of(connection, incident_id, now)  # a hold revives nothing
            return holds.hold(connection, actor, incident_id, given.reason, now)

    @router.delete("", status_code=204, responses=responses(401, 403, 404, 422))
    def release_evidence(who: Holder, incident_id: UUID, given: Reasoned) -> None:
        """End a hold: each picture goes when the rules say, which may be at once."""
        with gate.writing(who, Permission.EVIDENCE_HOLD) as (connection, actor):
            holds.release(connection, actor, incident_id, given.reason)

    return router


def _retention(database: Database, gate: Gate, clock: Callable[[], datetime]) -> APIRouter:
    router = APIRouter(prefix="/api/evidence/retention")
    may = Permission.EVIDENCE_RETAIN

    @router.get("", responses=responses(401, 403))
    def evidence_retention(
        who: Annotated[Principal, Depends(gate.person(may))],
    ) -> RetentionOut:
        """Tell how long evidence is kept, to who sees the whole installation."""
        with database.reading() as connection:
            return retention.shown(connection, who)

    @router.put("", responses=responses(401, 403, 422))
    def set_evidence_retention(
        who: Annotated[Principal, Depends(gate.person(may))], given: RetentionIn
    ) -> RetentionOut:
        """Put these rules in place of all there are.

        It moves when evidence goes that is neither held nor due; what is gone stays gone.
        """
        with gate.writing(who, may) as (connection, actor):
            return retention.replace(connection, actor, given.rules, clock())

    return router
