"""Drill scenes (演练): places that the product draws itself, with a script and exact ground truth.

A scene is a script (``DrillScene``): when the hazard comes, when it is gone, how long the loop is.
``stage`` prepares it once; the ``Stage`` then draws any moment of the loop. A new scene is one
function that returns a ``Cast`` and one entry in ``SCENES``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from jaxtyping import Int16

from vision.arrays import Boxes, Pixels
from vision.drawing.backdrops import KINDS, Backdrop
from vision.drawing.hazards import (
    Rock,
    draw_flame,
    draw_rock,
    draw_smoke,
    make_flame,
    make_rock,
    make_smoke,
)
from vision.drawing.light import Hour
from vision.drawing.paint import Box, Colour
from vision.drawing.vehicles import (
    Body,
    Vehicle,
    draw_vehicle,
    light_lamps,
    make_body,
    random_paint,
)
from vision.hazards import Hazard

FPS = 10
"""Frames a second: enough for flicker and a bouncing rock, at half the cost of a camera's 25."""

SIZE_PX = (360, 640)
"""Rows and columns: a camera's substream."""

_GROW_S = 1.0
"""A hazard is fully there this long after it appeared: a drill must not wait for a slow fire."""

_FADE_S = 0.8
"""A hazard goes within this time before ``clear_s``."""

_START_SHARE = 0.35
"""How large a hazard is in its first frame: visible from the first frame that truth calls it so."""

_GRAIN_SIGMA = 1.4
"""Sensor noise: seen by the encoder, which then codes frames of a normal size, not by people."""

_DENSE_FLAME = 4
"""A seed whose flame is one dense body, as a burning heap is; many are a few thin tongues."""

_GRAIN_FIELDS = 7
"""Noise fields a scene repeats: more than the eye follows at 10 fps, and no two looks 1, 2 or 4 s
apart have the same: a picture that stays the same to the pixel is a frozen camera's."""

Painter = Callable[[Pixels, float], Box | None]
"""Paints one thing as it is at a second of the loop; returns its box (0-1) if it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """What plays in a scene: ``*_below`` is lit by its light, ``*_above`` comes after it."""

    hazard_below: tuple[Painter, ...] = ()
    """Hazards that reflect light: rocks, water, vehicles."""
    hazard_above: tuple[Painter, ...] = ()
    """Hazards that shine or veil: fire, smoke, a covered lens."""
    life_below: tuple[Painter, ...] = ()
    """Bystanders without meaning: passing cars."""
    life_above: tuple[Painter, ...] = ()
    """Their lamps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillScene:
    """The script of one drill camera."""

    name: str
    """Name of the mount, such as street_fire."""
    hazard: Hazard
    """What the service should report."""
    place: str
    """Kind of backdrop: street, yard or mountain."""
    hour: Hour
    """Time of day."""
    seed: int
    """Fixes the looks of everything."""
    onset_s: float
    """Second of the loop at which the hazard's first frame is shown."""
    clear_s: float
    """Second of the loop from which nothing of the hazard is seen."""
    loop_s: float = 60.0
    """Length of the loop; the last frame passes into the first without a jump."""
    cast: Callable[["DrillScene", Backdrop, np.random.Generator], Cast] = field(repr=False)
    """Makes what plays in it."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.onset_s < self.clear_s < self.loop_s:
            message = f"{self.name}: a drill needs 0 <= onset_s < clear_s < loop_s"
            raise ValueError(message)

    @property
    def frames(self) -> int:
        """Return how many frames the loop has."""
        return round(self.loop_s * FPS)

    def shows_hazard(self, t_s: float) -> bool:
        """Return whether the frame at a second of the loop shows the hazard."""
        return self.onset_s - 1e-6 <= t_s < self.clear_s - 1e-6

    def presence(self, t_s: float) -> float:
        """Return how much of the hazard is there, 0-1: it grows fast, stays, and fades fast."""
        if not self.shows_hazard(t_s):
            return 0.0
        grown = _START_SHARE + (1.0 - _START_SHARE) * (t_s - self.onset_s) / _GROW_S
        return float(np.clip(min(grown, (self.clear_s - t_s) / _FADE_S), 0.05, 1.0))

    def stage(self) -> "Stage":
        """Prepare everything that doesn't move. Takes about a tenth of a second."""
        rng = np.random.default_rng(self.seed)
        backdrop = KINDS[self.place](rng, SIZE_PX, self.hour)
        cast = self.cast(self, backdrop, rng)
        grain = tuple(
            np.round(rng.normal(0.0, _GRAIN_SIGMA, SIZE_PX)).astype(np.int16)
            for _ in range(_GRAIN_FIELDS)
        )
        return Stage(scene=self, backdrop=backdrop, cast=cast, grain=grain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A scene with its looks made: draws any moment, and knows what is in it."""

    scene: DrillScene
    """The script."""
    backdrop: Backdrop
    """The place."""
    cast: Cast
    """What plays."""
    grain: tuple[Int16[np.ndarray, "h w"], ...]
    """Sensor noise, repeated."""

    def frame(self, t_s: float) -> Pixels:
        """Return the picture at a time; loops for ever."""
        return self._shot(t_s, self.cast)[0]

    def quiet(self, t_s: float) -> Pixels:
        """Return the same moment as if the hazard had not happened."""
        bystanders = Cast(life_below=self.cast.life_below, life_above=self.cast.life_above)
        return self._shot(t_s, bystanders)[0]

    def truth(self, t_s: float) -> Boxes:
        """Return the boxes (0-1) of the hazard at a time; none while it isn't there."""
        return self._shot(t_s, self.cast)[1]

    def _shot(self, t_s: float, cast: Cast) -> tuple[Pixels, Boxes]:
        t_s = t_s % self.scene.loop_s
        picture = self.backdrop.painted.copy()
        boxes: list[Box] = []
        for paint in cast.life_below:
            paint(picture, t_s)
        boxes += _painted(picture, cast.hazard_below, t_s)
        picture = self.backdrop.light.on(picture)
        for paint in cast.life_above:
            paint(picture, t_s)
        boxes += _painted(picture, cast.hazard_above, t_s)
        _clock_text(picture, f"DRILL {self.scene.name} {int(t_s):02d}")
        grain = self.grain[round(t_s * FPS) % _GRAIN_FIELDS]
        noisy = cv2.add(picture, cv2.merge([grain, grain, grain]), dtype=cv2.CV_8U)
        return np.asarray(noisy), np.asarray(boxes, np.float32).reshape(-1, 4)


def _painted(picture: Pixels, painters: tuple[Painter, ...], t_s: float) -> list[Box]:
    found = [paint(picture, t_s) for paint in painters]
    return [box for box in found if box is not None]


def _clock_text(picture: Pixels, text: str) -> None:
    """Write the line that cameras write, so that nobody takes a drill for a street."""
    bar = picture[6:26, 6 : 14 + 9 * len(text)]
    bar //= 3
    cv2.putText(
        picture, text, (10, 21), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """One vehicle driving once a loop in a straight line."""

    start_s: float
    """When it enters."""
    seconds: float
    """How long it is in the picture."""
    from_m: tuple[float, float]
    """X, Z where it enters."""
    to_m: tuple[float, float]
    """X, Z where it leaves."""


def drives(
    scene: DrillScene, backdrop: Backdrop, rng: np.random.Generator, plans: tuple[Drive, ...]
) -> tuple[tuple[Painter, ...], tuple[Painter, ...]]:
    """Return painters of cars and of their lamps; plans that outlast the loop are left out."""
    bodies: list[Painter] = []
    lamps: list[Painter] = []
    dark = backdrop.light.hour is not Hour.DAY
    for plan in plans:
        if plan.start_s + plan.seconds >= scene.loop_s:
            continue
        car = _Car(plan=plan, looks=(make_body(rng, "car"), random_paint(rng)), backdrop=backdrop)
        bodies.append(car.paint)
        if dark:
            lamps.append(car.shine)
    return tuple(bodies), tuple(lamps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Car:
    """A car on its way."""

    plan: Drive
    looks: tuple[Body, Colour]
    backdrop: Backdrop

    def _now(self, t_s: float) -> Vehicle | None:
        share = (t_s - self.plan.start_s) / self.plan.seconds
        if not 0.0 <= share < 1.0:
            return None
        (x0, z0), (x1, z1) = self.plan.from_m, self.plan.to_m
        z = z0 + (z1 - z0) * share
        turn = 2 * self.backdrop.view.bend_per_m * z
        return Vehicle(
            body=self.looks[0],
            paint=self.looks[1],
            x_m=x0 + (x1 - x0) * share,
            z_m=z,
            heading_rad=float(np.arctan2(x1 - x0, z1 - z0)) + turn,
        )

    def paint(self, picture: Pixels, t_s: float) -> Box | None:
        """Paint the car."""
        vehicle = self._now(t_s)
        return draw_vehicle(picture, self.backdrop.view, vehicle)[0] if vehicle else None

    def shine(self, picture: Pixels, t_s: float) -> None:
        """Paint its lamps."""
        vehicle = self._now(t_s)
        if vehicle:
            light_lamps(picture, self.backdrop.view, vehicle, 0.7)


def _depth_m(backdrop: Backdrop, row: float) -> float:
    """Return how far away the ground is in a row (a share of the height)."""
    return backdrop.view.depth_of_row(row * SIZE_PX[0])


def _edge_m(backdrop: Backdrop, z_m: float) -> float:
    """Return X of what the picture's right edge shows at a distance."""
    view = backdrop.view
    return (view.width_px - view.vanish_x_px) / view.px_per_m(z_m)


def _street_fire(scene: DrillScene, backdrop: Backdrop, rng: np.random.Generator) -> Cast:
    """Return a heap burning at the left kerb while cars pass in the other lanes."""
    flame = replace(make_flame(np.random.default_rng(_DENSE_FLAME)), aspect=0.9)
    road = backdrop.road
    foot = backdrop.view.ground(road.left_m + 1.2, _depth_m(backdrop, 0.74))
    tall = SIZE_PX[0] * 0.34

    def burn(picture: Pixels, t_s: float) -> Box | None:
        there = scene.presence(t_s)
        return draw_flame(
            picture, flame, foot_px=foot, size_px=tall * (0.3 + 0.7 * there), at_s=t_s,
            strength=min(1.0, 2.2 * there), glow=0.5,
        )  # fmt: skip

    lane = road.lane_centres_m()[-1]
    away = [
        Drive(start_s=start, seconds=7.0, from_m=(lane, 4.0), to_m=(lane, 75.0))
        for start in (1.0, 22.0, 45.0)
    ]
    bodies, lamps = drives(scene, backdrop, rng, tuple(away))
    return Cast(hazard_above=(burn,), life_below=bodies, life_above=lamps)


def _yard_smoke(scene: DrillScene, backdrop: Backdrop, rng: np.random.Generator) -> Cast:
    """Return a plume over a yard, a car leaving now and then."""
    smoke = replace(
        make_smoke(rng), tone=(74.0, 72.0, 72.0), opacity=0.96, lean=0.3, spread=0.34, softness=0.4
    )
    foot = (SIZE_PX[1] * 0.56, SIZE_PX[0] * 0.72)

    def drift(picture: Pixels, t_s: float) -> Box | None:
        there = scene.presence(t_s)
        return draw_smoke(
            picture, smoke, foot_px=foot, size_px=SIZE_PX[0] * 0.7 * (0.35 + 0.65 * there),
            at_s=t_s, strength=min(1.0, 2.2 * there),
        )  # fmt: skip

    edge = _edge_m(backdrop, 24.0)
    leaving = [
        Drive(start_s=start, seconds=9.0, from_m=(edge + 2.5, 24.0), to_m=(edge, 110.0))
        for start in (2.0, 44.0)
    ]
    bodies, lamps = drives(scene, backdrop, rng, tuple(leaving))
    return Cast(hazard_above=(drift,), life_below=bodies, life_above=lamps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fall:
    """One rock that comes down the slope, bounces once and lies still."""

    scene: DrillScene
    backdrop: Backdrop
    rock: Rock
    side: float
    rest_m: tuple[float, float]
    wide_px: float
    delay_s: float

    def paint(self, picture: Pixels, t_s: float) -> Box | None:
        """Paint the rock where it is: at rest ``_GROW_S`` after the onset."""
        since = t_s - self.scene.onset_s - self.delay_s
        if since < -1e-6 or not self.scene.shows_hazard(t_s):
            return None
        share = min(since / (_GROW_S - self.delay_s), 1.0)
        view = self.backdrop.view
        x = self.rest_m[0] + self.side * 4.5 * (1.0 - share)
        metre = view.px_per_m(self.rest_m[1])
        drop = max(3.5 * (1.0 - (share / 0.55) ** 2), 0.0)
        bounce = 0.7 * max(np.sin((share - 0.55) / 0.45 * np.pi), 0.0) if share > 0.55 else 0.0
        x_px, y_px = view.ground(x, self.rest_m[1])
        fade = min(1.0, (self.scene.clear_s - t_s) / _FADE_S)
        return draw_rock(
            picture, self.rock, centre_px=(x_px, y_px - 0.35 * self.wide_px),
            size_px=self.wide_px, turn_deg=self.side * 300.0 * (1.0 - share),
            lift_px=float(drop + bounce) * metre, strength=max(fade, 0.05),
        )  # fmt: skip


def _road_rock(scene: DrillScene, backdrop: Backdrop, rng: np.random.Generator) -> Cast:
    """Return rocks that fall from the slope onto the road; cars pass before and after only."""
    road = backdrop.road
    side = -1.0
    falls = tuple(
        _Fall(
            scene=scene, backdrop=backdrop, rock=make_rock(rng, (142.0, 160.0, 176.0)), side=side,
            rest_m=rest, wide_px=wide, delay_s=delay,
        ).paint
        for rest, wide, delay in (
            ((road.left_m + 5.6, _depth_m(backdrop, 0.69)), 46.0, 0.3),
            ((road.left_m + 2.0, _depth_m(backdrop, 0.74)), 96.0, 0.0),
            ((road.left_m + 5.0, _depth_m(backdrop, 0.86)), 56.0, 0.2),
        )
    )  # fmt: skip
    left, right = road.lane_centres_m()
    plans = (
        Drive(start_s=3.0, seconds=8.0, from_m=(left, 80.0), to_m=(left, 4.0)),
        Drive(start_s=10.0, seconds=7.0, from_m=(right, 4.0), to_m=(right, 75.0)),
        Drive(start_s=47.0, seconds=8.0, from_m=(left, 80.0), to_m=(left, 4.0)),
    )
    clear = [
        plan for plan in plans
        if plan.start_s + plan.seconds <= scene.onset_s or plan.start_s >= scene.clear_s
    ]  # fmt: skip
    bodies, lamps = drives(scene, backdrop, rng, tuple(clear))
    return Cast(hazard_below=falls, life_below=bodies, life_above=lamps)


SCENES: dict[str, DrillScene] = {
    scene.name: scene
    for scene in (
        DrillScene(
            name="street_fire", hazard=Hazard.FIRE, place="street", hour=Hour.DUSK, seed=8,
            onset_s=8.0, clear_s=34.0, cast=_street_fire,
        ),
        DrillScene(
            name="yard_smoke", hazard=Hazard.SMOKE, place="yard", hour=Hour.DAY, seed=1,
            onset_s=13.0, clear_s=39.0, cast=_yard_smoke,
        ),
        DrillScene(
            name="road_rock", hazard=Hazard.DEBRIS, place="mountain", hour=Hour.DAY, seed=11,
            onset_s=18.0, clear_s=44.0, cast=_road_rock,
        ),
    )
}  # fmt: skip
"""Every drill camera. Onsets are staggered, so that a demo sees one after the other."""
