"""A camera that stops, goes away and comes back: counted, told once, and looked at again."""

import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from pipelines import reader, source
from pipelines.address import camera_address
from pipelines.batcher import Batcher
from pipelines.drills.encoder import load_h264
from pipelines.drills.rtsp import Mount
from pipelines.metrics import WorkerMetrics
from pipelines.reader import Reader
from pipelines.rtsp.networks import LOOPBACK
from pipelines.source import CameraSource
from tests.pipelines.drills.live import served
from tests.support.media import clip
from tests.support.rtsp import tcp_server
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "FIRST_RETRY_S", 0.1)
    monkeypatch.setattr(reader, "LONGEST_RETRY_S", 0.3)
    monkeypatch.setattr(source, "OPEN_TIMEOUT_S", 0.7)


class Rig:
    """One camera's reader, and the number of looks that came."""

    def __init__(self, url: str) -> None:
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.batcher = Batcher((256, 448), (1,), self.metrics)
        address = camera_address(url)
        camera = CameraSource("camera-1", address, (256, 448), self.metrics, LOOPBACK)
        self.reader = Reader(camera, self.batcher, self.metrics)
        self.reader.start()

    def errors(self, cause: str) -> float:
        label = {"cause": cause}
        return self.metrics.registry.get_sample_value("fengsui_source_errors_total", label) or 0

    def look(self) -> bool:
        return self.batcher.take(0.1) is not None

    def connected(self) -> int:
        return self.metrics.total("fengsui_cameras_connected")

    def close(self) -> None:
        self.reader.stop()
        self.reader.join(3)
        assert not self.reader.alive


def test_a_stream_that_ends_is_counted_and_connected_to_again() -> None:
    mount = Mount(name="clip", clip=load_h264(clip("smoke_a.mp4")), restart_per_client=True)
    with served([mount]) as (server, port):
        rig = Rig(f"rtsp://127.0.0.1:{port}/clip")
        until(rig.look)
        assert rig.connected() == 1
        for connection in tuple(server.connections):
            connection.cut()
        until(lambda: rig.errors("stream_lost") == 1)
        before = rig.metrics.total("fengsui_frames_decoded_total")
        until(lambda: rig.metrics.total("fengsui_frames_decoded_total") > before)
        until(lambda: rig.connected() == 1)
        rig.close()
    assert rig.connected() == 0


def test_an_absent_camera_is_tried_with_growing_patience_and_found_when_it_comes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rig = Rig("rtsp://127.0.0.1:1/x")
    until(lambda: rig.errors("unreachable") >= 4)
    began_s, before = time.monotonic(), rig.errors("unreachable")
    time.sleep(1.0)
    tries = rig.errors("unreachable") - before
    assert tries <= (time.monotonic() - began_s) / 0.15 + 1, "it hammers"
    rig.close()
    assert capsys.readouterr().out.count("check address, port") == 1, "told once, not each time"


def test_a_silent_camera_is_given_up_and_counted() -> None:
    with tcp_server(None) as address:
        rig = Rig(f"rtsp://{address}/x")
        until(lambda: rig.errors("unreachable") >= 1)
        rig.close()


def test_a_camera_that_falls_silent_in_mid_stream_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "READ_TIMEOUT_S", 1.0)
    mount = Mount(name="clip", clip=load_h264(clip("smoke_a.mp4")), restart_per_client=True)
    with served([mount]) as (server, port):
        rig = Rig(f"rtsp://127.0.0.1:{port}/clip")
        until(rig.look)
        for connection in tuple(server.connections):
            monkeypatch.setattr(type(connection), "take", lambda *_: None)
        until(lambda: rig.errors("stream_lost") == 1)
        rig.close()


def test_stopping_a_reader_of_a_healthy_stream_is_no_fault(tmp_path: Path) -> None:
    mount = Mount(name="clip", clip=load_h264(clip("smoke_a.mp4")), restart_per_client=True)
    with served([mount]) as (_, port):
        rig = Rig(f"rtsp://127.0.0.1:{port}/clip")
        until(rig.look)
        rig.close()
    assert rig.errors("stream_lost") == 0
    assert list(tmp_path.iterdir()) == []
