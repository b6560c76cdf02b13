"""Other people's networks under the product's one input: uint8 `pixels` [b h w 3], BGR.

What their programs do to a picture before the network (order of channels, scale, mean, layout)
becomes the first nodes of the graph, so that a worker does the same to every pack: nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.graphs import GraphError, graphs_in, inputs_of, shape_of, type_name
from models.metadata import keep_what_is_checked

OURS: Final = "fengsui/"
"""Begins the names of the tensors that are put in."""

LEAST_OPSET: Final = 11
SIZES_INPUT: Final = "orig_target_sizes"
"""RT-DETR's and D-FINE's second input: width and height to which boxes are scaled."""

CASTS: Final = {
    TensorProto.FLOAT16: TensorProto.FLOAT,
    TensorProto.BFLOAT16: TensorProto.FLOAT,
    TensorProto.DOUBLE: TensorProto.FLOAT,
    TensorProto.INT32: TensorProto.INT64,
}
"""What outputs become, so that decoders meet one type of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What a network expects done to a picture."""

    channels: str
    """``rgb`` or ``bgr``."""
    scale: float
    """Values 0-255 are divided by it: 255 or 1."""
    mean: tuple[float, float, float]
    """Taken off after that, in the network's order of channels."""
    std: tuple[float, float, float]
    """Divided by at the end, in that order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The input of a given network that takes the picture."""

    name: str
    """In the graph."""
    kind: int
    """ONNX's element type."""
    channels_first: bool
    """[b 3 h w] rather than [b h w 3]."""
    height_px: int
    """``h``."""
    width_px: int
    """``w``."""
    batch: int | None
    """How many pictures at a time, if that is fixed."""

    @property
    def size_px(self) -> tuple[int, int]:
        """``h`` and ``w``."""
        return self.height_px, self.width_px


def picture_of(graph: onnx.GraphProto, size_px: tuple[int, int] | None) -> Picture:
    """Return the picture's input. Raises ``GraphError``; ``size_px`` is what --input says."""
    given = [one for one in inputs_of(graph) if one.name != SIZES_INPUT]
    if len(given) != 1:
        names = ", ".join(one.name for one in inputs_of(graph)) or "none"
        raise GraphError(
            f"its inputs are {names}: only a picture and `{SIZES_INPUT}` are known: export it with "
            "the picture alone"
        )
    shape = shape_of(given[0])
    if shape is None or len(shape) != 4 or not {3, None} & {shape[1], shape[3]}:
        raise GraphError(
            f"its input `{given[0].name}` is {shape}, not [b, 3, h, w] or [b, h, w, 3]"
        )
    if given[0].type.tensor_type.elem_type not in {
        TensorProto.FLOAT,
        TensorProto.FLOAT16,
        TensorProto.UINT8,
    }:
        raise GraphError(
            f"its input is {type_name(given[0]).lower()}: float32, float16 and uint8 are known"
        )
    # Where the number of channels is open, they come first: no exporter leaves it so otherwise.
    channels_first = shape[1] == 3 or (shape[1] is None and shape[3] != 3)
    height_px, width_px = _size(shape[2:] if channels_first else shape[1:3], size_px)
    return Picture(
        name=given[0].name,
        kind=given[0].type.tensor_type.elem_type,
        channels_first=channels_first,
        height_px=height_px,
        width_px=width_px,
        batch=shape[0],
    )


def _size(declared: tuple[int | None, ...], asked: tuple[int, int] | None) -> tuple[int, int]:
    sizes = []
    for side, own in enumerate(declared):
        wanted = asked[side] if asked else own
        if wanted is None:
            raise GraphError("its input leaves height or width open: say which with --input HxW")
        if own is not None and own != wanted:
            raise GraphError(f"its input is {declared[0]}x{declared[1]}: --input can't change that")
        sizes.append(wanted)
    return sizes[0], sizes[1]


def is_ours(graph: onnx.GraphProto, picture: Picture) -> bool:
    """Say whether a network has the product's input already: its bytes stay as they are."""
    shapes = [shape_of(one) for one in inputs_of(graph)]
    fixed = (picture.height_px, picture.width_px, 3)
    return (
        picture.name == "pixels"
        and picture.kind == TensorProto.UINT8
        and (len(shapes) == 1 and shapes[0] is not None and shapes[0][1:] == fixed)
    )


def wrapped(model: onnx.ModelProto, picture: Picture, how: Preparation) -> bytes:
    """Return the network with the product's input and outputs. Raises ``GraphError``."""
    standard = [one.version for one in model.opset_import if one.domain in {"", "ai.onnx"}]
    if max(standard, default=0) < LEAST_OPSET:
        raise GraphError(f"it is of opset {standard}: export it with {LEAST_OPSET} or later")
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    keep_what_is_checked(copy)
    graph = copy.graph
    if any(name.startswith(OURS) for node in graph.node for name in node.output):
        raise GraphError("it was wrapped before: give the file that its maker exported")
    if picture.name != "pixels":
        _rename(graph, "pixels", OURS + "was_pixels")
    _rename(graph, picture.name, OURS + "picture")
    nodes = [*_preamble(graph, picture, how), *_sizes(graph, picture), *graph.node]
    nodes += _postamble(graph)
    del graph.node[:]
    del graph.value_info[:]
    own = [one for one in graph.input if one.name not in {OURS + "picture", SIZES_INPUT}]
    del graph.input[:]
    size = [picture.batch or "b", picture.height_px, picture.width_px, 3]
    graph.input.append(helper.make_tensor_value_info("pixels", TensorProto.UINT8, size))
    graph.input.extend(own)  # weights, in old files
    graph.node.extend(nodes)
    for inner in graphs_in(graph):
        for node in inner.node:
            node.doc_string = ""  # exporters write their maker's paths there
    return bytes(copy.SerializeToString(deterministic=True))


def _preamble(
    graph: onnx.GraphProto, picture: Picture, how: Preparation
) -> Sequence[onnx.NodeProto]:
    nodes: list[onnx.NodeProto] = []
    last = "pixels"

    def then(operator: str, *more: str, **attributes: Any) -> None:
        nonlocal last
        made = f"{OURS}{operator.lower()}{len(nodes)}"
        nodes.append(helper.make_node(operator, [last, *more], [made], **attributes))
        last = made

    if how.channels == "rgb":
        then("Gather", _constant(graph, "order", np.array([2, 1, 0], np.int64)), axis=3)
    if picture.kind != TensorProto.UINT8:
        then("Cast", to=TensorProto.FLOAT)
        # (x / scale - mean) / std as one product and one sum.
        std = np.array(how.std, np.float32)
        factor = np.float32(1 / how.scale) / std
        offset = -np.array(how.mean, np.float32) / std
        if (factor != 1).any():
            then("Mul", _constant(graph, "factor", factor))
        if offset.any():
            then("Add", _constant(graph, "offset", offset))
    if picture.kind == TensorProto.FLOAT16:
        then("Cast", to=TensorProto.FLOAT16)
    if picture.channels_first:
        then("Transpose", perm=[0, 3, 1, 2])
    nodes.append(helper.make_node("Identity", [last], [OURS + "picture"]))
    return nodes


def _sizes(graph: onnx.GraphProto, picture: Picture) -> Sequence[onnx.NodeProto]:
    """Return what gives the second input its value: this input's width and height, per picture."""
    asked = [one for one in inputs_of(graph) if one.name == SIZES_INPUT]
    if not asked:
        return []
    kind = helper.tensor_dtype_to_np_dtype(asked[0].type.tensor_type.elem_type)
    one_row = np.array([[picture.width_px, picture.height_px]]).astype(kind)
    if picture.batch is not None:
        graph.initializer.append(
            numpy_helper.from_array(one_row.repeat(picture.batch, axis=0), SIZES_INPUT)
        )
        return []
    row = _constant(graph, "size", one_row)
    zero = _constant(graph, "zero", np.array([0], np.int64))
    one = _constant(graph, "one", np.array([1], np.int64))
    two = _constant(graph, "two", np.array([2], np.int64))
    shape, batch, wanted = OURS + "shape", OURS + "batch", OURS + "wanted"
    return [
        helper.make_node("Shape", ["pixels"], [shape]),
        helper.make_node("Slice", [shape, zero, one], [batch]),
        helper.make_node("Concat", [batch, two], [wanted], axis=0),
        helper.make_node("Expand", [row, wanted], [SIZES_INPUT]),
    ]


def _postamble(graph: onnx.GraphProto) -> Sequence[onnx.NodeProto]:
    nodes = []
    for number, output in enumerate(graph.output):
        becomes = CASTS.get(output.type.tensor_type.elem_type)
        if becomes is None:
            continue
        name, inner = output.name, f"{OURS}output{number}"
        _rename(graph, name, inner)
        output.name = name
        output.type.tensor_type.elem_type = becomes
        nodes.append(helper.make_node("Cast", [inner], [name], to=becomes))
    return nodes


def _constant(graph: onnx.GraphProto, name: str, value: np.ndarray) -> str:
    graph.initializer.append(numpy_helper.from_array(value, OURS + name))
    return OURS + name


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Give a tensor another name wherever it stands; ONNX forbids two of one name."""
    for inner in graphs_in(graph):
        for node in inner.node:
            node.input[:] = [new if name == old else name for name in node.input]
            node.output[:] = [new if name == old else name for name in node.output]
        for value in (*inner.initializer, *inner.input, *inner.output):
            if value.name == old:
                value.name = new
