"""Cameras that fail, and light, weather and traffic that only look as if they had."""

from binascii import crc32
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from pipelines.drills.plays.common import (
    AWAY,
    HAZARD,
    LOOKALIKE,
    NEARER,
    Build,
    Draw,
    Lens,
    Play,
    Props,
    Route,
    Spot,
    Truth,
    driven,
    expose,
    passing,
    scene_at,
    staged,
)
from pipelines.drills.plays.glows import haze, lamp
from pipelines.drills.plays.places import AVENUE, MOUNTAIN, SIZE_PX, STREET, YARD, Place, view_of
from pipelines.messages import CameraFault
from pipelines.zones import WHOLE_PICTURE_ZONE
from vision.arrays import Pixels
from vision.drawing.backdrops import Backdrop
from vision.drawing.paint import blend, fractal
from vision.drawing.weather import Film, Weather, make_film
from vision.hazards import Hazard

_LENGTH_S = 100.0
_ONSET_S = 40.0

_WATCHED: Final = (Hazard.CAMERA_FAULT,)
_ALL: Final = (Hazard.CAMERA_FAULT, Hazard.FIRE, Hazard.SMOKE, Hazard.DEBRIS)

_DEFOCUS_PX = 5.0
"""Gaussian blur of 1/70 of the width: a lens knocked out of focus, or grease."""

_TURN_PX = (170.0, 26.0)
"""How far a turned camera's view moves, right and down: a quarter of the picture. What comes
into view is a mirror image of the rest: nothing is known beyond the picture's edge."""

_TURN_S = 1.0

_COVER_S = 1.5
"""How long it takes to hang a cloth over a camera."""


def _traffic(place: Place) -> Build:
    def build(spot: Spot) -> Props:
        if place.kind == "yard":
            across = Route(stations=((15.0, -30.0, 40.0), (25.0, 30.0, 40.0)))
            again = Route(stations=((70.0, 30.0, 40.0), (80.0, -30.0, 40.0)))
            side = float(np.pi / 2)
            return Props(actors=(driven(spot, across, side), driven(spot, again, -side)))
        lanes = place.road.lane_centres_m()
        return Props(
            actors=tuple(
                passing(spot, lanes[-1], AWAY, (2.0, 13.0, 27.0, 45.0, 63.0, 84.0))
                + passing(spot, lanes[0], NEARER, (8.0, 21.0, 36.0, 55.0, 72.0, 90.0))
            )
        )

    return build


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shot:
    """A place with what plays in it, on a film."""

    backdrop: Backdrop
    props: Props
    film: Film

    def before_lens(self, t_s: float) -> Pixels:
        return scene_at(self.backdrop, self.props, self.film, t_s)


def _shot(name: str, seed: int, place: Place, weather: Weather, build: Build) -> _Shot:
    """Return a shot: two of one name and seed show the same houses and cars."""
    rng = np.random.default_rng([crc32(name.encode()), seed])
    painted = place.backdrop(rng, weather)
    film = make_film(np.random.default_rng([seed, 1]), weather, SIZE_PX)
    cast = np.random.default_rng([seed, 2])
    props = build(Spot(backdrop=painted, rng=cast, weather=weather))
    return _Shot(backdrop=painted, props=props, film=film)


def _as_lens(lens_of: Callable[[np.random.Generator], Lens], place: Place) -> Build:
    """Return a place's traffic behind a lens that fails at the onset."""
    plain = _traffic(place)

    def build(spot: Spot) -> Props:
        return replace(plain(spot), lens=lens_of(spot.rng))

    return build


def _black(_rng: np.random.Generator) -> Lens:
    def lens(picture: Pixels, t_s: float) -> Pixels:
        return picture if t_s < _ONSET_S else np.full_like(picture, 4)

    return lens


def _blurred(_rng: np.random.Generator) -> Lens:
    def lens(picture: Pixels, t_s: float) -> Pixels:
        if t_s < _ONSET_S:
            return picture
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), _DEFOCUS_PX))

    return lens


def _cloth(share: float) -> Callable[[np.random.Generator], Lens]:
    """Return a cloth that falls from above until it hides a share of the picture."""

    def lens_of(rng: np.random.Generator) -> Lens:
        rows, columns = SIZE_PX
        folds = cv2.GaussianBlur(fractal(rng, rows, columns, 160, 2), (0, 0), 14.0)
        tone = np.asarray(((70, 75, 80), (52, 58, 96), (92, 84, 66))[int(rng.integers(3))])
        cloth = ((0.7 + 0.5 * folds)[..., None] * tone).astype(np.float32)
        rim = fractal(rng, 1, columns, 200, 2)[0]
        row = np.arange(rows, dtype=np.float32)[:, None]

        def lens(picture: Pixels, t_s: float) -> Pixels:
            down = float(np.clip((t_s - _ONSET_S) / _COVER_S, 0.0, 1.0)) * share
            if t_s < _ONSET_S:
                return picture
            sway = 4.0 * float(np.sin(0.9 * t_s))
            edge = rows * (down * 1.12 + 0.02) - 30.0 * rim + sway
            alpha = np.clip((edge - row) / 10.0, 0.0, 1.0).astype(np.float32)
            seen = picture.copy()
            blend(seen, cloth, alpha, 0, 0)
            return seen

        return lens

    return lens_of


def _bag(rng: np.random.Generator) -> Lens:
    """Return a pale plastic bag drawn over the camera from one side: some light, no detail."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    crumple = fractal(rng, *SIZE_PX, 70, 3)

    def lens(picture: Pixels, t_s: float) -> Pixels:
        share = float(np.clip((t_s - _ONSET_S) / _COVER_S, 0.0, 1.0))
        if share <= 0.0:
            return picture
        x = np.linspace(0.0, 1.0, SIZE_PX[1], dtype=np.float32)[None, :]
        edge = share * 1.1 - (x if side > 0 else 1.0 - x)
        alpha = np.clip(edge * 14.0, 0.0, 1.0).repeat(SIZE_PX[0], axis=0)
        level = float(picture.mean()) * 0.9 + 12.0
        glow = (level * (0.85 + 0.25 * crumple))[..., None].repeat(3, axis=2)
        seen = picture.copy()
        blend(seen, glow.astype(np.float32), (alpha * 0.97).astype(np.float32), 0, 0)
        return seen

    return lens


def _spray(rng: np.random.Generator) -> Lens:
    """Return paint sprayed onto the glass: blots that join until they hide most of it."""
    blots = fractal(rng, *SIZE_PX, 150, 3)
    order = np.argsort(np.argsort(blots.ravel())).reshape(SIZE_PX) / blots.size

    def lens(picture: Pixels, t_s: float) -> Pixels:
        share = float(np.clip((t_s - _ONSET_S) / 2.0, 0.0, 1.0)) * 0.86
        if share <= 0.0:
            return picture
        alpha = np.clip((share - order) * 18.0, 0.0, 1.0).astype(np.float32)
        seen = picture.copy()
        blend(seen, (58.0, 60.0, 62.0), alpha, 0, 0)
        return seen

    return lens


def _fault_play(name: str, fault: CameraFault, stage: Callable[[int], Draw]) -> Play:
    return Play(
        name=name, kind=HAZARD, hazards=_WATCHED, length_s=_LENGTH_S, stage=stage,
        truth=(
            Truth(
                hazard=Hazard.CAMERA_FAULT, from_s=_ONSET_S, to_s=_LENGTH_S, fault=fault,
                zone_ids=(WHOLE_PICTURE_ZONE,),
            ),
        ),
    )  # fmt: skip


def _optical(
    what: str, place: Place, weather: Weather, fault: CameraFault,
    lens_of: Callable[[np.random.Generator], Lens],
) -> Play:  # fmt: skip
    name = f"fault_{what}_{place.kind}_{weather}"
    stage = staged(name, place, weather, _as_lens(lens_of, place))
    return _fault_play(name, fault, stage)


def _frozen(place: Place, weather: Weather) -> Play:
    """Return a play whose picture stays what it was at the onset, clock and noise included."""
    name = f"fault_frozen_{place.kind}_{weather}"
    alive = staged(name, place, weather, _traffic(place))

    def stage(seed: int) -> Draw:
        draw = alive(seed)
        return lambda t_s: draw(min(t_s, _ONSET_S))

    return _fault_play(name, CameraFault.FROZEN, stage)


def _lost(place: Place, weather: Weather) -> Play:
    name = f"fault_lost_{place.kind}_{weather}"
    alive = staged(name, place, weather, _traffic(place))

    def stage(seed: int) -> Draw:
        draw = alive(seed)
        return lambda t_s: draw(t_s) if t_s < _ONSET_S else None

    return _fault_play(name, CameraFault.LOST, stage)


def _turned(_rng: np.random.Generator) -> Lens:
    """Return a camera that is turned aside within a second, a little askew, and stays so."""

    def lens(picture: Pixels, t_s: float) -> Pixels:
        share = float(np.clip((t_s - _ONSET_S) / _TURN_S, 0.0, 1.0))
        if share <= 0.0:
            return picture
        turn = cv2.getRotationMatrix2D((SIZE_PX[1] / 2, SIZE_PX[0] / 2), 4.0 * share, 1.0)
        aside = [[0.0, 0.0, _TURN_PX[0] * share], [0.0, 0.0, _TURN_PX[1] * share]]
        matrix = np.asarray(turn, np.float64) + np.asarray(aside)
        size = (SIZE_PX[1], SIZE_PX[0])
        return np.asarray(cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REFLECT))

    return lens


def _turns_into(
    name: str, place: Place, weathers: tuple[Weather, Weather], share: Callable[[float], float]
) -> Play:
    """Return a harmless play in which one weather passes into another; ``share`` is 0 to 1."""
    full = f"not_fault_{name}"

    def stage(seed: int) -> Draw:
        first, second = (_shot(full, seed, place, one, _traffic(place)) for one in weathers)

        def draw(t_s: float) -> Pixels:
            part = float(np.clip(share(t_s), 0.0, 1.0))
            if part in {0.0, 1.0}:
                shot = second if part else first
                return expose(shot.film, shot.before_lens(t_s), t_s)
            one, other = first.before_lens(t_s), second.before_lens(t_s)
            mixed = np.asarray(cv2.addWeighted(one, 1.0 - part, other, part, 0.0))
            return expose((second if part > 0.5 else first).film, mixed, t_s)

        return draw

    return Play(name=full, kind=LOOKALIKE, hazards=_ALL, length_s=_LENGTH_S, stage=stage)


LOW_STREET: Final = Place(
    kind="street", view=view_of(camera_m=3.0, horizon_px=120.0, vanish_px=320.0),
    road=STREET.road, paint=STREET.paint,
)  # fmt: skip
"""A camera at the height of a shop sign: a bus before it hides the street."""


def _bus_in_front(spot: Spot) -> Props:
    """Return a bus that stands across the picture for 20 s."""
    route = Route(stations=((32.0, -22.0, 9.5), (36.0, 0.5, 9.5), (56.0, 0.5, 9.5),
                            (60.0, 24.0, 9.5)))  # fmt: skip
    bus = driven(spot, route, float(np.pi / 2), label="bus")
    right = LOW_STREET.road.lane_centres_m()[1]
    return Props(actors=(bus, *passing(spot, right, AWAY, (5.0, 80.0))))


def _fog(spot: Spot) -> Props:
    veil = haze(spot, lambda t_s: float(np.clip((t_s - 25.0) / 25.0, 0.0, 0.9)), 34.0)
    return replace(_traffic(STREET)(spot), shining=(veil,))


def _lamp_on(spot: Spot) -> Props:
    return replace(
        _traffic(STREET)(spot), shining=(lamp(spot, -5.5, 16.0, 40.0), lamp(spot, 5.5, 20.0, 40.2))
    )


def _rush_hour(spot: Spot) -> Props:
    lanes = AVENUE.road.lane_centres_m()
    actors = []
    for k, lane in enumerate(lanes):
        starts = tuple(float(s) for s in np.arange(-6.0 + k, 96.0, 4.1))
        actors += passing(spot, lane, NEARER if k < 2 else AWAY, starts, seconds=9.0,
                          label="truck" if k == 0 else "car")  # fmt: skip
    return Props(actors=tuple(actors))


def _harmless(name: str, place: Place, weather: Weather, build: Build) -> Play:
    full = f"not_fault_{name}"
    return Play(
        name=full, kind=LOOKALIKE, hazards=_ALL, length_s=_LENGTH_S,
        stage=staged(full, place, weather, build),
    )  # fmt: skip


FAULTS: Final = (
    _frozen(STREET, Weather.DAY),
    _frozen(STREET, Weather.NIGHT),
    _optical("black", STREET, Weather.DAY, CameraFault.BLACK, _black),
    _optical("black", YARD, Weather.NIGHT, CameraFault.BLACK, _black),
    _optical("cloth", STREET, Weather.DAY, CameraFault.COVERED, _cloth(1.0)),
    _optical("cloth", STREET, Weather.NIGHT, CameraFault.COVERED, _cloth(1.0)),
    _optical("half_cloth", MOUNTAIN, Weather.DAY, CameraFault.COVERED, _cloth(0.78)),
    _optical("bag", YARD, Weather.DAY, CameraFault.COVERED, _bag),
    _optical("spray", STREET, Weather.DUSK, CameraFault.COVERED, _spray),
    _optical("blurred", STREET, Weather.DAY, CameraFault.BLURRED, _blurred),
    _optical("blurred", STREET, Weather.NIGHT, CameraFault.BLURRED, _blurred),
    _optical("blurred", MOUNTAIN, Weather.INFRARED, CameraFault.BLURRED, _blurred),
    _optical("moved", STREET, Weather.DAY, CameraFault.MOVED, _turned),
    _optical("moved", YARD, Weather.NIGHT, CameraFault.MOVED, _turned),
    _optical("moved", MOUNTAIN, Weather.RAIN, CameraFault.MOVED, _turned),
    _lost(STREET, Weather.DAY),
    _lost(YARD, Weather.NIGHT),
)

HARMLESS: Final = (
    _turns_into("night_falls", STREET, (Weather.DAY, Weather.NIGHT), lambda t_s: (t_s - 10) / 80),
    _turns_into("night_falls_yard", YARD, (Weather.DUSK, Weather.NIGHT), lambda t_s: t_s / 70),
    _turns_into("infrared_on", YARD, (Weather.DUSK, Weather.INFRARED), lambda t_s: t_s - 44.0),
    _turns_into("infrared_off", STREET, (Weather.INFRARED, Weather.DAY), lambda t_s: t_s - 52.0),
    _turns_into("rain_starts", STREET, (Weather.DAY, Weather.RAIN), lambda t_s: (t_s - 30) / 12),
    _harmless("fog_bank", STREET, Weather.DAY, _fog),
    _harmless("lamp_on", STREET, Weather.NIGHT, _lamp_on),
    _harmless("bus_in_front", LOW_STREET, Weather.DAY, _bus_in_front),
    _harmless("rush_hour", AVENUE, Weather.DAY, _rush_hour),
)

PLAYS: Final = FAULTS + HARMLESS
