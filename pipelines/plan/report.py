"""The page of `fengsui plan --report`: one file, no script, nothing fetched, Chinese first."""

from collections.abc import Mapping, Sequence
from typing import Final

from pipelines.page import figure, page, paragraph, section, table
from pipelines.plan import plot
from pipelines.plan.arithmetic import Need, cores
from pipelines.plan.asked import Asked
from pipelines.plan.figures import Measured
from pipelines.plan.text import number, origin, summary, three, used
from pipelines.plan.words import ADVICE, KINDS, MODEL, NOT_INCLUDED, RESOURCES, Phrase

LEVELS: Final = (("低", "low"), ("中", "median"), ("高", "high"))


def plan_page(
    asked: Asked,
    need: Need,
    measured: Mapping[int, Measured],
    notes: Sequence[Phrase],
    others: tuple[Sequence[Need], Sequence[Need]],
) -> str:
    """Return the whole page. ``others`` are other numbers of channels: a few, and the plot's."""
    few, many = others
    return page(
        "烽燧容量规划",
        "Fengsui capacity plan",
        section("说明", "Notes", *(paragraph(*one) for one in notes)),
        section("需要什么", "What it needs", *_summary(asked, need)),
        section("核数与路数", "Cores against channels", _plot(many), _sizes(few)),
        section("各类码流", "Kinds of streams", _kinds(asked, need)),
        section("所依据的实测", "The figures it rests on", *_figures(need, measured)),
        section("计算方法", "The model", *(paragraph(*one) for one in MODEL)),
        section("不包括", "Not included", *(paragraph(*one) for one in NOT_INCLUDED)),
    )


def _summary(asked: Asked, need: Need) -> tuple[str, ...]:
    estate, server = asked.estate, asked.server
    binds, advice = RESOURCES[need.binds], ADVICE[need.binds]
    return (
        paragraph(
            f"{estate.channels:,} 路：子码流 {estate.substream_share:.0%}，智能编码 "
            f"{estate.smart_share:.0%}，{estate.codec}，关键帧间隔 {estate.keyframe_s} s；"
            f"规则 {', '.join(asked.rules)}；余量 {server.headroom:.0%}。",
            f"{estate.channels:,} channels: {estate.substream_share:.0%} substreams, "
            f"{estate.smart_share:.0%} smart codecs, {estate.codec}, keyframes "
            f"{estate.keyframe_s} s apart; rules {', '.join(asked.rules)}; headroom "
            f"{server.headroom:.0%}.",
        ),
        table(
            (("项目", "item"), *LEVELS),
            [(" ".join(name), *three(level)) for name, level in summary(asked, need)],
        ),
        paragraph(
            f"瓶颈：{binds.chinese}。{advice.chinese}",
            f"What binds: {binds.english}; {advice.english}.",
        ),
    )


def _plot(many: Sequence[Need]) -> str:
    points = [(sum(kind.channels for kind in one.kinds), one.cores) for one in many]
    return figure(
        plot.svg(points), "线：中位数；带：低到高；圆点：本规划 · line: median, band: low to high"
    )


def _sizes(few: Sequence[Need]) -> str:
    heads = (("路数", "channels"), *((f"核·{one[0]}", one[1]) for one in LEVELS),
             *((f"服务器·{one[0]}", one[1]) for one in LEVELS))  # fmt: skip
    return table(
        heads,
        [
            (
                number(sum(kind.channels for kind in one.kinds)),
                *three(one.cores),
                *three(one.servers),
            )
            for one in few
        ],
    )


def _kinds(asked: Asked, need: Need) -> str:
    heads = (
        ("码流", "streams"), ("高度", "px"), ("路数", "channels"), ("每路占核 %", "of a core"),
        ("低–高", "low to high"), ("每路 MB", "each"), ("每路 Mb/s", "each"),
        ("核", "with headroom"),
    )  # fmt: skip
    return table(
        heads,
        [
            (
                " ".join(KINDS[kind.name]),
                kind.size,
                number(kind.channels),
                f"{kind.core_percent.median:.2f}",
                f"{kind.core_percent.low:.2f}–{kind.core_percent.high:.2f}",
                number(kind.memory_mb),
                f"{kind.mbit_s:g}",
                number(cores(kind, asked.server).median),
            )
            for kind in need.kinds
        ],
    )


def _figures(need: Need, measured: Mapping[int, Measured]) -> tuple[str, ...]:
    there = used(need, measured)
    heads = (("高度", "px"), ("占核 %", "h264, 2 s"), ("低–高", "low to high"),
             ("每路 MB", "memory"), ("延迟 p95 s", "lag"))  # fmt: skip
    rows = []
    for one in there:
        low, high = one.said_spread or (None, None)
        spread = None if low is None else f"{low:.2f}–{high:.2f}"
        lag_s = (one.lag_s or {}).get("p95")
        rows.append((one.size, f"{one.ours:.2f}", spread, number(one.memory_mb), lag_s))
    intervals = [
        (one.size, row.codec, f"{row.keyframe_s} s", f"{row.core_percent:.2f}", row.streams)
        for one in there
        for row in one.by_stream
    ]
    return (
        *(
            paragraph(f"{one.size}：{origin(one).chinese}", f"{one.size}: {origin(one).english}")
            for one in there
        ),
        table(heads, rows),
        paragraph(
            "按编码与关键帧间隔（各测一次，离散范围按比例取自上表）：",
            "By codec and keyframe interval (measured once each; their spread is the above, in "
            "proportion):",
        ),
        table(
            (("高度", "px"), ("编码", "codec"), ("间隔", "interval"), ("占核 %", "of a core"),
             ("路数", "streams read")),
            intervals,
        ),
    )  # fmt: skip
