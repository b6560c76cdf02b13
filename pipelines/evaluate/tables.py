"""The figures as text for a terminal."""

from collections.abc import Sequence
from unicodedata import east_asian_width

from pipelines.evaluate.faults import shown
from pipelines.evaluate.figures import Figures


def images(own: Figures) -> str:
    """Return the figures of a labelled folder."""
    heads = ("class", "size", "boxes", "precision", "recall", "F1", "AP50", "best F1 at IoU 0.3")
    rows: list[Sequence[object]] = [heads]
    for name, each in own["classes"].items():
        rows.append((shown(name), "all", *_four(each), each["best_f1_iou30"]))
        sizes = each["sizes"] if each["boxes"] else {}
        rows.extend(("", size, *_four(row), "") for size, row in sizes.items())
    if vehicles := own["vehicles"]:
        cells = (vehicles["boxes"], vehicles["precision"], vehicles["recall"], "", vehicles["ap50"])
        rows.append(("any vehicle", "all", *cells, ""))
    return "\n".join([f"{own['pack']}, {own['images']} pictures", "", *_aligned(rows), "",
                      *_pictures(own)])  # fmt: skip


def _four(row: Figures) -> tuple[object, ...]:
    return row["boxes"], row["precision"], row["recall"], row["f1"], row["ap50"]


def _pictures(own: Figures) -> list[str]:
    point, vehicles, people = own["at_pack_thresholds"], own["vehicles"], own["people_covered"]
    cut = own["picture_threshold_at_1pct"]
    hazards, free = own["hazard_images"], own["hazard_free_images"]
    lines = [
        f"pictures with a hazard: {hazards}; found in {_cell(point['recall'])} of them "
        + _interval(point["recall_95"]),
        f"pictures without: {free}; false positive: {own['false_positive_images']} "
        + _interval(point["alarm_share_95"]),
        f"recall of pictures at 1 % alarms: {_cell(own['picture_recall_at_1pct'])}"
        + ("" if cut is None else f" (any hazard's score above {cut:.3f})"),
        f"{own['ms_per_image']:.1f} ms a picture on one thread",
    ]
    if vehicles:
        masked = vehicles["masked"]
        lines.append(
            f"vehicles: precision {_cell(vehicles['precision_at_recall_70'])} at recall 0.70; "
            f"{_cell(masked['covered'])} of {masked['labelled']} from 32 px would be covered"
        )
    if people:
        share, labelled = _cell(people["covered"]), people["labelled"]
        lines.append(f"people covered: {share} of {labelled} labelled from 32 px")
    return lines + _left_out(own)


def video(own: Figures) -> str:
    """Return the figures of a clip."""
    heads = ("hazard", "from s", "to s", "alert s", "delay s", "coverage")
    rows: list[Sequence[object]] = [heads]
    rows.extend(
        [each[key] for key in ("hazard", "from_s", "to_s", "alert_s", "delay_s", "coverage")]
        for each in own["events"]
    )
    hourly = _cell(own["false_alarms_per_hour"])
    lines = [
        f"alerts: {own['alerts']}, of which false: {own['false_alarms']} ({hourly} an hour)",
        f"first true, s: {_cell(own['first_true_s'])}",
        f"first alert, s: {_cell(own['first_alert_s'])}",
        f"coverage: {_cell(own['coverage'])}",
    ]
    head = f"{own['pack']}, {own['length_s']:.1f} s, {own['looks']} looks"
    return "\n".join([head, "", *_aligned(rows), "", *lines, *_left_out(own)])


def _left_out(own: Figures) -> list[str]:
    counts = ", ".join(f"{count} {reason}" for reason, count in own["left_out"].items())
    return [f"left out: {counts}"] if counts else []


def _interval(limits: Sequence[float] | None) -> str:
    return f"(95 %: {limits[0]:.3f} to {limits[1]:.3f})" if limits else ""


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _aligned(rows: Sequence[Sequence[object]]) -> list[str]:
    cells = [[_cell(one) for one in row] for row in rows]
    widths = [max(map(_columns, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(_padded, row, widths)).rstrip() for row in cells]


def _padded(text: str, columns: int) -> str:
    return text + " " * (columns - _columns(text))


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(one) in "WF" else 1 for one in text)
