"""One real redis-server and one PostgreSQL for the tests that don't break them; emptied for each.

Whatever touches the database runs on SQLite and on PostgreSQL.
"""

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from ssl import SSLContext
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi._compat import v2
from httpx._transports import default
from pydantic import TypeAdapter

from service import app
from service.accounts import passwords
from service.database import Database
from service.imports import running
from tests.service.helpers import Parts, opened, parts, settings_for, sqlite_copy
from tests.service.postgres_copies import Postgres
from tests.service.process import database_of, serving
from tests.service.signing_in import bearer
from tests.support.postgres import PostgresServer
from tests.support.redis_server import RedisServer


def _context(made: Callable[..., SSLContext]) -> Callable[..., SSLContext]:
    """Read the list of public authorities once: a client of plain HTTP took 22 ms for it."""
    public = cache(made)

    def context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> SSLContext:
        if (
            verify is True
            and cert is None
            and not {"SSL_CERT_FILE", "SSL_CERT_DIR"} & {*os.environ}
        ):
            return public()
        return made(verify=verify, cert=cert, trust_env=trust_env)

    return context


def _adapter(made: type[TypeAdapter[Any]]) -> Callable[..., TypeAdapter[Any]]:
    """Make each but once: FastAPI asks for the same 250 for every app, a third of its making."""
    known: dict[tuple[Any, str, str], TypeAdapter[Any]] = {}

    def adapter(kind: Any, *, config: Any = None) -> TypeAdapter[Any]:
        key = kind.__origin__, repr(kind.__metadata__), repr(config)
        if key not in known:
            known[key] = made(kind, config=config)
        return known[key]

    return adapter


@pytest.fixture(scope="session", autouse=True)
def _quick() -> Iterator[None]:
    """A thousand apps: each would compress the console anew, and end a fifth of a second later."""
    with pytest.MonkeyPatch.context() as changes:
        changes.setattr(app, "web_router", cache(app.web_router))
        changes.setattr(running, "LOOKED_FOR_EVERY_S", 0.02)
        changes.setattr(default, "create_ssl_context", _context(default.create_ssl_context))
        changes.setattr(v2, "TypeAdapter", _adapter(TypeAdapter))
        # What it really costs is proven of a service in a process of its own.
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        changes.setattr(passwords, "_HASHER", cheap)
        yield


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


@pytest.fixture
def lone(shared_redis: RedisServer, tmp_path: Path) -> Iterator[Parts]:
    """As ``given``, on SQLite: for what has nothing to do with the kind of database."""
    settings = settings_for(shared_redis.url, tmp_path, database_url=sqlite_copy(tmp_path))
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
