"""The commands as users and scripts meet them."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import onnx
import pytest

import fengsui
from models.packs import DEFAULT_PACK, load_pack
from pipelines.evaluate.command import main
from pipelines.evaluate.looker import Looker
from tests.pipelines.evaluate.sets import drawn, labelled, noise
from tests.support.media import REPOSITORY, clip, pictures

FOUR = {"precision", "recall", "f1", "ap50"}


@pytest.fixture(scope="module")
def still_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stills")
    drawn(folder, 8, hazards=True)
    return folder


@pytest.fixture(scope="module")
def free_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("free")
    drawn(folder, 6, hazards=False)
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict, str]:
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, json.loads(out.splitlines()[-1]) if code == 0 else {}, err


def test_images_gives_every_key(
    still_set: Path, free_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "out.html"
    words = ("images", still_set, "--negatives", free_set, "--json", "--report", report)
    code, own, err = run(capsys, *words)
    assert code == 0
    assert own["images"] == 8
    assert own["negatives"] == 6
    assert own["classes"]
    assert all(set(each) >= FOUR for each in own["classes"].values())
    assert isinstance(own["false_positive_images"], int)
    assert 0 <= own["picture_recall_at_1pct"] <= 1
    assert own["ms_per_image"] > 0
    assert "person" not in json.dumps(own["classes"])
    assert "6 negatives are few" in err
    assert report.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_bad_files_are_named_and_counted_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled(tmp_path, "good", noise(), "0 .5 .5 .2 .2")
    labelled(tmp_path, "nothing", noise(), "")
    labelled(tmp_path, "range", noise(), "0 5 .5 .2 .2")
    labelled(tmp_path, "class", noise(), "77 .5 .5 .2 .2")
    labelled(tmp_path, "none", noise(), None)
    labelled(tmp_path, "cut", noise(), "").write_bytes(b"\xff\xd8\xff")
    code, own, err = run(capsys, "images", tmp_path, "--json")
    assert code == 0
    assert own["images"] == 2
    assert own["left_out"] == {
        "label_range": 1, "label_class": 1, "no_label": 1, "not_a_picture": 1,
    }  # fmt: skip
    lines = [line for line in err.splitlines() if line.startswith("left out")]
    assert len(lines) == 4
    assert {Path(line.split(": ")[1]).stem for line in lines} == {"range", "class", "none", "cut"}


def test_a_negative_that_shows_a_hazard_is_left_out(
    still_set: Path, free_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "images", free_set, "--negatives", still_set, "--json")
    assert code == 1
    assert "8 negative_shows_hazard" in err


VEHICLES = "3 .5 .5 .2 .2\n7 .2 .2 .1 .1\n"


def test_negatives_may_hold_numbers_that_a_short_list_does_not_name(
    still_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for stem, text in (("a", VEHICLES), ("b", ""), ("c", "99 .5 .5 .2 .2")):
        labelled(tmp_path, stem, noise(), text)
    words = ("images", still_set, "--limit", 4, "--names", "fire,smoke,rock,car,bus,truck,x,y")
    assert run(capsys, *words, "--negatives", tmp_path, "--json")[1]["negatives"] == 3
    labelled(tmp_path / "own", "fire", noise(), "0 .5 .5 .2 .2")
    words = ("images", tmp_path / "own", "--names", "fire,smoke", "--negatives")
    for stem in "abc":
        labelled(tmp_path / "free", stem, noise(), VEHICLES)
    code, own, err = run(capsys, *words, tmp_path / "free", "--json")
    assert (code, own["negatives"], own["left_out"]) == (0, 3, {}), err
    labelled(tmp_path / "free", "d", noise(), "0 .5 .5 .2 .2")
    _, own, _ = run(capsys, *words, tmp_path / "free", "--json")
    assert own["left_out"] == {"negative_shows_hazard": 1}


def test_pictures_that_both_folders_have_are_judged_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for stem, text in (("a", "0 .5 .5 .2 .2"), ("b", "")):
        labelled(tmp_path / "own", stem, noise(), text)
    words = ("images", tmp_path / "own", "--json", "--negatives")
    code, own, err = run(capsys, *words, tmp_path / "own")
    assert (code, own["negatives"], own["picture_recall_at_1pct"]) == (0, 0, None)
    assert "2 pictures of --negatives" in err
    labelled(tmp_path / "free", "c", noise(), None)
    (tmp_path / "free" / "b.jpg").symlink_to(tmp_path / "own" / "images" / "b.jpg")
    _, own, err = run(capsys, *words, tmp_path / "free")
    assert own["negatives"] == 1
    assert "1 pictures of --negatives" in err


def test_empty_label_files_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stem, text in (("a", "0 .5 .5 .2 .2"), ("b", ""), ("c", " \n")):
        labelled(tmp_path, stem, noise(), text)
    code, own, err = run(capsys, "images", tmp_path, "--json")
    assert (code, own["images"], own["empty_label_files"]) == (0, 3, 2)
    assert "2 label files are empty" in err


def test_a_list_that_many_numbers_lie_beyond_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Looker, "__call__", lambda *_: pytest.fail("looked"))
    for stem in "abc":
        labelled(tmp_path, stem, noise(), "0 .5 .5 .2 .2" if stem == "a" else VEHICLES)
    code, _, err = run(capsys, "images", tmp_path, "--names", "fire,smoke", "--json")
    assert code == 1
    assert "2 of 3 label files have numbers beyond its 2 names, up to 7: give --names" in err


def test_nothing_left_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labelled(tmp_path, "none", noise(), None)
    code, _, err = run(capsys, "images", tmp_path, "--json")
    assert code == 1
    assert err.splitlines()[-1].startswith("fengsui: ")
    assert "1 no_label" in err


@pytest.mark.parametrize(
    "words",
    [
        ("--names", "helmet,vest"),
        ("--names", "fire,fire"),
        ("--known", "person"),
        ("--known", "flood"),
        ("--negatives", "/nowhere"),
        ("--pack", "/nowhere"),
        ("--report", "/nowhere/out.html"),
    ],
)
def test_what_does_not_fit_is_said(
    still_set: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    code, _, err = run(capsys, "images", still_set, "--limit", "1", *words)
    assert code == 1
    assert err.splitlines()[-1].startswith("fengsui: ")


def test_known_classes_alone_have_figures(
    still_set: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, own, _ = run(capsys, "images", still_set, "--known", "fire", "--limit", 3, "--json")
    assert own["images"] == 3
    assert own["classes"]["fire"]["boxes"] > 0
    assert own["classes"]["smoke"]["recall"] is own["classes"]["smoke"]["ap50"] is None
    assert set(own["classes"]) == {"fire", "smoke", "rock"}


def test_another_s_pack_is_judged_and_the_product_s_masker_covers(
    still_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = onnx.load(DEFAULT_PACK / "model.onnx")
    network.metadata_props.add(key="by", value="somebody else")
    onnx.save(network, tmp_path / "model.onnx")
    digest = hashlib.sha256((tmp_path / "model.onnx").read_bytes()).hexdigest()
    text = (DEFAULT_PACK / "pack.toml").read_text("utf-8")
    text = re.sub(r'(?m)^sha256 = "\w+"', f'sha256 = "{digest}"', text)
    (tmp_path / "pack.toml").write_text(text)
    words = ("images", still_set, "--limit", 2, "--pack", tmp_path, "--json")
    code, own, _ = run(capsys, *words)
    assert (code, own["pack_sha256"]) == (0, digest)
    looker = Looker(load_pack(tmp_path))
    assert looker._masker is not None
    assert looker(noise()).people is not None


def test_wrong_arguments_exit_with_2() -> None:
    for words in ([], ["images"], ["images", "x", "--limit", "0"], ["video", "x"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2


def test_the_door_leads_here(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        fengsui.main(["eval", "images", "--help"])
    assert caught.value.code == 0
    assert "EMPTY .txt" in capsys.readouterr().out


def test_ctrl_c_ends_it_with_130(tmp_path: Path) -> None:
    for number in range(60):
        os.link(
            labelled(tmp_path, "a", noise(), "") if number == 0 else tmp_path / "images/a.jpg",
            tmp_path / f"images/{number}.jpg",
        )
        (tmp_path / f"labels/{number}.txt").write_text("")
    os.mkfifo(tmp_path / "images/zz.jpg")
    script = (
        "import sys, time; from pipelines.evaluate import cases, command\n"
        "read = cases.read_picture\n"
        "def slow(path): print('looking', flush=True); time.sleep(0.2); return read(path)\n"
        "cases.read_picture = slow\n"
        "sys.exit(command.main(sys.argv[1:]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, "images", str(tmp_path)],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "looking\n"
    time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "Traceback" not in err


@pytest.mark.shared
def test_video_gives_every_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("hazard,from_s,to_s\nfire,0,19\nsmoke,0,19.5\n")
    report = tmp_path / "out.html"
    words = ("video", clip("smoke_a.mp4"), "--truth", truth, "--json", "--report", report)
    code, own, err = run(capsys, *words)
    assert code == 0
    assert own["first_true_s"] == 0
    assert set(own) >= {"alerts", "first_alert_s", "false_alarms_per_hour", "coverage"}
    assert 0 <= own["coverage"] <= 1
    assert "an hour" in err
    text = report.read_text("utf-8")
    assert "<svg" in text
    assert "<img" not in text


@pytest.mark.shared
def test_real_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    folder = pictures("cctv_fire")
    code, own, _ = run(capsys, "images", folder, "--limit", 24, "--json")
    assert code == 0
    assert [name for name, each in own["classes"].items() if each["boxes"]] == ["fire", "smoke"]
    assert own["at_pack_thresholds"]["recall"] > 0.3
    assert own["left_out"] == {}
