"""A plan as text for a terminal, and as an object for scripts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from unicodedata import east_asian_width

from pipelines.plan.arithmetic import PORT_SHARE, SPARES, Kind, Need, cores
from pipelines.plan.asked import Asked
from pipelines.plan.faults import shown
from pipelines.plan.figures import Measured
from pipelines.plan.ranges import Range, sure
from pipelines.plan.words import ADVICE, KINDS, MODEL, NOT_INCLUDED, RESOURCES, Phrase

NOT_NOTED: Final = Phrase("未记录", "not noted")


def number(value: float) -> str:
    """Return a figure with as many digits as it deserves."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def three(figure: Range) -> tuple[str, str, str]:
    """Return low, median and high."""
    return number(figure.low), number(figure.median), number(figure.high)


def between(figure: Range) -> str:
    """Return low and high, or the one that both are."""
    low, _, high = three(figure)
    return low if low == high else f"{low} to {high}"


def summary(asked: Asked, need: Need) -> list[tuple[Phrase, Range]]:
    """Return what is needed, in the order in which people ask."""
    server = asked.server
    limits = {
        "cores": f"{server.cores}",
        "memory": f"{server.memory_gb:g} GB",
        "network": f"{server.port_mbit_s:g} Mb/s × {PORT_SHARE:g}",
    }
    return [
        (Phrase(f"服务器（含 {SPARES} 台备机）", f"servers, {SPARES} to spare"), need.servers),
        (Phrase("CPU 核", "cores"), need.cores),
        (Phrase("内存 GB", "memory, GB"), need.memory_gb),
        (Phrase("网络 Mb/s", "network in, Mb/s"), sure(need.network_mbit_s)),
        (Phrase("工作进程", "worker processes"), need.workers),
        *(
            (
                Phrase(
                    f"按{RESOURCES[name].chinese}的服务器（每台 {limits[name]}）",
                    f"servers for {RESOURCES[name].english} ({limits[name]} each)",
                ),
                count,
            )
            for name, count in need.servers_for.items()
        ),
    ]


def origin(measured: Measured) -> Phrase:
    """Return on which machine, when and how a size was measured."""
    machine = measured.machine or {}
    date, command = (shown(one) if one else "" for one in (measured.date, measured.command))
    cpu = shown(f"{machine.get('cores', '?')} x {machine.get('cpu', '?')}")
    return Phrase(*(
        f"{cpu}, {date or missing}, {command or missing}" for missing in NOT_NOTED
    ))  # fmt: skip


def used(need: Need, measured: Mapping[int, Measured]) -> list[Measured]:
    """Return the figures that a plan rests on."""
    return [measured[size] for size in sorted({kind.size for kind in need.kinds})]


def as_text(
    asked: Asked, need: Need, measured: Mapping[int, Measured], others: Sequence[Need]
) -> str:
    """Return the plan for a terminal."""
    estate = asked.estate
    head = (
        f"{estate.channels:,} channels, {estate.codec}, keyframes {estate.keyframe_s} s apart, "
        f"rules {', '.join(asked.rules)}; headroom {asked.server.headroom:.0%}"
    )
    rows: list[Sequence[str]] = [("", "low", "median", "high")]
    rows += [(name.english, *three(figure)) for name, figure in summary(asked, need)]
    lines = [head, "", *_aligned(rows)]
    lines += ["", f"what binds: {RESOURCES[need.binds].english}; {ADVICE[need.binds].english}", ""]
    rows = [("streams", "channels", "% of a core", "low to high", "MB", "Mb/s", "cores")]
    rows += [_kind_row(kind, asked) for kind in need.kinds]
    lines += [*_aligned(rows), ""]
    rows = [("channels", "cores, low", "median", "high", "servers")]
    rows += [
        (number(sum(kind.channels for kind in one.kinds)), *three(one.cores),
         between(one.servers))
        for one in others
    ]  # fmt: skip
    lines += [*_aligned(rows), "", "rests on"]
    lines += [f"  {one.size}: {origin(one).english}" for one in used(need, measured)]
    lines += ["", "model", *(f"  {one.english}" for one in MODEL)]
    lines += ["", "not included", *(f"  {one.english}" for one in NOT_INCLUDED)]
    return "\n".join(lines)


def _kind_row(kind: Kind, asked: Asked) -> tuple[str, ...]:
    percent = kind.core_percent
    return (
        f"{KINDS[kind.name].english} ({kind.size})",
        number(kind.channels),
        f"{percent.median:.2f}",
        f"{percent.low:.2f} to {percent.high:.2f}",
        number(kind.memory_mb),
        f"{kind.mbit_s:g}",
        number(cores(kind, asked.server).median),
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines: names to the left, figures to the right."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return [
        row[0]
        + " " * (widths[0] - _width(row[0]))
        + "".join(
            " " * (2 + width - _width(cell)) + cell
            for cell, width in zip(row[1:], widths[1:], strict=True)
        )
        for row in rows
    ]


def _width(text: str) -> int:
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)


def as_object(
    asked: Asked, need: Need, measured: Mapping[int, Measured], notes: Sequence[Phrase]
) -> dict[str, Any]:
    """Return the plan for scripts."""
    return {
        "channels": asked.estate.channels,
        "rules": list(asked.rules),
        "cores": need.cores.described(),
        "workers": need.workers.described(),
        "memory_gb": need.memory_gb.described(),
        "network_mbit_s": round(need.network_mbit_s, 3),
        "servers": need.servers.described(),
        "servers_for": {name: count.described() for name, count in need.servers_for.items()},
        "spare_servers": SPARES,
        "binds": need.binds,
        "kinds": [
            {
                "name": kind.name,
                "size": kind.size,
                "channels": kind.channels,
                "core_percent": kind.core_percent.described(),
                "memory_mb": kind.memory_mb,
                "mbit_s": kind.mbit_s,
                "cores": cores(kind, asked.server).described(),
            }
            for kind in need.kinds
        ],
        "server": {
            "cores": asked.server.cores,
            "memory_gb": asked.server.memory_gb,
            "port_mbit_s": asked.server.port_mbit_s,
            "port_share": PORT_SHARE,
            "headroom": asked.server.headroom,
            "worker_mb": asked.server.worker_mb,
        },
        "figures": [
            {
                "size": one.size,
                "date": one.date,
                "command": one.command,
                "machine": one.machine,
                "core_percent": one.ours,
                "spread": one.said_spread,
                "lag_s": one.lag_s,
            }
            for one in used(need, measured)
        ],
        "model": [one.english for one in MODEL],
        "not_included": [one.english for one in NOT_INCLUDED],
        "notes": [one.english for one in notes],
    }
