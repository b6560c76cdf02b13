"""What tests of probes have in common: streams, jobs, a probe, a virtual ONVIF camera."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

from ipycam import CameraConfig, IPCameraHTTPHandler, ONVIFService
from prometheus_client import CollectorRegistry

from pipelines import streams
from pipelines.addresses import Addresses
from pipelines.drills.clip import Clip
from pipelines.drills.rtsp import Login, Mount
from pipelines.evidence_store import EvidenceStore
from pipelines.jurisdictions import NO_JURISDICTIONS, Jurisdictions
from pipelines.messages import Camera, ProbeJob
from pipelines.metrics import WorkerMetrics
from pipelines.platforms import Platforms
from pipelines.probing.onvif import OnvifDesk
from pipelines.probing.place import PlaceRoom
from pipelines.probing.probe import Probe
from pipelines.rtsp.networks import LOOPBACK, Networks
from pipelines.sealing import host_of, key_pair, seal
from tests.support.redis_server import free_port
from tests.support.zoo.films import film

USER, PASSWORD = "prober", "geheim-Wort-12"
LOGIN = Login(user=USER, password=PASSWORD)
KEYINT = 10
"""Pictures from one keyframe to the next: 0.4 s."""
MAIN_PX, SUB_PX = (720, 1280), (360, 640)


@cache
def clip(size_px: tuple[int, int] = SUB_PX, keyint: int = 25, frames: int = 50) -> Clip:
    """A loop of 25 pictures a second; ``size_px`` is (height, width)."""
    shown = film(size_px=size_px, keyint=keyint, frames=frames)
    return Clip(units=shown.units, duration_ticks=shown.duration_ticks)


def mounts(main: str, sub: str | None = None) -> list[Mount]:
    """A main stream and, at another name, a smaller one."""
    found = [Mount(name=main, clip=clip(MAIN_PX, KEYINT), restart_per_client=True)]
    if sub is None:
        return found
    return [*found, Mount(name=sub, clip=clip(keyint=KEYINT), restart_per_client=True)]


def camera(url: str, key: Path | None = None, **more: object) -> Camera:
    """A registered camera; with a key its login is sealed for the address's host."""
    sealed = None
    if key is not None:
        hosts = (host_of(url),)
        sealed = seal(key_pair(key).public_key(), "camera-1", hosts, USER, PASSWORD)
    return Camera(camera_id="camera-1", url=url, sealed_credentials=sealed, **more)  # type: ignore[arg-type]


def job(one: Camera, *, left_s: float = 60.0, **more: object) -> ProbeJob:
    now = datetime.now(UTC)
    return ProbeJob(
        job_id=uuid4(),
        camera=one,
        requested_at=now,
        expires_at=now + timedelta(seconds=left_s),
        **more,  # type: ignore[arg-type]
    )


class Kit:
    """A probe with a worker's parts, without the worker."""

    def __init__(
        self,
        directory: Path,
        *,
        ports: tuple[int, ...] = (),
        networks: Networks = LOOPBACK,
        jurisdictions: Jurisdictions = NO_JURISDICTIONS,
        client: streams.Client | None = None,
        store: EvidenceStore | None = None,
        platforms: Platforms | None = None,
    ) -> None:
        self.key = directory / "worker.key"
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.stopping = threading.Event()
        self.onvif = OnvifDesk(ports)
        self.client = client or streams.connect("redis://127.0.0.1:1/0")
        self.place = PlaceRoom(store, self.client, self.metrics, self.stopping)
        known = platforms or Platforms((), self.metrics, networks)
        self.probe = Probe(
            "worker-1",
            Addresses(self.key, known),
            networks,
            jurisdictions,
            onvif=self.onvif,
            place=self.place,
            metrics=self.metrics,
            stopping=self.stopping,
        )

    def close(self) -> None:
        self.stopping.set()
        self.onvif.stop()

    def count(self, name: str, outcome: str) -> float:
        """A counter's value."""
        found = self.metrics.registry.get_sample_value(name, {"outcome": outcome})
        return found or 0.0


@contextlib.contextmanager
def kit(directory: Path, **more: object) -> Iterator[Kit]:
    made = Kit(directory, **more)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def onvif_camera(
    rtsp_port: int, main: str, sub: str, *, login: Login | None = LOGIN, says: str = "127.0.0.1"
) -> Iterator[tuple[int, list[bytes]]]:
    """ipycam's own ONVIF service before another's streams; yields its port and what was asked."""
    asked: list[bytes] = []

    class Handler(IPCameraHTTPHandler):  # type: ignore[misc]
        def handle_onvif(self) -> None:
            size = int(self.headers["Content-Length"])
            body = self.rfile.read(size)
            asked.append(body)
            self.rfile = SimpleNamespace(read=lambda _size: body, close=lambda: None)
            super().handle_onvif()

    port = free_port()
    config = CameraConfig(
        local_ip=says,
        onvif_port=port,
        rtsp_port=rtsp_port,
        main_stream_name=main,
        sub_stream_name=sub,
        username=login.user if login else "",
        password=login.password if login else "",
        main_width=MAIN_PX[1], main_height=MAIN_PX[0], sub_width=SUB_PX[1], sub_height=SUB_PX[0],
    )  # fmt: skip
    Handler.camera = SimpleNamespace(config=config, onvif=ONVIFService(config))
    with serving(Handler, port):
        yield port, asked


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler], port: int = 0) -> Iterator[int]:
    """An HTTP server on loopback; yields its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
