"""The loader refuses what it must, in words; the pack that ships is whole."""

import hashlib
import shutil
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.packs import (
    DEFAULT_PACK,
    PackError,
    PackHashError,
    PackMissingError,
    PackRefusedError,
    load_pack,
)
from vision.decoders import YOLOX_STRIDES_PX
from vision.detector import Detector, DetectorError
from vision.hazards import Hazard
from vision.letterbox import fit
from vision.masker import PERSON_THRESHOLD, PINNED_SHA256
from vision.roles import Role

OWN = load_pack().settings
HEIGHT_PX, WIDTH_PX = OWN.input_height_px, OWN.input_width_px
ANCHORS = sum((HEIGHT_PX // stride) * (WIDTH_PX // stride) for stride in YOLOX_STRIDES_PX)
COLUMNS = 5 + len(OWN.labels)


def tiny_model(columns: int = COLUMNS, value: float = 0.0, outputs: int = 1) -> bytes:
    """A network of the right shape whose every output is one value."""
    names = [f"predictions{n}" for n in range(outputs)]
    nodes = [
        helper.make_node("Shape", ["pixels"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["size"], axis=0),
        *[
            helper.make_node(
                "ConstantOfShape", ["size"], [name],
                value=helper.make_tensor("v", TensorProto.FLOAT, [1], [value]),
            )
            for name in names
        ],
    ]  # fmt: skip
    constants = [
        helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
        helper.make_tensor("one", TensorProto.INT64, [1], [1]),
        helper.make_tensor("rest", TensorProto.INT64, [2], [ANCHORS, columns]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["b", HEIGHT_PX, WIDTH_PX, 3])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["b", "a", "c"]) for n in names],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def pack_with(directory: Path, weights: bytes, *changes: tuple[str, str]) -> Path:
    """A copy of the shipped pack.toml around other weights, with some text replaced."""
    text = (DEFAULT_PACK / "pack.toml").read_text("utf-8")
    shipped = tomllib.loads(text)["model"]["sha256"]
    text = text.replace(shipped, hashlib.sha256(weights).hexdigest())
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (directory / "pack.toml").write_text(text, "utf-8")
    (directory / "model.onnx").write_bytes(weights)
    return directory


def test_the_shipped_pack_is_whole_small_and_the_pinned_masker_s() -> None:
    pack = load_pack()
    roles = {label.name: label.role for label in pack.settings.labels}
    assert roles["person"] is Role.MASK
    assert [name for name, role in roles.items() if role is Role.MASK] == ["person"]
    assert {label.hazard for label in pack.settings.labels if label.hazard} == {
        Hazard.FIRE,
        Hazard.SMOKE,
        Hazard.DEBRIS,
    }
    assert pack.sha256 == PINNED_SHA256
    assert len(pack.weights) < 4_000_000
    assert (DEFAULT_PACK / "CARD.md").is_file()


def test_the_product_s_weights_take_no_other_meaning_and_no_other_threshold(
    tmp_path: Path,
) -> None:
    weights = load_pack().weights
    evil = pack_with(
        tmp_path,
        weights,
        ('name = "person"', 'name = "boulder"'),
        ('role = "mask"', 'role = "hazard"\nhazard = "debris"'),
    )
    with pytest.raises(PackRefusedError, match="another meaning"):
        load_pack(evil).detector()
    blind = pack_with(tmp_path, weights, (f"threshold = {PERSON_THRESHOLD:.3f}", "threshold = 0.9"))
    assert load_pack(blind).detector()._thresholds[-1] == np.float32(PERSON_THRESHOLD)


def test_weights_are_the_masker_s_by_their_bytes_whatever_anybody_says() -> None:
    ours = load_pack()
    assert Detector(ours.weights, ours.settings).masks
    assert not Detector(tiny_model(), ours.settings).masks


def test_a_wrong_hash_is_told_with_both(tmp_path: Path) -> None:
    shutil.copytree(DEFAULT_PACK, tmp_path / "pack")
    weights = bytearray((tmp_path / "pack" / "model.onnx").read_bytes())
    weights[len(weights) // 2] ^= 1
    (tmp_path / "pack" / "model.onnx").write_bytes(weights)
    with pytest.raises(PackHashError, match=r"SHA-256 .* names .* install the pack again"):
        load_pack(tmp_path / "pack")


def test_a_pack_that_isn_t_there(tmp_path: Path) -> None:
    with pytest.raises(PackMissingError, match=r"pack\.toml"):
        load_pack(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('role = "mask"', 'role = "person"', "role"),
        ('role = "mask"', 'role = "hazard"', "names its hazard"),
        ('role = "mask"', 'role = "hazard"\nhazard = "person"', "hazard"),
        ('role = "mask"', 'role = "vehicle"\nhazard = "fire"', "no other label"),
        ('role = "mask"', 'role = "hazard"\nhazard = "camera_fault"', "no detector sees"),
        ('decoder = "yolox"', 'decoder = "pose"', "decoder"),
        ('file = "model.onnx"', 'file = "../model.onnx"', "file"),
        ("format = 1", "format = 2", "format"),
        ("format = 1", "format = ", "Invalid value"),
        ("threshold = 0.", "threshold = 7.", "threshold"),
        ("[suppression]", "[suppression]\nextra = 1", "extra"),
    ],
)
def test_what_a_pack_may_not_say(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(PackRefusedError, match=words):
        load_pack(pack_with(tmp_path, tiny_model(), (old, new)))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (b"not a network", "no ONNX file"),
        (tiny_model(columns=COLUMNS - 1), f"the labels need {COLUMNS} columns"),
        (tiny_model(outputs=2), "one output"),
    ],
)
def test_weights_that_are_no_detector(tmp_path: Path, weights: bytes, words: str) -> None:
    with pytest.raises(PackError, match=words):
        load_pack(pack_with(tmp_path, weights)).detector()


def grey(pictures: int) -> np.ndarray:
    return np.full((pictures, HEIGHT_PX, WIDTH_PX, 3), 114, np.uint8)


def test_output_that_is_not_finite_is_refused_at_the_start_and_later(tmp_path: Path) -> None:
    pack = load_pack(pack_with(tmp_path, tiny_model(value=float("nan"))))
    with pytest.raises(PackError, match=r"model\.onnx.*not finite"):
        pack.detector()
    later = onnx.load_from_string(tiny_model())  # 0 / 0 on black alone
    later.graph.output[0].name = "result"
    later.graph.node.extend(
        [
            helper.make_node("Cast", ["pixels"], ["light"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["light"], ["mean"], axes=[1, 2], keepdims=1),
            helper.make_node("ReduceMean", ["mean"], ["each"], axes=[2, 3], keepdims=0),
            helper.make_node("Unsqueeze", ["each", "one"], ["whole"]),
            helper.make_node("Div", ["predictions0", "whole"], ["result"]),
        ]
    )
    detector = load_pack(pack_with(tmp_path, later.SerializeToString())).detector()
    boxes = [fit((640, 360), HEIGHT_PX, WIDTH_PX)]
    assert len(detector(grey(1), boxes)[0]) == 0
    with pytest.raises(DetectorError, match="not finite"):
        detector(grey(1) * 0, boxes)
    padded = np.concatenate([grey(1), grey(1) * 0])
    assert len(detector(padded, boxes)[0]) == 0, "what a padding row gives is nobody's"


def test_weights_that_see_everything_everywhere_end_in_time_and_mask_nothing(
    tmp_path: Path,
) -> None:
    detector = load_pack(pack_with(tmp_path, tiny_model(value=1.0))).detector()
    detections, regions = detector(grey(2), [fit((640, 360), HEIGHT_PX, WIDTH_PX)] * 2)
    assert 0 < len(detections) <= 1000
    assert regions is None, "only the pinned weights may say where people are"


def test_a_grey_picture_holds_nothing_and_padding_is_ignored() -> None:
    detector = load_pack().detector()
    detections, regions = detector(grey(4), [fit((640, 360), HEIGHT_PX, WIDTH_PX)] * 3)
    assert len(detections) == 0
    assert regions is not None


def test_a_picture_gives_the_same_alone_and_in_a_batch() -> None:
    detector = load_pack().detector()
    rng = np.random.default_rng(3)
    pictures = rng.integers(0, 256, (4, HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    pictures[:, 64:192, 100:300] //= 3
    boxes = [fit((640, 360), HEIGHT_PX, WIDTH_PX)] * 4
    together, _ = detector(pictures, boxes)
    for row in range(4):
        alone, _ = detector(pictures[row : row + 1], boxes[:1])
        same = together.where(together.frame_index == row)
        np.testing.assert_allclose(np.sort(same.score), np.sort(alone.score), atol=1e-4)


def test_the_shipped_network_has_no_custom_operator_and_no_outside_data() -> None:
    model = onnx.load_from_string(load_pack().weights)
    assert {one.domain for one in model.opset_import} <= {"", "ai.onnx"}
    assert not [t for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL]
