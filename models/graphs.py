"""Reading an ONNX file without running it, and refusing what no pack may hold.

Needs the package ``onnx``, which is slow to import: a start with the product's own weights, whose
every byte is known, does without.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from models.labels import Meaning
from models.metadata import MetadataError, check_metadata
from vision.decoders import DECODERS, Shape
from vision.detector import DetectorSettings

CONTRIBUTED: Final = frozenset(
    {
        "BiasGelu",
        "DequantizeLinear",
        "DynamicQuantizeMatMul",
        "FastGelu",
        "FusedConv",
        "FusedGemm",
        "FusedMatMul",
        "Gelu",
        "GridSample",
        "MatMulIntegerToFloat",
        "QLinearAdd",
        "QLinearAveragePool",
        "QLinearConcat",
        "QLinearGlobalAveragePool",
        "QLinearLeakyRelu",
        "QLinearMul",
        "QLinearSigmoid",
        "QLinearSoftmax",
        "QuantizeLinear",
        "QuickGelu",
        "SkipLayerNormalization",
    }
)
"""What ONNX Runtime carries itself (``com.microsoft``) and its own quantiser, its transformer
optimiser or exports before opset 16 write into vision networks. The other contributed operators
(tokenizers, beam search, attention caches) have no work in a detector."""

MAX_DEPTH: Final = 16
"""Graphs inside graphs; seen in the wild: 2."""

NO_ONNX: Final = "this is no ONNX file, or a part of one: export or copy it again"

ADVICE_DATA: Final = (
    "its tensors lie in other files, which nothing has checked: save it as one file "
    "(onnx.save with save_as_external_data=False)"
)


class GraphError(ValueError):
    """An ONNX file that can't be a pack's. The text says what is wrong and what to do."""


def read(content: bytes) -> onnx.ModelProto:
    """Return the network. Raises ``GraphError`` for what is none or what no pack may hold."""
    try:
        model = onnx.load_from_string(content)
    except DecodeError as error:
        raise GraphError(NO_ONNX) from error
    if not _is_text(model):
        raise GraphError(NO_ONNX)
    if not model.graph.node or not model.graph.output:
        raise GraphError("this ONNX file holds no network: export it again")
    if model.functions:
        names = ", ".join(sorted({f"{one.domain}::{one.name}" for one in model.functions})[:3])
        raise GraphError(
            f"it brings functions of its own ({names}): inline them (onnx.inliner) and try again"
        )
    if model.training_info:
        raise GraphError("it holds what trains it: export it for inference")
    for graph in graphs_in(model.graph):
        _refuse_data(graph)
        for node in graph.node:
            _refuse_operator(node)
    return model


def _is_text(message: Message) -> bool:
    """Say whether every name is UTF-8: ONNX's format doesn't check, and its readers fall over."""
    try:
        for field, value in message.ListFields():
            several = value if field.is_repeated else (value,)
            if field.type == FieldDescriptor.TYPE_STRING and not all(
                isinstance(one, str) for one in several
            ):
                return False
            if field.type == FieldDescriptor.TYPE_MESSAGE and not all(
                _is_text(one) for one in several
            ):
                return False
    except UnicodeDecodeError:
        return False
    return True


def graphs_in(graph: onnx.GraphProto, depth: int = 0) -> Iterator[onnx.GraphProto]:
    """Yield a graph and those inside its nodes (If, Loop, Scan)."""
    if depth > MAX_DEPTH:
        raise GraphError(f"its graphs are nested more than {MAX_DEPTH} deep: export it again")
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node or inner.initializer or inner.sparse_initializer:
                    yield from graphs_in(inner, depth + 1)


def _refuse_data(graph: onnx.GraphProto) -> None:
    tensors = list(graph.initializer)
    sparse = list(graph.sparse_initializer)
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t, *attribute.tensors]
            sparse += [attribute.sparse_tensor, *attribute.sparse_tensors]
    tensors += [part for one in sparse for part in (one.values, one.indices)]
    for tensor in tensors:
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise GraphError(ADVICE_DATA)


def _refuse_operator(node: onnx.NodeProto) -> None:
    if node.domain in {"", "ai.onnx"}:
        return
    if node.domain == "com.microsoft" and node.op_type in CONTRIBUTED:
        return
    raise GraphError(
        f"operator {node.domain}::{node.op_type} is not ONNX's own: export it without custom "
        "operators (for exports with suppression in the graph: without that)"
    )


def inputs_of(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return what a caller must give: old files list their weights as inputs, too."""
    weights = {one.name for one in graph.initializer}
    weights |= {one.values.name for one in graph.sparse_initializer}
    return [one for one in graph.input if one.name not in weights]


def shape_of(value: onnx.ValueInfoProto) -> Shape:
    """Return a declared shape; ``None`` if even the number of its sizes is open."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(
        size.dim_value if size.HasField("dim_value") and size.dim_value > 0 else None
        for size in tensor.shape.dim
    )


def output_shapes(graph: onnx.GraphProto) -> Mapping[str, Shape]:
    """Return what the file says of its outputs."""
    return {one.name: shape_of(one) for one in graph.output}


def type_name(value: onnx.ValueInfoProto) -> str:
    """Return a declared element type as ONNX writes it, such as FLOAT16."""
    name: str = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
    return name


def check_pack(content: bytes, settings: DetectorSettings) -> None:
    """Hold a pack's weights against what its ``pack.toml`` says. Raises ``GraphError``."""
    model = read(content)
    said = [(one.name, Meaning(role=one.role, hazard=one.hazard)) for one in settings.labels]
    try:
        check_metadata(model, said)
    except MetadataError as error:
        raise GraphError(str(error)) from error
    graph = model.graph
    inputs = inputs_of(graph)
    if [one.name for one in inputs] != ["pixels"] or type_name(inputs[0]) != "UINT8":
        given = ", ".join(f"{one.name} ({type_name(one).lower()})" for one in inputs)
        raise GraphError(
            f"a pack's network has one input, uint8 `pixels` [b h w 3], not {given}: make the pack "
            "with `fengsui model add`"
        )
    shape = shape_of(inputs[0]) or ()
    size_px = (settings.input_height_px, settings.input_width_px)
    if len(shape) != 4 or None in shape[1:]:
        raise GraphError("its input leaves height or width open: make the pack with --input HxW")
    if shape[1:] != (*size_px, 3):
        raise GraphError(f"its input is {shape}, pack.toml says [b, {size_px[0]}, {size_px[1]}, 3]")
    if shape[0] is not None and settings.batch_sizes != (shape[0],):
        raise GraphError(
            f"it takes {shape[0]} pictures at a time, pack.toml says {settings.batch_sizes}"
        )
    try:
        DECODERS[settings.decoder].fits(output_shapes(graph), len(settings.labels), *size_px)
    except ValueError as error:
        raise GraphError(
            f"{error}: the decoder `{settings.decoder}` does not fit: the labels must be all the "
            "network's classes in its order, the outputs boxes, scores and classes alone"
        ) from error
