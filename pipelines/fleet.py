"""Several workers on one machine: one process each, and a parent that keeps them alive.

A worker that dies or falls silent is started again, under the same name, with the same share of the
cameras and the same spool. That costs the others nothing: the parent shares no lock, no pipe that
can fill and no connection with them, never waits for one of them, and needs no Redis.
"""

import math
import os
import re
import socket
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from pipelines.machine import room
from pipelines.metrics import WorkerMetrics
from pipelines.pulse import Pulse, descriptor_of_new_pulse
from pipelines.registry import Part
from pipelines.spool import Spool
from pipelines.supervisor import Child
from pipelines.worker import METRICS_PORT
from pipelines.worker_settings import WorkerError

STALE_S: Final = 20.0
"""A loop silent for so long hangs. Its longest honest turn is a batch on a starved machine and a
write that waits for a disk: a few seconds. Killed by mistake it costs its cameras a few looks, left
alone every look: four times the honest turn, ten looks of a camera."""

START_PATIENCE_S: Final = 120.0
"""Until the loop begins: Python, weights, a large file of cameras, from a cold and busy disk."""

STOP_PATIENCE_S: Final = 20.0
"""Longer than a worker stops while Redis hangs, and less than the 30 s that Kubernetes gives."""

TICK_S: Final = 0.2

LONGEST_TICK_S: Final = 1.0
"""A parent that was itself stopped or starved has not listened for longer than this."""

MOST: Final = 256
"""More than the cores of any one machine that this is meant for."""

_NUMBER: Final = re.compile(r"[0-9]{1,6}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSettings:
    """What the parent needs to know."""

    processes: int
    """How many workers."""
    worker_id: str
    """Their names are this with ``-1`` and so on."""
    command: Sequence[str]
    """What starts one; its name, share, port and pulse are added, and count more than any before.
    No secret is among the words: arguments are visible to everybody."""
    share: Part
    """Of all cameras, what these workers share."""
    metrics_port: int | None
    """The first worker's, the second's is one more; 0 picks free ones, ``None`` the usual ones or,
    where they are taken, free ones."""


def processes(text: str) -> int:
    """Return how many workers ``text`` asks for, told in the log if it is ``auto``.

    Raises ``WorkerError``.
    """
    if text == "auto":
        there = room()
        log.info("processes", workers=min(MOST, there.workers), why=there.why)
        return min(MOST, there.workers)
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= MOST:
        raise WorkerError(f"processes {text[:20]!r}: write a number from 1 to {MOST}, or auto")
    return int(text)


def worker_name(worker_id: str, number: int) -> str:
    """Return the name of the worker with this number, from 1; the same at every start."""
    return f"{worker_id}-{number}"


def tell_left_behind(spool_dir: Path, worker_id: str, count: int) -> None:
    """Name in the log the spools of workers that there were and now aren't, and what waits there.

    Fewer processes than before leave some, by the operator's wish or for ``auto``'s reasons.
    """
    for path in sorted(spool_dir.glob(f"{worker_id}-*.sqlite")):
        number = path.stem[len(worker_id) + 1 :]
        if not _NUMBER.fullmatch(number) or int(number) <= count:
            continue
        with closing(Spool(path, WorkerMetrics(CollectorRegistry()))) as spool:
            waiting = len(spool)
        if waiting:
            log.error(
                "spool_left_behind",
                spool=str(path),
                alerts=waiting,
                do=f"start with --processes {number} until they are sent",
            )


class Fleet:
    """Workers that are kept alive until it is stopped."""

    def __init__(self, settings: FleetSettings) -> None:
        """Raise ``WorkerError`` if a port that was asked for can't be had."""
        if settings.metrics_port:
            for port in range(settings.metrics_port, settings.metrics_port + settings.processes):
                _require(port)
        self._members = [_Member(settings, n + 1) for n in range(settings.processes)]
        self._stopping = False

    def run(self) -> None:
        """Start the workers and what dies of them, until ``stop``; then end them all."""
        before_s = time.monotonic()
        while not self._stopping:
            now_s = time.monotonic()
            for member in self._members:
                member.check(min(now_s - before_s, LONGEST_TICK_S))
            before_s = now_s
            time.sleep(TICK_S)
        for member in self._members:
            member.child.ask_to_stop()
        ends_s = time.monotonic() + STOP_PATIENCE_S
        for member in self._members:
            member.child.stop(max(0.0, ends_s - time.monotonic()))
            member.close()

    def stop(self) -> None:
        """Ask ``run`` to end. Safe in a signal handler."""
        self._stopping = True


class _Member:
    """One worker: its process and what is known of its loop."""

    def __init__(self, settings: FleetSettings, number: int) -> None:
        self._settings = settings
        self._number = number
        self._share = settings.share.split(number, settings.processes)
        self._descriptor = descriptor_of_new_pulse()
        self._pulse = Pulse(self._descriptor)
        self._heard = 0
        self._silent_s = 0.0
        self._killed = False
        self.child = Child(
            name=worker_name(settings.worker_id, number),
            command=(),
            descriptors=(self._descriptor,),
        )

    def check(self, passed_s: float) -> None:
        """Start it if it doesn't run, kill it if it is silent; ``passed_s`` since last time."""
        ran = self.child.pid is not None
        if ran:
            self._listen(passed_s)
        else:
            self._prepare()
        self.child.check()
        if ran and self.child.pid is None:
            self._pulse.count_restart("hung" if self._killed else "died")

    def close(self) -> None:
        """Give the shared memory back."""
        os.close(self._descriptor)

    def _prepare(self) -> None:
        self._pulse.expect_start()
        self._heard, self._silent_s, self._killed = 0, 0.0, False
        options = {
            "id": self.child.name,
            "part": f"{self._share.number}/{self._share.parts}",
            "metrics-port": str(self._port()),
            "pulse": str(self._descriptor),
            "processes": str(self._settings.processes),
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.child.command = [*self._settings.command, *words]

    def _port(self) -> int:
        """Return where its metrics are to be; 0 lets it take a free one, which its log names."""
        first = self._settings.metrics_port
        if first == 0:
            return 0
        port = (METRICS_PORT if first is None else first) + self._number - 1
        return port if first is not None or _is_free(port) else 0

    def _listen(self, passed_s: float) -> None:
        last = self._pulse.last
        if last != self._heard:
            self._heard, self._silent_s = last, 0.0
            return
        self._silent_s += passed_s
        patience_s = STALE_S if last > 0 else START_PATIENCE_S
        if self._silent_s >= patience_s and not self._killed:
            log.error(
                "worker_hung",
                name=self.child.name,
                why=f"its loop was silent for {math.floor(self._silent_s)} s",
                next="it is killed and started again",
            )
            self._killed = True
            self.child.kill()


def _is_free(port: int) -> bool:
    try:
        _require(port)
    except WorkerError:
        return False
    return True


def _require(port: int) -> None:
    """Raise ``WorkerError`` if a port can't be had; what only waits (TIME_WAIT) doesn't hold it."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise WorkerError(
                f"metrics port {port}: {error}: choose another, 0 for a free one"
            ) from error
