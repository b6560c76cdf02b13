"""From a batch to looks: what nobody can vouch for isn't measured."""

from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, load_pack
from pipelines.detection import Found
from pipelines.frames import FrameBatch, Look
from pipelines.messages import Camera, WaterScale, Zone, ZoneKind
from pipelines.metrics import WorkerMetrics
from pipelines.seeing import Seeing
from pipelines.zones import zones_of
from tests.support.builders import detections, frame, ref
from vision.hazards import Hazard
from vision.letterbox import fit
from vision.masker import MaskRegions

SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
BEFORE_IT = (0.48, 0.3, 0.56, 0.6)
ELSEWHERE = (0.1, 0.3, 0.2, 0.6)


def person(box: tuple[float, float, float, float]) -> MaskRegions:
    return MaskRegions(np.zeros(1, np.int64), np.array([box], np.float32))


class Rig:
    """The stages of one camera, with a detector that finds what a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pack = load_pack(DEFAULT_PACK)
        self.size_px = pack.settings.input_height_px, pack.settings.input_width_px
        self.seeing = Seeing(pack.detector(), WorkerMetrics(CollectorRegistry()))
        camera = Camera(
            camera_id="camera-1",
            url="rtsp://192.0.2.1/x",
            hazards=(Hazard.DEBRIS, Hazard.WATER_OVER_LINE),
            zones=(Zone(zone_id="z", polygon=SQUARE, kind=ZoneKind.ROAD),),
            water=WaterScale(foot=(0.5, 0.9), head=(0.5, 0.1), alarm_level=0.5),
        )
        self.seeing.watch("camera-1", zones_of(camera), camera.hazards)
        self._patch = monkeypatch
        self.seconds = 0.0

    def look(
        self, regions: MaskRegions | None, *found: tuple[tuple[float, ...], float, int]
    ) -> Look:
        self.seconds += 2.0
        at = replace(ref(seconds=self.seconds), letterbox=fit((640, 360), *self.size_px))
        what = Found(
            ref=at, row=0, detections=detections(*found), regions=regions, picture=0
        )  # fmt: skip
        stage = type(self.seeing._detection)
        self._patch.setattr(stage, "__call__", lambda _self, _batch: iter([what]))
        pixels = np.full((1, *self.size_px, 3), 90, np.uint8)
        (seen,) = self.seeing.looks(FrameBatch(pixels=pixels, frames=(at,)))
        return seen


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


def test_where_nobody_says_where_people_are_nothing_new_is_told_of(rig: Rig) -> None:
    assert rig.look(person(ELSEWHERE)).measures.things is not None
    without = rig.look(None).measures
    assert without.things is None
    assert without.water is not None, "water may be reported without the masker"


def test_somebody_before_the_scale_is_no_waterline(rig: Rig) -> None:
    assert rig.look(person(ELSEWHERE)).measures.water is not None
    assert rig.look(person(BEFORE_IT)).measures.water is None


def test_what_stood_there_stands_where_nothing_has_changed(rig: Rig) -> None:
    car = (0.3, 0.3, 0.5, 0.5)
    labels = rig.seeing.columns.vehicles
    of_car, of_rock = (
        int(np.flatnonzero(labels)[0]),
        int(rig.seeing.columns.of(Hazard.DEBRIS).argmax()),
    )
    rig.look(person(ELSEWHERE), (car, 0.9, of_car), (car, 0.9, of_rock))
    same = rig.seeing.unchanged(frame())
    assert same.detections.label.tolist() == [of_car]
    rig.seeing.forget("camera-1")
