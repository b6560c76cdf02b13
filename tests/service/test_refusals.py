"""A refusal as it is answered: its code, and the values that words about it need."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from service import problems
from service.cameras.errors import GbIdTakenError
from service.cameras.models import NewCamera
from service.metrics import ServiceMetrics
from service.places.errors import RootPlaceError, UnknownPlaceError
from tests.service.cameras.kit import described


def answered(body: dict[str, Any], raised: Exception | None = None) -> dict[str, Any]:
    app = FastAPI()
    problems.install(app, ServiceMetrics(CollectorRegistry()))

    @app.post("/")
    def _add(_new: NewCamera) -> None:
        if raised:
            raise raised

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/", json=body)

    told: dict[str, Any] = asyncio.run(asked()).json()["errors"][0]
    told.pop("message")
    return told


AT_SEA = {"longitude": 123.0, "latitude": 35.0, "coordinate_system": "wgs84"}


@pytest.mark.parametrize(
    ("changes", "field", "code", "params"),
    [
        ({"gb_id": "1"}, "gb_id", "gb_id_length", {"digits": 1}),
        ({"gb_id": 33010600001320000001}, "gb_id", "gb_id_number", None),
        ({"credentials": {"user": "a", "password": ["x"]}}, "credentials.password", "string_type",
         None),
        ({"gb_id": "33010600001180000001"}, "gb_id", "gb_id_other_device",
         {"kind": "118", "device": "118"}),
        ({"position": AT_SEA}, "position", "position_in_sea",
         {"longitude": 123.0, "latitude": 35.0, "sea": "yellow"}),
        ({"main_url": "rtsp://192.0.2.1/?password=x"}, "main_url", "address_login", None),
        ({"place_type": "home"}, "place_type", "place_type_refused", {"refused_place": "home"}),
        ({"owner": "a\u202eb"}, "owner", "hostile_text",
         {"at": 2, "hidden": "invisible", "sign": "U+202E"}),
        ({"owner": "长" * 129}, "owner", "string_too_long", {"max_length": 128}),
        ({"programme": "x"}, "programme", "enum", None),
        ({"sign_confirmed": False}, "sign_confirmed", "literal_error", None),
    ],
)  # fmt: skip
def test_a_field_s_error_has_a_code_and_values(
    changes: dict[str, Any], field: str, code: str, params: dict[str, Any] | None
) -> None:
    expected = {"field": field, "code": code} | ({"params": params} if params else {})
    assert answered(described(**changes)) == expected


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (UnknownPlaceError("9", "place_code"), {"field": "place_code", "code": "unknown_place"}),
        (UnknownPlaceError("\ud800", "places"), {"field": "places", "code": "unknown_place"}),
        (RootPlaceError(), {"field": "", "code": "place_root"}),
        (GbIdTakenError("东门"),
         {"field": "gb_id", "code": "gb_id_taken", "params": {"name": "东门"}}),
    ],
)  # fmt: skip
def test_a_problem_tells_its_field_or_its_reason(
    raised: Exception, expected: dict[str, Any]
) -> None:
    assert answered(described(), raised) == expected
