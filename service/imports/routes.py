"""Files of cameras over HTTP: sent, watched while they are checked, mended, committed."""

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from service.accounts.principal import Principal
from service.accounts.roles import Permission
from service.cameras.live import live_workers
from service.imports import committing, downloads, sheets, store, taking
from service.imports.errors import CameraImportTooLargeError, CameraImportTooSlowError
from service.imports.models import (
    CameraImport,
    CameraImportList,
    ImportRows,
    NewCameraImport,
    RowsWanted,
)
from service.imports.rows import MOST_BYTES
from service.imports.running import Imports
from service.imports.words import Language
from service.problems import responses
from service.routers import take

ARRIVES_WITHIN_S: Final = 120.0
"""For a whole file, however its pieces come."""

BEGINS_WITHIN_S: Final = 10.0
LEAST_RATE_BYTES_PER_S: Final = 64 * 1024
"""On average, once that time is over: a file that hardly comes holds a place for the others."""

CSV: Final = "text/csv; charset=utf-8"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")

_BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
_FILE: Final = {"requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}}}
_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file", "content": {"text/csv": {"schema": {"type": "string"}}}}
}
_XLSX: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file", "content": {XLSX: _BINARY}}
}


def import_router(parts: Imports) -> APIRouter:
    """Return the routes of imports and exports; before the cameras', whose ids they'd be."""
    router = APIRouter(tags=["camera imports"])
    take(router, _beginning(parts))
    take(router, _reading(parts))
    take(router, _copies(parts))
    take(router, _committing(parts))
    take(router, _exports(parts))
    return router


def _writer(parts: Imports) -> Callable[..., Principal]:
    return parts.gate.allows(Permission.CAMERA_WRITE)


def _beginning(parts: Imports) -> APIRouter:
    router = APIRouter(prefix="/api/camera-imports")
    Writer = Annotated[Principal, Depends(_writer(parts))]  # noqa: N806

    @router.post("", status_code=201, responses=responses(401, 403, 422))
    def add_camera_import(who: Writer, new: NewCameraImport, response: Response) -> CameraImport:
        """Say what file is to come, and what counts for its rows that don't say it."""
        with parts.gate.writing(who, Permission.CAMERA_WRITE) as (connection, actor):
            import_id = store.add(connection, actor, new)
            made = store.view(store.existing(connection, actor, import_id))
        response.headers["Location"] = f"/api/camera-imports/{import_id}"
        return made

    @router.put(
        "/{import_id}/file", status_code=202, openapi_extra=_FILE,
        responses=responses(401, 403, 404, 408, 409, 413, 503),
    )  # fmt: skip
    async def send_camera_import_file(
        who: Writer, import_id: UUID, request: Request
    ) -> CameraImport:
        """Send the file, CSV or XLSX. It is read and checked from now on: ask how far it is.

        Another file may be sent in its place as long as nothing of it is committed.
        """
        await run_in_threadpool(taking.require_open, parts, who, import_id)
        with parts.runner.arriving(who.account_id):
            body = await _body(request)
            return await run_in_threadpool(taking.begin, parts, who, import_id, body)

    return router


def _reading(parts: Imports) -> APIRouter:
    router = APIRouter(prefix="/api/camera-imports")
    Writer = Annotated[Principal, Depends(_writer(parts))]  # noqa: N806

    @router.get("", responses=responses(401, 403))
    def camera_import_list(who: Writer) -> CameraImportList:
        """List one's own that are kept: of 7 days, the newest 200."""
        with parts.database.reading() as connection:
            return CameraImportList(imports=store.own(connection, who))

    @router.get("/{import_id}", responses=responses(401, 403, 404))
    def camera_import(who: Writer, import_id: UUID) -> CameraImport:
        """Tell how far an import is."""
        with parts.database.reading() as connection:
            return store.view(store.existing(connection, who, import_id))

    @router.get("/{import_id}/rows", responses=responses(401, 403, 404, 422))
    def camera_import_row_list(
        who: Writer, import_id: UUID, wanted: Annotated[RowsWanted, Query()]
    ) -> ImportRows:
        """List rows in the file's order: all, those of a verdict, those with a reason."""
        with parts.database.reading() as connection:
            return store.page(connection, store.existing(connection, who, import_id), wanted)

    return router


def _copies(parts: Imports) -> APIRouter:
    router = APIRouter()
    Writer = Annotated[Principal, Depends(_writer(parts))]  # noqa: N806
    refusals = responses(401, 403, 404, 409, 422)

    @router.get(
        "/api/camera-imports/{import_id}/annotated.csv", response_class=Response,
        responses={**_CSV, **refusals},
    )  # fmt: skip
    def annotated_csv(who: Writer, import_id: UUID, language: Language = Language.ZH) -> Response:
        """Give the file back, with what becomes of each row and why; logins are ***."""
        copy = downloads.annotated(parts.database, who, import_id, language)
        body = sheets.write_csv(copy.titles, copy.rows, above=copy.above)
        return _file(body, CSV, f"{copy.name}.csv")

    @router.get(
        "/api/camera-imports/{import_id}/annotated.xlsx", response_class=Response,
        responses={**_XLSX, **refusals},
    )  # fmt: skip
    def annotated_xlsx(who: Writer, import_id: UUID, language: Language = Language.ZH) -> Response:
        """Give the file back as a workbook, with what becomes of each row and why."""
        copy = downloads.annotated(parts.database, who, import_id, language)
        body = sheets.write_xlsx(copy.titles, copy.rows, language, above=copy.above)
        return _file(body, XLSX, f"{copy.name}.xlsx")

    return router


def _committing(parts: Imports) -> APIRouter:
    router = APIRouter(prefix="/api/camera-imports")
    Writer = Annotated[Principal, Depends(_writer(parts))]  # noqa: N806

    @router.post(
        "/{import_id}/commit", status_code=202, responses=responses(401, 403, 404, 409, 422, 503)
    )
    def commit_camera_import(who: Writer, import_id: UUID) -> CameraImport:
        """Register the good rows, or go on with it after a stop. Ask how far it is."""
        return committing.begin(parts, who, import_id)

    @router.delete("/{import_id}", status_code=204, responses=responses(401, 403, 404, 409, 422))
    def remove_camera_import(who: Writer, import_id: UUID) -> None:
        """Forget a file and its rows; cameras that were committed stay."""
        committing.forget(parts, who, import_id)

    return router


def _exports(parts: Imports) -> APIRouter:
    router = APIRouter()
    Writer = Annotated[Principal, Depends(_writer(parts))]  # noqa: N806

    @router.get(
        "/api/camera-import-template.csv", response_class=Response,
        responses={**_CSV, **responses(401, 403, 422)},
    )  # fmt: skip
    def camera_import_template_csv(_who: Writer, language: Language = Language.ZH) -> Response:
        """Give an empty file with every column."""
        return _file(sheets.template_csv(language), CSV, downloads.template_name(language, ".csv"))

    @router.get(
        "/api/camera-import-template.xlsx", response_class=Response,
        responses={**_XLSX, **responses(401, 403, 422)},
    )  # fmt: skip
    def camera_import_template_xlsx(_who: Writer, language: Language = Language.ZH) -> Response:
        """Give an empty workbook with every column, and a sheet that explains them."""
        return _file(
            sheets.template_xlsx(language), XLSX, downloads.template_name(language, ".xlsx")
        )

    @router.get(
        "/api/cameras/export.csv", response_class=Response,
        responses={**_CSV, **responses(401, 403, 422)},
    )  # fmt: skip
    def export_cameras_csv(who: Writer, wanted: Annotated[downloads.Wanted, Query()]) -> Response:
        """Give the cameras of the list's filters as a file that can be imported; no logins."""
        titles, rows = downloads.registry(parts.database, who, wanted, live_workers(parts.vitals))
        name = downloads.export_name(wanted.language, ".csv")
        return _file(sheets.write_csv(titles, rows), CSV, name)

    @router.get(
        "/api/cameras/export.xlsx", response_class=Response,
        responses={**_XLSX, **responses(401, 403, 422)},
    )  # fmt: skip
    def export_cameras_xlsx(who: Writer, wanted: Annotated[downloads.Wanted, Query()]) -> Response:
        """Give the cameras of the list's filters as a workbook; no logins."""
        titles, rows = downloads.registry(parts.database, who, wanted, live_workers(parts.vitals))
        name = downloads.export_name(wanted.language, ".xlsx")
        return _file(sheets.write_xlsx(titles, rows, wanted.language), XLSX, name)

    return router


def _file(body: bytes | Iterable[bytes], media: str, name: str) -> Response:
    plain = f'; filename="{name}"' if _PLAIN_NAME.fullmatch(name) else ""  # RFC 6266
    headers = {"Content-Disposition": f"attachment{plain}; filename*=UTF-8''{quote(name)}"}
    if isinstance(body, bytes):
        return Response(body, media_type=media, headers=headers)
    return StreamingResponse(body, media_type=media, headers=headers)


async def _body(request: Request) -> bytes:
    """Return the body, unless it is too large, of which no more is kept, or takes too long."""
    body = bytearray()
    try:
        began_s = asyncio.get_running_loop().time()
        async with asyncio.timeout(BEGINS_WITHIN_S) as limit:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise CameraImportTooLargeError(MOST_BYTES)
                paid_for_s = max(BEGINS_WITHIN_S, len(body) / LEAST_RATE_BYTES_PER_S)
                limit.reschedule(began_s + min(paid_for_s, ARRIVES_WITHIN_S))
    except TimeoutError:
        raise CameraImportTooSlowError(ARRIVES_WITHIN_S, LEAST_RATE_BYTES_PER_S) from None
    return bytes(body)
