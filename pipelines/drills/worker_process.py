"""The worker of a drill: the one place, beside ``doctor`` and canaries, that sets ``drill``.

It reads its settings from its parent's pipe and takes cameras on this machine only, so that
no real camera can be passed off as a drill by a slip.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from pipelines import logs
from pipelines.messages import Camera
from pipelines.worker import Worker, WorkerSettings, run_until_signalled

LOOPBACK = frozenset({"127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillWorker:
    """What the parent writes."""

    worker_id: str
    """Its name."""
    redis_url: str
    """Where alerts go."""
    spool_dir: str
    """Where its spool lies."""
    metrics_port: int
    """Where Prometheus scrapes it."""
    cameras: tuple[Camera, ...]
    """Drill cameras, served on this machine."""


def main() -> None:
    """Run the worker that stdin describes until SIGTERM."""
    logs.configure()
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=DrillWorker)
    for camera in given.cameras:
        if urlsplit(camera.url).hostname not in LOOPBACK:
            raise SystemExit(f"{camera.camera_id}: a drill camera is served on this machine")
    settings = WorkerSettings(
        worker_id=given.worker_id,
        redis_url=given.redis_url,
        spool_dir=Path(given.spool_dir),
        metrics_port=given.metrics_port,
        cameras=given.cameras,
    )
    drills = frozenset(camera.camera_id for camera in given.cameras)
    run_until_signalled(Worker(settings, drills))


if __name__ == "__main__":
    main()
