"""One real redis-server for the tests that don't break it; emptied for each."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.helpers import Parts, parts, settings_for
from tests.service.process import serving
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def given(shared_redis: RedisServer, tmp_path: Path) -> Iterator[Parts]:
    with parts(settings_for(shared_redis.url, tmp_path), tmp_path) as made:
        made.client.flushall()
        yield made


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service that has no Redis and nothing to show."""
    settings = settings_for("redis://127.0.0.1:1/0", tmp_path_factory.mktemp("quiet"))
    with serving(settings) as url, httpx.Client(base_url=url) as client:
        yield client
