"""What PRIVACY.md tells a stranger to run is there, and its figures are the code's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import album, clip, evidence_desk
from service.evidence import models as retention
from service.verdicts import kept
from tests.support.media import REPOSITORY
from vision import covering, evidence, mask_memory

TEXT = (REPOSITORY / "PRIVACY.md").read_text("utf-8")
COMMANDS = sorted(set(re.findall(r"`(\.venv/bin/[^`]+)`", TEXT)))


def test_it_is_found_from_the_readme_and_says_what_a_fork_could() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    assert "(PRIVACY.md)" in readme
    assert "fork" in TEXT
    assert TEXT.count("|---|") >= 3
    assert "摘要" in TEXT[:100]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_can_be_run(command: str) -> None:
    program, *words = command.split()
    assert program in {".venv/bin/pytest", ".venv/bin/fengsui"}
    if program.endswith("fengsui"):
        fengsui = Path(sys.executable).parent / "fengsui"
        done = subprocess.run([fengsui, *words, "--help"], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return
    for word in words:
        path, _, name = word.partition("::")
        tests = (REPOSITORY / path).read_text("utf-8")
        assert re.search(rf"^def {name or 'test_'}", tests, re.MULTILINE), word


def test_there_are_commands_for_most_claims() -> None:
    assert len(COMMANDS) >= 15
    rows = TEXT.split("## How a stranger checks this")[1].split("##")[0]
    claims = [line for line in rows.splitlines() if line.startswith("| ")][1:]
    assert all("`.venv/bin/" in line for line in claims), claims


def test_its_figures_are_the_code_s() -> None:
    said = {
        "at most 640 px": evidence.LONGEST_PX <= 640,
        "a quarter of\nthe picture": covering.SHARP_SHARE <= 0.25,
        "at most 64 cells across": covering.CELLS_ACROSS <= 64,
        f"vehicles have {covering.VEHICLE_CELLS} cells at most": covering.VEHICLE_CELLS <= 48,
        f"at most {clip.LONGEST_S:.0f} s": True,
        f"the last {album.KEPT_S:.0f} s": True,
        f"{evidence_desk.PICTURES_AN_HOUR} alerts a camera and hour": True,
        f"S3): {retention.DEFAULT_DAYS} days, or 1 to {retention.MOST_DAYS} by hazard": True,
        f"database, {kept.KEPT.days} days": True,
        "five minutes": mask_memory.VOID_S == 300.0,
    }
    assert not [text for text, holds in said.items() if text not in TEXT or not holds]
