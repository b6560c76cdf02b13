"""Every play draws, its script is true to what is drawn, and no hazard lacks plays."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from pipelines.drills.catalogue import CATALOGUE, Play, Truth
from pipelines.drills.plays import places, wrong_way
from pipelines.drills.plays.common import (
    AWAY,
    BEHIND_M,
    HAZARD,
    LOOKALIKE,
    NEARER,
    PEOPLE,
    Route,
    ground_zone,
    stopping,
)
from pipelines.drills.plays.places import BEND, SIZE_PX, STREET
from pipelines.drills.plays.vehicles import STOPPED, road_zone
from pipelines.drills.plays.water import PASSES_S, SCALE, rising
from pipelines.messages import Camera, CameraFault, ZoneKind
from pipelines.zones import ALL_OF_IT, Zones, zones_of
from vision.arrays import Pixels
from vision.drawing.weather import Weather, make_film
from vision.hazards import Hazard
from vision.polygons import contains

WHOLE_PX = (*SIZE_PX, 3)


def zones(play: Play) -> Zones:
    camera = Camera(
        camera_id=play.name, url="rtsp://127.0.0.1/", hazards=play.hazards, zones=play.zones,
        water=play.water,
    )  # fmt: skip
    return zones_of(camera)


def picture(play: Play, t_s: float, seed: int = 0) -> Pixels:
    drawn = play.stage(seed)(t_s)
    assert drawn is not None
    return drawn


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


@pytest.fixture
def _no_houses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what costs most of a place's time and plays no part; other tests draw it."""

    def nothing(*_given: object) -> list[object]:
        return []

    monkeypatch.setattr(places, "draw_house", nothing)


@pytest.mark.usefixtures("_no_houses")
@pytest.mark.parametrize("name", CATALOGUE)
def test_a_play_draws_its_size_at_both_sides_of_its_truth(name: str) -> None:
    play = CATALOGUE[name]
    middle_s = (play.truth[0].from_s + 2.0) if play.truth else play.length_s * 0.6
    draw = play.stage(0)
    first, later = draw(1.0), draw(middle_s)
    assert first is not None
    assert first.shape == WHOLE_PX
    assert first.dtype == np.uint8
    assert first.std() > 5.0
    lost = any(truth.fault is CameraFault.LOST for truth in play.truth)
    assert (later is None) == lost
    if later is not None:
        assert later.shape == WHOLE_PX
        assert difference(first, later) > 0.5


@pytest.mark.parametrize("name", list(CATALOGUE)[::19])
def test_name_and_seed_and_second_fix_every_pixel(name: str) -> None:
    play = CATALOGUE[name]
    t_s = 12.4
    first = picture(play, t_s)
    draw = play.stage(0)
    draw(55.0)  # what was drawn before doesn't matter
    again = draw(t_s)
    assert again is not None
    assert np.array_equal(first, again)
    assert difference(first, picture(play, t_s, seed=1)) > 3.0


def test_scripts_are_whole() -> None:
    for play in CATALOGUE.values():
        require_whole(play)


def require_whole(play: Play) -> None:
    assert 60.0 <= play.length_s <= 180.0
    assert (play.kind == HAZARD) == bool(play.truth)
    for truth in play.truth:
        assert truth.hazard in play.hazards
        assert 0.0 < truth.from_s < truth.to_s <= play.length_s
        assert (truth.fault is not None) == (truth.hazard is Hazard.CAMERA_FAULT)
    assert (play.water is not None) == (Hazard.WATER_OVER_LINE in play.hazards)
    if any(truth.hazard is Hazard.WRONG_WAY for truth in play.truth):
        assert play.needs_steady


def test_every_truth_lies_where_its_hazard_is_watched_for() -> None:
    for play, truth in truths():
        watched = {area.zone_id for area in zones(play).of(truth.hazard)}
        assert truth.zone_ids
        assert set(truth.zone_ids) <= watched, play.name
        assert (truth.box is None) == (truth.hazard in ALL_OF_IT), play.name


def truths() -> list[tuple[Play, Truth]]:
    return [(play, truth) for play in CATALOGUE.values() for truth in play.truth]


@pytest.mark.usefixtures("_no_houses")
@pytest.mark.parametrize(
    "name",
    [
        "fire_street_day", "smoke_hill_day", "stopped_bend_day", "wrong_way_street_day",
        "obstruction_gate_car_day", "obstruction_lane_rocks_day", "debris_one_rock",
        "debris_soil_on_slope",
    ],
)  # fmt: skip
def test_what_happens_is_drawn_in_its_place(name: str) -> None:
    play = CATALOGUE[name]
    truth = play.truth[0]
    assert truth.box is not None
    draw = play.stage(0)
    before, during = draw(truth.from_s - 1.5), draw(min(truth.from_s + 9.0, truth.to_s - 1.5))
    assert before is not None
    assert during is not None
    changed = np.abs(before.astype(np.int16) - during).max(axis=2) > 60
    x0, y0, x1, y1 = (np.asarray(truth.box) * (*SIZE_PX[::-1], *SIZE_PX[::-1])).round().astype(int)
    inside = changed[y0:y1, x0:x1]
    outside_px = changed.sum() - inside.sum()
    assert inside.mean() > 5 * outside_px / (changed.size - inside.size)


def test_people_are_drawn_in_plays_of_them_and_where_it_is_said_alone() -> None:
    said = {play.name for play in CATALOGUE.values() if play.has_people}
    assert said >= {"not_water_people_dry", "not_water_people_at_water", "people_umbrellas"}
    assert not [name for name in said if CATALOGUE[name].kind == HAZARD]
    assert {name for name in CATALOGUE if "people" in name} <= said


def test_zones_are_valid_as_registered() -> None:
    for play in CATALOGUE.values():
        require_valid(play)


def require_valid(play: Play) -> None:
    drawn = zones(play)
    assert {area.zone_id for area in drawn.areas} >= {zone.zone_id for zone in play.zones}
    assert (drawn.water is not None) == (play.water is not None)


def test_every_hazard_has_plays_and_lookalikes_and_people_are_many() -> None:
    shown = Counter(one for play in CATALOGUE.values() for one in {t.hazard for t in play.truth})
    harmless = Counter(
        one for play in CATALOGUE.values() if play.kind == LOOKALIKE for one in play.hazards
    )
    assert {one for one in Hazard if shown[one] >= 4} == set(Hazard)
    assert {one for one in Hazard if harmless[one] >= 3} == set(Hazard)
    people = [play for play in CATALOGUE.values() if play.kind == PEOPLE]
    assert len(people) >= 12
    kinds = {zone.kind for play in people for zone in play.zones}
    assert kinds >= {ZoneKind.ROAD, ZoneKind.FIRE_LANE, ZoneKind.GATE, ZoneKind.SLOPE}
    everything = set(Hazard) - {Hazard.WATER_OVER_LINE}
    assert all(set(play.hazards) == everything for play in people)


def test_every_fault_is_shown_and_told_apart() -> None:
    shown = {truth.fault for play in CATALOGUE.values() for truth in play.truth if truth.fault}
    assert shown == set(CameraFault)


def test_a_frozen_picture_is_the_same_to_the_last_bit_and_a_living_one_never_is() -> None:
    draw = CATALOGUE["fault_frozen_street_day"].stage(0)
    first, later, before, earlier = (draw(t_s) for t_s in (42.0, 77.0, 30.0, 30.2))
    assert first is not None
    assert later is not None
    assert np.array_equal(first, later)
    assert before is not None
    assert earlier is not None
    assert not np.array_equal(before[30:], earlier[30:])  # below the clock


def test_a_black_picture_keeps_noise_and_clock_only() -> None:
    draw = CATALOGUE["fault_black_yard_night"].stage(0)
    black = draw(50.0)
    assert black is not None
    assert black[40:].max() < 40
    assert black[40:].std() > 0.5


def test_water_passes_its_line_at_the_second_that_truth_says() -> None:
    assert rising(PASSES_S) == pytest.approx(SCALE.alarm_level, abs=1e-3)
    assert rising(PASSES_S - 2.0) < SCALE.alarm_level < rising(PASSES_S + 2.0)


@pytest.mark.parametrize("heading", [AWAY, NEARER])
@pytest.mark.parametrize("rest_m", [18.0, 30.0])
def test_a_stopping_vehicle_comes_to_rest_at_its_second_and_not_before(
    heading: float, rest_m: float
) -> None:
    route = stopping(2.3, rest_m, 40.0, 60.0, 100.0, heading_rad=heading)
    assert route.at(40.0) == route.at(59.9) == (2.3, rest_m)
    for t_s, moving in ((39.8, True), (41.0, False), (60.5, True)):
        here, next_ = route.at(t_s), route.at(t_s + 0.1)
        assert here is not None
        assert next_ is not None
        assert (here != next_) == moving
    assert route.at(0.0) is None


def test_stopped_vehicles_rest_inside_their_zone() -> None:
    zone = zones(CATALOGUE["stopped_street_day"]).areas[0].polygon
    x, y = STREET.view.ground(STREET.road.lane_centres_m()[1], 22.0)
    foot = np.asarray([[x / SIZE_PX[1], y / SIZE_PX[0]]], np.float32)
    assert contains(zone, foot).all()
    assert all(play.zones for play in STOPPED)


def test_wrong_way_truth_begins_when_the_vehicle_enters_the_zone() -> None:
    for play in wrong_way.WRONG:
        truth: Truth = play.truth[0]
        assert truth.to_s - truth.from_s > 3.0  # long enough to be seen driving
        arrow = play.zones[0].direction
        assert arrow is not None


def test_a_route_says_when_it_passes_and_refuses_where_it_never_goes() -> None:
    route = Route(stations=((0.0, 1.0, BEHIND_M), (10.0, 1.0, 27.0)))
    assert route.when(17.0) == pytest.approx(5.0)
    with pytest.raises(ValueError, match="never passes"):
        route.when(40.0)


def test_a_zone_is_cut_at_the_edge_of_the_picture_and_an_arrow_points_as_traffic_drives() -> None:
    wide = ground_zone(
        STREET.view, -30.0, 30.0, 8.0, 60.0, zone_id="wide", kind=ZoneKind.ROAD, heading_rad=AWAY
    )
    assert all(0.0 <= share <= 1.0 for corner in wide.polygon for share in corner)
    assert wide.direction is not None
    (_, start_y), (_, end_y) = wide.direction
    assert start_y > end_y  # away from the camera is up the picture
    assert len(road_zone(BEND)[0].polygon) > 8  # follows the bend


@pytest.mark.parametrize("weather", Weather)
def test_noise_is_new_each_moment_and_only_infrared_is_grey(weather: Weather) -> None:
    film = make_film(np.random.default_rng(1), weather, SIZE_PX)
    plain = np.full(WHOLE_PX, (90, 120, 150), np.uint8)
    shots = [film.exposed(film.through_air(plain, t_s), t_s) for t_s in (1.0, 1.2, 1.0)]
    assert np.array_equal(shots[0], shots[2])
    assert difference(shots[0], shots[1]) > 1.0
    colour = difference(shots[0][..., :1], shots[0][..., 2:])
    assert (colour < 0.5) == (weather is Weather.INFRARED)


def test_two_plays_of_one_name_are_refused() -> None:
    from pipelines.drills.catalogue import named

    one = next(iter(CATALOGUE.values()))
    with pytest.raises(ValueError, match=one.name):
        named((one,), (replace(one, kind=LOOKALIKE),))
