"""What a body that nobody can read is told, and that every refusal is counted."""

import asyncio
from collections.abc import Iterable

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from service import problems
from service.logs import FAULT_PERIOD_S
from service.metrics import ServiceMetrics

REFUSED = "fengsui_refused_requests_total"


def counted(client: httpx.Client, code: str) -> float:
    begins = f'{REFUSED}{{code="{code}"}} '
    lines = client.get("/metrics").text.splitlines()
    return next((float(one.removeprefix(begins)) for one in lines if one.startswith(begins)), 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"name": "\xd6\xd0"}', "UTF-8"),
        (b'{"gb_id": ' + b"7" * 5000 + b"}", "put it in quotes"),
        (b"[" * 100_000, "lists"),
        (b'{"a":' * 100_000, "lists"),
    ],
)
def test_a_body_that_can_t_be_read_is_told_why_and_what_to_do(
    quiet: httpx.Client, body: bytes, said: str
) -> None:
    answer = quiet.post("/api/cameras", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable_body")
    assert said in answer.json()["detail"]
    assert "There was an error" not in answer.text


@pytest.mark.parametrize(
    ("path", "host", "code"),
    [
        ("/nothing", "localhost", "http_error"),
        ("/api/incidents?limit=0", "localhost", "invalid_request"),
        ("/api/cameras/none", "localhost", "unknown_camera"),
        ("/healthz", "evil.example", "foreign_host"),
    ],
)
def test_a_refused_request_is_counted_by_its_code(
    quiet: httpx.Client, path: str, host: str, code: str
) -> None:
    before = counted(quiet, code)
    assert quiet.get(path, headers={"Host": host}).json()["code"] == code
    assert counted(quiet, code) == before + 1


def test_a_body_that_grows_too_large_is_counted_once(quiet: httpx.Client) -> None:
    codes = "too_large", "unreadable_body"
    before = [counted(quiet, code) for code in codes]
    pieces = (b" " * 65536 for _ in range(64))  # of no announced length
    answer = quiet.post("/api/cameras", content=pieces)
    assert answer.json()["code"] == "too_large"
    assert [counted(quiet, code) for code in codes] == [before[0] + 1, before[1]]


class Failing:
    """An app whose database fails as told; its clock is the test's."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.metrics = ServiceMetrics(CollectorRegistry())
        self.app = FastAPI()
        self._error: Exception = KeyError()
        problems.install(self.app, self.metrics, clock_s=lambda: self.now_s)

        @self.app.get("/")
        def _fail() -> None:
            raise self._error

    def answered(self, error: Exception) -> httpx.Response:
        self._error = error

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://h") as client:
                return await client.get("/")

        return asyncio.run(asked())

    def counted(self) -> float:
        labels = {"part": "http"}
        name = "fengsui_database_errors_total"
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def fault(kind: type[sa.exc.DBAPIError]) -> sa.exc.DBAPIError:
    return kind("SELECT :secret", {"secret": "hunter2"}, OSError("read-only now"))


AWAY: Iterable[Exception] = (
    *map(fault, (sa.exc.OperationalError, sa.exc.InternalError, sa.exc.InterfaceError)),
    *map(fault, (sa.exc.DatabaseError, sa.exc.NotSupportedError)),
    sa.exc.TimeoutError("QueuePool limit reached"),
)


@pytest.mark.parametrize("error", AWAY, ids=lambda one: type(one).__name__)
def test_a_fault_of_the_database_is_said_and_counted(error: Exception) -> None:
    failing = Failing()
    with capture_logs() as said:
        answer = failing.answered(error)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
    assert answer.headers["retry-after"]
    assert failing.counted() == 1
    (line,) = said
    assert (line["part"], line["log_level"]) == ("http", "error")
    assert "read-only now" in line["event"] or "QueuePool" in line["event"]
    assert "hunter2" not in str(line)
    assert line["next"]


@pytest.mark.parametrize("kind", [sa.exc.IntegrityError, sa.exc.DataError, sa.exc.ProgrammingError])
def test_a_fault_of_a_statement_is_a_bug(kind: type[sa.exc.DBAPIError]) -> None:
    failing = Failing()
    answer = failing.answered(fault(kind))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert failing.counted() == 0


def test_a_spell_of_faults_is_a_line_at_its_start_and_one_a_period() -> None:
    failing = Failing()
    error = fault(sa.exc.OperationalError)
    with capture_logs() as said:
        for _ in range(10):
            failing.answered(error)
        failing.now_s += FAULT_PERIOD_S - 1
        failing.answered(error)
        assert [line["times"] for line in said] == [1]
        failing.now_s += 1
        failing.answered(error)
        assert [line["times"] for line in said] == [1, 12]
        failing.now_s += FAULT_PERIOD_S  # a period without a fault: this is another
        failing.answered(error)
    assert [line["times"] for line in said] == [1, 12, 1]
    assert failing.counted() == 13
