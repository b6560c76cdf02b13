"""From measured figures to servers: sums and quotients, pure.

```
cores    = sum over kinds of streams of channels x core-percent / 100, / (1 - headroom)
workers  = cores / what one worker fills (a core, or less where the bench found so)
memory   = workers x fixed + sum of channels x memory a stream
network  = sum of channels x bit rate
servers  = the most that cores, memory or network ask for, and one to spare
```
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor
from typing import Final, Literal

from pipelines.plan.figures import EVERY_FRAME_S, Measured, of_size
from pipelines.plan.ranges import Range, sure, widest

SUB, MAIN = 360, 1080

PORT_SHARE: Final = 0.7
"""Of a port's speed: above it, bursts of keyframes meet and packets wait."""

SPARES: Final = 1
"""Servers that may fail at a time while the others bear the estate."""

KindName = Literal["sub", "sub_smart", "main", "main_smart"]
Resource = Literal["cores", "memory", "network"]


STEADY_LOOKS_PERCENT: Final = 6.5
"""Of a core: five looks a second, each 13 ms of the detector as the bench's stages have it, none of
them unchanged. An upper bound: an empty road's looks are skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """What is to be watched."""

    channels: int
    """All of them."""
    substream_share: float = 0.8
    """Of the channels: those that give a small stream, the others give 1080p."""
    smart_share: float = 0.1
    """Of either: cameras whose smart codec stretches keyframes, so every frame is decoded."""
    codec: str = "h264"
    """Of all."""
    keyframe_s: int = 2
    """Of those without a smart codec."""
    steady: bool = False
    """Whether a rule needs every stream decoded whole and looked at several times a second."""
    sub_mbit_s: float = 0.5
    """A small stream's bit rate."""
    main_mbit_s: float = 4.0
    """A main stream's bit rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What there are to be some of."""

    cores: int = 32
    """As the operating system counts them."""
    memory_gb: float = 128.0
    """10^9 bytes."""
    port_mbit_s: float = 1000.0
    """Of the port on which streams come in."""
    headroom: float = 0.3
    """Share of cores and memory that stays free for peaks."""
    worker_mb: float = 200.0
    """A worker without streams: 158 MB measured on 2026-11-22 (libraries, pack), rounded up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Streams that cost the same."""

    name: KindName
    """Which."""
    size: int
    """Height in pixels."""
    channels: int
    """How many."""
    core_percent: Range
    """Of one stream, without headroom."""
    memory_mb: float
    """Of one stream."""
    mbit_s: float
    """Of one stream."""
    worker_cores: float
    """How much of a core one worker fills with such streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an estate needs."""

    kinds: tuple[Kind, ...]
    """Those with channels."""
    cores: Range
    """Headroom included."""
    workers: Range
    """Processes."""
    memory_gb: Range
    """Headroom not included."""
    network_mbit_s: float
    """Coming in."""
    loads: Mapping[Resource, Range]
    """How many servers each resource asks for, not rounded."""

    @property
    def servers_for(self) -> dict[Resource, Range]:
        """How many servers each resource asks for."""
        return {name: load.whole() for name, load in self.loads.items()}

    @property
    def servers(self) -> Range:
        """With what is to spare."""
        return widest(*self.servers_for.values()).mapped(lambda count: count + SPARES)

    @property
    def binds(self) -> Resource:
        """Of which resource a server has least, at the median."""
        return max(self.loads, key=lambda name: self.loads[name].median)


def split(channels: int, share: float) -> tuple[int, int]:
    """Return a share of some channels, rounded, and the rest."""
    part = min(channels, floor(channels * share + 0.5))
    return part, channels - part


def kinds(estate: Estate, measured: Mapping[int, Measured]) -> tuple[Kind, ...]:
    """Return the kinds of streams that an estate has. Raises ``PlanError``."""
    sub, main = split(estate.channels, estate.substream_share)
    sub_smart, sub_plain = split(sub, estate.smart_share)
    main_smart, main_plain = split(main, estate.smart_share)
    counts: dict[KindName, int] = {
        "sub": sub_plain,
        "sub_smart": sub_smart,
        "main": main_plain,
        "main_smart": main_smart,
    }
    return tuple(_kind(estate, measured, name, count) for name, count in counts.items() if count)


def _kind(estate: Estate, measured: Mapping[int, Measured], name: KindName, count: int) -> Kind:
    small = name in ("sub", "sub_smart")
    figures = of_size(measured, SUB if small else MAIN)
    return Kind(
        name=name,
        size=figures.size,
        channels=count,
        core_percent=_cost(estate, figures, smart=name in ("sub_smart", "main_smart")),
        memory_mb=figures.memory_mb,
        mbit_s=estate.sub_mbit_s if small else estate.main_mbit_s,
        worker_cores=figures.worker_cores,
    )


def _cost(estate: Estate, figures: Measured, *, smart: bool) -> Range:
    by_keyframes = figures.core_percent(estate.codec, estate.keyframe_s)
    if not (smart or estate.steady):
        return by_keyframes
    every = figures.core_percent(estate.codec, EVERY_FRAME_S)
    if not estate.steady:
        return every
    return widest(every, by_keyframes) + sure(STEADY_LOOKS_PERCENT)


def cores(kind: Kind, server: Server) -> Range:
    """Return what the streams of a kind need, headroom included."""
    return kind.core_percent * (kind.channels / 100.0 / (1.0 - server.headroom))


def need(estate: Estate, server: Server, measured: Mapping[int, Measured]) -> Need:
    """Return what an estate needs. Raises ``PlanError`` where a figure is missing."""
    there = kinds(estate, measured)
    all_cores = workers = sure(0.0)
    streams_mb = network = 0.0
    for kind in there:
        all_cores += cores(kind, server)
        workers += cores(kind, server) / kind.worker_cores
        streams_mb += kind.channels * kind.memory_mb
        network += kind.channels * kind.mbit_s
    workers = workers.whole()
    memory = workers.mapped(lambda count: (count * server.worker_mb + streams_mb) / 1000.0)
    return Need(
        kinds=there,
        cores=all_cores,
        workers=workers,
        memory_gb=memory,
        network_mbit_s=network,
        loads={
            "cores": all_cores / server.cores,
            "memory": memory / (server.memory_gb * (1.0 - server.headroom)),
            "network": sure(network / (server.port_mbit_s * PORT_SHARE)),
        },
    )


def at_sizes(
    estate: Estate, server: Server, measured: Mapping[int, Measured], channels: list[int]
) -> list[Need]:
    """Return what the same estate would need with other numbers of channels."""
    return [need(replace(estate, channels=count), server, measured) for count in channels]
