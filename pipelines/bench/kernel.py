"""What the kernel says of processes, threads, sockets and the machine (Linux ``/proc``)."""

import os
from importlib.metadata import version
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
ESTABLISHED: Final = "01"


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    parents = {}
    for path in PROC.iterdir():
        if path.name.isdecimal() and (fields := _stat(path / "stat")):
            parents[int(path.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def cpu_s(pid: int) -> float:
    """Return what a process, its threads, its children and those that it buried have used."""
    total = 0
    for one in tree(pid):
        fields = _stat(PROC / str(one) / "stat")
        total += sum(int(used) for used in fields[11:15])
    return total * TICK_S


def _stat(path: Path) -> list[str]:
    """Return the fields of a ``stat`` from the third (state) on; none if it has gone."""
    try:
        return path.read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process and its descendants, in 10^6 bytes."""
    return sum(_resident_kb(one) for one in tree(pid)) * 1024 / 1e6


def _resident_kb(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "status").read_text("utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def backlogs_bytes(port: int) -> list[int]:
    """Return for each connection to a port of loopback what it holds unread, both ends together."""
    held: dict[str, int] = {}
    for line in (PROC / "net" / "tcp").read_text("ascii").splitlines()[1:]:
        local, remote, state, queues = line.split()[1:5]
        if state != ESTABLISHED:
            continue
        unsent, unread = (int(part, 16) for part in queues.split(":"))
        if int(local.partition(":")[2], 16) == port:
            held[remote] = held.get(remote, 0) + unsent
        elif int(remote.partition(":")[2], 16) == port:
            held[local] = held.get(local, 0) + unread
    return list(held.values())


def machine() -> dict[str, str | int | float]:
    """Return what figures depend on."""
    lines = (PROC / "cpuinfo").read_text("utf-8", "replace").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    packages = {name: version(name) for name in ("av", "onnxruntime", "opencv-python-headless")}
    return {
        "cpu": model or os.uname().machine,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": os.uname().release,
        "load_1m_before": round(os.getloadavg()[0], 2),
        **packages,
    }


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return len(list((PROC / str(pid) / "task").iterdir()))


def descriptors(pid: int) -> int:
    """Return how many files and sockets a process has open."""
    return len(list((PROC / str(pid) / "fd").iterdir()))
