from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.helpers import Parts, parts, settings_for, sqlite_copy
from tests.support.redis_server import RedisServer


@pytest.fixture
def lone(shared_redis: RedisServer, tmp_path: Path) -> Iterator[Parts]:
    """As ``given``, on SQLite: for what has nothing to do with the kind of database."""
    settings = settings_for(shared_redis.url, tmp_path, database_url=sqlite_copy(tmp_path))
    with parts(settings) as made:
        made.client.flushall()
        yield made
