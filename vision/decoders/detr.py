"""The DETR families (RT-DETR, D-FINE, RF-DETR): a few hundred queries, each a box.

Matched one to one in training, they give a thing one box and need no suppression. Ours runs all
the same: where two queries do answer for one thing it takes the weaker, otherwise nothing, and the
detector stays one path for every pack.
"""

import re
from collections.abc import Mapping
from typing import Final

import numpy as np
from jaxtyping import Float32, Int64

from vision.decoders.candidates import Candidates, Shape, agree, corners, written

BOXES: Final = re.compile(r"box|dets", re.IGNORECASE)
SCORES: Final = re.compile(r"score|conf", re.IGNORECASE)
LABELS: Final = re.compile(r"label|class", re.IGNORECASE)

Scalars = Float32[np.ndarray, "b q"]
QueryBoxes = Float32[np.ndarray, "b q 4"]


def detr_fits(
    shapes: Mapping[str, Shape],
    labels: int,
    height_px: int,  # noqa: ARG001 - decoders share one signature
    width_px: int,  # noqa: ARG001
) -> tuple[str, ...]:
    """Return the names of boxes [b q 4] and logits [b q labels]. Raises ``ValueError``."""
    return _raw_names(shapes, labels)


def rf_detr_fits(
    shapes: Mapping[str, Shape],
    labels: int,
    height_px: int,  # noqa: ARG001
    width_px: int,  # noqa: ARG001
) -> tuple[str, ...]:
    """Return the names of boxes [b q 4] and logits [b q labels + 1]. Raises ``ValueError``."""
    return _raw_names(shapes, labels + 1)


def rf_detr_likely(
    shapes: Mapping[str, Shape],
    height_px: int,  # noqa: ARG001
    width_px: int,  # noqa: ARG001
) -> bool:
    """Say whether the names are its export's: the first DETR, with its softmax, has the shapes."""
    return set(shapes) == {"dets", "labels"}


def _raw_names(shapes: Mapping[str, Shape], columns: int) -> tuple[str, ...]:
    if len(shapes) != 2:
        raise ValueError(
            f"two outputs (boxes and logits) are needed, not {len(shapes)} ({', '.join(shapes)})"
        )
    # Names first: with four columns of logits (RF-DETR issue 1247) shapes can't tell them apart.
    boxes = [name for name in shapes if BOXES.search(name)]
    if len(boxes) != 1:
        boxes = [name for name, shape in shapes.items() if shape and shape[-1] == 4]
    if len(boxes) != 1:
        raise ValueError(
            f"which output holds the boxes can't be told ({', '.join(shapes)}): name it `boxes`"
        )
    (logits,) = set(shapes) - set(boxes)
    _expect(shapes, boxes[0], (None, None, 4), "cx cy w h of each query")
    _expect(shapes, logits, (None, None, columns), f"the labels need {columns} columns")
    return boxes[0], logits


def detr(
    boxes: QueryBoxes,
    logits: Float32[np.ndarray, "b q c"],
    thresholds: Float32[np.ndarray, "c"],
) -> Candidates:
    """Decode what the network itself gives: cx cy w h 0-1 of the input, and logits.

    A sigmoid for each class by itself, as RT-DETR's post-processor does
    (``rtdetr_postprocessor.py``, focal loss) and D-FINE's after it.
    """
    # The few logits over a threshold's own logit are turned into scores, not all.
    limits = np.log(thresholds / (1 - thresholds))
    frame, query, label = np.nonzero(logits >= limits)
    box = boxes[frame, query]
    return Candidates(
        frame_index=frame,
        xyxy=corners(box[:, :2], box[:, 2:]),
        score=1 / (1 + np.exp(-np.minimum(logits[frame, query, label], 60.0))),
        label=label,
    )


def rf_detr(
    boxes: QueryBoxes,
    logits: Float32[np.ndarray, "b q columns"],
    thresholds: Float32[np.ndarray, "c"],
) -> Candidates:
    """Decode RF-DETR: as ``detr``, and the last column, for "nothing", says nothing.

    (RF-DETR's ``docs/learn/export.md``: outputs `dets` and `labels`, classes + 1 columns.)
    """
    return detr(boxes, logits[:, :, :-1], thresholds)


def detr_doubt(boxes: QueryBoxes) -> str | None:
    """Say why boxes that have the shape are not shares of the input, if they aren't."""
    if np.median(np.abs(boxes)) > 4.0:
        return "its boxes are in pixels, not shares 0-1 of the input"
    return None


def detr_deployed_fits(
    shapes: Mapping[str, Shape],
    labels: int,  # noqa: ARG001 - numbers, not columns: what they name shows when it runs
    height_px: int,  # noqa: ARG001
    width_px: int,  # noqa: ARG001
) -> tuple[str, ...]:
    """Return the names of boxes [b q 4], scores and labels [b q]. Raises ``ValueError``."""
    found = []
    for words, pattern in (("boxes", BOXES), ("scores", SCORES), ("labels", LABELS)):
        names = [name for name in shapes if pattern.search(name)]
        if len(shapes) != 3 or len(names) != 1:
            raise ValueError(
                f"three outputs named `boxes`, `scores` and `labels` are needed, not "
                f"{', '.join(shapes)}: {words} can't be told"
            )
        found.append(names[0])
    _expect(shapes, found[0], (None, None, 4), "x0 y0 x1 y1 of each query")
    _expect(shapes, found[1], (None, None), "a score of each query")
    _expect(shapes, found[2], (None, None), "a label's number of each query")
    return tuple(found)


def detr_deployed(  # noqa: PLR0917 - outputs, then what every decoder gets
    boxes: QueryBoxes,
    scores: Scalars,
    labels: Int64[np.ndarray, "b q"],
    thresholds: Float32[np.ndarray, "c"],
    height_px: int,
    width_px: int,
) -> Candidates:
    """Decode exports with the post-processor in the graph: x0 y0 x1 y1 in pixels of the input.

    RT-DETR's and D-FINE's ``tools/.../export_onnx.py``. Their second input, `orig_target_sizes`,
    is the input's own width and height, as a constant of the pack's graph. Raises ``ValueError``
    for a label that the pack doesn't have and whose score could matter.
    """
    known = (labels >= 0) & (labels < len(thresholds))
    if (~known & (scores >= thresholds.min())).any():
        raise ValueError(
            f"the network names label {int(labels[~known].max())}, the pack has {len(thresholds)} "
            "labels, from 0: give every label of the network, in its order"
        )
    frame, query = np.nonzero(known & (scores >= thresholds[np.where(known, labels, 0)]))
    size_px = np.array([width_px, height_px, width_px, height_px], np.float32)
    return Candidates(
        frame_index=frame,
        xyxy=boxes[frame, query] / size_px,
        score=scores[frame, query],
        label=labels[frame, query],
    )


def detr_deployed_doubt(boxes: QueryBoxes) -> str | None:
    """Say why boxes that have the shape are not in pixels, if they aren't."""
    if np.abs(boxes).max(initial=0.0) <= 2.0:
        return (
            "its boxes are shares 0-1, not pixels of the input: export it with "
            "`orig_target_sizes`, or without its post-processor"
        )
    return None


def _expect(shapes: Mapping[str, Shape], name: str, expected: Shape, words: str) -> None:
    if not agree(shapes[name], expected):
        raise ValueError(
            f"output `{name}` is {written(shapes[name])}, not {written(expected)}: {words}"
        )
