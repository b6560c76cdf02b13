"""What has to be said beside the figures, in Chinese and English."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pipelines.bench.kinds import SIZES
from pipelines.plan.arithmetic import (
    PORT_SHARE,
    SPARES,
    STEADY_LOOKS_PERCENT,
    KindName,
    Need,
    Resource,
)
from pipelines.plan.asked import NEED_STEADY_LOOKS, Asked
from pipelines.plan.faults import shown
from pipelines.plan.figures import Measured, command_for


class Phrase(NamedTuple):
    """The same in two languages."""

    chinese: str
    """First."""
    english: str
    """For the terminal and JSON."""


KINDS: Final[dict[KindName, Phrase]] = {
    "sub": Phrase("子码流", "substreams"),
    "sub_smart": Phrase("子码流，智能编码", "substreams, smart codec"),
    "main": Phrase("主码流", "main streams"),
    "main_smart": Phrase("主码流，智能编码", "main streams, smart codec"),
}

RESOURCES: Final[dict[Resource, Phrase]] = {
    "cores": Phrase("CPU 核", "cores"),
    "memory": Phrase("内存", "memory"),
    "network": Phrase("网络", "network"),
}

ADVICE: Final[dict[Resource, Phrase]] = {
    "cores": Phrase(
        "更多子码流、更多核的服务器可减少台数。",
        "more substreams, or servers with more cores, make them fewer",
    ),
    "memory": Phrase(
        "增加每台内存（--memory-per-server）可减少台数。",
        "more memory a server (--memory-per-server) makes them fewer",
    ),
    "network": Phrase(
        "更快的网口（如 --port-mbit 10000）可减少台数。",
        "a faster port (as --port-mbit 10000) makes them fewer",
    ),
}
"""By what binds."""

MODEL: Final[tuple[Phrase, ...]] = (
    Phrase(
        "核数 = 各类码流（路数 × 每路占核百分比）之和 ÷（1 − 余量）。"
        "低、中、高取自基准测试的最低值、中位数、最高值，各类同时取低或取高。",
        "cores = sum over kinds of streams of (channels x core-percent of one) / (1 - headroom); "
        "low, median and high are the bench's, all kinds low or all high at once",
    ),
    Phrase(
        "工作进程 = 核数 ÷ 每进程可用核数（至多 1 核）。"
        "内存 = 进程数 × 固定内存 + 路数 × 每路内存。",
        "workers = cores / what one fills (a core at most); "
        "memory = workers x fixed + channels x memory of one",
    ),
    Phrase(
        f"网络 = 路数 × 码率；网口用到 {PORT_SHARE:.0%}。",
        f"network = channels x bit rate; a port is filled to {PORT_SHARE:.0%}",
    ),
    Phrase(
        f"服务器 = 核、内存（均留余量）、网络三者所需之最大，再加 {SPARES} 台备机。",
        "servers = the most that cores, memory (both with headroom) or network ask for, "
        f"and {SPARES} to spare for a failure",
    ),
)

NOT_INCLUDED: Final[tuple[Phrase, ...]] = (
    Phrase(
        "服务、Redis、PostgreSQL：固定的小开销，另备一台（高可用时两台）",
        "service, Redis, PostgreSQL: small and fixed; a server of their own, two if one may fail",
    ),
    Phrase("证据图片（未实现）", "evidence pictures (not built yet)"),
    Phrase("GPU（不使用）", "GPUs (none is used)"),
    Phrase(
        "告警风暴时的加密查看、断线后的集中重连：由余量承担",
        "bursts of looks in an alarm storm, reconnects after an outage: the headroom bears them",
    ),
    Phrase(
        "超线程：操作系统的一“核”若是忙碌核心的超线程，能力较低",
        "hyperthreads: a core that is a busy core's second thread does less",
    ),
)


def notes(asked: Asked, need: Need, measured: Mapping[int, Measured]) -> list[Phrase]:
    """Return what a reader of this plan must know, the gravest first."""
    used = [measured[size] for size in sorted({kind.size for kind in need.kinds})]
    found: list[Phrase] = []
    if not asked.figures:
        commands = " ; ".join(command_for(one.size) for one in used)
        files = " ".join(f"bench{one.size}.json" for one in used)
        found.append(
            Phrase(
                f"所用数据测自另一台机器。请在自己的服务器上运行 {commands}，"
                f"再加 --figures {files}。",
                "these figures are another machine's: on one of yours run "
                f"{commands} and add --figures {files}",
            )
        )
    found += [
        Phrase(
            f"{one.size} 的数据没有离散范围，误差未知（不是零）。",
            f"the {one.size} figures have no spread: their error is unknown, not zero",
        )
        for one in used
        if one.said_spread is None
    ]
    found += _rules(asked) + _rates(asked, used)
    if len({str((one.machine or {}).get("cpu")) for one in used}) > 1:
        found.append(
            Phrase(
                "两组数据测自不同型号的 CPU。",
                "the figures of the two sizes are from different CPUs",
            )
        )
    found += [
        Phrase(f"基准测试 {one.size}：{shown(note)}", f"bench {one.size}: {shown(note)}")
        for one in used
        for note in one.notes
    ]
    return found


def _rules(asked: Asked) -> list[Phrase]:
    found = []
    names = ", ".join(hazard for hazard in asked.rules if hazard in NEED_STEADY_LOOKS)
    if names:
        found.append(
            Phrase(
                f"{names} 需要逐帧解码、每秒看五次：所有路数都按此计（15 s 一行再加 "
                f"{STEADY_LOOKS_PERCENT:g} %），为上限。只有部分路数需要时，请分开计算。",
                f"{names}: decoded whole and looked at five times a second; every channel is "
                f"costed so (the 15 s row and {STEADY_LOOKS_PERCENT:g} %), an upper bound. If few "
                "channels need it, plan them on their own",
            )
        )
    return found


def _rates(asked: Asked, used: Sequence[Measured]) -> list[Phrase]:
    rates = {360: asked.estate.sub_mbit_s, 1080: asked.estate.main_mbit_s}
    found = []
    for one in used:
        measured_mbit = SIZES[one.size].bit_rate / 1e6
        if rates[one.size] != measured_mbit:
            found.append(
                Phrase(
                    f"{one.size} 的占核测于 {measured_mbit:g} Mb/s，"
                    f"而非 {rates[one.size]:g} Mb/s。",
                    f"the core-percent of {one.size} was measured at {measured_mbit:g} Mb/s, "
                    f"not at {rates[one.size]:g}",
                )
            )
    return found
