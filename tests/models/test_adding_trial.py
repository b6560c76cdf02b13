"""The trial of a new pack ends, whatever the network does, and leaves nothing if stopped."""

import json
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.adding import add as adding
from models.adding import trial
from models.adding.command import main
from models.adding.picture_files import _size_px
from models.packs import load_pack
from tests.models.test_adding import NAMES, add, coloured
from tests.support.media import REPOSITORY
from tests.support.networks import answering, images, saved
from tests.support.waiting import until
from tests.vision.test_families import answers
from vision.decoders import DecoderName


def endless() -> onnx.ModelProto:
    made = answering(answers(DecoderName.YOLOV8), images())
    nodes = helper.make_node
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [nodes("Identity", ["go"], ["on"]), nodes("Identity", ["x"], ["y"])], "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []),
         value("x", TensorProto.FLOAT, [1])],
        [value("on", TensorProto.BOOL, []), value("y", TensorProto.FLOAT, [1])],
    )  # fmt: skip
    made.graph.node.append(nodes("ReduceMean", ["images"], ["m"], axes=[1, 2, 3], keepdims=0))
    made.graph.node.append(nodes("Slice", ["m", "zero", "one"], ["first"]))
    made.graph.node.append(nodes("Loop", ["times", "yes", "first"], ["same"], body=body))
    made.graph.node.append(nodes("Mul", ["same", "null"], ["none"]))
    made.graph.node.append(nodes("Add", ["output0", "none"], ["result"]))
    made.graph.output[0].name = "result"
    constants = {"times": np.array(2**62), "yes": np.array(True), "null": np.float32([0])}
    for name, constant in constants.items():
        made.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(constant), name))
    return made


def test_a_network_without_end_is_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(endless(), tmp_path / "given.onnx")
    monkeypatch.setattr(trial, "DEADLINE_S", 4.0)
    assert add(file, NAMES) == 1
    assert "given.onnx: its trial did not end in 4 s" in capsys.readouterr().err
    assert not list((tmp_path / "packs").iterdir())


def hungry() -> onnx.ModelProto:
    made = answering(answers(DecoderName.YOLOV8), images())
    made.graph.node.append(helper.make_node("ConstantOfShape", ["many"], ["much"]))
    made.graph.node.append(helper.make_node("ReduceMax", ["much"], ["none"], keepdims=0))
    made.graph.node.append(helper.make_node("Add", ["output0", "none"], ["result"]))
    made.graph.output[0].name = "result"
    many = onnx.numpy_helper.from_array(np.array([2**33], np.int64), "many")
    made.graph.initializer.append(many)
    return made


def test_a_network_that_takes_all_memory_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = saved(hungry(), tmp_path / "given.onnx")
    assert add(file, NAMES) == 1
    assert "given.onnx" in capsys.readouterr().err
    assert not list((tmp_path / "packs").iterdir())


@pytest.mark.parametrize(
    ("sign", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_what_is_stopped_leaves_nothing(tmp_path: Path, sign: signal.Signals, status: int) -> None:
    file = saved(endless(), tmp_path / "given.onnx")
    packs = tmp_path / "packs"
    words = ["model", "add", file, "--labels", NAMES, "--packs", packs]
    running = subprocess.Popen(
        [sys.executable, REPOSITORY / "fengsui.py", *words], stderr=subprocess.PIPE, text=True
    )
    until(lambda: packs.is_dir() and any(packs.rglob("pack.toml")), "the trial", 60.0)
    running.send_signal(sign)
    _, said = running.communicate(timeout=30)
    assert (running.returncode, list(packs.iterdir())) == (status, [])
    assert "Traceback" not in said


def test_of_two_that_add_at_once_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(answering(answers(DecoderName.YOLOV8), images()), tmp_path / "given.onnx")
    real = adding.tried

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(adding, "tried", real)
        assert add(file, NAMES, "--threshold", "0.7") == 0
        return real(*given)

    monkeypatch.setattr(adding, "tried", meanwhile)
    assert add(file, NAMES) == 1
    assert "--replace" in capsys.readouterr().err
    assert load_pack(tmp_path / "packs" / "given").settings.labels[0].threshold == 0.7


def test_given_pictures_are_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = saved(answering(answers(DecoderName.YOLOV8), images()), tmp_path / "given.onnx")
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    cv2.imwrite(str(folder / "a.png"), coloured()[0])
    cv2.imwrite(str(folder / "b.JPG"), coloured()[0])
    (folder / "labels.txt").write_text("0 0 0 1 1")
    one = ["--pictures", str(folder / "a.png")]
    assert main(["add", *one, "--pictures", str(folder), str(file), "--labels", NAMES, "--json",
                 "--packs", str(tmp_path / "packs")]) == 0  # fmt: skip
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["pictures"] == 4 + 1 + 2
    huge = bytearray((folder / "a.png").read_bytes())
    huge[16:24] = struct.pack(">II", 16000, 8000)
    (tmp_path / "huge.png").write_bytes(huge)
    for name, words in (
        ("none.jpg", "No such file"),
        ("given.onnx", "can't be read as a picture"),
        ("huge.png", "16000x8000 px is more than 8K"),
    ):
        assert add(file, NAMES, "--name", "b", "--pictures", str(tmp_path / name)) == 1
        assert words in capsys.readouterr().err


def test_the_size_of_a_jpeg_is_in_its_header(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((30, 50, 3), np.uint8))
    assert _size_px((tmp_path / "a.jpg").read_bytes()) == (50, 30)
    assert _size_px(b"\xff\xd8\xff\xe0") is None
    assert _size_px(b"GIF89a") is None
