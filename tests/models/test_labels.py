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
    ("name", "content", "words"),
    [
        ("labels.txt", "fire\n\nsmoke\n", "entry 2 is empty"),
        ("labels.txt", "\n", "is empty"),
        ("data.yaml", "names:\n  0: fire\n", "`names` can't be read: write it on one line"),
        ("data.yaml", "names: {0: fire}\n", "`names` can't be read"),
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
