"""How many workers this machine bears, of what it lets this process use."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WORKER_BYTES: Final = 1024**3
"""A worker keeps one core busy: some 100 streams of 640x360 at up to 6 MB each or 30 of 1920x1080
at up to 25 MB each, on top of 155 MB of code and weights (measured). That is 0.8 to 0.9 GB."""

CGROUP_MOUNT: Final = Path("sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What there is for workers."""

    cores: float
    """That this process may use, and its children with it."""
    memory_bytes: int
    """That is left, or that its group may use."""

    @property
    def workers(self) -> int:
        """One a core, as many as have memory, and at least one."""
        return max(1, min(int(self.cores), self.memory_bytes // WORKER_BYTES))

    @property
    def why(self) -> str:
        """In words."""
        return (
            f"one a core: {self.cores:g}; {WORKER_BYTES / 1024**3:g} GiB each of"
            f" {self.memory_bytes / 1024**3:.1f} GiB; at least one"
        )


def room(root: Path = Path("/")) -> Room:
    """Return what affinity, memory and the control groups (version 2) below ``root`` leave."""
    cores = float(len(os.sched_getaffinity(0)))
    memory_bytes = _available_bytes(root)
    for group in _groups(root):
        quota = _words(group / "cpu.max")
        if len(quota) == 2 and quota[0] != "max":
            cores = min(cores, int(quota[0]) / int(quota[1]))
        limit = _words(group / "memory.max")
        if limit and limit[0] != "max":
            memory_bytes = min(memory_bytes, int(limit[0]))
    return Room(cores=cores, memory_bytes=memory_bytes)


def _available_bytes(root: Path) -> int:
    """Return what could be had without swapping, by the kernel's estimate."""
    for line in (root / "proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return WORKER_BYTES  # a kernel from before 2014


def _groups(root: Path) -> Iterator[Path]:
    """Yield this process's group and those around it: each may limit it."""
    mount = root / CGROUP_MOUNT
    own = next((one[3:] for one in _lines(root / "proc/self/cgroup") if one.startswith("0::")), "/")
    parts = Path(own.lstrip("/")).parts
    if ".." in parts:  # our group lies outside what is mounted here
        parts = ()
    for depth in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:depth])


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:  # not limited, or by version 1
        return []
