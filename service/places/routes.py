"""The jurisdiction tree over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.places import importer, store, tree
from service.places.errors import ImportTooLargeError
from service.places.models import ImportReport, NewPlace, Place, PlaceList, PlaceRenaming
from service.problems import MEDIA_TYPE, Problem, responses
from service.text import Query as SearchText

_CSV = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}}


def place_router(database: Database, gate: Gate) -> APIRouter:
    """Return the places' routes."""
    router = APIRouter(prefix="/api/places", tags=["places"])
    Reader = Annotated[Principal, Depends(gate.allows(Permission.PLACE_READ))]  # noqa: N806
    Writer = Annotated[Principal, Depends(gate.allows(Permission.PLACE_WRITE))]  # noqa: N806

    @router.get("", responses=responses(401, 403, 404, 422))
    def place_list(
        who: Reader,
        parent: Annotated[str | None, Query(max_length=32)] = None,
        q: Annotated[SearchText | None, Query()] = None,
    ) -> PlaceList:
        """List the places below ``parent``, or those that ``q`` finds, or one's own topmost."""
        with database.reading() as connection:
            if q:
                return PlaceList(places=store.search(connection, who, q.strip()))
            if parent is None:
                return PlaceList(places=store.tops(connection, who))
            tree.existing(connection, who, parent)
            return PlaceList(places=store.children(connection, parent))

    @router.post("", status_code=201, responses=responses(401, 403, 409, 422))
    def add_place(who: Writer, new: NewPlace) -> Place:
        """Add a place. Its code begins with its parent's, and its level is lower."""
        with database.writing() as connection:
            return store.view(connection, tree.add(connection, who, new))

    @router.post(
        "/import", responses=responses(401, 403, 413, 422), openapi_extra=_CSV,
        response_model=ImportReport,
    )  # fmt: skip
    async def import_places(
        who: Writer,
        request: Request,
        dry_run: bool = True,
    ) -> ImportReport | JSONResponse:
        """Add and rename places by a CSV file, all of them or, with any bad row, none.

        UTF-8 or GB18030; columns code, name and, if wanted, level and parent_code (代码, 名称,
        级别, 上级代码). ``dry_run`` only tells what would happen.
        """
        body = await _body(request)
        return await run_in_threadpool(_import, database, who, body, dry_run=dry_run)

    @router.get("/{code}", responses=responses(401, 403, 404))
    def place(who: Reader, code: str) -> Place:
        """Show a place."""
        with database.reading() as connection:
            return store.view(connection, tree.existing(connection, who, code))

    @router.patch("/{code}", responses=responses(401, 403, 404, 422))
    def rename_place(who: Writer, code: str, new: PlaceRenaming) -> Place:
        """Give a place another name."""
        with database.writing() as connection:
            return store.view(connection, tree.rename(connection, who, code, new.name))

    @router.delete("/{code}", status_code=204, responses=responses(401, 403, 404, 409))
    def remove_place(who: Writer, code: str) -> None:
        """Take a place off the tree, if no place, camera or account hangs on it."""
        with database.writing() as connection:
            tree.remove(connection, who, code)

    return router


def _import(
    database: Database, who: Principal, body: bytes, *, dry_run: bool
) -> ImportReport | JSONResponse:
    if dry_run:
        with database.reading() as connection:
            return importer.plan(connection, who, body).report()
    with database.writing() as connection:
        made = importer.plan(connection, who, body)
        if not made.bad:
            importer.carry_out(connection, who, made, body)
    return made.report() if not made.bad else _refusal(made.report())


def _refusal(report: ImportReport) -> JSONResponse:
    problem = Problem(
        type="about:blank",
        status=422,
        code="import_refused",
        title="The file has bad rows",
        detail=f"{report.bad} of {report.rows} rows can't be taken, so none was: mend these, or "
        "leave them out, and send the file again",
    )
    content = problem.model_dump(exclude_none=True) | report.model_dump()
    return JSONResponse(content, status_code=422, media_type=MEDIA_TYPE)


async def _body(request: Request) -> bytes:
    """Return the body, unless it is too large: then no more of it is kept."""
    most = importer.MOST_BYTES
    said = request.headers.get("content-length", "0")
    if said.isascii() and said.isdigit() and len(said) < 19 and int(said) > most:
        raise ImportTooLargeError(most)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise ImportTooLargeError(most)
    return bytes(body)
