"""The jurisdiction tree over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection, RowMapping

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.places import store, tree
from service.places.import_routes import import_router
from service.places.models import NewPlace, Place, PlaceList, PlaceRenaming
from service.problems import responses
from service.revisions import IfMatch, etag
from service.routers import take
from service.text import Query as SearchText


def place_router(database: Database, gate: Gate) -> APIRouter:
    """Return the places' routes."""
    router = APIRouter(tags=["places"])
    take(router, _reading(database, gate))
    take(router, _changes(gate))
    take(router, import_router(database, gate))
    return router


def _reading(database: Database, gate: Gate) -> APIRouter:
    router = APIRouter(prefix="/api/places")
    Reader = Annotated[Principal, Depends(gate.allows(Permission.PLACE_READ))]  # noqa: N806

    @router.get("", responses=responses(401, 403, 404, 422))
    def place_list(
        who: Reader,
        parent: Annotated[str | None, Query(max_length=32)] = None,
        q: Annotated[SearchText | None, Query()] = None,
    ) -> PlaceList:
        """List the places below ``parent``, or those that ``q`` finds, or one's own topmost.

        A search lists 50 at most; ``more`` tells that it found others: search for more of the name.
        """
        with database.reading() as connection:
            if q:
                found, more = store.search(connection, who, q.strip())
                return PlaceList(places=found, more=more)
            if parent is None:
                return PlaceList(places=store.tops(connection, who))
            tree.existing(connection, who, parent)
            return PlaceList(places=store.children(connection, parent))

    @router.get("/{code}", responses=responses(401, 403, 404))
    def place(who: Reader, code: str, response: Response) -> Place:
        """Show a place; its ETag is what a change has to send as If-Match."""
        with database.reading() as connection:
            return _shown(connection, tree.existing(connection, who, code), response)

    return router


def _changes(gate: Gate) -> APIRouter:
    router = APIRouter(prefix="/api/places")
    Writer = Annotated[Principal, Depends(gate.allows(Permission.PLACE_WRITE))]  # noqa: N806

    @router.post("", status_code=201, responses=responses(401, 403, 409, 422))
    def add_place(who: Writer, new: NewPlace, response: Response) -> Place:
        """Add a place. Its code begins with its parent's, and its level is lower."""
        with gate.writing(who, Permission.PLACE_WRITE) as (connection, actor):
            return _shown(connection, tree.add(connection, actor, new), response)

    @router.patch("/{code}", responses=responses(401, 403, 404, 412, 422, 428))
    def rename_place(
        who: Writer, code: str, if_match: IfMatch, new: PlaceRenaming, response: Response
    ) -> Place:
        """Give a place another name."""
        with gate.writing(who, Permission.PLACE_WRITE) as (connection, actor):
            renamed = tree.rename(connection, actor, code, if_match, new.name)
            return _shown(connection, renamed, response)

    @router.delete("/{code}", status_code=204, responses=responses(401, 403, 404, 409, 412, 428))
    def remove_place(who: Writer, code: str, if_match: IfMatch) -> None:
        """Take a place off the tree, if nothing hangs on it.

        That is a place, a camera or an account, a shift of its roster, a deadline of its own.
        """
        with gate.writing(who, Permission.PLACE_WRITE) as (connection, actor):
            tree.remove(connection, actor, code, if_match)

    return router


def _shown(connection: Connection, row: RowMapping, response: Response) -> Place:
    found = store.view(connection, row)
    response.headers["ETag"] = etag(found.revision)
    return found
