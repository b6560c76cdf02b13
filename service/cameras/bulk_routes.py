"""The bulk edit over HTTP."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.cameras import bulk
from service.cameras.bulk import BulkAnswer, BulkEdit
from service.cameras.live import live_workers
from service.cameras.many import ManyCameras
from service.cameras.sealer import Sealer
from service.cameras.selecting import selected
from service.database import Database
from service.housekeeping import Vitals
from service.problems import responses


def bulk_router(
    *,
    database: Database,
    gate: Gate,
    sealer: Sealer,
    vitals: Vitals,
    changed: Callable[[], None],
) -> APIRouter:
    """Return the route; ``changed`` is called after each commit."""
    router = APIRouter(tags=["cameras"])
    Writer = Annotated[Principal, Depends(gate.allows(Permission.CAMERA_WRITE))]  # noqa: N806

    @contextmanager
    def writing(who: Principal, ids: Sequence[str]) -> Iterator[ManyCameras]:
        with gate.writing(who, Permission.CAMERA_WRITE) as (connection, actor):
            yield ManyCameras(connection, actor, sealer, ids)
        changed()

    @contextmanager
    def rehearsing(who: Principal, ids: Sequence[str]) -> Iterator[ManyCameras]:
        with database.reading() as connection:
            yield ManyCameras(connection, who, sealer, ids)

    @router.post("/api/cameras/bulk", responses=responses(401, 403, 404, 422))
    def change_cameras(who: Writer, given: BulkEdit) -> BulkAnswer:
        """Change many cameras alike, or rehearse it, which is what happens unless told otherwise.

        An answer is about 500 cameras at most: ask again with its ``next`` as ``after`` until that
        is null. What can't be changed of a camera is refused for that camera alone.
        """
        with database.reading() as connection:
            ids = selected(connection, who, given.selection, live_workers(vitals))
        transactions = rehearsing if given.dry_run else writing
        return bulk.run(bulk.part_of(ids, given.after), given, partial(transactions, who))

    return router
