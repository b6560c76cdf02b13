"""The repository checks itself: directions of import, style, types, and what must not be in it."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.media import REPOSITORY

ROOMS = ("vision", "models", "pipelines", "service")
BIN = Path(sys.executable).parent


def tracked() -> list[Path]:
    """Files that are or will be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [path for line in listed.stdout.splitlines() if (path := REPOSITORY / line).is_file()]


def sources() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py"]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["lint-imports"], ["mypy"]],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_tools_find_nothing(command: list[str]) -> None:
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_stands_in_a_room() -> None:
    """A stray module would be outside every import contract."""
    rooms = {path.relative_to(REPOSITORY).parts[0] for path in sources()}
    assert rooms == {*ROOMS, "tests", "fengsui.py"}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_pyav_is_imported_in_few_places_only() -> None:
    users = {
        str(path.relative_to(REPOSITORY))
        for path in sources()
        if path.relative_to(REPOSITORY).parts[0] != "tests" and "av" in imported(path)
    }
    assert users <= {
        "pipelines/source.py",
        "pipelines/decoder.py",
        "pipelines/file_source.py",
        "pipelines/clip.py",
        "pipelines/probing/looking.py",  # the type of what the decoder gives
        "pipelines/probing/scene.py",  # the same
        "pipelines/drills/encoder.py",
        "pipelines/drills/clip.py",
        "pipelines/bench/clips.py",
        "pipelines/bench/baselines.py",
    }


def test_nobody_catches_everything_but_the_edge_of_a_supervised_loop() -> None:
    catching = {
        str(path.relative_to(REPOSITORY))
        for path in sources()
        if path.relative_to(REPOSITORY).parts[0] in ROOMS
        and re.search(r"except( Base)?Exception|except Exception|except:", path.read_text("utf-8"))
    }
    assert catching <= {
        "vision/detector.py",  # ONNX Runtime's errors have no common root
        "pipelines/heartbeat.py",
        "pipelines/supervised.py",
        "pipelines/reader.py",
        "pipelines/probing/prober.py",  # one probe must not keep the others out
        "pipelines/probing/probe.py",  # whatever fails there costs the place picture alone
        "pipelines/probing/onvif.py",  # a camera's XML may do anything to its readers
        "pipelines/evidence.py",  # whatever fails there costs a picture and no alert
        "pipelines/evaluate/evidence.py",  # a judge is anybody's program
        "service/supervise.py",
        "service/duty/watching.py",  # one incident must not stop the others' clocks
        "service/dispatch/outbox.py",  # one order must not hold up its target's others
        "service/incidents/store.py",  # what can't be decided waits for a person, the alert is kept
        "service/feed/tail.py",  # whatever it was is raised on: clients read for themselves
        "service/incidents/consumer.py",  # one alert must not keep the others out
        "service/imports/workbooks.py",  # openpyxl raises anything at all on a broken workbook
    }


def test_no_host_of_a_registry_no_path_of_a_machine_no_large_file() -> None:
    hosts = ["pypi" + ".org", "python" + "hosted.org", "npmjs" + ".org", "deb" + "ian.org"]
    paths = ["/wo" + "rk/", "/ro" + "ot/", "/op" + "t/wheels", "/ho" + "me/"]
    for path in tracked():
        assert path.stat().st_size < 4_000_000, f"{path} is too large for the repository"
        if path.suffix in {".npz", ".onnx", ".png"}:
            continue
        text = path.read_text("utf-8")
        found = [word for word in (*hosts, *paths) if word in text]
        assert not found, f"{path} names {found}"


def test_the_lock_file_holds_every_dependency_with_hashes() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lock = (REPOSITORY / "requirements.lock").read_text("utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    names = {re.split(r"[<>=\[]", one)[0] for one in wanted}
    assert names <= pinned
    assert lock.count("--hash=sha256:") > len(pinned)


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    reasons = (REPOSITORY / "docs" / "dependencies.md").read_text("utf-8")
    missing = [n for one in wanted if f"`{(n := re.split(r'[<>=[]', one)[0])}`" not in reasons]
    assert not missing
