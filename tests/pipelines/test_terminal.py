"""What a command prints when nobody reads it any more, as with `| head`."""

import os
import subprocess
import sys

import pytest

from pipelines.terminal import show, tell

SHOWS = "from pipelines.terminal import show; show('figures'); show('more')"


def test_who_stops_reading_is_told_of_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", SHOWS], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_figures_go_to_the_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    tell("half done")
    show("{}")
    assert capsys.readouterr() == ("{}\n", "half done\n")
