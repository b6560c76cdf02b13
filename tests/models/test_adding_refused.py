"""Networks of which ``model add`` makes no pack, and what it says of them."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.adding import add as adding
from models.adding import trial
from tests.models.test_adding import NAMES, add, added
from tests.support.networks import answering, brightness, images, not_for_bright, saved
from tests.vision.test_families import ANCHORS, answers
from vision.decoders import DecoderName


@pytest.fixture
def _tried_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trial in this process: what it says is no other in its own, which takes a second."""
    monkeypatch.setattr(adding, "tried", trial._figures)


def of_unknown_inputs() -> onnx.ModelProto:
    mask = helper.make_tensor_value_info("pixel_mask", TensorProto.INT64, ["N", 64, 64])
    return answering(answers(DecoderName.DETR), images(), [mask])


def of_masks() -> onnx.ModelProto:
    masks = {"masks": np.zeros((20, 16, 16), np.float32)}
    return answering({**answers(DecoderName.RF_DETR), **masks}, images())


def of_end_to_end() -> onnx.ModelProto:
    return answering({"output0": np.zeros((300, 6), np.float32)}, images())


def of_three_anchors() -> onnx.ModelProto:
    return answering({"output0": np.zeros((3 * ANCHORS, 9), np.float32)}, images())


def of_embeddings() -> onnx.ModelProto:
    return answering({"embedding": np.zeros((8, 512), np.float32)}, images())


def of_open_embeddings() -> onnx.ModelProto:
    made = {"embedding": np.full((8, 512), 0.3, np.float32)}
    made["embedding"][:4] = 40.0
    return answering(made, images(), declared=False)


def of_softmax() -> onnx.ModelProto:
    boxes, logits = np.full((20, 4), 0.5, np.float32), np.zeros((20, 5), np.float32)
    return answering({"logits": logits, "pred_boxes": boxes}, images())


def of_one_column_more() -> onnx.ModelProto:
    return answering(answers(DecoderName.RF_DETR), images())


def of_one_class() -> onnx.ModelProto:
    return answering({"output": np.zeros((ANCHORS, 6), np.float32)}, images())


def of_darkness() -> onnx.ModelProto:
    """Fine on grey and on drawn stills, no numbers in the dark."""
    made = answering(answers(DecoderName.YOLOV8), images())
    not_for_bright(made)
    limit = next(one for one in made.graph.initializer if one.name == "limit")
    limit.CopyFrom(onnx.numpy_helper.from_array(np.array(-0.2, np.float32), "limit"))
    mean = next(node for node in made.graph.node if node.output[0] == "whole")
    mean.output[0] = "bright"
    made.graph.node.insert(
        list(made.graph.node).index(mean) + 1, helper.make_node("Neg", ["bright"], ["whole"])
    )
    return made


def of_dishonest_batch() -> onnx.ModelProto:
    made = answering(answers(DecoderName.YOLOV8), images())
    made.graph.node[-1].input[1] = "fixed"
    fixed = onnx.numpy_helper.from_array(np.array([1, 8, ANCHORS], np.int64), "fixed")
    made.graph.initializer.append(fixed)
    return made


def of_no_numbers() -> onnx.ModelProto:
    """Not finite on what is bright, fine on grey: only pictures show it."""
    made = brightness(images())
    made.graph.node.append(helper.make_node("Log", ["output0"], ["logged"]))
    made.graph.node.append(helper.make_node("Sub", ["output0", "offset"], ["less"]))
    made.graph.initializer.append(onnx.numpy_helper.from_array(np.array(0.4, np.float32), "offset"))
    made.graph.node[-2].input[0] = "less"
    made.graph.node.insert(len(made.graph.node) - 2, made.graph.node.pop())
    made.graph.node.append(helper.make_node("Add", ["output0", "logged"], ["result"]))
    made.graph.output[0].name = "result"
    return made


@pytest.mark.parametrize(
    ("build", "labels", "words"),
    [
        (of_unknown_inputs, NAMES, "pixel_mask: only a picture"),
        (of_masks, NAMES, "no masks"),
        (of_end_to_end, "fire,smoke", "suppression in the graph: export it without"),
        (of_end_to_end, "fire,smoke", "leave `nms` out (older versions: `end2end=False`)"),
        (of_end_to_end, "fire,smoke", "Ultralytics' RT-DETR always has it, and is not read"),
        (of_one_column_more, f"{NAMES},truck", "5 columns need 4 labels"),
        (of_three_anchors, NAMES, "looks like YOLOv5"),
        (of_embeddings, NAMES, "no embeddings"),
        (of_open_embeddings, NAMES, "embedding [1, 8, 512], which `yolov8` would not give"),
        (of_softmax, NAMES, "first DETR"),
        (of_darkness, NAMES, "not finite"),
    ],
)
def test_networks_that_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], build: Any, labels: str, words: str
) -> None:
    file = saved(build(), tmp_path / "given.onnx")
    assert add(file, labels) == 1
    error = capsys.readouterr().err
    assert words in error
    assert str(file) in error
    assert ".adding-" not in error, "no temporary path in what people read"
    packs = tmp_path / "packs"
    assert not packs.exists() or not list(packs.iterdir())


def test_what_comes_out_of_open_shapes_is_explained_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = answering({"output0": np.zeros((300, 6), np.float32)}, images(), declared=False)
    file = saved(made, tmp_path / "given.onnx")
    assert add(file, NAMES) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"fengsui: {file}: this has suppression in the graph")
    assert error.count("suppression") == 1


def test_a_small_yolox_of_one_class_has_no_suppression(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add(saved(of_one_class(), tmp_path / "given.onnx"), "fire,smoke") == 1
    assert "suppression" not in capsys.readouterr().err


@pytest.mark.usefixtures("_tried_here")
def test_an_input_that_is_no_multiple_of_the_strides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = answering(answers(DecoderName.YOLOV8), images("N", ("h", "w")), declared=False)
    file = saved(made, tmp_path / "given.onnx")
    assert add(file, NAMES, "--input", "70x96") == 1
    assert "--input 70x96: try a multiple of 32" in capsys.readouterr().err
    assert add(file, NAMES, "--input", "128x96") == 1, "of another size than its anchors"
    assert "multiple of 32" not in capsys.readouterr().err


def test_numbers_that_fail_on_what_is_bright_are_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = saved(of_no_numbers(), tmp_path / "given.onnx")
    assert add(file, "fire,smoke,car", "--decoder", "yolov8") == 1
    assert capsys.readouterr().err.count("not finite") == 1, "tried with two batches, said once"


@pytest.mark.usefixtures("_tried_here")
def test_a_batch_that_only_seems_open_becomes_one(tmp_path: Path) -> None:
    file = saved(of_dishonest_batch(), tmp_path / "given.onnx")
    assert added(file, NAMES).settings.batch_sizes == (1,)
    assert add(file, NAMES, "--batch", "1,2", "--name", "other") == 1
