"""Whoever holds pictures writes no core dump, and nobody but root reads its memory."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.media import REPOSITORY
from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import until

FENGSUI = Path(sys.executable).parent / "fengsui"

IDLE = "[[cameras]]\ncamera_id = 'a'\nurl = 'rtsp://127.0.0.1:1/x'\n"


def core_limits(pid: int) -> list[str]:
    """Soft and hard."""
    (line,) = [
        one
        for one in Path(f"/proc/{pid}/limits").read_text().splitlines()
        if one.startswith("Max core file size")
    ]
    return line.split()[4:6]


def is_private(pid: int) -> bool:
    """Whether nothing of it would be dumped, and nothing can lift that."""
    return core_limits(pid) == ["0", "0"]


def children(pid: int) -> list[int]:
    return [
        int(one)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for one in (task / "children").read_text().split()
    ]


@contextlib.contextmanager
def running(*command: str | Path, stdin: bytes | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose parent would let it dump, and that says that it has started."""
    with subprocess.Popen(
        [str(one) for one in command],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        if stdin is not None:
            process.stdin.write(stdin)
            process.stdin.close()
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            finally:
                process.kill()
                if process.stderr is not None:
                    process.stderr.close()


def started(process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None
    while b"worker_started" not in (line := process.stderr.readline()):
        assert line, "it ended"


def test_a_worker_leaves_no_core_dump(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(IDLE)
    options = ["--cameras", tmp_path / "c.toml", "--spool", tmp_path / "spool"]
    options += ["--networks", "127.0.0.0/8", "--metrics-port", "0"]
    with running(FENGSUI, "worker", *options) as process:
        started(process)
        assert is_private(process.pid)


def test_every_one_of_several_workers_leaves_none_and_their_parent_neither(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(IDLE)
    options = ["--cameras", tmp_path / "c.toml", "--spool", tmp_path / "spool"]
    options += ["--networks", "127.0.0.0/8", "--metrics-port", "0", "--processes", "2"]
    with running(FENGSUI, "worker", *options) as process:
        workers = until(lambda: two(children(process.pid)), "two workers", limit_s=30)
        until(lambda: all(map(is_private, [process.pid, *workers])), "privacy", limit_s=30)


def two(found: list[int]) -> list[int]:
    return found if len(found) == 2 else []


def test_a_drill_s_worker_leaves_none(tmp_path: Path) -> None:
    with RedisServer() as redis:
        told = {
            "worker_id": "drill",
            "redis_url": redis.url,
            "spool_dir": str(tmp_path / "spool"),
            "metrics_port": free_port(),
            "evidence": str(tmp_path / "evidence"),
            "cameras": [{"camera_id": "drill-a", "url": "rtsp://127.0.0.1:1/x"}],
        }
        command = [sys.executable, "-m", "pipelines.drills.worker_process"]
        with running(*command, stdin=json.dumps(told).encode()) as process:
            started(process)
            assert is_private(process.pid)


def test_watch_leaves_none() -> None:
    with running(FENGSUI, "watch", "rtsp://127.0.0.1:1/x") as process:
        until(lambda: process.poll() is not None or is_private(process.pid), limit_s=20)
        assert process.returncode is None


DUMPING = """
import ctypes, resource
from pipelines.memory import keep_private
before = resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3)
keep_private()
print(before[1], ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_the_kernel_s_pipe_gets_no_dump_either() -> None:
    """``core_pattern`` may name a program, which no limit keeps out: the process isn't dumpable."""
    done = subprocess.run([sys.executable, "-c", DUMPING], capture_output=True, check=True)
    assert done.stdout.split(maxsplit=1) == [b"1", b"0 (0, 0)\n"]
