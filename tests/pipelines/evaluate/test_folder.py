"""Label files, class lists, and where pictures and labels are found."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.evaluate.faults import EvaluationError, LeftOut, LeftOutError, shown
from pipelines.evaluate.folder import entries, read_labels, spread
from pipelines.evaluate.names import (
    PERSON,
    UNKNOWN,
    VEHICLE,
    ClassList,
    class_list,
    class_list_of_negatives,
    meaning,
)
from tests.pipelines.evaluate.sets import (
    CAR,
    FIRE,
    LABELS,
    SMOKE,
    TRUCK,
    labelled,
    noise,
    write,
)
from vision.hazards import Hazard
from vision.roles import Label, Role

PICTURE = noise(20, 20)


def file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


class TestLabels:
    def test_boxes_are_cut_at_the_edge_and_unknown_classes_kept(self, tmp_path: Path) -> None:
        path = file(tmp_path, "0 .1 .5 .4 .5\r\n1 .5 .5 .2 .2\n2 .5 .5 .2 .2 .93\n9 .5 .5 .2 .2")
        found = read_labels(path)
        classes = class_list("fire,flood,person", tmp_path, LABELS)
        assert np.allclose(found.boxes, [[0, 0.25, 0.3, 0.75], *[[0.4, 0.4, 0.6, 0.6]] * 3])
        assert classes.meant(found.numbers).tolist() == [FIRE, UNKNOWN, PERSON, UNKNOWN]

    @pytest.mark.parametrize("content", ["", "\n \n", "\ufeff"])
    def test_an_empty_file_says_that_nothing_is_there(self, tmp_path: Path, content: str) -> None:
        assert len(read_labels(file(tmp_path, content)).boxes) == 0

    def test_a_line_that_stands_there_twice_is_one_thing(self, tmp_path: Path) -> None:
        path = file(tmp_path, "0 .5 .5 .2 .2\n" * 2)
        assert len(read_labels(path).boxes) == 1

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
            read_labels(file(tmp_path, content))
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
            "names: [fire,  # first\n  'no helmet',\n  smoke]\nnc: 3",
            "names:\n  [fire, no helmet, smoke]\n",
            "names: [\n  fire,\n  no helmet,\n  smoke,\n]\ntrain: [a, b]",
            "names:\n  {\n    0: fire,\n    1: no helmet,\n    2: smoke\n  }",
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
            "names: [fire,\n  smoke\nnc: 2",
            "names:\n- fire, smoke\n- rock\nnc: 3",
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

    def test_the_list_of_negatives(self, tmp_path: Path) -> None:
        """Their own, else the set's if it is long enough, else the pack's."""

        def found(names: str, highest: int) -> ClassList:
            of_set = class_list(names, tmp_path, LABELS)
            return class_list_of_negatives(tmp_path / "free", LABELS, of_set, highest)

        assert found("smoke,fire", 1).names == ("smoke", "fire")
        assert found("fire,smoke", 7).names == tuple(one.name for one in LABELS)
        write_text(tmp_path / "classes.txt", "fire\n").rename(tmp_path / "x")
        (tmp_path / "free").mkdir()
        write_text(tmp_path / "free" / "classes.txt", "cat\ndog\n")
        assert found("fire,smoke", 7).meanings == (UNKNOWN, UNKNOWN)

    @pytest.mark.parametrize("names", ["gone.txt", "lists/gone", "gone.yaml"])
    def test_a_list_that_is_not_there_is_told(self, tmp_path: Path, names: str) -> None:
        with pytest.raises(EvaluationError, match=r"gone.*no such file"):
            class_list(names, tmp_path, LABELS)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Fire", FIRE), ("火焰", FIRE), ("flame", FIRE), ("烟雾", SMOKE), ("CAR", CAR),
            ("汽车", CAR), ("van", VEHICLE), ("vehicle", VEHICLE), ("bicycle", VEHICLE),
            ("Person", PERSON), ("person on road", PERSON), ("行人", PERSON), ("flood", UNKNOWN),
            ("Cars", CAR), ("trucks", TRUCK), ("lorries", TRUCK), ("fires", FIRE),
            ("helmet", UNKNOWN), ("staff gauge", UNKNOWN), ("fire hydrant", UNKNOWN),
        ],
    )  # fmt: skip
    def test_names_that_mean_the_same(self, name: str, expected: int) -> None:
        assert meaning(name, LABELS) == expected

    def test_common_words_for_vehicles_and_people(self) -> None:
        vehicles = """
            vehicles van vans suv taxi taxis pickup Pickup-Truck ambulance trailer bicycle bike
            bikes fire_truck 车 面包车 消防车
            """.split()  # noqa: SIM905
        people = """
            worker workers firefighter man child face faces head pedestrians 员工 工人
            """.split()  # noqa: SIM905
        assert {meaning(word, LABELS) for word in vehicles} == {VEHICLE}
        assert {meaning(word, LABELS) for word in people} == {PERSON}

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
        for name in ("images/x/a.JPG", "images/b.png", "c.webp", "train/images/d.bmp", "e.png"):
            write(tmp_path / name.lower(), PICTURE).rename(tmp_path / name)
        for name in ("labels/x/a", "labels/b", "images/b", "c", "train/labels/d"):
            path = tmp_path / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        (tmp_path / "e.TXT").write_text("")
        found = self.stems(tmp_path)
        assert {name: path and path.parent.name for name, path in found.items()} == {
            "a.JPG": "x",
            "b.png": "labels",
            "c.webp": tmp_path.name,
            "d.bmp": "labels",
            "e.png": tmp_path.name,
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
