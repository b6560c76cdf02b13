from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipelines.believing import believes
from pipelines.frames import Look, Measures
from pipelines.messages import ZoneKind
from pipelines.rules.events import Sighting
from pipelines.rules.fire import State, step
from pipelines.rules.moment import Columns, Moment
from pipelines.rules.places import MAX_PLACES
from pipelines.rules.settings import SETTINGS
from pipelines.zones import Area
from tests.support.builders import FIRE_BOX, look
from vision.flicker import Patch
from vision.hazards import Hazard
from vision.polygons import WHOLE_PICTURE
from vision.roles import Label, Role

LABELS = Columns(
    labels=(
        Label(name="fire", role=Role.HAZARD, hazard=Hazard.FIRE, threshold=0.6),
        Label(name="car", role=Role.VEHICLE, hazard=None, threshold=0.5),
    )
)
ALL = Area(zone_id="all", kind=ZoneKind.AREA, polygon=WHOLE_PICTURE)
LEFT = np.array([[0, 0], [0.2, 0], [0.2, 1], [0, 1]], np.float32)
SETTING = SETTINGS.fire
Box = tuple[float, float, float, float]
Row = tuple[Box, float, int]


def picture(seed: int, box: Box = FIRE_BOX, *, noise: float = 1.0, flames: float = 0.0) -> Patch:
    """Of a bright core with an edge; ``flames`` are levels of coarse change from seed to seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:24j, -1:1:24j]
    core = np.where(x**2 + y**2 < 0.3, 240.0, 60.0)
    coarse = cv2.resize(rng.normal(0, 1, (6, 6)), (24, 24), interpolation=cv2.INTER_CUBIC)
    seen = core + coarse * flames + rng.normal(0, noise, (24, 24))
    level = np.clip(seen, 0, 255).astype(np.uint8)
    return Patch(pixels=np.stack([level // 3, level // 2, level], -1), region=box, size_px=(60, 60))


def lamp(seed: int) -> Patch:
    return picture(seed)


def flames(seed: int) -> Patch:
    return picture(seed, flames=60.0)


def with_patches(seen: Look, *patches: Patch | None) -> Look:
    return replace(seen, measures=Measures(patches=patches))


def moment(*looks: Look) -> Moment:
    return Moment(looks=looks, columns=LABELS)


class Watch:
    """Feeds moments; what came of each as a letter: S strong, w weak, - nothing."""

    def __init__(self, area: Area = ALL, floor: float = 0.0) -> None:
        self.state, self.area, self.floor = State(), area, floor
        self.seen: list[Sighting | None] = []

    def __call__(self, *looks: Look) -> str:
        self.state, sighting = step(self.state, moment(*looks), self.area, self.floor, SETTING)
        self.seen.append(sighting)
        return "-" if sighting is None else "S" if sighting.strong else "w"

    def began(self) -> bool:
        signs = [None if one is None else one.strong for one in self.seen]
        return any(believes(signs[: n + 1], SETTING.persistence) for n in range(len(signs)))


def moved(box: Box, right: float, *, times: float = 1.0) -> Box:
    x0, y0, x1, y1 = box
    wide, tall = (x1 - x0) * (times - 1) / 2, (y1 - y0) * (times - 1) / 2
    return x0 + right - wide, y0 - tall, x1 + right + wide, y1 + tall


def test_a_fire_counts_fully_from_its_second_look() -> None:
    watch = Watch()
    assert "".join(watch(look(n * 2.0, (FIRE_BOX, 0.8, 0))) for n in range(5)) == "wSSSS"
    assert watch.began()
    assert watch.seen[1] is not None
    assert watch.seen[1].box == pytest.approx(FIRE_BOX)


def test_a_burst_s_second_counts_fully_at_once_with_the_median_score() -> None:
    watch = Watch()
    scores = (0.9, 0.7, 0.65, 0.8)
    seen = [look(n / 5, (FIRE_BOX, score, 0)) for n, score in enumerate(scores)]
    assert watch(*seen, look(0.8)) == "S"
    assert watch.seen[0] is not None
    assert watch.seen[0].score == pytest.approx(0.8)
    assert watch(look(1), look(1.2, (FIRE_BOX, 0.9, 0)), look(1.4), look(1.6)) == "-"


def test_scores_below_the_label_s_or_the_camera_s_threshold_are_weak() -> None:
    watch = Watch()
    assert "".join(watch(look(n, (FIRE_BOX, 0.5, 0))) for n in range(5)) == "wwwww"
    strict = Watch(floor=0.85)
    assert "".join(strict(look(n, (FIRE_BOX, 0.8, 0))) for n in range(5)) == "wwwww"
    assert strict(look(6, (FIRE_BOX, 0.9, 0))) == "S"


def test_outside_the_zone_and_vehicles_alone_are_nothing() -> None:
    watch = Watch(replace(ALL, polygon=LEFT))
    assert {watch(look(n, (FIRE_BOX, 0.9, 0), (FIRE_BOX, 0.9, 1))) for n in range(5)} == {"-"}


def test_a_lamp_that_goes_on_never_begins_an_alert_and_is_soon_nothing() -> None:
    watch = Watch()
    told = [watch(with_patches(look(n * 2.0, (FIRE_BOX, 0.9, 0)), lamp(n))) for n in range(30)]
    assert not watch.began()
    assert set(told[12:]) == {"-"}


def test_a_lamp_seen_in_a_burst_begins_nothing_either() -> None:
    watch = Watch()
    for second in range(8):
        row = [look(second + n / 5, (FIRE_BOX, 0.9, 0)) for n in range(5)]
        watch(*(with_patches(one, lamp(second * 5 + n)) for n, one in enumerate(row)))
    assert not watch.began()


def test_flames_from_the_first_look_on_are_a_fire() -> None:
    watch = Watch()
    for n in range(180):  # six minutes
        watch(with_patches(look(n * 2.0, (FIRE_BOX, 0.8, 0)), flames(n)))
    assert watch.began()
    assert all(one is not None and one.strong for one in watch.seen[1:]), "no habit while it burns"


def test_a_codec_that_holds_its_pictures_hides_no_fire() -> None:
    watch = Watch()
    for second in range(4):
        row = [look(second + n / 5, (FIRE_BOX, 0.8, 0)) for n in range(5)]
        watch(*(with_patches(one, flames(1)) for one in row))
    assert watch.began()


def test_a_lamp_that_catches_fire_counts_again() -> None:
    watch = Watch()
    for n in range(30):
        watch(with_patches(look(n * 2.0, (FIRE_BOX, 0.8, 0)), lamp(n)))
    for n in range(30, 33):
        told = watch(with_patches(look(n * 2.0, (FIRE_BOX, 0.8, 0)), flames(n)))
    assert told == "S"


def test_lights_that_pass_are_each_time_elsewhere() -> None:
    watch = Watch()
    told = [
        watch(look(n * 2.0, (moved((0.0, 0.4, 0.05, 0.5), n * 0.12), 0.9, 0))) for n in range(8)
    ]
    assert set(told) == {"w"}
    row = [look(20 + n / 5, (moved((0.0, 0.4, 0.05, 0.5), n * 0.15), 0.9, 0)) for n in range(5)]
    assert watch(*row) == "-"


def test_the_light_of_a_moving_vehicle_is_weak_and_a_burning_one_that_stands_is_not() -> None:
    watch = Watch()
    for n in range(5):
        car = moved((0.1, 0.2, 0.6, 0.6), n * 0.2)
        assert watch(look(n * 2.0, (FIRE_BOX, 0.9, 0), (car, 0.9, 1))) == ("w" if n < 2 else "S")
    standing, burns = Watch(), (0.2, 0.2, 0.6, 0.6)
    told = [standing(look(n * 2.0, (FIRE_BOX, 0.9, 0), (burns, 0.9, 1))) for n in range(5)]
    assert told == ["w", "S", "S", "S", "S"]


def test_cloth_supports_but_begins_nothing() -> None:
    def cloth(seed: int) -> Patch:
        rows = np.tile(170 + 40 * np.sin(np.arange(24) * 0.9 + seed * 2), (24, 1))
        pixels = np.stack([rows * 0.15, rows * 0.15, rows], -1).astype(np.uint8)
        return Patch(pixels=pixels, region=FIRE_BOX, size_px=(60, 60))

    watch = Watch()
    told = [watch(with_patches(look(n * 2.0, (FIRE_BOX, 0.9, 0)), cloth(n))) for n in range(10)]
    assert told[:4] == ["w"] * 4
    assert not watch.began()


def test_a_glow_without_an_edge_is_nothing() -> None:
    y = np.linspace(80, 200, 24)[:, None].repeat(24, axis=1)
    sky = Patch(
        pixels=np.stack([y / 3, y / 2, y], -1).astype(np.uint8), region=FIRE_BOX, size_px=(99, 99)
    )
    watch = Watch()
    assert {watch(with_patches(look(n * 2.0, (FIRE_BOX, 0.9, 0)), sky)) for n in range(9)} == {"-"}


def test_what_was_long_weak_must_grow_or_be_much_surer() -> None:
    watch = Watch()
    for n in range(160):
        watch(look(n * 2.0, (FIRE_BOX, 0.55, 0)))
    assert watch(look(400, (FIRE_BOX, 0.65, 0))) == "w"
    assert watch(look(402, (FIRE_BOX, 0.8, 0))) == "S"
    grown = moved(FIRE_BOX, 0.0, times=1.6)
    assert "".join(watch(look(404 + n * 2, (grown, 0.65, 0))) for n in range(3)) == "wSS"


def test_a_fire_beside_a_habit_counts_though_its_score_is_lower() -> None:
    watch, other = Watch(), (0.7, 0.7, 0.8, 0.8)
    for n in range(40):
        watch(with_patches(look(n * 2.0, (FIRE_BOX, 0.95, 0)), lamp(n)))
    both = [look(400 + n * 2.0, (FIRE_BOX, 0.95, 0), (other, 0.7, 0)) for n in range(4)]
    told = [watch(with_patches(one, lamp(n), None)) for n, one in enumerate(both)]
    assert told[1:] == ["S", "S", "S"]
    assert watch.seen[-1] is not None
    assert watch.seen[-1].box == pytest.approx(other)


def test_its_memory_has_an_end() -> None:
    watch, rng = Watch(), np.random.default_rng(1)
    for n in range(60):
        x, y = rng.uniform(0, 0.9, 2)
        watch(look(n * 2.0, ((x, y, x + 0.02, y + 0.02), 0.7, 0)))
    assert len(watch.state.places) <= MAX_PLACES


def test_a_clock_that_goes_back_is_borne() -> None:
    watch = Watch()
    for seconds in (100.0, 102.0, 50.0, 52.0):
        assert watch(look(seconds, (FIRE_BOX, 0.9, 0))) in {"w", "S"}
