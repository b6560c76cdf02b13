"""A real PostgreSQL for tests: a private cluster, killed and started again on the same data."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Final, Self, TypedDict

import psycopg
import pytest

from tests.support.redis_server import free_port

START_LIMIT_S = 20.0

ENDED_WITHIN_MS = 5000
"""A connection that is cut is gone within this."""

OWNERS = ("postgres", "nobody")
"""PostgreSQL refuses to run as root: then it runs as the first of these that exists."""

OPTIONS: Final = {
    # The machine may crash as it likes: only processes are killed here, and the kernel keeps
    # what they had written.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "max_connections": "60",
    "timezone": "Asia/Shanghai",  # whoever relies on UTC by luck shall see it fail
}


class _Owner(TypedDict, total=False):
    """Arguments of ``Popen``."""

    user: str
    group: int
    extra_groups: list[str]


def postgres_binaries() -> Path | None:
    """Return the folder of the newest installed server's programs; Debian keeps it off PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int("0" + "".join(filter(str.isdigit, path.parts[-3]))),
    )
    if found:
        return found[-1].parent
    if (config := shutil.which("pg_config")) is None:
        return None
    said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True)
    folder = Path(said.stdout.strip())
    return folder if (folder / "postgres").exists() else None


def needs_postgres() -> Path:
    """Return the programs' folder, or skip the test with the words that help."""
    folder = postgres_binaries()
    if folder is None:
        pytest.skip("needs Debian's postgresql: run deploy/system-packages.sh as root")
    return folder


class PostgresServer:
    """``with PostgresServer() as server:`` runs one; ``kill()`` and ``start()`` keep port and data.

    Its collation is Chinese, which orders otherwise than SQLite's bytes do.
    """

    def __init__(self) -> None:
        self._binaries = needs_postgres()
        self._directory = Path(mkdtemp(prefix="postgres-"))
        self._owner = _owner()
        self._password = secrets.token_hex(8)
        self._names = count()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def __enter__(self) -> Self:
        try:
            self._initialise()
            self.start()
        except BaseException:
            self._leave_nothing()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave_nothing()

    def url(self, database: str) -> str:
        """Return a database's address, as an operator would give it."""
        return f"postgresql://fengsui:{self._password}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        """Create a database; returns its name."""
        name = f"test_{next(self._names)}"
        with self._administering() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def rename(self, name: str, new: str) -> bool:
        """Cut whoever uses a database, and rename it; tells whether it could."""
        cut = "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE datname = %s"
        with self._administering() as connection:
            connection.execute(cut, (ENDED_WITHIN_MS, name))
            try:
                connection.execute(f"ALTER DATABASE {name} RENAME TO {new}")
            except psycopg.errors.ObjectInUse:  # somebody came back
                return False
        return True

    def drop(self, name: str) -> None:
        """Drop a database, whoever still uses it."""
        with self._administering() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def start(self) -> None:
        """Start, or start again after ``kill``; returns when it answers.

        After a kill the orphaned children hold the data for a moment, and a start is refused.
        """
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            with (self._directory / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [self._binaries / "postgres", "-D", self._directory / "data", *self._options()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    **self._owner,
                )
            while self._process.poll() is None and time.monotonic() < deadline:
                if self._answers():
                    return
                time.sleep(0.02)
        said = (self._directory / "log").read_text()
        raise RuntimeError(f"PostgreSQL does not answer on port {self.port}; it said: {said}")

    def kill(self) -> None:
        """SIGKILL, as a crash would; the data on disk stay."""
        self._end(signal.SIGKILL)

    def _initialise(self) -> None:
        if self._owner:
            shutil.chown(self._directory, self._owner["user"], self._owner["group"])
        (password := self._directory / "password").write_text(self._password)
        words = ["-D", "data", "-U", "fengsui", "--pwfile=password", "--auth=password"]
        words += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        words += ["--locale-provider=icu", "--icu-locale=zh"]
        subprocess.run(
            [self._binaries / "initdb", *words],
            cwd=self._directory,
            stdout=subprocess.DEVNULL,
            check=True,
            **self._owner,
        )
        password.unlink()

    def _options(self) -> list[str]:
        words = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._directory)]
        return words + [
            part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")
        ]

    def _answers(self) -> bool:
        try:
            with self._administering():
                return True
        except psycopg.OperationalError:  # refused, or still starting
            return False

    @contextmanager
    def _administering(self) -> Iterator[psycopg.Connection]:
        url = self.url("postgres")
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            yield connection

    def _end(self, number: signal.Signals) -> None:
        process = self._process
        assert process is not None
        os.kill(process.pid, number)
        process.wait(timeout=START_LIMIT_S)
        self._process = None

    def _leave_nothing(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGINT)  # its "fast" stop: connections are cut
        shutil.rmtree(self._directory, ignore_errors=True)


def _owner() -> _Owner:
    """Return who shall run it; empty unless this is root."""
    if os.geteuid() != 0:
        return _Owner()
    users = {entry.pw_name: entry.pw_gid for entry in pwd.getpwall()}
    user = next(name for name in OWNERS if name in users)
    return _Owner(user=user, group=users[user], extra_groups=[])
