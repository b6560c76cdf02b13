"""``fengsui model add``: somebody's file becomes a pack that gives what their own program would."""

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.adding import add as adding
from models.adding import trial
from models.adding.command import main
from models.adding.label_lists import labels_of
from models.packs import DEFAULT_PACK, PackNetworkError, load_pack
from tests.support.media import REPOSITORY
from tests.support.networks import SIZE_PX, answering, brightness, images, saved
from tests.vision.test_families import CAR, FIRE, TRUE, answers
from vision.decoders import DecoderName
from vision.detector import Detector
from vision.letterbox import fit
from vision.roles import Role

NAMES = "fire,smoke,car,person"
WEAK = ("--threshold", "0.05", "--decoder", "yolov8")
"""For ``brightness``, whose one anchor is no YOLOv8's."""
BGR = (51, 102, 204)
BLUE, GREEN, RED = (value / 255 for value in BGR)
FULL = fit((96, 64), *SIZE_PX)


@pytest.fixture(autouse=True)
def tried_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trial in this process: ``test_adding_trial`` and ``_refused`` have its own."""
    monkeypatch.setattr(adding, "tried", trial._figures)


def add(file: Path, labels: str, *words: str) -> int:
    return main(
        ["add", str(file), "--labels", labels, "--packs", str(file.parent / "packs"), *words]
    )


def added(file: Path, labels: str, *words: str, name: str = "given") -> Detector:
    assert add(file, labels, *words) == 0
    return load_pack(file.parent / "packs" / name).detector()


def coloured(pictures: int = 1) -> np.ndarray:
    return np.full((pictures, *SIZE_PX, 3), BGR, np.uint8)


def scores(detector: Detector, pictures: int = 1) -> list[float]:
    """What ``brightness`` was given, by channel in the network's order."""
    found, _ = detector(coloured(pictures), [FULL] * pictures)
    first = found.where(found.frame_index == pictures - 1)
    return [round(float(score), 3) for score in first.score[np.argsort(first.label)]]


@pytest.mark.parametrize("decoder", list(DecoderName))
def test_each_family_is_told_by_its_outputs_and_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], decoder: DecoderName
) -> None:
    file = saved(answering(answers(decoder), images()), tmp_path / "given.onnx")
    detector = added(file, NAMES, "--json")
    said = capsys.readouterr().out.splitlines()
    figures = json.loads(said[-1])
    assert figures["decoder"] == decoder
    assert figures["guessed"]
    assert figures["batch_sizes"] == [1, 2, 4]
    assert set(figures["ms_per_picture"]) == {"1", "2", "4"}
    assert figures["load_ms"] > 0
    assert any("guessed" in line for line in said)
    found, _ = detector(coloured(2), [FULL] * 2)
    assert sorted(found.label.tolist()) == [FIRE, FIRE, CAR, CAR]


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], [RED, GREEN, BLUE]),
        (["--channels", "bgr"], [BLUE, GREEN, RED]),
        (
            ["--mean", "0.1,0.2,-0.2", "--std", "1,2,2"],
            [RED - 0.1, (GREEN - 0.2) / 2, (BLUE + 0.2) / 2],
        ),
    ],
)
def test_a_picture_is_prepared_as_its_own_program_would(
    tmp_path: Path, kind: int, words: list[str], expected: list[float]
) -> None:
    file = saved(brightness(images(kind=kind), kind=kind), tmp_path / "given.onnx")
    detector = added(file, "fire,smoke,car", *WEAK, *words)
    # The drawn stills are no such plain pictures: only this one's scores are known.
    assert scores(detector, 2) == pytest.approx(expected, abs=0.002)


def test_a_scale_of_one_leaves_0_to_255(tmp_path: Path) -> None:
    file = saved(brightness(images()), tmp_path / "given.onnx")
    words = ["--scale", "1", "--mean", "51,102,0", "--std", "255,255,255"]
    detector = added(file, "fire,smoke,car", *WEAK, "--channels", "rgb", *words)
    assert scores(detector) == pytest.approx([RED - 0.2, BLUE], abs=0.002)


def test_a_picture_with_channels_last_and_a_taken_name(tmp_path: Path) -> None:
    given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["b", *SIZE_PX, 3])
    file = saved(brightness(given, axes=(1, 2)), tmp_path / "given.onnx")
    assert scores(added(file, "fire,smoke,car", *WEAK)) == pytest.approx(
        [RED, GREEN, BLUE], abs=0.002
    )
    inner = brightness(images())
    for node in inner.graph.node:  # a tensor inside has the product's name
        node.input[:] = ["pixels" if name == "means" else name for name in node.input]
        node.output[:] = ["pixels" if name == "means" else name for name in node.output]
    detector = added(saved(inner, tmp_path / "inner.onnx"), "fire,smoke,car", *WEAK, name="inner")
    assert scores(detector) == pytest.approx([RED, GREEN, BLUE], abs=0.002)


def test_a_fixed_batch_and_open_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = saved(answering(answers(DecoderName.YOLOV8), images(1)), tmp_path / "one.onnx")
    assert added(one, NAMES, name="one").settings.batch_sizes == (1,)
    made = answering(answers(DecoderName.YOLOV8), images("N", ("h", "w")))
    free = saved(made, tmp_path / "free.onnx")
    assert add(free, NAMES) == 1
    assert "--input HxW" in capsys.readouterr().err
    assert added(free, NAMES, "--input", "64x96", name="free").settings.input_width_px == 96
    assert add(one, NAMES, "--input", "96x96", "--name", "other") == 1
    assert "can't change" in capsys.readouterr().err


@pytest.mark.parametrize("batch", ["N", 2])
@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.FLOAT])
def test_the_second_input_becomes_the_input_s_own_size(
    tmp_path: Path, batch: str | int, kind: int
) -> None:
    """Boxes 0-1 times orig_target_sizes, as RT-DETR's exports have it."""
    sizes = helper.make_tensor_value_info("orig_target_sizes", kind, [batch, 2])
    answer = answers(DecoderName.DETR_DEPLOYED)
    answer["boxes"] = answer["boxes"] / np.array([96, 64, 96, 64], np.float32)
    made = answering(answer, images(batch), [sizes])
    graph = made.graph
    next(one for one in graph.output if one.name == "boxes").name = "scaled_boxes"
    graph.node.extend(
        [
            helper.make_node("Cast", ["orig_target_sizes"], ["wh"], to=TensorProto.FLOAT),
            helper.make_node("Concat", ["wh", "wh"], ["whwh"], axis=1),
            helper.make_node("Unsqueeze", ["whwh", "one"], ["rows"]),
            helper.make_node("Mul", ["boxes", "rows"], ["scaled_boxes"]),
        ]
    )
    detector = added(saved(made, tmp_path / "given.onnx"), NAMES)
    assert detector.settings.batch_sizes == ((2,) if batch == 2 else (1, 2, 4))
    found, _ = detector(coloured(2), [FULL] * 2)
    mine = found.where(found.frame_index == 1)
    expected = {label: box for box, label, _ in TRUE}
    assert sorted(mine.label.tolist()) == [FIRE, CAR]
    for label, box in zip(mine.label, mine.xyxy, strict=True):
        np.testing.assert_allclose(box, expected[int(label)], atol=1e-5)


def test_the_pack_says_where_it_comes_from(tmp_path: Path) -> None:
    made = answering(answers(DecoderName.YOLOV8), images())
    made.graph.node[0].doc_string = "File /" + "home/somebody/train.py"
    file = saved(made, tmp_path / "My Net-2.onnx")
    assert add(file, "brand=hazard:fire,rauch=hazard:smoke,lorry=vehicle,menschen=mask") == 0
    directory = tmp_path / "packs" / "my_net_2"
    assert {path.name for path in directory.iterdir()} == {"pack.toml", "model.onnx", "CARD.md"}
    said = tomllib.loads((directory / "pack.toml").read_text("utf-8"))
    assert said["provenance"]["given_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    pack = load_pack(directory)
    assert [(one.name, one.role, one.hazard) for one in pack.settings.labels] == [
        ("brand", "hazard", "fire"),
        ("rauch", "hazard", "smoke"),
        ("lorry", "vehicle", None),
        ("menschen", "mask", None),
    ]
    assert b"somebody" not in pack.weights
    card = (directory / "CARD.md").read_text("utf-8")
    assert "My Net-2.onnx" in card
    assert str(tmp_path) not in card + (directory / "pack.toml").read_text("utf-8")
    assert [path.name for path in (tmp_path / "packs").iterdir()] == ["my_net_2"]


def test_labels_from_a_file_and_other_people_s_words(tmp_path: Path) -> None:
    file = saved(answering(answers(DecoderName.YOLOV8), images()), tmp_path / "given.onnx")
    listed = tmp_path / "labels.txt"
    listed.write_text("Fire\r\n烟雾\nlorry\nPedestrian\n\n", "utf-8-sig")
    labels = added(file, str(listed)).settings.labels
    assert [label.hazard or label.role for label in labels] == ["fire", "smoke", "vehicle", "mask"]
    assert labels[0].name == "Fire", "without the mark that some editors begin a file with"
    yaml = tmp_path / "data.yaml"
    yaml.write_text("nc: 4\nnames: ['fire', \"烟雾\", lorry, person]  # all\n", "utf-8")
    assert [name for name, _ in labels_of(str(yaml))] == ["fire", "烟雾", "lorry", "person"]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("fire,smoke,car,face", "it has no role"),
        ("fire,smoke,car,face=mask", "it has no role"),
        ("fire,smoke,car,plate=vehicle", "it has no role"),
        ("fire,smoke,car,helmet=hazard:debris", "it has no role"),
        ("fire,smoke,car,person=hazard:debris", "only role is `mask`"),
        ("fire,smoke,car,cat", "say what it may become"),
        ("fire,smoke,car,cat=ignore", "is no role"),
        ("fire,smoke,car,cat=hazard", "is no role"),
        ("fire,smoke,car,cat=hazard:stopped_vehicle", "is no role"),
        ("car,bus,truck,person", "no label is a hazard"),
        ("fire,smoke,car", "need one of"),
        (",", "is empty"),
        ("fire,,car,person", "entry 2 is empty"),
        (",".join(["fire"] * 101), "101 labels are given, and a pack has at most 100"),
    ],
)
def test_labels_that_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: str, words: str
) -> None:
    file = saved(answering(answers(DecoderName.YOLOV8), images()), tmp_path / "given.onnx")
    assert add(file, labels) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert words in said.err
    assert not (tmp_path / "packs" / "given").exists()


def test_an_input_of_which_all_is_open_has_its_channels_first(tmp_path: Path) -> None:
    given = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["b", "c", "h", "w"])
    file = saved(answering(answers(DecoderName.DETR), given), tmp_path / "given.onnx")
    assert added(file, NAMES, "--input", "64x96").input_size_px == (64, 96)


def test_a_refusal_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, code in ((["--labels", "face"], "label"), (["--labels", "fire"], "pack_missing")):
        assert main(["add", str(tmp_path / "none.onnx"), "--json", *words]) == 1
        said = capsys.readouterr()
        answer = json.loads(said.out)
        assert answer["error"] == code
        assert said.err == f"fengsui: {answer['text']}\n"


def test_what_a_pack_raises_is_said_and_the_maker_s_notes_are_not_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = answering(answers(DecoderName.YOLOV8), images())
    made.metadata_props.add(key="description", value="trained on somebody's disk")
    made.metadata_props.add(key="task", value="detect")
    file = saved(made, tmp_path / "given.onnx")
    assert add(file, NAMES) == 0
    card = (tmp_path / "packs" / "given" / "CARD.md").read_text("utf-8")
    for text in (capsys.readouterr().out, card):
        assert "raises fire and smoke alone" in text
        assert "debris and vehicles" in text
    weights = load_pack(tmp_path / "packs" / "given").weights
    assert b"somebody" not in weights
    assert [one.key for one in onnx.load_from_string(weights).metadata_props] == ["task"]


def test_a_pack_is_replaced_only_if_asked_and_then_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(answering(answers(DecoderName.YOLOV8), images()), tmp_path / "given.onnx")
    directory = tmp_path / "packs" / "given"
    assert add(file, NAMES) == 0
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert add(file, NAMES, "--threshold", "0.7") == 1
    assert "--replace" in capsys.readouterr().err

    def broken(*_: object) -> None:
        raise PackNetworkError("given.onnx: broke at the last moment")

    with monkeypatch.context() as patch:
        patch.setattr(adding, "tried", broken)
        assert add(file, NAMES, "--threshold", "0.7", "--replace") == 1
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    assert add(file, NAMES, "--threshold", "0.7", "--replace") == 0
    assert load_pack(directory).settings.labels[0].threshold == 0.7
    assert [path.name for path in directory.parent.iterdir()] == ["given"]
    assert add(file, NAMES, "--name", DEFAULT_PACK.name) == 1
    assert "product's own" in capsys.readouterr().err
    (directory.parent / "mine").mkdir()
    assert add(file, NAMES, "--name", "mine", "--replace") == 1
    assert "is no pack" in capsys.readouterr().err


def test_the_product_s_own_file_stays_what_it_is(tmp_path: Path) -> None:
    own = load_pack()
    labels = ",".join(label.name for label in own.settings.labels)
    main(["add", str(own.path), "--labels", labels, "--name", "copy", "--packs", str(tmp_path)])
    copy = load_pack(tmp_path / "copy")
    assert copy.weights == own.weights
    assert copy.detector().masks
    other = labels.replace("person", "person=vehicle")
    words = ["--name", "evil", "--packs", str(tmp_path)]
    assert main(["add", str(own.path), "--labels", other, *words]) == 1
    swapped = labels.replace("fire", "x=mask", 1)
    assert main(["add", str(own.path), "--labels", swapped, *words]) == 1


@pytest.mark.parametrize(
    "words",
    [["--input", "64"], ["--input", "63x96"], ["--scale", "2"], ["--std", "0,1,1"],
     ["--name", "../x"], ["--decoder", "pose"], ["--batch", "0"], ["--threshold", "7"]],
)  # fmt: skip
def test_wrong_arguments(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["add", "x.onnx", "--labels", "fire", *words])
    assert stopped.value.code == 2


def test_list_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = saved(answering(answers(DecoderName.YOLOV8), images()), tmp_path / "given.onnx")
    assert add(file, NAMES) == 0
    packs = tmp_path / "packs"
    (packs / "given" / "model.onnx").write_bytes(b"changed")
    capsys.readouterr()
    assert main(["list", "--packs", str(packs), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out.splitlines()[-1])["packs"]
    assert listed[0]["name"].startswith("hazard_nano@")
    assert listed[1]["code"] == "pack_hash"
    assert main(["show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {one["role"] for one in shown["labels"]} == set(Role)
    assert main(["show", str(packs / "given")]) == 1
    assert "SHA-256" in capsys.readouterr().err


def test_the_one_door_leads_here() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "fengsui.py", "model", "show", "nowhere"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("fengsui: nowhere/pack.toml")
