"""Child processes that are started again when they die."""

import ctypes
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final

import msgspec
import structlog

FIRST_RETRY_S: Final = 0.2
LONGEST_RETRY_S: Final = 5.0
STEADY_S: Final = 20.0
"""A child that lived so long died of something new: it is started again at once."""

STOP_PATIENCE_S: Final = 8.0
"""Longer than any child needs to put its state down."""

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Child:
    """One process of a fixed command."""

    name: str
    """What people call it."""
    command: Sequence[str]
    """Program and arguments; arguments are visible to everybody, so no secret is among them."""
    stdin: bytes | None = None
    """What it reads first; ``None``: its input stays open while its parent lives."""
    environment: Mapping[str, str] | None = None
    """Its environment; ``None``: this process's own."""
    on_line: Callable[[dict[str, Any]], None] | None = None
    """Gets every JSON object that it writes to stdout, from a thread of its own."""
    starts: int = 0
    """How often it was started."""
    _process: subprocess.Popen[bytes] | None = None
    _started_s: float = 0.0
    _not_before_s: float = 0.0
    _retry_s: float = FIRST_RETRY_S
    _pump: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The running process, if one runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it. It is killed by the kernel if its parent dies, so nothing is left over."""
        process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if self.on_line else subprocess.DEVNULL,
            env=self.environment,
            # Not in our process group: Ctrl-C in a terminal reaches the parent alone, which
            # stops its children in order.
            process_group=0,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - started from the main thread only
        )
        self._process, self._started_s = process, time.monotonic()
        self.starts += 1
        if self.stdin is not None and process.stdin:
            process.stdin.write(self.stdin)
            process.stdin.close()
        if self.on_line and process.stdout:
            self._pump = threading.Thread(
                target=_pump, args=(process.stdout, self.on_line), daemon=True
            )
            self._pump.start()

    def check(self) -> None:
        """Start it again if it died and its pause is over."""
        now_s = time.monotonic()
        if self._process is not None:
            if self._process.poll() is None:
                return
            if now_s - self._started_s > STEADY_S:
                self._retry_s = FIRST_RETRY_S
            log.warning("child_died", name=self.name, status=self._process.returncode)
            self._release()
            self._not_before_s = now_s + self._retry_s
            self._retry_s = min(LONGEST_RETRY_S, self._retry_s * 2)
        if now_s >= self._not_before_s:
            self.start()
            log.info("child_started", name=self.name, pid=self.pid)

    def stop(self) -> None:
        """End it: politely, then not."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            log.warning("child_killed", name=self.name)
            self._process.kill()
            self._process.wait()
        self._release()

    def _release(self) -> None:
        if self._process is None:
            return
        if self._pump:
            self._pump.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process = self._pump = None


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Children in the order in which they are needed."""

    children: list[Child] = field(default_factory=list)
    """Stopped in the reverse order."""

    def add(self, child: Child) -> Child:
        """Start a child and keep it running from now on."""
        self.children.append(child)
        child.start()
        return child

    def check(self) -> None:
        """Start what died again; to be called a few times a second."""
        for child in self.children:
            child.check()

    def stop(self) -> None:
        """End all."""
        for child in reversed(self.children):
            child.stop()


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _pump(pipe: IO[bytes], on_line: Callable[[dict[str, Any]], None]) -> None:
    for line in pipe:
        try:
            on_line(msgspec.json.decode(line, type=dict[str, Any]))
        except msgspec.DecodeError:
            log.warning("child_wrote", text=line.decode(errors="replace").rstrip()[:200])
