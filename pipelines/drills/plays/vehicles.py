"""Vehicles that stand where they mustn't or drive against the arrow, and those that may."""

from dataclasses import dataclass
from typing import Final

from pipelines.drills.plays.common import (
    AWAY,
    HAZARD,
    LOOKALIKE,
    NEARER,
    Actor,
    Build,
    Play,
    Props,
    Route,
    Spot,
    Truth,
    driven,
    ground_zone,
    passing,
    staged,
    standing_at,
    stopping,
)
from pipelines.drills.plays.places import AVENUE, BEND, MOUNTAIN, STREET, Place, place_of
from pipelines.messages import BoxShares, Zone, ZoneKind
from vision.drawing.view import View
from vision.drawing.weather import Weather
from vision.hazards import Hazard

_STOP_S = 40.0
_LENGTH_S = 100.0

_PERMITTED_S = 12.0
"""What a zone of these plays permits: longer than giving way, shorter than a breakdown."""

_STANDING: Final = (Hazard.STOPPED_VEHICLE, Hazard.DEBRIS, Hazard.CAMERA_FAULT)


def road_zone(
    place: Place, permitted_s: float | None = _PERMITTED_S, near_m: float = 13.0,
    far_m: float = 50.0,
) -> tuple[Zone, ...]:  # fmt: skip
    """Return the whole carriageway as one zone without a direction."""
    road = place.road
    return (
        ground_zone(
            place.view, road.left_m, road.right_m, near_m, far_m, zone_id="road",
            kind=ZoneKind.ROAD, permitted_s=permitted_s,
        ),
    )  # fmt: skip


def _every(start_s: float, end_s: float, gap_s: float) -> tuple[float, ...]:
    count = int((end_s - start_s) / gap_s)
    return tuple(start_s + gap_s * k for k in range(count))


def resting(view: View, lane_m: float, rest_m: float) -> BoxShares:
    """Return where a vehicle may be seen that has stopped there, a lorry too."""
    return place_of(view, lane_m - 2.0, lane_m + 2.0, rest_m - 4.0, rest_m + 6.0, tall_m=4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Breakdown:
    """A vehicle that stops in a lane while others pass in the next ones."""

    place: Place
    rest_m: float
    heading_rad: float
    label: str

    @property
    def lane_m(self) -> float:
        """The middle of its lane."""
        lanes = self.place.road.lane_centres_m()
        if len(lanes) == 4:
            return lanes[2]
        return lanes[1] if self.heading_rad == AWAY else lanes[0]

    def build(self, spot: Spot) -> Props:
        """Return what plays."""
        lanes, is_away = self.place.road.lane_centres_m(), self.heading_rad == AWAY
        route = stopping(
            self.lane_m, self.rest_m, _STOP_S, None, _LENGTH_S, heading_rad=self.heading_rad
        )
        actors = [driven(spot, route, self.heading_rad, label=self.label)]
        if len(lanes) == 4:
            actors += passing(spot, lanes[3], AWAY, _every(1.0, 90.0, 7.3))
        other, way = (lanes[0], NEARER) if is_away else (lanes[-1], AWAY)
        actors += passing(spot, other, way, _every(4.0, 92.0, 9.0))
        return Props(actors=tuple(actors))


def _stopped(
    name: str, place: Place, weather: Weather, rest_m: float, heading_rad: float = AWAY,
    *, label: str = "car", permitted_s: float | None = _PERMITTED_S,
) -> Play:  # fmt: skip
    full = f"stopped_{name}"
    own = _Breakdown(place=place, rest_m=rest_m, heading_rad=heading_rad, label=label)
    return Play(
        name=full, kind=HAZARD, hazards=_STANDING, zones=road_zone(place, permitted_s),
        length_s=_LENGTH_S,
        truth=(
            Truth(
                hazard=Hazard.STOPPED_VEHICLE, from_s=_STOP_S, to_s=_LENGTH_S,
                zone_ids=("road",), box=resting(place.view, own.lane_m, rest_m),
            ),
        ),
        stage=staged(full, place, weather, own.build),
    )  # fmt: skip


def _red_light(spot: Spot) -> Props:
    """Return a queue of two lanes that stands 45 s, goes at green, and comes again."""
    lanes = AVENUE.road.lane_centres_m()
    actors: list[Actor] = []
    for red_s, green_s in ((15.0, 60.0), (85.0, 130.0)):
        for lane in lanes[2:]:
            for place, rest_m in enumerate((36.0, 28.0, 20.0)):
                route = stopping(lane, rest_m, red_s + 3.5 * place, green_s + 1.6 * place, 150.0)
                actors.append(driven(spot, route, AWAY))
    actors += passing(spot, lanes[0], NEARER, (2.0, 63.0, 68.0, 74.0, 135.0))
    return Props(actors=tuple(actors))


def _parked_beside(spot: Spot) -> Props:
    """Return cars parked outside the lanes, before and after one more parks; traffic passes."""
    beside = STREET.road.right_m + 1.6
    left, right = STREET.road.lane_centres_m()
    parked = [driven(spot, standing_at(beside, z, _LENGTH_S), AWAY) for z in (17.0, 31.0, 38.0)]
    comes = driven(spot, Route(stations=(
        (20.0, right, 7.0), (24.0, right, 18.0), (28.0, beside, 24.0), (101.0, beside, 24.0),
    )), AWAY)  # fmt: skip
    flow = passing(spot, right, AWAY, (2.0, 34.0, 45.0, 60.0, 76.0))
    flow += passing(spot, left, NEARER, (6.0, 39.0, 52.0, 70.0))
    return Props(actors=(*parked, comes, *flow))


def _bus_stop(spot: Spot) -> Props:
    """Return a bus that halts for 15 s, three times, where buses may halt."""
    left, right = STREET.road.lane_centres_m()
    halts = [
        driven(spot, stopping(right, 25.0, at, at + 15.0, 150.0), AWAY, label="bus")
        for at in (20.0, 65.0, 110.0)
    ]
    return Props(actors=(*halts, *passing(spot, left, NEARER, _every(3.0, 140.0, 16.0))))


def _slow_traffic(spot: Spot) -> Props:
    """Return a jam that creeps: stands 6 s, rolls 8 m in 4 s, and is free beyond 55 m."""
    actors = []
    for lane in AVENUE.road.lane_centres_m()[3:]:
        for first_s in _every(-50.0, 90.0, 10.0):
            stations = [(first_s, lane, 7.0)]
            for _ in range(6):
                t_s, _, z_m = stations[-1]
                stations += [(t_s + 4.0, lane, z_m + 8.0), (t_s + 10.0, lane, z_m + 8.0)]
            stations.append((stations[-1][0] + 5.0, lane, 95.0))
            actors.append(driven(spot, Route(stations=tuple(stations)), AWAY))
    return Props(actors=tuple(actors))


def _hidden_parked(spot: Spot) -> Props:
    """Return a car parked outside the zone that lorries hide again and again."""
    lanes = AVENUE.road.lane_centres_m()
    parked = driven(spot, standing_at(AVENUE.road.left_m - 1.7, 26.0, _LENGTH_S), NEARER)
    flow = passing(spot, lanes[0], NEARER, _every(4.0, 90.0, 11.0), label="truck", seconds=9.0)
    flow += passing(spot, lanes[3], AWAY, _every(2.0, 90.0, 13.0))
    return Props(actors=(parked, *flow))


def _parked_since_before(spot: Spot) -> Props:
    """Return a car that stood in its bay inside the zone before the camera was there."""
    left, right = STREET.road.lane_centres_m()
    parked = driven(spot, standing_at(right + 1.2, 23.0, 120.0), AWAY)
    return Props(actors=(parked, *passing(spot, left, NEARER, _every(3.0, 90.0, 8.0))))


def _gives_way(spot: Spot) -> Props:
    """Return cars that stop for 6 s, each alone, to let others turn."""
    left, right = STREET.road.lane_centres_m()
    halts = [
        driven(spot, stopping(right, 24.0, at, at + 6.0, _LENGTH_S), AWAY)
        for at in (15.0, 40.0, 70.0)
    ]
    return Props(actors=(*halts, *passing(spot, left, NEARER, (5.0, 22.0, 48.0, 78.0))))


def _not_stopped(
    name: str, place: Place, weather: Weather, build: Build, *,
    permitted_s: float | None = _PERMITTED_S, length_s: float = _LENGTH_S,
) -> Play:  # fmt: skip
    full = f"not_stopped_{name}"
    return Play(
        name=full, kind=LOOKALIKE, hazards=(*_STANDING, Hazard.FIRE),
        zones=road_zone(place, permitted_s), length_s=length_s,
        stage=staged(full, place, weather, build),
    )  # fmt: skip


STOPPED: Final = (
    _stopped("avenue_day", AVENUE, Weather.DAY, 25.0),
    _stopped("avenue_night", AVENUE, Weather.NIGHT, 25.0),
    _stopped("avenue_rain", AVENUE, Weather.RAIN, 22.0),
    _stopped("avenue_no_time_given", AVENUE, Weather.DAY, 27.0, permitted_s=None),
    _stopped("street_day", STREET, Weather.DAY, 22.0),
    _stopped("street_ir", STREET, Weather.INFRARED, 24.0, NEARER),
    _stopped("lorry_dusk", STREET, Weather.DUSK, 27.0, label="truck"),
    _stopped("bend_day", BEND, Weather.DAY, 27.0),
    _stopped("bend_night_rain", BEND, Weather.NIGHT_RAIN, 24.0, NEARER),
    _stopped("mountain_day", MOUNTAIN, Weather.DAY, 25.0, NEARER),
)

NOT_STOPPED: Final = (
    _not_stopped("red_light", AVENUE, Weather.DAY, _red_light, length_s=150.0),
    _not_stopped("red_light_night", AVENUE, Weather.NIGHT, _red_light, length_s=150.0),
    _not_stopped("red_light_no_time_given", AVENUE, Weather.RAIN, _red_light,
                 permitted_s=None, length_s=150.0),
    _not_stopped("parked_beside", STREET, Weather.DAY, _parked_beside),
    _not_stopped("parked_beside_ir", STREET, Weather.INFRARED, _parked_beside),
    _not_stopped("bus_stop", STREET, Weather.DAY, _bus_stop, permitted_s=30.0, length_s=150.0),
    _not_stopped("slow_traffic", AVENUE, Weather.DAY, _slow_traffic),
    _not_stopped("hidden_parked", AVENUE, Weather.DAY, _hidden_parked),
    _not_stopped("parked_since_before", STREET, Weather.DAY, _parked_since_before),
    _not_stopped("gives_way", STREET, Weather.DUSK, _gives_way),
)  # fmt: skip

PLAYS: Final = STOPPED + NOT_STOPPED
