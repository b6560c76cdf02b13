"""The targets that there are: the built-in streams and those of the file.

The file is read again when it has changed and rests; one that can't be used changes nothing but
``problem``.
"""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from pipelines.streams import DISPATCH, DISPATCH_DRILL, Client
from service.dispatch.senders.stream import StreamSender
from service.dispatch.sending import (
    Outgoing,
    RefusedError,
    Sender,
    SendError,
    Target,
    TargetKind,
    UnreachableError,
    said,
)
from service.dispatch.targets_file import Described, Surroundings, TargetsFileError, read_targets
from service.dispatch.targets_table import Files, look_of
from service.metrics import ServiceMetrics

__all__ = [
    "Outgoing",
    "RefusedError",
    "SendError",
    "Sender",
    "Target",
    "TargetBook",
    "TargetKind",
    "UnreachableError",
]

LOOK_EVERY_S: Final = 1.0
"""How often the file is looked at, while somebody asks."""

SETTLED_S: Final = 1.0
"""How long a changed file must rest before it is read: somebody may still be writing it."""


def _built_in(name: str, *, drill: bool) -> Described:
    target = Target(
        name=name,
        kind=TargetKind.STREAM,
        label=name,
        where=name,
        wants_updates=False,
        drills=drill,
        real=not drill,
    )
    return Described(target=target, settings=name, make=None)


BUILT_IN: Final = (
    _built_in(DISPATCH.name, drill=False),
    _built_in(DISPATCH_DRILL.name, drill=True),
)
"""Always there. The file may say of ``dispatch`` what it is called and whether it gets updates."""


class TargetBook:
    """Every target by name; any thread may ask."""

    def __init__(
        self,
        path: Path | None,
        *,
        client: Client,
        metrics: ServiceMetrics,
        replica: str = "service-1",
        timezone: str = "Asia/Shanghai",
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """``client`` is the installation's Redis, for the streams; the caller closes it.

        ``replica`` is this process's name, stable over restarts. A file that can't be used is no
        reason not to start: the built-in targets work, and orders of others wait.
        """
        self._path, self._client, self._metrics = path, client, metrics
        self._around = Surroundings(
            environment=environment, replica=replica, zone=ZoneInfo(timezone)
        )
        self._lock = threading.RLock()
        self._problem: str | None = None
        self._seen: Files | None = None
        self._changing: tuple[Files, float] | None = None
        self._look_at_s = 0.0
        self._entries: dict[str, Described] = {}
        self._senders: dict[str, Sender] = {}
        self._take({one.target.name: one for one in BUILT_IN})
        self._look()

    @property
    def zone(self) -> ZoneInfo:
        """What the installation's clocks go by: times of routes are theirs."""
        return self._around.zone

    @property
    def problem(self) -> str | None:
        """Why the file as it is now can't be used, if it can't; the last good one holds then."""
        self._look()
        return self._problem

    def names(self) -> tuple[str, ...]:
        """Return the names, the built-in ones first."""
        self._look()
        return tuple(self._entries)

    def get(self, name: str) -> Target | None:
        """Return a target, or None if there is none of that name (any more)."""
        self._look()
        found = self._entries.get(name)
        return None if found is None else found.target

    def sender(self, name: str) -> Sender:
        """Return what sends to it. Raises ``UnreachableError`` if there is no such target now."""
        self._look()
        with self._lock:
            if name not in self._senders:
                raise UnreachableError(
                    f"there is no target {name} now: put it back into the file"
                    if self._problem is None
                    else f"the file of targets can't be used: {self._problem}"
                )
            return _Door(self._entries[name].target, self._senders[name])

    def close(self) -> None:
        """End all connections but the caller's."""
        with self._lock:
            for sender in self._senders.values():
                sender.close()

    def _look(self) -> None:
        """Read the file if it, or one that it names, has changed and rests."""
        if self._path is None or time.monotonic() < self._look_at_s:
            return
        with self._lock:
            now_s = time.monotonic()
            self._look_at_s = now_s + LOOK_EVERY_S
            known = self._seen or {self._path: None}
            # Taken before it is read: whatever is written meanwhile is another change.
            looks = {one: look_of(one) for one in known}
            if looks == self._seen:
                self._changing = None
            elif self._seen is None or self._rests(looks, now_s):
                self._seen = {self._path: looks[self._path]} | self._read(self._path)

    def _rests(self, looks: Files, now_s: float) -> bool:
        if self._changing is None or self._changing[0] != looks:
            self._changing = (looks, now_s)
        return now_s - self._changing[1] >= SETTLED_S

    def _read(self, path: Path) -> Files:
        """Read it; returns what else was read, as it looked before."""
        try:
            found, files = read_targets(path, self._around)
        except TargetsFileError as error:
            self._problem = "; ".join(error.problems)
            self._metrics.targets_file_errors.inc()
            structlog.get_logger().error(
                "targets_file_unusable",
                problems=list(error.problems),
                holds="what was read before" if self._seen else "the built-in targets alone",
            )
            return error.files
        self._problem, before = None, set(self._entries)
        self._take({one.target.name: one for one in (*BUILT_IN, *found)})
        structlog.get_logger().info("targets_read", targets=list(self._entries))
        if gone := sorted(before - set(self._entries)):
            structlog.get_logger().warning(
                "targets_gone", targets=gone, hint="their orders wait: put them back to send them"
            )
        return files

    def _take(self, entries: dict[str, Described]) -> None:
        """Make what is new or changed, end what is gone; the rest keeps its connections."""
        kept = {
            name: sender
            for name, sender in self._senders.items()
            if name in entries and _does_the_same(entries[name], self._entries[name])
        }
        gone = [sender for name, sender in self._senders.items() if name not in kept]
        made = {name: kept.get(name) or self._made(one) for name, one in entries.items()}
        self._entries, self._senders = entries, made
        for sender in gone:
            # Away from the lock and the caller: a connection may take its time to end.
            threading.Thread(target=sender.close, name="target-close", daemon=True).start()

    def _made(self, one: Described) -> Sender:
        if one.make is None:
            return StreamSender(self._client, one.settings)
        return one.make(one.settings)


class _Door:
    """The last look at an order before it leaves: whose it is, and whether it's a drill."""

    def __init__(self, target: Target, sender: Sender) -> None:
        self._target, self._sender = target, sender

    def send(self, outgoing: Outgoing) -> str:
        """Send it, unless it has no business there."""
        order, target = outgoing.order, self._target
        if order.target != target.name or order.order_id != outgoing.order_id:
            raise RefusedError(f"the message is not this order's, or not for {target.name}")
        if not target.takes(drill=order.drill):
            sort = "a drill" if order.drill else "real"
            raise RefusedError(f"the order is {sort}, which {target.name} doesn't take")
        return said(self._sender.send(outgoing))

    def close(self) -> None:
        """Do nothing: the book ends what it made."""


def _does_the_same(one: Described, other: Described) -> bool:
    return one.make is other.make and one.settings == other.settings
