"""A camera's windows over HTTP."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.cameras import windows
from service.cameras.registry import Registry
from service.cameras.sealer import Sealer
from service.cameras.windows import WindowIn, WindowList, WindowOut
from service.database import Database
from service.problems import responses


def window_router(
    *, database: Database, gate: Gate, sealer: Sealer, changed: Callable[[], None]
) -> APIRouter:
    """Return the windows' routes; ``changed`` is called after each commit."""

    @contextmanager
    def writing(who: Principal) -> Iterator[Registry]:
        with gate.writing(who, Permission.CAMERA_WRITE) as (connection, actor):
            yield Registry(connection, actor, sealer)
        changed()

    router = APIRouter(prefix="/api/cameras/{camera_id}/windows", tags=["cameras"])
    Reader = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_READ))]  # noqa: N806
    Writer = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_WRITE))]  # noqa: N806

    @router.get("", responses=responses(401, 403, 404))
    def camera_windows(who: Reader, camera_id: str) -> WindowList:
        """List a camera's windows: open and coming ones, then the newest that are over."""
        with database.reading() as connection:
            Registry(connection, who, sealer).existing(camera_id)
            return windows.listed(connection, camera_id, datetime.now(UTC))

    @router.post("", status_code=201, responses=responses(401, 403, 404, 409, 422))
    def open_camera_window(who: Writer, camera_id: str, given: WindowIn) -> WindowOut:
        """Open a window: what it expects isn't reported while it lasts. It ends by itself."""
        with writing(who) as registry:
            return windows.open_window(registry, camera_id, given)

    @router.delete("/{window_id}", status_code=204, responses=responses(401, 403, 404, 409))
    def end_camera_window(who: Writer, camera_id: str, window_id: UUID) -> None:
        """End a window now, begun or not; it stays in the list."""
        with writing(who) as registry:
            windows.end_window(registry, camera_id, window_id)

    return router
