"""The estate at the end of what the machine gives: one camera waits, no other is touched."""

import threading

import pytest
from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, load_pack
from pipelines import starts, streams
from pipelines.address import camera_address
from pipelines.estate import Estate
from pipelines.flow import Flow
from pipelines.messages import Camera, WatchState
from pipelines.metrics import WorkerMetrics
from pipelines.registry import Change
from pipelines.rtsp.networks import LOOPBACK
from pipelines.secrets import Secret
from pipelines.states import States

CAMERAS = [Camera(camera_id=name, url="rtsp://127.0.0.1:1/x") for name in "abc"]


class Rig:
    """An estate without a worker, on a machine that starts no reader of some cameras."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        metrics = WorkerMetrics(CollectorRegistry())
        client = streams.connect(Secret("redis://127.0.0.1:1/0"))
        self.states = States(client, "w", 1, metrics)
        self.flow = Flow(pack=load_pack(DEFAULT_PACK), drills=frozenset(), epoch=1, metrics=metrics)
        self.estate = Estate(
            flow=self.flow,
            states=self.states,
            address=lambda camera: camera_address(camera.url),
            metrics=metrics,
            networks=LOOPBACK,
        )
        self.full = {"read-b"}
        really = threading.Thread.start

        def start(thread: threading.Thread) -> None:
            if thread.name in self.full:
                raise RuntimeError("can't start new thread")
            really(thread)

        monkeypatch.setattr(threading.Thread, "start", start)

    def fault(self, camera_id: str) -> str | None:
        state = self.states._now[camera_id]
        return state.fault if state.state is WatchState.FAULT else None

    def running(self) -> set[str]:
        return {thread.name for thread in threading.enumerate() if thread.name[:5] == "read-"}


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


@pytest.mark.parametrize("of_a_file", [True, False])
def test_a_camera_without_a_thread_waits_and_costs_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, *, of_a_file: bool
) -> None:
    if of_a_file:
        rig.estate.give(CAMERAS)
        rig.estate.start()
    else:
        rig.estate.start()
        for camera in CAMERAS:
            rig.estate.apply(Change(camera_id=camera.camera_id, revision=1, camera=camera))
    assert rig.fault("b") == "too_many_cameras"
    assert {"read-a", "read-c"} <= rig.running()
    rig.full.clear()
    rig.estate.start_waiting()
    assert "read-b" not in rig.running(), "it was tried a moment ago"
    monkeypatch.setattr(starts, "AGAIN_S", 0.0)
    rig.estate.start_waiting()
    assert "read-b" in rig.running()
    rig.estate.stop()


def test_a_camera_that_waits_can_go_and_the_worker_can_end(rig: Rig) -> None:
    rig.estate.give(CAMERAS)
    rig.estate.start()
    rig.estate.stop()
    rig.estate.apply(Change(camera_id="b", revision=1, camera=None))
    rig.estate.start_waiting()
    assert len(rig.estate) == 2
