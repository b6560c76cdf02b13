"""Clients that dawdle: they are sent away, or make room for others."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import structlog
import uvicorn

from service import connections, guards
from tests.service.helpers import Parts, alert
from tests.service.process import ROOT, feed, serving
from tests.service.signing_in import bearer
from tests.support.waiting import until

HALF = b"POST /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
HALF += b"Content-Length: 100\r\n\r\n{"


def connected(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def is_gone(client: socket.socket) -> bool:
    client.settimeout(2)
    try:
        return client.recv(10) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@pytest.fixture
def url(given: Parts) -> Iterator[str]:
    with serving(given.settings) as served:
        yield served


def test_a_body_that_does_not_arrive_is_not_waited_for(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "ARRIVES_WITHIN_S", 0.5)
    with connected(url) as slow:
        slow.sendall(HALF)
        said = b""
        while piece := slow.recv(4096):  # to the end: the connection is closed
            said += piece
    assert said.startswith(b"HTTP/1.1 408 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["code"] == "too_slow"


def test_neither_a_file_of_places_nor_a_feed_has_that_time(
    given: Parts, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "ARRIVES_WITHIN_S", 0.5)
    headers = bearer(given.database)

    def slowly() -> Iterator[bytes]:
        yield b"code,name\n"
        time.sleep(1.0)
        yield b"0,x\n"

    answer = httpx.post(f"{url}/api/places/import", content=slowly(), headers=headers)
    assert answer.status_code == 200, answer.text
    with feed(f"{url}/api/feed", **headers) as client:
        time.sleep(1.0)
        assert next(client._lines) is not None


def test_who_dawdles_makes_room_and_who_is_served_stays(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.listening.open_at_most", lambda: 6)
    headers = bearer(given.database)
    with serving(given.settings) as url, ExitStack() as undo:
        reading = undo.enter_context(feed(f"{url}/api/feed", **headers))
        dawdling = [undo.enter_context(connected(url)) for _ in range(5)]
        for one, sent in zip(dawdling, (b"", b"GET /", HALF, HALF, HALF), strict=True):
            one.sendall(sent)
        for _ in dawdling:
            another = undo.enter_context(httpx.Client())
            assert another.get(f"{url}/healthz").status_code == 200
        assert [is_gone(one) for one in dawdling] == [True] * 5
        given.send(alert(drill=True))
        assert reading.events(1)


def test_where_nobody_dawdles_the_newest_is_sent_away_in_words(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.listening.open_at_most", lambda: 2)
    headers = bearer(given.database)
    with serving(given.settings) as url, ExitStack() as undo:
        for _ in range(2):
            undo.enter_context(feed(f"{url}/api/feed", **headers))
        answer = httpx.get(f"{url}/healthz")
        assert (answer.status_code, answer.json()["code"]) == (503, "too_many_connections")
        assert answer.headers["retry-after"] == "2"
        assert answer.headers["content-type"] == "application/problem+json"


LONG = b"x" * 400_000
CLOSE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def long_answer(scope: Any, _receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    length = str(len(LONG)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": LONG})


@contextmanager
def limited(most: int) -> Iterator[tuple[uvicorn.Server, int]]:
    """A server of this limit whose answers fill every buffer; gives its port, too."""
    config = uvicorn.Config(
        long_answer,
        http=connections.connection_type(most),
        log_config=None,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # each connection's as well
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started, "the server")
        yield server, listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(15)
        listener.close()


def test_who_lets_the_service_close_and_never_reads_is_counted_and_makes_room() -> None:
    with limited(8) as (server, port), ExitStack() as undo:
        held = server.server_state.connections

        def unread() -> None:
            client = undo.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.sendall(CLOSE)

        for _ in range(8):
            unread()
        until(
            lambda: [one.transport.is_closing() for one in set(held)] == [True] * 8,
            "all to be closing, with answers that nobody reads",
        )
        for _ in range(30):
            unread()
        answer = httpx.get(f"http://127.0.0.1:{port}/", timeout=5)
        assert (answer.status_code, len(answer.content)) == (200, len(LONG))
        until(lambda: len(held) <= 8, "no more than may be open", 3)


class Line(asyncio.Transport):
    """A connection by TLS whose client never says goodbye: it closes when it's aborted."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.closing = self.aborted = False

    def write(self, data: Any) -> None:
        self.said += data

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def is_closing(self) -> bool:
        return self.closing


@contextmanager
def lines(most: int) -> Iterator[Any]:
    """Gives what makes a connection of this limit."""
    kind: Any = connections.connection_type(most)
    config = uvicorn.Config(long_answer, log_config=None, ws="none", lifespan="off")
    config.load()
    state = uvicorn.server.ServerState()
    loop = asyncio.new_event_loop()

    def connect(*, served: bool = False) -> tuple[Any, Line]:
        line = Line()
        one = kind(config=config, server_state=state, app_state={}, _loop=loop)
        one.connection_made(line)
        if served:
            one.cycle = SimpleNamespace(response_complete=False, more_body=False)
        return one, line

    try:
        yield connect
    finally:
        loop.close()


def test_those_sent_away_are_few_and_never_get_others_in() -> None:
    with lines(2) as connect:
        served = [connect(served=True)[1] for _ in range(2)]
        refused = [connect()[1] for _ in range(100)]
    assert not any(one.closing for one in served)
    assert all(one.said.startswith(b"HTTP/1.1 503 ") and one.closing for one in refused)
    assert [one.aborted for one in refused] == [True] * (100 - connections.BACKLOG) + [
        False
    ] * connections.BACKLOG


def test_an_aborted_one_is_not_chosen_again() -> None:
    with lines(2) as connect:
        made = [connect()[1] for _ in range(5)]
    assert [one.aborted for one in made] == [True] * 3 + [False] * 2


def test_the_end_of_a_flood_is_told() -> None:
    with structlog.testing.capture_logs() as told, lines(4) as connect:
        made = [connect()[0] for _ in range(5)]
        for one in made:
            one.connections.discard(one)
            one.aborted = True
        for _ in range(3):
            connect()
    events = [one["event"] for one in told]
    assert events == [
        "4 connections are open: of those that dawdle the oldest is closed",
        "works again",
    ]


@pytest.mark.parametrize(
    ("files", "most"), [(256, 32), (100, 32), (1024, 768), (10**6, 4096), (-1, 4096)]
)
def test_as_many_as_there_are_files_for(
    monkeypatch: pytest.MonkeyPatch, files: int, most: int
) -> None:
    monkeypatch.setattr(connections.resource, "getrlimit", lambda _which: (files, files))
    assert connections.open_at_most() == most


def test_half_sent_bodies_dont_end_a_service_of_few_files(tmp_path: Path) -> None:
    command = ["sh", "-c", 'ulimit -n 256 && exec "$@"', "sh", sys.executable, "-m", "service"]
    command += ["--port", "0", "--database", str(tmp_path / "fengsui.db")]
    environment = {**os.environ, "FENGSUI_REDIS_URL": "redis://127.0.0.1:1/0"}
    log = tmp_path / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors
        ) as process,
        ExitStack() as undo,
    ):
        try:
            assert process.stdout is not None
            said: dict[str, str] = {}
            while said.get("event") != "listening":
                said = json.loads(process.stdout.readline())
            for _ in range(300):
                one = undo.enter_context(connected(said["url"]))
                one.sendall(HALF)
            assert httpx.get(f"{said['url']}/healthz", timeout=5).status_code == 200
            assert httpx.get(f"{said['url']}/api/ways-to-sign-in", timeout=5).status_code == 200
        finally:
            process.send_signal(signal.SIGTERM)
    text = log.read_text()
    assert "Too many open files" not in text
    assert text.count("connections are open") == 1
