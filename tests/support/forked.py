"""The command ``fengsui`` many times, each in a process of its own that needn't import all again.

For commands that refuse to start: importing takes them far longer than what they do.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.support.media import REPOSITORY

LIMIT_S = 30
"""A command that doesn't refuse is ended by then."""

PARENT = f"""
import json, os, signal, sys
import fengsui
import models.packs, pipelines.cameras_file, pipelines.fleet, pipelines.worker

for line in sys.stdin:
    words, said = json.loads(line)
    child = os.fork()
    if not child:
        signal.alarm({LIMIT_S})
        for number, path in enumerate((os.devnull, os.devnull, said)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
        status = 70  # of an exception that nobody took
        try:
            status = fengsui.main(words)
        finally:  # without the libraries' own end: theirs waits for threads that fork left behind
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Forking:
    """A parent that has imported what a worker needs, and forks for each command."""

    def __init__(self, said: Path) -> None:
        self._said = said
        self._parent = subprocess.Popen(
            [sys.executable, "-c", PARENT], cwd=REPOSITORY, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._parent.communicate(timeout=LIMIT_S + 5)

    def __call__(self, *words: str | Path) -> tuple[int, bytes]:
        """Run ``fengsui`` with these words; return its status and what it said on stderr."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._said.unlink(missing_ok=True)
        line = json.dumps([[str(word) for word in words], str(self._said)])
        self._parent.stdin.write(f"{line}\n")
        self._parent.stdin.flush()
        status = int(self._parent.stdout.readline())
        return status, self._said.read_bytes()
