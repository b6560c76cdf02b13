"""``fengsui eval evidence`` on drawn people, and what it says of its judge."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.known_answers import PICTURES
from pipelines.evaluate import evidence
from pipelines.evaluate.command import main

NAMES = "person,car"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The masker's known pictures as a labelled folder, one with a car's label besides."""
    with np.load(PICTURES, allow_pickle=False) as file:
        pictures, boxes, rows = file["pictures"], file["boxes"], file["rows"]
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), picture)
        lines = [
            f"0 {(x0 + x1) / 2} {(y0 + y1) / 2} {x1 - x0} {y1 - y0}"
            for x0, y0, x1, y1 in boxes[rows == number]
        ]
        (tmp_path / "labels" / f"{number}.txt").write_text("\n".join(lines))
    return tmp_path


def figures(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, float]:
    assert main(["evidence", *words, "--names", NAMES, "--json"]) == 0
    said: dict[str, float] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return said


def test_drawn_people_are_filled(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = figures(capsys, str(folder))
    assert said["people"] > 0
    assert said["filled_share"] == 1.0
    assert said["ms_per_picture"] > 0


def test_a_cover_that_is_taken_off_shows_in_the_figures(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def uncovered(self: object, frame: evidence.EvidenceFrame, *_: object) -> np.ndarray:
        return frame.pixels

    monkeypatch.setattr(evidence._Stage, "shown", uncovered)
    judge = folder / "judge.py"
    judge.write_text("def people(bgr):\n    return [(0, 0, 9, 9)] if bgr.std() > 1 else []\n")
    picture = folder / "images" / "0.png"
    assert picture.is_file()
    (folder / "labels" / "0.txt").write_text("1 0.5 0.5 0.6 0.6\n0 0.5 0.5 0.2 0.5\n")
    said = figures(capsys, str(folder), "--judge", str(judge))
    assert said["filled_share"] == 0.0
    assert said["plates_wider_than_16_px"] == said["plates"] == 1
    assert said["found_after"] == said["found_before"] > 0


@pytest.mark.parametrize("text", ["people = 3\n", "1/0\n", "def other(): pass\n"])
def test_a_judge_that_is_none_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    judge = folder / "judge.py"
    judge.write_text(text)
    assert main(["evidence", str(folder), "--names", NAMES, "--judge", str(judge)]) == 1
    said = capsys.readouterr().err
    assert "--judge" in said
    assert said.count("\n") == 1
