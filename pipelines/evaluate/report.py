"""The page of `--report`: one file, no script, nothing fetched, Chinese before English.

Of labelled pictures it has the worst ones, as `covered.py` makes them; of a clip its times alone.
"""

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from models.scoring import precision_recall
from pipelines.evaluate.covered import NotShownError, small_picture
from pipelines.evaluate.faults import shown
from pipelines.evaluate.figures import IOU, Figures, of_class
from pipelines.evaluate.images import Judgement
from pipelines.evaluate.plots import Bar, Plot, svg, timeline
from pipelines.evaluate.timing import right_alerts
from pipelines.evaluate.truth import TrueEvent
from pipelines.evaluate.video import Watched
from pipelines.evaluate.worst import Example, false_alarms, misses
from pipelines.page import figure, grid, page, paragraph, section, table

TITLE: Final = ("烽燧评测报告", "Fengsui evaluation")

SIZE_NAMES: Final = {
    "all": "全部 all",
    "small": "小 <32 px",
    "medium": "中 32–96 px",
    "large": "大 >96 px",
}

CLASS_HEADS: Final = (
    ("类别", "class"),
    ("尺寸（长边）", "size, longer side"),
    ("标注框", "boxes"),
    ("精确率", "precision"),
    ("召回率", "recall"),
    ("F1", "at the pack's threshold"),
    ("AP50", "all thresholds"),
)

SHA_DIGITS: Final = 12
"""As many as tell packs apart; all of them are in the JSON."""

MOST: Final = 12
"""Examples of each kind, one a picture."""

MOST_TRIED: Final = 60
"""A set in which nothing can be shown must not be looked at a second time."""


def images_page(judgement: Judgement, name: str) -> str:
    """Return the page of a labelled folder."""
    worst, alarming = (
        select(judgement.alarms, judgement.looker) for select in (misses, false_alarms)
    )
    reasons = judgement.figures["left_out"].items()
    left_out = table((("原因", "reason"), ("文件", "files")), reasons) if reasons else "<p>–</p>"
    return page(
        *TITLE,
        _summary(judgement, name),
        section("各类别", "By class and size", _class_table(judgement.figures)),
        section("跳过的文件", "Left out", left_out),
        section("精确率与召回率", "Precision and recall", grid(_curves(judgement))),
        section("误报与召回", "Alarms and recall", grid(_alarm_curve(judgement))),
        section("如何看图", "How to read the pictures", *_how_to_read()),
        _examples("漏报", "Worst misses", worst, judgement),
        _examples("误报", "Worst false alarms", alarming, judgement),
        notes(judgement.notes),
    )


def _how_to_read() -> tuple[str, ...]:
    return (
        paragraph(
            "注意：既未标注也未检出的人和车可能出现在险情框内，转交前请逐图检查。"
            "检出的人和车、标注的其他一切均已涂实；大框为粗马赛克，图片其余部分更粗；不统计检出的人。",
            "Careful: people and vehicles that are neither labelled nor detected may be in the "
            "box: look at each picture before you pass the page on. Detected people and vehicles, "
            "and whatever else is labelled, are filled; large boxes are coarse, the rest of a "
            "picture is coarser. How many people were detected is told nowhere.",
        ),
        paragraph(
            "图下的数字是模型给该框的分数（0 到 1）：漏报为标注框处同类检出的最高分，"
            "0.00 即毫无检出；误报为该误检框的分数。误报先列无险情的图片，再列有险情图片中的错框。",
            "The number under a picture is the model's score, 0 to 1: for a miss the best that was "
            "found at the labelled box, 0.00 where there was nothing; for a false alarm the wrong "
            "box's. False alarms in pictures without a hazard come first, then wrong boxes in "
            "pictures with one.",
        ),
    )


def notes(lines: Sequence[str]) -> str:
    """Return what a reader of the figures must know."""
    return section("说明", "Notes", *(f'<p lang="en">{escape(shown(one))}</p>' for one in lines))


def _summary(judgement: Judgement, name: str) -> str:
    own = judgement.figures
    pack_point, people = own["at_pack_thresholds"], own["people_covered"]
    vehicles = own["vehicles"]
    rows: list[tuple[str, object]] = [
        ("数据 data", shown(name)),
        ("模型包 pack", own["pack"]),
        ("权重 weights, SHA-256", own["pack_sha256"][:SHA_DIGITS]),
        ("图片 pictures", own["images"]),
        ("无险情图片 negatives", own["negatives"]),
        ("有险情图片中检出的比例 hazard pictures found", pack_point["recall"]),
        ("95 % 区间 interval", _interval(pack_point["recall_95"])),
        ("误报图片 false-positive pictures", own["false_positive_images"]),
        ("其中无险情图片 of hazard-free pictures", own["hazard_free_images"]),
        ("误报 1 % 时的召回 recall at 1 % alarms", own["picture_recall_at_1pct"]),
        ("每图毫秒 ms a picture, one thread", own["ms_per_image"]),
        ("标注的人被遮盖 labelled people covered", people and people["covered"]),
        ("标注的车被遮盖 labelled vehicles covered",
         vehicles and vehicles["masked"]["covered"]),
        ("空标注文件 empty label files", own["empty_label_files"]),
        ("跳过的文件 left out", sum(own["left_out"].values())),
    ]  # fmt: skip
    return section(
        "概要", "Summary", table((("项目", "item"), ("数值", "figure")), rows, "wide pairs")
    )


def _interval(limits: list[float] | None) -> str | None:
    return f"{limits[0]:.3f}–{limits[1]:.3f}" if limits else None


def _class_table(own: Figures) -> str:
    rows: list[tuple[object, ...]] = []
    for name, each in own["classes"].items():
        sizes = each["sizes"] if each["boxes"] else {}
        for size, row in {"all": each, **sizes}.items():
            cells = (row["boxes"], row["precision"], row["recall"], row["f1"], row["ap50"])
            rows.append((shown(name), SIZE_NAMES[size], *cells))
    if own["vehicles"]:
        row = own["vehicles"]
        cells = (row["boxes"], row["precision"], row["recall"], None, row["ap50"])
        rows.append(("任何车辆 any vehicle", SIZE_NAMES["all"], *cells))
    return table(CLASS_HEADS, rows, "wide sizes")


def _curves(judgement: Judgement) -> list[str]:
    plots = []
    for label in sorted(judgement.known):
        judged = of_class(judgement.cases, label, IOU)
        if len(judged.wanted_px) == 0 or len(judged.scores) == 0:
            continue
        precision, recall = precision_recall(judged)
        name = judgement.looker.pack.settings.labels[label].name
        own = judgement.figures["classes"][name]
        plot = Plot(
            x=recall,
            y=precision,
            x_name="召回率 recall",
            y_name="精确率 precision",
            mark=(own["recall"], own["precision"]),
        )
        plots.append(figure(svg(plot), f"{shown(name)}: AP50 {own['ap50']:.3f}"))
    return plots


def _alarm_curve(judgement: Judgement) -> list[str]:
    """Draw recall of pictures over the share of hazard-free pictures that alarm."""
    sorted_out = judgement.alarms
    found = (sorted_out.found / sorted_out.thresholds).max(axis=1, initial=0.0)
    false = (sorted_out.false / sorted_out.thresholds).max(axis=1, initial=0.0)
    if len(found) == 0 or len(false) == 0:
        return ["<p>–</p>"]
    cuts = np.unique(np.concatenate([found, false]))[::-1]
    plot = Plot(
        x=np.array([(false >= cut).mean() for cut in cuts]),
        y=np.array([(found >= cut).mean() for cut in cuts]),
        x_name="误报图片比例 share of hazard-free pictures",
        y_name="召回率 recall",
        x_end=0.2,
        mark=(float((false >= 1).mean()), float((found >= 1).mean())),
    )
    caption = "圆点：模型包自己的阈值 · dot: the pack's own thresholds"
    return [figure(svg(plot), caption)]


def _examples(chinese: str, english: str, examples: list[Example], judgement: Judgement) -> str:
    """Return the worst that can be shown, and how many can't."""
    looker, figures, skipped = judgement.looker, list[str](), Counter[tuple[str, str]]()
    for one in examples[:MOST_TRIED]:
        if len(figures) == MOST:
            break
        try:
            content = f'<img src="{small_picture(one, looker)}" alt="">'
        except NotShownError as error:
            skipped[error.reason] += 1
            continue
        name = looker.pack.settings.labels[one.label].name
        where = f"{one.case.picture.parent.name}/{one.case.picture.name}"
        figures.append(figure(content, f"{shown(name)} {one.score:.2f} · {shown(where)}"))
    parts = [grid(figures) if figures else "<p>–</p>"]
    parts += [
        paragraph(f"未显示 {count} 张：{why[0]}", f"{count} not shown: {why[1]}")
        for why, count in skipped.items()
    ]
    return section(chinese, english, *parts)


def video_page(
    watched: Watched, truth: Sequence[TrueEvent], own: Figures, name: str, lines: Sequence[str]
) -> str:
    """Return the page of a clip: no picture of it, its times alone."""
    right = right_alerts(watched, truth)
    bars = [
        *(Bar(row=f"{one.hazard} 真实 true", from_s=one.from_s, to_s=one.to_s, colour="#15803d")
          for one in truth),
        *(Bar(row=f"{one.hazard} 告警 alert", from_s=one.onset_s, to_s=one.end_s,
              colour="#1d4ed8" if one in right else "#c2410c")
          for one in watched.raised),
    ]  # fmt: skip
    rows: list[tuple[str, object]] = [
        ("视频 clip", shown(name)),
        ("模型包 pack", own["pack"]),
        ("时长 seconds", own["length_s"]),
        ("查看次数 looks", own["looks"]),
        ("告警 alerts", own["alerts"]),
        ("最早真实时刻 first true, s", own["first_true_s"]),
        ("最早告警 first alert, s", own["first_alert_s"]),
        ("误报 false alarms", own["false_alarms"]),
        ("每小时误报 false alarms an hour", own["false_alarms_per_hour"]),
        ("覆盖率 coverage", own["coverage"]),
    ]
    heads = (("险情", "hazard"), ("从 s", "from"), ("到 s", "to"), ("告警 s", "alert"),
             ("延迟 s", "delay"), ("覆盖率", "coverage"))  # fmt: skip
    events = [[each[key] for key in ("hazard", "from_s", "to_s", "alert_s", "delay_s", "coverage")]
              for each in own["events"]]  # fmt: skip
    return page(
        *TITLE,
        section(
            "概要", "Summary", table((("项目", "item"), ("数值", "figure")), rows, "wide pairs")
        ),
        section("时间线", "Timeline", timeline(bars, watched.length_s)),
        section("真实事件", "True events", table(heads, events)),
        notes(lines),
    )
