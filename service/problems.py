"""Errors as problem details (RFC 9457): a code for programs, words for people."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from service.errors import ProblemError

MEDIA_TYPE = "application/problem+json"


def answer(
    status: int, code: str, title: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return a problem's response."""
    content = {
        "type": "about:blank",
        "status": status,
        "code": code,
        "title": title,
        "detail": detail,
    }
    return JSONResponse(
        content, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )


def install(app: FastAPI) -> None:
    """Let the app answer every error this way."""

    @app.exception_handler(ProblemError)
    async def _ours(_request: Request, error: ProblemError) -> JSONResponse:
        headers = {"Retry-After": "5"} if error.status == 503 else {}
        return answer(error.status, error.code, error.title, str(error), headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        said = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()
        )
        return answer(422, "invalid_request", "The request is not as described", said)

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        detail = f"{error.detail}; /api/openapi.json lists what there is"
        return answer(error.status_code, "http_error", str(error.detail), detail, error.headers)

    @app.exception_handler(Exception)
    async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
        detail = "the service's log says what happened; please report it"
        return answer(500, "internal_error", "The service failed", detail)
