"""The figures of drills as text for a terminal, and as the page of `--report`. No pictures."""

from collections.abc import Sequence
from html import escape
from typing import Final

from pipelines.drills.catalogue import CATALOGUE
from pipelines.evaluate.drills import Figures
from pipelines.evaluate.faults import shown
from pipelines.page import page, paragraph, section, table

TITLE: Final = ("烽燧演练评测", "Fengsui drills")

HONEST: Final = "drills show the path; quality is judged on real clips"

SHA_DIGITS: Final = 12
"""As many as tell packs apart; all of them are in the JSON."""

CHINESE: Final = {
    "fire": "明火",
    "smoke": "烟雾",
    "water_over_line": "水位超线",
    "debris": "落石塌方/抛洒物",
    "obstruction": "通道堵塞",
    "stopped_vehicle": "异常停车",
    "wrong_way": "逆行",
    "camera_fault": "摄像机故障",
}
"""As the console calls them."""

HEADS: Final = (
    ("险情", "hazard"),
    ("场次", "scenes"),
    ("检出率", "detected"),
    ("检出率 95 % 区间", "its 95 % interval"),
    ("平均告警用时（秒）", "mean time to alert, s"),
    ("最长（秒）", "longest, s"),
    ("重复告警", "told of again"),
    ("误报", "false alarms"),
    ("相似场景时长（小时）", "hours of look-alikes"),
    ("每小时误报", "false alarms an hour"),
    ("其 95 % 上限", "its 95 % upper bound"),
)

SHORT_HEADS: Final = (
    "hazard", "scenes", "detected", "95 %", "mean s", "longest s", "again", "false", "alike h",
    "false/h", "upper/h",
)  # fmt: skip

LEGEND: Final = (
    "again: further alerts of a hazard that had been told of; alike h: hours of look-alikes; "
    "false/h: all false alarms over these hours; upper/h: its one-sided 95 % bound; "
    "–: nothing can be said"
)

MOST_LISTED: Final = 200
"""Lines of one list on the page; the JSON has all."""

MOST_TOLD: Final = 15
"""Lines of one list on a terminal."""


def text(own: Figures) -> str:
    """Return the table for a terminal, and what went wrong by name."""
    rows = [[*SHORT_HEADS], *([name, *_cells(each)] for name, each in own["hazards"].items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(SHORT_HEADS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    for title, key in (
        ("missed", "missed"),
        ("false alarms", "false_alarms"),
        ("told of again", "repeats"),
        ("alarms on people", "on_people"),
    ):
        lines += _told(title, own[key])
    hours = f"{own['people_hours']:.2f} hours of plays with people"
    people = f"alarms on people: {own['alarms_on_people']} in {hours}"
    hours = f"{own['hours']:.2f} hours of {_plays(own)} plays, seeds: {own['seeds']}"
    looks = f"{own['looks']} looks, {own['looks_drawn']} of them drawn anew"
    return "\n".join(
        [*lines, "", LEGEND, people, f"{hours}; {looks}", f"pack {_pack(own)}", HONEST]
    )


def _plays(own: Figures) -> str:
    return f"{own['plays']} / {max(own['plays'], len(CATALOGUE))}"


def _pack(own: Figures) -> str:
    sha256 = own.get("pack_sha256", "")
    return f"{own['pack']} {sha256[:SHA_DIGITS]}".rstrip()


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
        str(each["repeats"]),
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
        section("各类险情", "By hazard", table(HEADS, rows, "wide figures")),
        section("概要", "Summary", _summary(own)),
        section("漏报", "Missed", _list(own["missed"])),
        section("误报", "False alarms", _list(own["false_alarms"])),
        section("重复告警", "Told of again", _list(own["repeats"])),
        section("对人的告警", "Alarms on people", _list(own["on_people"])),
        *([section("说明", "Notes", *_notes(lines))] if lines else []),
    )


def _notes(lines: Sequence[str]) -> list[str]:
    return [f'<p lang="en">{escape(shown(one))}</p>' for one in lines]


def _how_to_read() -> tuple[str, ...]:
    return (
        paragraph(
            "演练画面由程序绘制，只证明从画面到告警的链路；质量须以真实视频评判。",
            f"Scenes are drawn by the product: {HONEST}.",
        ),
        paragraph(
            "检出率：险情发生期间或结束后 10 秒内，在其所在位置有相应告警的场次所占比例；"
            "位置不符的告警算误报。"
            "用时从险情出现的第一秒算到告警。重复告警：同一险情首次告警之后的告警，不算误报。"
            "“–”表示没有演练或无法计算。",
            "Detected: the share of scenes in which an alert of the hazard came where it is, while "
            "it lasted or within 10 s of its end; elsewhere it is a false alarm. Times run from "
            "the first second of the hazard to the alert. Told of again: alerts of a hazard after "
            "its first one, not false. A dash: it was not played, or nothing can be said.",
        ),
        paragraph(
            "每小时误报＝全部误报（险情场景中的也算在内）除以相似场景的小时数，因此偏高；"
            "上限为单侧 95 % 泊松上限，零误报时为 3 除以小时数：小时数少，上限就高。",
            "False alarms an hour are over the hours of look-alikes, and count those in scenes of "
            "hazards too, so the rate errs to the high side. The upper bound is the one-sided "
            "95 % bound of a Poisson count, with no false alarm 3 divided by the hours: few hours "
            "make it high.",
        ),
        paragraph(
            "对人的告警：人群场景中除摄像机故障外的所有告警；画有人的相似场景中的误报也计入。",
            "Alarms on people: all alerts but camera faults in plays of people, and false alarms "
            "in look-alikes that show people.",
        ),
    )


def _summary(own: Figures) -> str:
    rows: list[tuple[str, object]] = [
        ("对人的告警 alarms on people", own["alarms_on_people"]),
        ("有人场景的小时数 hours of plays with people", f"{own['people_hours']:.2f}"),
        ("场景 plays", _plays(own)),
        ("种子 seeds", own["seeds"]),
        ("场次合计 rehearsals", own["rehearsals"]),
        ("模拟小时 simulated hours", f"{own['hours']:.2f}"),
        ("分析帧数 looks", own["looks"]),
        ("模型包 pack", _pack(own)),
        ("命令 command", "fengsui eval drills"),
    ]
    return table((("项目", "item"), ("数值", "figure")), rows, "wide pairs")


def _list(items: Sequence[Figures]) -> str:
    if not items:
        return "<p>–</p>"
    heads = (("场景", "play"), ("种子", "seed"), ("险情", "hazard"), ("故障", "fault"),
             ("时刻（秒）", "second"), ("区域", "zone"))  # fmt: skip
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
