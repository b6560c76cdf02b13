"""The YOLO families: one output, a row or column of numbers for every anchor."""

from collections.abc import Mapping
from functools import cache

import numpy as np
from jaxtyping import Float32

from vision.decoders.candidates import Candidates, Shape, agree, corners, written

YOLOX_STRIDES_PX = (8, 16, 32)
"""Ge et al. 2021 (arXiv 2107.08430): three levels of the feature pyramid."""

YOLOV8_STRIDES_PX = ((8, 16, 32), (4, 8, 16, 32), (8, 16, 32, 64))
"""Ultralytics' ``cfg/models/v8``: as it is, and its variants ``-p2`` and ``-p6``."""

RAW_CENTRES = 16.0
"""Raw centres are offsets of some strides at most; decoded ones spread over the whole input."""

Output = Float32[np.ndarray, "b rows columns"]


@cache
def _yolox_grid(height_px: int, width_px: int) -> Float32[np.ndarray, "a 3"]:
    """Return column, row and stride of every anchor: levels in turn, each row by row."""
    levels = []
    for stride in YOLOX_STRIDES_PX:
        rows, columns = np.mgrid[0 : height_px // stride, 0 : width_px // stride]
        levels.append(np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, stride)], axis=1))
    return np.concatenate(levels).astype(np.float32)


def yolox_fits(
    shapes: Mapping[str, Shape], labels: int, height_px: int, width_px: int
) -> tuple[str, ...]:
    """Return the output's name. Raises ``ValueError`` if it isn't [b, anchors, 5 + labels]."""
    if height_px % 32 or width_px % 32:
        raise ValueError(f"YOLOX needs an input in multiples of 32, not {height_px}x{width_px}")
    expected = (None, len(_yolox_grid(height_px, width_px)), 5 + labels)
    words = "box, objectness, one column a label"
    return _only(shapes, expected, f"the labels need {5 + labels} columns ({words})")


def yolox(
    output: Output, thresholds: Float32[np.ndarray, "c"], height_px: int, width_px: int
) -> Candidates:
    """Decode YOLOX: cx cy w h before grid and exponential, then objectness, then classes.

    Every anchor may answer for each class that reaches its own threshold, so that a person's
    score never hides a hazard's or the other way round. Only the few rows over a threshold are
    decoded.
    """
    scores = output[:, :, 4:5] * output[:, :, 5:]
    frame, anchor, label = np.nonzero(scores >= thresholds)
    grid = _yolox_grid(height_px, width_px)[anchor]
    raw = output[frame, anchor, :4]
    centre = (raw[:, :2] + grid[:, :2]) * grid[:, 2:]
    # e^10 strides is already wider than any input: clipped so that a wild weight can't overflow.
    size = np.exp(np.minimum(raw[:, 2:], 10.0)) * grid[:, 2:]
    return Candidates(
        frame_index=frame,
        xyxy=_shares(corners(centre, size), height_px, width_px),
        score=scores[frame, anchor, label],
        label=label,
    )


def yolox_doubt(output: Output) -> str | None:
    """Say why an output that has the shape is not YOLOX's own, if it isn't."""
    if np.median(np.abs(output[..., :2])) > RAW_CENTRES:
        return "its boxes are in pixels already: the decoder is `yolox_decoded`"
    return None


def yolox_decoded(
    output: Output, thresholds: Float32[np.ndarray, "c"], height_px: int, width_px: int
) -> Candidates:
    """Decode YOLOX's export with ``--decode_in_inference``: cx cy w h in pixels of the input.

    The other columns as in ``yolox`` (Megvii's ``tools/export_onnx.py``, ``decode_outputs``).
    """
    scores = output[:, :, 4:5] * output[:, :, 5:]
    frame, anchor, label = np.nonzero(scores >= thresholds)
    box = output[frame, anchor, :4]
    return Candidates(
        frame_index=frame,
        xyxy=_shares(corners(box[:, :2], box[:, 2:]), height_px, width_px),
        score=scores[frame, anchor, label],
        label=label,
    )


def yolox_decoded_doubt(output: Output) -> str | None:
    """Say why an output that has the shape is not decoded, if it isn't."""
    if np.median(np.abs(output[..., :2])) <= RAW_CENTRES:
        return "its boxes are not in pixels: the decoder is `yolox`"
    return None


def yolov8_fits(
    shapes: Mapping[str, Shape],
    labels: int,
    height_px: int,  # noqa: ARG001 - decoders share one signature
    width_px: int,  # noqa: ARG001
) -> tuple[str, ...]:
    """Return the output's name. Raises ``ValueError`` if it isn't [b, 4 + labels, anchors]."""
    words = "box, one a label: no masks, no points of a body"
    return _only(shapes, (None, 4 + labels, None), f"the labels need {4 + labels} rows ({words})")


def yolov8_likely(shapes: Mapping[str, Shape], height_px: int, width_px: int) -> bool:
    """Say whether there is an anchor for each cell: embeddings and the like have the shape, too."""
    shape = next(iter(shapes.values()))
    if shape is None or shape[2] is None:
        return True
    return any(
        shape[2] == sum(-(-height_px // stride) * -(-width_px // stride) for stride in strides)
        for strides in YOLOV8_STRIDES_PX
    )


def yolov8(
    output: Output, thresholds: Float32[np.ndarray, "c"], height_px: int, width_px: int
) -> Candidates:
    """Decode YOLOv8 and its successors of that head (YOLOv9, YOLO11): [b, 4 + c, a].

    cx cy w h in pixels of the input, then class scores that are 0-1 already; no objectness
    (ultralytics issue 751: 84 rows are a box and COCO's 80 classes). Their exports with
    suppression in the graph, [b, 300, 6], are another thing, and not read.
    """
    scores = output[:, 4:]
    frame, label, anchor = np.nonzero(scores >= thresholds[:, None])
    box = output[frame, :4, anchor]
    return Candidates(
        frame_index=frame,
        xyxy=_shares(corners(box[:, :2], box[:, 2:]), height_px, width_px),
        score=scores[frame, label, anchor],
        label=label,
    )


def yolov8_doubt(output: Output) -> str | None:
    """Say why an output that has the shape is not in pixels, if it isn't."""
    if np.abs(output[:, :4]).max(initial=0.0) <= 2.0:
        return "its boxes are shares 0-1, not pixels of the input: export it in pixels"
    return None


def _only(shapes: Mapping[str, Shape], expected: Shape, words: str) -> tuple[str, ...]:
    if len(shapes) != 1:
        raise ValueError(
            f"one output (boxes, scores, classes) is allowed, not {len(shapes)}: "
            f"{', '.join(shapes)}"
        )
    ((name, shape),) = shapes.items()
    if not agree(shape, expected):
        raise ValueError(f"output `{name}` is {written(shape)}, not {written(expected)}: {words}")
    return (name,)


def _shares(
    boxes_px: Float32[np.ndarray, "n 4"], height_px: int, width_px: int
) -> Float32[np.ndarray, "n 4"]:
    return boxes_px / np.array([width_px, height_px, width_px, height_px], np.float32)
