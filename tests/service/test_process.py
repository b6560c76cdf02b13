import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import logs, streams
from pipelines.streams import ALERTS_PRIORITY, connect
from service.__main__ import main
from tests.service.helpers import alert, confirmed, drill_orders
from tests.service.process import ROOT, ServiceProcess, feed
from tests.support.redis_server import RedisServer
from tests.support.waiting import until


def send(server: RedisServer, *onsets_s: float, revision: int = 1) -> None:
    with contextlib.closing(connect(server.url)) as client:
        for onset_s in onsets_s:
            one = alert(onset_s, drill=True, revision=revision)
            streams.add(client, ALERTS_PRIORITY, one)


def orders_in(server: RedisServer, count: int) -> None:
    with contextlib.closing(connect(server.url)) as client:
        until(lambda: len(drill_orders(client)) >= count, f"{count} orders")
        incidents = [order.incident_id for order in drill_orders(client)]
    assert len(incidents) == len(set(incidents)) == count


def nothing_pending(client: streams.Client) -> bool:
    return bool(client.xpending(ALERTS_PRIORITY.name, "service")["pending"] == 0)


def test_killed_and_started_again_nothing_is_doubled_or_lost(
    tmp_path: Path, shared_redis: RedisServer
) -> None:
    with contextlib.closing(connect(shared_redis.url)) as client:
        client.flushall()
        with ServiceProcess(shared_redis.url, tmp_path) as service:
            send(shared_redis, 0.0)
            orders_in(shared_redis, 1)
            until(lambda: nothing_pending(client), "the first acknowledged")
            cursor = service.get("/api/incidents")["feed_cursor"]
            service.end(signal.SIGKILL)
            # What it had taken and not finished, what came since, and a repetition:
            send(shared_redis, 60.0)
            client.xreadgroup(str(ALERTS_PRIORITY.group), "service-1", {ALERTS_PRIORITY.name: ">"})
            send(shared_redis, 0.0, 60.0, 120.0)
            service.start()
            orders_in(shared_redis, 3)
            until(lambda: len(confirmed(client)) == 5, "all confirmed")
            assert len(service.get("/api/incidents")["incidents"]) == 3
            resumed = {"Last-Event-ID": str(cursor), **service.headers}
            with feed(f"{service.url}/api/feed", **resumed) as reader:
                kinds: list[str] = []
                while len(kinds) < 4:  # old drills close meanwhile, when is not the point here
                    told = [k for k, _ in reader.events(1)]
                    kinds += [k for k in told if k in {"incident.opened", "order.sent"}]
            assert sorted(kinds) == ["incident.opened"] * 2 + ["order.sent"] * 2
            until(lambda: nothing_pending(client), "all acknowledged")
            assert service.end(signal.SIGTERM) == 0


def test_redis_absent_at_start_and_killed_in_the_middle(tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir()
    with (
        RedisServer(folder, start=False) as server,
        ServiceProcess(server.url, tmp_path) as service,
    ):
        assert service.get("/api/status")["redis_reachable"] is False
        assert service.ask("/healthz").status_code == 200
        server.start()
        until(lambda: service.get("/api/status")["redis_reachable"], "Redis found")
        send(server, 0.0)
        orders_in(server, 1)
        server.kill()
        until(lambda: not service.get("/api/status")["redis_reachable"], "Redis missed")
        assert len(service.get("/api/incidents")["incidents"]) == 1
        server.start()
        send(server, 60.0)
        orders_in(server, 2)
        metrics = service.ask("/metrics").text
    assert 'fengsui_redis_errors_total{part="consumer"}' in metrics
    # A fault is a line, not a flood:
    said = [line for line in service.log.read_text().splitlines() if "part=consumer" in line]
    assert "start it or mend its address" in said[0]
    assert len([line for line in said if "level=error" in line]) <= 4


def test_sigterm_with_open_feeds_ends_at_once(tmp_path: Path, shared_redis: RedisServer) -> None:
    with (
        ServiceProcess(shared_redis.url, tmp_path) as service,
        feed(f"{service.url}/api/feed", **service.headers) as reader,
    ):
        next(reader.response.iter_raw())
        assert service.end(signal.SIGTERM) == 0
    assert "Traceback" not in service.log.read_text()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_only_loopback_is_served(tmp_path: Path) -> None:
    done = run("--host", "0.0.0.0", "--database", str(tmp_path / "x.db"))  # noqa: S104
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "passwords would cross the network in clear" in done.stderr


def test_a_taken_port_is_said_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = run("--port", str(port), "--database", str(tmp_path / "x.db"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "another service may hold it" in done.stderr


@pytest.fixture
def no_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """``main`` sets logging up for a process of its own."""
    monkeypatch.setattr(logs, "configure", lambda: None)


@pytest.mark.usefixtures("no_logs")
@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--port", "99999"], "give --port 0 to 65535"),
        (["--redis-url", "http://127.0.0.1"], "give redis://host:port/0"),
        (["--redis-url", "redis://me:hunter2@127.0.0.1:99999/0"], "give redis://host:port/0"),
        (["--redis-url", "redis://me:hun/hunter2@127.0.0.1/0"], "give redis://host:port/0"),
        (["--database", "postgresql+pg8000://me:hunter2@127.0.0.1/x"], "install that Python"),
        (["--database", "postgresql://me:hunter2@127.0.0.1:hunter2/x"], "the path of a SQLite"),
        (["--database", "/nowhere/fengsui.db"], "check that its directory exists, is writable"),
        (["--database", "/proc/fengsui.db"], "check that its directory exists, is writable"),
    ],
)
def test_what_it_cannot_start_with_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], advice: str
) -> None:
    default = ["--port", "0", "--database", str(tmp_path / "x.db")]
    assert main([*default, *arguments], {}) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert advice in said
    assert "hunter2" not in said


@pytest.mark.usefixtures("no_logs")
def test_a_database_of_a_newer_version_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        newer.execute("INSERT INTO alembic_version VALUES ('9999')")
        newer.commit()
    assert main(["--port", "0", "--database", str(path)], {}) == 2
    said = capsys.readouterr().err
    assert (said.count("\n"), "newer version" in said) == (1, True)


def test_the_log_is_logfmt_and_a_fault_stays_one_line(
    tmp_path: Path, shared_redis: RedisServer
) -> None:
    with ServiceProcess("redis://127.0.0.1:1/0", tmp_path) as service:
        until(lambda: "fails" in service.log.read_text(), "the fault in the log")
        service.end(signal.SIGTERM)
    for line in service.log.read_text().splitlines():
        assert re.match(r"timestamp=\S+ level=\w+ event=", line), line


def test_the_password_of_redis_is_in_no_log(tmp_path: Path) -> None:
    with ServiceProcess("redis://someone:hunter2@127.0.0.1:1/0", tmp_path) as service:
        until(lambda: "fails" in service.log.read_text(), "the fault in the log")
        assert service.end(signal.SIGINT) == 0
    assert "hunter2" not in service.log.read_text()
    assert "redis://***@127.0.0.1:1/0" in service.log.read_text()
