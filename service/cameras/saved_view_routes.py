"""Saved views of the list of cameras over HTTP. Each account has its own."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.cameras import saved_views
from service.cameras.saved_views import ViewIn, ViewList, ViewOut
from service.database import Database
from service.problems import responses


def saved_view_router(database: Database, gate: Gate) -> APIRouter:
    """Return the views' routes."""
    router = APIRouter(prefix="/api/camera-views", tags=["cameras"])
    Reader = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_READ))]  # noqa: N806

    @router.get("", responses=responses(401, 403))
    def camera_views(who: Reader) -> ViewList:
        """List one's own views."""
        with database.reading() as connection:
            return saved_views.listed(connection, who)

    @router.post("", status_code=201, responses=responses(401, 403, 409, 422))
    def save_camera_view(who: Reader, given: ViewIn) -> ViewOut:
        """Keep the list's filters under a name."""
        with gate.writing(who, Permission.CAMERA_READ) as (connection, actor):
            return saved_views.keep(connection, actor, given)

    @router.delete("/{view_id}", status_code=204, responses=responses(401, 403, 404))
    def delete_camera_view(who: Reader, view_id: UUID) -> None:
        """Delete one of one's views."""
        with gate.writing(who, Permission.CAMERA_READ) as (connection, actor):
            saved_views.forget(connection, actor, view_id)

    return router
