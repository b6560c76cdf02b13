"""Probes and place pictures over HTTP."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import Connection
from starlette.responses import Response

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.cameras import store as camera_store
from service.cameras.errors import UnknownCameraError
from service.cameras.live import live_workers
from service.database import Database
from service.evidence import place_pictures
from service.evidence.routes import HEADERS
from service.housekeeping import Vitals
from service.probes import store
from service.probes.asking import Asker, next_picture_at
from service.probes.errors import UnknownProbesError
from service.probes.models import (
    CameraProbe,
    Findings,
    PlacePicture,
    ProbeBatch,
    ProbeBatchList,
    ProbesAsked,
    ProbesIn,
    ProbeState,
)
from service.probes.pictures import PictureViewer
from service.probes.store import Stage
from service.problems import responses
from service.routers import take

_JPEG: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The picture, whole",
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def probe_router(
    *,
    database: Database,
    gate: Gate,
    viewer: PictureViewer,
    vitals: Vitals,
    clock: Callable[[], datetime],
    asked: Callable[[], None],
) -> APIRouter:
    """Return the routes; ``asked`` is called after each commit that there is something to send."""
    asker = Asker(database, gate, lambda: live_workers(vitals))
    router = APIRouter(tags=["probes"])
    take(router, _batches(database, gate, asker, vitals, asked))
    take(router, _of_camera(database, gate, vitals, viewer, clock))
    return router


def _batches(
    database: Database,
    gate: Gate,
    asker: Asker,
    vitals: Vitals,
    asked: Callable[[], None],
) -> APIRouter:
    router = APIRouter(prefix="/api/probes")
    Writer = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_WRITE))]  # noqa: N806

    @router.post("", status_code=201, responses=responses(401, 403, 404, 409, 422))
    def ask_for_probes(who: Writer, given: ProbesIn) -> ProbesAsked:
        """Let workers look at cameras once, also at those that are switched off.

        Those a probe of which waits or runs already are skipped.
        """
        found = asker.ask(who, given)
        asked()
        return found

    @router.get("", responses=responses(401, 403))
    def probe_batches(who: Writer) -> ProbeBatchList:
        """List the newest 20 batches that cameras of one's own are in."""
        with database.reading() as connection:
            return ProbeBatchList(
                batches=store.newest(connection, who, no_worker=_no_worker(vitals))
            )

    @router.get("/{batch_id}", responses=responses(401, 403, 404))
    def probe_batch(who: Writer, batch_id: UUID) -> ProbeBatch:
        """Tell how far a batch is and what was found, counting cameras of one's own alone."""
        with database.reading() as connection:
            return _existing(connection, who, batch_id, vitals)

    @router.delete("/{batch_id}", status_code=204, responses=responses(401, 403, 404))
    def cancel_probes(who: Writer, batch_id: UUID) -> None:
        """Cancel what waits of one's own. What was sent comes to its end."""
        with database.reading() as connection:
            _existing(connection, who, batch_id, vitals)
        asker.cancel(who, batch_id)

    return router


def _of_camera(
    database: Database,
    gate: Gate,
    vitals: Vitals,
    viewer: PictureViewer,
    clock: Callable[[], datetime],
) -> APIRouter:
    router = APIRouter(prefix="/api/cameras/{camera_id}")
    Reader = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_READ))]  # noqa: N806
    Writer = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_WRITE))]  # noqa: N806

    @router.get("/probe", responses=responses(401, 403, 404))
    def camera_probe(who: Reader, camera_id: str) -> CameraProbe:
        """Show how far a camera's newest probe is, and what the last that finished found."""
        with database.reading() as connection:
            if camera_store.visible(connection, who, camera_id) is None:
                raise UnknownCameraError(camera_id)
            return _shown(connection, who, camera_id, clock(), no_worker=_no_worker(vitals))

    @router.get(
        "/place-picture",
        response_class=Response,
        responses={**_JPEG, **responses(401, 403, 404, 503)},
    )
    async def view_place_picture(who: Writer, camera_id: str) -> Response:
        """Show the picture that zones are drawn on, once the audit has who and when.

        Without that entry nothing is shown: 503 ``audit``. There are no ranges and no HEAD.
        """
        content = await viewer.view(who, camera_id)
        return Response(content, media_type="image/jpeg", headers=HEADERS)

    return router


def _no_worker(vitals: Vitals) -> bool:
    return not live_workers(vitals)


def _existing(connection: Connection, who: Principal, batch_id: UUID, vitals: Vitals) -> ProbeBatch:
    found = store.batch(connection, who, batch_id, no_worker=_no_worker(vitals))
    if found is None:
        raise UnknownProbesError(batch_id)
    return found


def _shown(
    connection: Connection, who: Principal, camera_id: str, now: datetime, *, no_worker: bool
) -> CameraProbe:
    row: Mapping[str, Any] = dict(store.newest_of(connection, camera_id) or {})
    result = store.last_result(connection, camera_id)
    picture = place_pictures.newest(connection, camera_id, now)
    again = next_picture_at(connection, [camera_id], datetime.now(UTC))
    stage = row.get("state")
    state = Stage.SENT.value if stage == Stage.SENDING else stage
    return CameraProbe(
        state=None if state is None else ProbeState(state),
        batch_id=row.get("batch_id"),
        asked_at=row.get("asked_at"),
        asked_by=row.get("asked_by"),
        result=None if result is None else _for(who, Findings.model_validate(result)),
        place_picture=None
        if picture is None
        else PlacePicture(made_at=picture["made_at"], asked_by=picture["asked_by"]),
        next_place_picture_at=again.get(camera_id),
        no_worker=no_worker and state == ProbeState.WAITING.value,
    )


def _for(who: Principal, found: Findings) -> Findings:
    """Return findings without what only those may see who register cameras."""
    if found.substream is None or Permission.CAMERA_WRITE in who.permissions:
        return found
    return found.model_copy(update={"substream": found.substream.model_copy(update={"url": None})})
