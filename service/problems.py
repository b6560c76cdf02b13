"""Errors as problem details (RFC 9457): a code for programs, words for people."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Annotated, Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from service.errors import ProblemError
from service.refusals import Param

MEDIA_TYPE = "application/problem+json"

MOST_ERRORS: Final = 50
"""A body can be wrong in a million places; nobody mends more than this at once."""

LONGEST_TEXT: Final = 500
"""Of what a client sent and gets back."""


class FieldError(BaseModel):
    """One field that can't be taken."""

    field: Annotated[str, Field(description="Its path, such as position.longitude; may be empty.")]
    code: Annotated[
        str, Field(description="For programs; does not change: pydantic's type, or our own.")
    ]
    message: str
    params: Annotated[
        dict[str, Param] | None, Field(description="What words about the code need.")
    ] = None


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Field(description="Always about:blank: the code tells.")]
    status: int
    code: Annotated[str, Field(description="For programs; does not change.")]
    title: str
    detail: Annotated[str, Field(description="What to do.")]
    errors: list[FieldError] | None = None


_TITLES: Final = {
    400: "The request can't be read",
    401: "Nobody is logged in",
    403: "Not allowed to this account",
    404: "There is no such thing, or not for this account",
    408: "Too slow",
    409: "It does not fit what is there",
    412: "Edited meanwhile",
    413: "Too large",
    415: "Another media type is wanted",
    421: "Not this service's name",
    422: "Not as described",
    428: "If-Match is missing",
    429: "Too many attempts",
    502: "The identity provider fails",
    503: "Not at the moment",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return a route's ``responses`` for the problems that it may answer with."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _TITLES[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def answer(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] = (),
) -> JSONResponse:
    """Return a problem's response."""
    problem = Problem(
        type="about:blank",
        status=status,
        code=code,
        title=title,
        detail=_sendable(detail, MOST_ERRORS * LONGEST_TEXT),
        errors=list(errors) or None,
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers=dict(headers or {}),
    )


def install(app: FastAPI) -> None:
    """Let the app answer every error this way."""

    @app.exception_handler(ProblemError)
    async def _ours(_request: Request, error: ProblemError) -> JSONResponse:
        text = str(error)
        return answer(
            error.status,
            error.code,
            error.title,
            text,
            headers=error.headers,
            errors=_told_more(error),
        )

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [_field_error(one) for one in error.errors()[:MOST_ERRORS]]
        said = "; ".join(
            f"{one.field}: {one.message}" if one.field else one.message for one in errors
        )
        title = "The request is not as described"
        return answer(422, "invalid_request", title, said, errors=errors)

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        detail = f"{error.detail}; /api/openapi.json lists what there is"
        return answer(
            error.status_code, "http_error", str(error.detail), detail, headers=error.headers
        )

    @app.exception_handler(OperationalError)
    async def _database_away(_request: Request, _error: OperationalError) -> JSONResponse:
        detail = "ask again in some seconds; if it lasts, the service's log says what the fault is"
        title = "The database can't be reached"
        return answer(503, "database_away", title, detail, headers={"Retry-After": "5"})

    @app.exception_handler(Exception)
    async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
        detail = "the service's log says what happened; please report it"
        return answer(500, "internal_error", "The service failed", detail)


def _field_error(one: Mapping[str, Any]) -> FieldError:
    """Return pydantic's finding without the value, which may be a password."""
    where = one["loc"][1:] if one["loc"] and one["loc"][0] in {"body", "query"} else one["loc"]
    field = ".".join(str(part) for part in where)
    return FieldError(
        field=_sendable(field),
        code=one["type"],
        message=_sendable(str(one["msg"])),
        params=_params(one.get("ctx", {})),
    )


def _told_more(error: ProblemError) -> list[FieldError]:
    """Return what a problem says beyond its code: of which field, why, with which values."""
    if not (error.field or error.reason or error.params):
        return []
    one = FieldError(
        field=error.field or "",
        code=error.reason or error.code,
        message=_sendable(str(error)),
        params=_sent(error.params),
    )
    return [one]


def _params(context: Mapping[str, Any]) -> dict[str, Param] | None:
    """Return our own values, or pydantic's numbers: its texts are English, or what was sent."""
    if "params" in context:
        return _sent(context["params"])
    return _sent({name: one for name, one in context.items() if isinstance(one, int | float)})


def _sent(params: Mapping[str, Param]) -> dict[str, Param] | None:
    kept = {
        name: _sendable(one) if isinstance(one, str) else one
        for name, one in params.items()
        if isinstance(one, str) or isfinite(one)
    }
    return kept or None


def _sendable(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return a text that UTF-8 can hold: JSON may bring half of a surrogate pair."""
    whole = text.encode("utf-8", "replace").decode()
    return whole if len(whole) <= longest else whole[:longest] + "…"
