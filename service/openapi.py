"""The API's description: FastAPI's own, and what it can't know: problems, codes and headers."""

import json
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from service.errors import ProblemError
from service.guards import SAFE_METHODS
from service.problems import MEDIA_TYPE, FieldError, Problem, responses

VERSION: Final = "1"
"""Of the API; a change that breaks a client makes it 2."""

_UNREAD: Final = frozenset({"HTTPValidationError", "ValidationError"})
"""FastAPI's own errors, which nobody ever gets from here."""

OTHER_CODES: Final = frozenset(
    {
        "console_not_built",
        "database_away",
        "foreign_host",
        "foreign_origin",
        "http_error",
        "import_refused",
        "internal_error",
        "invalid_request",
        "thread_ended",
        "thread_stuck",
        "too_large",
        "too_many_connections",
        "too_slow",
        "unreadable_body",
    }
)
"""Of problems that are answered without a ``ProblemError``; a test compares them to the sources."""

_CODE: Final = {"$ref": "#/components/schemas/ProblemCode"}
_ANOTHER: Final = {"type": "string", "description": "A later version's"}
_PYDANTIC: Final = (
    "What is wrong with the field: a Refusal or the problem's own code where we look ourselves, "
    "or else a type of https://docs.pydantic.dev/latest/errors/validation_errors/"
)

CSRF: Final = "X-CSRF-Token"
_SCHEMES: Final = {
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF,
        "description": "The csrf_token of GET /api/session: with every change that a session makes",
    }
}

_ETAG: Final = {
    "ETag": {
        "required": True,
        "description": "The revision: a change has to send it as If-Match",
        "schema": {"type": "string", "examples": ['"3"']},
    }
}
_LOCATION: Final = {
    "Location": {
        "required": True,
        "description": "Where it is",
        "schema": {"type": "string", "format": "uri-reference"},
    }
}
_LOCATED: Final = frozenset(
    {
        ("add_camera", "201"),
        ("add_camera_import", "201"),
        ("log_in_elsewhere", "302"),
        ("come_back", "303"),
    }
)
"""Answers that tell where to go on."""


def operation_id(route: APIRoute) -> str:
    """Return the function's name: what a generated client calls the operation."""
    return route.name


def install(app: FastAPI) -> None:
    """Let the app describe itself this way."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def text(app: FastAPI) -> str:
    """Return the description as it is kept in ``docs/openapi.json``."""
    return json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _described(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title, version=VERSION, description=app.description, routes=app.routes
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    _, problems = models_json_schema(
        [(Problem, "serialization"), (FieldError, "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    schemas.update(problems["$defs"])
    for name in _UNREAD:
        schemas.pop(name, None)
    _list_codes(schemas)
    components["securitySchemes"] |= _SCHEMES
    for path in found["paths"].values():
        for method, operation in path.items():
            _with_csrf(operation, method)
            _with_problems(operation)
            _with_headers(operation, schemas)
    return found


def codes() -> frozenset[str]:
    """Return every code that a problem can have."""
    return OTHER_CODES | {
        kind.code for kind in _kinds(ProblemError) if kind.code != ProblemError.code
    }


def _kinds(kind: type[ProblemError]) -> Iterator[type[ProblemError]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("service."):
            yield one
        yield from _kinds(one)


def _list_codes(schemas: dict[str, Any]) -> None:
    """Name the codes; none but strings are promised, so that a new one breaks no client."""
    schemas["ProblemCode"] = {"type": "string", "enum": sorted(codes())}
    reason = {"$ref": "#/components/schemas/Refusal"}
    schemas["Problem"]["properties"]["code"] |= _one_of(_CODE, _ANOTHER)
    schemas["FieldError"]["properties"]["code"] |= _one_of(reason, _CODE, {"type": "string"})
    schemas["FieldError"]["properties"]["code"]["description"] = _PYDANTIC


def _one_of(*schemas: dict[str, Any]) -> dict[str, Any]:
    return {"type": "string", "anyOf": list(schemas)}


def _with_problems(operation: dict[str, Any]) -> None:
    """Say of an operation that every error is a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    answers = operation["responses"]
    if "422" in answers:
        answers |= _refusal(422)
    if "requestBody" in operation:
        answers |= _refusal(408) | _refusal(413)
        if "application/json" in operation["requestBody"]["content"]:
            answers |= _refusal(400)
    elif "parameters" not in operation:
        answers.pop("422", None)
    answers["default"] = {"description": "Any problem", "content": {MEDIA_TYPE: {"schema": schema}}}


def _refusal(status: int) -> dict[str, Any]:
    return {str(one): answer for one, answer in responses(status).items()}


def _with_headers(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Say which headers an operation wants, and which its good answers have."""
    for one in operation.get("parameters", ()):
        one["required"] |= one["name"] == "if-match"
    for status, answer in operation["responses"].items():
        if status.startswith("2") and _has_revision(answer, schemas):
            answer.setdefault("headers", {}).update(_ETAG)
        if (operation["operationId"], status) in _LOCATED:
            answer.setdefault("headers", {}).update(_LOCATION)


def _has_revision(answer: dict[str, Any], schemas: dict[str, Any]) -> bool:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return "revision" in schemas.get(name, {}).get("properties", {})


def _with_csrf(operation: dict[str, Any], method: str) -> None:
    """Say that a session's changes need the page's token as well."""
    if method.upper() in SAFE_METHODS:
        return
    for way in operation.get("security", ()):
        if "session" in way:
            way["csrf"] = []
