"""A camera that should send pictures and doesn't is an alert; real RTSP servers that die."""

import contextlib
import dataclasses
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, load_pack
from pipelines import estate, streams
from pipelines.address import camera_address
from pipelines.drills.encoder import encode
from pipelines.drills.rtsp import Mount
from pipelines.drills.scenes import SCENES
from pipelines.estate import Estate
from pipelines.flow import Flow
from pipelines.messages import Alert, Camera, CameraFault
from pipelines.metrics import WorkerMetrics
from pipelines.registry import Change
from pipelines.rtsp.networks import LOOPBACK
from pipelines.rules.settings import CameraFaultSettings, Settings
from pipelines.secrets import Secret
from pipelines.states import States
from tests.pipelines.drills.live import served
from tests.support.waiting import until
from vision.hazards import Hazard

LOST_S = 0.5


@pytest.fixture(scope="module")
def mount() -> Mount:
    scene = dataclasses.replace(SCENES["street_fire"], onset_s=0.2, clear_s=2.5, loop_s=4.0)
    return Mount(name="clip", clip=encode(scene, lambda _done, _of: None))


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    metrics = WorkerMetrics(CollectorRegistry())
    quick = dataclasses.replace(CameraFaultSettings(), lost_after_s=LOST_S)
    monkeypatch.setattr(estate, "SETTINGS", Settings(camera_fault=quick))
    flow = Flow(pack=load_pack(DEFAULT_PACK), drills=frozenset(), epoch=1, metrics=metrics)
    made = Estate(
        flow=flow,
        states=States(streams.connect(Secret("redis://127.0.0.1:1/0")), "w", 1, metrics),
        address=lambda camera: camera_address(camera.url),
        metrics=metrics,
        networks=LOOPBACK,
    )
    made.start()
    yield made
    made.stop()


def register(watching: Estate, port: int, revision: int, *hazards: Hazard) -> None:
    camera = Camera(camera_id="gate", url=f"rtsp://127.0.0.1:{port}/clip", hazards=hazards)
    watching.apply(Change(camera_id="gate", revision=revision, camera=camera))


def told(watching: Estate) -> list[Alert]:
    """What is lost, as the worker's loop asks for it, a second at a time."""
    watching._looked_s = 0.0
    watching.start_waiting()
    return watching.find_lost()


def test_a_camera_that_dies_is_told_of_once_in_a_while_and_is_well_when_it_is_back(
    watching: Estate, mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as alive:
        _, port = alive.enter_context(served([mount]))
        register(watching, port, 1, Hazard.CAMERA_FAULT)
        until(lambda: watching._is_seen(watching._watched["gate"]))
        assert told(watching) == [], "it sends pictures"
    alerts: list[Alert] = []
    until(lambda: alerts.extend(told(watching)) or alerts, limit_s=15)
    (lost,) = alerts
    assert (lost.hazard, lost.revision) == (Hazard.CAMERA_FAULT, 1)
    assert lost.detail is not None
    assert lost.detail.fault is CameraFault.LOST
    assert told(watching) == [], "not each second"
    monkeypatch.setattr(estate, "STILL_LOST_S", 0.0)
    with served([mount]) as (_, port):
        register(watching, port, 2, Hazard.CAMERA_FAULT)
        until(lambda: watching._is_seen(watching._watched["gate"]), limit_s=15)
        assert told(watching) == []
        assert watching._watched["gate"].silent_s is None


def test_a_camera_that_never_answers_is_lost_too_unless_nobody_watches_for_that(
    watching: Estate,
) -> None:
    register(watching, 1, 1, Hazard.CAMERA_FAULT)
    alerts: list[Alert] = []
    until(lambda: alerts.extend(told(watching)) or alerts, limit_s=5)
    assert len(alerts) == 1
    register(watching, 2, 2, Hazard.FIRE)
    assert told(watching) == []


def test_a_camera_that_waits_for_room_or_can_t_be_used_is_not_lost(watching: Estate) -> None:
    register(watching, 1, 1, Hazard.CAMERA_FAULT)
    watching._held.add("gate")
    assert told(watching) == []
    assert watching._watched["gate"].silent_s is None
