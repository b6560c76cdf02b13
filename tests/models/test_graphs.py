"""What a pack's network may not hold is seen before anything runs; the file is named."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models import packs
from models.adding.command import main
from models.packs import (
    DEFAULT_PACK,
    MAX_WEIGHTS_BYTES,
    PackMissingError,
    PackNetworkError,
    PackRefusedError,
)
from models.packs import load_pack as load
from tests.support.networks import OPSET, answering, images, pixels

ANSWER = {"output0": np.array([[40.0], [30], [9], [9], [0.1], [0.1]], np.float32)}
TOML = """format = 1
name = "tiny"
version = "0.1.0"
[model]
file = "model.onnx"
sha256 = "{sha256}"
decoder = "{decoder}"
input_height_px = 64
input_width_px = 96
channels = "bgr"
pad_value = 114
batch_sizes = [1, 2]
[suppression]
iou = 0.5
[[labels]]
name = "fire"
role = "hazard"
hazard = "fire"
threshold = 0.5
[[labels]]
name = "{second}"
role = "vehicle"
threshold = 0.5
[provenance]
command = "none"
trained_on = []
base_weights = "none"
[licences]
"""


def pack(
    directory: Path, weights: bytes | onnx.ModelProto, decoder: str = "yolov8", second: str = "car"
) -> Path:
    content = weights if isinstance(weights, bytes) else weights.SerializeToString()
    (directory / "model.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    text = TOML.format(sha256=digest, decoder=decoder, second=second)
    (directory / "pack.toml").write_text(text, "utf-8")
    return directory


def external(tensor: TensorProto) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def external_weights() -> onnx.ModelProto:
    made = answering(ANSWER)
    external(made.graph.initializer[2])
    return made


def external_attribute() -> onnx.ModelProto:
    made = answering(ANSWER)
    node = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.ones(3)))
    external(node.attribute[0].t)
    made.graph.node.append(node)
    return made


def branch(inner: onnx.NodeProto, tensor: TensorProto | None = None) -> onnx.ModelProto:
    """A network with a node inside an If inside an If."""
    made = answering(ANSWER)
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([inner], "in", [], [out], [tensor] if tensor else [])
    for _ in range(2):
        node = helper.make_node("If", ["yes"], ["y"], then_branch=graph, else_branch=graph)
        graph = helper.make_graph([node], "in", [], [out])
    made.graph.initializer.append(numpy_helper.from_array(np.array([True]), "yes"))
    made.graph.node.extend(graph.node)
    return made


def external_in_a_branch() -> onnx.ModelProto:
    tensor = numpy_helper.from_array(np.ones(3, np.float32), "t")
    external(tensor)
    return branch(helper.make_node("Identity", ["t"], ["y"]), tensor)


def external_sparse() -> onnx.ModelProto:
    made = answering(ANSWER)
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "i")
    external(values)
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    return made


def custom_operator(domain: str = "ai.onnx.contrib", operator: str = "Shell") -> onnx.ModelProto:
    made = answering(ANSWER)
    made.graph.node.append(helper.make_node(operator, ["pixels"], ["z"], domain=domain))
    made.opset_import.append(helper.make_opsetid(domain, 1))
    return made


def custom_in_a_branch() -> onnx.ModelProto:
    return branch(helper.make_node("Anything", ["yes"], ["y"], domain="evil"))


def own_function() -> onnx.ModelProto:
    made = answering(ANSWER)
    inside = [helper.make_node("Identity", ["x"], ["y"])]
    made.functions.append(helper.make_function("foreign", "Twice", ["x"], ["y"], inside, OPSET))
    return made


def of_inputs(*inputs: onnx.ValueInfoProto) -> Callable[[], onnx.ModelProto]:
    def build() -> onnx.ModelProto:
        made = answering(ANSWER)
        del made.graph.input[:]
        made.graph.input.extend(inputs)
        return made

    return build


def cut() -> bytes:
    content = answering(ANSWER).SerializeToString()
    return content[: len(content) - 30]


def garbled_name() -> bytes:
    return answering(ANSWER).SerializeToString().replace(b"output0_rest", b"output0_\xff\xfest")


def two_outputs() -> onnx.ModelProto:
    return answering({**ANSWER, "masks": np.zeros((32, 16, 16), np.float32)})


def pose() -> onnx.ModelProto:
    return answering({"output0": np.zeros((4 + 2 + 51, 20), np.float32)})


def with_embeddings(size: int) -> onnx.ModelProto:
    """A detector that says besides what whatever it found looks like."""
    return answering({**ANSWER, "embeddings": np.zeros((size,), np.float32)})


def of_embeddings(size: int) -> onnx.ModelProto:
    """A network of faces: one row of numbers a picture, and no box."""
    return answering({"output0": np.zeros((size,), np.float32)})


def tracking() -> onnx.ModelProto:
    """Boxes with what each looks like in the same rows, as JDE and FairMOT give."""
    return answering({"output0": np.zeros((4 + 2 + 128, 20), np.float32)})


def heatmaps() -> onnx.ModelProto:
    """Where 17 joints are."""
    return answering({"output0": np.zeros((17, 64, 48), np.float32)})


def with_keypoints() -> onnx.ModelProto:
    return answering({**ANSWER, "keypoints": np.zeros((20, 17, 3), np.float32)})


def with_landmarks() -> onnx.ModelProto:
    """RetinaFace's three outputs."""
    wide = {"loc": (100, 4), "conf": (100, 2), "landms": (100, 10)}
    return answering({name: np.zeros(shape, np.float32) for name, shape in wide.items()})


FAULTS: list[tuple[Callable[[], onnx.ModelProto | bytes], str]] = [
    (lambda: b"not a network", "no ONNX file"),
    (lambda: b"", "holds no network"),
    (cut, "no ONNX file, or a part"),
    (garbled_name, "no ONNX file"),
    (external_weights, "in other files.*save it as one"),
    (external_attribute, "in other files"),
    (external_in_a_branch, "in other files"),
    (external_sparse, "in other files"),
    (custom_operator, "ai.onnx.contrib::Shell is not ONNX's own.*export"),
    (custom_in_a_branch, "evil::Anything"),
    (lambda: custom_operator("com.microsoft", "Tokenizer"), "com.microsoft::Tokenizer"),
    (lambda: custom_operator("ai.onnx.ml", "TreeEnsembleRegressor"), "ai.onnx.ml"),
    (own_function, "functions of its own.*inline"),
    (two_outputs, "masks"),
    (pose, "the labels need 6 rows"),
    (lambda: with_embeddings(128), "embeddings"),
    (lambda: with_embeddings(512), "embeddings"),
    (lambda: of_embeddings(128), "the labels need 6 rows"),
    (lambda: of_embeddings(256), "the labels need 6 rows"),
    (lambda: of_embeddings(512), "the labels need 6 rows"),
    (tracking, "the labels need 6 rows"),
    (heatmaps, "the labels need 6 rows"),
    (with_keypoints, "keypoints"),
    (with_landmarks, "landms"),
]
AT_LOAD_ONLY: list[tuple[Callable[[], onnx.ModelProto], str]] = [
    (of_inputs(images("b")), r"images \(float\).*fengsui model add"),
    (of_inputs(pixels("b", ("h", "w"))), "height or width open"),  # type: ignore[arg-type]
    (of_inputs(pixels("b", (64, 64))), "pack.toml says"),
    (of_inputs(pixels(4)), "4 pictures at a time"),
    (
        of_inputs(helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["b", 64, 96, 3])),
        "uint8",
    ),
]


@pytest.mark.parametrize(("build", "words"), [*FAULTS, *AT_LOAD_ONLY])
def test_the_loader_refuses_it_unrun_and_names_the_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    build: Callable[[], onnx.ModelProto | bytes],
    words: str,
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("nothing may run")

    monkeypatch.setattr(packs, "Detector", never)
    with pytest.raises(PackNetworkError, match=words) as refused:
        load(pack(tmp_path, build()))
    assert str(tmp_path / "model.onnx") in str(refused.value)


@pytest.mark.parametrize(("build", "words"), FAULTS)
def test_model_add_refuses_it_and_leaves_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    build: Callable[[], onnx.ModelProto | bytes],
    words: str,
) -> None:
    made = build()
    file = tmp_path / "given.onnx"
    file.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    into = tmp_path / "packs"
    code = main(
        ["add", str(file), "--labels", "fire,car", "--decoder", "yolov8", "--packs", str(into)]
    )
    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert said.err.startswith(f"fengsui: {file}")
    assert said.err.count("\n") == 1
    assert re.search(words, said.err), said.err
    assert not into.exists() or not list(into.iterdir())


def test_points_of_a_body_called_classes_are_no_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """17 joints, each x, y and whether it is seen, passed off as 51 vehicles more."""
    rows = np.full((4 + 2 + 51, 20), 40.0, np.float32)
    rows[4:6] = 0.1
    file = tmp_path / "pose.onnx"
    file.write_bytes(answering({"output0": rows}).SerializeToString())
    labels = ",".join(["fire", "car", *(f"part{n}=vehicle" for n in range(51))])
    words = ["add", str(file), "--labels", labels, "--decoder", "yolov8"]
    assert main([*words, "--packs", str(tmp_path / "packs")]) == 1
    assert "scores are not 0-1" in capsys.readouterr().err


def test_a_network_too_large_is_refused_before_it_is_read_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "large.onnx"
    with file.open("wb") as large:
        large.truncate(MAX_WEIGHTS_BYTES + 1)
    assert main(["add", str(file), "--labels", "fire", "--packs", str(tmp_path / "p")]) == 1
    assert "smaller variant" in capsys.readouterr().err
    directory = pack(tmp_path, b"x")
    file.rename(directory / "model.onnx")
    with pytest.raises(PackRefusedError, match=r"model\.onnx is larger.*smaller variant"):
        load(directory)


def test_what_runs_but_gives_no_numbers_is_refused_with_the_file_s_name(tmp_path: Path) -> None:
    wrong = {"output0": ANSWER["output0"] * np.float32(np.nan)}
    found = load(pack(tmp_path, answering(wrong)))
    with pytest.raises(PackNetworkError, match=r"model\.onnx.*not finite"):
        found.detector()


def test_onnx_runtime_s_own_quantised_operators_pass(tmp_path: Path) -> None:
    load(pack(tmp_path, custom_operator("com.microsoft", "QLinearAdd")))


def test_a_good_network_of_each_sort_passes(tmp_path: Path) -> None:
    assert load(pack(tmp_path, answering(ANSWER))).detector().settings.decoder == "yolov8"


@pytest.mark.parametrize(
    "name",
    [
        "face", "licence_plate", "NoHelmet", "gender: male", "人脸", "pose", "人臉", "車牌",
        "ｆａｃｅ", "humanface", "HumanFace", "face1", "gesicht", "Kennzeichen", "老年人", "小孩",
        "лицо", "fáce", "行人群", "crowd", "face_0", "embedding",
    ],
)  # fmt: skip
def test_no_pack_s_label_says_who_people_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackRefusedError, match="places"):
        load(pack(tmp_path, answering(ANSWER), second=name))


@pytest.mark.parametrize(
    "name",
    [
        "person", "fallen person", "pedestrian", "行人", "人員", "行人1", "骑车人",
        "工人", "worker", "Driver", "passenger", "fireman", "FireFighterPerson", "Fußgänger",
        "ＰＥＲＳＯＮ", "человек",
    ],
)  # fmt: skip
def test_no_pack_makes_people_a_vehicle(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackRefusedError, match="only role is `mask`"):
        load(pack(tmp_path, answering(ANSWER), second=name))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("names", "{0: 'fire', 1: 'person'}", "only role is `mask`"),
        ("names", "{1: 'face', 0: 'fire'}", "no role"),
        ("names", '["fire", "knife"]', "no role"),
        ("Class_Names", "fire,人臉", "no role"),
        ("id2label", '{"0": "fire", "1": "smoke"}', "calls 'smoke' what the labels call 'car'"),
        ("names", "{0: 'car', 1: 'fire'}", "calls 'car' what the labels call 'fire'"),
        ("names", "{0: 'fire', 1: 'car', 2: 'bus'}", "names 3 classes .*2 labels"),
        ("task", "pose", "task is 'pose'"),
        ("task", "segment", "only detectors"),
    ],
)
def test_what_a_file_says_of_itself_is_held_against_the_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, value: str, words: str
) -> None:
    made = answering(ANSWER)
    made.metadata_props.add(key=key, value=value)
    with pytest.raises(PackNetworkError, match=words):
        load(pack(tmp_path, made))
    file = tmp_path / "model.onnx"
    given = ["add", str(file), "--labels", "fire,car", "--packs", str(tmp_path / "packs")]
    assert main(given) == 1
    assert re.search(words, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("key", "value"),
    [("names", "{0: 'brand', 1: 'wagen'}"), ("task", "detect"), ("author", "face"), ("names", ""),
     ("names", "{1: 'car', 0: 'flame'}")],
)  # fmt: skip
def test_what_a_file_says_of_itself_may_fit(tmp_path: Path, key: str, value: str) -> None:
    made = answering(ANSWER)
    made.metadata_props.add(key=key, value=value)
    load(pack(tmp_path, made))


def test_a_pipe_for_a_network_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(tmp_path, answering(ANSWER))
    (tmp_path / "model.onnx").unlink()
    os.mkfifo(tmp_path / "model.onnx")
    with pytest.raises(PackMissingError, match=r"model\.onnx: it is no plain file"):
        load(tmp_path)
    assert main(["add", str(tmp_path / "model.onnx"), "--labels", "fire"]) == 1
    assert "no plain file" in capsys.readouterr().err


def test_the_shipped_pack_starts_without_the_reader() -> None:
    code = "import sys, models.packs as p; p.load_pack(); assert 'onnx' not in sys.modules, 'slow'"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=DEFAULT_PACK.parents[1])
