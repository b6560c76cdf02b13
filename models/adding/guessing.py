"""Which decoder reads a network, by the shapes and names of its outputs; if none, what it is."""

from collections.abc import Mapping

from models.graphs import GraphError
from vision.decoders import DECODERS, DecoderName, Shape
from vision.decoders.candidates import written
from vision.decoders.yolo import YOLOX_STRIDES_PX


def decoders(
    shapes: Mapping[str, Shape],
    labels: int,
    size_px: tuple[int, int],
    asked: DecoderName | None,
) -> tuple[DecoderName, ...]:
    """Return the decoders that outputs allow: one, or some to be tried. Raises ``GraphError``."""
    known = known_as(shapes, labels, size_px)
    more = f"; {known}" if known else ""
    if asked is not None:
        try:
            DECODERS[asked].fits(shapes, labels, *size_px)
        except ValueError as error:
            raise GraphError(f"{error}; labels are all classes, in their order{more}") from error
        return (asked,)
    names = tuple(name for name in DecoderName if _is_likely(name, shapes, labels, size_px))
    if names:
        return names
    there = ", ".join(f"{name} {written(shape)}" for name, shape in shapes.items())
    raise GraphError(
        f"its outputs are {there}; a pack gives boxes, scores and classes alone (no masks, no "
        f"poses, no embeddings), and {labels} labels need one of: a row of {5 + labels} for each "
        f"anchor (yolox), {4 + labels} rows and a column for each anchor (yolov8), boxes [b, q, 4] "
        f"and logits [b, q, {labels}] (detr), `dets` [b, q, 4] and `labels` [b, q, {labels + 1}] "
        f"(rf_detr), or boxes, scores and labels (detr_deployed){more}"
    )


def _is_likely(
    name: DecoderName, shapes: Mapping[str, Shape], labels: int, size_px: tuple[int, int]
) -> bool:
    try:
        DECODERS[name].fits(shapes, labels, *size_px)
    except ValueError:
        return False
    return DECODERS[name].likely(shapes, *size_px)


def refuse_unlikely(name: DecoderName, seen: Mapping[str, Shape], size_px: tuple[int, int]) -> None:
    """Raise ``GraphError`` if what came out does not bear out a guess: a file may leave it open."""
    if not DECODERS[name].likely(seen, *size_px):
        there = ", ".join(f"{output} {written(shape)}" for output, shape in seen.items())
        raise GraphError(
            f"its outputs are {there}, which `{name}` would not give: if it is that, say "
            f"--decoder {name}"
        )


def known_as(shapes: Mapping[str, Shape], labels: int, size_px: tuple[int, int]) -> str:
    """Say of outputs that were refused whose they are, if known, and what to do; else nothing."""
    every = list(shapes.values())
    if len(every) == 1 and every[0] is not None and len(every[0]) == 3:
        _, rows, columns = every[0]
        cells = sum((size_px[0] // one) * (size_px[1] // one) for one in YOLOX_STRIDES_PX)
        if columns == 6 and rows is not None and rows <= 1000 and rows != cells:
            return (
                "this has suppression in the graph: export it without: with Ultralytics, leave "
                "`nms` out (older versions: `end2end=False`); Ultralytics' RT-DETR always has it, "
                "and is not read: export it from RT-DETR's own program, or from Hugging Face "
                "transformers (logits and pred_boxes)"
            )
        if columns == 5 + labels and rows in {None, 3 * cells}:
            return (
                "this looks like YOLOv5 or YOLOv7, with three anchors a cell, which are not "
                "read: train YOLOv8, YOLO11 or YOLOX instead"
            )
    logits = shapes.get("labels")
    columns = logits[-1] if logits else None
    is_rf_detr = DECODERS[DecoderName.RF_DETR].likely(shapes, *size_px)
    if is_rf_detr and columns is not None and columns != labels + 1:
        return (
            "`dets` and `labels` are RF-DETR's, which has one column more than it has classes: "
            f"{columns} columns need {columns - 1} labels"
        )
    queries = [shape for shape in every if shape is not None and len(shape) == 3]
    if len(every) == len(queries) == 2 and {one[2] for one in queries} == {4, labels + 1}:
        return (
            "the first DETR has these, with a softmax, and is not read; if this is RF-DETR, say "
            "--decoder rf_detr"
        )
    return ""
