"""PostgreSQL killed under the running service: it comes back by itself, and nothing is lost."""

import contextlib
import signal
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from pipelines import streams
from pipelines.streams import ALERTS_PRIORITY, connect
from service.database import migrate
from tests.service.audit.entries import add
from tests.service.helpers import alert, confirmed, drill_orders, opened, settings_for
from tests.service.postgres_copies import Postgres
from tests.service.process import serving
from tests.service.signing_in import bearer
from tests.support.postgres import OPTIONS, PostgresServer
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


def test_a_standby_after_a_failover_is_away_for_changes_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its errors are no ``OperationalError``."""
    monkeypatch.setitem(OPTIONS, "wal_level", "replica")
    with PostgresServer() as server, opened(server.url(server.create())) as database:
        migrate(database.engine)
        headers = bearer(database)
        url = database.engine.url.render_as_string(hide_password=False)
        settings = settings_for("redis://127.0.0.1:1/0", tmp_path, database_url=url)
        with serving(settings) as address, httpx.Client(base_url=address, headers=headers) as http:
            assert http.get("/api/places").status_code == 200
            become_standby(server)
            new = {"code": "330100", "parent_code": "0", "level": "city", "name": "杭州"}
            with capture_logs() as said:
                refused = [http.post("/api/places", json=new) for _ in range(3)]
            told = [(one.status_code, one.json()["code"]) for one in refused]
            assert told == [(503, "database_away")] * 3
            assert len([one for one in said if one.get("part") == "http"]) == 1
            assert http.get("/api/places").status_code == 200
            counted = 'fengsui_database_errors_total{part="http"} 3.0'
            assert counted in http.get("/metrics").text.splitlines()


def become_standby(server: PostgresServer) -> None:
    server._end(signal.SIGINT)
    sign = server._directory / "data" / "standby.signal"
    sign.touch()
    sign.chmod(0o666)
    server.start()


def pending(client: streams.Client) -> int:
    return int(client.xpending(ALERTS_PRIORITY.name, str(ALERTS_PRIORITY.group))["pending"])
