"""The eight-bit twin of an exported network: static, QDQ, calibrated on pictures. No torch here.

What regresses boxes and scores stays in floating point: a step of 1/255 of a logit's range is
more than a threshold can bear. Weights use seven bits, because processors without VNNI add two
products of eight in sixteen bits and overflow (ONNX Runtime's documentation, "Quantize ONNX
models").
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from jaxtyping import UInt8
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

PRECISE = ("/box/", "/objectness/", "/classes/", "/presence/")
"""Parts of the network, by their modules' names, that keep floating point."""


class _Pictures(CalibrationDataReader):
    """Hands ONNX Runtime one picture after the other."""

    def __init__(self, pictures: Iterable[UInt8[np.ndarray, "h w 3"]]):
        self._rest: Iterator[UInt8[np.ndarray, "h w 3"]] = iter(pictures)

    def get_next(self) -> dict[str, UInt8[np.ndarray, "1 h w 3"]] | None:
        picture = next(self._rest, None)
        return None if picture is None else {"pixels": picture[None]}


def quantised(content: bytes, pictures: Iterable[UInt8[np.ndarray, "h w 3"]]) -> bytes:
    """Return the ONNX file with its convolutions in eight bits.

    ``pictures`` have the network's input size and show what it will see: their activations'
    ranges become the scales.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, ready, done = (Path(folder) / name for name in ("a.onnx", "b.onnx", "c.onnx"))
        plain.write_bytes(content)
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        names = [node.name for node in onnx.load(str(ready)).graph.node]
        quantize_static(
            str(ready),
            str(done),
            _Pictures(pictures),
            quant_format=QuantFormat.QDQ,
            nodes_to_exclude=[n for n in names if any(part in n for part in PRECISE)],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"CalibMovingAverage": True},
        )
        return done.read_bytes()
