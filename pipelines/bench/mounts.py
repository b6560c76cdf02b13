"""The server's clock: which frame of which stream is due, and its bytes to everybody who watches.

A mount is a loop at a phase. All clients of a mount get the same bytes. The frame's time is cut
into slots, and a mount belongs to one, so that streams neither tick together nor cost a wake-up
each.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from pipelines.bench.kinds import FPS, LONGEST_WAIT_S, Kind, phase
from pipelines.bench.packets import TICKS_A_FRAME, Ready

FRAME_NS: Final = 1_000_000_000 // FPS
SLOTS: Final = 8
"""In a frame's time: 200 wake-ups a second, whatever the number of streams."""

SLOT_NS: Final = FRAME_NS // SLOTS


@runtime_checkable
class Watching(Protocol):
    """A client that plays."""

    def take(self, data: bytearray) -> None:
        """Send a frame; its bytes are valid during the call only."""


@dataclass(slots=True, kw_only=True)
class Mount:
    """A loop at a phase."""

    kind: Kind
    """What it shows."""
    frames: tuple[Ready, ...]
    """Its loop, shared with the other mounts of the kind."""
    first: int
    """Which of them is due at the server's start."""
    slot: int
    """When in a frame's time it ticks."""
    watching: list[Watching] = field(default_factory=list)
    """Who gets it."""
    waiting: list[Watching] = field(default_factory=list)
    """Who gets it from its next keyframe on."""
    sequence: int = 0
    """Of its next packet."""

    def keyframe_due_ns(self, start_ns: int) -> int:
        """Return when its first keyframe was due, monotonic."""
        frames = -self.first % (self.kind.keyframe_s * FPS)
        return start_ns + frames * FRAME_NS + self.slot * SLOT_NS

    def send(self, number: int) -> None:
        """Send the frame of a number since the server's start."""
        shown = (self.first + number) % len(self.frames)
        frame = self.frames[shown]
        if self.waiting and shown % (self.kind.keyframe_s * FPS) == 0:
            self.watching += self.waiting
            self.waiting = []
        if not self.watching:
            return
        frame.number(self.sequence, number * TICKS_A_FRAME)
        self.sequence += len(frame.starts)
        for client in tuple(self.watching):
            client.take(frame.data)


class Schedule:
    """Every mount that somebody watches, by slot."""

    def __init__(self, loops: Mapping[str, tuple[Kind, tuple[Ready, ...]]]) -> None:
        """``loops`` are kinds and frames by the kind's name."""
        self._loops = loops
        self.start_ns = time.monotonic_ns()
        self._mounts: dict[str, Mount] = {}
        self._slots: list[list[Mount]] = [[] for _ in range(SLOTS)]
        self._next = 0
        self.late_ns: list[int] = []
        """By how much each slot was late, since somebody asked."""

    def loop_of(self, name: str) -> str | None:
        """Return the kind's name in a mount's name, such as ``h264-2s-still-17``, if it is one."""
        kind, _, number = name.rpartition("-")
        return kind if kind in self._loops and number.isdecimal() else None

    def join(self, name: str, client: Watching) -> Mount:
        """Give a client what a mount sends from its next keyframe on."""
        mount = self._mounts.get(name)
        if mount is None:
            mount = self._mounts[name] = self._mount(name)
            self._slots[mount.slot].append(mount)
        mount.waiting.append(client)
        return mount

    def leave(self, name: str, client: Watching) -> None:
        """Forget a client, and a mount that has lost its last one."""
        mount = self._mounts[name]
        for clients in (mount.watching, mount.waiting):
            if client in clients:
                clients.remove(client)
        if not mount.watching and not mount.waiting:
            del self._mounts[name]
            self._slots[mount.slot].remove(mount)

    def tick(self) -> float:
        """Send what is due; return the seconds until the next slot."""
        while True:
            due_ns = self.start_ns + self._next * SLOT_NS
            late_ns = time.monotonic_ns() - due_ns
            if late_ns < 0:
                return -late_ns / 1e9
            self.late_ns.append(late_ns)
            number, slot = divmod(self._next, SLOTS)
            self._next += 1
            for mount in tuple(self._slots[slot]):
                mount.send(number)

    def _mount(self, name: str) -> Mount:
        loop, _, number = name.rpartition("-")
        kind, frames = self._loops[loop]
        first, share = phase(int(number), len(frames))
        if kind.keyframe_s > LONGEST_WAIT_S:  # nobody waits so long: it begins for who comes
            first = -(self._next // SLOTS + 1) % len(frames)
        return Mount(kind=kind, frames=frames, first=first, slot=int(share * SLOTS))


def keyframe_due_ns(kind: Kind, number: int, frames: int, start_ns: int) -> int | None:
    """Return when a keyframe of a mount was due, monotonic; none where its first client says."""
    if kind.keyframe_s > LONGEST_WAIT_S:
        return None
    first, share = phase(number, frames)
    mount = Mount(kind=kind, frames=(), first=first, slot=int(share * SLOTS))
    return mount.keyframe_due_ns(start_ns)
