"""From a batch to looks: what nobody can vouch for isn't measured."""

from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from models.packs import DEFAULT_PACK, load_pack
from pipelines.album import Album
from pipelines.detection import Found
from pipelines.frames import Closeup, FrameBatch, Look
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


def test_a_picture_for_evidence_is_kept_with_the_regions_of_its_own_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever rows a batch's looks have: another camera's regions would cover nobody in it."""
    metrics = WorkerMetrics(CollectorRegistry())
    album = Album(metrics)
    pack = load_pack(DEFAULT_PACK)
    seeing = Seeing(pack.detector(), metrics, album)
    size_px = pack.settings.input_height_px, pack.settings.input_width_px
    names = ("a", "b", "c")
    refs = [replace(ref(name), letterbox=fit((640, 360), *size_px)) for name in names]
    for name in names:
        camera = Camera(camera_id=name, url="rtsp://192.0.2.1/x")
        seeing.watch(name, zones_of(camera), camera.hazards)
        album.watch(name, ())
    shared = person(ELSEWHERE)
    fire = int(seeing.columns.of(Hazard.FIRE).argmax())
    car = int(np.flatnonzero(seeing.columns.vehicles)[0])
    what = detections(((0.1, 0.1, 0.2, 0.2), 0.7, fire), ((0.5, 0.5, 0.7, 0.7), 0.9, car))
    found = [
        Found(ref=refs[row], row=row, detections=what, regions=shared, picture=10 + row)
        for row in (2, 0, 1)
    ]
    stage = type(seeing._detection)
    monkeypatch.setattr(stage, "__call__", lambda _self, _batch: iter(found))
    closeups = tuple(
        None
        if row == 1
        else Closeup(pixels=np.full((4, 4, 3), row, np.uint8), privacy=(), is_asked=False)
        for row in range(3)
    )
    pixels = np.full((4, *size_px, 3), 90, np.uint8)
    seeing.looks(FrameBatch(pixels=pixels, frames=tuple(refs), evidence=closeups))
    for row, name in enumerate(names):
        leaves = album.leaves(name)
        assert len(leaves) == (row != 1)
        for leaf in leaves:
            assert (leaf.frame.pixels == row).all()
            assert leaf.frame.picture == 10 + row
            assert leaf.frame.regions is shared
            assert leaf.frame.vehicles.tolist() == [pytest.approx([0.5, 0.5, 0.7, 0.7])]
            assert [one.hazard for one in leaf.seen] == [Hazard.FIRE]
