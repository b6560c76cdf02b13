"""Tiny ONNX networks with known answers, built in the tests."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = [helper.make_opsetid("", 17)]
SIZE_PX = (64, 96)
"""Height and width: small, and not square, so that a swap shows."""


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: dict[str, np.ndarray],
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes), "tiny", list(inputs), list(outputs),
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=OPSET, ir_version=8)


def pixels(batch: int | str = "b", size_px: tuple[int, int] = SIZE_PX) -> onnx.ValueInfoProto:
    """The product's own input."""
    return helper.make_tensor_value_info("pixels", TensorProto.UINT8, [batch, *size_px, 3])


def images(
    batch: int | str = "N",
    size_px: Sequence[int | str] = SIZE_PX,
    kind: int = TensorProto.FLOAT,
) -> onnx.ValueInfoProto:
    """What other people's exports take."""
    return helper.make_tensor_value_info("images", kind, [batch, 3, *size_px])


def answering(
    answers: dict[str, np.ndarray],
    given: onnx.ValueInfoProto | None = None,
    more: Sequence[onnx.ValueInfoProto] = (),
    *,
    declared: bool = True,
) -> onnx.ModelProto:
    """A network that gives every picture the same answers, which have no batch in their shape."""
    given = given or pixels()
    nodes = [
        helper.make_node("Shape", [given.name], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["batch"]),
    ]
    constants = {"zero": np.array([0], np.int64), "one": np.array([1], np.int64)}
    outputs = []
    for name, answer in answers.items():
        constants[f"{name}_all"] = answer[None]
        constants[f"{name}_rest"] = np.array(answer.shape, np.int64)
        nodes.append(
            helper.make_node("Concat", ["batch", f"{name}_rest"], [f"{name}_size"], axis=0)
        )
        nodes.append(helper.make_node("Expand", [f"{name}_all", f"{name}_size"], [name]))
        kind = helper.np_dtype_to_tensor_dtype(answer.dtype)
        sizes = [f"{name}{axis}" for axis in range(answer.ndim)]
        shape = ["b", *(answer.shape if declared else sizes)]
        outputs.append(helper.make_tensor_value_info(name, kind, shape))
    return model(nodes, [given, *more], outputs, constants)


def brightness(
    given: onnx.ValueInfoProto, axes: Sequence[int] = (2, 3), kind: int = TensorProto.FLOAT
) -> onnx.ModelProto:
    """YOLOv8 whose one anchor scores three labels by the mean of each channel it is given."""
    nodes = [
        helper.make_node("ReduceMean", [given.name], ["means"], axes=list(axes), keepdims=0),
        helper.make_node("Unsqueeze", ["means", "two"], ["scores"]),
        helper.make_node("Shape", [given.name], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["size"], axis=0),
        helper.make_node("Expand", ["box", "size"], ["boxes"]),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
    ]
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    constants = {
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "two": np.array([2], np.int64),
        "rest": np.array([4, 1], np.int64),
        "box": np.array([48, 32, 24, 16], dtype).reshape(1, 4, 1),
    }
    output = helper.make_tensor_value_info("output0", kind, ["b", 7, 1])
    return model(nodes, [given], [output], constants)


def not_for_bright(made: onnx.ModelProto) -> None:
    """Make the one answer of a network not a number for each picture that is bright."""
    output = made.graph.output[0]
    given = made.graph.input[0].name
    made.graph.node.extend(
        [
            helper.make_node("Cast", [given], ["light"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["light"], ["whole"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Sub", ["limit", "whole"], ["dark"]),
            helper.make_node("Sqrt", ["dark"], ["root"]),
            helper.make_node("Mul", ["root", "nothing"], ["number"]),
            helper.make_node("Unsqueeze", ["number", "rest"], ["wide"]),
            helper.make_node("Add", [output.name, "wide"], ["result"]),
        ]
    )
    constants = {"limit": np.array(150, np.float32), "nothing": np.array(0, np.float32)}
    constants["rest"] = np.array([1, 2], np.int64)
    made.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items()
    )
    output.name = "result"


def saved(made: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(made.SerializeToString())
    return path
