"""Processes of a run: started, killed, started again on what they left."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.planned import Plan
from tests.chaos.worker import SPOOL, plan_words, steps_done
from tests.service.process import ROOT

STOP_LIMIT_S = 20.0


class WorkerProcess:
    """One worker on its folder."""

    def __init__(self, plan: Plan, number: int, redis_url: str, folder: Path) -> None:
        self._plan, self._number, self._redis_url = plan, number, redis_url
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end(signal.SIGTERM)

    def start(self) -> None:
        """Start, or start again after ``end``."""
        words = ["--redis-url", self._redis_url, "--folder", str(self.folder)]
        words += ["--number", str(self._number), "--plan", plan_words(self._plan)]
        with (self.folder / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.worker", *words],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def end(self, number: signal.Signals) -> None:
        """Signal it and wait for its end."""
        if (process := self._process) is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=STOP_LIMIT_S)
        self._process = None

    @property
    def left(self) -> int:
        """How many steps it has still to do."""
        return self._plan.steps(self._number) - steps_done(self.folder)

    @property
    def unconfirmed(self) -> int:
        """How many revisions its spool holds."""
        path = self.folder / SPOOL
        if not path.exists():
            return 0
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as spool:
                return int(spool.execute("SELECT count(*) FROM entry").fetchone()[0])
        except sqlite3.OperationalError:  # it is being made, or recovered after a kill
            return 1


@dataclass(slots=True, kw_only=True)
class Victim:
    """Something that is killed and started again, one at a time."""

    name: str
    """What the report calls it."""
    kill: Callable[[], None]
    """SIGKILL, and wait for the end."""
    start: Callable[[], None]
    """Start it again."""
    kills: int = 0
    """How often it was."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is away."""

    def die(self) -> float:
        """Kill it and start it at once; returns how long it was away, in seconds."""
        with self.lock:
            began_s = time.monotonic()
            self.kill()
            self.start()
            self.kills += 1
            return time.monotonic() - began_s
