"""One real redis-server and one PostgreSQL for the tests that don't break them; emptied for each.

Whatever touches the database runs on SQLite and on PostgreSQL.
"""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.database import Database
from tests.service.helpers import Parts, Postgres, opened, parts, settings_for, sqlite_copy
from tests.service.process import database_of, serving
from tests.service.signing_in import bearer
from tests.support.postgres import PostgresServer
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with PostgresServer() as server:
        yield Postgres(server)


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system("postgresql"))]
)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated, empty database of each kind."""
    if request.param == "sqlite":
        yield sqlite_copy(tmp_path)
        return
    with request.getfixturevalue("postgres").copy() as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with opened(database_url) as found:
        yield found


@pytest.fixture
def given(shared_redis: RedisServer, tmp_path: Path, database_url: str) -> Iterator[Parts]:
    settings = settings_for(shared_redis.url, tmp_path, database_url=database_url)
    with parts(settings) as made:
        made.client.flushall()
        yield made


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An administrator's client of a service that has no Redis and nothing to show."""
    settings = settings_for("redis://127.0.0.1:1/0", tmp_path_factory.mktemp("quiet"))
    with (
        serving(settings) as url,
        database_of(settings) as database,
        httpx.Client(base_url=url, headers=bearer(database)) as client,
    ):
        yield client
