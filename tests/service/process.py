"""The whole service: as a process that is killed and started again, or in a thread."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn

from service.app import create_app
from service.database import Database
from service.listening import config_of
from service.settings import ServiceSettings, sqlite_url
from tests.service.helpers import settings_for
from tests.service.signing_in import bearer
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]


class ServiceProcess:
    """``python -m service`` on one database; ``kill`` and ``start`` keep the port."""

    def __init__(
        self, redis_url: str, directory: Path, *arguments: str, database_url: str | None = None
    ) -> None:
        """The ``arguments`` are further ones of the command line; ``--consumer`` names the log."""
        self._redis_url = redis_url
        self._directory = directory
        self._arguments = arguments
        self._database_url = database_url or sqlite_url(directory / "fengsui.db")
        self._process: subprocess.Popen[bytes] | None = None
        self.headers: dict[str, str] = {}
        """An administrator's, from the first start on."""
        self.once = ""
        """The first administrator's one-time password, told at the first start."""
        replica = arguments[arguments.index("--consumer") + 1] if "--consumer" in arguments else ""
        self.log = directory / f"{replica or 'service'}.log"
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.end(signal.SIGKILL)

    def start(self) -> None:
        port = self.url.rpartition(":")[2] or "0"
        command = [sys.executable, "-m", "service", "--port", port]
        command += ["--evidence", str(self._directory / "evidence"), *self._arguments]
        environment = {
            "FENGSUI_REDIS_URL": self._redis_url,
            "FENGSUI_DATABASE": self._database_url,
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | environment,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        said: dict[str, str] = {}
        while said.get("event") != "listening":
            line = self._process.stdout.readline()
            if not line:
                raise AssertionError(f"the service did not start: {self.log.read_text()}")
            said = json.loads(line)
            self.once = said.get("one_time_password", self.once)
        self.url = said["url"]
        if not self.headers:
            settings = settings_for(self._redis_url, self._directory)
            settings = replace(settings, database_url=self._database_url)
            with database_of(settings) as database:
                self.headers = bearer(database)

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None
        return self._process.pid

    def end(self, number: signal.Signals) -> int:
        """Signal the process; returns its exit code."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        os.kill(process.pid, number)
        code = process.wait(timeout=15)
        process.stdout.close()
        self._process = None
        return code

    def get(self, path: str) -> Any:
        return self.ask(path).raise_for_status().json()

    def ask(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=self.headers, timeout=5)


class FeedReader:
    """One client of the live feed, which reads when asked."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()
        self.last_id: str | None = None

    def events(self, count: int, limit_s: float = 10.0) -> list[tuple[str, Any]]:
        """Return the next ``count`` events as kind and payload."""
        found: list[tuple[str, Any]] = []
        deadline = time.monotonic() + limit_s
        event: dict[str, str] = {}
        while len(found) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} of {count} events within {limit_s} s")
            line = next(self._lines)
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
            elif "id" in event:  # not the heartbeat
                self.last_id = event["id"]
                found.append((event["event"], json.loads(event["data"])))
                event = {}
            else:
                event = {}
        return found


@contextmanager
def database_of(settings: ServiceSettings) -> Iterator[Database]:
    """The database of a service that runs, beside it."""
    database = Database(settings.database_url)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def feed(url: str, **headers: str) -> Iterator[FeedReader]:
    timeout = httpx.Timeout(5.0, read=12.0)
    with httpx.stream("GET", url, headers=headers, timeout=timeout) as response:
        yield FeedReader(response)


class _Prompt(uvicorn.Server):
    """Ends as soon as it is asked to: uvicorn looks ten times a second, in a thousand tests."""

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks // 10):
            ticks += 1
            await asyncio.sleep(0.01)


@contextmanager
def serving(
    settings: ServiceSettings,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    **changes: Any,
) -> Iterator[str]:
    """The whole app over real HTTP, in a thread; ``clock`` is what evidence ages by."""
    settings = replace(settings, **changes)
    app = create_app(settings, clock=clock)
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Prompt(config_of(app, settings))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started, "the server")
        scheme = "https" if settings.tls_certificate else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        app.state.bell.close()
        server.should_exit = True
        thread.join(15)
        listener.close()
