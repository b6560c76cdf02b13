"""Child processes that are started again when they die."""

import ctypes
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
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
    descriptors: Sequence[int] = ()
    """Open files that it inherits under their numbers here."""
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
            pass_fds=self.descriptors,
            # Not in our process group: Ctrl-C in a terminal reaches the parent alone, which
            # stops its children in order.
            process_group=0,
            preexec_fn=partial(_die_with_parent, os.getpid()),  # noqa: PLW1509 - started from the main thread only
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
        """Start it if it doesn't run and its pause is over; never raises, whatever it dies of."""
        now_s = time.monotonic()
        if self._process is not None:
            if self._process.poll() is None:
                return
            if now_s - self._started_s > STEADY_S:
                self._retry_s = FIRST_RETRY_S
            log.warning("child_died", name=self.name, status=self._process.returncode)
            self._release()
            self._pause(now_s)
        if now_s >= self._not_before_s:
            try:
                self.start()
            except (OSError, subprocess.SubprocessError) as error:  # no memory, too many processes
                log.error("child_not_started", name=self.name, error=str(error))
                self._pause(now_s)
            else:
                log.info("child_started", name=self.name, pid=self.pid)

    def _pause(self, now_s: float) -> None:
        """Put the next start off, longer each time, and not that of many at the same moment."""
        self._not_before_s = now_s + self._retry_s * random.uniform(0.5, 1.5)  # noqa: S311
        self._retry_s = min(LONGEST_RETRY_S, self._retry_s * 2)

    def kill(self) -> None:
        """End it at once; ``check`` then starts it again."""
        if self._process is not None:
            self._process.kill()

    def ask_to_stop(self) -> None:
        """Ask it to end, without waiting."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, patience_s: float = STOP_PATIENCE_S) -> None:
        """End it: politely, then not."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(patience_s)
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


def _die_with_parent(parent: int) -> None:
    """Run in the child; the parent may have died before the kernel was asked."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _pump(pipe: IO[bytes], on_line: Callable[[dict[str, Any]], None]) -> None:
    for line in pipe:
        try:
            on_line(msgspec.json.decode(line, type=dict[str, Any]))
        except msgspec.DecodeError:
            log.warning("child_wrote", text=line.decode(errors="replace").rstrip()[:200])
