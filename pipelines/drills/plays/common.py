"""What plays are made of: the script, the actors, and how a moment of it is drawn."""

from binascii import crc32
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from pipelines.drills.plays.places import SIZE_PX, Place
from pipelines.messages import BoxShares, CameraFault, WaterScale, Zone, ZoneKind
from vision.arrays import Pixels
from vision.drawing.backdrops import Backdrop
from vision.drawing.light import Hour
from vision.drawing.paint import Colour
from vision.drawing.people import Looks, Pose, draw_person, make_looks
from vision.drawing.scenery import strip
from vision.drawing.vehicles import (
    Body,
    Vehicle,
    draw_vehicle,
    light_lamps,
    make_body,
    random_paint,
)
from vision.drawing.view import View
from vision.drawing.weather import HOUR, WET, Film, Weather, make_film
from vision.hazards import Hazard

HAZARD, LOOKALIKE, PEOPLE = "hazard", "lookalike", "people"
"""Kinds of play."""

Draw = Callable[[float], Pixels | None]
"""Draws a second of a play: 360 x 640; ``None`` where the camera sends nothing."""

Painter = Callable[[Pixels, float], object]
"""Paints one thing as it is at a second of the play."""

Lens = Callable[[Pixels, float], Pixels]
"""What happens to the whole picture before noise is added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A time in which a hazard is there."""

    hazard: Hazard
    """Which."""
    from_s: float
    """The first second from which it exists."""
    to_s: float
    """When it is gone, or the play ends."""
    fault: CameraFault | None = None
    """Of a ``camera_fault``."""
    zone_ids: tuple[str, ...] = ()
    """In which zones an alert of it is right; empty: it has no place but the picture."""
    box: BoxShares | None = None
    """Where the middle of an alert's box must lie, its whole way; ``None``: anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One drill scene: what is watched, what is true, and how it looks."""

    name: str
    """Such as fire_street_night."""
    kind: str
    """hazard, lookalike or people."""
    hazards: tuple[Hazard, ...]
    """What is watched for in it."""
    zones: tuple[Zone, ...] = ()
    """As registered."""
    shows_people: bool = False
    """Of a look-alike: whether people are drawn in it."""
    water: WaterScale | None = None
    """As registered."""
    truth: tuple[Truth, ...] = ()
    """Empty where nothing may alarm."""
    length_s: float = 90.0
    """How long it plays."""
    stage: Callable[[int], Draw] = field(repr=False)
    """Prepares a seed; what it returns draws any moment, always the same way."""

    @property
    def has_people(self) -> bool:
        """Whether an alert in it may be one on people."""
        return self.kind == PEOPLE or self.shows_people

    @property
    def needs_steady(self) -> bool:
        """Whether it must be looked at 5 times a second: a road with a direction."""
        return any(zone.direction is not None for zone in self.zones)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody or something that stands on the ground and may move."""

    depth_m: Callable[[float], float | None]
    """How far away it is at a second; ``None`` while it isn't there."""
    paint: Painter
    """Paints it."""
    shine: Painter | None = None
    """Adds its lamps, after the light of the hour."""


def identity(picture: Pixels, _t_s: float) -> Pixels:
    """Return the picture as it is."""
    return picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Props:
    """What plays in a place: painted in this order."""

    floor: tuple[Painter, ...] = ()
    """On the ground, beneath everybody, lit by the hour's light."""
    actors: tuple[Actor, ...] = ()
    """The farthest first."""
    shining: tuple[Painter, ...] = ()
    """After the hour's light: flames, smoke, lamps, fog."""
    lens: Lens = identity
    """Before noise and clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place made ready for a seed."""

    backdrop: Backdrop
    """The place, painted and lit."""
    rng: np.random.Generator
    """For the looks of what plays."""
    weather: Weather
    """What it is seen through."""

    @property
    def view(self) -> View:
        """The camera."""
        return self.backdrop.view

    @property
    def dark(self) -> bool:
        """Whether lamps are on."""
        return HOUR[self.weather] is not Hour.DAY or self.weather in WET


Build = Callable[[Spot], Props]
"""Makes what plays; called once a seed."""


def staged(name: str, place: Place, weather: Weather, build: Build) -> Callable[[int], Draw]:
    """Return the stage of a play."""

    def stage(seed: int) -> Draw:
        rng = np.random.default_rng([crc32(name.encode()), seed])
        backdrop = place.backdrop(rng, weather)
        film = make_film(rng, weather, SIZE_PX)
        props = build(Spot(backdrop=backdrop, rng=rng, weather=weather))

        def draw(t_s: float) -> Pixels:
            return expose(film, props.lens(scene_at(backdrop, props, film, t_s), t_s), t_s)

        return draw

    return stage


def scene_at(backdrop: Backdrop, props: Props, film: Film, t_s: float) -> Pixels:
    """Return what is before the lens at a second: no noise, no clock yet."""
    picture = backdrop.painted.copy()
    for paint in props.floor:
        paint(picture, t_s)
    there = [(depth, actor) for actor in props.actors if (depth := actor.depth_m(t_s)) is not None]
    there.sort(key=lambda pair: -pair[0])
    for _, actor in there:
        actor.paint(picture, t_s)
    picture = backdrop.light.on(picture)
    for _, actor in there:
        if actor.shine is not None:
            actor.shine(picture, t_s)
    for paint in props.shining:
        paint(picture, t_s)
    return film.through_air(picture, t_s)


def expose(film: Film, picture: Pixels, t_s: float) -> Pixels:
    """Return the picture with noise and the clock that cameras write."""
    seen = film.exposed(picture, t_s)
    text = f"2026-03-01 {8 + int(t_s) // 3600:02d}:{int(t_s) // 60 % 60:02d}:{int(t_s) % 60:02d}"
    for thick, tone in ((3, (0, 0, 0)), (1, (255, 255, 255))):
        cv2.putText(seen, text, (10, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.5, tone, thick, cv2.LINE_AA)
    return seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where something is at which second: straight between its stations."""

    stations: tuple[tuple[float, float, float], ...]
    """Second, X, Z in metres; it is there from the first to the last second."""

    def at(self, t_s: float) -> tuple[float, float] | None:
        """Return X, Z, or ``None`` while it isn't there."""
        times, xs, zs = zip(*self.stations, strict=True)
        if not times[0] <= t_s < times[-1]:
            return None
        return float(np.interp(t_s, times, xs)), float(np.interp(t_s, times, zs))

    def when(self, z_m: float) -> float:
        """Return the first second at which it passes a depth."""
        for (t0, _, z0), (t1, _, z1) in zip(self.stations, self.stations[1:], strict=False):
            if z0 != z1 and min(z0, z1) <= z_m <= max(z0, z1):
                return t0 + (t1 - t0) * (z_m - z0) / (z1 - z0)
        raise ValueError(f"the route never passes {z_m} m")


AWAY, NEARER = 0.0, float(np.pi)
"""Headings: drives away from the camera, or towards it."""

FAR_M, BEHIND_M = 95.0, 7.0
"""Where traffic comes from and goes to: a dot far away, and below the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Driven:
    """A vehicle on its way."""

    view: View
    route: Route
    heading_rad: float
    body: Body
    paint: Colour
    sun: float
    turn: Callable[[float], float] | None

    def depth_m(self, t_s: float) -> float | None:
        at = self.route.at(t_s)
        return at[1] if at else None

    def now(self, t_s: float) -> Vehicle | None:
        at = self.route.at(t_s)
        if at is None:
            return None
        extra = self.turn(t_s) if self.turn else 0.0
        return Vehicle(
            body=self.body, paint=self.paint, x_m=at[0], z_m=at[1], sun=self.sun,
            heading_rad=self.heading_rad + 2 * self.view.bend_per_m * at[1] + extra,
        )  # fmt: skip

    def draw(self, picture: Pixels, t_s: float) -> None:
        vehicle = self.now(t_s)
        if vehicle:
            draw_vehicle(picture, self.view, vehicle)

    def shine(self, picture: Pixels, t_s: float) -> None:
        vehicle = self.now(t_s)
        if vehicle:
            light_lamps(picture, self.view, vehicle, 0.6)


def driven(
    spot: Spot, route: Route, heading_rad: float, *, label: str = "car",
    looks: tuple[Body, Colour] | None = None,
    turn: Callable[[float], float] | None = None,
) -> Actor:  # fmt: skip
    """Return a vehicle on a route; ``turn`` adds to its heading by the second."""
    body, paint = looks or (make_body(spot.rng, label), random_paint(spot.rng))
    sun = float(spot.rng.uniform(-1, 1))
    way = _Driven(
        view=spot.view, route=route, heading_rad=heading_rad, body=body, paint=paint, sun=sun,
        turn=turn,
    )  # fmt: skip
    return Actor(depth_m=way.depth_m, paint=way.draw, shine=way.shine if spot.dark else None)


def passing(
    spot: Spot, lane_m: float, heading_rad: float, starts_s: tuple[float, ...],
    *, seconds: float = 7.0, label: str = "car",
) -> list[Actor]:  # fmt: skip
    """Return vehicles that pass through one lane, one at each start."""
    ends = (BEHIND_M, FAR_M) if heading_rad == AWAY else (FAR_M, BEHIND_M)
    return [
        driven(
            spot, Route(stations=((start, lane_m, ends[0]), (start + seconds, lane_m, ends[1]))),
            heading_rad, label=label,
        )
        for start in starts_s
    ]  # fmt: skip


def stopping(
    lane_m: float, rest_m: float, stop_s: float, leave_s: float | None, end_s: float,
    *, heading_rad: float = AWAY,
) -> Route:  # fmt: skip
    """Return a route that comes at 9 m/s, brakes for 3 s, rests at ``stop_s`` and may leave."""
    way = 1.0 if heading_rad == AWAY else -1.0
    start = BEHIND_M if heading_rad == AWAY else FAR_M
    brake = rest_m - way * 12.0
    coming = abs(brake - start) / 9.0
    stations = [(stop_s - 3.0 - coming, lane_m, start)]
    if coming > 0.3 and (brake - start) * way > 0:
        stations += [(stop_s - 3.0, lane_m, brake), (stop_s - 1.2, lane_m, rest_m - way * 2.0)]
    else:
        stations = [(stop_s - 2.5, lane_m, start)]
    stations.append((stop_s, lane_m, rest_m))
    if leave_s is None:
        stations.append((end_s + 1.0, lane_m, rest_m))
    else:
        goal = FAR_M if heading_rad == AWAY else BEHIND_M
        stations += [(leave_s, lane_m, rest_m), (leave_s + 2.0, lane_m, rest_m + way * 5.0)]
        stations.append((leave_s + 2.0 + abs(goal - rest_m) / 9.0, lane_m, goal))
    return Route(stations=tuple(stations))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Somebody:
    """A person on a route."""

    view: View
    route: Route
    looks: Looks
    pose: Pose
    pace: float
    start: float

    def depth_m(self, t_s: float) -> float | None:
        at = self.route.at(t_s)
        return at[1] if at else None

    def draw(self, picture: Pixels, t_s: float) -> None:
        at = self.route.at(t_s)
        if at:
            draw_person(
                picture, self.view, self.looks, place_m=at, pose=self.pose,
                phase=self.start + self.pace * t_s,
            )  # fmt: skip


def person(
    spot: Spot, route: Route, pose: Pose = Pose.STANDING, *, pace: float = 1.0,
    looks: Looks | None = None,
) -> Actor:  # fmt: skip
    """Return somebody on a route; ``pace`` is radians of movement a second."""
    clothes = looks or make_looks(spot.rng)
    start = float(spot.rng.uniform(0.0, 6.0))
    somebody = _Somebody(
        view=spot.view, route=route, looks=clothes, pose=pose, pace=pace, start=start
    )
    return Actor(depth_m=somebody.depth_m, paint=somebody.draw)


def standing_at(x_m: float, z_m: float, end_s: float, from_s: float = -1.0) -> Route:
    """Return a route that stays in one place."""
    return Route(stations=((from_s, x_m, z_m), (end_s + 1.0, x_m, z_m)))


_FRAME: Final = np.asarray(
    [[0, 0], [SIZE_PX[1], 0], [SIZE_PX[1], SIZE_PX[0]], [0, SIZE_PX[0]]], np.float32
)


def ground_zone(
    view: View, left_m: float, right_m: float, near_m: float, far_m: float,
    *, zone_id: str, kind: ZoneKind, heading_rad: float | None = None,
    permitted_s: float | None = None,
) -> Zone:  # fmt: skip
    """Return a zone over a lengthwise strip of ground, cut at the picture's edge."""
    points = strip(view, left_m, right_m, near_m, far_m)
    if not ((points >= 0).all() and (points <= _FRAME[2]).all()):
        _, cut = cv2.intersectConvexConvex(points, _FRAME)
        points = np.asarray(cut, np.float32).reshape(-1, 2)
    direction = None
    if heading_rad is not None:
        middle = (left_m + right_m) / 2
        ends = [_share(view, middle, near_m + 2.0), _share(view, middle, far_m)]
        direction = (ends[0], ends[1]) if heading_rad == AWAY else (ends[1], ends[0])
    corners = tuple(
        (_clip(x / SIZE_PX[1]), _clip(y / SIZE_PX[0])) for x, y in points.astype(float).tolist()
    )
    return Zone(
        zone_id=zone_id, polygon=corners, kind=kind, direction=direction, permitted_s=permitted_s
    )


def _share(view: View, x_m: float, z_m: float) -> tuple[float, float]:
    x, y = view.ground(x_m, z_m)
    return _clip(x / SIZE_PX[1]), _clip(y / SIZE_PX[0])


def _clip(value: float) -> float:
    return round(min(max(value, 0.0), 1.0), 4)


def picture_zone(corners: tuple[tuple[float, float], ...], *, zone_id: str, kind: ZoneKind) -> Zone:
    """Return a zone drawn on the picture in shares."""
    return Zone(zone_id=zone_id, polygon=corners, kind=kind)
