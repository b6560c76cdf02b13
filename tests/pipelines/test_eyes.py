"""What is measured of a look: what its camera's rules ask for, and no more."""

from dataclasses import replace

import numpy as np

from pipelines.eyes import SIGHT_EVERY_S, Eyes
from pipelines.frames import FrameRef
from pipelines.messages import Camera, WaterScale, Zone, ZoneKind
from pipelines.rules.moment import Columns
from pipelines.zones import zones_of
from tests.support.builders import FIRE_BOX, detections, ref
from vision.hazards import Hazard
from vision.roles import Label, Role

LABELS = (
    Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.5),
    Label(name="car", role=Role.VEHICLE, hazard=None, threshold=0.5),
)
SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
PIXELS = np.random.default_rng(1).integers(0, 255, (252, 448, 3), np.uint8)


def eyes(*hazards: Hazard, kind: ZoneKind = ZoneKind.AREA, water: bool = False) -> Eyes:
    scale = WaterScale(foot=(0.5, 0.9), head=(0.5, 0.1), alarm_level=0.5)
    camera = Camera(
        camera_id="camera-1",
        url="rtsp://192.0.2.1/x",
        hazards=hazards,
        zones=(Zone(zone_id="z", polygon=SQUARE, kind=kind),),
        water=scale if water else None,
    )
    made = Eyes(Columns(labels=LABELS))
    made.watch("camera-1", zones_of(camera), camera.hazards)
    return made


def close(seconds: float) -> FrameRef:
    return replace(ref(seconds=seconds), is_burst=True, is_due=False)


def test_nothing_is_measured_that_no_rule_asks_for() -> None:
    measures = eyes(Hazard.SMOKE).see(ref(), PIXELS, detections())
    assert (measures.sight, measures.things, measures.water) == (None, None, None)
    assert measures.patches == ()


def test_each_hazard_has_what_it_asks_for() -> None:
    assert eyes(Hazard.CAMERA_FAULT).see(ref(), PIXELS, detections()).sight is not None
    watching = eyes(Hazard.WATER_OVER_LINE, water=True)
    assert watching.see(ref(), PIXELS, detections()).water is not None
    for kind in ZoneKind:
        things = eyes(Hazard.DEBRIS, kind=kind).see(ref(), PIXELS, detections()).things
        assert (things is not None) == (kind in {ZoneKind.ROAD, ZoneKind.SLOPE})


def test_patches_are_of_what_burns_alone_in_the_order_of_the_boxes() -> None:
    found = detections((FIRE_BOX, 0.9, 1), (FIRE_BOX, 0.9, 0))
    car, fire = eyes(Hazard.FIRE).see(ref(), PIXELS, found).patches
    assert car is None
    assert fire is not None


def test_sight_and_water_are_measured_when_a_sentry_looks_and_sight_not_each_time() -> None:
    watching = eyes(Hazard.CAMERA_FAULT, Hazard.WATER_OVER_LINE, water=True)
    seen = [watching.see(ref(seconds=s), PIXELS, detections()) for s in (0.0, 2.0, 4.0, 6.0)]
    assert [one.sight is not None for one in seen] == [True, False, True, False]
    assert all(one.water is not None for one in seen)
    near = watching.see(close(6.0 + SIGHT_EVERY_S), PIXELS, detections())
    assert (near.sight, near.water) == (None, None)


def test_a_picture_of_another_size_begins_its_background_anew() -> None:
    watching = eyes(Hazard.DEBRIS, kind=ZoneKind.ROAD)
    watching.see(ref(), PIXELS, detections())
    before = watching._eyes["camera-1"].background
    watching.see(replace(ref(seconds=2), source_size_px=(704, 576)), PIXELS, detections())
    assert watching._eyes["camera-1"].background is not before
