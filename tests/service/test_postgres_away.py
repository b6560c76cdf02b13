"""PostgreSQL killed under the running service: it comes back by itself, and nothing is lost."""

import contextlib
from pathlib import Path

import httpx
import pytest

from pipelines import streams
from pipelines.streams import ALERTS_PRIORITY, connect
from tests.service.audit.entries import add
from tests.service.helpers import Postgres, alert, confirmed, drill_orders, opened, settings_for
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.support.postgres import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

pytestmark = pytest.mark.system("postgresql")


def test_killed_and_started_again_nothing_is_lost(
    tmp_path: Path, shared_redis: RedisServer
) -> None:
    with (
        PostgresServer() as server,
        Postgres(server).copy() as url,
        contextlib.closing(connect(shared_redis.url)) as client,
        opened(url) as database,
    ):
        client.flushall()
        headers = bearer(database)
        heads = tmp_path / "audit-heads.log"
        settings = settings_for(
            shared_redis.url, tmp_path, database_url=url, audit_heads_every_s=0.1
        )
        with serving(settings) as address, httpx.Client(base_url=address, headers=headers) as http:
            streams.add(client, ALERTS_PRIORITY, alert(drill=True))
            until(lambda: len(confirmed(client)) == 1, "the first confirmed")
            server.kill()
            streams.add(client, ALERTS_PRIORITY, alert(60.0, drill=True))
            until(lambda: pending(client) == 1, "the second taken")
            away = http.get("/api/status")
            assert (away.status_code, away.json()["code"]) == (503, "database_away")
            assert away.headers["retry-after"]
            assert http.get("/healthz").status_code == 200  # not the service's fault
            assert len(confirmed(client)) == 1
            server.start()
            until(lambda: len(confirmed(client)) == 2, "the second confirmed")
            add(database)
            until(lambda: "\n" in heads.read_text(), "a head exported")
            until(lambda: len(drill_orders(client)) == 2, "both orders")
            assert pending(client) == 0
            assert http.get("/api/status").json()["totals"]["incidents"] == 2


def pending(client: streams.Client) -> int:
    return int(client.xpending(ALERTS_PRIORITY.name, str(ALERTS_PRIORITY.group))["pending"])
