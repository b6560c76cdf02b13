"""The pages of `--report`: of labelled pictures, and of a clip."""

import numpy as np

from models.scoring import precision_recall
from pipelines.evaluate.covered import NotShownError, small_picture
from pipelines.evaluate.faults import shown
from pipelines.evaluate.figures import IOU, Figures, of_class
from pipelines.evaluate.images import Judgement
from pipelines.evaluate.page import both, figure, grid, page, paragraph, section, table
from pipelines.evaluate.plots import Bar, Plot, svg, timeline
from pipelines.evaluate.timing import is_of
from pipelines.evaluate.truth import TrueEvent
from pipelines.evaluate.video import Watched
from pipelines.evaluate.worst import Example, false_alarms, misses

TITLE = ("烽燧评测报告", "Fengsui evaluation")

SIZE_NAMES = {
    "all": "全部 all",
    "small": "小 <32 px",
    "medium": "中 32–96 px",
    "large": "大 >96 px",
}

CLASS_HEADS = (
    ("类别", "class"),
    ("尺寸（长边）", "size, longer side"),
    ("标注框", "boxes"),
    ("精确率", "precision"),
    ("召回率", "recall"),
    ("F1", "at the pack's threshold"),
    ("AP50", "all thresholds"),
)


def images_page(judgement: Judgement, name: str) -> str:
    """Return the page of a labelled folder."""
    worst, alarming = (
        select(judgement.alarms, judgement.looker) for select in (misses, false_alarms)
    )
    return page(
        *TITLE,
        _summary(judgement, name),
        section("各类别", "By class and size", _class_table(judgement.figures)),
        section("精确率与召回率", "Precision and recall", grid(_curves(judgement))),
        section("误报与召回", "Alarms and recall", grid(_alarm_curve(judgement))),
        _examples("漏报", "Worst misses", worst, judgement),
        _examples("误报", "Worst false alarms", alarming, judgement),
        section(
            "说明",
            "Notes",
            paragraph(
                "人和车辆（标注的与检出的）一律涂实，图片其余部分为马赛克；不统计检出的人。",
                "People and vehicles, labelled and detected, are filled; the rest of each picture "
                "is a mosaic. How many people were detected is told nowhere.",
            ),
            *(f'<p lang="en">{both("", note)}</p>' for note in judgement.notes),
        ),
    )


def _summary(judgement: Judgement, name: str) -> str:
    own = judgement.figures
    pack_point, people = own["at_pack_thresholds"], own["people_covered"]
    vehicles = own["vehicles"]
    rows: list[tuple[str, object]] = [
        ("数据 data", shown(name)),
        ("模型包 pack", own["pack"]),
        ("权重 SHA-256", own["pack_sha256"]),
        ("图片 pictures", own["images"]),
        ("无隐患图片 negatives", own["negatives"]),
        ("有隐患图片中检出的比例 hazard pictures found", pack_point["recall"]),
        ("95 % 区间 interval", _interval(pack_point["recall_95"])),
        ("误报图片 false-positive pictures", own["false_positive_images"]),
        ("其中无隐患图片 of hazard-free pictures", own["hazard_free_images"]),
        ("误报 1 % 时的召回 recall at 1 % alarms", own["picture_recall_at_1pct"]),
        ("每图毫秒 ms a picture, one thread", own["ms_per_image"]),
        ("标注的人被遮盖 labelled people covered", people and people["covered"]),
        ("标注的车被遮盖 labelled vehicles covered",
         vehicles and vehicles["masked"]["mostly_covered"]),
        ("跳过的文件 left out", sum(own["left_out"].values())),
    ]  # fmt: skip
    return section("概要", "Summary", table((("项目", "item"), ("数值", "figure")), rows))


def _interval(limits: list[float] | None) -> str | None:
    return f"{limits[0]:.3f}–{limits[1]:.3f}" if limits else None


def _class_table(own: Figures) -> str:
    rows: list[tuple[object, ...]] = []
    for name, each in own["classes"].items():
        for size, row in {"all": each, **each["sizes"]}.items():
            cells = (row["boxes"], row["precision"], row["recall"], row["f1"], row["ap50"])
            rows.append((shown(name), SIZE_NAMES[size], *cells))
    if vehicles := own["vehicles"]:
        for size, row in {"all": vehicles, **vehicles["sizes"]}.items():
            cells = (row["boxes"], row["precision"], row["recall"], None, row.get("ap50"))
            rows.append(("任何车辆 any vehicle", SIZE_NAMES[size], *cells))
    return table(CLASS_HEADS, rows)


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
    looker = judgement.looker
    shown_ones = []
    for one in examples:
        name = looker.pack.settings.labels[one.label].name
        where = f"{one.case.picture.parent.name}/{one.case.picture.name}"
        caption = f"{shown(name)} {one.score:.2f} · {shown(where)}"
        try:
            content = f'<img src="{small_picture(one, looker)}" alt="">'
        except NotShownError as error:
            content = (
                f'<div class="none">{both("无图：", "no picture:")}<br>{both(*error.reason)}</div>'
            )
        shown_ones.append(figure(content, caption))
    return section(chinese, english, grid(shown_ones) if shown_ones else "<p>–</p>")


def video_page(watched: Watched, truth: tuple[TrueEvent, ...], own: Figures, name: str) -> str:
    """Return the page of a clip: no picture of it, its times alone."""
    bars = [
        *(Bar(row=f"{one.hazard} 真实 true", from_s=one.from_s, to_s=one.to_s, colour="#15803d")
          for one in truth),
        *(Bar(row=f"{one.hazard} 告警 alert", from_s=one.onset_s, to_s=one.end_s,
              colour="#1d4ed8" if any(is_of(one, event) for event in truth) else "#c2410c")
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
    heads = (("隐患", "hazard"), ("从 s", "from"), ("到 s", "to"), ("告警 s", "alert"),
             ("延迟 s", "delay"), ("覆盖率", "coverage"))  # fmt: skip
    events = [[each[key] for key in ("hazard", "from_s", "to_s", "alert_s", "delay_s", "coverage")]
              for each in own["events"]]  # fmt: skip
    return page(
        *TITLE,
        section("概要", "Summary", table((("项目", "item"), ("数值", "figure")), rows)),
        section("时间线", "Timeline", timeline(bars, watched.length_s)),
        section("真实事件", "True events", table(heads, events)),
    )
