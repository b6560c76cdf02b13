"""A real MQTT broker for tests: Debian's mosquitto, killed and started again on the same port."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.support.redis_server import free_port

START_LIMIT_S = 10.0


def needs_mosquitto() -> str:
    """Return the program, or skip the test with the words that help."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if found is None:
        pytest.skip("needs Debian's mosquitto: run deploy/system-packages.sh as root")
    return found


class Broker:
    """``with Broker(folder) as broker:`` runs one; ``kill()`` and ``start()`` keep port and data.

    Given ``users``, it lets nobody else in, and each may write to ``fengsui/#`` alone.
    """

    def __init__(
        self,
        folder: Path,
        users: dict[str, str] | None = None,
        tls: tuple[Path, Path] | None = None,
        more: str = "",
    ) -> None:
        self._program = needs_mosquitto()
        self.port = free_port()
        self._file = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        lines = [
            "user root",  # where tests run as root, their folders are its alone
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            "autosave_on_changes true",
            more,
        ]
        if users is None:
            lines += ["allow_anonymous true"]
        else:
            lines += _closed(folder, users)
        if tls is not None:
            lines += [f"certfile {tls[0]}", f"keyfile {tls[1]}"]
        self._file.write_text("\n".join(lines) + "\n")

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
            self._process.send_signal(signal.SIGCONT)
            self.kill()

    def start(self) -> None:
        """Start, or start again after ``kill``; returns when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._file)], stdout=log, stderr=log
            )
        ends_s = time.monotonic() + START_LIMIT_S
        while time.monotonic() < ends_s and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"mosquitto does not answer; it said: {self._log.read_text()}")

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=START_LIMIT_S)
        self._process = None

    def hang(self) -> None:
        """Make it keep its connections and answer nothing, until ``resume``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Undo ``hang``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def _closed(folder: Path, users: dict[str, str]) -> list[str]:
    passwords, rights = folder / "passwords", folder / "rights"
    passwords.touch()
    for user, password in users.items():
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, password], check=True)
    rights.write_text("\n".join(f"user {user}\ntopic readwrite fengsui/#\n" for user in users))
    return ["allow_anonymous false", f"password_file {passwords}", f"acl_file {rights}"]
