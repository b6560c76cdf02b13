"""The eight-bit twin: the same answers in eight bits, floating point where thresholds lie."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.training.quantise import quantised

HEIGHT, WIDTH = 32, 64


def network() -> bytes:
    """Two convolutions with hard swish, then one of a head, whose name keeps it precise."""
    rng = np.random.default_rng(3)
    sizes = {"first": (8, 3, 3, 3), "second": (8, 8, 3, 3), "last": (5, 8, 1, 1)}
    weights = []
    for name, size in sizes.items():
        scale = 1 / np.sqrt(np.prod(size[1:]))
        weights.append((name, rng.normal(0, scale, size)))
        weights.append((f"{name}_bias", rng.normal(0, 0.1, size[0])))
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Div", ["planes", "most"], ["x"]),
        conv("first", "x", "a", "/network/stem/conv/Conv"),
        helper.make_node("HardSwish", ["a"], ["b"]),
        conv("second", "b", "c", "/network/dark/conv/Conv"),
        helper.make_node("HardSwish", ["c"], ["d"]),
        conv("last", "d", "predictions", "/network/heads.0/box/Conv"),
    ]
    constants = [numpy_helper.from_array(v.astype(np.float32), name) for name, v in weights]
    constants.append(numpy_helper.from_array(np.float32(255).reshape(1), "most"))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["b", HEIGHT, WIDTH, 3])],
        [helper.make_tensor_value_info("predictions", TensorProto.FLOAT, ["b", 5, "h", "w"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def conv(weights: str, source: str, target: str, name: str) -> onnx.NodeProto:
    inputs = [source, weights, f"{weights}_bias"]
    pad = 1 if weights != "last" else 0
    return helper.make_node("Conv", inputs, [target], name=name, pads=[pad] * 4)


def pictures(seed: int, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return list(rng.integers(0, 256, (count, HEIGHT, WIDTH, 3), dtype=np.uint8))


def answers(content: bytes, some: list[np.ndarray]) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"pixels": np.stack(some)})[0]


@pytest.fixture(scope="module")
def twins() -> tuple[bytes, bytes]:
    precise = network()
    return precise, quantised(precise, pictures(1, 16))


def test_it_answers_as_its_twin_does_on_pictures_it_was_not_calibrated_on(twins):
    precise, coarse = twins
    expected, found = (answers(each, pictures(2, 8)) for each in twins)
    spread = expected.std()
    assert spread > 0.05
    assert np.abs(found - expected).mean() < 0.06 * spread
    assert precise != coarse


def test_convolutions_are_in_eight_bits_and_the_heads_are_not(twins):
    graph = onnx.load_from_string(twins[1]).graph
    made_by = {output: node.op_type for node in graph.node for output in node.output}
    kept = {
        node.name: made_by.get(node.input[1], "constant")
        for node in graph.node
        if node.op_type == "Conv"
    }
    assert kept["/network/stem/conv/Conv"] == "DequantizeLinear"
    assert kept["/network/dark/conv/Conv"] == "DequantizeLinear"
    assert kept["/network/heads.0/box/Conv"] == "constant"
    stored = {each.name: each for each in graph.initializer}
    eight = [each for each in stored.values() if each.data_type == TensorProto.INT8]
    assert len(eight) >= 2
    # Seven bits: processors without VNNI add two products in sixteen.
    assert all(np.abs(numpy_helper.to_array(each)).max() <= 64 for each in eight)


def test_any_batch_still_runs_and_nothing_lies_beside_the_file(twins):
    assert answers(twins[1], pictures(4, 1)).shape == (1, 5, HEIGHT, WIDTH)
    assert answers(twins[1], pictures(4, 3)).shape == (3, 5, HEIGHT, WIDTH)
    tensors = onnx.load_from_string(twins[1]).graph.initializer
    assert all(each.data_location != TensorProto.EXTERNAL for each in tensors)


def test_it_leaves_no_file_where_it_was_started(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quantised(network(), pictures(1, 2))
    assert not list(tmp_path.iterdir())


def test_the_same_pictures_give_the_same_bytes():
    assert quantised(network(), pictures(1, 4)) == quantised(network(), pictures(1, 4))
