"""The API's description: kept in docs/, complete, and true under requests that nobody planned."""

import json
import re
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
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service import openapi
from service.accounts.roles import Role
from service.app import create_app
from service.cameras.models import NewCamera
from service.feed.log import FeedKind
from service.feed.routes import ALIVE, RESET
from tests.service.cameras import kit
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


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_page_s_token_is_asked_for_with_a_session_s_changes_only(
    described: dict[str, Any],
) -> None:
    scheme = described["components"]["securitySchemes"]["csrf"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-CSRF-Token")
    asked = set()
    for method, path, operation in operations(described):
        names = {one["name"].lower() for one in operation.get("parameters", ())}
        assert "x-csrf-token" not in names, f"{method} {path}"
        for way in operation.get("security", ()):
            assert ("csrf" in way) == ("session" in way and method != "get"), f"{method} {path}"
            asked |= {(method, path)} if "csrf" in way else set()
    assert {("patch", "/api/cameras/{camera_id}"), ("delete", "/api/session")} <= asked
    assert ("post", "/api/session") not in asked


def test_what_a_change_needs_and_what_an_answer_has_is_described(
    described: dict[str, Any],
) -> None:
    tagged, located = set(), set()
    for method, path, operation in operations(described):
        answers = operation["responses"]
        for one in operation.get("parameters", ()):
            if one["name"] == "if-match":
                assert one["required"], f"{method} {path}"
                assert (one["schema"]["type"], one["schema"]["examples"]) == ("string", ['"3"'])
        assert ("408" in answers and "413" in answers) == ("requestBody" in operation), path
        for status, answer in answers.items():
            headers = answer.get("headers", {})
            assert ("Retry-After" in headers) == (status in {"429", "503"}), f"{method} {path}"
            tagged |= {(method, path)} if "ETag" in headers else set()
            located |= {(path, status)} if "Location" in headers else set()
    assert tagged == {
        (method, path)
        for method, path in (
            *(("post", f"/api/{kind}") for kind in ("accounts", "cameras", "places")),
            *(
                (method, f"/api/{where}")
                for method in ("get", "patch")
                for where in ("accounts/{account_id}", "cameras/{camera_id}", "places/{code}")
            ),
            *(
                (method, f"/api/{where}")
                for method in ("get", "put")
                for where in ("clocks", "dispatch/policies", "dispatch/routes", "duty")
            ),
        )
    }
    assert located == {
        ("/api/camera-imports", "201"),
        ("/api/cameras", "201"),
        ("/api/session/oidc", "302"),
        ("/api/session/oidc/callback", "303"),
    }


def test_the_feed_s_events_and_refusals_are_described(described: dict[str, Any]) -> None:
    answers = described["paths"]["/api/feed"]["get"]["responses"]
    assert {"401", "403", "429", "503"} <= set(answers)
    stream = answers["200"]["content"]["text/event-stream"]["schema"]
    events = {
        name: kind["properties"]
        for kind in stream["contentSchema"]["items"]["oneOf"]
        for name in kind["properties"]["event"]["enum"]
    }
    assert set(events) == {*FeedKind, RESET, ALIVE}
    payload = events["incident.opened"]["data"]["contentSchema"]
    assert payload == {"$ref": "#/components/schemas/IncidentSummary"}
    assert "IncidentSummary" in described["components"]["schemas"]
    assert "id" not in events[ALIVE]


def test_codes_and_defaults_are_listed(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert set(schemas["ProblemCode"]["enum"]) == openapi.codes()
    assert {"unknown_camera", "database_away", "busy"} <= openapi.codes()
    assert {"$ref": "#/components/schemas/ProblemCode"} in schemas["Problem"]["properties"]["code"][
        "anyOf"
    ]
    reasons = schemas["FieldError"]["properties"]["code"]["anyOf"]
    assert {"$ref": "#/components/schemas/Refusal"} in reasons
    camera = schemas["NewCamera"]["properties"]
    assert camera["hazards"]["default"] == NewCamera(**kit.described()).hazards
    gb_id = camera["gb_id"]["anyOf"][0]
    assert re.fullmatch(gb_id["pattern"], kit.GB_ID)
    assert "20 digits" in gb_id["description"]
    for code in ("0", "330106", kit.HERE, f"{kit.HERE}001", f"{kit.HERE}00101"):
        assert re.fullmatch(camera["place_code"]["pattern"], code)
    assert not re.fullmatch(camera["place_code"]["pattern"], "灵隐街道")


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
                response_headers_conformance,
                response_schema_conformance,
            ),
        )

    with suppress(Unsatisfiable):  # nothing can be sent that the description refuses
        hold()
