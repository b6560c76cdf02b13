"""From a network's raw outputs to boxes, scores and labels, vectorised over the batch.

A pack names its decoder. Each has four parts: which outputs it reads and what their shapes must
be, told before anything runs; whether they look like that family where nobody says so; the
decoding; and what gives away that an output of the right shape is another family's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from jaxtyping import Float32

from vision.decoders import detr, yolo
from vision.decoders.candidates import Candidates, Shape
from vision.decoders.yolo import YOLOX_STRIDES_PX, yolox

__all__ = [
    "DECODERS",
    "OUTPUT_TYPES",
    "YOLOX_STRIDES_PX",
    "Candidates",
    "Decoder",
    "DecoderName",
    "Shape",
    "UnfitError",
    "yolox",
]

OUTPUT_TYPES = ("tensor(float)", "tensor(float)", "tensor(int64)")
"""What ONNX Runtime must call a decoder's outputs, in the order in which ``fits`` names them."""

Fits = Callable[[Mapping[str, Shape], int, int, int], tuple[str, ...]]
Likely = Callable[[Mapping[str, Shape], int, int], bool]
Thresholds = Float32[np.ndarray, "c"]


class DecoderName(StrEnum):
    """The closed list of decoders."""

    YOLOX = "yolox"
    YOLOX_DECODED = "yolox_decoded"
    YOLOV8 = "yolov8"
    DETR = "detr"
    RF_DETR = "rf_detr"
    DETR_DEPLOYED = "detr_deployed"


class UnfitError(ValueError):
    """Outputs that a decoder does not read. The text says what does not fit."""

    def __init__(self, text: str, shapes: Mapping[str, Shape]) -> None:
        super().__init__(text)
        self.shapes = dict(shapes)
        """By name, as the file declares them or as they came out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """How one family's outputs are read."""

    names: Fits
    """As ``fits``; raises ``ValueError``."""
    likely: Likely
    """Shapes that fit, h, w: whether to guess this family where nobody names one."""
    decode: Callable[[Sequence[Any], Thresholds, int, int], Candidates]
    """Outputs, a threshold a label, h, w. Raises ``ValueError`` for labels out of range."""
    doubt: Callable[[Sequence[Any]], str | None]
    """What is wrong with outputs that have the shape, seen on pictures of nothing."""

    def fits(
        self, shapes: Mapping[str, Shape], labels: int, height_px: int, width_px: int
    ) -> tuple[str, ...]:
        """Return the names of the outputs, in ``decode``'s order. Raises ``UnfitError``."""
        try:
            return self.names(shapes, labels, height_px, width_px)
        except ValueError as error:
            raise UnfitError(str(error), shapes) from error


def _certainly(_shapes: Mapping[str, Shape], _height_px: int, _width_px: int) -> bool:
    """Return that what fits is theirs: nothing else in the wild has their shapes."""
    return True


DECODERS = {
    DecoderName.YOLOX: Decoder(
        names=yolo.yolox_fits,
        likely=_certainly,
        decode=lambda outputs, *given: yolo.yolox(outputs[0], *given),
        doubt=lambda outputs: yolo.yolox_doubt(outputs[0]),
    ),
    DecoderName.YOLOX_DECODED: Decoder(
        names=yolo.yolox_fits,
        likely=_certainly,
        decode=lambda outputs, *given: yolo.yolox_decoded(outputs[0], *given),
        doubt=lambda outputs: yolo.yolox_decoded_doubt(outputs[0]),
    ),
    DecoderName.YOLOV8: Decoder(
        names=yolo.yolov8_fits,
        likely=yolo.yolov8_likely,
        decode=lambda outputs, *given: yolo.yolov8(outputs[0], *given),
        doubt=lambda outputs: yolo.yolov8_doubt(outputs[0]),
    ),
    DecoderName.DETR: Decoder(
        names=detr.detr_fits,
        likely=lambda *given: not detr.rf_detr_likely(*given),
        decode=lambda outputs, limits, *_: detr.detr(outputs[0], outputs[1], limits),
        doubt=lambda outputs: detr.detr_doubt(outputs[0]),
    ),
    DecoderName.RF_DETR: Decoder(
        names=detr.rf_detr_fits,
        likely=detr.rf_detr_likely,
        decode=lambda outputs, limits, *_: detr.rf_detr(outputs[0], outputs[1], limits),
        doubt=lambda outputs: detr.detr_doubt(outputs[0]),
    ),
    DecoderName.DETR_DEPLOYED: Decoder(
        names=detr.detr_deployed_fits,
        likely=_certainly,
        # ONNX Runtime's int64 is C's long long, another type in NumPy's eyes.
        decode=lambda outputs, *given: detr.detr_deployed(
            outputs[0], outputs[1], outputs[2].astype(np.int64), *given
        ),
        doubt=lambda outputs: detr.detr_deployed_doubt(outputs[0]),
    ),
}
