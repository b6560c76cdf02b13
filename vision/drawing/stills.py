"""Random labelled stills, for training: a place, vehicles, at times a hazard or a look-alike."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import UInt8

from vision.arrays import Boxes, Pixels
from vision.drawing.backdrops import KINDS, Backdrop
from vision.drawing.hazards import (
    draw_flame,
    draw_rock,
    draw_smoke,
    make_flame,
    make_rock,
    make_smoke,
)
from vision.drawing.light import Hour, pick_hour
from vision.drawing.lookalikes import LOOKALIKES
from vision.drawing.paint import Box, Points, sensor
from vision.drawing.vehicles import (
    Vehicle,
    draw_vehicle,
    light_lamps,
    make_body,
    motorcycle,
    random_paint,
)

HAZARD_SHARE = 0.65
"""Share of stills that show a hazard: the rest teaches what isn't one."""

_SMALLEST_SHARE = 0.012
"""A box narrower or lower than this share of the picture (4 px of 360) is too small to teach."""

_SEEN_SHARE = 0.3
"""A vehicle or rock of which less than this is visible is no example of itself."""

_DARKEST_AT_NIGHT = 90
"""Black smoke in the dark can't be seen, and what can't be seen must not be labelled."""


@dataclass(slots=True, kw_only=True)
class _Still:
    """A still in the making."""

    backdrop: Backdrop
    picture: Pixels
    owner: UInt8[np.ndarray, "h w"]
    """Which vehicle or rock each pixel shows, by its number from 1."""
    boxes: list[Box] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    areas_px: list[float] = field(default_factory=list)
    """Pixels each thing would show if nothing stood before it; 0 means: don't ask."""

    def note(self, label: str, box: Box | None, outline: Points | None = None) -> None:
        """Remember a thing that has been painted."""
        if box is None:
            return
        self.boxes.append(box)
        self.labels.append(label)
        area = 0.0
        if outline is not None:
            hull = cv2.convexHull(np.clip(outline, -1e5, 1e5).astype(np.int32))
            cv2.fillConvexPoly(self.owner, hull, len(self.boxes))
            area = float(np.count_nonzero(self.owner == len(self.boxes)))
        self.areas_px.append(area)

    def labelled(self) -> tuple[Boxes, list[str]]:
        """Return boxes and labels of what is large enough and not hidden."""
        keep = [
            k
            for k, (box, area) in enumerate(zip(self.boxes, self.areas_px, strict=True))
            if min(box[2] - box[0], box[3] - box[1]) >= _SMALLEST_SHARE
            and (area == 0.0 or np.count_nonzero(self.owner == k + 1) >= _SEEN_SHARE * area)
        ]
        boxes = np.asarray([self.boxes[k] for k in keep], np.float32).reshape(-1, 4)
        return boxes, [self.labels[k] for k in keep]


def draw_still(
    rng: np.random.Generator, height_px: int, width_px: int
) -> tuple[Pixels, Boxes, list[str]]:
    """Return a random still, its boxes (0-1) and their labels.

    Labels are fire, smoke, rock, car, bus, truck and motorcycle; everything of these in the
    picture is labelled, except what is under 4 px of 360 or more than 70 % hidden. About a third
    of the stills show no hazard. Nobody is in them.
    """
    kind = str(rng.choice(list(KINDS), p=[0.45, 0.27, 0.28]))
    backdrop = KINDS[kind](rng, (height_px, width_px), pick_hour(rng))
    still = _Still(
        backdrop=backdrop,
        picture=backdrop.painted.copy(),
        owner=np.zeros((height_px, width_px), np.uint8),
    )
    hazard = _pick_hazard(rng, kind)
    vehicles = _place_things(still, rng, with_rocks=hazard == "rock")
    still.picture = backdrop.light.on(still.picture)
    if backdrop.light.hour is not Hour.DAY or rng.random() < 0.1:
        for vehicle in vehicles:
            if rng.random() < 0.75 and vehicle.body.label != "motorcycle":
                light_lamps(still.picture, backdrop.view, vehicle, float(rng.uniform(0.4, 1.1)))
    if rng.random() < (0.25 if hazard else 0.7):
        for _ in range(int(rng.integers(1, 3))):
            LOOKALIKES[int(rng.integers(len(LOOKALIKES)))](still.picture, rng, backdrop)
    _burn(still, rng, hazard)
    boxes, labels = still.labelled()
    return _as_camera(still.picture, rng, backdrop.light.hour), boxes, labels


def _pick_hazard(rng: np.random.Generator, kind: str) -> str:
    """Return fire, smoke, both, rock, or nothing."""
    if rng.random() >= HAZARD_SHARE:
        return ""
    odds = [0.2, 0.2, 0.15, 0.45] if kind == "mountain" else [0.36, 0.3, 0.22, 0.12]
    return ("fire", "smoke", "both", "rock")[int(rng.choice(4, p=odds))]


def _random_vehicle(rng: np.random.Generator, backdrop: Backdrop, z_m: float) -> Vehicle:
    """Return a vehicle in a lane, at a kerb, or anywhere in a yard."""
    label = ("car", "bus", "truck", "motorcycle")[int(rng.choice(4, p=[0.66, 0.1, 0.13, 0.11]))]
    body = motorcycle() if label == "motorcycle" else make_body(rng, label)
    road = backdrop.road
    if backdrop.kind == "yard":
        x, heading = float(rng.uniform(-12, 12)), float(rng.uniform(0, 2 * np.pi))
    else:
        at_kerb = backdrop.kind == "street" and rng.random() < 0.3
        lanes = [road.left_m - 1.2, road.right_m + 1.2] if at_kerb else road.lane_centres_m()
        x = lanes[int(rng.integers(len(lanes)))]
        heading = 0.0 if x > (road.left_m + road.right_m) / 2 else np.pi
        heading += float(rng.normal(0, 0.05)) + 2 * backdrop.view.bend_per_m * z_m
        x += float(rng.normal(0, 0.2))
    return Vehicle(
        body=body,
        paint=random_paint(rng),
        x_m=x,
        z_m=z_m,
        heading_rad=heading,
        sun=float(rng.uniform(-1, 1)),
    )


def _place_things(still: _Still, rng: np.random.Generator, *, with_rocks: bool) -> list[Vehicle]:
    """Paint vehicles and rocks, the farthest first; return the vehicles."""
    count = int(rng.choice([0, 1, 2, 3, 5, 8], p=[0.2, 0.2, 0.2, 0.2, 0.12, 0.08]))
    depths = np.exp(rng.uniform(np.log(9.0), np.log(60.0), count))
    things: list[tuple[float, Vehicle | None]] = []
    for z in np.sort(depths)[::-1]:
        vehicle = _random_vehicle(rng, still.backdrop, float(z))
        reach = vehicle.body.nose_m + 1.5
        same_lane = [other for depth, other in things
                     if other and abs(other.x_m - vehicle.x_m) < 2.4
                     and abs(depth - z) < reach + other.body.nose_m]  # fmt: skip
        if not same_lane:
            things.append((float(z), vehicle))
    if with_rocks:
        rocks = int(rng.choice([1, 2, 3, 5], p=[0.45, 0.25, 0.2, 0.1]))
        middle = float(np.exp(rng.uniform(np.log(8.0), np.log(28.0))))
        things += [(max(middle + float(rng.normal(0, 2.0)), 6.0), None) for _ in range(rocks)]
    for z, thing in sorted(things, key=lambda pair: -pair[0]):
        if thing is None:
            _drop_rock(still, rng, z)
        else:
            still.note(thing.body.label, *draw_vehicle(still.picture, still.backdrop.view, thing))
    return [thing for _, thing in things if thing is not None]


def _drop_rock(still: _Still, rng: np.random.Generator, z_m: float) -> None:
    """Paint a rock on the road, with rubble around it that is too small to label."""
    view, road = still.backdrop.view, still.backdrop.road
    x, y = view.ground(float(rng.uniform(road.left_m - 0.5, road.right_m + 0.5)), z_m)
    metre = view.px_per_m(z_m)
    rock = make_rock(rng)
    smallest = still.picture.shape[0] * _SMALLEST_SHARE
    for _ in range(int(rng.integers(0, 9))):
        at = (x + float(rng.normal(0, metre)), y + float(rng.normal(0, metre * 0.3)))
        rubble_px = float(rng.uniform(1.0, max(smallest, 1.5)))
        draw_rock(still.picture, rock, centre_px=at, size_px=rubble_px)
    size = max(metre * float(np.exp(rng.uniform(np.log(0.4), np.log(2.6)))), 2.0 * smallest)
    box = draw_rock(
        still.picture, rock, centre_px=(x, y - size * 0.3), size_px=min(size, 200.0),
        turn_deg=float(rng.uniform(-30, 30)),
    )  # fmt: skip
    if box is not None:
        scale = np.asarray([still.picture.shape[1], still.picture.shape[0]], np.float32)
        low, high = box[:2] * scale, box[2:] * scale
        corners = np.asarray([low, [high[0], low[1]], high, [low[0], high[1]]], np.float32)
        still.note("rock", box, corners)


def _burn(still: _Still, rng: np.random.Generator, hazard: str) -> None:
    """Paint fire and smoke over the lit picture."""
    if hazard not in {"fire", "smoke", "both"}:
        return
    view, road = still.backdrop.view, still.backdrop.road
    height = still.picture.shape[0]
    level = still.backdrop.light.level
    for _ in range(int(rng.choice([1, 1, 1, 2]))):
        z = float(np.exp(rng.uniform(np.log(8.0), np.log(50.0))))
        x, y = view.ground(float(rng.uniform(road.left_m - 7, road.right_m + 7)), z)
        x = float(np.clip(x, view.width_px * 0.06, view.width_px * 0.94))
        y = min(y, height * 0.97)
        fire_px = height * float(np.exp(rng.uniform(np.log(0.05), np.log(0.5))))
        at_s = float(rng.uniform(0.0, 60.0))
        if hazard in {"smoke", "both"}:
            tall = height * float(np.exp(rng.uniform(np.log(0.18), np.log(0.95))))
            smoke = make_smoke(rng)
            while level < 0.5 and smoke.tone[1] < _DARKEST_AT_NIGHT:
                smoke = make_smoke(rng)
            box = draw_smoke(
                still.picture, smoke, foot_px=(x, y - fire_px * 0.3 * (hazard == "both")),
                size_px=tall, at_s=at_s, light=float(np.clip(level * 1.1, 0.4, 1.05)),
                strength=float(rng.uniform(0.7, 1.0)),
            )  # fmt: skip
            still.note("smoke", box)
        if hazard in {"fire", "both"}:
            glow = 0.25 + 0.6 * float(np.clip(1.0 - level, 0.0, 1.0))
            box = draw_flame(
                still.picture,
                make_flame(rng),
                foot_px=(x, y),
                size_px=fire_px,
                at_s=at_s,
                glow=glow,
            )
            still.note("fire", box)


def _as_camera(picture: Pixels, rng: np.random.Generator, hour: Hour) -> Pixels:
    """Return the picture with the faults of a camera and of its codec; at night some are grey."""
    if hour is Hour.NIGHT and rng.random() < 0.08:
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        picture = np.asarray(cv2.merge([grey, grey, grey]))
    sigma = float(rng.uniform(2.5, 9.0) if hour is Hour.NIGHT else rng.uniform(1.0, 5.0))
    seen = sensor(picture, rng, sigma, float(rng.uniform(0.0, 1.0)))
    if rng.random() < 0.6:
        quality = int(rng.integers(28, 90))
        _, coded = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, quality])
        seen = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return seen
