"""What a worker needs to know, and how the command line says it."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from models.packs import DEFAULT_PACK
from pipelines.cameras_file import read_cameras
from pipelines.jurisdictions import NO_JURISDICTIONS, Jurisdictions, read_jurisdictions
from pipelines.messages import Camera
from pipelines.platforms_file import PlatformSettings, read_platforms
from pipelines.probing.onvif import PORTS, ports
from pipelines.probing.prober import AT_ONCE
from pipelines.pulse import Pulse
from pipelines.registry import Part, part
from pipelines.rtsp.networks import Networks
from pipelines.secrets import Secret


class WorkerError(Exception):
    """The worker can't start. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What one worker process needs to know."""

    worker_id: str
    """Its name, the same after a restart: its spool goes by it."""
    redis_url: Secret
    """Where alerts go; may hold a password."""
    spool_dir: Path
    """Where its spool lies; on a disk that survives a restart."""
    cameras: tuple[Camera, ...] | None = None
    """What it watches; ``None``: what the registry says."""
    share: Part = Part()  # noqa: RUF009 - frozen
    """Which of the registry's cameras."""
    worker_key: Path = Path("worker.key")
    """Opens the registry's credentials; made if it isn't there."""
    networks: Networks = Networks()  # noqa: RUF009 - frozen
    """Where its cameras may be."""
    jurisdictions: Jurisdictions = NO_JURISDICTIONS
    """Where those of a place may be, inside the networks."""
    platforms: tuple[PlatformSettings, ...] = ()
    """Whom it asks for another address where one expired."""
    pack_dir: Path = DEFAULT_PACK
    """The model pack."""
    evidence: str | None = None
    """Where alerts' pictures are stored: a directory, or ``s3://bucket/prefix``; ``None``: no
    pictures are made."""
    probes: int = AT_ONCE
    """How many streams it looks at once at a time when the service asks; 0: none. One whose
    cameras are a file's is asked nothing."""
    onvif_ports: tuple[int, ...] = PORTS
    """Where cameras are asked by ONVIF for smaller streams."""
    metrics_port: int | None = 0
    """Where Prometheus scrapes it, on loopback; 0 picks a free port, ``None`` the usual one or, if
    another worker has that, a free one."""
    processes: int = 1
    """Workers that share what this machine's cores bear."""
    pulse: Pulse = field(default_factory=Pulse)
    """Where a parent listens, if it has one."""


def settings_given(given: argparse.Namespace) -> WorkerSettings:
    """Return the settings of ``fengsui worker``.

    Raises ``CamerasFileError``, ``NetworksError``, ``PartError``, ``PlatformsFileError`` or
    ``PortsError``.
    """
    share = Part() if given.part is None else part(given.part)
    places = given.networks_of
    return WorkerSettings(
        worker_id=given.id,
        redis_url=Secret(given.redis_url),
        spool_dir=given.spool,
        cameras=share.of(read_cameras(given.cameras)) if given.cameras else None,
        share=share,
        worker_key=given.worker_key or Path("worker.key"),
        networks=Networks.parse(given.networks.split(",")),
        jurisdictions=NO_JURISDICTIONS if places is None else read_jurisdictions(places),
        platforms=() if given.platforms is None else read_platforms(given.platforms),
        pack_dir=given.pack or DEFAULT_PACK,
        evidence=given.evidence,
        probes=given.probes,
        onvif_ports=ports(given.onvif_ports),
        metrics_port=given.metrics_port,
        processes=1 if given.pulse is None else int(given.processes or 1),
        pulse=Pulse(given.pulse),
    )
