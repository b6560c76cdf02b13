"""The registry of cameras over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from pipelines.messages import USUAL_HAZARDS, Expected, ZoneKind
from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.cameras import health, listing, views
from service.cameras.answers import Camera, CameraChoices, CameraList, RefusedPlaceType
from service.cameras.health import CameraHealth
from service.cameras.listing import Wanted
from service.cameras.live import live_workers
from service.cameras.models import CameraLogin, CameraPatch, NewCamera, Programme
from service.cameras.place_types import REFUSED, PlaceType
from service.cameras.position import CoordinateSystem
from service.cameras.registry import Registry
from service.cameras.sealer import Sealer
from service.database import Database
from service.housekeeping import Vitals
from service.problems import responses
from service.revisions import IfMatch, etag
from service.routers import take
from vision.hazards import Hazard

Days = Annotated[int, Query(ge=1, le=health.KEPT.days)]

Writing = Callable[[Principal], AbstractContextManager[Registry]]


def camera_router(
    *,
    database: Database,
    gate: Gate,
    sealer: Sealer,
    vitals: Vitals,
    changed: Callable[[], None],
) -> APIRouter:
    """Return the cameras' routes; ``changed`` is called after each commit."""

    @contextmanager
    def writing(who: Principal) -> Iterator[Registry]:
        with gate.writing(who, Permission.CAMERA_WRITE) as (connection, actor):
            yield Registry(connection, actor, sealer)
        changed()

    router = APIRouter(tags=["cameras"])
    take(router, _reading(database, gate, sealer, vitals))
    take(router, _changes(gate, writing, vitals))
    take(router, _credentials(gate, writing))
    return router


def _reading(database: Database, gate: Gate, sealer: Sealer, vitals: Vitals) -> APIRouter:
    router = APIRouter()
    Reader = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_READ))]  # noqa: N806

    @router.get("/api/camera-choices", responses=responses(401, 403))
    def camera_choices(_who: Reader) -> CameraChoices:
        """Tell what may be chosen for a camera, and which places are never watched."""
        return CameraChoices(
            programmes=list(Programme),
            place_types=list(PlaceType),
            refused_place_types=list(REFUSED),
            refusals=[RefusedPlaceType(place_type=one, reason=why) for one, why in REFUSED.items()],
            coordinate_systems=list(CoordinateSystem),
            hazards=list(Hazard),
            usual_hazards=list(USUAL_HAZARDS),
            zone_kinds=list(ZoneKind),
            window_kinds=list(Expected),
        )

    @router.get("/api/cameras", responses=responses(401, 403, 422))
    def camera_list(who: Reader, wanted: Annotated[Wanted, Query()]) -> CameraList:
        """List one's cameras; ``place`` takes in everything below it."""
        with database.reading() as connection:
            return listing.page(connection, who, wanted, live_workers(vitals))

    @router.get("/api/cameras/{camera_id}", responses=responses(401, 403, 404))
    def camera(who: Reader, camera_id: str, response: Response) -> Camera:
        """Show a camera; its ETag is what a change has to send as If-Match."""
        with database.reading() as connection:
            registry = Registry(connection, who, sealer)
            registry.existing(camera_id)
            return _shown(registry, camera_id, vitals, response)

    @router.get("/api/cameras/{camera_id}/health", responses=responses(401, 403, 404, 422))
    def camera_health(who: Reader, camera_id: str, days: Days = 7) -> CameraHealth:
        """Tell how it stood with a camera of late, and what share of the time each state took."""
        with database.reading() as connection:
            row = Registry(connection, who, sealer).existing(camera_id)
            return health.report(connection, camera_id, days, row["created_at"], datetime.now(UTC))

    return router


def _changes(gate: Gate, writing: Writing, vitals: Vitals) -> APIRouter:
    router = APIRouter(prefix="/api/cameras")
    Writer = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_WRITE))]  # noqa: N806

    @router.post("", status_code=201, responses=responses(401, 403, 409, 422))
    def add_camera(who: Writer, new: NewCamera, response: Response) -> Camera:
        """Register a camera. A login in an address is taken out of it and sealed."""
        with writing(who) as registry:
            made = _shown(registry, registry.add(new), vitals, response)
        response.headers["Location"] = f"/api/cameras/{made.camera_id}"
        return made

    @router.patch("/{camera_id}", responses=responses(401, 403, 404, 409, 412, 422, 428))
    def change_camera(
        who: Writer, camera_id: str, if_match: IfMatch, patch: CameraPatch, response: Response
    ) -> Camera:
        """Change what is named; its worker applies it within two seconds."""
        with writing(who) as registry:
            registry.change(camera_id, if_match, patch)
            return _shown(registry, camera_id, vitals, response)

    @router.delete(
        "/{camera_id}", status_code=204, responses=responses(401, 403, 404, 409, 412, 428)
    )
    def remove_camera(who: Writer, camera_id: str, if_match: IfMatch) -> None:
        """Take a camera off the registry; it is watched no more."""
        with writing(who) as registry:
            registry.remove(camera_id, if_match)

    return router


def _credentials(gate: Gate, writing: Writing) -> APIRouter:
    router = APIRouter(prefix="/api/cameras/{camera_id}/credentials")
    Writer = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_WRITE))]  # noqa: N806

    @router.put("", status_code=204, responses=responses(401, 403, 404, 409, 412, 422, 428))
    def set_camera_credentials(
        who: Writer, camera_id: str, if_match: IfMatch, given: CameraLogin
    ) -> None:
        """Give user and password anew. They are sealed, and never shown again."""
        with writing(who) as registry:
            registry.set_credentials(camera_id, if_match, given)

    @router.delete("", status_code=204, responses=responses(401, 403, 404, 409, 412, 428))
    def remove_camera_credentials(who: Writer, camera_id: str, if_match: IfMatch) -> None:
        """Remove user and password."""
        with writing(who) as registry:
            registry.set_credentials(camera_id, if_match, None)

    return router


def _shown(registry: Registry, camera_id: str, vitals: Vitals, response: Response) -> Camera:
    found = views.one(registry.connection, registry.principal, camera_id, live_workers(vitals))
    response.headers["ETag"] = etag(found.revision)
    return found
