"""The API's description: FastAPI's own, with our problems in it and names that clients can use."""

import json
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from service.problems import MEDIA_TYPE, FieldError, Problem

VERSION: Final = "1"
"""Of the API; a change that breaks a client makes it 2."""

_UNREAD: Final = frozenset({"HTTPValidationError", "ValidationError"})
"""FastAPI's own errors, which nobody ever gets from here."""


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
    for path in found["paths"].values():
        for operation in path.values():
            _with_problems(operation)
    return found


def _with_problems(operation: dict[str, Any]) -> None:
    """Say of an operation that every error is a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    answers = operation["responses"]
    if "422" in answers:
        answers["422"] = {
            "description": "Not as described",
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
    answers["default"] = {"description": "Any problem", "content": {MEDIA_TYPE: {"schema": schema}}}
