"""Whatever the service refuses, the console has words for, in Chinese without English in them."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from service import openapi
from service.app import create_app
from service.refusals import Refusal
from tests.service.helpers import settings_for
from tests.service.web.test_console import HAN, WEB, words

PYDANTICS = {
    "bool": {"bool_type", "bool_parsing"},
    "date": {
        "date_type",
        "date_parsing",
        "date_from_datetime_parsing",
        "date_from_datetime_inexact",
    },
    "datetime": {"datetime_type", "datetime_parsing", "datetime_from_date_parsing"},
    "enum": {"enum"},
    "float": {"float_type", "float_parsing", "finite_number"},
    "int": {"int_type", "int_parsing", "int_parsing_size", "int_from_float"},
    "is-instance": {"is_instance_of"},
    "list": {"list_type"},
    "literal": {"literal_error"},
    "model": {"model_type", "model_attributes_type"},
    "model-fields": {"missing", "extra_forbidden", "json_invalid"},
    "str": {"string_type", "string_unicode"},
    "tuple": {"tuple_type", "missing", "too_long"},
    "uuid": {"uuid_type", "uuid_parsing"},
}
"""What pydantic may say of a value, by the kind of schema."""

LIMITS = {
    ("str", "min_length"): "string_too_short",
    ("str", "max_length"): "string_too_long",
    ("str", "pattern"): "string_pattern_mismatch",
    ("list", "min_length"): "too_short",
    ("list", "max_length"): "too_long",
    ("int", "ge"): "greater_than_equal",
    ("int", "le"): "less_than_equal",
    ("int", "lt"): "less_than",
    ("float", "ge"): "greater_than_equal",
    ("float", "le"): "less_than_equal",
    ("float", "gt"): "greater_than",
    ("float", "lt"): "less_than",
    ("datetime", "tz_constraint"): "timezone_aware",
}

SILENT = {
    "allow_inf_nan", "cls", "config", "custom_init", "expected", "items_schema", "members",
    "metadata", "ref", "root_model", "schema", "strict", "strip_whitespace", "sub_type", "type",
    "fields", "model_name", "computed_fields", "microseconds_precision",
}  # fmt: skip

NO_CHECKS = {
    "any", "default", "definition-ref", "definitions",
    "function-after", "function-before", "function-plain",
    "function-wrap",
    "json-or-python", "model-field", "no-info", "nullable", "union",
}  # fmt: skip
"""Kinds that only hold others, or call our own checks."""


def flat(routes: list[Any]) -> Iterator[Any]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        yield from [route] if inner is None else flat(inner.routes)


def inputs(dependant: Any) -> Iterator[Any]:
    yield from dependant.path_params + dependant.query_params + dependant.body_params
    yield from dependant.header_params + dependant.cookie_params
    for one in dependant.dependencies:
        yield from inputs(one)


def sayable(schema: Any) -> set[str]:
    """Return the types of errors that a schema of pydantic's core can end in."""
    if isinstance(schema, list | tuple):
        return {one for part in schema for one in sayable(part)}
    if not isinstance(schema, dict) or schema.get("type") == "dataclass":  # an address, ours
        return set()
    found: set[str] = set()
    if isinstance(kind := schema.get("type"), str) and kind not in NO_CHECKS:
        limits = set(schema) - SILENT - {"serialization"}
        found = PYDANTICS[kind] | {LIMITS[kind, limit] for limit in limits}
    unread = {"serialization", "metadata", "json_schema_input_schema"}
    return found | {
        one for key, part in schema.items() if key not in unread for one in sayable(part)
    }


def test_whatever_pydantic_can_say_of_a_request_has_a_word(tmp_path: Path) -> None:
    app = create_app(settings_for("redis://127.0.0.1:1/0", tmp_path))
    fields = [
        field
        for route in flat(app.routes)
        if isinstance(route, APIRoute)
        for field in inputs(route.dependant)
    ]
    said = {one for field in fields for one in sayable(field._type_adapter.core_schema)}
    assert {"missing", "string_too_long", "literal_error", "float_parsing"} <= said
    assert {f"invalid.{one}" for one in said} - set(words("zh")) == set()


@cache
def calls() -> list[ast.Call]:
    """Return every call in the service's sources."""
    sources = [path.read_text("utf-8") for path in sorted(WEB.parent.rglob("*.py"))]
    nodes = (node for source in sources for node in ast.walk(ast.parse(source)))
    return [node for node in nodes if isinstance(node, ast.Call)]


def answered_plainly() -> set[str]:
    """Return the codes that the sources answer with as they stand, without an exception."""
    found = {
        value.value
        for call in calls()
        if getattr(call.func, "id", getattr(call.func, "attr", "")) in {"answer", "Problem"}
        for value in [*call.args[1:2], *(one.value for one in call.keywords if one.arg == "code")]
        if isinstance(value, ast.Constant)
    }
    return {one for one in found if isinstance(one, str)}


def test_every_code_of_a_problem_is_described_and_has_a_word() -> None:
    plainly = answered_plainly()
    assert {"database_away", "too_large", "import_refused"} <= plainly
    assert plainly == openapi.OTHER_CODES
    own = {"no_answer", "of_field", "other", "unexpected"}
    for language in ("zh", "en"):
        said = {key.partition(".")[2] for key in words(language) if key.startswith("problem.")}
        assert said - own == openapi.codes()


def given_with(reason: str) -> list[set[str]]:
    """Return which values the service gives along with a reason, wherever it gives the reason."""
    return [
        {keyword.arg or "" for keyword in call.keywords}
        for call in calls()
        for argument in call.args
        if not isinstance(argument, ast.Call)
        if any(isinstance(one, ast.Attribute) and one.attr == reason for one in ast.walk(argument))
    ]


@pytest.mark.parametrize("reason", Refusal)
def test_a_refusal_s_words_have_the_values_that_they_need(reason: Refusal) -> None:
    given = given_with(reason.name)
    assert given, "the service never says so"
    needed = set(re.findall(r"\{(\w+)\}", words("zh")[f"refusal.{reason}"]))
    assert all(needed <= values for values in given), (needed, given)


LATIN = re.compile(r"[A-Za-z]{3,}")
MEANT = {"rtsp", "rtsps", "CSV", "UTF", "xls", "xlsx", "XML", "JSON"}


def test_a_refusal_in_chinese_has_no_english_in_it() -> None:
    kinds = {"refusal", "invalid", "problem", "device", "hidden", "refused_place", "sea", "level",
             "field_fault"}  # fmt: skip
    for key, text in words("zh").items():
        if key.split(".")[0] in kinds:
            said = re.sub(r"\{.*?\}", "", text)
            assert set(LATIN.findall(said)) <= MEANT, key
            assert HAN.search(said) or key == "problem.of_field", key
