"""Files of places over HTTP: taken whole or not at all, one at a time."""

import asyncio
import threading
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.accounts.errors import UnauthenticatedError
from service.accounts.gate import Gate
from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.database import Database
from service.places import importer
from service.places.errors import ImportBusyError, ImportTooLargeError, ImportTooSlowError
from service.places.models import ImportReport
from service.problems import MEDIA_TYPE, Problem, responses

_CSV = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}}

ARRIVES_WITHIN_S: Final = 120.0
"""For a whole file, however its pieces come."""

PLANNED_AT_MOST: Final = 3
"""Each time outside the writers' lock; a tree that changes this often is being worked on."""


def import_router(database: Database, gate: Gate) -> APIRouter:
    """Return the route that takes a file."""
    router = APIRouter(prefix="/api/places")
    imports = _Importer(database, gate)
    Writer = Annotated[Principal, Depends(gate.allows(Permission.PLACE_WRITE))]  # noqa: N806

    @router.post(
        "/import", responses=responses(401, 403, 408, 413, 422, 503), openapi_extra=_CSV,
        response_model=ImportReport,
    )  # fmt: skip
    async def import_places(
        _who: Writer,
        request: Request,
        dry_run: bool = True,
    ) -> ImportReport | JSONResponse:
        """Add and rename places by a CSV file, all of them or, with any bad row, none.

        UTF-8 or GB18030; columns code, name and, if wanted, level and parent_code (代码, 名称,
        级别, 上级代码). ``dry_run`` only tells what would happen.
        """
        body = await _body(request)
        return await run_in_threadpool(imports.take, request, body, dry_run=dry_run)

    return router


class _Importer:
    """Takes files of places, one at a time."""

    def __init__(self, database: Database, gate: Gate) -> None:
        self._database = database
        self._gate = gate
        self._turn = threading.Lock()

    def take(self, request: Request, body: bytes, *, dry_run: bool) -> ImportReport | JSONResponse:
        """Carry a file out, or tell what is wrong with it, or only what it would do."""
        if not self._turn.acquire(blocking=False):
            raise ImportBusyError
        try:
            file = importer.read_file(body)
            # The file may have taken long to arrive: who may do this is asked anew.
            who = self._gate.recheck(request, Permission.PLACE_WRITE)
            if who is None:
                raise UnauthenticatedError
            made = self._planned(who, file) if dry_run else self._carried_out(who, file)
        finally:
            self._turn.release()
        return _refusal(made.report()) if made.bad and not dry_run else made.report()

    def _planned(self, who: Principal, file: importer.File) -> importer.Plan:
        with self._database.reading() as connection:
            return importer.plan(connection, who, file)

    def _carried_out(self, who: Principal, file: importer.File) -> importer.Plan:
        for _ in range(PLANNED_AT_MOST):
            made = self._planned(who, file)
            if made.bad or not (made.created or made.renamed):
                return made
            with self._gate.writing(who, Permission.PLACE_WRITE) as (connection, now):
                # The tree may be another since, and who asks may have been given other places.
                if now.paths == who.paths and importer.fits(connection, made):
                    importer.carry_out(connection, now, made)
                    return made
            who = now
        raise ImportBusyError


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
    """Return the body, unless it is too large, of which no more is kept, or takes too long."""
    most = importer.MOST_BYTES
    too_large = ImportTooLargeError(most)
    said = request.headers.get("content-length", "0")
    if said.isascii() and said.isdigit() and len(said) < 19 and int(said) > most:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(ARRIVES_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise too_large
    except TimeoutError:
        raise ImportTooSlowError(ARRIVES_WITHIN_S) from None
    return bytes(body)
