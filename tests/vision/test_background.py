from collections.abc import Callable

import numpy as np
import pytest

from vision.arrays import Boxes, Pixels
from vision.background import Background
from vision.drawing.backdrops import KINDS
from vision.drawing.hazards import draw_rock, make_rock
from vision.drawing.light import Hour
from vision.drawing.paint import add_glow, fill, sensor, shadow

SIZE = (288, 512)
ROCK_AT = (250.0, 200.0)
SENTRY_S = 2.0
Change = Callable[[Pixels, float], None]
Told = tuple[float, Boxes, np.ndarray]


@pytest.fixture(scope="module")
def street() -> Pixels:
    rng = np.random.default_rng(3)
    backdrop = KINDS["street"](rng, SIZE, Hour.DAY)
    return np.asarray(backdrop.light.on(backdrop.painted))


def watch(
    street: Pixels, change: Change, until_s: float = 60.0, step_s: float = SENTRY_S
) -> list[Told]:
    """What the background tells of each look at a street that ``change`` paints on."""
    background, told = Background(), []
    for number in range(int(until_s / step_s)):
        at_s = number * step_s
        picture = street.copy()
        change(picture, at_s)
        seen = sensor(picture, np.random.default_rng(number), 2.0)
        told.append((at_s, *background.learn(seen, at_s)))
    return told


def rock_from(start_s: float, seed: int = 1, size_px: float = 24.0) -> Change:
    rock = make_rock(np.random.default_rng(seed))

    def change(picture: Pixels, at_s: float) -> None:
        if at_s >= start_s:
            draw_rock(picture, rock, centre_px=ROCK_AT, size_px=size_px)

    return change


def nothing(_picture: Pixels, _at_s: float) -> None:
    pass


def old(told: list[Told]) -> list[float]:
    """The times at which something has lain for ten seconds."""
    return [at_s for at_s, _, still_s in told if (still_s >= 10).any()]


@pytest.mark.parametrize(("step_s", "size_px"), [(SENTRY_S, 8.0), (SENTRY_S, 24.0), (0.2, 16.0)])
def test_a_rock_is_told_of_with_its_place_and_age(
    street: Pixels, step_s: float, size_px: float
) -> None:
    told = watch(street, rock_from(30.0, size_px=size_px), 42.0, step_s)
    assert not any(len(boxes) for at_s, boxes, _ in told if at_s < 33)
    _, boxes, still_s = told[-1]
    assert len(boxes) == 1
    assert still_s[0] == pytest.approx(12 - step_s, abs=2.1)
    x0, y0, x1, y1 = boxes[0] * np.array([512, 288, 512, 288])
    assert x0 < ROCK_AT[0] < x1
    assert y0 < ROCK_AT[1] < y1
    assert x1 - x0 < 3 * size_px


def test_a_place_where_nothing_happens_has_no_things(street: Pixels) -> None:
    assert not any(len(boxes) for _, boxes, _ in watch(street, nothing))


def test_what_moves_is_no_thing(street: Pixels) -> None:
    def cart(picture: Pixels, at_s: float) -> None:
        x = 40 + at_s * 6
        fill(
            picture,
            np.asarray([[x, 180], [x + 50, 180], [x + 50, 215], [x, 215]], np.float32),
            (30, 60, 200),
        )

    assert old(watch(street, cart)) == []


def test_what_passes_before_a_rock_doesn_t_make_it_new(street: Pixels) -> None:
    drop = rock_from(24.0)

    def change(picture: Pixels, at_s: float) -> None:
        drop(picture, at_s)
        if at_s in {30.0, 36.0, 44.0}:  # a lorry, each time
            fill(
                picture,
                np.asarray([[200, 150], [320, 150], [320, 230], [200, 230]], np.float32),
                (200, 90, 40),
            )

    told = watch(street, change, 50.0)
    assert told[-1][2].max() == pytest.approx(24, abs=2.1)


def test_a_rock_that_is_taken_away_is_gone(street: Pixels) -> None:
    drop = rock_from(24.0)
    told = watch(street, lambda picture, at_s: drop(picture, at_s if at_s < 50 else 0), 60.0)
    assert old(told)
    assert max(old(told)) < 50


def test_neither_shade_nor_a_lamp_nor_a_cloud_is_a_thing(street: Pixels) -> None:
    def lights(picture: Pixels, at_s: float) -> None:
        if at_s >= 24:
            shadow(
                picture,
                np.asarray([[120, 190], [210, 185], [230, 240], [110, 245]], np.float32),
                0.45,
                3,
            )
            add_glow(picture, 400, 230, 45, (60.0, 60.0, 60.0))
        if at_s >= 40:  # a cloud
            picture[:] = (picture * 0.7).astype(np.uint8)

    assert old(watch(street, lights)) == []


@pytest.mark.parametrize(("takes_s", "is_told"), [(4.0, True), (50.0, False)])
def test_earth_that_slides_is_a_thing_and_water_that_spreads_is_none(
    street: Pixels, takes_s: float, is_told: bool
) -> None:
    spots = np.random.default_rng(5).uniform((-24, -9), (24, 9), (260, 2)).astype(np.float32)
    spots = spots[np.argsort(np.hypot(spots[:, 0], 2 * spots[:, 1]))] + np.array(
        ROCK_AT, np.float32
    )
    square = np.array([[-3, -3], [3, -3], [3, 3], [-3, 3]], np.float32)

    def change(picture: Pixels, at_s: float) -> None:
        share = np.clip((at_s - 24.0) / takes_s, 0.0, 1.0)
        for number, spot in enumerate(spots[: int(share * len(spots))]):
            tone = (70.0, 45.0, 30.0) if number % 2 else (25.0, 20.0, 15.0)
            fill(picture, spot + square, tone)

    told = watch(street, change, 24.0 + takes_s + 14.0)
    assert bool(old(told)) is is_told


def test_dusk_makes_no_things_and_hides_none(street: Pixels) -> None:
    drop = rock_from(120.0)

    def dusk(picture: Pixels, at_s: float) -> None:
        drop(picture, at_s)
        picture[:] = (picture * (1 - at_s / 300)).astype(np.uint8)

    found = old(watch(street, dusk, 150.0))
    assert found
    assert min(found) >= 129


def test_what_stood_at_the_first_look_and_drove_off_leaves_no_hole(street: Pixels) -> None:
    def change(picture: Pixels, at_s: float) -> None:
        if at_s < 3:
            fill(
                picture,
                np.asarray([[200, 150], [320, 150], [320, 230], [200, 230]], np.float32),
                (200, 90, 40),
            )

    assert old(watch(street, change)) == []


def test_another_scene_begins_anew(street: Pixels) -> None:
    other = np.asarray(street[:, ::-1])

    def change(picture: Pixels, at_s: float) -> None:
        if at_s >= 30:
            picture[:] = other

    assert old(watch(street, change, 80.0)) == []


def test_a_picture_of_another_size_or_a_clock_that_went_back_begins_anew(street: Pixels) -> None:
    background = Background()
    for number in range(20):
        background.learn(street, number * 2.0)
    assert len(background.learn(street[:200, :400].copy(), 42.0)[0]) == 0
    assert len(background.learn(street[:200, :400].copy(), 4.0)[0]) == 0


def test_after_half_an_hour_it_belongs_to_the_place(street: Pixels) -> None:
    drop = rock_from(40.0)
    told = watch(street, drop, 1900.0, 20.0)
    found = old(told)
    assert 60 <= min(found) <= 100
    assert 1800 <= max(found) <= 1880


def test_what_stood_there_at_first_leaves_no_thing_when_it_goes(street: Pixels) -> None:
    drop = rock_from(0.0)
    told = watch(street, lambda picture, at_s: drop(picture, at_s if at_s < 26 else -1), 60.0)
    assert not any(len(boxes) for _, boxes, _ in told)


def test_a_bus_that_halts_while_all_is_new_isn_t_learnt(street: Pixels) -> None:
    def halts(picture: Pixels, at_s: float) -> None:
        if 10 <= at_s < 28:
            fill(
                picture,
                np.asarray([[200, 150], [290, 150], [290, 240], [200, 240]], np.float32),
                (40, 45, 50),
            )

    told = watch(street, halts, 60.0)
    assert not any(len(boxes) for at_s, boxes, _ in told if at_s >= 30)
    assert any(len(boxes) for at_s, boxes, _ in told if 22 <= at_s < 28)
