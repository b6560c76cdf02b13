"""The worker of a drill: the one place, beside ``doctor`` and canaries, that sets ``drill``.

It reads its settings from its parent's pipe, and refuses to start unless each camera's id begins
with ``drill-`` and its address is a loopback one. That keeps out a real camera's id and address
given by a slip; what the stream shows is not checked. A relay of a real camera on this machine
would be taken if somebody named it ``drill-…`` on purpose.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from pipelines import logs
from pipelines.cameras_file import DRILL_PREFIX
from pipelines.memory import keep_private
from pipelines.messages import Camera
from pipelines.rtsp.networks import LOOPBACK as DRILL_NETWORKS
from pipelines.secrets import Secret
from pipelines.worker import Worker, run_until_signalled
from pipelines.worker_settings import WorkerSettings

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
    evidence: str
    """Where alerts' pictures are stored."""
    cameras: tuple[Camera, ...]
    """Drill cameras, served on this machine."""


def main() -> None:
    """Run the worker that stdin describes until SIGTERM."""
    keep_private()
    logs.configure()
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=DrillWorker)
    require_drills(given.cameras)
    settings = WorkerSettings(
        worker_id=given.worker_id,
        redis_url=Secret(given.redis_url),
        spool_dir=Path(given.spool_dir),
        metrics_port=given.metrics_port,
        cameras=given.cameras,
        evidence=given.evidence,
        networks=DRILL_NETWORKS,
    )
    drills = frozenset(camera.camera_id for camera in given.cameras)
    run_until_signalled(Worker(settings, drills))


def require_drills(cameras: Iterable[Camera]) -> None:
    """Raise ``SystemExit`` for the first camera that isn't named and addressed as a drill is."""
    for camera in cameras:
        if not camera.camera_id.startswith(DRILL_PREFIX):
            raise SystemExit(
                f"{camera.camera_id}: a drill camera's id begins with {DRILL_PREFIX}: a real "
                "camera belongs into the file of `fengsui worker --cameras`"
            )
        if urlsplit(camera.url).hostname not in LOOPBACK:
            raise SystemExit(
                f"{camera.camera_id}: a drill camera is served on this machine: give its address "
                f"as {' or '.join(sorted(LOOPBACK))}"
            )


if __name__ == "__main__":
    main()
