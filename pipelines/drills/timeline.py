"""One clock a mount: which frame is due when, for everybody who watches.

A live mount has one timeline: whoever joins sees what all others see at that moment. A mount that
restarts gives each client a timeline of its own.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pipelines.drills.clip import TICKS_PER_S, Clip
from pipelines.drills.rtp import RtpStream, payloads


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """One access unit as RTP packets, and what it shows."""

    packets: tuple[bytes, ...]
    """RTP packets, not yet framed for a connection."""
    cycle: int
    """Turn of the loop, from 0."""
    at_s: float
    """Second of the loop."""
    first_number: int
    """Sequence number of the first packet."""
    stamp: int
    """RTP timestamp."""


@runtime_checkable
class Sink(Protocol):
    """Somebody who watches."""

    def take(self, shipment: Shipment) -> None:
        """Send an access unit on, without waiting."""

    def end(self) -> None:
        """Close: the timeline is over."""


Due = Callable[[int, float], None]
"""Called with cycle and second of the loop when a frame's time has come, before it is sent."""


def nobody_asks(_cycle: int, _at_s: float) -> None:
    """Ignore what is due."""


class Timeline:
    """Plays a clip on the event loop's monotonic clock, turn after turn."""

    def __init__(
        self,
        clip: Clip,
        *,
        cycles: int | None = None,
        due: Due = nobody_asks,
        start_ticks: int = 0,
    ) -> None:
        self._clip = clip
        self._first_index = clip.keyframe_from(start_ticks)
        self._cycles = cycles
        self._due = due
        self._sinks: set[Sink] = set()
        self._recent: list[Shipment] = []  # since the last keyframe, for whoever joins
        self._parts: dict[int, tuple[bytes, ...]] = {}
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._rtp = RtpStream(
            source_id=secrets.randbits(32),
            base_ticks=secrets.randbits(31),
            next_number=secrets.randbits(15),
        )

    def begin(self) -> None:
        """Start the clock; does nothing when it runs already."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def first(self) -> tuple[int, int]:
        """Return sequence number and timestamp of what a client that joins now gets first."""
        if self._recent:
            return self._recent[0].first_number, self._recent[0].stamp
        unit = self._clip.units[self._first_index]
        return self._rtp.next_number, self._rtp.stamp(unit.show_ticks)

    def join(self, sink: Sink) -> None:
        """Send everything since the last keyframe, then whatever comes."""
        for shipment in self._recent:
            sink.take(shipment)
        self._sinks.add(sink)

    def leave(self, sink: Sink) -> None:
        """Send nothing more."""
        self._sinks.discard(sink)

    async def finished(self) -> None:
        """Wait until all turns are over; for ever without a limit."""
        await self._over.wait()

    async def stop(self) -> None:
        """Stop the clock."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        skipped = self._first_index
        start_s = clock() - self._clip.units[skipped].send_ticks / TICKS_PER_S
        cycle = 0
        while self._cycles is None or cycle < self._cycles:
            offset = cycle * self._clip.duration_ticks
            for index in range(skipped, len(self._clip.units)):
                unit = self._clip.units[index]
                due_s = start_s + (offset + unit.send_ticks) / TICKS_PER_S
                await asyncio.sleep(max(due_s - clock(), 0.0))
                self._ship(index, cycle)
            cycle, skipped = cycle + 1, 0
        end_s = start_s + cycle * self._clip.duration_s
        await asyncio.sleep(max(end_s - clock(), 0.0))
        for sink in tuple(self._sinks):
            sink.end()
        self._over.set()

    def _ship(self, index: int, cycle: int) -> None:
        """Send one access unit to all."""
        unit = self._clip.units[index]
        parts = self._parts.get(index)
        if parts is None:
            parts = self._parts[index] = payloads(unit.data)
        ticks = cycle * self._clip.duration_ticks + unit.show_ticks
        number = self._rtp.next_number
        at_s = unit.show_ticks / TICKS_PER_S
        shipment = Shipment(
            packets=self._rtp.packets(parts, ticks),
            cycle=cycle,
            at_s=at_s,
            first_number=number,
            stamp=self._rtp.stamp(ticks),
        )
        if unit.key:
            self._recent.clear()
        self._recent.append(shipment)
        self._due(cycle, at_s)
        for sink in tuple(self._sinks):
            sink.take(shipment)
