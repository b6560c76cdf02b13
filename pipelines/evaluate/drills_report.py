"""The figures of drills as text for a terminal, and as the page of `--report`. No pictures."""

from collections.abc import Sequence
from html import escape
from typing import Final

from pipelines.evaluate.drills import Figures
from pipelines.evaluate.faults import shown
from pipelines.page import page, paragraph, section, table

TITLE: Final = ("烽燧演练评测", "Fengsui drills")

HONEST: Final = "drills show the path; quality is judged on real clips"

CHINESE: Final = {
    "fire": "明火",
    "smoke": "烟雾",
    "water_over_line": "水位超线",
    "debris": "落石杂物",
    "obstruction": "通道阻塞",
    "stopped_vehicle": "车辆停驶",
    "wrong_way": "逆行",
    "camera_fault": "摄像机故障",
}

HEADS: Final = (
    ("隐患", "hazard"),
    ("场次", "scenes"),
    ("检出率", "detected"),
    ("95 % 区间", "interval"),
    ("平均告警 s", "mean time to alert"),
    ("最长 s", "longest"),
    ("误报", "false alarms"),
    ("相似场景小时", "look-alike hours"),
    ("每小时误报", "false alarms an hour"),
    ("95 % 上限", "upper bound"),
)

MOST_LISTED: Final = 200
"""Lines of one list on the page; the JSON has all."""

MOST_TOLD: Final = 15
"""Lines of one list on a terminal."""


def text(own: Figures) -> str:
    """Return the table for a terminal, and what went wrong by name."""
    heads = ["hazard", "scenes", "detected", "95 %", "mean s", "longest s", "false", "hours",
             "an hour", "upper 95 %"]  # fmt: skip
    rows = [heads, *([name, *_cells(each)] for name, each in own["hazards"].items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    for title, key in (
        ("missed", "missed"),
        ("false alarms", "false_alarms"),
        ("alarms on people", "on_people"),
    ):
        lines += _told(title, own[key])
    hours = f"{own['hours']:.2f} hours of {own['plays']} plays, {own['seeds']} seeds"
    looks = f"{own['looks']} looks, {own['looks_drawn']} of them drawn anew"
    return "\n".join(
        [*lines, "", f"alarms on people: {own['alarms_on_people']}", f"{hours}; {looks}", HONEST]
    )


def _told(title: str, items: Sequence[Figures]) -> list[str]:
    if not items:
        return []
    more = [f"  and {len(items) - MOST_TOLD} more"] if len(items) > MOST_TOLD else []
    return ["", f"{title}:", *(f"  {_line(one)}" for one in items[:MOST_TOLD]), *more]


def _line(one: Figures) -> str:
    what = " ".join(str(one[key]) for key in ("hazard", "fault") if key in one)
    at_s = one["at_s"] if "at_s" in one else one["from_s"]
    where = f", zone {shown(one['zone'])}" if "zone" in one else ""
    return f"{one['play']}, seed {one['seed']}: {what} at {at_s:.1f} s{where}"


def _cells(each: Figures) -> list[str]:
    span = each["detected_95"]
    return [
        str(each["scenes"]),
        _number(each["detected"], 3),
        f"{span[0]:.3f}–{span[1]:.3f}" if span else "–",
        _number(each["mean_time_to_alert_s"], 1),
        _number(each["longest_time_to_alert_s"], 1),
        str(each["false_alarms"]),
        _number(each["lookalike_hours"], 2),
        _number(each["false_alarms_per_hour"], 3),
        _number(each["false_alarms_upper95_per_hour"], 3),
    ]


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def drills_page(own: Figures, lines: Sequence[str]) -> str:
    """Return the page."""
    rows = [(f"{CHINESE[name]} {name}", *_cells(each)) for name, each in own["hazards"].items()]
    return page(
        *TITLE,
        section("如何理解", "How to read it", *_how_to_read()),
        section("各类隐患", "By hazard", table(HEADS, rows)),
        section("概要", "Summary", _summary(own)),
        section("漏报", "Missed", _list(own["missed"])),
        section("误报", "False alarms", _list(own["false_alarms"])),
        section("对人的告警", "Alarms on people", _list(own["on_people"])),
        section("说明", "Notes", *(f'<p lang="en">{escape(shown(one))}</p>' for one in lines)),
    )


def _how_to_read() -> tuple[str, ...]:
    return (
        paragraph(
            "演练画面由程序绘制，只证明从画面到告警的链路；质量须以真实视频评判。",
            f"Scenes are drawn by the product: {HONEST}.",
        ),
        paragraph(
            "误报率按相似场景的小时数计算，隐患场景中的误报也计入分子；"
            "上限为单侧 95 % 泊松上限，零误报时为 3/小时数。",
            "False alarms an hour are over the hours of look-alikes, and count those in scenes of "
            "hazards too, so the rate errs to the high side. The upper bound is the one-sided "
            "95 % bound of a Poisson count: 3 by the hours where there was none.",
        ),
    )


def _summary(own: Figures) -> str:
    rows: list[tuple[str, object]] = [
        ("对人的告警 alarms on people", own["alarms_on_people"]),
        ("有人场景小时 hours of plays with people", f"{own['people_hours']:.2f}"),
        ("场景 plays", own["plays"]),
        ("种子 seeds", own["seeds"]),
        ("模拟小时 simulated hours", f"{own['hours']:.2f}"),
        ("查看次数 looks", own["looks"]),
        ("模型包 pack", own["pack"]),
    ]
    return table((("项目", "item"), ("数值", "figure")), rows, "wide pairs")


def _list(items: Sequence[Figures]) -> str:
    if not items:
        return "<p>–</p>"
    heads = (("场景", "play"), ("种子", "seed"), ("隐患", "hazard"), ("故障", "fault"),
             ("时刻 s", "second"), ("区域", "zone"))  # fmt: skip
    rows = [
        (
            one["play"],
            one["seed"],
            one["hazard"],
            one.get("fault"),
            f"{one['at_s'] if 'at_s' in one else one['from_s']:.1f}",
            one.get("zone"),
        )
        for one in items[:MOST_LISTED]
    ]
    more = len(items) - MOST_LISTED
    rest = paragraph(f"另有 {more} 条", f"and {more} more, in the JSON") if more > 0 else ""
    return table(heads, rows) + rest
