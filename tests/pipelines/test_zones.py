"""What is drawn on a camera's picture: checked as it comes, and where each hazard counts."""

import pytest

from pipelines.messages import Camera, WaterScale, Zone, ZoneKind
from pipelines.zones import ZoneError, zones_of
from vision.hazards import Hazard

SQUARE = ((0.1, 0.1), (0.6, 0.1), (0.6, 0.6), (0.1, 0.6))
ARROW = ((0.2, 0.9), (0.2, 0.2))


def camera(*zones: Zone, water: WaterScale | None = None) -> Camera:
    return Camera(camera_id="c", url="rtsp://192.0.2.1/x", zones=zones, water=water)


def zone(zone_id: str = "z", kind: ZoneKind = ZoneKind.ROAD, **more: object) -> Zone:
    return Zone(zone_id=zone_id, polygon=SQUARE, kind=kind, **more)  # type: ignore[arg-type]


def scale(foot: tuple[float, float], head: tuple[float, float]) -> WaterScale:
    return WaterScale(foot=foot, head=head, alarm_level=0.5)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (camera(zone(), zone()), "used twice"),
        (camera(Zone(zone_id="z", polygon=((0, 0), (1, 1), (1, 0), (0, 1)))), "sides cross"),
        (camera(Zone(zone_id="z", polygon=SQUARE * 2, kind=ZoneKind.PRIVACY)), "once around it"),
        (camera(Zone(zone_id="z", polygon=((0, 0), (0.001, 0), (0, 0.001)))), "draw it larger"),
        (camera(zone(kind=ZoneKind.AREA, direction=ARROW)), "belongs to a zone of the kind road"),
        (camera(zone(direction=((0.5, 0.5), (0.5, 0.505)))), "draw it longer"),
        (camera(zone(kind=ZoneKind.SLOPE, permitted_s=60.0)), "road, fire lane or gate"),
        (camera(water=scale((0.5, 0.5), (0.5, 0.495))), "mark foot and head"),
        (camera(water=scale((0.5, 0.2), (0.5, 0.8))), "swap them"),
    ],
)
def test_what_can_t_be_used_is_named_with_what_to_do(bad: Camera, words: str) -> None:
    with pytest.raises(ZoneError, match=words) as caught:
        zones_of(bad)
    assert str(caught.value).startswith("c"), "it says which camera"


def test_each_hazard_counts_where_its_zones_are_and_only_some_need_none() -> None:
    drawn = zones_of(
        camera(
            zone("road", direction=ARROW), zone("gate", ZoneKind.GATE), zone("me", ZoneKind.PRIVACY)
        )
    )
    where = {hazard: [area.zone_id for area in drawn.of(hazard)] for hazard in Hazard}
    assert where == {
        Hazard.FIRE: ["all"],
        Hazard.SMOKE: ["all"],
        Hazard.DEBRIS: ["road"],
        Hazard.STOPPED_VEHICLE: ["road"],
        Hazard.WRONG_WAY: ["road"],
        Hazard.OBSTRUCTION: ["gate"],
        Hazard.WATER_OVER_LINE: [],
        Hazard.CAMERA_FAULT: ["all"],
    }
    assert len(drawn.privacy) == 1
    assert drawn.need_steady_looks((Hazard.WRONG_WAY,))
    assert not drawn.need_steady_looks((Hazard.STOPPED_VEHICLE,))
    none = zones_of(camera(zone("road"), water=scale((0.5, 0.8), (0.5, 0.2))))
    assert none.of(Hazard.WRONG_WAY) == (), "a road without a direction has no wrong way"
    assert [area.zone_id for area in none.of(Hazard.WATER_OVER_LINE)] == ["all"]
    assert not none.need_steady_looks((Hazard.WRONG_WAY,))


def test_fire_keeps_to_the_areas_that_were_drawn_for_it() -> None:
    drawn = zones_of(camera(zone("yard", ZoneKind.AREA), zone("road")))
    assert [area.zone_id for area in drawn.of(Hazard.FIRE)] == ["yard"]
    assert [area.zone_id for area in drawn.of(Hazard.DEBRIS)] == ["yard", "road"]
