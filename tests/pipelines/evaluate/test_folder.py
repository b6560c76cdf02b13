"""Label files, class lists, and where pictures and labels are found."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.evaluate.faults import EvaluationError, LeftOut, LeftOutError, shown
from pipelines.evaluate.folder import entries, spread
from pipelines.evaluate.labels import read_labels
from pipelines.evaluate.names import PERSON, UNKNOWN, VEHICLE, class_list, meaning
from tests.pipelines.evaluate.sets import CAR, FIRE, LABELS, SMOKE, labelled, noise, write
from vision.hazards import Hazard
from vision.roles import Label, Role

PICTURE = noise(20, 20)


def classes(tmp_path: Path, names: str = "fire,flood,person"):
    return class_list(names, tmp_path, LABELS)


def file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


class TestLabels:
    def test_boxes_are_cut_at_the_edge_and_unknown_classes_left_out(self, tmp_path: Path) -> None:
        path = file(tmp_path, "0 0.1 0.5 0.4 0.5\r\n1 .5 .5 .1 .1\n2 0.5 0.5 0.2 0.2 0.93\n")
        found = read_labels(path, classes(tmp_path))
        assert np.allclose(found.boxes, [[0, 0.25, 0.3, 0.75], [0.4, 0.4, 0.6, 0.6]])
        assert found.meanings.tolist() == [FIRE, PERSON]
        assert found.unknown == 1

    @pytest.mark.parametrize("content", ["", "\n \n", "\ufeff"])
    def test_an_empty_file_says_that_nothing_is_there(self, tmp_path: Path, content: str) -> None:
        assert len(read_labels(file(tmp_path, content), classes(tmp_path)).boxes) == 0

    def test_a_line_that_stands_there_twice_is_one_thing(self, tmp_path: Path) -> None:
        path = file(tmp_path, "0 .5 .5 .2 .2\n" * 2)
        assert len(read_labels(path, classes(tmp_path)).boxes) == 1

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("0 .5 .5 .2", "label_columns"),
            ("0 .1 .1 .9 .1 .9 .9 .1 .9", "label_polygon"),
            ("fire .5 .5 .2 .2", "label_number"),
            ("0 nan .5 .2 .2", "label_number"),
            ("0 .5 .5 inf .2", "label_number"),
            ("0 .5 .5 .2 .2 nan", "label_number"),
            ("0 320 200 40 40", "label_range"),
            ("0 .5 .5 -.2 .2", "label_range"),
            ("0 .5 .5 0 .2", "label_zero_size"),
            ("3 .5 .5 .2 .2", "label_class"),
            ("-1 .5 .5 .2 .2", "label_class"),
            ("0.5 .5 .5 .2 .2", "label_class"),
            (b"\xff\xfe0\x00", "label_not_text"),
            ("0 .5 .5 .2 .2\0", "label_not_text"),
            ("\n" * (1 << 21), "label_not_text"),
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, tmp_path: Path, content: str | bytes, reason: str
    ) -> None:
        with pytest.raises(LeftOutError) as caught:
            read_labels(file(tmp_path, content), classes(tmp_path))
        assert caught.value.reason == reason
        assert "a.txt" in str(caught.value)


class TestNames:
    @pytest.mark.parametrize(
        "text",
        [
            "names: ['fire', 'no helmet', smoke]\nnc: 3\n",
            "path: x\nnames: [fire, no helmet, smoke]  # in order\n",
            "names:\n- fire\n- no helmet\n- 'smoke'\nnc: 3",
            "names:\n  - fire\n\n  - no helmet\n  - smoke\ntrain: x",
            'names:\n  0: fire\n  1: no helmet\n  2: "smoke"\n',
            "names: {0: fire, 2: smoke, 1: 'no helmet'}",
        ],
    )
    def test_data_yaml_in_the_forms_that_tools_write(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "data.yaml").write_text(text)
        assert class_list(None, tmp_path, LABELS).names == ("fire", "no helmet", "smoke")

    @pytest.mark.parametrize(
        "text",
        [
            "nc: 2",
            "names: *anchor",
            "names: fire",
            "names:\n  0: fire\n  2: smoke",
            "names: [fire, smoke]\nnc: 3",
            "names: [fire, 'smoke]",
            "names: [fire, fire]",
            "names: [helmet, vest]",
            "names: []",
            "names: !!python/object/apply:os.system ['true']",
        ],
    )
    def test_what_cannot_be_read_or_fit_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "data.yaml").write_text(text)
        with pytest.raises(EvaluationError, match=r"data\.yaml"):
            class_list(None, tmp_path, LABELS)

    def test_the_order_in_which_lists_are_looked_for(self, tmp_path: Path) -> None:
        own = tuple(one.name for one in LABELS)
        assert class_list(None, tmp_path / "split", LABELS).names == own
        (tmp_path / "split").mkdir()
        (tmp_path / "split" / "classes.txt").write_text("smoke\nfire\n")
        assert class_list(None, tmp_path / "split", LABELS).names == ("smoke", "fire")
        (tmp_path / "data.yaml").write_text("names: [smoke]")
        assert class_list(None, tmp_path / "split", LABELS).names == ("smoke",)
        listed = write_text(tmp_path / "names.txt", "fire\ncar\n")
        assert class_list(str(listed), tmp_path, LABELS).names == ("fire", "car")

    def test_a_hazard_free_set_may_name_nothing_that_the_pack_knows(self, tmp_path: Path) -> None:
        found = class_list("cat,dog", tmp_path, LABELS, hazard_free=True)
        assert found.meanings == (UNKNOWN, UNKNOWN)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Fire", FIRE), ("火焰", FIRE), ("flame", FIRE), ("烟雾", SMOKE), ("CAR", CAR),
            ("汽车", CAR), ("van", VEHICLE), ("vehicle", VEHICLE), ("bicycle", UNKNOWN),
            ("Person", PERSON), ("person on road", PERSON), ("行人", PERSON), ("flood", UNKNOWN),
        ],
    )  # fmt: skip
    def test_names_that_mean_the_same(self, name: str, expected: int) -> None:
        assert meaning(name, LABELS) == expected

    def test_whatever_a_pack_calls_people_they_get_no_figure(self) -> None:
        label = Label(name="person", role=Role.HAZARD, hazard=Hazard.DEBRIS, threshold=0.5)
        assert meaning("person", (label,)) == PERSON


def write_text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


class TestFolder:
    def stems(self, folder: Path, *, has_labels: bool = True) -> dict[str, Path | None]:
        left_out = LeftOut(tell=lambda _: None)
        found = entries(folder, left_out, labelled=has_labels)
        return {entry.picture.name: entry.labels for entry in found}

    def test_labels_lie_in_their_folder_or_beside(self, tmp_path: Path) -> None:
        for name in ("images/x/a.JPG", "images/b.png", "c.webp", "train/images/d.bmp"):
            write(tmp_path / name.lower(), PICTURE).rename(tmp_path / name)
        for name in ("labels/x/a", "labels/b", "images/b", "c", "train/labels/d"):
            path = tmp_path / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        found = self.stems(tmp_path)
        assert {name: path and path.parent.name for name, path in found.items()} == {
            "a.JPG": "x",
            "b.png": "labels",
            "c.webp": tmp_path.name,
            "d.bmp": "labels",
        }
        assert self.stems(tmp_path / "images")["b.png"] == tmp_path / "labels" / "b.txt"

    def test_a_picture_without_labels_is_left_out_and_counted(self, tmp_path: Path) -> None:
        labelled(tmp_path, "a", PICTURE, None)
        labelled(tmp_path, "b", PICTURE, "")
        (tmp_path / "labels" / "gone.txt").write_text("")
        (tmp_path / "labels" / "classes.txt").write_text("fire")
        told: list[str] = []
        left_out = LeftOut(tell=told.append)
        assert len(entries(tmp_path, left_out, labelled=True)) == 1
        assert left_out.reasons == {"no_label": 1, "label_without_picture": 1}
        assert any("a.jpg" in line for line in told)
        assert len(self.stems(tmp_path, has_labels=False)) == 2

    def test_links_that_go_round_end(self, tmp_path: Path) -> None:
        labelled(tmp_path, "a", PICTURE, "")
        (tmp_path / "images" / "again").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "self").symlink_to(tmp_path / "self")
        left_out = LeftOut(tell=lambda _: None)
        assert [one.picture.name for one in entries(tmp_path, left_out, labelled=True)] == ["a.jpg"]
        assert not left_out.reasons

    def test_nothing_there(self, tmp_path: Path) -> None:
        for folder in (tmp_path, tmp_path / "gone"):
            with pytest.raises(EvaluationError, match="folder"):
                self.stems(folder)

    def test_a_limit_spreads(self) -> None:
        assert spread(range(100), 4) == [0, 25, 50, 75]
        assert spread([1, 2], 5) == [1, 2]

    def test_names_are_safe_to_print(self) -> None:
        assert shown("a\n\x1b[31mb\udcff") == "a??[31mb?"
