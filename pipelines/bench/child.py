"""A process that the bench started and talks to, a line at a time."""

import json
import queue
import subprocess
import sys
import threading
from typing import IO, Any, Final

from pipelines.bench.faults import BenchError

END_PATIENCE_S: Final = 5.0


class ChildProcess:
    """``python -m module``, until it is closed."""

    def __init__(self, module: str, first_line: bytes) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C reaches the bench alone, which then ends its children
        )
        self.pid = self._process.pid
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        if self._process.stdout is not None:
            threading.Thread(target=self._pump, args=(self._process.stdout,), daemon=True).start()
        self._write(first_line + b"\n")

    def close(self) -> None:
        """End it: by the end of its input or, if it doesn't mind that, by force."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def tell(self, word: str) -> None:
        """Send a line."""
        self._write(word.encode() + b"\n")

    def hear(self, event: str, timeout_s: float) -> dict[str, Any]:
        """Wait for a line with this event. Raises ``BenchError`` if none or another comes."""
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise BenchError(
                f"{self._module} did not say {event} within {timeout_s:.0f} s: the machine is too "
                "busy, or give fewer --streams"
            ) from None
        if not line:
            raise BenchError(f"{self._module} ended before {event}: its own words are above")
        told: dict[str, Any] = json.loads(line)
        if told["event"] != event:
            raise BenchError(f"{self._module} said {told['event']} instead of {event}")
        return told

    def _write(self, line: bytes) -> None:
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(line)
                self._process.stdin.flush()
        except BrokenPipeError:
            raise BenchError(f"{self._module} has ended: its own words are above") from None

    def _pump(self, out: IO[bytes]) -> None:
        for line in out:
            self._lines.put(line)
        self._lines.put(b"")
