"""What a machine bears, by files as the kernel writes them."""

import os
from pathlib import Path

import pytest

from pipelines.machine import room

HERE = float(len(os.sched_getaffinity(0)))


def machine(root: Path, available_gib: float, own: str, **limits: str) -> Path:
    """Write what a kernel shows: ``outer__cpu`` is cpu.max of the group outer."""
    (root / "proc/self").mkdir(parents=True)
    kib = int(available_gib * 1024**2)
    (root / "proc/meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable:   {kib} kB\n")
    (root / "proc/self/cgroup").write_text(f"1:cpu:/old\n0::{own}\n")
    for name, text in limits.items():
        group, _, what = name.partition("__")
        folder = root / "sys/fs/cgroup" / group.replace("_", "/").strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{what}.max").write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("available_gib", "own", "limits", "workers"),
    [
        (500, "/", {}, int(HERE)),
        (1.5, "/", {}, 1),
        (0.2, "/", {}, 1),
        (500, "/", {"__cpu": "max 100000", "__memory": "max"}, int(HERE)),
        (500, "/", {"__cpu": "50000 100000"}, 1),
        (500, "/outer/inner", {"outer__cpu": "100000 100000"}, 1),
        (500, "/outer/inner", {"outer_inner__memory": str(1024**3), "outer__memory": "max"}, 1),
        (500, "/outer/inner", {"other__cpu": "100000 100000"}, int(HERE)),
        (500, "/../../elsewhere", {"__cpu": "100000 100000"}, 1),
    ],
)
def test_as_many_as_cores_quota_and_memory_bear(
    tmp_path: Path, available_gib: float, own: str, limits: dict[str, str], workers: int
) -> None:
    found = room(machine(tmp_path, available_gib, own, **limits))
    assert found.workers == workers
    assert "one a core" in found.why


def test_affinity_is_what_this_process_may_use(tmp_path: Path) -> None:
    root, cores = machine(tmp_path, 500, "/"), os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert room(root).workers == 1
    finally:
        os.sched_setaffinity(0, cores)


def test_the_machine_here_bears_at_least_one() -> None:
    assert 1 <= room().workers <= HERE
