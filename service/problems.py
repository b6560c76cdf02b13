"""Errors as problem details (RFC 9457): a code for programs, words for people."""

import time
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Annotated, Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import Counter
from pydantic import BaseModel, Field
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from service.errors import ProblemError
from service.logs import FAULT_PERIOD_S, FaultLog
from service.metrics import ServiceMetrics
from service.refusals import Param

MEDIA_TYPE = "application/problem+json"

MOST_ERRORS: Final = 50
"""A body can be wrong in a million places; nobody mends more than this at once."""

LONGEST_TEXT: Final = 500
"""Of what a client sent and gets back."""


_BUGS: Final = (DataError, IntegrityError, ProgrammingError)
"""Database errors that a statement of ours is to blame for; all others are the database's. A
standby answers ``NotSupportedError`` to a transaction that is to write."""


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


NOT_SENT: Final = "fengsui.not_sent"
"""In a scope whose answers are dropped, as another is on its way."""


class _ProblemAnswer(JSONResponse):
    """A problem on its way to a client; counted there, whoever in the app found it."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, headers: Mapping[str, str]) -> None:
        content = problem.model_dump(exclude_none=True)
        super().__init__(content, status_code=problem.status, headers=dict(headers))
        self._code = problem.code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused: Counter | None = getattr(scope["app"].state, "refused_requests", None)
        if refused is not None and NOT_SENT not in scope:
            refused.labels(self._code).inc()
        await super().__call__(scope, receive, send)


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


_HEADERS: Final = {
    429: {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}},
    503: {
        "Retry-After": {
            "description": "Seconds to wait, if it passes by itself",
            "schema": {"type": "integer"},
        }
    },
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return a route's ``responses`` for the problems that it may answer with."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": _TITLES[status],
            "content": {MEDIA_TYPE: {"schema": schema}},
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
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
    return _ProblemAnswer(problem, headers or {})


class _DatabaseFaults:
    """Says and counts that the database fails requests: a line a spell, and one a period.

    No request can tell that all is well again, only that it was itself: a spell is over when none
    has failed for a period.
    """

    def __init__(self, metrics: ServiceMetrics, clock_s: Callable[[], float]) -> None:
        self._errors = metrics.database_errors.labels("http")
        self._clock_s = clock_s
        self._failed_s = -FAULT_PERIOD_S
        self._log = FaultLog("http", clock_s=clock_s)

    def failed(self, error: DBAPIError | PoolTimeoutError) -> None:
        """Note one failure. Of a statement nothing is said: it may hold a hash of a secret."""
        now_s = self._clock_s()
        if now_s - self._failed_s >= FAULT_PERIOD_S:
            self._log = FaultLog("http", clock_s=self._clock_s)
        self._failed_s = now_s
        self._errors.inc()
        said = error.orig if isinstance(error, DBAPIError) else error
        self._log.failed(
            f"the database fails: {type(said).__name__}: {said}",
            "look for a full disk, a server that is away or read-only, or another process that "
            "holds it; clients are told to ask again",
        )


def install(
    app: FastAPI, metrics: ServiceMetrics, clock_s: Callable[[], float] = time.monotonic
) -> None:
    """Let the app answer every error this way, and count the answers by their code."""
    app.state.refused_requests = metrics.refused_requests
    faults = _DatabaseFaults(metrics, clock_s)

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
        if error.status_code == 400 and error.__cause__ is not None:
            return answer(400, "unreadable_body", _TITLES[400], _unreadable(error.__cause__))
        detail = f"{error.detail}; /api/openapi.json lists what there is"
        return answer(
            error.status_code, "http_error", str(error.detail), detail, headers=error.headers
        )

    @app.exception_handler(PoolTimeoutError)
    @app.exception_handler(DBAPIError)
    async def _database_away(
        _request: Request, error: DBAPIError | PoolTimeoutError
    ) -> JSONResponse:
        if isinstance(error, _BUGS):
            raise error
        faults.failed(error)
        detail = "ask again in some seconds; if it lasts, the service's log says what the fault is"
        title = "The database can't be reached"
        return answer(503, "database_away", title, detail, headers={"Retry-After": "5"})

    @app.exception_handler(Exception)
    async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
        detail = "the service's log says what happened; please report it"
        return answer(500, "internal_error", "The service failed", detail)


def _unreadable(cause: BaseException) -> str:
    """Return what to do about a body that Python's JSON gave up on, of which FastAPI says less."""
    if isinstance(cause, UnicodeDecodeError):
        return "the body is not UTF-8: encode it so"
    if isinstance(cause, RecursionError):
        return "the body has too many lists or objects inside each other: send what is described"
    if isinstance(cause, ValueError):
        return "a number in the body has too many digits: if it is an id, put it in quotes"
    return "the body did not arrive whole: send it again"


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
