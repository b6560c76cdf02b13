"""The API's description: kept in docs/, complete, and true under requests that nobody planned."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service import openapi
from service.accounts.roles import Role
from service.app import create_app
from tests.service.estate import fill
from tests.service.helpers import opened, settings_for, sqlite_copy
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.support.media import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "openapi.json"

EXAMPLES = 10
"""A route; the campaign in the notes ran a thousand."""


@pytest.fixture
def described(tmp_path: Path) -> dict[str, Any]:
    return create_app(settings_for("redis://127.0.0.1:1/0", tmp_path)).openapi()


def test_the_kept_description_is_the_service_s(tmp_path: Path) -> None:
    app = create_app(settings_for("redis://127.0.0.1:1/0", tmp_path))
    kept = DOCUMENT.read_text("utf-8")
    assert kept == openapi.text(app), "write it anew: fengsui openapi > docs/openapi.json"


def test_every_operation_has_a_name_words_and_typed_answers(described: dict[str, Any]) -> None:
    names = []
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            names.append(operation["operationId"])
            assert operation["description"], f"{method} {path} says nothing"
            answers = operation["responses"]
            good = [status for status in answers if status.startswith(("2", "3"))]
            assert good, f"{method} {path}"
            for status in good:
                for media in answers[status].get("content", {}).values():
                    schema = media.get("schema", {})
                    assert schema.get("additionalProperties") is not True, f"{method} {path}"
            assert "default" in answers
    assert len(names) == len(set(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A filled service and the way in."""

    url: str
    headers: dict[str, str]


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system("postgresql"))],
)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("openapi")
    with ExitStack() as undo:
        url = (
            sqlite_copy(directory)
            if request.param == "sqlite"
            else undo.enter_context(request.getfixturevalue("postgres").copy())
        )
        database = undo.enter_context(opened(url))
        fill(database)
        headers = bearer(database, Role.ADMIN)
        chosen = settings_for("redis://127.0.0.1:1/0", directory, database_url=url)
        yield Running(url=undo.enter_context(serving(chosen)), headers=headers)


KEPT = schemathesis.openapi.from_path(DOCUMENT)
OPERATIONS = sorted(
    (method, path)
    for path, operations in json.loads(DOCUMENT.read_text("utf-8"))["paths"].items()
    for method in operations
    if path != "/api/feed"  # goes on for ever
)


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # schemathesis' own
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
def test_no_request_breaks_the_service_or_its_word(
    running: Running, method: str, path: str, mode: GenerationMode
) -> None:
    operation = KEPT[path][method]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def hold(case: Any) -> None:
        case.call_and_validate(
            base_url=running.url,
            headers=running.headers,
            checks=(
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ),
        )

    with suppress(Unsatisfiable):  # nothing can be sent that the description refuses
        hold()
