"""What a label's name says, and lists of labels as people have them."""

from pathlib import Path

import pytest

from models.adding.label_lists import labels_of
from models.labels import LabelError, refuse_name
from vision.roles import Role


@pytest.mark.parametrize(
    "name",
    ["surface", "interface", "passenger car", "screwdriver", "driverless car", "无人机",
     "人行道护栏", "manhole", "template", "SUV车", "smoke烟雾", "улица", "Löschfahrzeug"],
)  # fmt: skip
def test_names_of_things_pass(name: str) -> None:
    refuse_name(name, Role.VEHICLE)


@pytest.mark.parametrize("name", ["\u0440erson", "f\u0430ce", "car\u200b", "fi\u00adre", "ca\nr"])
def test_names_in_disguise_are_refused(name: str) -> None:
    for role in Role:
        with pytest.raises(LabelError, match=r"alphabets|nobody sees"):
            refuse_name(name, role)


def test_a_list_longer_than_a_file_s_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert len(labels_of(",".join(["fire"] * 100))) == 100
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fire").mkdir()
    assert [name for name, _ in labels_of("fire")] == ["fire"], "a directory is no list"
    (tmp_path / "smoke").write_text("car\n", "utf-8")
    assert [name for name, _ in labels_of("smoke")] == ["car"]


@pytest.mark.parametrize(
    "content",
    [
        "path: x\nnames:\n  0: fire\n  1: traffic light\n  2: car\n\n# end\nnc: 3\n",
        "names:  # all\r\n  2: car\r\n\r\n# or\r\n  0: 'fire' # red\r\n  1: \"traffic light\"\r\n",
        "names:\n- fire\n- traffic light\n- car\nnc: 3",
        "names:\n  - fire\n  - 'traffic light'\n  - car\n",
    ],
)
def test_names_one_a_line_in_a_data_yaml(tmp_path: Path, content: str) -> None:
    path = tmp_path / "data.yaml"
    path.write_bytes(content.replace("traffic light", "traffic light=vehicle").encode())
    assert [name for name, _ in labels_of(str(path))] == ["fire", "traffic light", "car"]


NUMBERS = "`names` must be numbered 0 to 1, each once"
NO_NAMES = r"`names` can't be read: write it on one line"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("labels.txt", "fire\n\nsmoke\n", "entry 2 is empty"),
        ("labels.txt", "\n", "is empty"),
        ("data.yaml", "names:\n  1: fire\n  2: smoke\n", NUMBERS),
        ("data.yaml", "names:\n  0: fire\n  0: smoke\n", NUMBERS),
        ("data.yaml", "names:\n  0: fire\n  2: smoke\n", NUMBERS),
        ("data.yaml", "names: {0: fire}\n", NO_NAMES),
        ("data.yaml", "names:\nnc: 3\n", NO_NAMES),
        ("data.yaml", "names:", NO_NAMES),
        ("data.yaml", "nc: 3\n", NO_NAMES),
        ("data.yaml", "names: [fire]\nnames:\n  0: fire\n", NO_NAMES),
        ("data.yaml", "names:\n  0: fire\n  - smoke\n", NO_NAMES),
        ("data.yaml", "names:\n  0: fire\n    1: smoke\n", NO_NAMES),
        ("data.yaml", "names:\n  0: fire\n\t1: smoke\n", NO_NAMES),
        ("data.yaml", "names:\n  0: fire\n    truck\n", NO_NAMES),
        ("data.yaml", "names:\n  0:\n  1: smoke\n", NO_NAMES),
        ("data.yaml", "names:\n  - name: fire\n", NO_NAMES),
        ("data.yaml", "names:\n  - &one fire\n", NO_NAMES),
        ("data.yaml", 'names:\n  - "\\x66ire"\n', NO_NAMES),
        ("data.yaml", "names:\n  - fire\n  - ''\n", NO_NAMES),
        ("labels.txt", None, "No such file"),
        ("other/labels", None, "No such file"),
        ("labels.txt", b"\xff\xfe\xfd", "UTF-8"),
    ],
)
def test_files_of_labels_that_are_refused(
    tmp_path: Path, name: str, content: str | bytes | None, words: str
) -> None:
    if content is not None:
        raw = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(raw)
    with pytest.raises(LabelError, match=words) as refused:
        labels_of(str(tmp_path / name))
    assert name in str(refused.value)
